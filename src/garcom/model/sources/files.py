"""Reads a trained model from whatever holds it, told apart by content rather than by name."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from garcom.errors import UnreadableModel
from garcom.handwritten import unreadable
from garcom.model.sources import boosters
from garcom.model.sources.base import Loaded
from garcom.model.sources.describe import describe
from garcom.model.sources.mlflow import read_mlflow
from garcom.model.sources.onnx import read_onnx
from garcom.model.sources.pickles import read_pickle, read_skops

Form = Literal["pickle", "skops", "xgboost", "lightgbm", "onnx"]

_KINDS = (
    "a scikit-learn, XGBoost or LightGBM model (.pkl, .joblib, .skops), XGBoost's .json or .ubj, LightGBM's .txt, "
    "an .onnx file or an MLflow model directory"
)
_COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"BZh", b"\xfd7zXZ", b"\x5d\x00\x00")
_ADVICE = {
    ".h5": "Export the Keras model to ONNX.",
    ".keras": "Export the Keras model to ONNX.",
    ".pt": "Export the PyTorch model with torch.onnx.export.",
    ".pth": "Export the PyTorch model with torch.onnx.export.",
    ".csv": "This looks like data: give it with --data, and the model first.",
    ".parquet": "This looks like data: give it with --data, and the model first.",
    ".zip": "If it is a Garçom bundle, it is packed already: `garcom serve` it.",
    ".bundle": "A Garçom bundle is packed already: `garcom serve` it.",
}


def read_path(path: Path) -> Loaded:
    """The model in a file or an MLflow directory.

    Raises :class:`~garcom.errors.UnreadableModel` (with the reason and what to do) or
    :class:`~garcom.errors.UnsupportedModel`.
    """
    if path.is_dir():
        if (path / "manifest.json").is_file():
            raise UnreadableModel(f"{path.name!r} is a Garçom bundle, packed already. Run `garcom serve {path}`.")
        return read_mlflow(path)
    if not path.is_file():
        raise UnreadableModel(f"Expected a model file, but {str(path)!r} does not exist.")
    if path.stat().st_size == 0:
        raise UnreadableModel(f"Expected a model, but {path.name!r} is empty. Save the model again.")
    try:
        form = _form(path)
    except OSError as error:
        raise UnreadableModel(f"Expected a model file at {str(path)!r}, and {unreadable(error)}.") from error
    if form == "pickle":
        return describe(read_pickle(path))
    if form == "skops":
        return describe(read_skops(path))
    if form == "onnx":
        return describe(read_onnx(path), {"onnx": str(path)})
    model = boosters.read_xgboost(path) if form == "xgboost" else boosters.read_lightgbm(path)
    return describe(model, {form: str(path)})


def may_be_estimator(source: object) -> bool:
    """Whether a scikit-learn model can come from here: from all but ONNX and boosters' own files; nothing is read."""
    if not isinstance(source, str | Path):
        return True
    try:
        return Path(source).is_dir() or _form(Path(source)) in ("pickle", "skops")
    except (OSError, UnreadableModel):
        return False


def _form(path: Path) -> Form:
    with path.open("rb") as file:
        start = file.read(4096)
    suffix = path.suffix.lower()
    if start.startswith(b"tree\n"):
        return "lightgbm"
    if start.startswith(b"{L\x00\x00") or (start.lstrip().startswith(b"{") and b'"learner"' in start):
        return "xgboost"
    if zipfile.is_zipfile(path) and _has_member(path, "schema.json"):
        return "skops"
    if suffix == ".onnx":
        return "onnx"
    if start[:1] == b"\x80" or start.startswith(_COMPRESSED) or suffix in (".pkl", ".pickle", ".joblib", ".sav"):
        return "pickle"
    by_suffix: dict[str, Form] = {".json": "xgboost", ".ubj": "xgboost", ".model": "xgboost", ".skops": "skops"}
    if suffix in by_suffix:
        return by_suffix[suffix]
    advice = _ADVICE.get(suffix, "Save the model in one of these forms.")
    raise UnreadableModel(f"Expected {_KINDS}; {path.name!r} is none of them. {advice}")


def _has_member(path: Path, name: str) -> bool:
    with zipfile.ZipFile(path) as archive:
        return name in archive.namelist()
