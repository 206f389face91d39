"""Trained models as their own libraries hold them: read, described, and run as they are.

Imported only where models are packed, and in the Python engine's own process; never in a web worker.
"""

from __future__ import annotations

from pathlib import Path

from garcom.model.sources.base import Loaded, Original
from garcom.model.sources.describe import describe
from garcom.model.sources.files import may_be_estimator, read_path
from garcom.model.sources.originals import bind

__all__ = ["Loaded", "Original", "bind", "may_be_estimator", "read_model"]


def read_model(source: object) -> Loaded:
    """Read a trained model from a path (``str`` or ``Path``), or take one that is in memory.

    Files: scikit-learn estimators and Pipelines in ``.pkl``, ``.joblib`` and ``.skops``, XGBoost and LightGBM
    in their own files or their scikit-learn wrappers, ``.onnx``, and MLflow model directories.

    Raises :class:`~garcom.errors.LibraryMismatch` for a file written by another library version,
    :class:`~garcom.errors.UnreadableModel` for what is not a model, and
    :class:`~garcom.errors.UnsupportedModel` for a model that cannot be served.
    """
    return read_path(Path(source)) if isinstance(source, str | Path) else describe(source)
