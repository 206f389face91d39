"""Writes predictions that were made elsewhere into the journal, as those that are made here are written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec

from garcom.errors import Conflict, JournalUnavailable
from garcom.ids import uuid7s_at
from garcom.journal.journal import Journal, Origin
from garcom.journal.lines import Entry, encode_lines
from garcom.model.signature import Signature
from garcom.serving.codec.logged_body import MadeElsewhere
from garcom.serving.guards import Guards, Warned
from garcom.serving.rows import BatchBuilder
from garcom.serving.scribe import Disguise, described
from garcom.serving.telemetry import Telemetry

#: The role of predictions that something else has made.
EXTERNAL = "external"

#: A version of a model as it is logged: number, digest and signature.
Known = tuple[int, str, Signature]


class Page(NamedTuple):
    """What is to be written of one call: a line for each row, their ids in the order of the rows."""

    ids: list[str]
    lines: bytes
    n_rows: dict[int, int]


class _Hand:
    """How rows of one version are written."""

    def __init__(self, number: int, signature: Signature, disguise: Disguise | None) -> None:
        self.number = number
        self.disguise = disguise
        self.build = BatchBuilder(signature)
        self.guards = Guards(signature)


class Logbook:
    """The journal of one worker for what others have predicted; ``journal`` is None where none is kept.

    ``disguise`` gives what may be written of a signature's rows, ``pseudonym`` that of a subject.
    """

    def __init__(
        self,
        journal: Journal | None,
        disguise: Callable[[Signature], Disguise | None],
        pseudonym: Callable[[str], str],
        telemetry: Telemetry,
    ) -> None:
        self._journal = journal
        self._disguise = disguise
        self._pseudonym = pseudonym
        self._telemetry = telemetry
        self._hands: dict[tuple[str, int, str], _Hand] = {}

    def introduce(self, model: str, versions: Sequence[Known]) -> None:
        """Tell the journal of versions before rows of them are written; on the event loop. Raises Conflict."""
        if self._journal is None:
            raise Conflict("Expected a server that keeps a journal, to log predictions; this one's is switched off.")
        for number, digest, signature in versions:
            if (model, number, digest) not in self._hands:
                told = msgspec.structs.replace(described(model, number, digest, signature), role=EXTERNAL)
                hand = _Hand(self._journal.introduce(told), signature, self._disguise(signature))
                self._hands[model, number, digest] = hand

    def page(self, model: str, digests: dict[int, str], rows: Sequence[MadeElsewhere], origin: Origin) -> Page:
        """The lines of rows whose versions were introduced; in any thread.

        Each row has its own time in its id, and its own key and subject where it has them, else those of the request.
        """
        ids = uuid7s_at([row.time_us // 1000 for row in rows])
        whence = origin.of_rows(len(rows))
        warnings: dict[int, list[Warned]] = {}
        n_rows: dict[int, int] = {}
        order = sorted(range(len(rows)), key=lambda at: rows[at].version)
        for version, places in groupby(order, key=lambda at: rows[at].version):
            of_version = list(places)
            hand = self._hands[model, version, digests[version]]
            found = hand.guards.find(hand.build([rows[at].row for at in of_version]))
            warnings |= {of_version[at]: warned for at, warned in found.items()}
            n_rows[version] = len(of_version)
        entries = []
        for at, (id, row, own) in enumerate(zip(ids, rows, whence, strict=True)):
            hand = self._hands[model, row.version, digests[row.version]]
            entries.append(
                Entry(
                    hand.number,
                    id,
                    row.time_us,
                    row.row if hand.disguise is None else hand.disguise(row.row),
                    row.prediction,
                    row.probabilities,
                    row.score,
                    row.latency_us,
                    warnings.get(at),
                    own.request_id,
                    own.key if row.key is None else row.key,
                    own.subject if row.subject is None else self._pseudonym(row.subject),
                )
            )
        return Page(ids, encode_lines(entries), n_rows)

    async def write(self, model: str, page: Page) -> None:
        """Write the lines, on the event loop; they are on the disk by then. Raises JournalUnavailable."""
        assert self._journal is not None
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()

        def settle(refusal: JournalUnavailable | None) -> None:
            if written.done():
                return  # whoever waited has gone
            if refusal is None:
                written.set_result(None)
            else:
                written.set_exception(refusal)

        def done(refusal: JournalUnavailable | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(settle, refusal)

        self._journal.append(page.lines, done)
        await written
        for version, n in page.n_rows.items():
            self._telemetry.version(model, version).logged_rows += n
