from __future__ import annotations

import polars as pl
import pytest

from garcom.monitoring.compare import compare_frames
from garcom.monitoring.report.page import page
from garcom.monitoring.report.reasons import language_of, reason
from garcom.monitoring.report.verdict import verdict


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        ("not enough rows: 12 of 100", "linhas insuficientes: 12 de 100"),
        ("not enough rows of the reference: 5 of 100", "linhas insuficientes na referência: 5 de 100"),
        ("the column has vanished: no row has it", "a coluna sumiu: nenhuma linha a tem"),
        (
            "12.0% of the values of 'a <b> (of)' are outside the range of the reference.",
            "12,0% dos valores de 'a <b> (of)' estão fora da faixa da referência.",
        ),
    ],
)
def test_reasons_are_told_in_portuguese(english: str, portuguese: str) -> None:
    assert reason("pt", english) == portuguese
    assert reason("en", english) == english
    assert (language_of("pt", english), language_of("en", english)) == ("pt-BR", "en")


def test_what_is_not_known_stays_english_and_says_so() -> None:
    assert reason("pt", "something else") == "something else"
    assert language_of("pt", "something else") == "en"


def test_findings_and_reasons_of_a_page_are_in_its_language() -> None:
    left = pl.DataFrame({"a": [1.0, 2.0] * 100, "b": ["x", "y"] * 100, "c": [1.0, 3.0] * 100})
    right = pl.DataFrame({"a": [9.0] * 150, "b": ["z"] * 150})
    text = page(compare_frames(left, right), "pt")
    assert "estão fora da faixa da referência" in text
    assert "a coluna sumiu: nenhuma linha a tem" in text
    for english in ("are outside the range", "has vanished", "No row has", "which varies"):
        assert english not in text
    few = verdict(compare_frames(left, right[:7]), "pt")
    assert any("linhas insuficientes: 7 de 100" in sentence.text for sentence in few)
