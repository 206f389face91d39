from __future__ import annotations

import pytest

from garcom.client import Client
from garcom.client.credentials import with_key
from garcom.errors import InputError

KEY = "gk_abcdefgh_c4nary"


def test_where_a_key_comes_from() -> None:
    told = {"GARCOM_API_KEY": KEY}
    assert with_key({}, None, {}) == {}
    assert with_key({}, None, told) == {"authorization": f"Bearer {KEY}"}
    assert with_key({}, "other", told) == {"authorization": "Bearer other"}
    assert with_key({}, "", told) == {}
    assert with_key({"Authorization": "Basic x"}, KEY, told) == {"Authorization": "Basic x"}


@pytest.mark.parametrize("key", ["c4nary\nX: y", "c4nary ", "c4naryç"])
def test_what_cannot_be_a_key_is_not_repeated(key: str) -> None:
    with pytest.raises(InputError, match="Expected an API key") as caught:
        with_key({}, key)
    assert "c4nary" not in str(caught.value)


def test_a_key_is_in_no_representation() -> None:
    with Client("http://127.0.0.1:1", api_key=KEY) as client:
        assert "c4nary" not in repr(client) + str(client) + repr(client._connection)
