"""``garcom dataset``, as a person and as a script use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from garcom.cli import app
from garcom.errors import Conflict, DatasetNotFound, GarcomError, InputError, ModelNotFound
from garcom.lake.tables import Lake
from garcom.registry import Registry
from tests.bundles import make_bundle
from tests.unit.lake.rows import predictions

ROWS = "pH;cor;alvo\n3,2;tinto;bom\n3,1;branco;ruim\n3,5;tinto;bom\n"


class Terminal:
    """Runs ``garcom dataset`` in one folder, with a home folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"

    def run(self, *arguments: str) -> Result:
        environment = {"GARCOM_HOME": str(self.home), "COLUMNS": "120"}
        result = CliRunner().invoke(app, ["dataset", *arguments], env=environment)
        if isinstance(result.exception, GarcomError):
            raise result.exception
        return result

    def __call__(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_a_dataset_from_a_file_from_first_to_last(terminal: Terminal) -> None:
    assert terminal("list").startswith("There is no dataset yet. `garcom dataset create")
    path = terminal.file("rows.csv", ROWS)
    assert terminal("create", "wine", "--from", path).startswith("Created wine:1: 3 rows, 3 columns, digest ")
    assert terminal("create", "wine", "--from", path).startswith("wine:1 has this content already")
    more = terminal.file("more.csv", ROWS.replace("bom", "9") + "3,5;tinto;9\n")
    terminal("create", "wine", "--from", more)
    assert [line.split()[:3] for line in terminal("list").splitlines()[1:]] == [
        ["wine:1", "3", "3"],
        ["wine:2", "4", "3"],
    ]
    shown = terminal("show", "wine:1")
    assert "wine:1 (3 rows; created " in shown
    assert "tinto 67%" in shown
    assert "rows.csv" in shown
    terminal("export", "wine:1", str(terminal.folder / "out.parquet"))
    assert pl.read_parquet(terminal.folder / "out.parquet")["pH"].to_list() == [3.2, 3.1, 3.5]
    assert terminal("export", "wine:1", "-", "--format", "csv").splitlines()[:2] == ["pH,cor,alvo", "3.2,tinto,bom"]
    assert terminal("remove", "wine", "--yes") == "Removed wine:1, wine:2.\n"
    assert terminal.json("list") == []


def test_a_change_of_the_schema_is_told(terminal: Terminal) -> None:
    terminal("create", "wine", "--from", terminal.file("a.csv", "a,b,c\n1,x,1\n2,y,2\n"))
    terminal("create", "wine", "--from", terminal.file("b.csv", "a,b,d\n1,7,1\n3,8,2\n"))
    told = terminal("diff", "wine:1", "wine:2").splitlines()
    assert told[:6] == [
        "wine:1 → wine:2",
        "Rows: 1 added, 1 removed, 1 in both.",
        "Rows were compared on what both have with the same type: 1 column.",
        "Column added: d (integer)",
        "Column removed: c (integer)",
        "Type changed: b, text → integer",
    ]
    assert ["a", "greatest", "2", "3"] in [line.split() for line in told]
    record = terminal.json("diff", "wine:1", "wine:2")
    assert record["rows"] == {"added": 1, "removed": 1, "kept": 1, "columns": ["a"]}
    assert terminal("diff", "wine:1", "wine:1").splitlines()[1] == "They have the same content."


def test_predictions_become_a_dataset(terminal: Terminal) -> None:
    Registry.open(terminal.home).register(make_bundle(terminal.folder / "bundle"))
    Lake.open(terminal.home).predictions.append(predictions(3))
    told = terminal("create", "served", "--from", "predictions", "--model", "wine:1", "--since", "2026-11-01")
    assert told.splitlines()[0].startswith("Created served:1: 3 rows, 6 columns")
    assert told.splitlines()[1] == "The actual (target) is known of 0 of them."
    record = terminal.json("show", "served")
    assert record["lineage"]["since"] == "2026-11-01T00:00:00+00:00"
    assert record["lineage"]["version"] == 1
    with pytest.raises(InputError, match="with an actual from the beginning"):
        terminal("create", "known", "--from", "predictions", "--model", "wine", "--only-with-actual")
    with pytest.raises(ModelNotFound):
        terminal("create", "known", "--from", "predictions", "--model", "wien")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "predictions"), "expected the model whose predictions are meant"),
        (("--from", "rows.csv", "--since", "1h"), "expected only with --from predictions"),
        (("--from", "rows.csv", "--only-with-actual"), "Invalid value for --only-with-actual"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(terminal: Terminal, arguments: tuple[str, ...], told: str) -> None:
    result = terminal.run("create", "wine", *arguments)
    assert result.exit_code == 2
    assert told in result.output


def test_a_whole_dataset_is_not_removed_unasked(terminal: Terminal) -> None:
    terminal("create", "wine", "--from", terminal.file("rows.csv", ROWS))
    with pytest.raises(Conflict, match="whole dataset with 1 version"):
        terminal("remove", "wine")
    with pytest.raises(DatasetNotFound, match="Did you mean 'wine'"):
        terminal("remove", "wien")
    assert terminal("remove", "wine:1") == "Removed wine:1.\n"
