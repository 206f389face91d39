from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator

import pytest

from garcom.errors import InputError, InvalidRows, ModelNotFound
from garcom.http.edge import Edge, Head
from garcom.journal.journal import Origin
from garcom.serving.codec.answers import CSV, JSON
from garcom.serving.dataplane import Served
from garcom.serving.named_rows import NameFields
from garcom.serving.runtime import Route, Slot
from garcom.serving.telemetry import Telemetry

ROUTE = Route(Slot("wine", 3, "digest"))
ID = b"01931c5e-7d2a-7c4b-9f3e-2b6a1d0c8e57"


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, "garcom"):
        yield caplog


def test_headers_of_a_request() -> None:
    headers = [(b"host", b"x"), (b"content-type", b"text/csv"), (b"x-request-id", b"a.B_9~-")]
    assert Edge.read_headers(headers) == Head(b"text/csv", b"a.B_9~-")
    assert Edge.read_headers([]) == Head()


@pytest.mark.parametrize("value", [b"", b"a b", b"a\nb", b"x" * 129, "é".encode(), b'"', b"a,b", b"\x00"])
def test_a_request_id_that_is_not_fit_to_be_logged_is_replaced(value: bytes, telemetry: Telemetry) -> None:
    request_id = Edge.read_headers([(b"x-request-id", value)]).request_id
    assert request_id == b""
    reply = Edge(telemetry, False, str.upper).refuse(None, ModelNotFound("none"), request_id)
    assert uuid.UUID(dict(reply.headers)[b"x-request-id"].decode()).version == 7


def test_an_answer(telemetry: Telemetry) -> None:
    edge = Edge(telemetry, False, str.upper)
    reply = edge.reply(ROUTE, Served(b"{}", JSON, ID.decode()), b"")
    assert (reply.status, reply.body) == (200, b"{}")
    headers = dict(reply.headers)
    assert headers[b"content-type"] == JSON
    assert headers[b"content-length"] == b"2"
    assert headers[b"x-request-id"] == ID  # one id for the request and its first prediction
    assert b"garcom-model" not in headers
    assert dict(edge.reply(ROUTE, Served(b"{}", JSON, ID.decode()), b"mine").headers)[b"x-request-id"] == b"mine"


def test_forms_without_room_for_it_tell_the_version_in_headers(telemetry: Telemetry) -> None:
    headers = dict(Edge(telemetry, False, str.upper).reply(ROUTE, Served(b"id\n", CSV, ID.decode()), b"").headers)
    assert (headers[b"garcom-model"], headers[b"garcom-version"]) == (b"wine", b"3")


def test_a_refusal_is_counted_where_it_belongs(telemetry: Telemetry) -> None:
    edge = Edge(telemetry, False, str.upper)
    reply = edge.refuse(ROUTE, InvalidRows("wrong"), b"mine")
    assert reply.status == 422
    headers = dict(reply.headers)
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-length"] == b"%d" % len(reply.body)
    assert json.loads(reply.body)["request_id"] == "mine" == headers[b"x-request-id"].decode()
    edge.refuse(None, ModelNotFound("none"), b"")
    counts = telemetry.snapshot()
    assert counts.versions["wine:3"].requests == {422: 1}
    assert counts.refused == {404: 1}


def test_an_unexpected_error_is_logged_by_its_place_and_told_without_its_text(
    telemetry: Telemetry, logged: pytest.LogCaptureFixture
) -> None:
    try:
        int("segredo")
    except ValueError as error:
        reply = Edge(telemetry, False, str.upper).refuse(ROUTE, error, b"mine")
    assert reply.status == 500
    assert b"segredo" not in reply.body
    assert json.loads(reply.body)["type"] == "/docs/problems#engine-error"
    records = [vars(record) for record in logged.records]
    assert "segredo" not in repr(records)
    assert any(record.get("error") == "ValueError" and "test_edge.py:" in record["at"] for record in records)
    assert any(record.get("request_id") == "mine" for record in records)


def test_the_access_log_has_a_line_for_every_request(telemetry: Telemetry, logged: pytest.LogCaptureFixture) -> None:
    quiet, edge = Edge(telemetry, False, str.upper), Edge(telemetry, True, str.upper)
    quiet.reply(ROUTE, Served(b"{}", JSON, "x"), b"")
    quiet.refuse(ROUTE, InvalidRows("wrong"), b"a")
    assert logged.records == []
    edge.reply(ROUTE, Served(b"{}", JSON, "x"), b"a")
    edge.refuse(None, ModelNotFound("none"), b"b")
    found = [(vars(record)["status"], vars(record)["request_id"], vars(record)["model"]) for record in logged.records]
    assert found == [(200, "a", "wine"), (404, "b", None)]


def test_the_origin_of_a_request(telemetry: Telemetry) -> None:
    edge = Edge(telemetry, False, str.upper)
    assert edge.origin(ROUTE, Head()) == Origin()
    head = Edge.read_headers([(b"garcom-subject", " josé ".encode()), (b"idempotency-key", b"k-1")])
    assert edge.origin(Route(ROUTE.slot, "pinned"), head) == Origin(None, "k-1", "JOSÉ", "pinned")


@pytest.mark.parametrize("value", [b" ", b"\xff", b"x" * 256])
def test_a_subject_that_cannot_be_one(value: bytes, telemetry: Telemetry) -> None:
    with pytest.raises(InputError, match="Expected whom the rows are about in Garcom-Subject"):
        Edge(telemetry, False, str.upper).origin(ROUTE, Head(subject=value))


def test_fields_that_name_rows() -> None:
    head = Edge.read_headers([(b"garcom-subject-field", "código".encode()), (b"garcom-key-field", b"order")])
    assert head.names == NameFields("código", "order")
    for wrong in (
        Head(subject=b"ana", subject_field=b"cpf"),
        Head(key=b"k", key_field=b"order"),
        Head(subject_field=b"\xff"),
    ):
        with pytest.raises(InputError, match=r"^Expected"):
            _ = wrong.names
