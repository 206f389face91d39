from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from garcom.cli import app
from garcom.errors import Conflict, InputError, VersionNotFound
from garcom.lake.actuals import Actuals
from garcom.lake.tables import Lake
from garcom.model.signature import Field, FieldType
from garcom.observations import Observations, Observed
from tests.bundles import make_bundle
from tests.unit.replay.versions import X, grader, grades, journal, line, register


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two graders, of 5 and of 6; forty rows from 0.1 to 10, which the first has answered."""
    register(tmp_path, grader(tmp_path / "a", 5.0), grader(tmp_path / "b", 6.0))
    x = [i / 4 for i in range(1, 41)]
    journal(tmp_path, [[value] for value in x], ["ruim" if value > 5 else "bom" for value in x])
    return tmp_path


def run(home: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["replay", *map(str, arguments), "--home", str(home)], env={"COLUMNS": "160"})


def done(home: Path, *arguments: str | Path) -> str:
    result = run(home, *arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def as_json(home: Path, *arguments: str | Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(done(home, *arguments, "--json"))
    return record


def test_a_table_for_people(home: Path) -> None:
    lines = done(home, "wine:2", "--against", "wine:1").splitlines()
    assert lines[0] == "wine:2 beside wine:1"
    assert lines[1] == "40 of 40 logged rows were replayed."
    assert lines[2] == "The same label: 90.00% (36 of 40; 95 %: 76.95% to 96.04%)"
    rows = [line.split() for line in lines]
    assert ["ruim", "bom", "4", "10.00%"] in rows
    assert ["Time", "per", "row", "Calls", "of", "p50", "p99"] in rows
    assert any(row[:4] == ["wine:1", "1,024", "rows", row[3]] for row in rows if len(row) > 3)
    assert "15 more with --json or --html." in lines


def test_json_for_scripts(home: Path) -> None:
    record = as_json(home, "wine:2", "--since", "1h", "--limit", "30")
    assert (record["against"], record["rows"], record["agreement"]["rows"]) == ("log", 30, 30)
    assert record["changes"] == [{"old": "ruim", "new": "bom", "rows": 4, "share": 4 / 30}]
    assert record["since"] is not None
    assert list(record) == [
        "candidate", "against", "task", "since", "until", "version", "made_at", "rows", "replayed", "refused",
        "too_few", "tolerance", "agreement", "refusals", "changes", "n_changes", "probabilities", "values", "truth",
        "latency", "most_different",
    ]  # fmt: skip


def test_a_page_is_written_beside_the_table(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    result = run(home, "wine:2", "--html", path, "--lang", "pt")
    assert result.exit_code == 0
    assert result.stderr == f"Wrote {path}.\n"
    assert ElementTree.fromstring(path.read_text(encoding="utf-8")).get("lang") == "pt-BR"
    assert isinstance(run(home, "wine:2", "--html", tmp_path / "no" / "report.html").exception, InputError)


def test_a_pipeline_is_told_by_the_status(home: Path, tmp_path: Path) -> None:
    assert run(home, "wine:2", "--against", "wine:1", "--fail-under", "0.9").exit_code == 0
    below = run(home, "wine:2", "--against", "wine:1", "--fail-under", "0.91", "--json")
    assert below.exit_code == 3
    assert below.stderr == "Expected an agreement of at least 0.91, got 0.9.\n"
    assert json.loads(below.stdout)["agreement"]["share"] == 0.9
    register(home, grader(tmp_path / "c", 5.0, grades(X, Field(name="region", type=FieldType.STRING))))
    none = run(home, "wine:3", "--fail-under", "0")
    assert none.exit_code == 3
    assert "no row could be compared" in none.stderr


def test_rows_that_are_refused_are_told(home: Path, tmp_path: Path) -> None:
    register(home, grader(tmp_path / "c", 5.0, grades(X, Field(name="region", type=FieldType.STRING))))
    told = done(home, "wine:3")
    assert "0 of 40 logged rows were replayed." in told
    assert ["wine:3", "missing", "field", "region", "40", "expected", "text,", "got", "nothing:", "the", "field", "is",
            "missing"] in [line.split() for line in told.splitlines()]  # fmt: skip
    assert "So nothing can be said of the candidate." in told


def test_few_rows_and_a_regression_are_told(tmp_path: Path) -> None:
    register(tmp_path, line(tmp_path / "a", [2.0]), line(tmp_path / "b", [2.1]))
    ids = journal(tmp_path, [[1.0], [2.0]], [2.0, 4.0], task="regression", targets=["y"])
    Actuals(Lake.open(tmp_path)).add("wine", Observations([Observed(ids[1], None, "4.5", value=4.5)]))
    told = done(tmp_path, "wine:2", "--tolerance", "0.06")
    assert "These are too few to judge by; the interval says how little they tell." in told
    assert "The same value within 0.06 of the old one: 100.00% (2 of 2; 95 %: 34.24% to 100.00%)" in told
    assert "Correlation of y: 1." in told
    assert "Beside what really happened (1 rows)" in told
    assert ["y,", "mean", "|error|", "0.5", "0.3"] in [line.split() for line in told.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["wine:7"], VersionNotFound),
        (["wine:2", "--against", "wine:7"], VersionNotFound),
        (["wine"], InputError),
        (["wine:2", "--until", "2020-01-01"], InputError),
        (["wine:2", "--since", "yesterday"], InputError),
    ],
)
def test_what_cannot_be_replayed_is_refused(home: Path, arguments: list[str], error: type[Exception]) -> None:
    assert isinstance(run(home, *arguments).exception, error)


def test_python_engines_have_to_be_allowed(home: Path, tmp_path: Path) -> None:
    register(home, make_bundle(tmp_path / "python", engine="python", signature=grades(X)))
    refused = run(home, "wine:3").exception
    assert isinstance(refused, Conflict)
    assert "--allow-python" in str(refused)


@pytest.mark.parametrize(
    "arguments", [["--limit", "0"], ["--fail-under", "1.5"], ["--lang", "fr"], ["--tolerance", "-1"]]
)
def test_wrong_usage(home: Path, arguments: list[str]) -> None:
    assert run(home, "wine:2", *arguments).exit_code == 2
