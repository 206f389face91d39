from __future__ import annotations

import pytest

from garcom.model.bundle import Choice
from garcom.model.compile.timing import choose, time_engine
from garcom.model.proof import TIMED_ROWS
from garcom.records import Batch
from tests.unit.model.compile.originals import BINARY, Function, batch, numbers, of_probability


def test_every_size_is_timed() -> None:
    sizes = set()

    class Watched(Function):
        def run(self, batch: Batch):  # type: ignore[no-untyped-def]
            sizes.add(batch.n_rows)
            return super().run(batch)

    timings = time_engine(Watched(numbers(1, BINARY), lambda x: of_probability(x[:, 0])), batch([[0.1], [0.2], [0.3]]))
    assert sizes == set(TIMED_ROWS) == set(timings)
    assert all(value > 0 for value in timings.values())


@pytest.mark.parametrize(
    ("timings", "expected"),
    [
        ({"arrays": {1: 10.0, 32: 20.0, 1024: 90.0}}, (Choice(None, "arrays"),)),
        # A little faster is not worth a second engine.
        (
            {"arrays": {1: 10.0, 32: 20.0, 1024: 90.0}, "onnx": {1: 12.0, 32: 22.0, 1024: 80.0}},
            (Choice(None, "arrays"),),
        ),
        # Better everywhere.
        (
            {"arrays": {1: 10.0, 32: 20.0, 1024: 90.0}, "onnx": {1: 5.0, 32: 12.0, 1024: 80.0}},
            (Choice(None, "onnx"),),
        ),
        # Four times faster alone, four times slower in large batches: equal at 32 rows.
        (
            {"arrays": {1: 10.0, 32: 40.0, 1024: 160.0}, "onnx": {1: 40.0, 32: 40.0, 1024: 40.0}},
            (Choice(32, "arrays"), Choice(None, "onnx")),
        ),
    ],
)
def test_the_choice(timings: dict[str, dict[int, float]], expected: tuple[Choice, ...]) -> None:
    assert choose(timings) == expected
