"""What a server answers, as typed records. Fields that a newer server adds are ignored."""

from __future__ import annotations

from typing import Any

import msgspec

from garcom.model.signature import Signature, Task
from garcom.serving.guards import Warned


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer for one row.

    ``prediction`` is a label (text, number or boolean) or a value; a dict of values by name for a regression with
    several targets. ``probabilities`` are by label, None where the model gives none; ``score`` is an outlier
    model's. ``warnings`` tell of values outside what the model was trained on.
    """

    id: str
    model: str
    version: int
    prediction: Any
    probabilities: dict[str, float] | None = None
    score: float | None = None
    warnings: tuple[Warned, ...] = ()


class ModelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model. ``answers`` is the version that answers, None where none does; so is then ``task``."""

    model: str
    answers: int | None
    default: bool
    task: Task | None
    versions: tuple[int, ...]
    predict: str
    routes: tuple[str, ...] = ()


class VersionDetails(msgspec.Struct, frozen=True, kw_only=True):
    """One version: what it takes and answers, how it was proved, what it was measured to be."""

    model: str
    version: int
    answers: bool
    digest: str
    task: Task
    signature: Signature
    engines: tuple[dict[str, str], ...] = ()
    proved_on_real_rows: bool = False
    proof: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    lineage: dict[str, Any] = {}


class ModelDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model with everything about each of its versions."""

    model: str
    answers: int | None
    default: bool
    task: Task | None
    versions: tuple[VersionDetails, ...]
    predict: str
    routes: tuple[str, ...] = ()

    def version(self, number: int | None = None) -> VersionDetails | None:
        """The version of this number, or the one that answers; None where there is none."""
        wanted = self.answers if number is None else number
        return next((version for version in self.versions if version.version == wanted), None)


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What ``/readyz`` says: the name of the default model, where there is one."""

    status: str
    default: str | None = None
