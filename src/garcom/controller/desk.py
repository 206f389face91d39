"""Where questions to the controller are answered; the lake is opened, and its libraries imported, by the first."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from garcom.controller.messages import (
    AddActuals,
    AnyQuestion,
    FindPrediction,
    ListPredictions,
    Reply,
    ShowMaturity,
    TakePredictions,
)
from garcom.errors import PredictionNotFound

if TYPE_CHECKING:
    from garcom.lake.tables import Lake

_JSON = Reply()
_ARROW = Reply(media_type="application/vnd.apache.arrow.stream")


class Desk:
    """Answers over one lake; its methods run in threads."""

    def __init__(self, open_lake: Callable[[], Lake]) -> None:
        self._open_lake = open_lake

    def answer(self, question: AnyQuestion, body: bytes) -> tuple[Reply, bytes]:
        """The answer. Raises GarcomError."""
        match question:
            case FindPrediction():
                return self._find(question)
            case ListPredictions():
                return self._list(question)
            case TakePredictions():
                return self._take(question)
            case AddActuals():
                return self._add_actuals(question, body)
            case ShowMaturity():
                return self._show_maturity(question)

    @functools.cached_property
    def lake(self) -> Lake:
        """The lake, opened once."""
        return self._open_lake()

    def _find(self, question: FindPrediction) -> tuple[Reply, bytes]:
        from garcom.lake.predictions import Predictions

        found = Predictions(self.lake).find(question.id)
        if found is None:
            raise PredictionNotFound(
                f"Expected the id of a prediction that is kept here, got {question.id[:100]!r}. An answer tells its "
                "id; one may have been removed by its retention, or erased."
            )
        return _JSON, msgspec.json.encode(found)

    def _list(self, question: ListPredictions) -> tuple[Reply, bytes]:
        from garcom.lake.predictions import Predictions

        page = Predictions(self.lake).page(
            question.model, **_wanted(question), limit=question.limit, cursor=question.cursor
        )
        return _JSON, msgspec.json.encode(page)

    def _take(self, question: TakePredictions) -> tuple[Reply, bytes]:
        import pyarrow as pa

        from garcom.lake.predictions import Predictions

        table = Predictions(self.lake).frame(question.model, **_wanted(question), limit=question.limit).to_arrow()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return _ARROW, sink.getvalue().to_pybytes()

    def _add_actuals(self, question: AddActuals, body: bytes) -> tuple[Reply, bytes]:
        from garcom.lake.actuals import Actuals
        from garcom.serving.codec.actuals_body import read_actuals

        told = read_actuals(body, question.content_type.encode(), question.output, datetime.now(UTC))
        return _JSON, msgspec.json.encode(Actuals(self.lake).add(question.model, told))

    def _show_maturity(self, question: ShowMaturity) -> tuple[Reply, bytes]:
        from garcom.lake.maturity import maturity

        found = maturity(self.lake, question.model, question.since, question.until)
        return _JSON, msgspec.json.encode({"model": question.model, "ages": found})


def _wanted(question: ListPredictions | TakePredictions) -> dict[str, Any]:
    return {name: getattr(question, name) for name in ("since", "until", "version", "subject", "has_actual")}
