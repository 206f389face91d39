from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from garcom.monitoring import records
from garcom.monitoring.records import Bar, Confusion, Figure, Report, Traffic
from garcom.monitoring.report.column_chart import MOST_BARS
from garcom.monitoring.report.names import NAMES, named
from garcom.monitoring.report.page import page
from garcom.report_page.writing import LANGUAGES
from tests.unit.monitoring.report.reports import (
    BARE,
    DRIFT,
    EMPTY,
    GONE,
    HOSTILE,
    PERFORMANCE,
    QUALITY,
    RICH,
    SINCE,
    large,
)

SHOWN = HOSTILE.replace("\x00", "\ufffd")


def body_of(report: Report, language: str = "en") -> ElementTree.Element:
    body = ElementTree.fromstring(page(report, language)).find("body")
    assert body is not None
    return body


def text_of(report: Report, language: str = "en") -> str:
    """What the page says, as a reader sees it."""
    return " ".join(" ".join(body_of(report, language).find("main").itertext()).split())  # type: ignore[union-attr]


def changed(part: str, **changes: Any) -> Report:
    return msgspec.structs.replace(RICH, **{part: msgspec.structs.replace(getattr(RICH, part), **changes)})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("report", [RICH, EMPTY, BARE], ids=["rich", "empty", "bare"])
def test_the_page_is_whole_and_fetches_nothing(report: Report, language: str) -> None:
    written = page(report, language)
    document = ElementTree.fromstring(written)
    assert {element.tag for element in document.iter()}.isdisjoint({"link", "img", "iframe", "base", "b"})
    assert not re.search(r"https?://|url\(|@import", written)
    assert not any(name == "src" for element in document.iter() for name in element.attrib)
    links = {element.get("href", "") for element in document.iter("a")}
    assert {link.removeprefix("#") for link in links} <= {element.get("id") for element in document.iter()}
    assert "prefers-color-scheme: dark" in written
    assert document.get("lang") == ("pt-BR" if language == "pt" else "en")


