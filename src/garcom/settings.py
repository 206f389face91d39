"""Every setting of the server, in one documented object.

A value comes from, the later winning: the default here, a TOML file (``--config``, or ``garcom.toml`` in the
home folder), an environment variable ``GARCOM_<NAME>``, a flag of ``garcom serve``. Settings are read once, in
the composition root, and passed on as plain arguments.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from garcom.errors import SettingsError
from garcom.handwritten import faults, in_file, listed, read_toml
from garcom.rates import Limits

#: The last line of every message about settings.
_HELP = "docs/reference/settings.md explains them all."

Port = Annotated[int, Meta(ge=0, le=65535, description="port")]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


#: A span of whole days, such as ``400d``; empty is for ever.
Days = Annotated[str, Meta(pattern=r"^([1-9][0-9]{0,5}d)?$", extra={"words": "days such as 90d"})]


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The journal: what is written down of each prediction before its answer leaves, and how surely."""

    #: Whether predictions are written down at all.
    enabled: bool = True
    #: When a prediction counts as written: on the disk (``request``), within a second, or with the operating system.
    sync: Literal["request", "interval", "off"] = "request"
    #: What happens to a prediction that cannot be written: 503, or answered all the same and counted.
    on_failure: Literal["refuse", "serve"] = "refuse"
    #: The size of one segment file, taken from the disk when it is begun.
    segment_mb: Annotated[int, Meta(ge=1, le=1024)] = 8
    #: A segment is closed, and so can be drained, this long after it was begun.
    segment_s: Seconds = 10.0
    #: How long a repeated request with the same ``Idempotency-Key`` gets the first answer.
    keys_hours: Annotated[int, Meta(ge=1, le=8760)] = 24


class LakeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lake: where predictions and actuals are kept for good."""

    #: Where its tables are, such as ``s3://bucket/folder``; empty for the home folder.
    url: str = ""
    #: How often closed segments are drained into it.
    drain_s: Seconds = 10.0
    #: How often small files are put together and old ones removed.
    upkeep_s: Seconds = 3600.0


class ModelRetention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the rows of one model are kept; what is empty is as for every model."""

    predictions: Days = ""
    actuals: Days = ""


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long rows are kept in the lake."""

    #: Predictions, counted from the day they were made.
    predictions: Days = ""
    #: Actuals, counted from the day of their prediction.
    actuals: Days = ""
    #: Other spans for single models, by their names.
    models: dict[str, ModelRetention] = {}


#: A name, or an address as in a URL, with or without a port; ``*.`` stands for any name before it.
HostName = Annotated[
    str,
    Meta(
        pattern=r"^(\*\.)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:[0-9]+)?$",
        extra={"words": "names such as ml.example.com"},
    ),
]
#: An address, or a network in CIDR notation.
Network = Annotated[
    str, Meta(pattern=r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", extra={"words": "addresses such as 10.0.0.0/8"})
]
#: As a browser sends it: never ``*``, and no slash at the end.
Origin = Annotated[
    str,
    Meta(
        pattern=r"^https?://(\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(:[0-9]+)?$",
        extra={"words": "origins such as https://app.example.com"},
    ),
]


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may do what: tokens and sessions."""

    #: Who issues tokens (``iss``), and for whom (``aud``); tokens that name others are refused.
    issuer: Annotated[str, Meta(min_length=1, max_length=200)] = "garcom"
    audience: Annotated[str, Meta(min_length=1, max_length=200)] = "garcom"
    #: How long a token of ``POST /v1/token`` is valid.
    token_minutes: Annotated[int, Meta(ge=1, le=60)] = 10
    #: How long after a login its refresh tokens end.
    refresh_days: Annotated[int, Meta(ge=1, le=365)] = 30
    #: How long after a login a browser's session ends.
    session_hours: Annotated[int, Meta(ge=1, le=720)] = 12
    #: How long a key signs tokens before the next one takes its place.
    signing_key_days: Annotated[int, Meta(ge=1, le=365)] = 30
    #: Where browsers find this server, such as ``https://ml.example.com``; empty for where it listens.
    public_url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^/?#@\s]+)?$",
            extra={"words": "an address without a path, such as https://ml.example.com"},
        ),
    ] = ""
    #: The names that a Host header may have; empty for those of the address that it listens on.
    allowed_hosts: tuple[HostName, ...] = ()
    #: The other origins whose pages may ask this server.
    cors_origins: tuple[Origin, ...] = ()
    #: Proxies that are believed where a request comes from (``X-Forwarded-For``): addresses, or networks as 10.0.0.0/8.
    trusted_proxies: tuple[Network, ...] = ()


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """HTTPS; without a certificate the server speaks plain HTTP."""

    #: The server's certificate in PEM, followed by those between it and a known authority.
    cert: str = ""
    #: Its private key in PEM; empty where the certificate's file has it too.
    key: str = ""
    #: Whether the server makes a certificate for itself: for a first try, as clients know no authority for it.
    self_signed: bool = False
    #: The oldest version that is spoken.
    min_version: Literal["1.2", "1.3"] = "1.2"
    #: The authorities, in PEM, whose certificates clients may show; empty where clients are asked for none.
    client_ca: str = ""
    #: Whether a client has to show one of theirs, or may.
    client_certificates: Literal["required", "optional"] = "required"
    #: Users by names of certificates (``CN=``, ``DNS=``, ``URI=``, ``email=``) that are not simply the user's.
    users: dict[str, str] = {}
    #: Whether HTTP/2 is offered beside HTTP/1.1; granian only.
    http2: bool = False


class OidcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID provider, through which people log in and whose bearer tokens are taken; empty for none."""

    #: The provider's address, exactly as it names itself (``iss``).
    issuer: Annotated[
        str, Meta(pattern=r"^(https?://[^?#@\s]+)?$", extra={"words": "an address such as https://login.example.com"})
    ] = ""
    #: What this server is called there, and the file with its secret; no file where it has none.
    client_id: Annotated[str, Meta(max_length=500)] = ""
    client_secret_file: str = ""
    #: The ``aud`` of bearer tokens that are taken; empty for none at all.
    audience: Annotated[str, Meta(max_length=500)] = ""
    #: What is asked of the provider at a login.
    scopes: tuple[str, ...] = ("openid", "profile")
    #: The claims that hold a user's name and groups.
    user_claim: Annotated[str, Meta(min_length=1)] = "sub"
    groups_claim: Annotated[str, Meta(min_length=1)] = "groups"
    #: What the members of a group may do, as ``client:wine``; who is in none of these groups may do nothing.
    roles: dict[str, tuple[str, ...]] = {}


class LimitsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may be asked for, and where it is counted."""

    #: Where several machines count together, such as ``redis://:password@host:6379/0``; empty for this machine alone.
    storage: str = ""
    #: A file that holds that address, because it may hold a password.
    storage_file: str = ""
    #: While that place cannot be asked: count on this machine alone (``local``), or answer 503 (``refuse``).
    on_failure: Literal["local", "refuse"] = "local"
    #: Every key and every user, each by itself; a key's own limits come first.
    keys: Limits = Limits()
    #: Everyone together on a server without access control.
    anybody: Limits = Limits()
    #: Everyone together on one model, by its name.
    models: dict[str, Limits] = {}


class UploadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bundles that come in: over HTTP, and for the signature by ``garcom register`` and ``garcom use`` too."""

    #: The longest zip of a bundle that is taken over HTTP.
    max_bytes: Positive = 1024 * 1024 * 1024
    #: What its files may take once they are unpacked.
    max_unpacked_bytes: Positive = 4 * 1024 * 1024 * 1024
    #: Uploads that one worker takes at the same time; past it, 503.
    concurrent: Annotated[int, Meta(ge=1, le=64)] = 2
    #: How long one may take to arrive.
    timeout_s: Seconds = 600.0
    #: Whether only bundles are registered, and let answer, that a trusted key has signed.
    require_signature: bool = False


class ModelMonitoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be known of one model, so that its performance is what matters to people."""

    #: The label that precision, recall and the like are about, of a model with two; empty for the second.
    positive: str = ""
    #: Fields by whose values performance is told apart too.
    segments: tuple[str, ...] = ()
    #: What an answer is worth: a table for each true label with a number for each answered one.
    value: dict[str, dict[str, float]] = {}


class MonitoringSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Looking after what models answer."""

    #: Whether alert rules are evaluated at all.
    enabled: bool = True
    #: How often they are.
    every_s: Seconds = 60.0
    #: What is to be known of single models, by their names.
    models: dict[str, ModelMonitoring] = {}


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alerts: the rules, and who hears of them."""

    #: Where messages go, such as ``mailtos://user:password@example.com?to=team@example.com``.
    to: Annotated[tuple[str, ...], Meta(extra={"secret": True})] = ()
    #: A file that holds such addresses, one a line, because they hold passwords.
    to_file: str = ""
    #: A file with the secret that signs what is sent to webhooks; empty where nothing is signed.
    secret_file: str = ""
    #: The language of messages.
    language: Literal["en", "pt"] = "en"
    #: Alerts of one model that come within this time go out as one message.
    group_s: Annotated[float, Meta(ge=0, le=86_400)] = 30.0
    #: How often people are told again of an alert that goes on and that nobody has acknowledged; 0 for never.
    repeat_s: Annotated[float, Meta(ge=0, le=2_592_000)] = 14_400.0
    #: Whether the rules hold that Garçom brings along for every model.
    defaults: bool = True
    #: Rules by their names; one named like a rule that Garçom brings along takes its place.
    rules: dict[str, str] = {}


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
    #: Whether models may run as a Python process of their own (needed where no data engine is proved): behind walls
    #: (``confined``, or true), or as whatever their code likes to be (``unconfined``).
    allow_python: bool | Literal["confined", "unconfined"] = False
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
    #: Megabytes that the process of a confined Python engine may write to, its libraries' own included.
    python_memory_mb: Annotated[int, Meta(ge=64, le=1_048_576)] = 2048
    #: The form of the log: ``console`` for people, ``json`` for machines, ``auto`` for whichever reads it.
    log_format: Literal["auto", "console", "json"] = "auto"
    #: The least severe level that is logged.
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    #: Whether every request gets a line in the log; errors always do.
    access_log: bool = False
    journal: JournalSettings = JournalSettings()
    lake: LakeSettings = LakeSettings()
    retention: RetentionSettings = RetentionSettings()
    tls: TlsSettings = TlsSettings()
    access: AccessSettings = AccessSettings()
    oidc: OidcSettings = OidcSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    alerts: AlertSettings = AlertSettings()
    limits: LimitsSettings = LimitsSettings()

    @property
    def has_tls(self) -> bool:
        """Whether browsers reach the server by TLS, be it its own or that of what stands before it."""
        return bool(self.tls.cert or self.tls.self_signed) or self.access.public_url.startswith("https:")

    uploads: UploadSettings = UploadSettings()


def _from_environment(environment: Mapping[str, str], kind: type[msgspec.Struct], *at: str) -> dict[str, Any]:
    """``GARCOM_JOURNAL_SYNC=off`` as ``{"journal": {"sync": "off"}}``; names of no setting are left alone."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        keys = (*at, field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            if section := _from_environment(environment, field.type, *keys):
                found[field.name] = section
        elif _variable(keys) in environment:
            text = environment[_variable(keys)]
            found[field.name] = text.replace(",", " ").split() if _is_list(field.type) else text
    return found


def _is_list(kind: Any) -> bool:
    return get_origin(get_args(kind)[0] if get_origin(kind) is Annotated else kind) is tuple


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """The layers laid over each other, the later winning, sections setting by setting."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            both = isinstance(value, dict) and isinstance(merged.get(name), dict)
            merged[name] = _merged(merged[name], value) if both else value
    return merged


def _variable(keys: tuple[str, ...]) -> str:
    return f"GARCOM_{'_'.join(keys).upper()}"


def _flag(keys: tuple[str, ...]) -> str:
    return f"--{'-'.join(keys).replace('_', '-')}"


def load_settings(
    flags: Mapping[str, Any],
    config: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Merge defaults, file, environment and flags (a flag that is None was not given).

    Raises SettingsError that tells every unknown name and every wrong value, or why the file cannot be read.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    from_environment = _from_environment(environment, Settings)
    home = given.get("home") or from_environment.get("home") or str(default_home())
    path = config if config is not None else Path(home) / "garcom.toml"
    from_file = read_toml(path, "a settings file", SettingsError) if config is not None or path.is_file() else {}
    wrong = [
        *faults(from_file, Settings, in_file(path)),
        *faults(from_environment, Settings, _variable, strict=False),
        *faults(given, Settings, _flag, strict=False),
    ]
    if wrong:
        raise SettingsError(f"{listed('settings', wrong)}\n{_HELP}")
    return msgspec.convert(_merged({"home": home}, from_file, from_environment, given), Settings, strict=False)


def default_home() -> Path:
    """The platform's folder for a user's application data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("garcom", appauthor=False))
