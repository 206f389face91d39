from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from garcom.access.limits import Limiter, Pass, check_storage, storage_url
from garcom.access.principals import ANYBODY, NOBODY, Principal
from garcom.access.windows import DAY_NS
from garcom.errors import BodyTooLarge, RateLimited, SettingsError
from garcom.http.problems import problem_of
from garcom.rates import Limits
from garcom.settings import LimitsSettings
from tests.unit.access.clock import Clock

Made = Callable[..., Limiter]


@pytest.fixture
def clock() -> Clock:
    return Clock(DAY_NS * 20_000)


@pytest.fixture
def limiter(tmp_path: Path, clock: Clock) -> Iterator[Made]:
    made: list[Limiter] = []

    def make(**settings: Any) -> Limiter:
        (tmp_path / "home").mkdir(exist_ok=True)
        made.append(Limiter(LimitsSettings(**settings), tmp_path, tmp_path / "home", 2, clock, clock))
        return made[-1]

    yield make
    for each in made:
        asyncio.run(each.close())


def key(name: str = "gk_a", **limits: Any) -> Principal:
    return Principal(kind="key", name=name, limits=Limits(**limits))


def admitted(limiter: Limiter, principal: Principal, model: str | None = "wine", body_bytes: int = 0) -> Pass:
    found = limiter.admit(principal, model, body_bytes)
    assert found is not None
    return found


def refusal(limiter: Limiter, principal: Principal, model: str | None = "wine") -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        limiter.admit(principal, model)
    return caught.value


def test_where_nothing_limits_there_is_no_pass_and_no_file(limiter: Made, tmp_path: Path) -> None:
    unlimited = limiter(models={"other": Limits(requests="1/1s")})
    assert unlimited.is_quick
    for principal in (key(), ANYBODY, NOBODY, Principal(kind="user", name="ana")):
        assert unlimited.admit(principal, "wine", 10**9) is None
    assert [path.name for path in tmp_path.rglob("*")] == ["home"]


def test_a_key_has_its_own_limit_or_that_of_every_key(limiter: Made) -> None:
    limits = limiter(keys=Limits(requests="2/1s"), anybody=Limits(requests="1/1s"))
    for principal, most in ((key("gk_a"), 2), (key("gk_b", requests="3/1s"), 3), (key("gk_c"), 2), (ANYBODY, 1)):
        for _ in range(most):
            admitted(limits, principal).release()
        assert refusal(limits, principal).amount == most
    assert limits.admit(NOBODY, None) is None


def test_everybody_together_on_one_model(limiter: Made) -> None:
    limits = limiter(models={"wine": Limits(requests="3/1s", rows="5/1s")})
    for name in ("a", "b", "c"):
        admitted(limits, key(name)).rows(1)
    assert "model:wine" in str(refusal(limits, key("d")))
    assert limits.admit(key("d"), "beer") is None


def test_a_request_that_the_model_refuses_is_not_counted_for_its_key(limiter: Made, clock: Clock) -> None:
    limits = limiter(keys=Limits(requests="3/10s"), models={"wine": Limits(requests="1/1s")})
    admitted(limits, key())
    for _ in range(5):
        refusal(limits, key())
    clock.turn(1)
    admitted(limits, key())
    admitted(limits, key(), "beer")
    assert refusal(limits, key(), "beer").span_s == 10


def test_rows_are_refused_before_they_are_counted(limiter: Made) -> None:
    limits = limiter(keys=Limits(rows="10/1s", daily_rows=14))
    admitted(limits, key()).rows(8)
    with pytest.raises(RateLimited, match=r"at most 10 rows in any 1 s \(key:gk_a\)"):
        admitted(limits, key()).rows(3)
    admitted(limits, key()).rows(2)


def test_a_days_rows(limiter: Made, clock: Clock) -> None:
    limits = limiter(keys=Limits(daily_rows=14))
    admitted(limits, key()).rows(14)
    with pytest.raises(RateLimited, match=r"14 rows in a day \(UTC\)") as caught:
        admitted(limits, key()).rows(1)
    assert caught.value.retry_after_s == 86_400
    clock.turn(86_400)
    admitted(limits, key()).rows(1)


def test_a_changed_quota_counts_on(limiter: Made) -> None:
    limits = limiter()
    admitted(limits, key(daily_rows=10)).rows(10)
    admitted(limits, key(daily_rows=15)).rows(5)
    with pytest.raises(RateLimited):
        admitted(limits, key(daily_rows=15)).rows(1)


def test_more_at_once_than_there_ever_is_has_to_be_sent_in_parts(limiter: Made) -> None:
    limits = limiter(keys=Limits(rows="10/1s"))
    with pytest.raises(BodyTooLarge, match=r"got 11 at once\. Send fewer"):
        admitted(limits, key()).rows(11)
    admitted(limits, key()).rows(10)


def test_requests_at_the_same_time(limiter: Made) -> None:
    limits = limiter(keys=Limits(concurrent=2), models={"wine": Limits(concurrent=3)})
    first, _ = admitted(limits, key()), admitted(limits, key())
    assert "at the same time (key:gk_a)" in str(refusal(limits, key()))
    admitted(limits, key("gk_b"))
    assert "at the same time (model:wine)" in str(refusal(limits, key("gk_b")))
    first.release()
    first.release()  # once is enough
    third = admitted(limits, key())
    refusal(limits, key())
    third.release()
    assert third.headers == []


