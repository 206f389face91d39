"""Questions over a real socket: answers, errors of the tree, and faults that must not tell addresses."""

from __future__ import annotations

import asyncio
import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from garcom.controller.answering import Answering
from garcom.controller.asking import SOCKET, Controller
from garcom.controller.messages import AddActuals, AnyQuestion, FindPrediction, Reply
from garcom.errors import (
    ActualsRefused,
    Fault,
    GarcomError,
    LakeUnavailable,
    PredictionNotFound,
    SettingsError,
    Unavailable,
)
from garcom.model.signature import Output

REFUSED = ActualsRefused("1 of 2 is wrong.", (Fault("actuals[0]", "this", "that"),), rows=2, refused=1)
ERRORS: dict[str, Exception] = {
    "none": PredictionNotFound("There is none."),
    "store": LakeUnavailable("http://10.0.0.1/secret"),
    "disk": OSError(errno.ENOSPC, "No space left on device", "/home/secret"),
    "home": SettingsError("The database /home/secret/garcom.db cannot be used (disk is full)."),
    "fault": ValueError("secret"),
}


def answer(question: AnyQuestion, body: bytes) -> tuple[Reply, bytes]:
    match question:
        case FindPrediction(id=id) if id in ERRORS:
            raise ERRORS[id]
        case FindPrediction(id=id):
            return Reply(), id.encode() * 100_000
        case AddActuals() if body == b"wrong":
            raise REFUSED
        case _:
            return Reply(media_type="text/x"), body


async def ask(folder: Path, question: AnyQuestion, body: bytes = b"") -> tuple[Reply, bytes]:
    with ThreadPoolExecutor(2) as threads:
        answering = Answering(folder / SOCKET, answer, threads)
        await answering.start()
        try:
            return await Controller(folder).ask(question, body)
        finally:
            answering.close()


def test_answers_of_any_length_come_whole(tmp_path: Path) -> None:
    assert asyncio.run(ask(tmp_path, FindPrediction(id="ab"))) == (Reply(), b"ab" * 100_000)
    question = AddActuals(model="wine", output=Output(task="regression", names=("y",)), content_type="text/csv")
    body = bytes(range(256)) * 40_000
    assert asyncio.run(ask(tmp_path, question, body)) == (Reply(media_type="text/x"), body)


def test_errors_are_themselves_again(tmp_path: Path) -> None:
    with pytest.raises(PredictionNotFound, match=r"There is none\."):
        asyncio.run(ask(tmp_path, FindPrediction(id="none")))
    question = AddActuals(model="wine", output=Output(task="regression", names=("y",)), content_type="text/csv")
    with pytest.raises(ActualsRefused) as caught:
        asyncio.run(ask(tmp_path, question, b"wrong"))
    assert (caught.value.faults, caught.value.rows, caught.value.refused) == (REFUSED.faults, 2, 1)


@pytest.mark.parametrize(
    ("id", "kind"), [("store", LakeUnavailable), ("disk", LakeUnavailable), ("fault", GarcomError)]
)
def test_faults_tell_no_address_and_no_value(tmp_path: Path, id: str, kind: type[GarcomError]) -> None:
    with pytest.raises(kind) as caught:
        asyncio.run(ask(tmp_path, FindPrediction(id=id)))
    assert "secret" not in str(caught.value)


def test_a_home_folder_that_cannot_be_used_is_told_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="its own files") as caught:
        asyncio.run(ask(tmp_path, FindPrediction(id="home")))
    assert "secret" not in str(caught.value)
