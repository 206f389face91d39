"""One field from one column of real rows, and from how the model reads that column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from garcom.errors import DataError, UnsupportedModel
from garcom.model.frames import column_numbers
from garcom.model.signature import Field, FieldType
from garcom.model.sources.categories import pandas_values, whole_values
from garcom.model.sources.columns import Column

if TYPE_CHECKING:
    import pandas as pd

#: The values of a field in an example that no real row gives.
PLACEHOLDERS: dict[FieldType, Any] = {
    FieldType.FLOAT: 0.0,
    FieldType.INTEGER: 0,
    FieldType.BOOLEAN: False,
    FieldType.DATETIME: "2000-01-01T00:00:00Z",
    FieldType.STRING: "text",
}


def example_value(field: Field) -> Any:
    """A JSON value that fits the field: null where a missing value is natural, else a plain one of its type."""
    if not field.required:
        return None
    return field.categories[0] if field.type is FieldType.CATEGORY else PLACEHOLDERS[field.type]


def field_from_model(name: str, column: Column) -> Field:
    """The field of a column of which there are no rows."""
    if column.role == "category" and column.categories:
        return Field(name=name, type=FieldType.CATEGORY, nullable=column.missing, categories=column.categories)
    return Field(
        name=name, type=FieldType.STRING if column.role == "text" else FieldType.FLOAT, nullable=column.missing
    )


def field_from_data(name: str, values: pd.Series[Any], column: Column, own: Field | None) -> Field:
    """The field of a column of real rows.

    ``own`` is the field as a schema gives it (MLflow, ONNX): its type and nullability stand. Otherwise the type
    follows from how the model reads the column and from the values. Raises :class:`~garcom.errors.DataError`
    when the model takes numbers and a value is none.
    """
    if own is not None and own.type is not FieldType.CATEGORY:
        field = own
    else:
        field = Field(name=name, type=_type(name, values, column), categories=_categories(name, values, column))
    gaps = bool(values.isna().any())
    field = msgspec.structs.replace(field, name=name, nullable=field.nullable or column.missing or gaps)
    if column.role == "unused":
        return unused(field)
    return _ranged(field, values)


def unused(field: Field) -> Field:
    """A field that the model was trained with and drops: it may come, and nothing depends on it."""
    kind = FieldType.STRING if field.type is FieldType.CATEGORY else field.type
    return Field(name=field.name, type=kind, required=False, nullable=True, description="Not used by the model.")


def _type(name: str, values: pd.Series[Any], column: Column) -> FieldType:
    if column.role == "category":
        return FieldType.CATEGORY
    if column.role == "text":
        return FieldType.STRING
    found = _type_of_values(values)
    if column.role != "number" or found not in (FieldType.STRING, FieldType.CATEGORY, FieldType.DATETIME):
        return found
    if found is FieldType.DATETIME:
        raise DataError(f"The model takes numbers in column {name!r}, and the data have dates and times there.")
    return _type_of_texts(name, values)


def _type_of_values(values: pd.Series[Any]) -> FieldType:
    import pandas as pd

    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return FieldType.CATEGORY
    if pd.api.types.is_datetime64_any_dtype(kind):
        return FieldType.DATETIME
    if pd.api.types.is_bool_dtype(kind) or _is_boolean(values):
        return FieldType.BOOLEAN
    if pd.api.types.is_integer_dtype(kind):
        return FieldType.INTEGER
    if pd.api.types.is_numeric_dtype(kind):
        return FieldType.FLOAT
    there = values.dropna()
    if len(there) and all(isinstance(value, int | float) for value in there.tolist()):
        return FieldType.INTEGER if all(isinstance(value, int) for value in there.tolist()) else FieldType.FLOAT
    return FieldType.STRING


def _is_boolean(values: pd.Series[Any]) -> bool:
    """Truth values with gaps come as objects."""
    there = values.dropna()
    return values.dtype == object and len(there) > 0 and all(isinstance(value, bool | np.bool_) for value in there)


def _type_of_texts(name: str, values: pd.Series[Any]) -> FieldType:
    """Texts in a column of numbers: numbers written as text, or an error that shows the first that is none."""
    numbers = column_numbers(values)
    wrong = np.isnan(numbers) & ~values.isna().to_numpy(dtype=bool)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"The model takes numbers in column {name!r}, and row {row + 1} of the data has "
            f"{values.iloc[row]!r} there. "
            "Give the data as the model was trained on them (encoded, with the same preparation), or pack a Pipeline "
            "that does the encoding itself."
        )
    whole = bool((np.isnan(numbers) | (np.trunc(numbers) == numbers)).all())
    written_whole = not any("." in str(value) for value in values.dropna())
    return FieldType.INTEGER if whole and written_whole else FieldType.FLOAT


def _categories(name: str, values: pd.Series[Any], column: Column) -> tuple[str | int, ...]:
    import pandas as pd

    if column.role == "category" and column.categories:
        return whole_values(column.categories, {value for value in values.dropna().unique() if isinstance(value, str)})
    if column.role != "category" and not (column.role == "opaque" and isinstance(values.dtype, pd.CategoricalDtype)):
        return ()
    known = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else sorted(values.dropna().unique())
    try:
        return pandas_values(known)
    except UnsupportedModel as error:
        raise DataError(f"Column {name!r}: {error}") from error


def _ranged(field: Field, values: pd.Series[Any]) -> Field:
    if field.type not in (FieldType.FLOAT, FieldType.INTEGER, FieldType.DATETIME):
        return field
    numbers = column_numbers(values, datetimes=field.type is FieldType.DATETIME)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return field
    return msgspec.structs.replace(field, minimum=float(finite.min()), maximum=float(finite.max()))
