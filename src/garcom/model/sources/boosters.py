"""XGBoost and LightGBM models in their own form: what they take and what they answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from garcom.errors import UnreadableModel, UnsupportedModel
from garcom.model.signature import Field, FieldType, Output
from garcom.model.sources.base import Loaded
from garcom.model.sources.categories import pandas_values

_XGBOOST_TYPES = {"int": FieldType.INTEGER, "i": FieldType.BOOLEAN, "c": FieldType.CATEGORY}


def read_xgboost(path: Path) -> Any:
    """The model in XGBoost's own JSON or UBJSON file: its scikit-learn wrapper if it was saved by one.

    The wrapper matters: it stops at the best iteration, a bare booster uses every tree.
    """
    try:
        import xgboost
    except ModuleNotFoundError as error:
        raise UnreadableModel(missing_library(path.name, "xgboost")) from error
    # From its bytes XGBoost tells the form by itself; from a path it goes by the ending and doubts ".model".
    data = bytearray(path.read_bytes())
    booster = xgboost.Booster()
    try:
        booster.load_model(data)
    except (xgboost.core.XGBoostError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableModel(
            f"Expected a model in XGBoost's JSON or UBJSON form, but {path.name!r} is cut off, damaged or of another "
            f"kind ({reason}). Save it again with `save_model('model.ubj')`."
        ) from error
    saved = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type")
    wrappers = {"classifier": xgboost.XGBClassifier, "regressor": xgboost.XGBRegressor, "ranker": xgboost.XGBRanker}
    if saved not in wrappers:
        return booster
    wrapper = wrappers[saved]()
    wrapper.load_model(data)
    return wrapper


def read_lightgbm(path: Path) -> Any:
    """The Booster in LightGBM's own text file."""
    try:
        import lightgbm
    except ModuleNotFoundError as error:
        raise UnreadableModel(missing_library(path.name, "lightgbm")) from error
    text = path.read_text(encoding="utf-8", errors="replace")
    # LightGBM itself ends the process on some cut-off files, so completeness is checked before.
    if "end of trees" not in text:
        raise UnreadableModel(
            f"Expected a whole LightGBM model, but {path.name!r} is cut off (no 'end of trees'). Save it again."
        )
    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise UnreadableModel(f"LightGBM cannot read {path.name!r}: {error}. Save it again.") from error


def missing_library(name: str, library: str) -> str:
    """The message for a model whose library is not here."""
    extra = f" (`pip install 'garcom[{library}]'`)" if library in ("xgboost", "lightgbm") else ""
    return f"{name!r} needs the library {library!r}, which is not installed here. Install it{extra} and pack again."


def is_booster(model: Any) -> bool:
    """Whether ``model`` is a bare Booster of XGBoost or LightGBM, without the scikit-learn wrapper."""
    return type(model).__name__ == "Booster" and type(model).__module__.split(".")[0] in ("xgboost", "lightgbm")


def describe(model: Any, files: dict[str, str]) -> Loaded:
    """What a bare Booster says of itself."""
    is_xgboost = type(model).__module__.startswith("xgboost")
    output = _xgboost_output(model) if is_xgboost else _lightgbm_output(model)
    fields = _fields(model)
    if is_xgboost:
        import xgboost as library
    else:
        import lightgbm as library
    return Loaded(
        model=model,
        framework="xgboost" if is_xgboost else "lightgbm",
        input_kind="frame" if fields else "array",
        output=output,
        fields=fields,
        n_fields=model.num_features() if is_xgboost else model.num_feature(),
        libraries={"xgboost" if is_xgboost else "lightgbm": library.__version__},
        files=files,
        typed=bool(getattr(model, "feature_types", None)),
    )


def feature_names(model: Any) -> list[str] | None:
    """The names that a bare Booster was trained with, or None where they are only numbered."""
    if type(model).__module__.startswith("xgboost"):
        return list(model.feature_names) if model.feature_names else None
    names = model.feature_name()
    return None if all(re.fullmatch(r"Column_\d+", name) for name in names) else list(names)


def _fields(model: Any) -> tuple[Field, ...] | None:
    names = feature_names(model)
    if names is None:
        return None
    known = categories_of(model)
    types = getattr(model, "feature_types", None) or ["float"] * len(names)
    return tuple(
        Field(name=name, type=FieldType.CATEGORY, nullable=True, categories=known[at])
        if at in known
        else Field(name=name, type=_XGBOOST_TYPES.get(types[at], FieldType.FLOAT), nullable=True)
        for at, name in enumerate(names)
    )


def data_name(name: str, columns: Iterable[str]) -> str | None:
    """The column that LightGBM means by ``name``: it writes an underscore for each space in a name."""
    return next((column for column in columns if "_".join(column.split(" ")) == name), None)


