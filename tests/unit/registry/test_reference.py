from __future__ import annotations

import pytest

from garcom.errors import InputError
from garcom.registry.reference import Reference, parse_reference


def test_references() -> None:
    assert parse_reference("wine") == Reference("wine", None)
    assert parse_reference("wine:12") == Reference("wine", 12)


@pytest.mark.parametrize("text", ["wine:", "wine:0", "wine:01", "wine:-1", "wine:v2", "wine:1:2", "wine:²", "wine:1 "])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InputError, match="Expected a version number after the colon, as in wine:2"):
        parse_reference(text)


@pytest.mark.parametrize("text", ["", "Wine:2", ":2", "a b"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(InputError, match="Expected the name of a model"):
        parse_reference(text)
