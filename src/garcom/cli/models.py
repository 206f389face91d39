"""``garcom models``."""

from __future__ import annotations

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit


def command(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the registered models, and which version of each answers.

    Example: `garcom models`
    """
    from garcom.cli.describe import tell_models
    from garcom.registry import Registry

    models = Registry.open(home_folder(home)).models()
    emit(models, as_json, lambda console: tell_models(console, models))
