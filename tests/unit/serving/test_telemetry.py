from __future__ import annotations

import msgspec

from garcom.serving.telemetry import BUCKETS_S, Counts, Telemetry


def test_counts_of_a_version() -> None:
    telemetry = Telemetry()
    counts = telemetry.version("wine", 1)
    counts.add(200, n_rows=3, n_warned=1, seconds=0.0007)
    counts.add(200, n_rows=1, n_warned=0, seconds=0.001)  # a bound belongs to its bucket
    counts.add(200, n_rows=1, n_warned=0, seconds=60.0)
    counts.refuse(422)
    assert (counts.rows, counts.warned_rows, counts.requests) == (5, 1, {200: 3, 422: 1})
    assert counts.latency_buckets[1] == 2
    assert counts.latency_buckets[-1] == 1
    assert sum(counts.latency_buckets) == 3
    assert len(counts.latency_buckets) == len(BUCKETS_S) + 1
    assert telemetry.version("wine", 2).requests == {}


def test_workers_add_up_and_survive_the_way_through_a_file() -> None:
    def worker(n: int) -> Counts:
        telemetry = Telemetry()
        for _ in range(n):
            telemetry.version("wine", 1).add(200, 2, 1, 0.002)
        telemetry.version("iris:x", n).refuse(422)
        telemetry.refuse(404)
        return msgspec.json.decode(msgspec.json.encode(telemetry.snapshot()), type=Counts)

    total = Counts()
    first, second = worker(1), worker(2)
    total.merge(first)
    total.merge(second)
    assert total.versions["wine:1"].requests == {200: 3}
    assert total.versions["wine:1"].rows == 6
    assert sum(total.versions["wine:1"].latency_buckets) == 3
    assert set(total.versions) == {"wine:1", "iris:x:1", "iris:x:2"}
    assert total.refused == {404: 2}
    assert first.versions["wine:1"].rows == 2  # what was added is left as it was
