from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from garcom.logs import ConsoleFormatter, JsonFormatter, configure, fields


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    logger = logging.getLogger()
    before = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:], level = before
    logger.setLevel(level)


def record(message: str = "version answers", **extra: Any) -> logging.LogRecord:
    return logging.getLogger("garcom.test").makeRecord(
        "garcom.test", logging.WARNING, "file.py", 1, message, (), None, extra=extra
    )


def test_only_what_was_given_is_a_field() -> None:
    assert fields(record()) == {}
    assert fields(record(model="wine", version=2)) == {"model": "wine", "version": 2}


def test_json_is_one_line_with_the_record_s_fields() -> None:
    text = JsonFormatter().format(record(model="ação 🍷", why="one\ntwo", version=2, path=Path("/x"), none=None))
    assert "\n" not in text
    line = json.loads(text)
    assert line.pop("time").endswith("+00:00")
    assert line.pop("process") > 0
    assert line == {
        "level": "warning",
        "logger": "garcom.test",
        "message": "version answers",
        "model": "ação 🍷",
        "why": "one\ntwo",
        "version": 2,
        "path": "/x",
        "none": None,
    }


def test_what_json_cannot_carry_is_logged_all_the_same() -> None:
    odd = record(number=float("nan"), keys={1: "a"}, things={1, 2}, error=ValueError("x"))
    line = json.loads(JsonFormatter().format(odd))
    assert (line["number"], line["keys"], sorted(line["things"]), line["error"]) == (None, {"1": "a"}, [1, 2], "x")
    not_utf_8 = JsonFormatter().format(record(file="\udcff.csv", error=ValueError("x")))
    assert not_utf_8.encode()
    assert json.loads(not_utf_8)["file"] == "\udcff.csv"


def test_the_console_has_the_same_in_one_short_line() -> None:
    text = ConsoleFormatter().format(record(model="wine", version=2))
    assert text.endswith(" warning version answers  model=wine  version=2")


def test_tracebacks_are_kept() -> None:
    try:
        raise ValueError("the reason")
    except ValueError:
        failed = record()
        failed.exc_info = sys.exc_info()
    assert "ValueError: the reason" in json.loads(JsonFormatter().format(failed))["exception"]
    assert ConsoleFormatter().format(failed).splitlines()[-1] == "ValueError: the reason"


def test_auto_is_json_where_no_person_reads(
    root: logging.Logger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("auto", "info")
    logging.getLogger("garcom.test").info("hello", extra={"n": 1})
    logging.getLogger("garcom.test").debug("not this")
    line = json.loads(capsys.readouterr().err)
    assert (line["message"], line["n"]) == ("hello", 1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure("auto", "debug")
    logging.getLogger("garcom.test").debug("hello")
    assert capsys.readouterr().err.endswith("debug   hello\n")
    assert len(root.handlers) == 1
