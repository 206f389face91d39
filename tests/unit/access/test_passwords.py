"""Passwords: which are refused, what is stored, and that nothing tells more than it should."""

from __future__ import annotations

import pytest

from garcom.access.password_rule import LONGEST, check_password, generated_password
from garcom.access.passwords import Passwords
from garcom.errors import InputError
from tests.unit.access.opened import CHEAP, PASSWORD


def test_the_parameters_are_those_of_rfc_9106() -> None:
    assert Passwords().hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_only_the_password_itself_verifies() -> None:
    passwords = Passwords(**CHEAP)
    stored = passwords.hash(PASSWORD)
    assert passwords.verify(stored, PASSWORD)
    wrong = (PASSWORD + " ", PASSWORD.upper(), "", "\ud800", "x" * 10_000_000, stored)
    assert not any(passwords.verify(stored, each) for each in wrong)
    assert passwords.hash(PASSWORD) != stored  # salted


def test_nothing_verifies_where_nothing_is_stored() -> None:
    passwords = Passwords(**CHEAP)
    assert not passwords.verify(None, PASSWORD)
    assert not passwords.verify(None, passwords._dummy)
    assert not passwords.verify("not a hash", PASSWORD)


def test_the_same_text_in_another_unicode_form_is_the_same_password() -> None:
    passwords = Passwords(**CHEAP)
    assert passwords.verify(passwords.hash("senha da vov\u00f3"), "senha da vovo\u0301")


def test_a_hash_of_other_parameters_is_outdated_and_still_verifies() -> None:
    old, new = Passwords(**CHEAP), Passwords(passes=2, memory_kib=8, lanes=1)
    stored = old.hash(PASSWORD)
    assert new.verify(stored, PASSWORD)
    assert new.is_outdated(stored)
    assert not old.is_outdated(stored)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short pw!",
        "x" * (LONGEST + 1),
        "aaaaaaaaaaaa",
        "0000000000",
        "ana.monteiro1",
        "Password123",
        "1234567890",
        "qwertyuiop",
        "ana.monteiro",
        "Ana.Monteiro2026!",
        "line\nbreak in it",
        "a tab\tin it here",
        "half a pair \ud800 here",
    ],
)
def test_bad_passwords_are_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(InputError) as caught:
        check_password(password, "ana.monteiro")
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize(
    "password", [PASSWORD, "x7#kQ9!zLp", "ção de três palavras", "密码密码很长的一个密码短语", "y z" * 333]
)
def test_good_passwords_are_taken(password: str) -> None:
    assert check_password(password, "ana") == password


def test_generated_passwords_are_good_and_never_the_same() -> None:
    made = {generated_password() for _ in range(100)}
    assert len(made) == 100
    assert all(check_password(password, "admin") for password in made)
