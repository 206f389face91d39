"""Every route of the API, on both servers, by raw HTTP."""

from __future__ import annotations

import io
import json
import re
import time
import uuid
from typing import Any
from urllib.parse import quote, urljoin

import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.server.conftest import ROUTE
from tests.integration.server.running import Running, wait_for
from tests.integration.server.wire import Answer, Connection, post, request
from tests.promtool import needs_promtool, promtool

WINE = {"pH": 3.2, "doçura": 1.9, "cor": "tinto", "nota": None}
SWEET = {"pH": 3.2, "doçura": 40.0, "cor": "branco"}
PREDICT = "/v1/models/wine/predict"
PROBLEM = "application/problem+json"


def refused(answer: Answer, status: int) -> Any:
    """The problem, after a look at what every problem has."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json
    assert problem["status"] == status
    assert problem["type"].startswith("/docs/problems#")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert len(problem["detail"]) > 20
    return problem


def test_one_record(server: Running) -> None:
    answer = server.ask(post(PREDICT, WINE))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    found = answer.json
    assert (found["model"], found["version"], found["prediction"]) == ("wine", 1, "bom")
    assert found["probabilities"]["bom"] + found["probabilities"]["ruim"] == pytest.approx(1.0)
    assert uuid.UUID(found["id"]).version == 7
    assert answer.headers["x-request-id"] == found["id"]
    assert "date" in answer.headers


@pytest.mark.parametrize(
    ("body", "predictions"),
    [
        ([WINE, SWEET], lambda found: found),
        ({"records": [WINE, SWEET]}, lambda found: found["predictions"]),
    ],
)
def test_several_records(server: Running, body: Any, predictions: Any) -> None:
    answer = server.ask(post(PREDICT, body))
    assert [row["prediction"] for row in predictions(answer.json)] == ["bom", "ruim"]


def test_columns_and_rows(server: Running) -> None:
    body = {"columns": list(WINE), "data": [list(WINE.values()), [3.2, 40.0, "branco", "x"]]}
    found = server.ask(post(PREDICT, body)).json
    assert [row[found["columns"].index("prediction")] for row in found["data"]] == ["bom", "ruim"]


def test_csv(server: Running) -> None:
    body = "pH,doçura,cor,nota\n3.2,1.9,tinto,\n3.2,40,branco,doce\n".encode()
    answer = server.ask(request("POST", PREDICT, body, content_type="text/csv"))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert (answer.headers["garcom-model"], answer.headers["garcom-version"]) == ("wine", "1")
    header, *rows = answer.body.decode().splitlines()
    place = header.split(",").index("prediction")
    assert [row.split(",")[place] for row in rows] == ["bom", "ruim"]


def test_arrow(server: Running) -> None:
    table = pa.table({"pH": [3.2, 3.2], "doçura": [1.9, 40.0], "cor": ["tinto", "branco"], "nota": [None, "doce"]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    media_type = "application/vnd.apache.arrow.stream"
    answer = server.ask(request("POST", PREDICT, sink.getvalue(), content_type=media_type))
    assert answer.headers["content-type"] == media_type
    assert pa.ipc.open_stream(answer.body).read_all()["prediction"].to_pylist() == ["bom", "ruim"]


@pytest.mark.parametrize("count", [1, 10_000])
def test_long_bodies(server: Running, count: int) -> None:
    answer = server.ask(post("/v1/models/line/predict", [{"x": i / 100} for i in range(count)]))
    assert [row["prediction"] for row in answer.json] == [i / 100 for i in range(count)]


@pytest.mark.parametrize(
    "path",
    [
        "/predict",
        PREDICT,
        "/v1/models/wine/versions/1/predict",
        quote(ROUTE),
        "/predict?explain=no&x=%20",
        "/%70redict",
        "/v1/models/w%69ne/predict",
        "http://127.0.0.1/predict",
        "http://127.0.0.1/v1/models/wine/predict?q",
    ],
)
def test_paths_that_predict(server: Running, path: str) -> None:
    answer = server.ask(post(path, SWEET))
    assert answer.status == 200, answer
    assert answer.json["prediction"] == "ruim"


def test_a_version_answers_by_its_number(server: Running) -> None:
    answers = [server.ask(post(f"/v1/models/line/versions/{number}/predict", {"x": 3})).json for number in (1, 2, 2)]
    assert [(found["version"], found["prediction"]) for found in answers] == [(1, 3.0), (2, 6.0), (2, 6.0)]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/v1/models/wime/predict", 404, "Did you mean 'wine'"),
        ("/v1/models/wine/versions/7/predict", 404, "it has 1"),
        ("/v1/models/wine/versions/x/predict", 404, "it has 1"),
        ("/v1/models/wine/versions/1/predict/", 404, "/docs"),
        ("/v1/models/a%2Fb/predict", 404, "/docs"),
        ("/predict/", 404, "/docs"),
        ("/nothing/predict", 404, "/docs"),
        ("/nothing", 404, "/docs"),
        ("/%FF%FE/predict", 404, "/docs"),
        ("/healthz", 405, "/docs"),
        ("/v1/models", 405, "/docs"),
    ],
)
def test_paths_that_do_not_predict(server: Running, path: str, status: int, told: str) -> None:
    assert told in refused(server.ask(post(path, WINE)), status)["detail"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/predict", PREDICT, "/v1/models/wine/versions/1/predict", quote(ROUTE)])
def test_only_post_predicts(server: Running, method: str, path: str) -> None:
    answer = server.ask(request(method, path))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    if method != "HEAD":
        refused(answer, 405)


def test_other_models_are_found_by_get(server: Running) -> None:
    assert [model["model"] for model in server.get("/v1/models")] == ["line", "wine"]
    assert [model["default"] for model in server.get("/v1/models")] == [False, True]
    line = server.get("/v1/models/line")
    assert [version["version"] for version in line["versions"]] == [1, 2]
    assert server.get("/v1/models/line/versions/2")["proved_on_real_rows"] is True
    assert server.get("/v1/models/wine/example") == server.get("/example")
    assert server.ask(post(PREDICT, server.get("/example"))).status == 200
    for path in ("/v1/models/wime", "/v1/models/predict", "/v1/models/wime/example", "/v1/models/wine/versions/9"):
        refused(server.ask(request("GET", path)), 404)


@pytest.mark.parametrize("path", ["/docs/", "/healthz/", "/v1/models/", "/v1/models/wine/", "//evil.example/docs/"])
def test_a_slash_too_many_is_not_redirected(server: Running, path: str) -> None:
    answer = server.ask(request("GET", path))
    refused(answer, 404)
    assert "location" not in answer.headers


def test_health_and_readiness(server: Running) -> None:
    assert server.get("/healthz") == {"status": "ok"}
    ready = server.get("/readyz")
    assert (ready["status"], ready["default"], ready["failed"]) == ("ready", "wine", {})
    assert "wine:1" in ready["loaded"]


def test_head_is_get_without_its_body(server: Running) -> None:
    with Connection(server.port) as connection:
        for path in ("/healthz", "/v1/models", "/docs", "/openapi.json"):
            got = connection.send(request("GET", path)).answer()
            head = connection.send(request("HEAD", path)).answer(to_head=True)
            assert head.status == 200
            assert head.headers["content-length"] == str(len(got.body))
            assert head.headers["content-type"] == got.headers["content-type"]


def test_the_documentation_loads_nothing_from_another_site(server: Running) -> None:
    seen: set[str] = set()
    waiting = ["/docs", "/docs/problems", "/"]
    while waiting:
        path = waiting.pop()
        answer = server.ask(request("GET", path))
        assert answer.status == 200, path
        if "text/html" in answer.headers["content-type"]:
            for found in re.findall(r"""(?:src|href)=["']([^"'#]+)""", answer.body.decode()):
                assert "//" not in found, (path, found)
                if "static/" in found and found not in seen:
                    seen.add(found)
                    waiting.append(urljoin(path, found))
        elif "css" in answer.headers["content-type"]:
            assert not re.search(rb"url\(\s*[\"']?https?:|@import", answer.body), path
    assert any(path.endswith(".js") for path in seen)


def test_openapi_has_every_models_own_fields(server: Running) -> None:
    document = server.get("/openapi.json")
    assert {"/predict", PREDICT, ROUTE, "/v1/models/line/predict", "/healthz"} <= set(document["paths"])
    assert "doçura" in json.dumps(document["paths"][PREDICT], ensure_ascii=False) + json.dumps(
        document["components"], ensure_ascii=False
    )


@pytest.mark.parametrize(
    ("body", "content_type", "status", "where"),
    [
        (b'{"pH": 3', "application/json", 400, ""),
        (b"", "application/json", 400, ""),
        (b"[" * 100_000, "application/json", 400, ""),
        (b"\xff\xfe", "application/json", 400, ""),
        (b"{}", "text/plain", 415, None),
        (b"{}", "", 415, None),
        (b"{}", "application/json; charset=latin-1", 415, None),
        (b"[]", "application/json", 400, None),
        (b'{"pH": "muito", "do\xc3\xa7ura": 1, "cor": "tinto"}', "application/json", 422, "pH"),
        (b'[{"ph": 3, "do\xc3\xa7ura": 1, "cor": "tinto"}]', "application/json", 422, "records[0].pH"),
        (b'{"pH": NaN, "do\xc3\xa7ura": 1, "cor": "tinto"}', "application/json", 422, "pH"),
    ],
)
def test_bodies_that_cannot_be_answered(
    server: Running, body: bytes, content_type: str, status: int, where: str | None
) -> None:
    with Connection(server.port) as connection:
        problem = refused(connection.send(request("POST", PREDICT, body, content_type=content_type)).answer(), status)
        if where is not None:
            assert where in [error["where"] for error in problem["errors"]], problem
        # The connection is as good as before.
        assert connection.send(post(PREDICT, WINE)).answer().status == 200


def test_a_packed_body_is_refused(server: Running) -> None:
    answer = server.ask(post(PREDICT, WINE, content_encoding="gzip"))
    assert "gzip" in refused(answer, 415)["detail"]
    assert server.ask(post(PREDICT, WINE, content_encoding="identity")).status == 200


def test_only_the_row_that_the_model_cannot_answer_fails(server: Running) -> None:
    bad = {**WINE, "doçura": None}
    with Connection(server.port) as connection:
        problem = refused(connection.send(post(PREDICT, [WINE, WINE, bad])).answer(), 422)
        assert [error["where"] for error in problem["errors"]] == ["records[2]"]
        assert "records[2]: expected" in problem["detail"]
        table = {"columns": list(WINE), "data": [list(WINE.values()), list(bad.values())]}
        assert refused(connection.send(post(PREDICT, table)).answer(), 422)["errors"][0]["where"] == "data[1]"
        (place,) = refused(connection.send(post(PREDICT, bad)).answer(), 422)["errors"]
        assert place["where"] == ""
    # Requests of one turn of the loop share a batch: the neighbours are answered all the same.
    connections = [Connection(server.port) for _ in range(6)]
    for number, connection in enumerate(connections):
        connection.send(post(PREDICT, bad if number == 3 else WINE))
    assert [connection.answer().status for connection in connections] == [200, 200, 200, 422, 200, 200]
    for connection in connections:
        connection.socket.close()


def test_warnings_for_values_outside_what_was_seen(server: Running) -> None:
    found = server.ask(post(PREDICT, {"pH": 9.0, "doçura": 1.9, "cor": "rosé"})).json
    assert {(warning["field"], warning["code"]) for warning in found["warnings"]} == {
        ("pH", "above_range"),
        ("cor", "unseen_category"),
    }


def test_ten_thousand_records_as_arrow(server: Running) -> None:
    table = pa.table({"x": [i / 100 for i in range(10_000)]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    path, media_type = "/v1/models/line/versions/2/predict", "application/vnd.apache.arrow.stream"
    answer = server.ask(request("POST", path, sink.getvalue(), content_type=media_type))
    found = pa.ipc.open_stream(answer.body).read_all()["prediction"].to_pylist()
    assert found == [2 * (i / 100) for i in range(10_000)]


@pytest.mark.parametrize("announced", [True, False])
def test_too_large_whether_announced_or_not(server: Running, announced: bool) -> None:
    parts = [b"%x\r\n" % 1_000_000 + b" " * 1_000_000 + b"\r\n"] * 5 + [b"0\r\n\r\n"]
    with Connection(server.port) as connection:
        if announced:
            connection.send(request("POST", PREDICT, b" " * 5_000_000))
        else:
            connection.send(request("POST", PREDICT, transfer_encoding="chunked") + b"".join(parts))
        assert "4,000,000" in refused(connection.answer(), 413)["detail"]
        # The rest of the body was read, so the next request is in step.
        assert connection.send(request("GET", "/healthz")).answer().status == 200


@pytest.mark.parametrize(("sent", "kept"), [("a.B-9_~", True), ("x" * 128, True), ("x" * 129, False), ("a b", False)])
@pytest.mark.parametrize("path", [PREDICT, "/healthz", "/nothing/predict"])
def test_request_ids(server: Running, path: str, sent: str, kept: bool) -> None:
    data = request("GET", path, x_request_id=sent) if path == "/healthz" else post(path, WINE, x_request_id=sent)
    found = server.ask(data).headers["x-request-id"]
    if kept:
        assert found == sent
    else:
        assert uuid.UUID(found).version == 7


def test_metrics_count_alike_wherever_they_are_asked(server: Running) -> None:
    def counts(port: int) -> dict[tuple[str, ...], float]:
        answer = server.ask(request("GET", "/metrics"))
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        families = text_string_to_metric_families(answer.body.decode())
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
            if sample.name.endswith(("_total", "_count", "_sum"))
        }

    def settled() -> dict[tuple[str, ...], float] | None:
        found = [counts(server.port) for _ in range(8)]
        return found[0] if all(each == found[0] for each in found) else None

    time.sleep(1.2)  # until every worker has shared what earlier tests did
    before = wait_for(settled)
    for _ in range(30):
        assert server.ask(post(PREDICT, [WINE, SWEET, WINE])).status == 200
        assert server.ask(post(PREDICT, {})).status == 422
        assert server.ask(post("/v1/models/wime/predict", WINE)).status == 404

    def counted() -> bool:
        after = settled()
        return after is not None and all(
            after.get(key, 0.0) - before.get(key, 0.0) == grown
            for key, grown in {
                ("garcom_requests_total", "wine", "200", "1"): 30,
                ("garcom_requests_total", "wine", "422", "1"): 30,
                ("garcom_predictions_total", "wine", "1"): 90,
                ("garcom_request_seconds_count", "wine", "1"): 30,
                ("garcom_refused_requests_total", "404"): 30,
            }.items()
        )

    wait_for(counted)


@needs_promtool
def test_prometheus_has_nothing_to_say_against_the_metrics(server: Running) -> None:
    found = promtool("check", "metrics", said=server.ask(request("GET", "/metrics")).body.decode())
    assert found == ""


def test_the_log_is_json_with_the_request_id_and_no_input(server: Running) -> None:
    secret = "segredo-4711"
    server.ask(post(PREDICT, {**WINE, "nota": secret}, x_request_id="log-1"))
    server.ask(post(PREDICT, {**WINE, "cor": secret, "doçura": None}, x_request_id="log-2"))
    server.ask(post(PREDICT, {**WINE, "pH": secret}, x_request_id="log-3"))
    server.ask(request("GET", "/healthz", x_request_id="log-4"))
    server.ask(request("GET", "/nothing", x_request_id="log-5"))

    def lines() -> list[Any]:
        return [line for line in server.logged("request") if str(line["request_id"]).startswith("log-")]

    wait_for(lambda: len(lines()) == 5)
    assert {line["request_id"]: line["status"] for line in lines()} == {
        "log-1": 200,
        "log-2": 422,
        "log-3": 422,
        "log-4": 200,
        "log-5": 404,
    }
    assert secret not in json.dumps(server.log())
