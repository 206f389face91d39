"""Grants as people write them, and the names of those who hold them."""

from __future__ import annotations

import pytest

from garcom.access.grants import MOST, check_grants, check_holder_name, parse_grant
from garcom.access.roles import Grant, Role
from garcom.errors import InputError


@pytest.mark.parametrize("text", ["viewer", "client:wine", "admin", "trainer:a.b-c_2"])
def test_a_grant_reads_as_it_is_written(text: str) -> None:
    assert str(parse_grant(text)) == text


def test_a_star_means_all_models() -> None:
    assert parse_grant("client:*") == parse_grant("client") == Grant(Role.CLIENT)


@pytest.mark.parametrize("text", ["", ":", "root", "Viewer", "viewer:", "viewer:Wine", "viewer:a b", "client:wine:2"])
def test_other_texts_are_no_grants(text: str) -> None:
    with pytest.raises(InputError):
        parse_grant(text)


def test_a_misspelt_role_is_guessed() -> None:
    with pytest.raises(InputError, match="Did you mean 'viewer'"):
        parse_grant("veiwer:wine")


def test_grants_are_in_order_each_once_and_not_without_end() -> None:
    wine, every = Grant(Role.CLIENT, "wine"), Grant(Role.ADMIN)
    assert check_grants([wine, every, wine]) == (every, wine)
    with pytest.raises(InputError, match="at most 500"):
        check_grants(Grant(Role.CLIENT, f"m{number}") for number in range(MOST + 1))
    with pytest.raises(InputError, match="name of a model"):
        check_grants([Grant(Role.CLIENT, "../wine")])


@pytest.mark.parametrize("name", ["a", "ana", "Ana.Monteiro+lab@example.org", "_svc-1", "x" * 100])
def test_names_of_holders(name: str) -> None:
    assert check_holder_name(name, "a user") == name


@pytest.mark.parametrize(
    "name",
    ["", " ", "ana\n", "a b", "ana\x00", "\x1b[31mana", "аnа", "ána", "a/b", "user:ana", "x" * 101, "%61na", "*"],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="name of a user") as caught:
        check_holder_name(name, "a user")
    assert str(caught.value).isprintable()
