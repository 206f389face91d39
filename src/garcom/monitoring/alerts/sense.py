"""Whether a rule makes sense: whether what it watches can ever be read of its model."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from garcom.errors import BundleError, InputError
from garcom.model.bundle import read_bundle
from garcom.model.signature import Output, Signature
from garcom.monitoring.alerts.rule import EVERY_MODEL, Rule
from garcom.monitoring.alerts.subjects import (
    CLASSIFICATION,
    ESTIMATED,
    ESTIMATED_OF_REGRESSIONS,
    METRICS,
    REGRESSION,
    Family,
    Subject,
)
from garcom.registry.reference import require_model
from garcom.storage.blobs import Blobs
from garcom.storage.versions import list_versions
from garcom.suggestions import near

_SHOWN = 300


class Sense:
    """Judges rules by the models that are registered: what one takes and answers stands in its stored bundles."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def check(self, connection: Connection, rule: Rule) -> None:
        """Raises ModelNotFound where there is no such model, and InputError where no version of it could be read.

        A rule about every model always makes sense, and so does one about a version that is not registered yet if it
        would of another. Bundles that cannot be read are left out.
        """
        if rule.model == EVERY_MODEL:
            return
        model = require_model(connection, rule.model)
        newest = None
        for signature in self._signatures(connection, model.id, rule.version):
            why = _why_never(rule, signature)
            if why is None:
                return
            newest = newest or why
        if newest is not None:
            raise InputError(newest)

    def _signatures(self, connection: Connection, model_id: int, version: int | None) -> Iterator[Signature]:
        """Of the version, or of all where there is none of this number; the newest first."""
        versions = list_versions(connection, model_id)[::-1]
        seen = set()
        for row in [row for row in versions if row.number == version] or versions:
            if row.digest in seen:
                continue
            seen.add(row.digest)
            try:
                yield read_bundle(self._blobs.path(row.digest), verify=False).signature
            except BundleError:
                continue


def _why_never(rule: Rule, signature: Signature) -> str | None:
    """Why there is nothing to read of such a model; None where there may be."""
    subject = rule.subject
    if subject.name.removeprefix(ESTIMATED) in METRICS:
        why = _no_metric(subject, rule.model, signature.output)
    elif subject.kind.family is not Family.PERFORMANCE and subject.column is not None:
        why = _no_column(subject.column, signature)
    else:
        why = None
    return why or (None if rule.segment is None else _no_segment(rule.segment, signature))


def _no_metric(subject: Subject, model: str, output: Output) -> str | None:
    is_regression = output.task == "regression"
    known = REGRESSION if is_regression else CLASSIFICATION
    metric = subject.name.removeprefix(ESTIMATED)
    if metric not in known:
        return f"Expected a metric of a {output.task}, which {model} is ({', '.join(known)}), got {metric}."
    if subject.is_estimate and is_regression and metric not in ESTIMATED_OF_REGRESSIONS:
        estimated = ", ".join(f"{ESTIMATED}{name}" for name in ESTIMATED_OF_REGRESSIONS)
        return f"Expected what is estimated of a regression, which {model} is ({estimated}), got {subject.name}."
    if subject.is_estimate and not is_regression and not output.probabilities:
        return f"Expected a metric from actuals: {model} answers no probabilities, and {subject.name} is made of them."
    targets = output.names if is_regression and len(output.names) > 1 else ()
    if subject.column is None and targets:
        return f"Expected one of the targets of {model} after {subject.name} ({_listed(targets)}), got none."
    if subject.column is not None and subject.column not in targets:
        expected = f"one of its targets ({_listed(targets)})" if targets else "nothing"
        return f"Expected {expected} after {model}.{subject.name}, got {subject.column[:100]!r}."
    return None


def _no_column(column: str, signature: Signature) -> str | None:
    from garcom.model.reference_profile import answer_names  # loads polars

    fields = {field.name: field for field in signature.fields}
    if column in fields and fields[column].personal:
        return f"Expected a column that is kept, got {column[:100]!r}: it is personal, so nothing is known of it here."
    known = (*(name for name, field in fields.items() if not field.personal), *answer_names(signature.output))
    if column in known:
        return None
    return f"Expected a column of the model ({_listed(known)}), got {column[:100]!r}.{near(column, known)}"


def _no_segment(segment: str, signature: Signature) -> str | None:
    field = segment.partition("=")[0].strip()
    known = tuple(each.name for each in signature.fields if not each.personal)
    if field in known:
        return None
    expected = f"a segment of a field that the model takes and that is not personal ({_listed(known)})"
    return f"Expected {expected}, got {field[:100]!r}.{near(field, known)}"


def _listed(names: tuple[str, ...]) -> str:
    text = ", ".join(names)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
