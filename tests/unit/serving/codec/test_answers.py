"""Answers in every form, and media types."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from garcom.errors import UnsupportedMediaType
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Outputs
from garcom.serving.codec import Codec
from garcom.serving.codec.answers import ARROW, CSV, JSON, AnswerEncoder, Answers
from garcom.serving.codec.forms import Form
from garcom.serving.guards import Warned
from tests.unit.serving.codec.examples import MIXED

IDS = ["id-0", "id-1", "id-2"]
WARNED = {1: [Warned("pH", "above_range", "above the greatest value seen in training (4)")]}

CLASSES = Output(task="classification", classes=(0, 1), labels=("bom", "ruim"), probabilities=True)
CLASSIFIED = Outputs(np.array([0, 1, 0]), np.array([[0.75, 0.25], [0.1, 0.9], [0.5, 0.5]]), None)
VALUE = Output(task="regression", names=("price",), unit="EUR")
VALUES = Outputs(None, None, np.array([[1.5], [np.nan], [-2.0]]))
TARGETS = Output(task="regression", names=("latitude", "id", 'a "b"'))
TARGET_VALUES = Outputs(None, None, np.arange(9.0).reshape(3, 3))
STRANGE = Output(task="outlier", classes=(-1, 1))
STRANGENESS = Outputs(np.array([1, 0, 1]), None, np.array([[0.5], [-0.25], [0.125]]))
GROUPS = Output(task="clustering", classes=(0, 1, 2))
GROUPED = Outputs(np.array([2, 0, 1]), None, None)

NOTHING: dict[int, list[Warned]] = {}


def encoded(output: Output, outputs: Outputs, form: Form, warnings: Any = NOTHING) -> tuple[bytes, bytes]:
    return AnswerEncoder("wine", 3, output).encode(form, Answers(IDS, outputs, warnings))


def as_json(output: Output, outputs: Outputs, form: Form, warnings: Any = NOTHING) -> Any:
    body, media_type = encoded(output, outputs, form, warnings)
    assert media_type == JSON
    return json.loads(body)


def as_csv(output: Output, outputs: Outputs, warnings: Any = NOTHING) -> list[dict[str, str]]:
    body, media_type = encoded(output, outputs, Form.CSV, warnings)
    assert media_type == CSV
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def as_arrow(output: Output, outputs: Outputs, warnings: Any = NOTHING) -> Any:
    body, media_type = encoded(output, outputs, Form.ARROW, warnings)
    assert media_type == ARROW
    table = pa.ipc.open_stream(body).read_all()
    assert table.schema.metadata == {b"model": b"wine", b"version": b"3"}
    return table


def test_a_record_of_a_classification() -> None:
    assert as_json(CLASSES, CLASSIFIED, Form.RECORD) == {
        "id": "id-0",
        "model": "wine",
        "version": 3,
        "prediction": "bom",
        "probabilities": {"bom": 0.75, "ruim": 0.25},
    }


def test_a_list_has_one_answer_per_row_in_order() -> None:
    found = as_json(CLASSES, CLASSIFIED, Form.LIST, WARNED)
    assert [one["prediction"] for one in found] == ["bom", "ruim", "bom"]
    assert [one["id"] for one in found] == IDS
    assert {one["version"] for one in found} == {3}
    assert ["warnings" in one for one in found] == [False, True, False]
    assert found[1]["warnings"] == [
        {"field": "pH", "code": "above_range", "message": "above the greatest value seen in training (4)"}
    ]


def test_records_come_in_an_envelope() -> None:
    found = as_json(CLASSES, CLASSIFIED, Form.RECORDS, WARNED)
    assert (found["model"], found["version"]) == ("wine", 3)
    assert [list(one) for one in found["predictions"]] == [
        ["id", "prediction", "probabilities"],
        ["id", "prediction", "probabilities", "warnings"],
        ["id", "prediction", "probabilities"],
    ]


def test_columns_and_rows_come_as_columns_and_rows() -> None:
    found = as_json(CLASSES, CLASSIFIED, Form.SPLIT, WARNED)
    assert found["columns"] == ["id", "prediction", "probability_bom", "probability_ruim"]
    assert found["data"] == [
        ["id-0", "bom", 0.75, 0.25],
        ["id-1", "ruim", 0.1, 0.9],
        ["id-2", "bom", 0.5, 0.5],
    ]
    assert found["warnings"] == [
        {
            "row": 1,
            "field": "pH",
            "code": "above_range",
            "message": "above the greatest value seen in training (4)",
        }
    ]
    assert "warnings" not in as_json(CLASSES, CLASSIFIED, Form.SPLIT)


def test_csv_and_arrow_have_the_same_columns() -> None:
    rows = as_csv(CLASSES, CLASSIFIED, WARNED)
    assert rows[1] == {
        "id": "id-1",
        "prediction": "ruim",
        "probability_bom": "0.1",
        "probability_ruim": "0.9",
        "warnings": "pH: above the greatest value seen in training (4)",
    }
    assert rows[0]["warnings"] == ""
    table = as_arrow(CLASSES, CLASSIFIED, WARNED)
    assert table.column_names == list(rows[0])
    assert table.column("warnings").to_pylist() == [None, rows[1]["warnings"], None]
    assert table.schema.field("probability_bom").type == pa.float64()
    assert "warnings" not in as_arrow(CLASSES, CLASSIFIED).column_names
    assert "warnings" not in as_csv(CLASSES, CLASSIFIED)[0]


def test_a_regression_answers_numbers_and_null_where_there_is_none() -> None:
    assert [one["prediction"] for one in as_json(VALUE, VALUES, Form.LIST)] == [1.5, None, -2.0]
    assert [row[1] for row in as_json(VALUE, VALUES, Form.SPLIT)["data"]] == [1.5, None, -2.0]
    assert [row["prediction"] for row in as_csv(VALUE, VALUES)] == ["1.5", "", "-2.0"]
    np.testing.assert_array_equal(as_arrow(VALUE, VALUES).column("prediction").to_numpy(), [1.5, np.nan, -2.0])


def test_several_targets_are_answered_by_name() -> None:
    found = as_json(TARGETS, TARGET_VALUES, Form.LIST)
    assert found[1]["prediction"] == {"latitude": 3.0, "id": 4.0, 'a "b"': 5.0}
    columns = ["id", "prediction_latitude", "prediction_id", 'prediction_a "b"']
    split = as_json(TARGETS, TARGET_VALUES, Form.SPLIT)
    assert split["columns"] == columns  # a target called id leaves the ids alone
    assert split["data"][1] == ["id-1", 3.0, 4.0, 5.0]
    assert list(as_csv(TARGETS, TARGET_VALUES)[0]) == columns
    assert as_arrow(TARGETS, TARGET_VALUES).column_names == columns


def test_outliers_have_a_score() -> None:
    found = as_json(STRANGE, STRANGENESS, Form.LIST)
    assert [(one["prediction"], one["score"]) for one in found] == [(1, 0.5), (-1, -0.25), (1, 0.125)]
    assert as_json(STRANGE, STRANGENESS, Form.SPLIT)["data"][1] == ["id-1", -1, -0.25]
    assert as_arrow(STRANGE, STRANGENESS).column("score").to_pylist() == [0.5, -0.25, 0.125]


def test_clusters() -> None:
    assert [one["prediction"] for one in as_json(GROUPS, GROUPED, Form.LIST)] == [2, 0, 1]
    assert "score" not in as_json(GROUPS, GROUPED, Form.RECORD)
    assert as_arrow(GROUPS, GROUPED).column("prediction").to_pylist() == [2, 0, 1]


ODD_LABELS = ("sim", 'a "quoted" one', "back\\slash", "new\nline", "é 🍷", "")


@pytest.mark.parametrize("n_labels", [2, len(ODD_LABELS)])
def test_labels_of_every_kind(n_labels: int) -> None:
    labels = ODD_LABELS[:n_labels]
    output = Output(task="classification", classes=tuple(range(n_labels)), labels=labels, probabilities=True)
    shares = np.linspace(0, 1, 3 * n_labels).reshape(3, n_labels)
    outputs = Outputs(np.array([n_labels - 1, 0, 1]), shares, None)
    found = as_json(output, outputs, Form.LIST)
    assert [one["prediction"] for one in found] == [labels[-1], labels[0], labels[1]]
    assert [list(one["probabilities"]) for one in found] == [list(labels)] * 3
    assert [list(one["probabilities"].values()) for one in found] == shares.tolist()
    assert [row["prediction"] for row in as_csv(output, outputs)] == [labels[-1], labels[0], labels[1]]
    assert as_arrow(output, outputs).column_names[2:] == [f"probability_{label}" for label in labels]


@pytest.mark.parametrize("classes", [(0, 1), (1.5, 2.5), (False, True), ("a", "b")])
def test_classes_keep_their_type(classes: Any) -> None:
    output = Output(task="classification", classes=classes)
    outputs = Outputs(np.array([1, 0, 1]), None, None)
    found = as_json(output, outputs, Form.LIST)
    assert [one["prediction"] for one in found] == [classes[1], classes[0], classes[1]]
    assert [type(one["prediction"]) for one in found] == [type(classes[0])] * 3
    assert "probabilities" not in found[0]
    assert as_arrow(output, outputs).column("prediction").to_pylist() == [classes[1], classes[0], classes[1]]


SIGNATURE = Signature(fields=(Field(name="a", type=FieldType.FLOAT),), output=VALUE, example={"a": 1.0})


@pytest.mark.parametrize(
    "media_type",
    [
        b"application/json",
        b"Application/JSON; charset=UTF-8",
        b'application/json;charset="utf-8"',
        b"application/json; profile=x; charset=utf-8; q=1",
        b"application/json; charset=us-ascii",
        b"application/vnd.wine+json",
        b"application/json;",
    ],
)
def test_media_types_of_json(media_type: bytes) -> None:
    assert Codec("wine", 1, SIGNATURE, 10).decode(b'{"a":1}', media_type).form is Form.RECORD


def test_media_types_of_csv_and_arrow() -> None:
    codec = Codec("wine", 1, SIGNATURE, 10)
    assert codec.decode(b"a\n1\n", b"text/csv; header=present; charset=utf-8").form is Form.CSV
    body, _ = encoded(VALUE, VALUES, Form.ARROW)
    assert body
    sink = pa.BufferOutputStream()
    table = pa.table({"a": [1.0]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert codec.decode(bytes(sink.getvalue()), b"application/vnd.apache.arrow.stream").form is Form.ARROW


@pytest.mark.parametrize(
    ("media_type", "came"),
    [
        (b"", "got a request that does not say what it is. Set the Content-Type header."),
        (b" ; charset=utf-8", "got a request that does not say what it is. Set the Content-Type header."),
        (b"application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        (b"multipart/form-data; boundary=x", "multipart/form-data"),
        (b"application/jsonp", "application/jsonp"),
        (b"text/json", "text/json"),
        (b"\xff\xfe", "ÿþ"),
        (b"x" * 10_000, "x" * 100),
        (b"application/json; charset=latin-1", "charset 'latin-1'"),
    ],
)
def test_media_types_that_are_not_read(media_type: bytes, came: str) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        Codec("wine", 1, MIXED, 10).decode(b'{"a":1}', media_type)
    assert came in str(caught.value)
    assert len(str(caught.value)) < 400
