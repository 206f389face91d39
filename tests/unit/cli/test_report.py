from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from garcom.cli import app
from garcom.cli.describe_report import tell_report
from garcom.cli.output import terminal
from garcom.errors import GarcomError, InputError, ModelNotFound
from tests.unit.monitoring.report.reports import EMPTY, RICH, large
from tests.unit.replay.versions import grader, register


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """500 rows before, and 500 in which ``x`` has moved and ``y`` has not."""
    before, now = tmp_path / "before.parquet", tmp_path / "now.csv"
    y = [i % 7 for i in range(500)]
    pl.DataFrame({"x": [float(i % 50) for i in range(500)], "y": y}).write_parquet(before)
    pl.DataFrame({"x": [float(i % 50) + 30 for i in range(500)], "y": y}).write_csv(now)
    return before, now


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "160"})


def test_two_files_need_neither_a_model_nor_a_home(files: tuple[Path, Path]) -> None:
    result = run(*files)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "now.csv against before.parquet"
    assert lines[1] == "! 1 of 2 features drifted: x."
    assert any(line.split()[:2] == ["x", "drifted"] for line in lines)
    assert any(line.split()[:2] == ["y", "steady"] for line in lines)


def test_json_for_scripts(files: tuple[Path, Path]) -> None:
    record = json.loads(run(*files, "--json").stdout)
    assert list(record) == ["title", "made_at", "drift", "quality", "performance", "alerts", "details"]
    assert record["drift"]["columns"][0]["column"] == "x"


def test_page_and_checks_are_written_beside(files: tuple[Path, Path], tmp_path: Path) -> None:
    html, junit = tmp_path / "report.html", tmp_path / "report.xml"
    result = run(*files, "--html", html, "--junit", junit, "--lang", "pt")
    assert result.exit_code == 0
    assert result.stderr == f"Wrote {html}.\nWrote {junit}.\n"
    assert ElementTree.fromstring(html.read_text(encoding="utf-8")).get("lang") == "pt-BR"
    assert ElementTree.parse(junit).getroot().tag == "testsuites"
    assert isinstance(run(*files, "--html", tmp_path / "no" / "report.html").exception, InputError)


def test_a_pipeline_is_told_by_the_status(files: tuple[Path, Path]) -> None:
    failed = run(*files, "--fail-on", "drift", "--json")
    assert failed.exit_code == 3
    assert failed.stderr.startswith("drift: x: effect 0.6")
    assert run(*files, "--fail-on", "quality").exit_code in (0, 3)
    same = run(files[0], files[0], "--fail-on", "any")
    assert (same.exit_code, same.stderr) == (0, "")
    unknown = run(files[0], files[0], "--fail-on", "drift", "--fail-on", "performance")
    assert unknown.exit_code == 3
    assert unknown.stderr == "Nothing could be said of performance: there is nothing to check.\n"


def test_a_model_that_was_asked_nothing_is_told_so(tmp_path: Path) -> None:
    register(tmp_path, grader(tmp_path / "a", 5.0))
    result = run("wine:1", "--since", "1d", "--home", tmp_path, "--fail-on", "any")
    assert result.exit_code == 3, result.output
    assert result.stdout.splitlines()[0] == "wine:1"
    assert all(line.startswith(("?", "!")) for line in result.stdout.splitlines()[1:4])
    assert isinstance(run("port", "--home", tmp_path).exception, ModelNotFound)


def test_what_is_no_file_and_no_model_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    gone = run("gone.csv").exception
    assert isinstance(gone, InputError)
    assert "there is no file 'gone.csv'" in str(gone)
    assert isinstance(run(files[0], tmp_path / "gone.csv").exception, GarcomError)
    assert isinstance(run("wine", "--since", "yesterday", "--home", tmp_path).exception, InputError)
    assert isinstance(run("wine", "--since", "1h", "--until", "2h", "--home", tmp_path).exception, InputError)
    assert isinstance(run("Wine!", "--home", tmp_path).exception, InputError)


@pytest.mark.parametrize(
    "arguments",
    [
        ["{0}"],
        ["{0}", "{1}", "--since", "7d"],
        ["{0}", "{1}", "--reference", "previous"],
        ["{0}", "{1}", "--fail-on", "nothing"],
        ["{0}", "{1}", "--lang", "fr"],
        ["wine", "--truth", "quality"],
        [],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_wrong_usage(files: tuple[Path, Path], arguments: list[str]) -> None:
    assert run(*(each.format(*files) for each in arguments)).exit_code == 2


def test_people_read_the_verdict_first_then_the_worst(capsys: pytest.CaptureFixture[str]) -> None:
    tell_report(terminal(), RICH)
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[:3] == [
        "wine:3",
        "! 2 of 4 features drifted: pH, taste.",
        "? Of 1 of 4 features, drift cannot be told.",
    ]
    rows = [line.split() for line in lines]
    assert ["pH", "drifted", "0.369", "0.41", "<", "0.0001", "3.19", "3.6"] in rows
    assert ["accuracy", "0.71", "(0.68–0.74)", "0.800", "0.74", "(0.72–0.76)"] in rows
    assert "Not said: business value of a row: no cost matrix was given." in lines
    assert "\\x00" in said
    assert "\x00" not in said


def test_little_and_much_are_told_in_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    tell_report(terminal(), EMPTY)
    assert len(capsys.readouterr().out.splitlines()) == 4
    tell_report(terminal(), large())
    assert "188 more with --json or --html." in capsys.readouterr().out
    assert RICH.performance is not None
    many = msgspec.structs.replace(RICH.performance, rows=5_000_000, sampled=500_123)
    tell_report(terminal(), msgspec.structs.replace(RICH, performance=many))
    told = " ".join(capsys.readouterr().out.split())
    assert "Scored on an even sample of 500,123 of 5,000,000 predictions." in told
