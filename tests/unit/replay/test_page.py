from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, get_args
from xml.etree import ElementTree

import msgspec
import pytest

from garcom.replay.numbers import share
from garcom.replay.page import page
from garcom.replay.phrases import PHRASES
from garcom.replay.records import (
    Change,
    DifferentRow,
    Distribution,
    Errors,
    Histogram,
    Latency,
    Reason,
    Refusal,
    ReplayReport,
    Truth,
    ValueDifferences,
)
from garcom.report_page.writing import LANGUAGES

SPREAD = Distribution(
    n=1_000_001,
    mean=0.0,
    least=-1.5,
    greatest=1.5,
    quantiles={"p1": -1.4, "p5": -1.2, "p25": -0.5, "p50": 0.0, "p75": 0.5, "p90": 1.1, "p95": 1.2, "p99": 1.4},
    histogram=Histogram(edges=(-1.5, -0.5, 0.5, 1.5), counts=(10, 0, 1)),
    sampled=True,
)
NOTHING = Distribution(n=0, mean=None, least=None, greatest=None, quantiles={}, histogram=None)
#: Everything that a report can have, whether it occurs together or not.
FULL = ReplayReport(
    candidate="wine:4",
    against="log",
    task="classification",
    since=datetime(2026, 11, 14, tzinfo=UTC),
    until=datetime(2026, 11, 21, tzinfo=UTC),
    version=3,
    made_at=datetime(2026, 11, 21, 10, 30, tzinfo=UTC),
    rows=1_234_567,
    replayed=1_000_001,
    refused=234_566,
    too_few=False,
    tolerance=0.01,
    agreement=share(999_000, 1_000_001),
    refusals=tuple(
        Refusal(by="log", reason=reason, field="<script>alert(1)</script>", rows=3, detail="got 1 & 2")
        for reason in get_args(Reason)
    ),
    changes=(Change(old="bom", new="<b>ruim</b>", rows=1001, share=0.001),),
    n_changes=1001,
    probabilities=SPREAD,
    values=(ValueDifferences(name="preço", difference=SPREAD, relative=NOTHING, correlation=None),),
    truth=Truth(
        rows=10,
        old=share(8, 10),
        new=share(9, 10),
        fixed=2,
        broken=1,
        errors=(Errors(name="preço", rows=10, old_mae=1.0, new_mae=0.5, old_rmse=2.0, new_rmse=1.5),),
    ),
    latency=(
        Latency(of="wine:4", rows_per_call=1024, calls=20, p50_us=0.5, p99_us=1234.5),
        Latency(of="log", rows_per_call=None, calls=20, p50_us=400.0, p99_us=2e6),
    ),
    most_different=(
        DifferentRow(id="01a1", old={"preço": 1.5, "x": 2.0}, new="ruim", difference=None),
        DifferentRow(id="01a2", old=1.25, new=2.25, difference=1.0),
    ),
)


def text_of(language: str, **changes: Any) -> str:
    """What the page says, as a reader sees it."""
    document = ElementTree.fromstring(page(msgspec.structs.replace(FULL, **changes), language))
    body = document.find("body")
    assert body is not None
    return " ".join(" ".join(body.itertext()).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_and_fetches_nothing(language: str) -> None:
    written = page(FULL, language)
    document = ElementTree.fromstring(written)
    assert {element.tag for element in document.iter()}.isdisjoint({"script", "link", "img", "iframe", "base", "b"})
    assert not re.search(r"https?://|//\w|url\(|@import", written)
    assert not any(name in ("src", "href") for element in document.iter() for name in element.attrib)
    assert "default-src 'none'" in written
    assert "prefers-color-scheme: dark" in written
    assert len(list(document.iter("svg"))) == 2  # of two distributions with numbers
    assert len(list(document.iter("rect"))) == 2 * 2  # a bin without rows has no bar


def test_it_says_everything_in_english() -> None:
    said = text_of("en")
    for words in (
        "wine:4 beside what was answered then",
        "Predictions from 2026-11-14 00:00 UTC until 2026-11-21 00:00 UTC, answered by version 3.",
        "Agreement 99.90%",
        "95 % interval: 99.89% – 99.91%",
        "1,000,001 replayed; 1,234,567 found in the log",
        "what was answered then personal: not stored as it was <script>alert(1)</script> 3 got 1 & 2",
        "bom <b>ruim</b> 1,001 0.10%",
        "-1.5 -1.4 -1.2 -0.5 0 0.5 1.2 1.4 1.5 0",
        "Correlation of old and new (preço): –",
        "Accuracy 80.00% (49.02% – 94.33%) 90.00%",
        "2 wrong before, right now; 1 right before, wrong now.",
        "wine:4 1,024 rows 0.5 µs 1.234 ms",
        "what was answered then whole requests 400 µs 2 s",
        "01a1 preço 1.5, x 2 ruim",
    ):
        assert words in said


def test_it_says_it_in_portuguese_with_decimal_commas() -> None:
    said = text_of("pt")
    for words in (
        "wine:4 comparada com o que foi respondido na época",
        "Concordância 99,90%",
        "1.000.001 repetidas; 1.234.567 encontradas no registro",
        "-1,5 -1,4 -1,2 -0,5 0 0,5 1,2 1,4 1,5 0",
        "wine:4 1.024 linhas 0,5 µs 1,234 ms",
    ):
        assert words in said


def test_few_rows_and_none_are_said_so() -> None:
    assert "too few rows to judge by" in text_of("en", too_few=True, replayed=7)
    nothing = text_of(
        "en", replayed=0, too_few=True, agreement=share(0, 0), changes=(), probabilities=None, values=(), truth=None,
        latency=(), most_different=(), since=None, until=None, version=None,
    )  # fmt: skip
    assert "nothing can be said of the candidate" in nothing
    assert "Agreement –" in nothing
    assert "Predictions of all times." in nothing


def test_both_languages_have_the_same_phrases_and_every_reason_has_one() -> None:
    assert PHRASES["en"].keys() == PHRASES["pt"].keys()
    assert set(get_args(Reason)) <= PHRASES["en"].keys()
    assert set(PHRASES) == set(LANGUAGES)
