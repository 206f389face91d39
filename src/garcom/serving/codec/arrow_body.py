"""Arrow IPC streams into batches, column by column."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from garcom.errors import Fault
from garcom.model.signature import Signature
from garcom.records import Batch
from garcom.serving.codec import arrow_columns, values
from garcom.serving.codec.arrow_stream import read_table
from garcom.serving.codec.faults import MAX_FAULTS, raise_any, shown
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
        table = read_table(body, self._max_rows)
        self._check_names(table.column_names)
        return Order(Form.ARROW, self._batch(table))

    def _check_names(self, columns: list[str]) -> None:
        names = self._signature.names
        counts = Counter(columns)
        strange = itertools.islice((name for name in counts if name not in names), MAX_FAULTS)
        faults = [values.unknown(shown(name), name, names, i) for i, name in enumerate(strange)]
        faults += [
            Fault(name, "each column once", "the same column more than once") for name in names if counts[name] > 1
        ]
        faults += [
            values.missing(field.name, field)
            for field in self._signature.fields
            if field.required and field.name not in counts
        ]
        raise_any(faults)

    def _batch(self, table: pa.Table) -> Batch:
        n = table.num_rows
        number_fields, text_fields = self._signature.number_fields, self._signature.text_fields
        # Columns are written one after another and read row by row: Fortran order writes fast, engines copy once.
        numbers = np.full((n, len(number_fields)), np.nan, order="F")
        texts = np.full((n, len(text_fields)), None, object)
        faults: list[Fault] = []
        present = set(table.column_names)
        for i, field in enumerate(number_fields):
            if field.name in present:
                numbers[:, i] = arrow_columns.numbers(field, table.column(field.name).combine_chunks(), faults)
        for i, field in enumerate(text_fields):
            if field.name in present:
                texts[:, i] = arrow_columns.texts(field, table.column(field.name).combine_chunks(), faults)
        raise_any(faults)
        return Batch(np.ascontiguousarray(numbers), texts)
