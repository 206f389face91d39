from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garcom.access.shared_table import SharedTable
from garcom.access.windows import (
    DAY_NS,
    N_BUCKETS,
    QUOTA_LANE_WORDS,
    QUOTA_STAMPS,
    WINDOW_LANE_WORDS,
    WINDOW_STAMPS,
    Counter,
    DailyQuota,
    Window,
)
from tests.unit.access.clock import NS, Clock


def rates(path: Path | None, n_records: int = 16, n_lanes: int = 4) -> SharedTable:
    return SharedTable(path, n_records=n_records, n_lanes=n_lanes, lane_words=WINDOW_LANE_WORDS, stamps=WINDOW_STAMPS)


def quotas(path: Path | None) -> SharedTable:
    return SharedTable(path, n_records=16, n_lanes=4, lane_words=QUOTA_LANE_WORDS, stamps=QUOTA_STAMPS)


def took(counter: Counter, cost: int = 1) -> bool:
    return counter.take(cost) >= 0


class Taken(NamedTuple):
    """Something that was let through."""

    at: int
    cost: int


def in_span(taken: list[Taken], end: int, span: int) -> int:
    return sum(each.cost for each in taken if end - span < each.at <= end)


class Step(NamedTuple):
    """One of the processes asks, some time after the step before; or ends, and another takes its place."""

    process: int
    after_ms: int
    cost: int
    ends: bool


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 2),
        st.one_of(st.integers(0, 60), st.integers(0, 2500)),
        st.integers(1, 6),
        st.sampled_from([False] * 9 + [True]),
    ),
    min_size=1,
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, amount=st.integers(1, 12), span_s=st.integers(1, 3))
def test_never_more_than_the_amount_in_any_span_and_no_refusal_without_need(
    steps: list[Step], amount: int, span_s: int
) -> None:
    clock, span, taken = Clock(), span_s * NS, list[Taken]()
    width = -(-span // N_BUCKETS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rates.table")
        tables = [rates(path) for _ in range(3)]
        windows = [Window(table, "k", amount, span_s, clock) for table in tables]
        for process, after_ms, cost, ends in steps:
            clock.turn(after_ms / 1000)
            if ends:
                tables[process].close()
                tables[process] = rates(path)
                windows[process] = Window(tables[process], "k", amount, span_s, clock)
            if took(windows[process], cost):
                taken.append(Taken(clock.now, cost))
                assert in_span(taken, clock.now, span) <= amount
            else:
                assert in_span(taken, clock.now, span + width) + cost > amount
        for table in tables:
            table.close()


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, amount=st.integers(6, 12))
def test_who_waits_as_long_as_it_was_told_gets_in(steps: list[Step], amount: int) -> None:
    clock = Clock()
    window = Window(rates(None), "k", amount, 1, clock)
    for _, after_ms, cost, _ in steps:
        clock.turn(after_ms / 1000)
        left = window.take(cost)
        if left < 0:
            clock.now += -left - 1
            assert window.take(cost) < 0
            clock.now += 1
            assert window.take(cost) >= 0


def test_the_whole_amount_at_once_and_again_after_the_span() -> None:
    clock = Clock()
    window = Window(rates(None), "k", 500, 10, clock)
    for _ in range(3):
        assert [took(window) for _ in range(501)] == [True] * 500 + [False]
        clock.turn(9.999)
        assert not took(window)
        clock.turn(0.001)


def test_what_is_refused_is_not_counted() -> None:
    clock = Clock()
    window = Window(rates(None), "k", 10, 1, clock)
    assert took(window, 8)
    for _ in range(100):
        assert not took(window, 3)
    assert took(window, 2)
    assert not took(window, 1)


