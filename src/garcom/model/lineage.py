"""Where a model comes from: its file, its data, the code's commit, the libraries."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from garcom.model.bundle import file_sha256

if TYPE_CHECKING:
    import pandas as pd

_GIT_LIMIT_S = 10.0
#: Libraries whose version may change what a model answers.
_LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "xgboost",
    "xgboost-cpu",
    "lightgbm",
    "skl2onnx",
    "onnxruntime",
)


def trace(source: object, data: str | Path | pd.DataFrame | None, libraries: dict[str, str]) -> dict[str, Any]:
    """What is known of the origin; what is not known is left out.

    ``source`` is the model's path or the model itself, None for one that is served elsewhere. Data given as a file are
    named by the SHA-256 of its bytes, a table in memory by that of its content. ``libraries`` are those the model says
    it was made with.
    """
    from garcom import __version__

    found: dict[str, Any] = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "garcom": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "libraries": {**_installed(), **libraries},
    }
    found |= _of_source(source) | _of_data(data)
    place = Path(source).resolve().parent if isinstance(source, str | Path) else Path.cwd()
    return found | commit(place)


def _installed() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _of_source(source: object) -> dict[str, Any]:
    if source is None:
        return {"source": "served elsewhere"}
    if not isinstance(source, str | Path):
        kind = type(source)
        return {"source": f"{kind.__module__}.{kind.__qualname__} in memory"}
    path = Path(source)
    if path.is_dir():
        return {"source": path.name}
    return {"source": path.name, "source_sha256": file_sha256(path)}


def _of_data(data: str | Path | pd.DataFrame | None) -> dict[str, Any]:
    if data is None:
        return {}
    if isinstance(data, str | Path):
        path = Path(data)
        return {"data": path.name, "data_sha256": file_sha256(path)}
    return {"data": "table in memory", "data_sha256": frame_sha256(data), "data_rows": len(data)}


def frame_sha256(frame: pd.DataFrame) -> str:
    """The SHA-256 of a table's column names and values, whatever its index."""
    from pandas.util import hash_pandas_object

    digest = hashlib.sha256("\0".join(map(str, frame.columns)).encode())
    digest.update(hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def commit(folder: Path) -> dict[str, Any]:
    """The git commit of the folder's repository and whether files differ from it; empty where there is none."""
    head = _git(folder, "rev-parse", "HEAD")
    if not head:
        return {}
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"git_commit": head, "git_dirty": bool(changed)}


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_GIT_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
