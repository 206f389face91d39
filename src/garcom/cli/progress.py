"""How commands tell the steps of long work, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

#: Begins each line that tells a step where stderr is no terminal.
_STEP = "… "


@contextmanager
def steps(quiet: bool = False) -> Iterator[Callable[[str, float], None]]:
    """What is told of each step: a bar at a terminal, a line each in a log, nothing where ``quiet``.

    It is called with the step's name, and how much of all the work is done before it, from 0 to 1.
    """
    if quiet:
        yield lambda step, done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        # The last step is that all is done, which the result says.
        yield lambda step, done: typer.echo(f"{_STEP}{step}", err=True) if done < 1 else None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda step, done: bar.update(task, description=step, completed=done)
