"""The forms in which rows come, and in which their answers go back."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from garcom.records import Batch
from garcom.serving.rows import Row


class Form(enum.Enum):
    """How a body holds its rows; the answer takes the same form."""

    RECORD = "one record"
    LIST = "a list of records"
    RECORDS = '{"records": […]}'
    SPLIT = '{"columns": […], "data": [[…]]}'
    CSV = "CSV"
    ARROW = "an Arrow IPC stream"

    def place(self, row: int) -> str:
        """Where a row stands in a body of this form, as errors tell it."""
        match self:
            case Form.RECORD:
                return ""
            case Form.SPLIT:
                return f"data[{row}]"
            case _:
                return f"records[{row}]"


class Order(NamedTuple):
    """A decoded body: its form and its rows, as tuples (small bodies) or as a batch already (columnar ones)."""

    form: Form
    rows: Sequence[Row] | Batch

    @property
    def n_rows(self) -> int:
        """The number of rows; at least one."""
        return self.rows.n_rows if isinstance(self.rows, Batch) else len(self.rows)
