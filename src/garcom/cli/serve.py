"""``garcom serve``: the server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.greeting import first_administrator, greeting
from garcom.cli.options import AllowPythonOption, HomeOption

if TYPE_CHECKING:
    from garcom.registry.registry import Registry
    from garcom.rollout.plan import TrafficPlan
    from garcom.server.publishing import Publishing
    from garcom.server.supervisor import Publish
    from garcom.settings import Settings
    from garcom.storage.database import Database

EPILOG = """
**Examples**

`garcom serve` — serve every registered model on http://127.0.0.1:8000

`garcom serve wine-0123456789ab.bundle` — register a bundle, let it answer, and serve

`garcom serve model.pkl --data wine.csv --target quality` — pack, register and serve in one step

`garcom serve --port 0 --workers 2 --route /prever_precos`
"""

#: The heading of the options that are about SOURCE rather than about the server.
_SOURCE = "When SOURCE is a trained model, as in garcom pack"
_TLS = "HTTPS"


def command(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="SOURCE", help="A bundle, or a trained model to pack first. Without it: what is registered."
        ),
    ] = None,
    home: HomeOption = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1, this machine only.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one. Default: 8000.")] = None,
    workers: Annotated[int | None, typer.Option(help="Web worker processes. Default: 1.")] = None,
    server: Annotated[str | None, typer.Option(help="HTTP server: uvicorn (default) or granian.")] = None,
    route: Annotated[str | None, typer.Option(help="A path of your own for the default model: /prever_precos.")] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Serve HTTPS with this certificate (PEM).", rich_help_panel=_TLS)
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(help="Its private key (PEM), where it is not in the same file.", rich_help_panel=_TLS),
    ] = None,
    tls_self_signed: Annotated[
        bool | None,
        typer.Option(
            "--tls-self-signed",
            help="Serve HTTPS with a certificate made here, for a first try.",
            show_default=False,
            rich_help_panel=_TLS,
        ),
    ] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option(help="Ask clients for certificates that these authorities (PEM) signed.", rich_help_panel=_TLS),
    ] = None,
    allow_python: AllowPythonOption = None,
    access_log: Annotated[
        bool | None, typer.Option("--access-log", help="Log every request, not only failures.", show_default=False)
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="console, json, or auto (default).")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info (default), warning or error.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings. Default: garcom.toml in the home folder, if there.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="The model's name. Default: the bundle's, or the file's.", rich_help_panel=_SOURCE),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Real rows (CSV, Parquet, …) to prove the engines on.", rich_help_panel=_SOURCE),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The column of the data that the model predicts.", rich_help_panel=_SOURCE)
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Names for the classes: 0=bom,1=ruim.", rich_help_panel=_SOURCE)
    ] = None,
    signature: Annotated[
        Path | None, typer.Option(help="A TOML file that corrects the signature.", rich_help_panel=_SOURCE)
    ] = None,
) -> None:
    """Serve the registered models over HTTP.

    Every setting is also an environment variable, such as `GARCOM_PORT`, and a line of the settings file;
    docs/reference/settings.md lists them. Ctrl-C or SIGTERM stops the server after the requests in flight.
    """
    from garcom.settings import load_settings

    given = {
        "home": None if home is None else str(home.expanduser()),
        "host": host,
        "port": port,
        "workers": workers,
        "server": server,
        "route": route,
        "allow_python": allow_python,
        "access_log": access_log,
        "log_format": log_format,
        "log_level": log_level,
        "tls": _given(cert=tls_cert, key=tls_key, self_signed=tls_self_signed, client_ca=tls_client_ca),
    }
    settings = load_settings(given, config)
    _check(settings)
    packing = {"data": data, "target": target, "labels": labels, "signature": signature}
    raise typer.Exit(serve(settings, source, name, packing))


def _check(settings: Settings) -> None:
    """Raise SettingsError, or InputError for a route, before anything is begun."""
    from garcom.addresses import Proxies
    from garcom.registry.routes import check_route

    Proxies(settings.access.trusted_proxies)
    if settings.route:
        check_route(settings.route)
    if settings.oidc.issuer or settings.oidc.roles:
        from garcom.controller.provider import check_settings

        check_settings(settings.oidc)
    alerts = settings.alerts
    if alerts.rules or alerts.to or alerts.to_file or alerts.secret_file:
        from garcom.monitoring.alerts.checking import check_settings as check_alerts

        check_alerts(alerts)
    if settings.limits.storage or settings.limits.storage_file:
        from garcom.access.limits import check_storage

        check_storage(settings.limits)


def _given(**flags: Path | bool | None) -> dict[str, str | bool] | None:
    """The flags of one section that were given; None without any. Paths are made absolute."""
    given = {
        name: str(flag.expanduser().absolute()) if isinstance(flag, Path) else flag
        for name, flag in flags.items()
        if flag is not None
    }
    return given or None


def serve(
    settings: Settings,
    source: Path | None,
    name: str | None,
    packing: Mapping[str, object],
    greet: Callable[[str, TrafficPlan | None], None] | None = None,
) -> int:
    """Pack and register the source if there is one, then serve until a signal; gives the exit status.

    ``greet`` is told the address and the plan once the server answers; without it, they are printed.
    """
    from garcom.addresses import is_loopback
    from garcom.logs import configure
    from garcom.server.listening import bind
    from garcom.server.supervisor import Supervisor

    configure(settings.log_format, settings.log_level)
    _warn_of_exposed_secrets(Path(settings.home))
    certificate = _certificate(settings)
    # First the address: nobody should wait for a model to be packed only to hear that the port is taken.
    listener = bind(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    address = f"{'http' if certificate is None else 'https'}://{f'[{host}]' if ':' in host else host}:{port}"
    bundle = source
    if source is not None and not _is_bundle(source):
        from garcom.cli.pack import pack_for_serving

        bundle = pack_for_serving(source, name, packing)

    # Where a provider says who people are, nobody expects everyone to be let in, not even on this machine alone.
    public = not is_loopback(host) or bool(settings.oidc.issuer)
    publishing: Publishing | None = None
    database: Database | None = None

    def open_publishing() -> Publish:
        nonlocal publishing, database
        from garcom.registry.registry import Registry

        registry = Registry.open(Path(settings.home), require_signature=settings.uploads.require_signature)
        database = registry.database
        publishing = _open_publishing(registry, public, bundle, name)
        return publishing

    def say() -> None:
        assert publishing is not None
        assert database is not None
        plan, is_open = publishing.plan, publishing.is_open
        if greet is not None:
            greet(address, plan)
        else:
            self_signed = certificate if settings.tls.self_signed else None
            alone = nobody_administers(database, settings)
            typer.echo(
                greeting(
                    address,
                    plan,
                    settings.allow_python,
                    is_open=is_open,
                    nobody_administers=alone,
                    self_signed=self_signed,
                )
            )
            sys.stdout.flush()

    return Supervisor(settings, listener, open_publishing, say).run()


def _certificate(settings: Settings) -> Path | None:
    """The certificate of a server that speaks HTTPS, after everything about it was checked. Raises SettingsError."""
    from garcom.tls.files import tls_files

    home = Path(settings.home)
    files = tls_files(home, settings.tls)
    if files is None:
        return None
    from garcom.tls.checks import check
    from garcom.tls.self_signed import ensure_self_signed

    if settings.tls.self_signed:
        ensure_self_signed(home, files, settings.host)
    check(files, settings)
    return files.certificate


def _warn_of_exposed_secrets(home: Path) -> None:
    import logging

    from garcom.storage.secret_file import exposure

    why = exposure(home)
    if why:
        logging.getLogger("garcom").warning("secrets are open to other users of this machine", extra={"why": why})


def nobody_administers(database: Database, settings: Settings) -> bool:
    """Whether people or services are asked who they are, and nobody can be known as an administrator."""
    from garcom.access.accounts import Accounts
    from garcom.access.grants import parse_grant
    from garcom.access.roles import Grant, Role

    by_provider = {parse_grant(role) for roles in settings.oidc.roles.values() for role in roles}
    return Grant(Role.ADMIN) not in by_provider and Accounts(database).nobody_administers()


def _is_bundle(source: Path) -> bool:
    from garcom.errors import UnreadableModel

    if not source.exists():
        raise UnreadableModel(f"Expected a bundle or a trained model at {source}, and nothing is there.")
    return (source / "manifest.json").is_file() or source.suffix == ".zip"


def _open_publishing(registry: Registry, public: bool, bundle: Path | None, name: str | None) -> Publishing:
    """Register the bundle if there is one, and give what tells the workers.

    The first start at a ``public`` address makes an administrator, whose password is printed this once.
    """
    from garcom.server.publishing import Publishing

    if bundle is not None:
        version = registry.register(bundle, name=name, use=True)
        registry.set_default(version.model)
    if public:
        _make_administrator(registry.database)
    return Publishing(registry.database, public=public)


def _make_administrator(database: Database) -> None:
    from garcom.access.accounts import Accounts

    made = Accounts(database).first_administrator()
    if made is not None:
        name, password = made
        typer.echo(first_administrator(name, password))
        sys.stdout.flush()
