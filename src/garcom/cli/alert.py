"""``garcom alert``: rules, alerts, silences, and whether messages arrive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit, number, plain

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.monitoring.alerts.outbox import Undelivered
    from garcom.monitoring.alerts.rule_book import RuleBook, RuleShown
    from garcom.monitoring.alerts.silences import Silence
    from garcom.monitoring.records import AlertState
    from garcom.settings import AlertSettings
    from garcom.storage.database import Database

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Looks after alerts: the rules, what fires, who is told, and for how long nobody is.",
)

NameArgument = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name; `garcom alert rules` lists them.")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Only for this model. Default: for every one.", show_default=False)
]


class _Opened(NamedTuple):
    settings: AlertSettings
    database: Database

    @property
    def book(self) -> RuleBook:
        from garcom.monitoring.alerts.rule_book import RuleBook

        return RuleBook(self.settings, self.database)


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    model: Annotated[str | None, typer.Option("--model", help="Only those of this model.", show_default=False)] = None,
    most: Annotated[int, typer.Option("-n", "--lines", min=1, max=1000, help="The newest so many.")] = 100,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the alerts that are pending or firing, the newest first.

    Example: `garcom alert list --all --model wine`
    """
    from garcom.monitoring.alerts.alert_list import OPEN, STATES, AlertList

    found = AlertList(_opened(home).database).page(
        models=None if model is None else [model], states=STATES if every else OPEN, limit=most
    )
    emit(found.alerts, as_json, lambda console: _tell_alerts(console, found.alerts))


