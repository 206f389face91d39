from __future__ import annotations

import numpy as np
import pytest

from garcom.model.engines.redaction import without_values
from garcom.records import Batch

BATCH = Batch(np.array([[7.0, 123.5], [np.nan, -2.0]]), np.array([["Ana Souza"], [None]], dtype=object))


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("ValueError: unknown name 'Ana Souza'", "ValueError: unknown name '…'"),
        ("KeyError: 'ana_souza'", "KeyError: '…'"),
        ("KeyError: \"it's\", can't go on", "KeyError: '…', can't go on"),
        ("no such client: ANA SOUZA, nor souza", "no such client: …, nor …"),
        ("array of 3 with 12 columns, scaled to 4.81 or 1000", "array of 3 with 12 columns, scaled to … or …"),
        ("could not scale 7.0, 7 and 7e0 in column 3", "could not scale …, … and … in column 3"),
        ("-2 is below zero; 2 is not", "… is below zero; 2 is not"),
        ("array([123.5])", "array([…])"),
        ("não sei responder", "não sei responder"),
        ("", ""),
    ],
)
def test_no_value_of_the_rows_is_told(message: str, told: str) -> None:
    assert without_values(message, BATCH) == told


def test_blank_texts_leave_the_message_alone() -> None:
    batch = Batch(np.empty((2, 0)), np.array([[""], [" "]], dtype=object))
    assert without_values("it failed", batch) == "it failed"
