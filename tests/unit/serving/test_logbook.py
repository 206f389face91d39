"""Predictions made elsewhere stand in the journal as those that are made here do."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from garcom.errors import Conflict, JournalUnavailable
from garcom.journal.committer import Sync
from garcom.journal.disguise import disguise
from garcom.journal.journal import Journal, Origin
from garcom.journal.lines import Entry, Version
from garcom.journal.pseudonyms import SubjectKey
from garcom.journal.reader import read_segment
from garcom.lake.schemas import moment_of
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.serving.codec.logged_body import MadeElsewhere
from garcom.serving.logbook import Logbook
from garcom.serving.telemetry import Telemetry
from garcom.storage.disk import DISK, Disk

KEY = SubjectKey(b"k" * 32)
SIGNATURE = Signature(
    fields=(
        Field(name="pH", type=FieldType.FLOAT, minimum=2.0, maximum=4.0),
        Field(name="nome", type=FieldType.STRING, pii="hash"),
    ),
    output=Output(task="classification", classes=("bom", "ruim"), probabilities=True),
    example={"pH": 3.0, "nome": "text"},
)
NOBODY = Origin()
LONG_AGO_US = 1_700_000_000_123_456


def row(version: int = 1, pH: float = 3.0, key: str | None = None, subject: str | None = None) -> MadeElsewhere:
    return MadeElsewhere(version, (pH, "Ana"), "bom", [0.75, 0.25], None, key, subject, LONG_AGO_US, 1500)


def no_disk(path: Path, flags: int, mode: int) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def log(
    folder: Path, rows: Sequence[MadeElsewhere], origin: Origin = NOBODY, disk: Disk = DISK
) -> tuple[list[str], list[tuple[Version, Entry]], Telemetry]:
    telemetry = Telemetry()

    async def work(journal: Journal) -> list[str]:
        journal.commit_on(asyncio.get_running_loop())
        book = Logbook(journal, lambda signature: disguise(signature, KEY), KEY.pseudonym, telemetry)
        book.introduce("wine", [(number, f"digest-{number}", SIGNATURE) for number in (1, 2)])
        page = book.page("wine", {1: "digest-1", 2: "digest-2"}, rows, origin)
        await asyncio.wait_for(book.write("wine", page), 30)
        return page.ids

    journal = Journal(folder, sync=Sync.REQUEST, segment_bytes=64 * 1024, segment_s=3600.0, disk=disk)
    try:
        ids = asyncio.run(work(journal))
    finally:
        journal.close()
    return ids, [entry for path in sorted(folder.glob("*-*.*")) for entry in read_segment(path)[1]], telemetry


def test_a_row_is_written_with_its_own_time_role_and_disguise(tmp_path: Path) -> None:
    ids, written, telemetry = log(tmp_path, [row()], Origin(request_id="r-1"))
    ((version, entry),) = written
    assert (version.model, version.version, version.digest, version.role) == ("wine", 1, "digest-1", "external")
    assert entry.id == ids[0]
    assert moment_of(entry.id) == datetime.fromtimestamp(LONG_AGO_US // 1000 / 1000, UTC)
    assert (entry.time_us, entry.latency_us, entry.request_id) == (LONG_AGO_US, 1500, "r-1")
    assert (entry.prediction, entry.probabilities) == ("bom", [0.75, 0.25])
    assert list(entry.row) == [3.0, KEY.hashed(b'"Ana"')]
    assert telemetry.version("wine", 1).logged_rows == 1


def test_rows_of_several_versions_keep_their_order_and_their_warnings(tmp_path: Path) -> None:
    ids, written, telemetry = log(tmp_path, [row(2), row(1, pH=9.0), row(2)])
    found = {entry.id: (version.version, entry.warnings is not None) for version, entry in written}
    assert [found[id] for id in ids] == [(2, False), (1, True), (2, False)]
    assert telemetry.version("wine", 2).logged_rows == 2


def test_names_are_the_rows_own_or_those_of_the_request(tmp_path: Path) -> None:
    origin = Origin(key="k-1", subject="pseudonym")
    _, written, _ = log(tmp_path, [row(), row(key="mine", subject="Ana")], origin)
    assert {(entry.key, entry.subject) for _, entry in written} == {
        ("k-1/0", "pseudonym"),
        ("mine", KEY.pseudonym("Ana")),
    }


def test_what_cannot_be_written_is_not_acknowledged(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable):
        log(tmp_path, [row()], disk=DISK._replace(open=no_disk))


def test_without_a_journal_nothing_is_logged() -> None:
    book = Logbook(None, lambda signature: None, str, Telemetry())
    with pytest.raises(Conflict, match="journal"):
        book.introduce("wine", [(1, "digest", SIGNATURE)])
