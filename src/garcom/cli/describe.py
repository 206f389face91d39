"""Models, versions and bundles, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from garcom.cli.output import number, plain, table
from garcom.model.proof import NOT_ON_REAL_ROWS
from garcom.model.signature import STORED, Field, FieldType, Output

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from garcom.model.bundle import Bundle
    from garcom.registry.records import Model, Summary, Version

#: The metric that lists show: the first of these that a version has, or else its first.
_MAIN_METRICS = ("roc_auc", "balanced_accuracy", "accuracy", "r2", "rmse", "mae")
_CATEGORIES_SHOWN = 6
_UNPROVED_SHOWN = 5
#: Names up to this long are kept on one line, in a terminal of 80 columns too.
_NAME_WIDTH = 24


def tell_models(console: Console, models: Sequence[Model]) -> None:
    """Print one row per model, with what is known of the version that answers (or else of the newest)."""
    if not models:
        console.print("No model is registered yet. `garcom register BUNDLE` registers what `garcom pack` made.")
        return
    listed = table("Model", "Answers", "Versions", "Task", "Metric", "Engine", "Proved")
    for model in models:
        version = main_version(model)
        listed.add_row(
            plain(model.name),
            "nothing" if model.answers is None else str(model.answers),
            _numbers([each.number for each in model.versions]),
            version.task,
            main_metric(version.metrics),
            _engines(version.summary),
            _proved(version.summary),
        )
    listed.columns[0].no_wrap = max(len(model.name) for model in models) <= _NAME_WIDTH
    listed.columns[3].no_wrap = True
    console.print(listed)
    for model in models:
        if model.is_default and not main_version(model).summary.is_served_elsewhere:
            console.print(f"{model.name} is the default: it answers at /predict too.")
        if main_version(model).summary.is_served_elsewhere:
            console.print(f"{model.name} is served elsewhere: its predictions are logged at {log_address(model.name)}.")
    _tell_unproved(console, map(main_version, models))


def tell_model(console: Console, model: Model) -> None:
    """Print a model's routes and its versions."""
    console.print(plain(model.name), style="bold")
    if not all(version.summary.is_served_elsewhere for version in model.versions):
        console.print(f"Answers at {', '.join(addresses(model))}.")
    if any(version.summary.is_served_elsewhere for version in model.versions):
        console.print(f"What is predicted elsewhere is logged at {log_address(model.name)}.")
    listed = table("Version", "Answers", "Registered", "Metric", "Engine", "Proved", numbers=("Version",))
    for version in model.versions:
        listed.add_row(
            str(version.number),
            "yes" if version.answers else "",
            moment(version.created),
            main_metric(version.metrics),
            _engines(version.summary),
            _proved(version.summary),
            style="bold" if version.answers else "",
        )
    console.print(listed)
    _tell_unproved(console, model.versions)
    console.print()


def tell_bundle(console: Console, bundle: Bundle) -> None:
    """Print what a bundle takes and answers, and its metrics and history; the proof is told apart."""
    personal = any(field.personal for field in bundle.signature.fields)
    columns = ("Field", "Type", "May be missing", "Seen in training", *(["Written down"] if personal else []))
    fields = table(*columns, title="Takes")
    for field in bundle.signature.fields:
        stored = [STORED[field.pii]] if personal else []
        fields.add_row(plain(field.name), field.type.value, _missing(field), _seen(field), *stored)
    console.print(fields)
    console.print("\nAnswers", style="bold")
    console.print(f"  {_answer(bundle.signature.output)}\n")
    tell_pairs(console, "Metrics", bundle.metrics)


def tell_pairs(console: Console, title: str, pairs: Mapping[str, Any]) -> None:
    """Print names and values, nested ones by dotted name; nothing where there are none."""
    flat = _flat(pairs)
    if not flat:
        return
    listed = table("Name", "Value", title=title)
    listed.show_header = False
    for name, value in flat.items():
        listed.add_row(plain(name), value)
    console.print(listed)
    console.print()


def main_version(model: Model) -> Version:
    """The version that answers, or else the newest."""
    return next((version for version in model.versions if version.answers), model.versions[-1])


