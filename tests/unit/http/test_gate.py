from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from garcom.access.access_list import AccessList, ListedUser
from garcom.access.principals import ANYBODY, NOBODY, Principal
from garcom.access.roles import Grant, Permission, Role
from garcom.errors import Forbidden, ModelNotFound, Unauthenticated
from garcom.http.gate import MAX_REMEMBERED, REMEMBERED_S, Gate, owner
from garcom.http.rules import PREDICT, Reach, Rule
from tests.unit.http.keys import key_of, listed

CLIENT = Grant(Role.CLIENT, "wine")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def no_token(token: str, access: AccessList) -> tuple[Principal, float]:
    raise Unauthenticated("no token")


class Clock:
    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


def gate_of(*grants: Grant, clock: Clock | None = None, expires_at: datetime | None = None) -> Gate:
    gate = Gate(no_token, clock=clock or Clock())
    gate.follow(
        AccessList(revision=1, required=True, keys=dict(listed(grant, expires_at=expires_at) for grant in grants))
    )
    return gate


def bearer(grant: Grant) -> bytes:
    return f"Bearer {key_of(grant)}".encode()


def test_a_key_is_its_principal() -> None:
    principal = gate_of(CLIENT).identify(bearer(CLIENT))
    assert (principal.kind, principal.name, principal.grants) == ("key", key_of(CLIENT)[:11], (CLIENT,))


@pytest.mark.parametrize("scheme", [b"bearer", b"BEARER", b"Bearer", b"Bearer  "])
def test_the_scheme_has_no_case(scheme: bytes) -> None:
    assert gate_of(CLIENT).identify(scheme + b" " + key_of(CLIENT).encode()).kind == "key"


@pytest.mark.parametrize(
    "credential",
    [
        b"Bearer",
        b"Bearer ",
        b" ",
        b"Basic " + key_of(CLIENT).encode(),
        key_of(CLIENT).encode(),
        bearer(CLIENT)[:-1],
        bearer(CLIENT) + b"A",
        bearer(CLIENT) + b" ",
        b"Bearer\t" + key_of(CLIENT).encode(),
        bearer(CLIENT).lower(),
        b"Bearer " + key_of(CLIENT)[:11].encode(),
        b"Bearer gk_" + b"A" * 5000,
        b"Bearer \xff",
        b"Bearer gk_\xe9",
    ],
)
def test_what_proves_nothing(credential: bytes) -> None:
    with pytest.raises(Unauthenticated) as refused:
        gate_of(CLIENT).identify(credential)
    assert "gk_" not in str(refused.value).replace("gk_…", "")


def test_no_credential_is_nobody_and_nobody_is_asked_for_one() -> None:
    gate = gate_of(CLIENT)
    assert gate.identify(b"") is NOBODY
    with pytest.raises(Unauthenticated, match="got none"):
        gate.permit(NOBODY, PREDICT, "wine")


def test_the_hot_path_knows_whom_the_gate_has_known_before_and_only_for_models_that_it_may_use() -> None:
    gate = gate_of(CLIENT)
    assert gate.predictor(bearer(CLIENT), "wine") is None
    gate.identify(bearer(CLIENT))
    for _ in range(2):
        found = gate.predictor(bearer(CLIENT), "wine")
        assert found is not None
        assert found.name == key_of(CLIENT)[:11]
        assert gate.predictor(bearer(CLIENT), "beer") is None
        assert gate.predictor(bearer(CLIENT)[:-1] + b"B", "wine") is None
        assert gate.predictor(b"", "wine") is None


def test_a_viewer_does_not_predict() -> None:
    viewer = Grant(Role.VIEWER)
    gate = gate_of(viewer)
    gate.identify(bearer(viewer))
    assert gate.predictor(bearer(viewer), "wine") is None
    with pytest.raises(Forbidden, match="may predict for model 'wine'"):
        gate.permit(gate.identify(bearer(viewer)), PREDICT, "wine")