def xgboost_objective(model: Any) -> str:
    """The name of the objective that an XGBoost Booster was trained for, such as ``binary:logistic``."""
    return str(json.loads(model.save_config())["learner"]["objective"]["name"])


def _xgboost_output(model: Any) -> Output:
    config = json.loads(model.save_config())["learner"]
    objective = config["objective"]["name"]
    parameters = config["learner_model_param"]
    n_targets, n_classes = int(parameters.get("num_target", 1)), int(parameters.get("num_class", 0))
    if objective.startswith("binary:"):
        if n_targets > 1:
            raise UnsupportedModel(
                f"This XGBoost model answers {n_targets} yes/no questions at once, and one output per model is "
                "supported. Train one model per target."
            )
        return Output(task="classification", classes=(0, 1), probabilities=objective == "binary:logistic")
    if objective.startswith("multi:"):
        classes = tuple(range(n_classes))
        return Output(task="classification", classes=classes, probabilities=objective == "multi:softprob")
    return regression(n_targets)


def _lightgbm_output(model: Any) -> Output:
    objective, n_classes = _lightgbm_objective(model)
    if objective == "binary":
        return Output(task="classification", classes=(0, 1), probabilities=True)
    if objective in ("multiclass", "multiclassova"):
        return Output(task="classification", classes=tuple(range(n_classes)), probabilities=True)
    return regression(1)


def _lightgbm_objective(model: Any) -> tuple[str, int]:
    header = model.model_to_string(num_iteration=1).split("\n\n", 1)[0]
    entries = dict(line.split("=", 1) for line in header.splitlines() if "=" in line)
    return entries.get("objective", "regression").split(" ")[0], int(entries.get("num_class", 1))


def regression(n_targets: int) -> Output:
    """The output of a regression before anything is known of its targets' names."""
    names = ("value",) if n_targets == 1 else tuple(f"y{number}" for number in range(n_targets))
    return Output(task="regression", names=names)


def categories_of(model: Any) -> dict[int, tuple[str | int, ...]]:
    """The known values of each categorical column, in the order of the model's codes, by position.

    ``model`` is a Booster or its scikit-learn wrapper. A column whose values the model does not keep (XGBoost
    before 3.1) is there with no values. XGBoost 3 keeps only as many bytes of a text as it has characters;
    such values come cut off, decoded with ``surrogateescape``, and ``categories.whole_values`` finds them again.
    """
    if type(model).__module__.startswith("xgboost"):
        return _xgboost_categories(model if is_booster(model) else model.get_booster())
    return _lightgbm_categories(model if is_booster(model) else model.booster_)


def _xgboost_categories(booster: Any) -> dict[int, tuple[str | int, ...]]:
    types = booster.feature_types or []
    columns = {at: () for at, kind in enumerate(types) if kind == "c"}
    if not columns:
        return {}
    raw = bytes(booster.save_raw("json")).decode("utf-8", "surrogateescape")
    trees = json.loads(raw)["learner"]["gradient_booster"]
    # The trees of a dart booster lie one level deeper.
    kept = trees.get("gbtree", trees).get("model", {}).get("cats", {}).get("enc", [])
    return {at: _xgboost_values(kept[at]) if at < len(kept) else () for at in columns}


def _xgboost_values(kept: dict[str, Any]) -> tuple[str | int, ...]:
    values = kept["values"]
    if "offsets" not in kept or not kept["offsets"]:
        return tuple(int(value) for value in values if value % 1 == 0)
    data = bytes(value % 256 for value in values)
    bounds = kept["offsets"]
    return tuple(data[start:end].decode("utf-8", "surrogateescape") for start, end in pairwise(bounds))


def _lightgbm_categories(booster: Any) -> dict[int, tuple[str | int, ...]]:
    values = booster.pandas_categorical
    if not values:
        return {}
    header = booster.model_to_string(num_iteration=1).split("\n\n", 1)[0]
    infos = next(line for line in header.splitlines() if line.startswith("feature_infos=")).partition("=")[2].split(" ")
    # "[low:high]" is a number, "2:0:1" a category, "none" a column that no tree could use.
    certain = [at for at, info in enumerate(infos) if info != "none" and not info.startswith("[")]
    if len(certain) == len(values):
        return {at: pandas_values(kept) for at, kept in zip(certain, values, strict=True)}
    possible = [at for at, info in enumerate(infos) if not info.startswith("[")]
    if len(possible) == len(values):
        return {at: pandas_values(kept) for at, kept in zip(possible, values, strict=True)}
    raise UnsupportedModel(
        "LightGBM does not keep which of its unused columns are categories, so the columns of this model cannot be "
        "told apart. Leave out the columns that have one value only, and train again."
    )
