from __future__ import annotations

import msgspec
import pytest

from garcom.rates import Limits, Rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("", None),
        ("100/1s", (100, 1)),
        ("500/10s", (500, 10)),
        ("9/2m", (9, 120)),
        ("1/24h", (1, 86400)),
        ("1/2d", (1, 172_800)),
    ],
)
def test_rates_as_they_are_written(text: str, rate: tuple[int, int] | None) -> None:
    assert Rate.read(text) == rate


@pytest.mark.parametrize(
    "text", ["100", "0/1s", "1/0s", "-1/1s", "1.5/1s", "1/1.5s", "1/s", " 1/1s", "1/1s\n", "1/1w", "9" * 10 + "/1s"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Expected"):
        Rate.read(text)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"requests": text}, Limits)


def test_a_limit_that_is_left_open_is_that_of_the_defaults() -> None:
    own, defaults = Limits(requests="1/1s", concurrent=2), Limits(requests="5/1s", rows="7/1s", daily_rows=9)
    assert own.over(defaults) == Limits(requests="1/1s", rows="7/1s", concurrent=2, daily_rows=9)
