from __future__ import annotations

import pytest

from garcom.errors import InputError, NotFound
from garcom.monitoring.alerts.short_ids import meant

FIRST, SECOND = "019aa8f2-7f30-7a52-b2a6-6ad8f3b0c6d1", "019aa8f2-7f30-7a52-b2a6-7ad8f3b0c6d1"
OTHER = "019aa900-0000-7a52-b2a6-6ad8f3b0c6d1"
IDS = {FIRST, SECOND, OTHER}


def test_an_id_or_the_beginning_of_one() -> None:
    assert meant(FIRST, IDS, "an alert") == FIRST
    assert meant(FIRST[:25], IDS, "an alert") == FIRST
    assert meant(OTHER[:8], IDS, "an alert") == OTHER
    assert meant("short", {"short"}, "an alert") == "short"


def test_the_beginning_of_several() -> None:
    with pytest.raises(InputError, match=f"is that of 2: {FIRST}, {SECOND}. Those made at the same time begin alike"):
        meant(FIRST[:20], IDS, "an alert")
    many = [f"019aa8f2-{number:04}" for number in range(9)]
    with pytest.raises(InputError, match=r"019aa8f2-0004 and 4 more\. "):
        meant("019aa8f2", many, "an alert")


@pytest.mark.parametrize("text", ["", FIRST[:7], FIRST + "0", "019aa8ff", "none", "%%%%%%%%", "0" * 10_000])
def test_what_is_no_beginning(text: str) -> None:
    with pytest.raises(NotFound, match="Expected the id of an alert"):
        meant(text, IDS, "an alert")
