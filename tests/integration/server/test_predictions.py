"""What was served can be asked, joined with what happened, and is not served twice, on both servers."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from tests.integration.server.running import Running, children, command_line, running, wait_for
from tests.integration.server.wire import Answer, post, request

WINE = {"pH": 3.2, "doçura": 1.9, "cor": "tinto", "nota": None}
SWEET = {"pH": 3.2, "doçura": 40.0, "cor": "branco"}
PREDICT = "/v1/models/wine/predict"
ARROW = "application/vnd.apache.arrow.stream"


def listed(server: Running, query: str = "", subject: str = "") -> Any:
    headers = {"garcom_subject": subject} if subject else {}
    answer = server.ask(request("GET", f"/v1/models/wine/predictions{query}", None, content_type="", **headers))
    assert answer.status == 200, answer
    return answer.json


def posted(server: Running, path: str, body: bytes, content_type: str) -> Answer:
    return server.ask(request("POST", path, body, content_type=content_type))


def test_an_acknowledged_prediction_is_found_with_all_that_belongs_to_it(server: Running) -> None:
    row = WINE | {"pH": 99.0}
    answer = server.ask(post(PREDICT, row, x_request_id="req-7", garcom_subject="José da Silva")).json
    found = server.get(f"/v1/predictions/{answer['id']}")
    assert {name: found[name] for name in answer} == answer
    assert found["input"] == dict.fromkeys(found["input"]) | WINE | {"pH": 99.0}
    assert (found["role"], found["request_id"], found["actual"]) == ("stable", "req-7", None)
    assert found["latency_ms"] > 0
    assert "Silva" not in json.dumps(found)
    pinned = server.ask(post("/v1/models/wine/versions/1/predict", WINE)).json
    assert server.get(f"/v1/predictions/{pinned['id']}")["role"] == "pinned"


def test_predictions_are_listed_by_page_subject_and_as_arrow(server: Running) -> None:
    subject = uuid.uuid4().hex
    rows = [{**WINE, "pH": 3.0 + i / 10} for i in range(5)]
    ids = [server.ask(post(PREDICT, row, garcom_subject=subject)).json["id"] for row in rows]
    first = listed(server, "?limit=3&from=1h", subject)
    rest = listed(server, f"?limit=3&cursor={first['next']}", subject)
    assert rest["next"] is None
    assert [row["id"] for row in (*first["predictions"], *rest["predictions"])] == ids[::-1]
    answer = server.ask(request("GET", "/v1/models/wine/predictions", accept=ARROW, garcom_subject=subject))
    table = pa.ipc.open_stream(answer.body).read_all()
    assert table.column("id").to_pylist() == ids
    assert table.column("input_pH").to_pylist() == [row["pH"] for row in rows]
    assert set(table.column("prediction").to_pylist()) == {"bom"}


def test_each_row_of_a_body_may_name_its_subject_and_its_key(server: Running) -> None:
    ana, order = uuid.uuid4().hex, uuid.uuid4().hex
    rows = [WINE | {"cpf": ana, "order": f"{order}-a"}, WINE | {"cpf": "somebody else", "order": f"{order}-b"}]
    answers = server.ask(post(PREDICT, rows, garcom_subject_field="cpf", garcom_key_field="order")).json
    found = listed(server, subject=ana)["predictions"]
    assert [(row["id"], row["key"]) for row in found] == [(answers[0]["id"], f"{order}-a")]
    assert "cpf" not in found[0]["input"]
    actuals = [{"key": f"{order}-b", "actual": "bom"}]
    assert server.ask(post("/v1/models/wine/actuals", actuals)).json["unknown"] == 0
    assert server.get(f"/v1/predictions/{answers[1]['id']}")["actual"]["value"] == "bom"
    both = server.ask(post(PREDICT, rows, garcom_subject_field="cpf", garcom_subject=ana))
    assert (both.status, both.json["type"]) == (400, "/docs/problems#bad-request")


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/v1/predictions/none", 404, "not-found"),
        ("/v1/predictions/01931c5e-7d2a-7c4b-9f3e-2b6a1d0c8e57", 404, "not-found"),
        ("/v1/models/wyne/predictions", 404, "model-not-found"),
        ("/v1/models/wyne/actuals/maturity", 404, "model-not-found"),
        ("/v1/models/wine/predictions?from=yesterday", 400, "bad-request"),
        ("/v1/models/wine/predictions?limit=1001", 400, "bad-request"),
        ("/v1/models/wine/predictions?limit=0", 400, "bad-request"),
        ("/v1/models/wine/predictions?version=x", 400, "bad-request"),
        ("/v1/models/wine/predictions?cursor=%00", 400, "bad-request"),
    ],
)
def test_questions_that_have_no_answer(server: Running, path: str, status: int, slug: str) -> None:
    answer = server.ask(request("GET", path))
    assert (answer.status, answer.json["type"].rpartition("#")[2]) == (status, slug)


def test_what_happened_is_told_by_id_and_by_key_and_corrected(server: Running) -> None:
    key = uuid.uuid4().hex
    by_id = server.ask(post(PREDICT, WINE)).json["id"]
    by_key = server.ask(post(PREDICT, WINE, idempotency_key=key)).json["id"]
    path = "/v1/models/wine/actuals"
    rows = [{"id": by_id, "actual": "ruim", "observed_at": "2026-01-01"}, {"key": key, "actual": "bom"}]
    added = server.ask(post(path, rows)).json
    assert (added["rows"], added["accepted"], added["unknown"]) == (2, 2, 0)
    assert server.ask(post(path, rows)).json["unchanged"] == 2
    table = pa.table({"id": [by_id], "actual": ["bom"]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    assert posted(server, path, sink.getvalue(), ARROW).json["corrected"] == 1
    assert server.get(f"/v1/predictions/{by_key}")["actual"]["value"] == "bom"
    actual = server.get(f"/v1/predictions/{by_id}")["actual"]
    assert (actual["value"], [one["value"] for one in actual["history"]]) == ("bom", ["ruim"])
    ages = {age["age"]: age for age in server.get("/v1/models/wine/actuals/maturity")["ages"]}
    assert ages["< 1 h"]["with_actual"] >= 2
    unknown = str(uuid.uuid4())
    assert posted(server, path, f"id,actual\n{unknown},bom\n".encode(), "text/csv").status in (200, 422)


def test_wrong_actuals_are_counted_and_none_is_taken(server: Running) -> None:
    id = server.ask(post(PREDICT, WINE)).json["id"]
    rows = [{"id": id, "actual": "bom"}, {"id": id, "actual": 3}, {"actual": "bom"}]
    answer = server.ask(post("/v1/models/wine/actuals", rows))
    assert answer.status == 422
    assert (answer.json["rows"], answer.json["accepted"], answer.json["refused"]) == (3, 0, 2)
    assert {place["where"].partition(".")[0] for place in answer.json["errors"]} == {"actuals[1]", "actuals[2]"}
    assert server.get(f"/v1/predictions/{id}")["actual"] is None
    ids = [server.ask(post(PREDICT, WINE)).json["id"] for _ in range(2)]
    table = pa.table({"id": ids, "actual": ["bom", "bom"]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=1)
    whole = sink.getvalue()
    second = whole.rindex(b"\xff\xff\xff\xff", 0, len(whole) - 8)
    for length in (6, second, len(whole) - 8):  # in the schema, between two batches, without the end
        truncated = posted(server, "/v1/models/wine/actuals", whole[:length], ARROW)
        assert (truncated.status, truncated.json["type"]) == (400, "/docs/problems#malformed-body"), length
    assert [server.get(f"/v1/predictions/{one}")["actual"] for one in ids] == [None, None]
    assert server.ask(post("/v1/models/wyne/actuals", rows)).status == 404


class Sent(NamedTuple):
    form: str
    body: bytes
    content_type: str


def bodies() -> Iterator[Sent]:
    """The same rows in every form."""
    rows = [WINE, SWEET | {"nota": "seco"}]
    yield Sent("record", json.dumps(WINE | {"pH": 1e6}).encode(), "application/json")
    yield Sent("list", json.dumps(rows).encode(), "application/json")
    yield Sent("records", json.dumps({"records": rows}).encode(), "application/json")
    data = [[row.get(name) for name in WINE] for row in rows]
    yield Sent("split", json.dumps({"columns": list(WINE), "data": data}).encode(), "application/json")
    text = io.StringIO()
    csv.writer(text).writerows([list(WINE), *data])
    yield Sent("csv", text.getvalue().encode(), "text/csv")
    table = pa.table({name: [row.get(name) for row in rows] for name in WINE})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    yield Sent("arrow", sink.getvalue(), ARROW)


def keyed(server: Running, sent: Sent) -> Answer:
    key = f"key-of-{sent.form}"
    return server.ask(request("POST", PREDICT, sent.body, content_type=sent.content_type, idempotency_key=key))


def test_a_repeated_request_gets_the_first_answer_even_when_only_the_journal_knows_it(
    tmp_path: Path, bundles: dict[str, Path]
) -> None:
    with running(tmp_path, register=(bundles["wine"],), workers=2) as first:
        answers = {sent.form: keyed(first, sent) for sent in bodies()}
        assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(answers, 200), answers
        for sent in bodies():
            again = keyed(first, sent)
            assert (again.status, again.body) == (200, answers[sent.form].body)
            assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in answers["record"].headers
        reused = keyed(first, Sent("record", json.dumps(WINE).encode(), "application/json"))
        assert (reused.status, reused.json["type"]) == (422, "/docs/problems#key-reused")
        about = first.ask(post(PREDICT, WINE | {"pH": 1e6}, idempotency_key="key-of-record", garcom_subject="ana"))
        assert (about.status, about.json["type"]) == (422, "/docs/problems#key-reused")
        for key in ("segredo/1", "", "segredo\r\nIdempotency-Key: other", "segredo segredo"):
            wrong = first.ask(post(PREDICT, WINE, idempotency_key=key))
            assert (wrong.status, wrong.json["type"]) == (400, "/docs/problems#bad-request"), key
            assert b"segredo" not in wrong.body
    # As after a power cut, which takes what was not synced.
    (tmp_path / "home" / "journal" / "keys.db").unlink()
    with running(tmp_path, workers=1, lake_drain_s=0.1) as second:
        wait_for(lambda: not list((tmp_path / "home" / "journal").glob("*.ndjson")))
        for sent in bodies():
            again = keyed(second, sent)
            assert (again.status, again.body) == (200, answers[sent.form].body), sent
            assert again.headers["idempotent-replayed"] == "true"
        assert len(listed(second)["predictions"]) == 11


def test_a_repeated_request_about_several_people_is_answered_from_the_lake(server: Running) -> None:
    rows = [WINE | {"cpf": uuid.uuid4().hex}, SWEET | {"cpf": uuid.uuid4().hex}]
    sent = post(PREDICT, rows, garcom_subject_field="cpf", idempotency_key=uuid.uuid4().hex)
    first, again = server.ask(sent), server.ask(sent)
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(listed(server, subject=str(rows[1]["cpf"]))["predictions"]) == 1


def test_a_refused_request_uses_up_no_key(server: Running) -> None:
    key = uuid.uuid4().hex
    assert server.ask(post(PREDICT, {"pH": "acid"}, idempotency_key=key)).status == 422
    assert server.ask(post(PREDICT, WINE, idempotency_key=key)).status == 200


@pytest.mark.parametrize(("on_failure", "status"), [("refuse", 503), ("serve", 200)])
def test_a_journal_that_fails_is_told_or_counted_and_comes_back(
    tmp_path: Path, bundles: dict[str, Path], on_failure: str, status: int
) -> None:
    rows = [WINE] * 5000  # more than half of a segment
    with running(tmp_path, register=(bundles["wine"],), journal_on_failure=on_failure, journal_segment_mb=1) as server:
        journal = tmp_path / "home" / "journal"
        journal.rename(tmp_path / "away")  # what is open goes on, no segment can be begun
        journal.write_text("no folder any more")
        for _ in range(5):
            answer = server.ask(post(PREDICT, rows))
        assert answer.status == status
        unwritten = "0.0" if status == 503 else r"[1-9]\d*000.0"
        metrics = server.ask(request("GET", "/metrics")).body.decode()
        assert re.search(rf"^garcom_journal_unwritten_rows_total {unwritten}$", metrics, re.MULTILINE)
        if status == 503:
            assert answer.json["type"] == "/docs/problems#journal-unavailable"
            assert answer.headers["retry-after"] == "1"
        journal.unlink()
        (tmp_path / "away").rename(journal)

        def is_kept() -> bool:
            # Each time another prediction: one that is served soon after a failure has an id, and is not written.
            id = server.ask(post(PREDICT, WINE)).json.get("id")
            return id is not None and server.ask(request("GET", f"/v1/predictions/{id}")).status == 200

        wait_for(is_kept)  # without a restart


def test_a_controller_that_is_killed_comes_back(tmp_path: Path, bundles: dict[str, Path]) -> None:
    def controllers(server: Running) -> list[int]:
        return [pid for pid in children(server.process.pid) if "garcom.controller" in command_line(pid)]

    with running(tmp_path, register=(bundles["wine"],)) as server:
        id = server.ask(post(PREDICT, WINE)).json["id"]
        (pid,) = wait_for(lambda: controllers(server))
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: controllers(server) not in ([], [pid]))
        assert wait_for(lambda: server.ask(request("GET", f"/v1/predictions/{id}"))).status in (200, 503)
        wait_for(lambda: server.ask(request("GET", f"/v1/predictions/{id}")).status == 200)
        assert server.logged("controller ended; starting another")[0]["controller"] == pid


def test_who_reads_what_is_about_a_person_is_told(server: Running) -> None:
    subject = uuid.uuid4().hex
    server.ask(post(PREDICT, WINE, garcom_subject=subject))
    listed(server, "", subject)
    server.ask(request("GET", "/v1/models/wine/predictions?limit=2", accept=ARROW))
    export, reading = server.get("/v1/audit?action=predictions&limit=2&from=1h")["entries"]
    assert (export["action"], export["target"]) == ("predictions.export", "wine")
    assert (reading["action"], reading["after"]["predictions"]) == ("predictions.read_subject", 1)
    assert (reading["actor"], reading["address"]) == ("anybody:anybody", "127.0.0.1")
    assert subject not in json.dumps(reading)
    assert server.ask(request("GET", "/v1/audit?cursor=x")).status == 400
    assert json.loads(server.garcom("audit", "verify", "--json"))["intact"]
