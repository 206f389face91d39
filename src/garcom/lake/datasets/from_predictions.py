"""Datasets of what was served: the inputs as the model's fields, and what really happened as the target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import polars as pl

from garcom import __version__
from garcom.errors import BundleError, InputError, NotFound
from garcom.lake.datasets.records import ID, SUBJECT
from garcom.lake.datasets.sources import Source
from garcom.lake.predictions import Predictions
from garcom.model.signature import Field, FieldType, Signature
from garcom.registry import Registry

_INPUT, _ACTUAL = "input_", "actual"
_DTYPES: dict[FieldType, pl.DataType] = {
    FieldType.FLOAT: pl.Float64(),
    FieldType.INTEGER: pl.Int64(),
    FieldType.BOOLEAN: pl.Boolean(),
    FieldType.DATETIME: pl.Datetime("us", "UTC"),
    FieldType.STRING: pl.String(),
    FieldType.CATEGORY: pl.String(),
}


def from_predictions(
    predictions: Predictions,
    registry: Registry,
    model: str,
    *,
    since: datetime | None,
    until: datetime,
    version: int | None = None,
    only_with_actual: bool = False,
    target: str = "target",
) -> Source:
    """The predictions from ``since`` (included) to ``until`` (excluded), the oldest first.

    Each field of the model is a column of its name and type (those of the newest version that answered and is still
    registered; a column of another type stays as it was served). The actual is the column ``target``, empty where it is
    not known yet, or ``<target>_<name>`` each where the model has several. Raises
    :class:`~garcom.errors.InputError` when there is no such prediction, and when a field has the target's name.
    """
    found = predictions.frame(
        model, since=since, until=until, version=version, has_actual=True if only_with_actual else None
    )
    if found.is_empty():
        registry.model(model)  # a misspelt name is told as such
        which = model if version is None else f"{model}:{version}"
        raise InputError(
            f"Expected predictions of {which}{' with an actual' if only_with_actual else ''} "
            f"{_window(since, until)}, and there are none. `garcom log {model}` shows the newest."
        )
    versions: list[int] = found["version"].unique().sort().to_list()
    metadata = [found["id"].alias(ID), found["subject"].cast(pl.String).alias(SUBJECT)]
    inputs, targets = list(_inputs(found, _fields(registry, model, versions))), list(_targets(found, target))
    _check_names(inputs, targets)
    lineage = {
        "source": "predictions",
        "model": model,
        "since": None if since is None else since.isoformat(),
        "until": until.isoformat(),
        "versions": versions,
        "version": version,
        "only_with_actual": only_with_actual,
        "target": target,
        "n_with_actual": found.height - targets[0].null_count(),
        "garcom": __version__,
    }
    return Source(pl.DataFrame([*metadata, *inputs, *targets]), lineage)


def _window(since: datetime | None, until: datetime) -> str:
    began = "the beginning" if since is None else since.isoformat(timespec="seconds")
    return f"from {began} to {until.isoformat(timespec='seconds')}"


def _fields(registry: Registry, model: str, versions: list[int]) -> tuple[Field, ...]:
    """The fields of the newest of these versions that is still registered; none where none is."""
    for number in reversed(versions):
        signature = _signature(registry, model, number)
        if signature is not None:
            return signature.fields
    return ()


def _signature(registry: Registry, model: str, number: int) -> Signature | None:
    try:
        return registry.bundle(model, number).signature
    except (NotFound, BundleError):
        return None


def _inputs(found: pl.DataFrame, fields: Iterable[Field]) -> Iterator[pl.Series]:
    """A column for each field of the signature, then those that only rows of other versions have."""
    served = {name.removeprefix(_INPUT): found[name] for name in found.columns if name.startswith(_INPUT)}
    for field in fields:
        column = served.pop(field.name, None)
        absent = pl.Series([None] * found.height, dtype=pl.Null)
        yield _as_field(absent if column is None else column, field).alias(field.name)
    for name, column in served.items():
        yield column.alias(name)


def _as_field(column: pl.Series, field: Field) -> pl.Series:
    if field.pii == "hash":
        return column.cast(pl.String)
    if field.type is FieldType.CATEGORY and any(isinstance(value, int) for value in field.categories):
        dtype: pl.DataType = pl.Int64()
    else:
        dtype = _DTYPES[field.type]
    try:
        if isinstance(dtype, pl.Datetime) and column.dtype == pl.String():
            return column.str.to_datetime(time_unit="us", time_zone="UTC")
        converted = column.cast(dtype)
    except pl.exceptions.PolarsError:
        return column  # an earlier version took values of another type
    is_number = column.dtype.is_numeric()
    return column if is_number and not converted.cast(column.dtype).equals(column) else converted


def _targets(found: pl.DataFrame, target: str) -> Iterator[pl.Series]:
    for name in found.columns:
        if name == _ACTUAL or name.startswith(f"{_ACTUAL}_"):
            yield found[name].alias(f"{target}{name.removeprefix(_ACTUAL)}")


def _check_names(inputs: list[pl.Series], targets: list[pl.Series]) -> None:
    fields = {column.name.casefold() for column in inputs}
    for target in targets:
        if target.name.casefold() in fields:
            raise InputError(
                f"Expected a name for the target that no field of the model has, got {target.name!r}. "
                "Choose another with --target."
            )
