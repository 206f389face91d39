"""Writes the reference of the commands from the commands themselves.

``python -m tests.unit.docs.command_page`` puts it into docs/reference/cli.md; a test compares the two.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from garcom.cli import app
from tests.documents import DOCS

PAGE = DOCS / "reference" / "cli.md"
START, END = "<!-- commands:start -->", "<!-- commands:end -->"


def render() -> str:
    """Every command: what it does, its arguments and options."""
    group: Any = typer.main.get_command(app)
    return "\n\n".join(_command(name, command) for name, command in _commands(group))


def _commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The commands of a group and of the groups in it, by their whole names."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def page() -> str:
    """docs/reference/cli.md as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(START)[0], text.partition(END)[2]
    return f"{before}{START}\n\n{render()}\n\n{END}{after}"


def _command(name: str, command: Any) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and param.name != "help"]
    usage = " ".join([f"garcom {name}", *(["[OPTIONS]"] if options else []), *map(_usage, arguments)])
    parts = [f"## garcom {name}", f"`{usage}`", inspect.cleandoc(command.help or "")]
    if arguments:
        parts.append(_table("argument", [(f"`{_metavar(each)}`", each.help) for each in arguments]))
    if options:
        parts.append(_table("option", [(_option(each), _meaning(each)) for each in options]))
    if command.epilog:
        parts.append(inspect.cleandoc(command.epilog))
    return "\n\n".join(part for part in parts if part)


def _metavar(param: Any) -> str:
    return str(param.metavar or param.opts[0].lstrip("-").upper())


def _usage(param: Any) -> str:
    return _metavar(param) if param.required else f"[{_metavar(param)}]"


def _option(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    if param.is_flag:
        return names
    return f"{names} `{_metavar(param)}`"


def _meaning(param: Any) -> str:
    text = str(param.help or "")
    if param.envvar:
        text += f" Environment: `{param.envvar}`."
    if param.default not in (None, False, ()) and not callable(param.default) and param.show_default is not False:
        text += f" Default: `{param.default}`."
    return text


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = [(title, "meaning"), ("---", "---"), *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
