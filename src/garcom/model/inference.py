"""Infers a model's signature from the model, from real rows, and from corrections by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from garcom.errors import DataError, EngineError, SignatureError
from garcom.model.corrections import Corrections, correct_example, correct_fields, correct_output
from garcom.model.frames import json_row, named, near, to_batch
from garcom.model.inferred_types import example_value, field_from_data, field_from_model
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.model.sources import bind, boosters
from garcom.model.sources.base import Loaded
from garcom.model.sources.columns import Column, Columns, read_columns
from garcom.records import Batch

if TYPE_CHECKING:
    import pandas as pd


def infer_signature(
    loaded: Loaded,
    frame: pd.DataFrame | None,
    *,
    target: str | Sequence[str] | None = None,
    labels: dict[str, str] | None = None,
    corrections: Corrections | None = None,
) -> Signature:
    """The signature of a loaded model.

    ``frame`` holds real rows (DataFrame; its column order matters only where the model knows no names); None
    means that only the model speaks: ranges stay unknown, and fields without a name are called ``x0``, ``x1``, …
    ``target`` names the column, or columns, that the model predicts; they are no fields, and they name the values
    of a regression. ``labels`` maps classes, written as text, to the names shown for them. A field is nullable
    where the rows have gaps and the model answers them, or where the model was built for gaps (an imputer).

    Raises :class:`~garcom.errors.DataError` when the rows lack a column or a value does not fit, or when the
    model itself fails on them, and :class:`~garcom.errors.SignatureError` for labels or corrections that do not
    fit the model.
    """
    corrections = corrections or Corrections()
    targets = (target,) if isinstance(target, str) else tuple(target or ())
    data = None if frame is None else _features(named(frame), targets)
    fields = _fields(loaded, data)
    fields = correct_fields(fields, corrections)
    output = _named_output(loaded.output, targets)
    signature = with_example(fields, output, data, corrections)
    signature = _with_targets(loaded, signature, targets, data is not None)
    if data is not None:
        signature = _without_false_gaps(loaded, signature, data, corrections)
    signature = _impersonal(loaded, signature, corrections, data is not None)
    output = correct_output(signature.output, corrections.output, labels)
    return msgspec.structs.replace(signature, output=output)


def _features(frame: pd.DataFrame, targets: tuple[str, ...]) -> pd.DataFrame:
    columns = list(frame.columns)
    for name in targets:
        if name not in columns:
            raise DataError(
                f"The target {name!r} is not a column of the data.{near(name, columns)} Their columns are {columns}."
            )
    if len(frame) == 0:
        raise DataError("Expected real rows, and the data have none.")
    return frame.drop(columns=list(targets))


def _fields(loaded: Loaded, data: pd.DataFrame | None) -> tuple[Field, ...]:
    own = loaded.fields
    if data is None:
        return own or _unnamed(loaded)
    names = _data_names(loaded, own, data)
    columns = _columns(loaded, len(names))
    fields = []
    for at, name in enumerate(names):
        known = own[at] if own is not None else None
        if name not in data.columns:
            assert known is not None
            fields.append(known)
        else:
            fields.append(field_from_data(name, data[name], columns[at], _schema_field(loaded, known)))
    return tuple(fields)


def _schema_field(loaded: Loaded, field: Field | None) -> Field | None:
    """The field as a schema tells it. A booster answers gaps whatever it was trained on, so there the data decide."""
    if field is None or not loaded.typed:
        return None
    return msgspec.structs.replace(field, nullable=False) if boosters.is_booster(loaded.model) else field


def _columns(loaded: Loaded, n_fields: int) -> Columns:
    """How the model reads each field, by position."""
    if loaded.framework == "onnx":
        return dict.fromkeys(range(n_fields), Column("text" if loaded.input_kind == "text" else "opaque"))
    if not boosters.is_booster(loaded.model):
        return read_columns(loaded.model, n_fields)
    known = boosters.categories_of(loaded.model)
    return {at: Column("category", known[at]) if at in known else Column("number") for at in range(n_fields)}


def _unnamed(loaded: Loaded) -> tuple[Field, ...]:
    if loaded.input_kind == "text":
        return (Field(name="text", type=FieldType.STRING),)
    if loaded.n_fields is None:
        raise SignatureError(
            "The model does not say how many fields it takes. Give some of its rows with --data (or X)."
        )
    columns = _columns(loaded, loaded.n_fields)
    return tuple(field_from_model(f"x{at}", columns[at]) for at in range(loaded.n_fields))


def _data_names(loaded: Loaded, own: tuple[Field, ...] | None, data: pd.DataFrame) -> list[str]:
    """The data's names for the model's fields, in the model's order."""
    columns = list(data.columns)
    if own is not None:
        return [_data_name(field, columns, loaded) for field in own]
    if loaded.input_kind == "text":
        return [_text_column(data)]
    if loaded.n_fields is not None and loaded.n_fields != len(columns):
        extra = len(columns) - loaded.n_fields
        hint = (
            " Is one of them the target? Name it with --target."
            if extra == 1
            else " Leave out the columns that the model was not trained on."
            if extra > 0
            else " Give the columns that it was trained on."
        )
        raise DataError(
            f"The model takes {loaded.n_fields} columns (it does not keep their names), and the data have "
            f"{len(columns)}: {columns}.{hint}"
        )
    return columns


