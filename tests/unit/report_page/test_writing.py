from __future__ import annotations

from datetime import UTC, datetime

import pytest

from garcom.report_page.writing import Writing

ENGLISH, PORTUGUESE = Writing("en"), Writing("pt")


@pytest.mark.parametrize(
    ("value", "english", "portuguese"),
    [
        (1_234_567, "1,234,567", "1.234.567"),
        (1234.5, "1,234", "1.234"),
        (0.123456, "0.1235", "0,1235"),
        (123456.7, "123,457", "123.457"),
        (None, "–", "–"),
        (float("nan"), "–", "–"),
    ],
)
def test_numbers(value: float | None, english: str, portuguese: str) -> None:
    assert (ENGLISH.number(value), PORTUGUESE.number(value)) == (english, portuguese)


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [
        (0.7111, 0.68, 0.74, "0.71 (0.68–0.74)"),
        (0.71111, 0.7093, 0.7151, "0.711 (0.709–0.715)"),
        (1234.4, 1200.0, 1290.0, "1,234 (1,200–1,290)"),
        (0.5, 0.5, 0.5, "0.500 (0.500–0.500)"),
        (0.71234, None, None, "0.712"),
        (0.00001234, None, None, "1.234e-05"),
        (12345.6, None, None, "12,346"),
        (None, 0.1, 0.2, "–"),
        (float("inf"), 0.1, 0.2, "–"),
        (0.5, float("nan"), 0.6, "0.500"),
    ],
)
def test_an_interval_has_the_decimals_that_it_tells_apart(
    value: float | None, low: float | None, high: float | None, told: str
) -> None:
    assert ENGLISH.interval(value, low, high) == told


def test_the_language_writes_its_own_signs() -> None:
    assert PORTUGUESE.interval(1234.4, 1200.0, 1290.0) == "1.234 (1.200–1.290)"
    assert PORTUGUESE.percent(0.99899) == "99,90%"
    assert PORTUGUESE.duration(1234.5) == "1,234 ms"
    assert PORTUGUESE.p_value(0.03456) == "0,0346"
    assert ENGLISH.p_value(1e-12) == "< 0.0001"
    assert ENGLISH.p_value(None) == ENGLISH.percent(None) == ENGLISH.moment(None) == "–"
    assert ENGLISH.moment(datetime(2026, 11, 21, 10, 30, tzinfo=UTC)) == "2026-11-21 10:30 UTC"
