"""API keys: their shape and digest."""

from __future__ import annotations

import hashlib

import pytest

from garcom.access.api_keys import digest, is_key, is_prefix, make_key


def test_keys_have_their_shape_and_never_come_twice() -> None:
    made = [make_key() for _ in range(200)]
    assert len({new.text for new in made}) == len({new.prefix for new in made}) == 200
    for new in made:
        assert is_key(new.text)
        assert is_prefix(new.prefix)
        assert new.text.startswith(f"{new.prefix}_")
        assert digest(new.text) == hashlib.sha256(new.text.encode()).hexdigest()


def test_what_prints_a_new_key_does_not_print_it() -> None:
    new = make_key()
    assert new.text[12:] not in f"{new!r} {[new]}"


@pytest.mark.parametrize("text", ["", "gk_", "gk_abcdefgh", "gk_abcdefgh_" + "a" * 42, "xx_abcdefgh_" + "a" * 43])
def test_other_texts_are_no_keys(text: str) -> None:
    assert not is_key(text)


def test_a_line_break_at_the_end_makes_no_key() -> None:
    assert not is_key(make_key().text + "\n")
    assert not is_prefix(make_key().prefix + "\n")
    assert not is_prefix(make_key().text)


def test_any_text_has_a_digest() -> None:
    assert len({digest("\ud800"), digest("é"), digest("")}) == 3
