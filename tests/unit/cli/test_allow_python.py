"""``--allow-python`` stands alone, or takes a value after ``=``."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from garcom.cli.options import AllowPythonOption, Standing

app = typer.Typer()


@app.command(cls=Standing)
def command(source: Annotated[str | None, typer.Argument()] = None, allow_python: AllowPythonOption = None) -> None:
    typer.echo(f"{source} {allow_python}")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "None None"),
        (["--allow-python"], "None confined"),
        (["--allow-python", "wine.bundle"], "wine.bundle confined"),
        (["wine.bundle", "--allow-python"], "wine.bundle confined"),
        (["--allow-python=unconfined", "wine.bundle"], "wine.bundle unconfined"),
    ],
)
def test_what_is_given_is_understood(arguments: list[str], expected: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.output.strip()) == (0, expected)
