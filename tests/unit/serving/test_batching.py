"""The queue before an engine, on a real event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from garcom.errors import EngineError, Fault, GarcomError, Overloaded, RowsRefused
from garcom.journal.journal import Origin
from garcom.serving.batching import SLICE_ROWS, Batcher
from garcom.serving.codec.answers import Answer, Answers
from tests.unit.serving.engines import Short, Twice, batch, predictor

#: Longer than the loop may be held up, short enough for a test.
SLOW_S = 0.02


@asynccontextmanager
async def queue(
    folder: Path, engine: Twice, max_queued_rows: int = 100_000, split_budget_s: float = 30.0
) -> AsyncIterator[Batcher]:
    """A queue before the engine; one that does not sleep counts as fast, however busy this machine is."""
    with ThreadPoolExecutor(2, thread_name_prefix="engine") as threads:
        yield Batcher(
            predictor(folder / "wine", engine),
            threads,
            max_queued_rows,
            loop_budget_s=0.001 if engine.seconds else 10.0,
            split_budget_s=split_budget_s,
        )


async def ask(batcher: Batcher, x: float) -> Any:
    """What one row is answered with: its prediction, or the error."""
    answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    batcher.submit((x,), answered.set_result, Origin(), 0.0)
    found: Answer | GarcomError = await answered
    return found.prediction if isinstance(found, Answer) else found


async def ask_body(batcher: Batcher, *values: float, finish: Callable[[Answers], Any] | None = None) -> Any:
    """What a body is answered with: its values, or the error."""
    answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    batcher.submit_body(batch(*values), finish or _values, answered.set_result, Origin(), 0.0)
    return await answered


def _values(answers: Answers) -> list[float]:
    assert answers.outputs.values is not None
    assert len(set(answers.ids)) == len(answers.ids) == len(answers.outputs.values)
    return list(answers.outputs.values[:, 0].tolist())


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await asyncio.wait_for(work(), 60)

    asyncio.run(whole())


def test_requests_of_one_turn_share_one_call(tmp_path: Path) -> None:
    async def work() -> None:
        engine = Twice()
        async with queue(tmp_path, engine) as batcher:
            assert await asyncio.gather(*(ask(batcher, x) for x in range(20))) == [2.0 * x for x in range(20)]
            assert engine.calls == [list(range(20))]
            assert await ask(batcher, 3) == 6.0  # nothing waits for company
            assert engine.calls[1:] == [[3.0]]
            assert set(engine.threads) == {"MainThread"}
            assert batcher.idle

    run(work)


def test_a_slow_engine_runs_off_the_loop_and_requests_gather_meanwhile(tmp_path: Path) -> None:
    async def work() -> None:
        engine = Twice(seconds=SLOW_S)
        async with queue(tmp_path, engine) as batcher:
            first = asyncio.create_task(ask(batcher, 1))
            await asyncio.sleep(SLOW_S / 4)
            assert not batcher.idle
            turns = 0
            rest = asyncio.gather(*(ask(batcher, x) for x in range(2, 10)))
            while not rest.done():
                turns += 1
                await asyncio.sleep(0)
            assert await first == 2.0
            assert await rest == [2.0 * x for x in range(2, 10)]
            assert engine.calls == [[1.0], [float(x) for x in range(2, 10)]]
            assert all(name.startswith("engine") for name in engine.threads)
            assert turns > 10  # the loop went on turning while the engine ran

    run(work)


@pytest.mark.parametrize("seconds", [0.0, SLOW_S / 10])
def test_a_bad_row_fails_alone(tmp_path: Path, seconds: float) -> None:
    async def work() -> None:
        engine = Twice(seconds, bad=frozenset({5.0}))
        async with queue(tmp_path, engine) as batcher:
            found = await asyncio.gather(*(ask(batcher, x) for x in range(13)))
            assert isinstance(found[5], EngineError)
            assert [x for x in found if x is not found[5]] == [2.0 * x for x in range(13) if x != 5]
            assert len(engine.calls) <= 9  # 13 → 6, 7 → … by halves, not row by row
            assert batcher.idle

    run(work)


def test_an_engine_that_knows_the_bad_row_is_not_asked_for_it_again(tmp_path: Path) -> None:
    async def work() -> None:
        engine = Twice(bad=frozenset({5.0}))
        engine.error = lambda: RowsRefused(Fault("x", "less", "more"), row=engine.calls[-1].index(5.0))
        async with queue(tmp_path, engine) as batcher:
            refused = await ask_body(batcher, *range(13))
            assert isinstance(refused, RowsRefused)
            assert (refused.row, refused.faults[0].where) == (5, "x")
            assert len(engine.calls) == 1

    run(work)


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, MemoryError, RecursionError, StopIteration])
def test_an_engine_that_raises_what_it_should_not(tmp_path: Path, error: type[Exception]) -> None:
    async def work() -> None:
        engine = Twice(bad=frozenset({5.0}))
        engine.error = lambda: error("segredo")
        async with queue(tmp_path, engine) as batcher:
            found = await asyncio.gather(*(ask(batcher, x) for x in (4, 5, 6)))
            assert [found[0], found[2]] == [8.0, 12.0]
            body = await ask_body(batcher, 4, 5, 6)
            assert body.row == 1
            for failed in (found[1], body):
                assert isinstance(failed, EngineError)
                assert error.__name__ in str(failed)
                assert "segredo" not in str(failed)
            assert await ask(batcher, 1) == 2.0

    run(work)


def test_an_engine_that_ends_its_thread_leaves_nobody_waiting(tmp_path: Path) -> None:
    async def work() -> None:
        engine = Twice(seconds=SLOW_S, bad=frozenset({5.0}))
        engine.error = SystemExit
        async with queue(tmp_path, engine) as batcher:
            found = await asyncio.gather(ask(batcher, 5), ask(batcher, 1))
            assert all(isinstance(one, EngineError) for one in found)
            assert isinstance(await ask_body(batcher, 5, 1), EngineError)
            assert await ask(batcher, 1) == 2.0
            assert batcher.idle

    run(work)


@pytest.mark.parametrize("seconds", [0.0, SLOW_S / 4])
def test_an_engine_that_answers_the_wrong_number_of_rows(tmp_path: Path, seconds: float) -> None:
    async def work() -> None:
        engine = Short(seconds)
        async with queue(tmp_path, engine) as batcher:
            engine.wrong = True
            found = await asyncio.gather(*(ask(batcher, x) for x in range(3)), ask_body(batcher, 1, 2))
            assert all(isinstance(one, EngineError) for one in found)
            assert str(await ask(batcher, 1)) == "Expected 1 answers from the engine, got 0."
            assert batcher.idle

    run(work)


def test_a_failing_body_names_its_row(tmp_path: Path) -> None:
    async def work() -> None:
        n = SLICE_ROWS + 500
        for row in (0, 1, 700, SLICE_ROWS - 1, SLICE_ROWS, n - 1):
            engine = Twice(seconds=0.002, bad=frozenset({float(row)}))
            async with queue(tmp_path, engine) as batcher:
                failed = await ask_body(batcher, *range(n))
                assert isinstance(failed, EngineError)
                assert failed.row == row
                assert str(failed) == "this row is poison"
                assert batcher.idle

    run(work)


def test_a_body_whose_rows_fail_only_together_names_none(tmp_path: Path) -> None:
    class Crowded(Twice):
        def run(self, batch: Any) -> Any:
            if batch.n_rows in (3, 4):
                raise EngineError("too many at once")
            return super().run(batch)

    async def work() -> None:
        async with queue(tmp_path, Crowded()) as batcher:
            failed = await ask_body(batcher, 1, 2, 3)
            assert isinstance(failed, EngineError)
            assert failed.row is None

    run(work)


def test_bodies_are_answered_in_order_and_slice_by_slice(tmp_path: Path) -> None:
    async def work() -> None:
        engine = Twice(seconds=SLOW_S / 4)
        async with queue(tmp_path, engine) as batcher:
            values = list(range(2 * SLICE_ROWS + 3))
            long = asyncio.create_task(ask_body(batcher, *values))
            await asyncio.sleep(0)
            single = asyncio.create_task(ask(batcher, -1))
            done, _ = await asyncio.wait({long, single}, return_when=asyncio.FIRST_COMPLETED)
            assert done == {single}  # a short request gets its turn between two slices
            assert await long == [2.0 * x for x in values]
            assert [len(call) for call in engine.calls if -1.0 not in call] == [SLICE_ROWS, SLICE_ROWS, 3]

    run(work)


def test_long_bodies_are_finished_off_the_loop_and_a_failing_finish_is_answered(tmp_path: Path) -> None:
    def broken(answers: Answers) -> Any:
        raise KeyError("segredo")

    async def work() -> None:
        for seconds in (0.0, SLOW_S):
            async with queue(tmp_path, Twice(seconds)) as batcher:
                failed = await ask_body(batcher, 1, 2, finish=broken)
                assert isinstance(failed, EngineError)
                assert "segredo" not in str(failed)
                assert batcher.idle

    run(work)


def test_warnings_come_with_their_rows(tmp_path: Path) -> None:
    async def work() -> None:
        async with queue(tmp_path, Twice()) as batcher:
            warnings = await ask_body(batcher, 1, 2e6, 3, -2e6, finish=lambda answers: answers.warnings)
            assert {row: [one.code for one in found] for row, found in warnings.items()} == {
                1: ["above_range"],
                3: ["below_range"],
            }

    run(work)


def test_past_the_bound_the_queue_refuses(tmp_path: Path) -> None:
    async def work() -> None:
        async with queue(tmp_path, Twice(seconds=SLOW_S), max_queued_rows=10) as batcher:
            waiting = [asyncio.create_task(ask(batcher, x)) for x in range(10)]
            await asyncio.sleep(0)
            with pytest.raises(Overloaded, match="its queue takes 10"):
                batcher.submit((0.0,), print, Origin(), 0.0)
            assert await asyncio.gather(*waiting) == [2.0 * x for x in range(10)]
            assert await ask(batcher, 1) == 2.0

    run(work)


def test_a_long_body_does_not_shut_the_queue_for_short_requests(tmp_path: Path) -> None:
    async def work() -> None:
        async with queue(tmp_path, Twice(seconds=SLOW_S / 4), max_queued_rows=10) as batcher:
            long = asyncio.create_task(ask_body(batcher, *range(5000)))
            await asyncio.sleep(0)
            assert await ask(batcher, 1) == 2.0
            assert not long.done()
            behind = asyncio.create_task(ask_body(batcher, *range(20)))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                batcher.submit_body(batch(1), _values, print, Origin(), 0.0)
            assert len(await long) == 5000
            assert len(await behind) == 20

    run(work)


def test_one_client_that_cannot_be_answered_leaves_the_others_alone(tmp_path: Path) -> None:
    def gone(answer: Any) -> None:
        raise ConnectionResetError

    async def work() -> None:
        async with queue(tmp_path, Twice()) as batcher:
            batcher.submit((1.0,), gone, Origin(), 0.0)
            batcher.submit_body(batch(1, 2), _values, gone, Origin(), 0.0)
            assert [await one for one in (ask(batcher, 2), ask_body(batcher, 3))] == [4.0, [6.0]]
            assert batcher.idle

    run(work)


def test_an_engine_that_hangs_is_not_asked_once_per_half(tmp_path: Path) -> None:
    async def work() -> None:
        engine = Twice(seconds=SLOW_S, bad=frozenset({1.0}))
        async with queue(tmp_path, engine, split_budget_s=0.0) as batcher:
            found = await asyncio.gather(*(ask(batcher, 1) for _ in range(50)))
            assert all(isinstance(one, EngineError) for one in found)
            failed = await ask_body(batcher, *[1.0] * 50)
            assert failed.row is None
            assert len(engine.calls) <= 4

    run(work)


def test_the_estimate_follows_the_engine(tmp_path: Path) -> None:
    engine = Twice(seconds=SLOW_S)
    made = predictor(tmp_path / "wine", engine)
    assert made.rows_within(0.001) == 0
    assert made.seconds(1) >= SLOW_S / 2
    engine.seconds = 0.0
    for _ in range(100):
        made.run(batch(1.0))
    assert made.rows_within(SLOW_S) > 0  # a slow moment at load is not held against it for ever
    engine.seconds = SLOW_S
    for _ in range(100):
        made.run(batch(1.0))
    assert made.rows_within(0.001) == 0


def test_answers_of_a_turn_have_ids_of_their_own(tmp_path: Path) -> None:
    async def work() -> None:
        async with queue(tmp_path, Twice()) as batcher:
            found: list[Any] = []
            for _ in range(100):
                batcher.submit((1.0,), found.append, Origin(), 0.0)
            began = time.monotonic()
            while len(found) < 100 and time.monotonic() - began < 30:
                await asyncio.sleep(0)
            assert len({answer.id for answer in found}) == 100
            assert {answer.model for answer in found} == {"wine"}

    run(work)
