from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garcom.access.slowdown import FORGOTTEN_S, SHARE, Slowdown, network_of
from garcom.errors import RateLimited

HOME, ATTACKER = "203.0.113.7", "198.51.100.9"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slowdown(clock: Clock) -> Slowdown:
    return Slowdown(clock)


def wait(slowdown: Slowdown, account: str, address: str) -> int:
    """What the next attempt is told to wait; 0 when it was taken, and so failed."""
    try:
        slowdown.begin(account, address)
    except RateLimited as error:
        return error.retry_after_s
    return 0


def attack(slowdown: Slowdown, clock: Clock, account: str, address: str, seconds: float) -> int:
    """Guesses as fast as is allowed; gives how many were looked at."""
    end, guesses = clock.now + seconds, 0
    while clock.now < end:
        refused = wait(slowdown, account, address)
        clock.now += refused
        guesses += not refused
    return guesses


def test_three_attempts_are_free_and_then_the_wait_doubles(slowdown: Slowdown, clock: Clock) -> None:
    assert [wait(slowdown, "ana", ATTACKER) for _ in range(3)] == [0, 0, 0]
    waits = []
    assert wait(slowdown, "ana", ATTACKER) == 0  # the fourth is late for the first time after it
    for _ in range(12):
        waits.append(wait(slowdown, "ana", ATTACKER))
        clock.now += waits[-1]
        assert wait(slowdown, "ana", ATTACKER) == 0
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_refused_attempt_is_not_counted(slowdown: Slowdown, clock: Clock) -> None:
    for _ in range(4):
        slowdown.begin("ana", HOME)
    assert {wait(slowdown, "ana", HOME) for _ in range(100)} == {1}
    clock.now += 1
    assert wait(slowdown, "ana", HOME) == 0


def test_a_day_of_guessing_from_one_address_is_about_a_hundred_guesses(slowdown: Slowdown, clock: Clock) -> None:
    assert attack(slowdown, clock, "ana", ATTACKER, 86_400) < 120


def test_one_attacker_does_not_keep_the_owner_out(slowdown: Slowdown, clock: Clock) -> None:
    attack(slowdown, clock, "ana", ATTACKER, 86_400)
    slowdown.begin("ana", HOME)
    slowdown.succeeded("ana", HOME)


def test_one_password_on_many_accounts_is_slowed(slowdown: Slowdown, clock: Clock) -> None:
    looked_at = [wait(slowdown, f"user{i}", ATTACKER) == 0 for i in range(100)]
    assert sum(looked_at) == 21
    assert wait(slowdown, "user0", HOME) == 0


def test_logging_in_with_an_own_account_gives_no_new_attempts(slowdown: Slowdown, clock: Clock) -> None:
    looked_at = 0
    for i in range(100):
        looked_at += wait(slowdown, f"user{i}", ATTACKER) == 0
        if wait(slowdown, "eve", ATTACKER) == 0:
            slowdown.succeeded("eve", ATTACKER)
    assert looked_at <= 21


def test_many_networks_together_are_slowed_but_not_where_the_owner_is_known(slowdown: Slowdown, clock: Clock) -> None:
    slowdown.begin("ana", HOME)
    slowdown.succeeded("ana", HOME)
    looked_at = sum(wait(slowdown, "ana", f"198.51.100.{i}") == 0 for i in range(200))
    assert looked_at == 41
    assert wait(slowdown, "ana", "192.0.2.1") > 0
    slowdown.begin("ana", HOME)
    clock.now += 60
    assert wait(slowdown, "ana", "192.0.2.1") == 0  # never longer than a minute for anybody new


def test_a_success_forgets_the_failures_of_its_own_network(slowdown: Slowdown, clock: Clock) -> None:
    for _ in range(4):
        slowdown.begin("ana", HOME)
    clock.now += 1
    slowdown.begin("ana", HOME)
    slowdown.succeeded("ana", HOME)
    assert [wait(slowdown, "ana", HOME) for _ in range(4)] == [0, 0, 0, 0]


def test_failures_are_forgotten(slowdown: Slowdown, clock: Clock) -> None:
    for _ in range(4):
        slowdown.begin("ana", HOME)
    clock.now += FORGOTTEN_S + 1
    assert [wait(slowdown, "ana", HOME) for _ in range(4)] == [0, 0, 0, 0]


def test_attempts_at_the_same_time_are_all_counted(slowdown: Slowdown) -> None:
    taken: list[int] = []
    threads = [threading.Thread(target=lambda: taken.append(wait(slowdown, "ana", ATTACKER))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert taken.count(0) == 4


def test_capitals_are_no_other_account(slowdown: Slowdown) -> None:
    assert [wait(slowdown, name, HOME) == 0 for name in ("ana", "ANA", "Ana", "aNa", "anA")] == [True] * 4 + [False]


def test_memory_is_bounded() -> None:
    slowdown = Slowdown(Clock(), room=100)
    for i in range(1000):
        slowdown.begin(f"user{i}" * 1000, f"2001:db8:{i:x}::1")
        slowdown.succeeded(f"known{i}", f"2001:db8:{i:x}::1")
    assert len(slowdown) <= 400


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans(), st.integers(0, 2000))))
def test_whatever_comes_nobody_waits_longer_than_a_quarter_of_an_hour(
    attempts: list[tuple[str, str, bool, int]],
) -> None:
    clock = Clock()
    slowdown = Slowdown(clock)
    for account, address, is_right, seconds in attempts:
        refused = wait(slowdown, account, address)
        assert 0 <= refused <= 900
        if is_right and not refused:
            slowdown.succeeded(account, address)
        clock.now += seconds
    assert SHARE > 3  # else the account would not be slowed by what slows its pairs
