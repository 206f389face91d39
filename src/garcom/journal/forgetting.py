"""Erases what the idempotency store keeps of a person."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from garcom.journal import keys_file
from garcom.journal.keys import KeyStore
from garcom.storage.lock import locked


def forget_answers(folder: Path, subject: str, ids: Iterable[str] = ()) -> int:
    """Erase the kept answers about a subject (a pseudonym), or to these predictions, and give their number.

    A file that no server of this boot uses goes as a whole: whoever needs one builds it from what is left in journal
    and lake, and only servers know how.
    """
    path = folder / "keys.db"
    if not path.exists():
        return 0
    with locked(folder / "keys.lock"):
        if not keys_file.is_whole(path, keys_file.boot_id()):
            keys_file.remove(path)
            return 0
    with closing(KeyStore(folder)) as store:
        return store.forget_subject(subject) + store.forget_ids(ids)
