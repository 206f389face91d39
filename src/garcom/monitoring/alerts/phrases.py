"""The words of messages, in each of their languages. A test holds the two against each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from garcom.monitoring.alerts.messages import Told
from garcom.monitoring.alerts.rule import SEVERITIES
from garcom.monitoring.report.reasons import reason
from garcom.report_page.writing import Writing

_ENGLISH = {
    "firing": "FIRING",
    "repeated": "STILL FIRING",
    "resolved": "RESOLVED",
    "critical": "critical",
    "warning": "warning",
    "info": "info",
    "one": "{model}: 1 alert, {state}",
    "many": "{model}: {n} alerts, {state}",
    "value": "value {value} (from {rows} rows, {actuals} actuals)",
    "since": "since {since}",
    "rule": "rule {rule}: {text}",
    "test title": "Garçom: a test message",
    "test": "Alerts of this server arrive here. Nothing is wrong.",
    "id": "message {id}",
}
_PORTUGUESE = {
    "firing": "DISPARADO",
    "repeated": "AINDA DISPARADO",
    "resolved": "RESOLVIDO",
    "critical": "crítico",
    "warning": "aviso",
    "info": "informação",
    "one": "{model}: 1 alerta, {state}",
    "many": "{model}: {n} alertas, {state}",
    "value": "valor {value} ({rows} linhas, {actuals} com valor real)",
    "since": "desde {since}",
    "rule": "regra {rule}: {text}",
    "test title": "Garçom: uma mensagem de teste",
    "test": "Os alertas deste servidor chegam aqui. Nada está errado.",
    "id": "mensagem {id}",
}
PHRASES = {"en": _ENGLISH, "pt": _PORTUGUESE}


def title(alerts: Sequence[Told], language: str) -> str:
    """One line about the alerts of one model, by the worst of those that are not over."""
    words = PHRASES[language]
    going_on = [each for each in alerts if each.happened != "resolved"]
    worst = max(going_on or alerts, key=lambda each: SEVERITIES.index(each.severity))
    state = words["resolved"] if not going_on else f"{words[worst.happened]}, {words[worst.severity]}"
    return words["one" if len(alerts) == 1 else "many"].format(model=worst.model, n=len(alerts), state=state)


def text(alerts: Sequence[Told], language: str, id: str) -> str:
    """All of them for people, without any mark-up."""
    words = PHRASES[language]
    return "\n\n".join([*(_paragraph(each, language) for each in alerts), words["id"].format(id=id)])


def trial_message(language: str, id: str) -> tuple[str, str]:
    """Title and text of a message that only proves that messages arrive."""
    words = PHRASES[language]
    return words["test title"], f"{words['test']}\n\n{words['id'].format(id=id)}"


def _paragraph(told: Told, language: str) -> str:
    words = PHRASES[language]
    lines = [f"{words[told.happened]} ({words[told.severity]}) {told.text}"]
    if told.value is not None:
        write = Writing(language).number
        lines.append(words["value"].format(value=write(told.value), rows=write(told.rows), actuals=write(told.actuals)))
    if told.why:
        lines.append(reason(language, told.why))
    if told.since is not None:
        lines.append(words["since"].format(since=_moment(told.since)))
    lines.append(words["rule"].format(rule=told.rule, text=told.text))
    return "\n".join(lines)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
