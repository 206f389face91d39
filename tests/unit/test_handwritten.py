from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from garcom.errors import SettingsError
from garcom.handwritten import faults, in_file, listed, read_toml, unreadable
from garcom.suggestions import near


class Table(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    word: Literal["yes"] | None = None
    inner: dict[str, int] = {}


def told(document: dict[str, Any]) -> list[str]:
    return list(faults(document, Table, in_file(Path("t.toml"))))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"share": 1.0}, "share in t.toml: expected a number from 0 up and below 1, got 1.0."),
        ({"word": "no"}, 'word in t.toml: expected yes, got "no".'),
        ({"inner": 3}, "inner in t.toml: expected a table of keys and values, got 3."),
        ({"inner": {"a.b": "x"}}, 'inner."a.b" in t.toml: expected a whole number, got "x".'),
        ({"word": "n" * 200}, f'word in t.toml: expected yes, got "{"n" * 59}….'),
        ({"Shar": 1}, "Shar in t.toml is unknown. Did you mean 'share'?"),
    ],
)
def test_a_fault_is_told_in_plain_words(document: dict[str, Any], expected: str) -> None:
    assert told(document) == [expected]


def test_what_is_right_has_no_faults() -> None:
    assert told({"share": 0.5, "word": "yes", "inner": {"é": 1}}) == []


def test_one_fault_stands_alone_and_several_below_each_other() -> None:
    assert listed("keys", ["a."]) == "a."
    assert listed("keys", ["a.", "b."]) == "2 keys have to change:\n  a.\n  b."


def test_the_refusal_is_the_readers_own(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^Expected a list at .*none\.toml, and nothing is there\.$"):
        read_toml(tmp_path / "none.toml", "a list", SettingsError)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(13, "Permission denied"), "you may not read what is there"),
        (OSError(5, "Input/output error"), "it cannot be read (Input/output error)"),
        (OSError("odd"), "it cannot be read (odd)"),
    ],
)
def test_why_a_file_cannot_be_read(error: OSError, why: str) -> None:
    assert unreadable(error) == why


def test_a_suggestion_does_not_mind_capitals() -> None:
    assert near("PH", ["pH", "alcohol"]) == " Did you mean 'pH'?"
    assert near("zzz", ["pH", "alcohol"]) == ""
