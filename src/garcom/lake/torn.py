"""What a power cut leaves of a table's log: files whose names reached the disk before their content.

delta-rs gives a file of the log its name without having synced it. Such a file was never relied on, because a commit
counts only when it has been made durable here, and so the table is what it was before.
"""

from __future__ import annotations

from pathlib import Path

_FIRST = "00000000000000000000.json"
_HINT = "_last_checkpoint"


def clear_torn(log: Path) -> list[str]:
    """Remove the files without content that keep a table from being opened, and give their names.

    A later commit without content is left: it is read as one that changes nothing.
    """
    torn = [path for path in log.glob("*.checkpoint*.parquet") if _is_blank(path)]
    hint, first = log / _HINT, log / _FIRST
    # Without the hint, the log is read from its newest whole checkpoint on.
    torn += [hint] if hint.exists() and (torn or _is_blank(hint)) else []
    torn += [first] if [path.name for path in log.glob("*.json")] == [_FIRST] and _is_blank(first) else []
    for path in torn:
        path.unlink(missing_ok=True)
    return [path.name for path in torn]


def _is_blank(path: Path) -> bool:
    return not path.read_bytes().strip(b"\0")
