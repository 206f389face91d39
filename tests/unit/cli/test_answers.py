from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from garcom.cli.answers import Answers
from garcom.client import Prediction
from garcom.errors import InputError
from garcom.serving.guards import Warned


def one(**parts: object) -> Prediction:
    return Prediction(**({"id": "a", "model": "wine", "version": 2, "prediction": "bom"} | parts))  # type: ignore[arg-type]


def told(answers: Answers) -> list[str]:
    console = Console(file=io.StringIO(), width=120, markup=False)
    answers.tell(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_flat_rows_have_the_columns_of_the_tables_that_servers_answer() -> None:
    warned = (Warned("pH", "above_range", "too high"), Warned("cor", "unseen_category", "unknown"))
    answers = Answers([one(probabilities={"bom": 0.75, "ruim": 0.25}, score=-0.5, warnings=warned)])
    assert answers.rows() == [
        {
            "id": "a",
            "prediction": "bom",
            "probability_bom": 0.75,
            "probability_ruim": 0.25,
            "score": -0.5,
            "warnings": "pH: too high; cor: unknown",
        }
    ]


def test_many_classes_show_the_probability_of_the_predicted_one() -> None:
    probabilities = {f"c{n}": n / 100 for n in range(10)}
    lines = told(Answers(one(prediction="c7", probabilities=probabilities)))
    assert lines[1].split() == ["row", "prediction", "probability"]
    assert lines[2].split() == ["0", "c7", "0.07"]


def test_labels_cannot_steer_the_terminal() -> None:
    lines = told(Answers(one(prediction="\x1b[2Jbom", warnings=(Warned("p\x07H", "x", "high"),))))
    assert "\x1b" not in "".join(lines)
    assert "\x07" not in "".join(lines)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    for ending in ("json", "csv", "parquet"):
        with pytest.raises(InputError, match=r"Cannot write .*No such file"):
            Answers(one()).write(tmp_path / "nowhere" / f"out.{ending}")
