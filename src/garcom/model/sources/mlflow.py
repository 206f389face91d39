"""MLflow model directories, read from their ``MLmodel`` file without MLflow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from garcom.errors import UnreadableModel, UnsupportedModel
from garcom.model.signature import Field, FieldType
from garcom.model.sources import boosters, versions
from garcom.model.sources.base import Loaded
from garcom.model.sources.describe import describe
from garcom.model.sources.onnx import read_onnx
from garcom.model.sources.pickles import read_pickle, read_skops

_TYPES = {
    "double": FieldType.FLOAT,
    "float": FieldType.FLOAT,
    "integer": FieldType.INTEGER,
    "long": FieldType.INTEGER,
    "boolean": FieldType.BOOLEAN,
    "string": FieldType.STRING,
    "datetime": FieldType.DATETIME,
}
_MODEL_FILES = (".pkl", ".joblib", ".skops", ".onnx")
#: Flavour → (the key of its version in MLmodel, the library's name).
_FLAVOURS = {
    "sklearn": ("sklearn_version", "scikit-learn"),
    "xgboost": ("xgb_version", "xgboost"),
    "lightgbm": ("lgb_version", "lightgbm"),
    "onnx": ("", ""),
}


def read_mlflow(folder: Path) -> Loaded:
    """The model in an MLflow directory, with the fields of its signature.

    Flavours: sklearn, xgboost, lightgbm, onnx. Raises :class:`~garcom.errors.UnreadableModel` without a readable
    ``MLmodel``, :class:`~garcom.errors.LibraryMismatch` for another library version, and
    :class:`~garcom.errors.UnsupportedModel` for other flavours.
    """
    document = _document(folder)
    flavours = document.get("flavors") or {}
    flavour = next((name for name in _FLAVOURS if name in flavours), None)
    if flavour is None:
        raise UnsupportedModel(
            f"The MLflow model {folder.name!r} has the flavours {sorted(flavours)}, and one of {sorted(_FLAVOURS)} is "
            "needed. Log the model with its own flavour, for example `mlflow.sklearn.log_model`."
        )
    options = flavours[flavour]
    version_key, library = _FLAVOURS[flavour]
    # A booster's own file may be read by any later version; a pickle only by the version that wrote it.
    if options.get(version_key) and flavour == "sklearn":
        versions.check(folder.name, {library: {str(options[version_key])}})
    model, files = _read(folder, flavour, options)
    loaded = describe(model, files)
    fields = _fields(document.get("signature") or {})
    return (
        loaded if fields is None else replace(loaded, fields=_merged(loaded, fields), n_fields=len(fields), typed=True)
    )


def _document(folder: Path) -> dict[str, Any]:
    path = folder / "MLmodel"
    if not path.is_file():
        held = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        near = next((entry for entry in held if entry.suffix in _MODEL_FILES), None)
        advice = f"Did you mean {str(near)!r}?" if near else "Name the model's own file."
        raise UnreadableModel(
            f"Expected a model file or an MLflow model folder, but the folder {str(folder)!r} has no file 'MLmodel', "
            f"so it is none. {advice}"
        )
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnreadableModel(f"{str(path)!r} is not YAML: {error}. Save the model again.") from error
    if not isinstance(document, dict):
        raise UnreadableModel(f"Expected a mapping in {str(path)!r}, got {type(document).__name__}.")
    return document


def _read(folder: Path, flavour: str, options: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    path = folder / str(options.get("pickled_model") or options.get("data") or "model.pkl")
    if folder.resolve() not in path.resolve().parents or not path.is_file():
        raise UnreadableModel(f"The MLmodel of {folder.name!r} names the file {path.name!r}, which is not in it.")
    if flavour == "onnx":
        return read_onnx(path), {"onnx": str(path)}
    if flavour == "sklearn" or path.suffix in (".pkl", ".skops"):
        code = folder / str(options["code"]) if options.get("code") else None
        return (read_skops(path) if path.suffix == ".skops" else read_pickle(path, code)), {}
    if flavour == "lightgbm":
        return _wrapped_lightgbm(path, options), {"lightgbm": str(path)}
    return boosters.read_xgboost(path), {"xgboost": str(path)}


def _wrapped_lightgbm(path: Path, options: dict[str, Any]) -> Any:
    model = boosters.read_lightgbm(path)
    if "sklearn" in str(options.get("model_class", "")):
        raise UnreadableModel(f"Expected {options['model_class']} as a pickle, got LightGBM's own file {path.name!r}.")
    return model


def _fields(signature: dict[str, Any]) -> tuple[Field, ...] | None:
    """The named columns of a signature's inputs; None where it has none (tensors, unnamed columns)."""
    inputs = json.loads(signature.get("inputs") or "[]")
    if not inputs or any("name" not in column or column.get("type") == "tensor" for column in inputs):
        return None
    return tuple(_field(column) for column in inputs)


def _field(column: dict[str, Any]) -> Field:
    kind = _TYPES.get(str(column["type"]))
    if kind is None:
        raise UnsupportedModel(
            f"The MLflow signature gives {column['name']!r} the type {column['type']!r}; "
            f"one of {sorted(_TYPES)} is needed."
        )
    required = bool(column.get("required", True))
    return Field(name=str(column["name"]), type=kind, required=required, nullable=not required)


def _merged(loaded: Loaded, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The signature's fields in the model's order, with the categories that only the model knows."""
    by_name = {field.name: field for field in fields}
    own = loaded.fields or ()
    if {field.name for field in own} != set(by_name):
        return fields
    return tuple(
        field if field.categories or not field.required else replace_type(field, by_name[field.name]) for field in own
    )


def replace_type(own: Field, told: Field) -> Field:
    """The model's own field with the type and nullability that the signature tells."""
    return Field(
        name=own.name,
        type=told.type,
        required=told.required,
        nullable=told.nullable or own.nullable,
        description=own.description,
    )
