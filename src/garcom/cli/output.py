"""The one way in which commands print: tables and sentences for people, JSON for scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Wide enough that nothing is cut where no terminal gives a width, as in a pipe.
_PIPE_COLUMNS = 200


def emit(record: Any, as_json: bool, tell: Callable[[Console], None]) -> None:
    """Print the record as JSON, or let ``tell`` print it for people.

    The JSON has the record's own field names, two spaces of indentation, and null for NaN.
    """
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(record), indent=2))
    else:
        tell(terminal())


def terminal() -> Console:
    """Standard output for people. Texts are printed as they are: nothing in them is markup or emoji."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_COLUMNS
    return console


def table(*columns: str, title: str = "", numbers: tuple[str, ...] = ()) -> Table:
    """An empty table of Garçom's looks; ``numbers`` names the columns that are set flush right."""
    from rich.table import Table

    made = Table(
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        header_style="underline",
        title=title or None,
        title_justify="left",
        title_style="bold",
    )
    for column in columns:
        made.add_column(
            column, justify="right" if column in numbers else "left", overflow="fold", min_width=len(column)
        )
    return made


def plain(text: object) -> str:
    """The text with control characters written out, so that a name from a bundle cannot steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def number(value: float | None) -> str:
    """A number in few characters; ``-`` for None and NaN."""
    if value is None or value != value:
        return "-"
    return f"{value:,}" if isinstance(value, int) or abs(value) >= 1e6 else f"{value:.4g}"