def main_metric(metrics: Mapping[str, float]) -> str:
    """The metric that lists show, such as ``roc_auc 0.8765``; ``-`` where there is none."""
    name = next((name for name in (*_MAIN_METRICS, *metrics) if name in metrics), None)
    return "-" if name is None else f"{plain(name)} {number(metrics[name])}"


def _proved(summary: Summary) -> Text:
    """On how many real rows, or in yellow that there were none; nothing where there is no engine to prove."""
    from rich.text import Text

    if summary.is_served_elsewhere:
        return Text("-")
    if summary.proved_on_real_rows:
        return Text(f"{summary.real_rows:,} rows")
    return Text("no", style="bold yellow")


def _engines(summary: Summary) -> str:
    return " + ".join(plain(name) for name in summary.engines) or "elsewhere"


def _tell_unproved(console: Console, versions: Iterable[Version]) -> None:
    references = [
        version.reference
        for version in versions
        if not (version.summary.proved_on_real_rows or version.summary.is_served_elsewhere)
    ]
    if references:
        shown = ", ".join(references[:_UNPROVED_SHOWN])
        more = len(references) - _UNPROVED_SHOWN
        console.print(f"{shown}{f' and {more} more' if more > 0 else ''}: {NOT_ON_REAL_ROWS}.", style="bold yellow")


def moment(when: datetime) -> str:
    """An instant to the minute, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def size(size_bytes: int) -> str:
    """A length in bytes, kB, MB or GB."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= length:
            return f"{size_bytes / length:.1f} {unit}"
    return f"{size_bytes} bytes"


def addresses(model: Model) -> list[str]:
    """The paths that the model answers at."""
    own = [f"/v1/models/{model.name}/predict", *model.routes]
    return [*own, "/predict (the default)"] if model.is_default else own


def log_address(model: str) -> str:
    """The path at which predictions of the model are logged that were made elsewhere."""
    return f"/v1/models/{model}/log"


def _numbers(numbers: Sequence[int]) -> str:
    """``1, 2, 5``; a long list is shortened to its ends: ``1, 2 … 41 (38)``."""
    if len(numbers) <= 5:
        return ", ".join(map(str, numbers))
    return f"{numbers[0]}, {numbers[1]} … {numbers[-1]} ({len(numbers)})"


def _missing(field: Field) -> str:
    if not field.required:
        return "may be left out"
    return "may be null" if field.nullable else "no"


def _seen(field: Field) -> str:
    """The range or the values seen in training, with the unit."""
    if field.categories:
        shown = ", ".join(plain(value) for value in field.categories[:_CATEGORIES_SHOWN])
        more = len(field.categories) - _CATEGORIES_SHOWN
        return f"{shown} … and {more} more" if more > 0 else shown
    if field.minimum is None or field.maximum is None:
        return "-"
    ends = [_end(field.type, value) for value in (field.minimum, field.maximum)]
    return f"{ends[0]} to {ends[1]} {plain(field.unit)}".rstrip()


def _end(kind: FieldType, value: float) -> str:
    if kind is FieldType.DATETIME:
        return datetime.fromtimestamp(value / 1e6, UTC).strftime("%Y-%m-%d %H:%M")
    return f"{int(value):,}" if kind is FieldType.INTEGER else f"{value:g}"


def _answer(output: Output) -> str:
    if output.task == "regression":
        names = ", ".join(plain(name) for name in output.names) or "a value"
        return f"regression: {names} {f'in {plain(output.unit)}' if output.unit else ''}".rstrip()
    if output.labels:
        shown = ", ".join(
            f"{plain(label)} ({plain(value)})" for value, label in zip(output.classes, output.labels, strict=True)
        )
    else:
        shown = ", ".join(plain(value) for value in output.classes)
    return f"{output.task}: {shown}{', with probabilities' if output.probabilities else ''}"


def _flat(pairs: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in pairs.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, float):
            flat[prefix + name] = number(value)
        else:
            flat[prefix + name] = "-" if value is None else plain(value)
    return flat
