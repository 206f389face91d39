"""Writes the predictions of one version into the journal before anybody hears of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import msgspec
from msgspec import UNSET

from garcom.errors import JournalUnavailable
from garcom.journal.journal import Journal, Origin
from garcom.journal.lines import Entry, Version, encode_lines
from garcom.model.signature import Signature
from garcom.records import Batch
from garcom.serving.codec.answers import Answer, Answers
from garcom.serving.predictor import Predictor
from garcom.serving.rows import Row

logger = logging.getLogger("garcom.serving")

#: Where the rows of a request come from: all from the same, or each from its own.
Origins = Origin | Sequence[Origin]
#: Makes of an input row what may be written of it.
Disguise = Callable[[Row], Sequence[Any]]
#: Told how many rows were answered without having been written.
OnUnwritten = Callable[[int], None]


class Scribe:
    """The journal as one version of a model sees it. Used on the event loop, ``lines`` in any thread.

    With ``on_unwritten``, what cannot be written is answered all the same, and counted by it.
    """

    def __init__(
        self, journal: Journal, version: Version, disguise: Disguise | None, on_unwritten: OnUnwritten | None
    ) -> None:
        self._journal = journal
        self._version = version
        self._disguise = disguise
        self._on_unwritten = on_unwritten
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        #: The numbers of the version's lines, by role.
        self._numbers = {"stable": journal.introduce(version)}

    def lines(self, written: Sequence[tuple[Row, Answer, Origin, float]]) -> bytes:
        """A line for each row with its answer, its origin and when it began on ``time.perf_counter``."""
        time_us = time.time_ns() // 1000
        now = time.perf_counter()
        disguise = self._disguise
        return encode_lines(
            [
                Entry(
                    self._number(origin.role),
                    answer.id,
                    time_us,
                    row if disguise is None else disguise(row),
                    answer.prediction,
                    _numbers(answer.probabilities),
                    None if answer.score is UNSET else answer.score,
                    int((now - began) * 1e6),
                    None if answer.warnings is UNSET else answer.warnings,
                    origin.request_id,
                    origin.key,
                    origin.subject,
                )
                for row, answer, origin, began in written
            ]
        )

    def lines_of(self, predictor: Predictor, batch: Batch, answers: Answers, origins: Origins, began: float) -> bytes:
        """The lines of one request's rows."""
        rows = predictor.build.rows(batch)
        found = predictor.codec.encoder.answers(answers.outputs, answers.ids, answers.warnings)
        whence = origins.of_rows(len(rows)) if isinstance(origins, Origin) else origins
        return self.lines(list(zip(rows, found, whence, repeat(began, len(rows)), strict=True)))

    def write(self, lines: bytes, n_rows: int, deliver: Callable[[JournalUnavailable | None], None]) -> None:
        """Append lines; ``deliver`` is called on the event loop when they are written, or with why they are not."""

        def written(refusal: JournalUnavailable | None) -> None:
            if refusal is not None and self._on_unwritten is not None:
                self._on_unwritten(n_rows)
                refusal = None
            deliver(refusal)

        def done(refusal: JournalUnavailable | None) -> None:
            if threading.get_ident() == self._loop_thread:
                written(refusal)
                return
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                self._loop.call_soon_threadsafe(written, refusal)

        self._journal.append(lines, done)

    def _number(self, role: str) -> int:
        number = self._numbers.get(role)
        if number is None:
            version = msgspec.structs.replace(self._version, role=role)
            number = self._numbers[role] = self._journal.introduce(version)
        return number


def described(model: str, version: int, digest: str, signature: Signature) -> Version:
    """What the journal tells of a version that answers."""
    output = signature.output
    return Version(
        v=0,
        model=model,
        version=version,
        digest=digest,
        role="stable",
        task=output.task,
        fields=signature.names,
        classes=output.shown,
        targets=output.names,
    )


def _numbers(probabilities: Any) -> Sequence[float] | None:
    """The probabilities in the order of the classes."""
    if probabilities is UNSET:
        return None
    if isinstance(probabilities, dict):
        return list(probabilities.values())
    numbers: tuple[float, ...] = msgspec.structs.astuple(probabilities)
    return numbers
