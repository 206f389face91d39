"""``garcom predict`` against a real server, as a person and as a script use it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from garcom.cli import app
from garcom.errors import GarcomError
from tests.integration.client.conftest import wines

ROW = {"pH": 3.0, "doçura": 12.5, "cor": "tinto"}


class Terminal:
    """Runs ``garcom predict`` against one server."""

    def __init__(self, address: str) -> None:
        self.environment = {"GARCOM_URL": address, "COLUMNS": "120"}

    def __call__(self, *arguments: str | Path, stdin: bytes | None = None) -> str:
        command = ["predict", *map(str, arguments)]
        result = CliRunner().invoke(app, command, env=self.environment, input=stdin)
        if isinstance(result.exception, GarcomError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture
def predict(address: str) -> Terminal:
    return Terminal(address)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "bom.json"
    path.write_text(json.dumps(ROW))
    return path


def test_a_record_for_people(predict: Terminal, record: Path) -> None:
    said = predict("vinho", record)
    assert "Answered by vinho:1" in said
    assert "probability_ruim" in said
    assert "0  bom" in said


def test_a_record_for_scripts(predict: Terminal, record: Path) -> None:
    found = json.loads(predict(record, "--json"))
    assert (found["model"], found["version"], found["prediction"]) == ("vinho", 1, "bom")
    assert set(found["probabilities"]) == {"bom", "ruim"}


@pytest.mark.parametrize("arguments", [("vinho:2",), ("vinho", "--version", "2"), ("--version", "2")])
def test_one_version(predict: Terminal, record: Path, arguments: tuple[str, ...]) -> None:
    assert json.loads(predict(*arguments, record, "--json"))["version"] == 2


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ROW, ROW]),
        json.dumps({"records": [ROW, ROW]}),
        json.dumps({"columns": list(ROW), "index": [0, 1], "data": [list(ROW.values())] * 2}),
        f"{json.dumps(ROW)}",
        "pH,doçura,cor\n3.0,12.5,tinto\n3.0,12.5,tinto\n",
    ],
)
def test_every_form_from_standard_input(predict: Terminal, text: str) -> None:
    found = json.loads(predict("-", "--json", stdin=text.encode()))
    listed = found if isinstance(found, list) else [found]
    assert {one["prediction"] for one in listed} == {"bom"}


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "arrow"])
def test_a_file_of_rows_in_every_form(predict: Terminal, tmp_path: Path, ending: str) -> None:
    rows = wines(50)
    path, out = tmp_path / f"rows.{ending}", tmp_path / "answers.csv"
    write = {
        "csv": lambda: rows.to_csv(path, index=False, sep=";", decimal=","),
        "json": lambda: rows.to_json(path, orient="records"),
        "jsonl": lambda: rows.to_json(path, orient="records", lines=True),
        "parquet": lambda: rows[::2].to_parquet(path),  # with an index that pandas keeps as a column
        "arrow": lambda: rows.to_feather(path),
    }
    write[ending]()
    assert predict("vinho", path, "--out", out) == ""
    answers = pd.read_csv(out)
    expected = rows[::2] if ending == "parquet" else rows
    assert len(answers) == len(expected)
    assert answers["prediction"].tolist() == ["ruim" if ph > 3.4 else "bom" for ph in expected["pH"]]


@pytest.mark.parametrize("source", ["csv", "parquet"])
def test_answers_in_every_form(predict: Terminal, tmp_path: Path, source: str) -> None:
    path = tmp_path / f"rows.{source}"
    rows = wines(5)
    rows.to_csv(path, index=False) if source == "csv" else rows.to_parquet(path)
    outs = {ending: tmp_path / f"out.{ending}" for ending in ("csv", "json", "jsonl", "arrow", "parquet")}
    for out in outs.values():
        predict(path, "--out", out)
    with outs["csv"].open(newline="", encoding="utf-8") as file:
        from_csv = [row["prediction"] for row in csv.DictReader(file)]
    assert from_csv == ["ruim" if ph > 3.4 else "bom" for ph in rows["pH"]]
    assert [row["prediction"] for row in json.loads(outs["json"].read_bytes())] == from_csv
    assert [json.loads(line)["prediction"] for line in outs["jsonl"].read_text().splitlines()] == from_csv
    assert pq.read_table(outs["parquet"])["prediction"].to_pylist() == from_csv
    with pa.ipc.open_file(outs["arrow"]) as reader:
        assert reader.read_all()["prediction"].to_pylist() == from_csv


def test_people_see_the_first_rows_and_their_warnings(predict: Terminal, tmp_path: Path) -> None:
    rows = wines(30)
    rows.loc[1, "pH"] = 9.0
    path = tmp_path / "rows.csv"
    rows.to_csv(path, index=False)
    said = predict(path)
    assert "Warning, row 1: pH: above the greatest value seen in training" in said
    assert "… and 10 more rows" in said


def test_several_targets(predict: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("pH\n3.5\n")
    said = predict("medidas", path)
    assert said.splitlines()[1].split() == ["row", "dobro", "triplo"]
    assert said.splitlines()[2].split() == ["0", "7", "10.5"]


def test_a_cell_that_does_not_fit_is_told_by_row_and_field(predict: Terminal) -> None:
    with pytest.raises(GarcomError, match=r"records\[1\]\.pH: expected a number, got text"):
        predict("vinho", "-", stdin=b"pH,cor,do\xc3\xa7ura\n3.0,tinto,\nseco,tinto,1.5\n")


def test_a_version_that_is_not_there(predict: Terminal, rows_file: Path) -> None:
    with pytest.raises(GarcomError, match=r"Model 'vinho' has no version 9; it has: 1, 2\."):
        predict("vinho:9", rows_file)


def test_a_refusal_is_status_1_with_the_problem(address: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"ph": 3.0, "doçura": 1.0, "cor": "tinto"}))
    command = [sys.executable, "-m", "garcom", "predict", str(path), "--url", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: ph: expected only the model's fields, got an unknown field. Did you mean 'pH'?" in done.stderr


@pytest.mark.parametrize("rows", [(), ("rows.csv",)])
def test_a_file_where_a_name_is_expected_says_what_to_do(tmp_path: Path, rows: tuple[str, ...]) -> None:
    model = tmp_path / "model.pkl"
    model.write_bytes(b"\x80\x05")
    result = CliRunner().invoke(app, ["predict", str(model), *rows], env={"COLUMNS": "400"})
    assert result.exit_code == 2
    assert f"and {model} is a file. Serve it first (`garcom serve {model} " in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "b", "c"), "expected a model and a file"),
        (("wine:x", "rows.csv"), "as in wine:2"),
        (("wine:2", "rows.csv", "--version", "3"), "as in wine:2"),
        (("rows.csv", "--format", "xls"), "expected one of json"),
        (("rows.csv", "--out", "answers.xls"), "expected a file ending in"),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["predict", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.output
