"""Replays logged inputs through a candidate version, beside another version or what was answered then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import polars as pl

from garcom.errors import BundleError, InputError, NotFound
from garcom.lake.predictions import Wanted
from garcom.lake.tables import Lake
from garcom.model.bundle import Bundle, read_bundle
from garcom.model.engines.base import AllowPython, PythonTerms
from garcom.model.signature import Output, Signature
from garcom.registry import Registry
from garcom.registry.reference import Reference
from garcom.replay.inputs import Cause, Personal, Refusals
from garcom.replay.logged import LoggedRows, window_told
from garcom.replay.records import FEW_ROWS, Latency, ReplayReport
from garcom.replay.said import Said, then
from garcom.replay.side import BATCH_ROWS, ServedLatency, Side
from garcom.replay.tally import Tally
from garcom.serving.predictor import Predictor, load_predictor
from garcom.serving.rows import Row

#: Regressions agree within this share of the old value.
TOLERANCE = 0.01
#: How a report calls what was answered then.
LOG = "log"

_OTHER_ANSWER = Cause(LOG, "other answer", "", "what was answered then is of another form than the candidate's answers")

#: Told after each batch: how many rows are done, and of how many.
Progress = Callable[[int, int], None]


class Candidate(NamedTuple):
    """A version that takes part, by its model's name and its number."""

    model: str
    number: int

    @classmethod
    def named(cls, reference: Reference) -> Candidate:
        """The version that a reference names; InputError where it names only a model."""
        if reference.number is None:
            raise InputError(f"Expected a version, as in {reference.model}:2, got {reference.model!r}.")
        return cls(reference.model, reference.number)

    def __str__(self) -> str:
        return f"{self.model}:{self.number}"


def replay(
    lake: Lake,
    registry: Registry,
    candidate: Candidate,
    against: Candidate | None = None,
    *,
    wanted: Wanted | None = None,
    limit: int | None = None,
    tolerance: float = TOLERANCE,
    allow_python: AllowPython = False,
    python_timeout_s: float | None = None,
    python_memory_mb: int = PythonTerms().memory_mb,
    progress: Progress = lambda done, rows: None,
) -> ReplayReport:
    """Compare the candidate with ``against`` (None: with what was answered then) on its model's logged inputs.

    ``wanted`` chooses the predictions, ``limit`` the newest so many. What cannot be replayed is counted by its reason.
    Raises :class:`~garcom.errors.NotFound` for a model or version that is none, :class:`~garcom.errors.InputError`
    where no prediction is found or the two answer in different forms, and :class:`~garcom.errors.Conflict` for a
    Python engine that is not allowed.
    """
    wanted = wanted or Wanted()
    asked = [candidate] if against is None else [candidate, against]
    signatures = [_bundle(registry, each).signature for each in asked]
    _check_forms([str(each) for each in asked], [signature.output for signature in signatures])
    logged = LoggedRows(lake, candidate.model, wanted, limit)
    if not logged.n_rows:
        which = candidate.model if wanted.version is None else f"{candidate.model}:{wanted.version}"
        raise InputError(
            f"Expected predictions of {which} {window_told(wanted.since, wanted.until)}, and there are none. "
            f"`garcom log {candidate.model}` shows the newest."
        )
    personal = _personal(registry, candidate.model, logged.versions, signatures)
    loaded: list[Predictor] = []
    try:
        for each in asked:
            folder = registry.blobs.path(registry.version(*each).digest)
            loaded.append(
                load_predictor(
                    folder,
                    *each,
                    allow_python=allow_python,
                    max_rows=BATCH_ROWS,
                    python_timeout_s=python_timeout_s,
                    python_memory_mb=python_memory_mb,
                )
            )
        run = _Run([Side(predictor, personal) for predictor in loaded], tolerance)
        done = 0
        for batch in logged.batches(BATCH_ROWS):
            run.add(batch)
            done += batch.height
            progress(done, logged.n_rows)
        return run.report(wanted)
    finally:
        for predictor in loaded:
            predictor.close()


