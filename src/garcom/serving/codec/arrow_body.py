"""Arrow IPC streams into batches, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from garcom.errors import Fault
from garcom.model.signature import INTEGER_LIMIT, Field, FieldType, Signature
from garcom.records import Batch, FloatArray, TextArray
from garcom.serving.codec import values
from garcom.serving.codec.faults import MAX_FAULTS, malformed, raise_any, too_many_rows
from garcom.serving.codec.forms import Form, Order

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowBodies:
    """Reads the Arrow bodies of one signature; columns may come in any order.

    pyarrow is imported with the first such body: most workers never see one, and it costs 25 MB.
    """

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self._signature = signature
        self._max_rows = max_rows

    def read(self, body: bytes) -> Order:
        """The rows of a body. Raises MalformedBody or InvalidRows."""
        import pyarrow as pa

        try:
            with pa.ipc.open_stream(body) as stream:
                table = stream.read_all()
            table.validate(full=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            # Only the kind of error: Arrow's texts may quote the values.
            raise malformed("", "an Arrow IPC stream", f"bytes that are none ({type(error).__name__})") from None
        if not table.num_rows:
            raise malformed("", "at least one row", "an Arrow stream without rows")
        if table.num_rows > self._max_rows:
            raise too_many_rows(table.num_rows, self._max_rows)
        self._check_names(table.column_names)
        return Order(Form.ARROW, self._batch(table))

    def _check_names(self, columns: list[str]) -> None:
        names = self._signature.names
        faults = [values.unknown(name[:100], name, names) for name in columns if name not in names]
        faults += [
            Fault(name, "each column once", "the same column more than once")
            for name in names
            if columns.count(name) > 1
        ]
        faults += [
            values.missing(field.name, field)
            for field in self._signature.fields
            if field.required and field.name not in columns
        ]
        raise_any(faults)

    def _batch(self, table: pa.Table) -> Batch:
        n = table.num_rows
        number_fields, text_fields = self._signature.number_fields, self._signature.text_fields
        # Columns are written one after another and read row by row: Fortran order writes fast, engines copy once.
        numbers = np.full((n, len(number_fields)), np.nan, order="F")
        texts = np.full((n, len(text_fields)), None, object)
        faults: list[Fault] = []
        for target, fields, read in ((numbers, number_fields, _numbers), (texts, text_fields, _texts)):
            for i, field in enumerate(fields):
                if field.name in table.column_names:
                    column = table.column(field.name).combine_chunks()
                    target[:, i] = read(field, column, faults)
        raise_any(faults)
        return Batch(np.ascontiguousarray(numbers), texts)


def _numbers(field: Field, column: Any, faults: list[Fault]) -> FloatArray | float:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    match field.type:
        case FieldType.FLOAT:
            fits = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        case FieldType.INTEGER:
            fits = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        case FieldType.BOOLEAN:
            fits = pa.types.is_boolean(kind)
        case _:
            fits = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if pa.types.is_null(kind):
        fits = field.nullable
    if not fits:
        faults.append(Fault(field.name, values.expected(field), f"a column of {kind}"))
        return np.nan
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if field.type is FieldType.DATETIME and not pa.types.is_null(kind):
        column = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
    elif pa.types.is_boolean(kind):
        column = pc.cast(column, pa.int8())
    found: FloatArray = column.to_numpy(zero_copy_only=False).astype(np.float64)
    found[missing] = np.nan
    _check_numbers(field, found, missing, faults)
    return found


def _check_numbers(field: Field, found: FloatArray, missing: Any, faults: list[Fault]) -> None:
    if not field.nullable:
        _fault_at(field, missing, "null", faults)
        _fault_at(field, np.isnan(found) & ~missing, "NaN", faults)
    _fault_at(field, np.isinf(found), "Infinity", faults)
    if field.type is FieldType.INTEGER:
        with np.errstate(invalid="ignore"):
            _fault_at(field, (found != np.floor(found)) & np.isfinite(found), "a number with a fraction", faults)
        _fault_at(field, np.abs(found) > INTEGER_LIMIT, "an integer beyond ±9007199254740992 (2**53)", faults)


def _texts(field: Field, column: Any, faults: list[Fault]) -> TextArray | None:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    whole = bool(field.categories) and isinstance(field.categories[0], int)
    fits = pa.types.is_integer(kind) if whole else _is_text(kind)
    if not fits and not (pa.types.is_null(kind) and field.nullable):
        faults.append(Fault(field.name, values.expected(field), f"a column of {kind}"))
        return None
    if not field.nullable:
        _fault_at(field, column.is_null().to_numpy(zero_copy_only=False), "null", faults)
    found = np.empty(len(column), object)
    found[:] = column.to_pylist()
    return found


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _fault_at(field: Field, wrong: Any, got: str, faults: list[Fault]) -> None:
    if wrong.any():
        rows = np.flatnonzero(wrong)[: max(0, MAX_FAULTS - len(faults))].tolist()
        faults.extend(Fault(f"records[{row}].{field.name}", values.expected(field), got) for row in rows)