@app.command("rules")
def rules(
    model: Annotated[
        str | None, typer.Option("--model", help="Only those that hold for this model.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rules, what each read last of each model, and why where it read nothing.

    `default` rules are those that Garçom brings along for every model, `settings` those of `[alerts.rules]`, `added`
    those of `garcom alert add` and the API.

    Example: `garcom alert rules --model wine`
    """
    found = _opened(home).book.shown(None if model is None else [model]).rules
    emit(found, as_json, lambda console: _tell_rules(console, found))


@app.command("add")
def add(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule in one line, in quotation marks.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Its name. Default: after what it watches.", show_default=False)
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of the added rule of that name; what that had begun ends.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a rule. A running server obeys it from its next round on.

    Example: `garcom alert add "wine.accuracy < 0.80 over 24h with >= 500 actuals for 2 windows"`
    """
    if not replace:
        made = _opened(home).book.add(rule, name)
    elif name is None:
        raise typer.BadParameter("expected beside --name, which tells the rule to replace", param_hint="--replace")
    else:
        made = _opened(home).book.put(name, rule)
    emit(made, as_json, lambda console: console.print(f"{made.name}: {plain(made.rule)}"))


@app.command("remove")
def remove(name: NameArgument, home: HomeOption = None) -> None:
    """Remove a rule that was added; its alerts end.

    Example: `garcom alert remove wine-accuracy`
    """
    _opened(home).book.remove(name)
    typer.echo(f"The rule {name} is removed.")


@app.command("off")
def off(name: NameArgument, model: ModelOption = None, home: HomeOption = None) -> None:
    """Switch a rule off, for a model or for all of them; its alerts end.

    Example: `garcom alert off silence --model wine`
    """
    _switch(name, model, home, on=False)


@app.command("on")
def on(name: NameArgument, model: ModelOption = None, home: HomeOption = None) -> None:
    """Switch a rule on again that was switched off for that model, or for all of them.

    Example: `garcom alert on silence --model wine`
    """
    _switch(name, model, home, on=True)


@app.command("ack")
def ack(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="The alert's id, or its beginning; `garcom alert list` tells it.")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an alert on: nobody is told of it again until it is over.

    Example: `garcom alert ack 019aa8f2-7f30-7a52-b2a6-6ad8f3b0c6d1`
    """
    from garcom.monitoring.alerts.alert_list import AlertList

    taken = AlertList(_opened(home).database).acknowledge(id)
    said = f"{plain(taken.text)} is taken on by {plain(taken.acknowledged_by)}."
    emit(taken, as_json, lambda console: console.print(said))


@app.command("silence")
def silence(
    until: Annotated[
        str | None,
        typer.Argument(metavar="[SPAN|DATE]", help="For how long (30m, 2h, 7d), or until when.", show_default=False),
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Only of this rule. Default: of every one.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Only of this model. Default: of every one.", show_default=False)
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is shown, and in the audit trail.")] = "",
    end: Annotated[
        str | None,
        typer.Option(
            "--end", metavar="ID", help="End this silence now; the beginning of its id does.", show_default=False
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell nobody for a while; without any argument, list the silences. What happens meanwhile is written down.

    Examples: `garcom alert silence 2h --model wine --reason "the sensors are being moved"`, `garcom alert silence`
    """
    from garcom.monitoring.alerts.silences import Silences

    opened = _opened(home)
    silences = Silences(opened.database)
    if end is not None:
        typer.echo(f"The silence {silences.remove(end)} is over.")
        return
    if until is not None:
        if rule is not None:
            opened.book.check_known(rule)
        made = silences.add(until, rule=rule, model=model, reason=reason)
        said = (
            f"Nobody is told until {made.until:%Y-%m-%d %H:%M} UTC. `garcom alert silence --end {made.id}` ends that."
        )
        emit(made, as_json, lambda console: console.print(said))
        return
    found = silences.shown().silences
    emit(found, as_json, lambda console: _tell_silences(console, found))


@app.command("messages")
def messages(
    most: Annotated[int, typer.Option("-n", "--lines", min=1, max=1000, help="The newest so many.")] = 100,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the messages that have not arrived, once for each receiver, and why not.

    One that waits is tried again by itself. One that was set aside (its receiver refuses it for good, or has not taken
    it for seven days) is tried again by `garcom alert retry`.

    Example: `garcom alert messages`
    """
    from garcom.monitoring.alerts.outbox import Outbox

    found = Outbox(_opened(home).database).shown(limit=most).messages
    emit(found, as_json, lambda console: _tell_messages(console, found))


@app.command("retry")
def retry(
    id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="The message's id, or its beginning. Default: every message.", show_default=False
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try messages again that have not arrived, set aside or not. A running server does so in its next round.

    Examples: `garcom alert retry`, `garcom alert retry 019aa8f2-7f30-7a52-b2a6-6ad8f3b0c6d1`
    """
    from garcom.monitoring.alerts.outbox import Outbox

    again = Outbox(_opened(home).database).retry(id).messages
    lines = [plain(f"{each.id} to {each.to} is tried again.") for each in again] or ["Every message has arrived."]
    emit(again, as_json, lambda console: console.print("\n".join(lines)))


@app.command("test")
def try_receivers(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Send a test message to every receiver of `alerts.to`, and tell what became of each.

    Exit status: 0 every one took it, 1 some did not, or there is none.

    Example: `garcom alert test`
    """
    from datetime import UTC, datetime

    from garcom.errors import SettingsError
    from garcom.monitoring.alerts.destinations import destinations, signing_secret
    from garcom.monitoring.alerts.post_office import PostOffice, check
    from garcom.monitoring.alerts.sender import try_out

    settings = _opened(home).settings
    receivers = destinations(settings)
    if not receivers:
        raise SettingsError("No receiver is set: alerts.to and alerts.to_file are empty, so nobody hears of alerts.")
    check(receivers)
    found = try_out(receivers, PostOffice(signing_secret(settings)), settings.language, datetime.now(UTC))
    told = [{"to": destination.shown, "why": why} for destination, why in found]
    lines = [f"{each['to']}: {'taken' if each['why'] is None else each['why']}" for each in told]
    emit(told, as_json, lambda console: console.print("\n".join(lines)))
    if any(why for _, why in found):
        raise typer.Exit(1)


def _opened(home: Path | None) -> _Opened:
    from garcom.settings import load_settings
    from garcom.storage.database import Database

    folder = home_folder(home)
    return _Opened(load_settings({"home": str(folder)}).alerts, Database.open(folder))


def _switch(name: str, model: str | None, home: Path | None, *, on: bool) -> None:
    book = _opened(home).book
    about = next((rule.model for rule in book.shown().rules if rule.name == name), "*")
    meant = model or about
    book.switch(name, meant, on=on)
    typer.echo(f"The rule {name} is {'on' if on else 'off'} for {'every model' if meant == '*' else meant}.")


def _tell_alerts(console: Console, alerts: tuple[AlertState, ...]) -> None:
    for alert in alerts:  # no table: beside an id that can be copied, 80 columns leave no room for one
        console.print(f"{alert.id}  {alert.state}, {alert.severity}", style="bold")
        model = "" if alert.text.startswith(f"{alert.model}.") else f"{alert.model}: "
        console.print(plain(f"  {model}{alert.rule}: {alert.text}"))
        told = f"  since {alert.since:%Y-%m-%d %H:%M} UTC, value {number(alert.value)}"
        told += f" ({alert.why})" if alert.why else ""
        told += f", seen to by {alert.acknowledged_by}" if alert.acknowledged_by else ""
        told += f", silent until {alert.silenced_until:%Y-%m-%d %H:%M}" if alert.silenced_until else ""
        console.print(plain(told))
    if not alerts:
        console.print("No alert.")


def _tell_silences(console: Console, silences: tuple[Silence, ...]) -> None:
    for each in silences:
        console.print(each.id, style="bold")
        told = f"  rule {each.rule or 'every'}, model {each.model or 'every'}, until {each.until:%Y-%m-%d %H:%M} UTC"
        console.print(plain(f"{told}, by {each.created_by}"))
        if each.reason:
            console.print(plain(f"  {each.reason}"))
    if not silences:
        console.print("No silence: people are told of everything.")


def _tell_messages(console: Console, messages: tuple[Undelivered, ...]) -> None:
    for each in messages:
        console.print(f"{each.id}  {each.state.replace('_', ' ')}", style="bold")
        told = f"  {each.title or each.model}; to {each.to}, attempts {each.attempts}"
        told += f", next {each.next_at:%Y-%m-%d %H:%M} UTC" if each.next_at else ""
        console.print(plain(told))
        if each.why:
            console.print(plain(f"  {each.why}"))
    if not messages:
        console.print("Every message has arrived.")


def _tell_rules(console: Console, rules: tuple[RuleShown, ...]) -> None:
    for rule in rules:
        off = "" if not rule.off else f", off for {', '.join('every model' if m == '*' else m for m in rule.off)}"
        console.print(plain(f"{rule.name} ({rule.source}{off})"), style="bold")
        console.print(f"  {plain(rule.rule)}")
        if rule.why is not None:
            console.print(f"    it can read nothing: {plain(rule.why)}", style="bold yellow")
        for last in rule.readings:
            said = number(last.value) if last.why is None else f"nothing to say: {last.why}"
            console.print(plain(f"    {last.model}: {last.state}, {said} ({last.at:%Y-%m-%d %H:%M} UTC)"))
    if not rules:
        console.print("No rule.")