def _data_name(field: Field, columns: list[str], loaded: Loaded) -> str:
    if field.name in columns or not field.required:
        return field.name
    found = boosters.data_name(field.name, columns)
    if found is not None:
        return found
    raise DataError(
        f"The model needs a column {field.name!r}, and the data have none of that name.{near(field.name, columns)} "
        f"Their columns are {columns}."
    )


def _text_column(data: pd.DataFrame) -> str:
    import pandas as pd

    texts = [str(name) for name in data.columns if not pd.api.types.is_numeric_dtype(data[name].dtype)]
    if len(texts) != 1:
        raise DataError(
            f"The model takes one column of texts, and the data have {len(texts)}: {texts or list(data.columns)}. "
            "Leave the others out."
        )
    return texts[0]


def _named_output(output: Output, targets: tuple[str, ...]) -> Output:
    if output.task == "regression" and len(targets) == len(output.names):
        return msgspec.structs.replace(output, names=targets)
    return output


def with_example(
    fields: tuple[Field, ...], output: Output, data: pd.DataFrame | None, corrections: Corrections
) -> Signature:
    """The signature of these fields; its example is the first row of the data with the fewest gaps, or made up."""
    signature = Signature(fields=fields, output=output, example={field.name: example_value(field) for field in fields})
    if data is not None:
        row = to_batch(data.iloc[[_fullest_row(fields, data)]], signature)
        signature = msgspec.structs.replace(signature, example=json_row(row, signature))
    return correct_example(signature, corrections.example)


def _fullest_row(fields: tuple[Field, ...], data: pd.DataFrame) -> int:
    """The first row with the fewest gaps in the model's fields."""
    there = [field.name for field in fields if field.name in data.columns]
    return int(np.argmin(data[there].isna().sum(axis=1).to_numpy()))


def _without_false_gaps(
    loaded: Loaded, signature: Signature, data: pd.DataFrame, corrections: Corrections
) -> Signature:
    """Fields with gaps in the data that the model cannot answer are not nullable: the model is asked."""
    by_hand = {name for name, one in corrections.fields.items() if one.nullable is not None}
    fields = list(signature.fields)
    for at, field in enumerate(fields):
        if field.nullable and field.required and field.name not in by_hand and data[field.name].isna().any():
            gap = signature.example | {field.name: None}
            if not _answered(loaded, signature, gap):
                fields[at] = msgspec.structs.replace(field, nullable=False)
    return msgspec.structs.replace(signature, fields=tuple(fields))


def _impersonal(loaded: Loaded, signature: Signature, corrections: Corrections, real: bool) -> Signature:
    """Of fields about a person, without what came from the data: ranges and examples that nobody wrote by hand."""
    cleared, example = _cleared(signature, corrections)
    if not cleared:
        return signature
    signature = impersonal(signature, corrections)
    if not real or _answered(loaded, signature, signature.example):
        return signature
    missing = {name: None for name in example if cleared[name].nullable}
    if missing and _answered(loaded, signature, signature.example | missing):
        return msgspec.structs.replace(signature, example=signature.example | missing)
    raise SignatureError(
        f"Expected an example that the model answers, without values of the personal fields {list(cleared)}, and it "
        f"refuses {example}. Write made-up values that it answers into [example] of the corrections."
    )


def impersonal(signature: Signature, corrections: Corrections) -> Signature:
    """Without the ranges and examples that fields about a person have from the data; nobody asks the model."""
    cleared, example = _cleared(signature, corrections)
    return msgspec.structs.replace(
        signature,
        fields=tuple(cleared.get(field.name, field) for field in signature.fields),
        example=signature.example | example,
    )


def _cleared(signature: Signature, corrections: Corrections) -> tuple[dict[str, Field], dict[str, Any]]:
    """The personal fields by name, without ranges from the data, and examples of those that have none by hand."""
    by_hand = corrections.fields
    cleared = {
        field.name: msgspec.structs.replace(
            field, minimum=by_hand[field.name].minimum, maximum=by_hand[field.name].maximum
        )
        for field in signature.fields
        if field.personal
    }
    return cleared, {name: example_value(field) for name, field in cleared.items() if name not in corrections.example}


def _answered(loaded: Loaded, signature: Signature, row: dict[str, Any]) -> bool:
    try:
        bind(loaded, signature).run(_row_batch(signature, row))
    except EngineError:
        return False
    return True


def _row_batch(signature: Signature, row: dict[str, Any]) -> Batch:
    import pandas as pd

    return to_batch(pd.DataFrame([row], dtype=object), signature)


def _with_targets(loaded: Loaded, signature: Signature, targets: tuple[str, ...], real: bool) -> Signature:
    """Answer the example once: that has to work, and a regression's answer tells how many targets there are."""
    try:
        outputs = bind(loaded, signature).answer(_row_batch(signature, signature.example))
    except EngineError as error:
        if not real:
            return signature
        raise DataError(
            f"{error} That was the first complete row of the data, {signature.example}. Give the data as the model "
            "was trained on them, or correct the types of the fields."
        ) from error
    count = 0 if outputs.values is None else outputs.values.shape[1]
    if signature.output.task != "regression" or count == len(signature.output.names):
        return signature
    names = targets if len(targets) == count else boosters.regression(count).names
    output = msgspec.structs.replace(signature.output, names=names)
    return msgspec.structs.replace(signature, output=output)
