from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garcom.errors import InputError
from garcom.model.names import LENGTH_LIMIT, check_name, suggest_name


@pytest.mark.parametrize("name", ["wine", "0", "a.b_c-d", "x" * LENGTH_LIMIT])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "Wine", "-x", ".hidden", "_x", "a/b", "a:1", "ação", "a b", "x" * 101, "a\n", "٣"]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(InputError, match="Expected the name of a model"):
        check_name(name)


def test_the_error_suggests_a_name() -> None:
    with pytest.raises(InputError, match="'previsao-de-precos' would do"):
        check_name("Previsão de Preços")
    with pytest.raises(InputError, match=r"Got '模型'\.$"):
        check_name("模型")


@given(st.text())
def test_a_suggestion_is_a_name(text: str) -> None:
    near = suggest_name(text)
    assert near == "" or check_name(near) == near
