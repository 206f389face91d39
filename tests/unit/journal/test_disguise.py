from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from garcom.journal.disguise import disguise
from garcom.journal.pseudonyms import SubjectKey
from garcom.model.signature import Field, FieldType, Output, Pii, Signature

KEY = SubjectKey(bytes(32))


def signature(*kept: Pii) -> Signature:
    fields = tuple(Field(name=f"x{at}", type=FieldType.STRING, pii=pii) for at, pii in enumerate(kept))
    return Signature(fields=fields, output=Output(task="regression", names=("y",)), example={})


def test_nothing_is_done_where_every_field_is_kept() -> None:
    assert disguise(signature("keep", "keep"), KEY) is None


def test_each_field_as_it_asks() -> None:
    change = disguise(signature("keep", "drop", "mask", "mask", "hash"), KEY)
    assert change is not None
    row = ("sul", "Ana", "ana@example.org", 41, "123.456.789-00")
    written = change(row)
    assert written[:4] == ["sul", None, "***", None]
    assert len(written[4]) == 32
    assert "123" not in str(written[:4])
    assert row[1] == "Ana"
    assert change(["sul", None, None, None, None]) == ["sul", None, None, None, None]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (7, 7.0),
        (datetime(2026, 1, 2, 12, tzinfo=UTC), datetime(2026, 1, 2, 9, tzinfo=timezone(timedelta(hours=-3)))),
    ],
)
def test_a_value_has_one_hash_however_it_came(one: Any, other: Any) -> None:
    change = disguise(signature("hash"), KEY)
    assert change is not None
    assert change([one]) == change([other])


def test_other_values_have_other_hashes() -> None:
    change = disguise(signature("hash"), KEY)
    assert change is not None
    assert len({change([value])[0] for value in ("7", 7, 7.5, "Ana", "ana", True, False)}) == 7


def test_what_is_no_number_is_missing() -> None:
    change = disguise(signature("hash"), KEY)
    assert change is not None
    assert change([float("nan")]) == [None]
