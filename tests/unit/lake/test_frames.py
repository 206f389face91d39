from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from garcom.errors import JournalError
from garcom.journal.lines import Entry, Header, Version, encode, encode_lines
from garcom.journal.segment import SegmentName
from garcom.lake.frames import SegmentFrames, read_frame
from garcom.lake.schemas import PREDICTIONS
from tests.unit.lake.journals import TIME_US, WINE, closed, entries, opened

HEADER = encode(Header(segment="01a-00000001", worker=1, began="2026-11-21T00:00:00Z")) + b"\n"


def frame_of(version: Version, *made: Entry) -> pl.DataFrame:
    frames = SegmentFrames(SegmentName("01a", 1))
    return pl.concat(frames.read(HEADER + encode(version) + b"\n" + encode_lines(made)))


def test_a_line_becomes_a_row(tmp_path: Path) -> None:
    (id,) = closed(tmp_path, n=1, request_id="r-1", key="k", subject="s", warnings=[{"field": "álcool"}])
    reading, frame = read_frame(tmp_path / "journal" / "01a-00000001.ndjson")
    assert (reading.n_entries, reading.dropped_lines) == (1, 0)
    assert frame.schema == PREDICTIONS
    assert frame.to_dicts() == [
        {
            "id": id,
            "time": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=TIME_US),
            "model": "wine",
            "day": "2026-11-21",
            "version": 3,
            "digest": "6592",
            "role": "stable",
            "input": '{"álcool":0.0,"100 %":null}',
            "label": "bom",
            "value": None,
            "output": '{"prediction":"bom","probabilities":{"bom":0.9,"ruim":0.1},"warnings":[{"field":"álcool"}]}',
            "latency_us": 412,
            "request_id": "r-1",
            "key": "k",
            "subject": "s",
            "segment": "01a-00000001",
        }
    ]


@pytest.mark.parametrize(
    ("task", "classes", "prediction", "score", "label", "value", "output"),
    [
        ("regression", (), 7.25, None, None, 7.25, {"prediction": 7.25}),
        ("regression", (), None, None, None, None, {"prediction": None}),
        ("regression", (), {"a": 1.0, "b": 2.0}, None, None, None, {"prediction": {"a": 1.0, "b": 2.0}}),
        ("outlier", (-1, 1), -1, 0.5, "-1", 0.5, {"prediction": -1, "score": 0.5}),
        ("clustering", (0, 1), 1, None, "1", None, {"prediction": 1}),
        ("classification", (True, False), True, None, "True", None, {"prediction": True}),
        ("classification", (0.5, 2.0), 2.0, None, "2.0", None, {"prediction": 2.0}),
        ("classification", ('a"b', "c"), 'a"b', None, 'a"b', None, {"prediction": 'a"b'}),
    ],
)
def test_each_task_has_its_label_or_value(
    task: str, classes: tuple[Any, ...], prediction: Any, score: Any, label: Any, value: Any, output: Any
) -> None:
    version = msgspec.structs.replace(WINE, task=task, classes=classes)
    (entry,) = entries(1, prediction=prediction, score=score, probabilities=None)
    (row,) = frame_of(version, entry).to_dicts()
    assert (row["label"], row["value"]) == (label, value)
    assert json.loads(row["output"]) == output


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(fields=st.lists(st.text(), min_size=1, max_size=4, unique=True), data=st.data())
def test_inputs_and_probabilities_keep_their_names_and_values(fields: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(values, min_size=len(fields), max_size=len(fields)), min_size=1, max_size=3))
    version = msgspec.structs.replace(WINE, fields=tuple(fields), classes=tuple(fields))
    shares = [i / 8 for i in range(len(fields))]
    made = [e._replace(row=row, probabilities=shares) for e, row in zip(entries(len(rows)), rows, strict=True)]
    frame = frame_of(version, *made)
    assert [json.loads(text) for text in frame["input"]] == [dict(zip(fields, row, strict=True)) for row in rows]
    assert json.loads(frame["output"][0])["probabilities"] == dict(zip(fields, shares, strict=True))


def test_versions_of_one_segment_keep_their_own_rows(tmp_path: Path) -> None:
    other = msgspec.structs.replace(WINE, v=1, version=4, fields=("a",), role="pinned")
    segment = opened(tmp_path, versions=(WINE, other))
    segment.write(encode_lines([*entries(2), *entries(3, v=1, row=[5]), *entries(1)]))
    segment.close()
    _, frame = read_frame(tmp_path / "journal" / "01a-00000001.ndjson")
    assert frame.group_by("version", "role").len().sort("version").rows() == [(3, "stable", 3), (4, "pinned", 3)]
    assert set(frame.filter(pl.col("version") == 4)["input"]) == {'{"a":5}'}


def test_lines_that_do_not_fit_are_dropped_alone(tmp_path: Path) -> None:
    segment = opened(tmp_path)
    good = entries(4)
    segment.write(encode_lines([good[0], good[1]._replace(row=[1.0]), good[2]._replace(v=7)]))
    segment.write(b'[0,"half\n' + encode_lines(good[3:]))
    segment.close()
    reading, frame = read_frame(tmp_path / "journal" / "01a-00000001.ndjson")
    assert frame["id"].to_list() == [good[0].id, good[3].id]
    assert (reading.n_entries, reading.dropped_lines) == (2, 3)


def test_two_halves_do_not_make_a_row(tmp_path: Path) -> None:
    one, two, three = entries(3, row=[1.0, 2.0])
    segment = opened(tmp_path)
    first, second = encode(one), encode(two)
    assert json.loads(first[: first.index(b"2.0")] + b"\n" + second[second.index(b"2.0") :])  # reads as one entry
    segment.write(first[: first.index(b"2.0")] + b"\n" + second[second.index(b"2.0") :] + b"\n" + encode(three) + b"\n")
    segment.close()
    reading, frame = read_frame(tmp_path / "journal" / "01a-00000001.ndjson")
    assert frame["id"].to_list() == [three.id]
    assert reading.dropped_lines == 2


def test_an_empty_file_has_no_rows_and_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "01a-00000001.ndjson"
    path.write_bytes(b"")
    assert read_frame(path)[1].height == 0
    path.write_bytes(b'{"gar')
    with pytest.raises(JournalError, match="01a-00000001"):
        read_frame(path)