class _Run:
    """The candidate, and with it the other version if there is one."""

    def __init__(self, sides: Sequence[Side], tolerance: float) -> None:
        self._sides = sides
        self._output = sides[0].output
        self._tolerance = tolerance
        self._tally = Tally(self._output, tolerance)
        self._refusals = Refusals()
        self._served = ServedLatency()
        self._n_rows = self._n_batches = 0

    def add(self, batch: pl.DataFrame) -> None:
        """Replay a batch of logged rows."""
        refused: dict[int, Sequence[Cause]] = {}
        inputs, versions = batch["input"].to_list(), batch["version"].to_list()
        rows = [_accepted(side.inputs.rows(inputs, versions), refused) for side in self._sides]
        logged = None
        if len(self._sides) == 1:
            logged, comparable = then(batch, self._output)
            refused |= {i: [_OTHER_ANSWER] for i in np.flatnonzero(~comparable).tolist() if i not in refused}
            self._served.add(batch["latency_us"])
        places = [i for i in range(batch.height) if i not in refused]
        places, said = self._answers(rows, places, refused)
        if places:
            old = said[1] if logged is None else logged.rows(np.array(places))
            self._tally.add(batch[places], old, said[0])
        for causes in refused.values():
            self._refusals.add(causes)
        self._n_rows += batch.height
        self._n_batches += 1

    def _answers(
        self, rows: Sequence[Mapping[int, Row]], places: list[int], refused: dict[int, Sequence[Cause]]
    ) -> tuple[list[int], list[Said]]:
        """The places that every side answers, and what each says there.

        The sides take turns in going first, so that neither always finds the memory warm.
        """
        turns = list(range(len(self._sides)))
        if self._n_batches % 2:
            turns.reverse()
        said: dict[int, Said] = {}
        for turn in turns:
            found, failed = self._sides[turn].answers([rows[turn][i] for i in places])
            if found is not None:
                said[turn] = found
            if failed:
                refused |= {places[at]: [cause] for at, cause in failed.items()}
                stays = np.array([at not in failed for at in range(len(places))])
                said = {other: each if other == turn else each.rows(stays) for other, each in said.items()}
                places = [place for place in places if place not in refused]
            if not places:
                return [], []
        return places, [said[turn] for turn in sorted(said)]

    def report(self, wanted: Wanted) -> ReplayReport:
        """What was found; engines are timed before it."""
        tally = self._tally
        return ReplayReport(
            candidate=self._sides[0].reference,
            against=self._sides[1].reference if len(self._sides) > 1 else LOG,
            task=self._output.task,
            since=wanted.since,
            until=wanted.until,
            version=wanted.version,
            made_at=datetime.now(UTC),
            rows=self._n_rows,
            replayed=tally.n_rows,
            refused=self._refusals.n_rows,
            too_few=tally.n_rows < FEW_ROWS,
            tolerance=self._tolerance if self._output.task == "regression" else None,
            agreement=tally.agreement(),
            refusals=self._refusals.told(),
            changes=tally.changes(),
            n_changes=tally.n_changes,
            probabilities=tally.probabilities(),
            values=tally.values(),
            truth=tally.truth(),
            latency=self._latency(),
            most_different=tally.most_different(),
        )

    def _latency(self) -> tuple[Latency, ...]:
        for side in self._sides:
            side.time()
        return (*(each for side in self._sides for each in side.latency()), *self._served.latency(LOG))


def _accepted(found: Sequence[Row | list[Cause]], refused: dict[int, Sequence[Cause]]) -> dict[int, Row]:
    """The rows by their place; those of which there is none are refused, if they are not yet."""
    rows: dict[int, Row] = {}
    for i, row in enumerate(found):
        if isinstance(row, tuple):
            rows[i] = row
        else:
            refused.setdefault(i, row)
    return rows


def _bundle(registry: Registry, version: Candidate) -> Bundle:
    """Its files were verified when they were stored."""
    return read_bundle(registry.blobs.path(registry.version(*version).digest), verify=False)


def _check_forms(names: Sequence[str], outputs: Sequence[Output]) -> None:
    new, old = outputs[0], outputs[-1]
    if new.task != old.task:
        raise InputError(
            f"Expected two versions that do the same: {names[0]} is for {new.task}, {names[-1]} for {old.task}. "
            "Choose another with --against."
        )
    # The only target of each is compared with the other's, whatever they are called.
    if new.names != old.names and max(len(new.names), len(old.names)) > 1:
        raise InputError(
            f"Expected two versions with the same targets: {names[0]} answers {', '.join(new.names)}, {names[-1]} "
            f"{', '.join(old.names)}. Choose another with --against."
        )


def _personal(
    registry: Registry, model: str, numbers: Sequence[int], others: Sequence[Signature]
) -> dict[int, Personal]:
    """The personal fields of the versions that answered; of one that was removed those of the others."""
    found: dict[int, Personal] = {}
    for number in numbers:
        try:
            signatures: Sequence[Signature] = [_bundle(registry, Candidate(model, number)).signature]
        except (NotFound, BundleError):
            signatures = others
        found[number] = {field.name: field.pii for each in signatures for field in each.fields if field.personal}
    return found