def test_its_policy_lets_its_own_script_run_and_no_other() -> None:
    document = ElementTree.fromstring(page(RICH))
    (script,) = document.iter("script")
    policy = next(meta.get("content", "") for meta in document.iter("meta") if meta.get("http-equiv"))
    digest = b64encode(sha256((script.text or "").encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_hostile_names_stay_text() -> None:
    document = body_of(RICH)
    columns = [row.get("data-column") for row in document.iter("tr") if row.get("data-column")]
    assert SHOWN in columns
    assert SHOWN in text_of(RICH)


def test_it_says_everything_in_english() -> None:
    said = text_of(RICH)
    for words in (
        "Look at this attention: 2 of 4 features drifted: pH, taste.",
        "1,599 current rows against 4,898 reference rows.",
        "and its effect is at least 0.1.",
        "pH drifted 0.369 0.41 0.9 < 0.0001 3.19 3.6 0.41 1.23 0.6724 0.41 0.369 –",
        "taste drifted 0.044 0.22 0.2 < 0.0001 – – – – 0.1936 0.22 0.198 22",
        "sulphates not said – – – –",
        "principal components: reconstruction error drifted 2.31 1.87 0.4 < 0.0001",
        "812 of 1,599 predictions have their actual: 50.80%",
        "accuracy 0.71 0.68 – 0.74 812 0.8 worse 0.74 (0.72–0.76)",
        "business value of a row – no cost matrix was given",
        "2026-11-19 00:00 UTC 228 12 5.26% – not enough rows: 12 of 100 0.72 (0.68–0.76)",
        "accuracy CBPE 0.74 (0.72–0.76) 0.71 (0.68–0.74)",
        "accuracy 5 0.021 0.018 80.00%",
        "bom 400 120 ruim 115 177",
        "region=SP ▲ 0.60 (0.57–0.63) 0.70 (0.67–0.73)",
        "region=RJ 0.72 (0.69–0.75) –",
        "ADWIN changed 2026-11-17 07:00 UTC 0.2 0.31 –",
        "KSWIN not said",
        "Rows: 1,599. Duplicated rows: 2.00%. Refused requests: 17. Last row: 2026-11-20 23:57 UTC.",
        "silence all rows no row came for 3 hours",
        "density constant 1,599 0.00% – – – 3",
        f"taste 1,599 0.00% 1.00% – 190 0 {SHOWN}, salty",
        "firing critical wine.accuracy < 0.80 over 24h accuracy 0.71 over 24h acknowledged by ana",
        "Drift sulphates not enough rows: 12 of 100",
        "Performance region=RJ: f1 not enough rows: 40 of 100",
    ):
        assert words in said


def test_it_says_it_in_portuguese_with_decimal_commas() -> None:
    said = text_of(RICH, "pt")
    for words in (
        "Requer atenção atenção: Mudaram 2 de 4 variáveis: pH, taste.",
        "pH mudou 0,369 0,41 0,9 < 0,0001 3,19 3,6",
        "812 de 1.599 previsões têm o valor real: 50,80%",
        "acurácia 0,71 0,68 – 0,74 812 0,8 pior 0,74 (0,72–0,76)",
        "silêncio todas as linhas",
        "disparado crítico",
    ):
        assert words in said


def test_drawings_are_told_to_those_who_cannot_see_them() -> None:
    drawings = list(body_of(RICH).iter("svg"))
    assert len(drawings) == 4 + 1 + 2  # columns with bars, accuracy over time, rows and faults over time
    assert all(drawing.get("role") == "img" and drawing.get("aria-label") for drawing in drawings)
    told = {drawing.get("aria-label"): drawing.findtext("desc") for drawing in drawings}
    assert told["accuracy over time"] == (
        "7 windows from 2026-11-14 00:00 UTC until 2026-11-21 00:00 UTC. Least 0.720, greatest 0.800, last 0.720."
    )
    assert told["Rows over time"] is not None
    assert "the fewest 0." in told["Rows over time"]
    (ph,) = (drawing for drawing in drawings if drawing.get("aria-label") == "Shares of pH, reference and current")
    titles = [title.text for title in ph.iter("title")]
    assert len(titles) == 2 * 12
    assert titles[0] == "2.7 – 2.8: 1.33% before, 0.01% now"


def test_what_drifted_is_open_and_the_rest_is_folded() -> None:
    opened = {each.get("data-column"): each.get("open") for each in body_of(RICH).iter("details") if each.get("id")}
    assert opened == {"pH": "open", "taste": "open", SHOWN: None, "prediction": None}


def test_nothing_is_told_of_what_is_not_there() -> None:
    said = text_of(EMPTY)
    assert "Too little is known" in said
    assert said.count("version 3 has no reference profile: pack it with --data") == 3  # verdict, part, list of reasons
    assert "0 of 0 predictions have their actual: –" in said
    assert list(body_of(EMPTY).iter("svg")) == []
    assert "This report has nothing to say." in text_of(BARE)


def test_one_reason_is_told_once_for_all_that_it_keeps_from_being_said() -> None:
    few = Figure(value=None, why="not enough rows: 0 of 100")
    report = changed("performance", metrics={"accuracy": few, "f1": few}, segments={"region=RJ": {"f1": few}})
    assert "Performance accuracy, F1, region=RJ: f1 not enough rows: 0 of 100" in text_of(report).replace(" ,", ",")


def test_a_sample_is_told() -> None:
    assert "an even sample of 500,123 was scored" in text_of(changed("performance", sampled=500123))
    assert "even sample" not in text_of(RICH)


def test_windows_without_numbers_draw_no_line() -> None:
    nothing = Figure(value=None, why="no actuals yet")
    endless = Figure(value=float("inf"), low=0.0, high=float("nan"))
    windows = tuple(
        msgspec.structs.replace(window, metrics={"accuracy": nothing, "f1": endless}, estimates=())
        for window in PERFORMANCE.windows
    )
    labels = {drawing.get("aria-label") for drawing in body_of(changed("performance", windows=windows)).iter("svg")}
    assert not any("accuracy" in (label or "") or "F1" in (label or "") for label in labels)
    one = (msgspec.structs.replace(PERFORMANCE.windows[0], estimates=()),)
    drawn = body_of(changed("performance", windows=one))
    assert len(list(drawn.iter("circle"))) == 1


@pytest.mark.parametrize("n", [0, 1])
def test_little_traffic_is_drawn_too(n: int) -> None:
    traffic = tuple(Traffic(since=SINCE, rows=0) for _ in range(n))
    labels = [drawing.get("aria-label") for drawing in body_of(changed("quality", traffic=traffic)).iter("svg")]
    assert ("Rows over time" in labels) == bool(n)
    assert "Share of faulty values over time" not in labels
    assert QUALITY.traffic


def test_a_column_without_values_says_so() -> None:
    empty = msgspec.structs.replace(GONE, bars=(Bar(label="all", reference=0.0, current=0.0),))
    assert "All values are missing, or there are none." in text_of(changed("drift", columns=(empty,)))


def test_many_bars_and_many_labels_are_cut_and_counted() -> None:
    bars = tuple(Bar(label=f"c{i}", reference=i / 5000, current=0.01) for i in range(100))
    wide = msgspec.structs.replace(DRIFT.columns[1], bars=bars)
    report = changed("drift", columns=(wide,))
    assert f"The {MOST_BARS} bars with the greatest shares of 100." in text_of(report)
    labels = tuple(f"l{i}" for i in range(30))
    many = Confusion(labels=labels, counts=tuple((1,) * 30 for _ in range(31)))
    said = text_of(changed("performance", confusion=many))
    assert "The first 20 of 30 labels; all are in the JSON." in said
    few = Confusion(labels=("a", "b"), counts=((1, 2), (3, 4), (5, 6)))
    assert "a 1 2 b 3 4 … 5 6" in text_of(changed("performance", confusion=few))


def test_hundreds_of_columns_make_a_page_that_opens() -> None:
    assert len(page(large()).encode()) < 3_000_000


def test_everything_that_the_records_name_has_a_name_in_both_languages() -> None:
    fields = [
        (records.Finding, "kind"), (records.Estimate, "method"), (records.ConceptChange, "method"),
        (records.JointDrift, "method"), (records.DriftReport, "reference"), (records.AlertState, "state"),
        (records.AlertState, "severity"),
    ]  # fmt: skip
    for record, field in fields:
        kinds = msgspec.inspect.type_info(record)
        literal = next(each.type for each in kinds.fields if each.name == field)  # type: ignore[attr-defined]
        for name in literal.values:
            assert all(name in NAMES[language] for language in LANGUAGES), name
    assert NAMES["en"].keys() == NAMES["pt"].keys()
    assert named("pt", "mae[preço]") == "média de |erro| [preço]"
    assert named("en", "something new") == "something new"
