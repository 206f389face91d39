from __future__ import annotations

import msgspec
import pytest

from garcom.monitoring.records import NEW_COLUMNS, OTHER_VERSIONS, ColumnDrift, DriftReport, Figure, Report
from garcom.monitoring.report.phrases import PHRASES
from garcom.monitoring.report.verdict import Sentence, state_of, verdict
from garcom.report_page.writing import LANGUAGES
from tests.unit.monitoring.report.reports import BARE, DRIFT, EMPTY, PERFORMANCE, QUALITY, RICH, SCOPE, column, large


def said(report: Report, language: str = "en") -> list[str]:
    return [sentence.text for sentence in verdict(report, language)]


def test_the_most_important_is_said_in_english() -> None:
    assert said(RICH) == [
        "2 of 4 features drifted: pH, taste.",
        "Of 1 of 4 features, drift cannot be told.",
        "The columns moved together (principal components: reconstruction error).",
        "Accuracy 0.71 (0.68–0.74), estimated 0.740, baseline 0.800: worse than the baseline.",
        "The errors have changed (ADWIN, last quarter against the rest), last at 2026-11-17 07:00 UTC.",
        "3 findings in the data: missing values, unseen categories, silence.",
        "1 alert is firing: accuracy 0.71 over 24h.",
    ]
    assert state_of(verdict(RICH)) == "bad"


def test_it_is_said_in_portuguese_with_decimal_commas() -> None:
    assert said(RICH, "pt")[:4] == [
        "Mudaram 2 de 4 variáveis: pH, taste.",
        "De 1 de 4 variáveis não se pode dizer se mudaram.",
        "As colunas mudaram em conjunto (componentes principais: erro de reconstrução).",
        "Acurácia 0,71 (0,68–0,74), estimativa 0,740, linha de base 0,800: pior que a linha de base.",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_known_is_no_good_news(language: str) -> None:
    sentences = verdict(EMPTY, language)
    assert [(each.part, each.state) for each in sentences] == [
        ("drift", "unknown"), ("performance", "unknown"), ("quality", "unknown"),
    ]  # fmt: skip
    assert "version 3 has no reference profile: pack it with --data." in sentences[0].text
    assert state_of(sentences) == state_of(verdict(BARE, language)) == "unknown"


def test_before_the_truth_is_there_the_estimate_is_said_to_be_one() -> None:
    waiting = msgspec.structs.replace(
        PERFORMANCE, metrics={"accuracy": Figure(value=None, why="not enough rows: 12 of 100")}, changes=()
    )
    assert said(Report(title="wine", made_at=RICH.made_at, performance=waiting)) == [
        "No actuals tell yet; accuracy is estimated at 0.74 (0.72–0.76), baseline 0.800: worse than the baseline."
    ]
    nothing = msgspec.structs.replace(waiting, estimates=())
    assert said(Report(title="wine", made_at=RICH.made_at, performance=nothing)) == [
        "Performance cannot be told: not enough rows: 12 of 100."
    ]


def test_no_drift_is_said_of_those_columns_that_were_looked_at() -> None:
    steady = DriftReport(
        scope=SCOPE, reference="training", rows_reference=9, rows_current=9, drifted=True,
        columns=(column("a", 0.01, 1.0), ColumnDrift(
            column="prediction", role="prediction", kind="number", rows_reference=9, rows_current=9, drifted=True
        )),
    )  # fmt: skip
    assert verdict(msgspec.structs.replace(BARE, drift=steady)) == [
        Sentence("drift", "fine", "No feature of 1 drifted."),
        Sentence("drift", "bad", "The predictions drifted."),
    ]


def test_long_lists_are_cut_and_counted() -> None:
    assert said(large())[0] == "30 of 200 features drifted: feature_000, feature_001, feature_002 and 27 more."


def test_good_data_are_said_to_be_good() -> None:
    good = msgspec.structs.replace(QUALITY, findings=())
    fine = verdict(Report(title="wine", made_at=RICH.made_at, quality=good))
    assert fine == [Sentence("quality", "fine", "The data are as they should be.")]
    assert state_of(fine) == "fine"
    assert DRIFT.drifted


def test_both_languages_have_the_same_phrases_with_the_same_places() -> None:
    assert set(PHRASES) == set(LANGUAGES)
    assert PHRASES["en"].keys() == PHRASES["pt"].keys()
    places = {
        language: {name: sorted(part.split("}")[0] for part in text.split("{")[1:]) for name, text in phrases.items()}
        for language, phrases in PHRASES.items()
    }
    assert places["en"] == places["pt"]


def test_what_is_beside_the_report_is_said() -> None:
    report = Report(
        title="m:2", made_at=RICH.made_at, details={NEW_COLUMNS: ["tenure_months", "x"], OTHER_VERSIONS: ["m:1"]}
    )
    assert said(report) == [
        "2 columns are new, the reference does not have them: tenure_months, x.",
        "m:1 answered in this window too: a report of its own tells of it.",
    ]
    assert said(report, "pt")[1] == "m:1 também respondeu neste período: outro relatório trata dela."
    assert state_of(verdict(report)) == "unknown"
