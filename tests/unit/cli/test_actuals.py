from __future__ import annotations

from pathlib import Path

import msgspec
from typer.testing import CliRunner, Result

from garcom.cli import app
from garcom.lake.records import Added, LabelMaturity, Maturity
from tests.unit.client.scripted_server import answer, scripted

ADDED = Added(rows=5, accepted=4, corrected=1, unchanged=1, unknown=2, first_unknown=("k-1", "k\x1b2"), unseen_labels=3)
AGES = (
    Maturity(age="< 1 h", predictions=4000, with_actual=1000, share=0.25),
    Maturity(age="older", predictions=0, with_actual=0, share=None),
)


def run(url: str, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["actuals", *map(str, arguments), "--url", url], env={"COLUMNS": "120"})


def test_what_became_of_the_rows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("order,grape,more\nk-1,merlot,7\n")
    with scripted(answer(200, msgspec.json.encode(ADDED)), answer(200, msgspec.json.encode(ADDED))) as script:
        columns = ("--key-column", "order", "--actual-column", "grape")
        told = run(script.url, "wine", path, *columns)
        as_json = run(script.url, "wine", path, *columns, "--json")
    assert told.stdout.splitlines() == [
        "Took 4 of 5 actuals; 1 were there already.",
        "1 correct an earlier actual, which is kept in the history.",
        "3 have a label that the model never answers.",
        "2 name no prediction of this model so far; they are kept until it comes. The first:",
        "  k-1",
        "  k\\x1b2",
    ]
    assert msgspec.json.decode(as_json.stdout, type=Added) == ADDED
    assert script.requests[0][1] == b"key,actual\r\nk-1,merlot\r\n"


def test_maturity() -> None:
    body = msgspec.json.encode(LabelMaturity(model="wine", ages=AGES))
    with scripted(answer(200, body), answer(200, body)) as script:
        told = run(script.url, "wine", "--maturity")
        as_json = run(script.url, "wine", "--maturity", "--since", "7d", "--json")
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["age", "predictions", "with", "actual", "share"],
        ["<", "1", "h", "4,000", "1,000", "25.0%"],
        ["older", "0", "0", "-"],
    ]
    assert msgspec.json.decode(as_json.stdout, type=tuple[Maturity, ...]) == AGES
    assert "/maturity?from=" in script.requests[1][0]


def test_a_file_or_maturity_but_not_both() -> None:
    assert run("http://127.0.0.1:9", "wine").exit_code == 2
    assert run("http://127.0.0.1:9", "wine", "truth.csv", "--maturity").exit_code == 2