def test_what_is_left_is_told_across_processes(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "rates.table"
    first, second = (Window(rates(path), "k", 10, 1, clock) for _ in range(2))
    assert first.take(1) == 9
    assert second.take(2) == 7
    assert first.take(7) == 0


def test_an_idle_process_does_not_hold_what_has_had_its_time(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "rates.table"
    idle, busy = (Window(rates(path), "k", 10, 1, clock) for _ in range(2))
    assert took(idle, 10)
    for _ in range(3):
        clock.turn(1)
        assert took(busy, 10)
        assert not took(busy, 1)
    clock.turn(0.5)
    assert not took(idle, 1)
    clock.turn(0.5)
    assert took(idle, 5)
    assert took(busy, 5)
    assert not took(busy, 1)


def test_a_record_goes_to_another_key_when_its_counts_no_longer_matter(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "rates.table"
    table = rates(path, n_records=1)
    first, second = Window(table, "a", 1, 1, clock), Window(table, "b", 1, 1, clock)
    assert took(first)
    assert took(second)  # counted in this process alone
    assert (took(first), took(second)) == (False, False)
    clock.turn(1.1)
    assert took(second)  # the record is its now
    assert not took(Window(table, "b", 1, 1, clock))
    assert took(first)  # alone
    assert (took(first), took(second)) == (False, False)


def test_more_processes_than_lanes_count_alone(tmp_path: Path) -> None:
    path = tmp_path / "rates.table"
    tables = [rates(path, n_lanes=1) for _ in range(2)]
    assert [table.lane for table in tables] == [0, None]
    for table in tables:
        window = Window(table, "k", 2, 1, Clock())
        assert [took(window) for _ in range(3)] == [True, True, False]


HAMMER = """
import sys, time
from pathlib import Path
from tests.unit.access.test_windows import rates
from garcom.access.windows import Window
asked = [0]
def clock():
    asked[0] = time.monotonic_ns()
    return asked[0]
window = Window(rates(Path(sys.argv[1])), "k", 200, 1, clock)
print("ready", flush=True)
sys.stdin.readline()
taken, until = [], time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    if window.take(1) >= 0:
        taken.append(asked[0])
print(*taken)
"""


@pytest.fixture
def hammers(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    def start(seconds: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HAMMER, str(tmp_path / "rates.table"), str(seconds)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    processes = [start(1.3), start(1.3), start(60)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_processes_that_count_at_the_same_time_pass_the_amount_by_one_each_at_most(
    hammers: list[subprocess.Popen[str]],
) -> None:
    *two, killed = hammers
    for process in hammers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    killed.send_signal(signal.SIGKILL)  # in the midst of counting, or not; nothing may stay stuck
    taken = sorted(int(at) for process in two for at in process.communicate(timeout=60)[0].split())
    for place, at in enumerate(taken):
        assert sum(1 for other in taken[place:] if other < at + NS) <= 200 + 2
    # Whatever the third had taken, its time is over after a second, and the others go on.
    assert len([at for at in taken if at >= taken[-1] - NS // 4]) >= 1
    assert len(taken) >= 200


@pytest.mark.parametrize(
    "counter", [Window(rates(None), "k", 5, 1, Clock()), DailyQuota(quotas(None), "k", 5, Clock())]
)
def test_what_is_given_back_can_be_had_again(counter: Counter) -> None:
    assert counter.take(4) == 1
    counter.give_back(4)
    assert counter.take(5) == 0
    assert counter.take(1) < 0


class TestDailyQuota:
    def test_a_day_begins_with_nothing_counted(self) -> None:
        clock = Clock(DAY_NS * 20_000 + 5)
        quota = DailyQuota(quotas(None), "k", 10, clock)
        assert took(quota, 10)
        assert -quota.take(1) == DAY_NS - 5
        clock.now = DAY_NS * 20_001 - 1
        assert quota.take(1) == -1
        clock.now += 1
        assert took(quota, 10)
        assert not took(quota, 1)

    def test_it_outlives_a_restart_and_is_one_for_all_processes(self, tmp_path: Path) -> None:
        clock, path = Clock(DAY_NS * 20_000), tmp_path / "days.table"
        for left in (7, 4, 1):
            tables = [quotas(path) for _ in range(2)]
            assert took(DailyQuota(tables[0], "k", 10, clock), 2)
            second = DailyQuota(tables[1], "k", 10, clock)
            assert second.take(1) == left
            for table in tables:
                table.close()
        assert not took(DailyQuota(quotas(path), "k", 10, clock), 2)

    def test_a_clock_that_is_set_back_gives_no_second_quota(self, tmp_path: Path) -> None:
        clock = Clock(DAY_NS * 20_000 + 5)
        quota = DailyQuota(quotas(tmp_path / "days.table"), "k", 10, clock)
        assert took(quota, 8)
        clock.now -= 10
        assert not took(quota, 3)
        assert took(quota, 2)
        clock.now += 10
        assert not took(quota, 1)

    def test_a_clock_that_was_far_ahead_locks_nobody_out(self, tmp_path: Path) -> None:
        clock = Clock(DAY_NS * 30_000)
        quota = DailyQuota(quotas(tmp_path / "days.table"), "k", 10, clock)
        assert took(quota, 10)
        clock.now = DAY_NS * 20_000
        assert took(quota, 10)
        assert not took(quota, 1)

    def test_without_a_record_it_is_counted_alone(self) -> None:
        clock = Clock(DAY_NS * 20_000)
        table = SharedTable(None, n_records=1, n_lanes=1, lane_words=QUOTA_LANE_WORDS, stamps=QUOTA_STAMPS)
        assert took(DailyQuota(table, "a", 1, clock))
        quota = DailyQuota(table, "b", 5, clock)
        assert took(quota, 3)
        assert not took(quota, 3)
        clock.now += DAY_NS
        assert took(quota, 3)
        assert not took(quota, 3)