def test_a_new_list_forgets_everyone() -> None:
    gate = gate_of(CLIENT)
    gate.identify(bearer(CLIENT))
    gate.follow(AccessList(revision=2, required=True))
    assert gate.predictor(bearer(CLIENT), "wine") is None
    with pytest.raises(Unauthenticated):
        gate.identify(bearer(CLIENT))


def test_what_was_proved_is_proved_again_after_a_while() -> None:
    clock = Clock()
    noted: list[str] = []
    gate = Gate(no_token, noted.append, clock)
    gate.follow(AccessList(revision=1, required=True, keys=dict([listed(CLIENT)])))
    for seconds in (0.0, 1.0, REMEMBERED_S):
        clock.now += seconds
        gate.identify(bearer(CLIENT))
    assert noted == [listed(CLIENT)[0]] * 2
    clock.now += REMEMBERED_S + 1
    assert gate.predictor(bearer(CLIENT), "wine") is None


def test_a_key_ends_at_its_time_even_where_it_is_remembered() -> None:
    clock = Clock()
    gate = gate_of(CLIENT, clock=clock, expires_at=NOW + timedelta(seconds=5))
    gate.identify(bearer(CLIENT))
    clock.now += 4.9
    assert gate.predictor(bearer(CLIENT), "wine") is not None
    clock.now += 0.2
    assert gate.predictor(bearer(CLIENT), "wine") is None
    with pytest.raises(Unauthenticated):
        gate.identify(bearer(CLIENT))


def test_the_memory_is_bounded() -> None:
    proved: list[str] = []

    def everyone(token: str, access: AccessList) -> tuple[Principal, float]:
        proved.append(token)
        return Principal(kind="user", name="ana"), float("inf")

    gate = Gate(everyone, clock=Clock())
    for number in range(MAX_REMEMBERED + 1):
        gate.identify(b"Bearer %d" % number)
    gate.identify(b"Bearer 0")  # forgotten meanwhile
    assert len(proved) == MAX_REMEMBERED + 2


def test_an_open_gate_knows_everyone_as_anybody() -> None:
    gate = Gate(no_token)
    gate.follow(AccessList(revision=0, required=False))
    assert gate.identify(b"Bearer whatever") is ANYBODY
    assert gate.predictor(b"", "wine") is ANYBODY
    assert gate.is_open


def test_unknown_models_and_hidden_ones_are_told_alike() -> None:
    principal = gate_of(CLIENT).identify(bearer(CLIENT))
    said = set()
    for model in ("beer", "no-such-model"):
        with pytest.raises(ModelNotFound) as refused:
            gate_of(CLIENT).permit(principal, PREDICT, model)
        said.add(str(refused.value))
    assert len(said) == 1


def test_for_all_models_is_more_than_for_one() -> None:
    metrics = Rule(Reach.ALL, Permission.READ)
    gate = gate_of(CLIENT)
    with pytest.raises(Forbidden, match="for all models"):
        gate.permit(Principal(kind="user", name="ana", grants=(Grant(Role.VIEWER, "wine"),)), metrics)
    gate.permit(Principal(kind="user", name="ana", grants=(Grant(Role.VIEWER),)), metrics)


def test_tokens_name_users_and_keys_that_are_still_known() -> None:
    users = {"ana": ListedUser(grants=(CLIENT,), sessions_from=NOW)}
    access = AccessList(revision=1, required=True, users=users, keys=dict([listed(CLIENT)]))
    assert owner("user:ana", NOW, access).grants == (CLIENT,)
    assert owner(f"key:{key_of(CLIENT)[:11]}", NOW, access).kind == "key"
    for subject in ("user:bia", "user:", "ana", "", "key:gk_00000000", "external:ana", "User:ana"):
        with pytest.raises(Unauthenticated):
            owner(subject, NOW, access)
    with pytest.raises(Unauthenticated):
        owner("user:ana", NOW - timedelta(seconds=1), access)


def test_the_token_of_a_key_ends_with_the_key() -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    access = AccessList(revision=1, required=True, keys=dict([listed(CLIENT, expires_at=past)]))
    with pytest.raises(Unauthenticated):
        owner(f"key:{key_of(CLIENT)[:11]}", NOW, access)