def test_a_request_that_is_refused_for_its_rate_is_not_one_at_the_same_time(limiter: Made, clock: Clock) -> None:
    limits = limiter(keys=Limits(concurrent=1, requests="1/1s"))
    admitted(limits, key()).release()
    refusal(limits, key())
    clock.turn(1)
    admitted(limits, key())


def test_long_bodies(limiter: Made) -> None:
    limits = limiter(keys=Limits(body_bytes=100), models={"wine": Limits(body_bytes=10)})
    with pytest.raises(BodyTooLarge, match="at most 10 bytes"):
        limits.admit(key(), "wine", 11)
    assert admitted(limits, key(), "wine", 10).max_body_bytes == 10
    streamed = admitted(limits, key(), "beer")
    streamed.check_body(100)
    with pytest.raises(BodyTooLarge, match="at most 100 bytes"):
        streamed.check_body(101)


def test_the_answer_tells_of_the_tightest(limiter: Made) -> None:
    limits = limiter(keys=Limits(requests="10/1s", rows="100/10s"))
    found = admitted(limits, key())
    assert dict(found.headers)[b"ratelimit-remaining"] == b"9"
    found.rows(5)
    assert found.headers[0] == (b"ratelimit-limit", b"10")
    found = admitted(limits, key())
    found.rows(80)
    assert found.headers == [
        (b"ratelimit-limit", b"100"),
        (b"ratelimit-policy", b"100;w=10"),
        (b"ratelimit-reset", b"10"),
        (b"ratelimit-remaining", b"15"),
    ]


def test_a_client_that_waits_as_it_is_told_gets_in(limiter: Made, clock: Clock) -> None:
    limits = limiter(keys=Limits(requests="5/2s"))
    for _ in range(5):
        admitted(limits, key())
        clock.turn(0.3)
    problem, headers = problem_of(refusal(limits, key()), "an-id")
    assert problem.status == 429
    told = dict(headers)
    assert told[b"retry-after"] == told[b"ratelimit-reset"] == b"1"
    assert (told[b"ratelimit-limit"], told[b"ratelimit-remaining"]) == (b"5", b"0")
    clock.turn(int(told[b"retry-after"]))
    admitted(limits, key())


def test_two_workers_count_together_and_a_restart_forgets_rates_but_no_quota(tmp_path: Path, limiter: Made) -> None:
    limits = {"keys": Limits(requests="4/1s", daily_rows=8)}
    first, second = limiter(**limits), limiter(**limits)
    for each in (first, second, first, second):
        admitted(each, key()).rows(2)
    for each in (first, second):
        refusal(each, key())
        asyncio.run(each.close())
    (tmp_path / "rates.table").unlink()  # a new run folder
    with pytest.raises(RateLimited, match="in a day"):
        admitted(limiter(**limits), key()).rows(1)
    assert stat.S_IMODE((tmp_path / "home" / "limits" / "days-1.table").stat().st_mode) == 0o600


def test_new_limits_of_a_key_count_from_the_next_request(limiter: Made) -> None:
    limits = limiter()
    assert limits.admit(key(), "wine") is None
    admitted(limits, key(requests="1/1s"))
    refusal(limits, key(requests="1/1s"))
    admitted(limits, key(requests="2/1s"))
    assert limits.admit(key(), "wine") is None
    assert limits.admit(Principal(kind="user", name="gk_a"), "wine") is None  # another, with the same name


def test_without_a_place_for_the_files_each_worker_counts_by_itself(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    limits = Limiter(LimitsSettings(keys=Limits(requests="2/1s")), tmp_path / "none", tmp_path / "file", 2, clock)
    (tmp_path / "none").touch()
    admitted(limits, key())
    admitted(limits, key())
    refusal(limits, key())
    assert "cannot be counted together" in caplog.text
    asyncio.run(limits.close())


def test_memory_is_bounded_and_forgetting_loses_no_count(limiter: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("garcom.access.limits.MAX_REMEMBERED", 10)
    limits = limiter(keys=Limits(requests="1/9s", concurrent=1))
    busy = admitted(limits, key("busy"))
    for n in range(100):
        admitted(limits, key(f"gk_{n}")).release()
        refusal(limits, key("busy"))
    for n in range(100):
        refusal(limits, key(f"gk_{n}"))
    assert len(limits._plans["wine"]) <= 10
    busy.release()


def test_the_place_of_storage_is_told_nowhere(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://:canary@127.0.0.1:1/0\n")
    file = str(tmp_path / "url")
    assert storage_url(LimitsSettings(storage_file=file)) == "redis://:canary@127.0.0.1:1/0"
    assert storage_url(LimitsSettings(storage="redis://h")) == "redis://h"
    with pytest.raises(SettingsError, match="one of the two, got both"):
        storage_url(LimitsSettings(storage="redis://:canary@h", storage_file=file))
    with pytest.raises(SettingsError, match=r"an address at .*, and nothing is there"):
        storage_url(LimitsSettings(storage_file=f"{file}-2"))
    (tmp_path / "url").write_text("\n")
    with pytest.raises(SettingsError, match="and it is empty"):
        check_storage(LimitsSettings(storage_file=file))
    check_storage(LimitsSettings(storage="redis://127.0.0.1:1/0"))
    for wrong in ("memcached://:canary@h:1", "redis://:canary@h:port"):
        with pytest.raises(SettingsError) as caught:
            check_storage(LimitsSettings(storage=wrong))
        assert "canary" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
