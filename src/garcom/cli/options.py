"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="GARCOM_HOME",
        help="Folder with the registry and the bundles. Default: the platform's data folder.",
        show_default=False,
        file_okay=False,
    ),
]

#: The endings of trained models' own files; rows of data may end in the last two as well.
_MODEL_ENDINGS = {".pkl", ".pickle", ".joblib", ".skops", ".onnx", ".ubj", ".json", ".txt"}

#: Such as ``--allow-python`` or ``--allow-python=unconfined``; the command has to be a :class:`Standing`.
AllowPythonOption = Annotated[
    str | None,
    typer.Option(
        "--allow-python",
        metavar="[=unconfined]",
        help="Let models without a data engine run as a Python process, behind walls; or without any.",
        show_default=False,
    ),
]

CaCertOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-cert",
        envvar="GARCOM_CA_CERT",
        help="PEM file of the server's authority, or its self-signed certificate. Default: the system's authorities.",
        show_default=False,
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


class Standing(TyperCommand):
    """A command with options that may stand without a value, and take one only after ``=``."""

    _ALONE: ClassVar = {"--allow-python": "confined"}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, with the value given to those that stand alone."""
        given = [f"{each}={self._ALONE[each]}" if each in self._ALONE else each for each in args]
        return super().parse_args(ctx, given)


def is_model_file(path: Path) -> bool:
    """Whether a file is there that by its name is a trained model, and no bundle."""
    return path.suffix.lower() in _MODEL_ENDINGS and path.is_file()


def home_folder(home: Path | None) -> Path:
    """The home folder of a ``--home`` option that may not have been given."""
    if home is not None:
        return home.expanduser()
    from garcom.settings import default_home

    return default_home()
