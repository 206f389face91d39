"""Every setting of the server, in one documented object.

A value comes from, the later winning: the default here, a TOML file (``--config``, or ``garcom.toml`` in the
home folder), an environment variable ``GARCOM_<NAME>``, a flag of ``garcom serve``. Settings are read once, in
the composition root, and passed on as plain arguments.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from garcom.errors import SettingsError

Port = Annotated[int, Meta(ge=0, le=65535, description="port")]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one server; ``docs/reference/settings.md`` explains each, and a test compares the two."""

    #: The folder with the registry and the bundles; empty for the platform's data folder.
    home: str = ""
    #: The address to listen on; anything but a loopback address is reachable by others.
    host: str = "127.0.0.1"
    #: The TCP port; 0 takes a free one.
    port: Port = 8000
    #: Web worker processes.
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    #: The HTTP server: ``uvicorn`` (the lower latency) or ``granian`` (an extra).
    server: Literal["uvicorn", "granian"] = "uvicorn"
    #: Whether models may run as a Python process of their own (needed where no data engine is proved).
    allow_python: bool = False
    #: A path of your own that answers with the default model, such as ``/prever_precos``.
    route: str = ""
    #: The longest body taken, in bytes.
    max_body_bytes: Positive = 64 * 1024 * 1024
    #: The most rows in one request.
    max_rows: Positive = 1_000_000
    #: Rows that may wait for one model's engine in a worker; past it, 503.
    max_queued_rows: Positive = 4096
    #: Bytes of request bodies that a worker holds at once; past it, 503.
    max_buffered_bytes: Positive = 512 * 1024 * 1024
    #: Megabytes of loaded models that a worker keeps; the least recently used are dropped past it.
    model_memory_mb: Positive = 2048
    #: How long a client may take to send its headers, its body, or to take its answer; then it is cut off.
    client_timeout_s: Seconds = 10.0
    #: How long an idle connection is kept for the next request.
    keep_alive_s: Seconds = 10.0
    #: How long a stopping server waits for requests in flight.
    grace_s: Seconds = 30.0
    #: How long one call of a Python engine may take.
    python_timeout_s: Seconds = 30.0
    #: The form of the log: ``console`` for people, ``json`` for machines, ``auto`` for whichever reads it.
    log_format: Literal["auto", "console", "json"] = "auto"
    #: The least severe level that is logged.
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    #: Whether every request gets a line in the log; errors always do.
    access_log: bool = False


def _suggest(name: str) -> str:
    near = difflib.get_close_matches(name, Settings.__struct_fields__, n=1)
    return f" Did you mean {near[0]!r}?" if near else " docs/reference/settings.md lists them all."


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"Expected a settings file at {path}, but {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"Expected TOML in {path}, but {error}.") from error
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """``GARCOM_PORT=8001`` as ``{"port": "8001"}``; names of no setting are left alone."""
    return {
        name: environment[variable]
        for name in Settings.__struct_fields__
        if (variable := f"GARCOM_{name.upper()}") in environment
    }


def _checked(values: Mapping[str, Any], origin: str, *, strict: bool) -> dict[str, Any]:
    """The values, converted to the types of Settings; an error names the setting and where it came from."""
    checked: dict[str, Any] = {}
    types = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    for name, value in values.items():
        if name not in types:
            raise SettingsError(f"Unknown setting {name!r} in {origin}.{_suggest(name)}")
        try:
            checked[name] = msgspec.convert(value, types[name], strict=strict)
        except msgspec.ValidationError as error:
            raise SettingsError(f"Setting {name!r} in {origin}: {error} (got {value!r}).") from error
    return checked


def load_settings(
    flags: Mapping[str, Any],
    config: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Merge defaults, file, environment and flags (a flag that is None was not given).

    Raises SettingsError for an unknown name, a wrong value or an unreadable file.
    """
    given = _checked({name: value for name, value in flags.items() if value is not None}, "the flags", strict=False)
    from_environment = _checked(_from_environment(environment), "the environment (GARCOM_…)", strict=False)
    home = given.get("home") or from_environment.get("home") or str(default_home())
    path = config if config is not None else Path(home) / "garcom.toml"
    from_file = _checked(_from_file(path), str(path), strict=True) if config is not None or path.is_file() else {}
    merged: dict[str, Any] = {"home": home} | from_file | from_environment | given
    return Settings(**merged)


def default_home() -> Path:
    """The platform's folder for a user's application data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("garcom", appauthor=False))
