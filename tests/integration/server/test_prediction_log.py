"""Predictions that something else has made are kept here as those that are made here are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import garcom
from tests.integration.server.running import Running, running, wait_for
from tests.integration.server.wire import Answer, post, request

LOG = "/v1/models/beer/log"
ROWS = [
    {
        "input": {"ibu": 30.0 + i, "estilo": "ipa"},
        "prediction": "boa",
        "probabilities": {"boa": 0.75, "má": 0.25},
        "time": f"2026-01-0{i + 1}T12:00:00Z",
        "latency_ms": 2.5,
    }
    for i in range(3)
]


def beer(folder: Path) -> Path:
    random = np.random.default_rng(0)
    share = random.uniform(size=200)
    X = pd.DataFrame({"ibu": 100 * share, "estilo": random.choice(["ipa", "pilsen"], 200)})
    X = X.assign(said=np.where(share > 0.5, "boa", "má"), probability_boa=share, probability_má=1 - share)
    return garcom.pack(None, X, answers="said", name="beer", out=folder).path


def logged(server: Running, rows: Any, **headers: str) -> Answer:
    return server.ask(post(LOG, rows, **headers))


def test_what_was_predicted_elsewhere_is_kept_and_found(tmp_path: Path, bundles: dict[str, Path]) -> None:
    settings = {"lake_drain_s": 0.2, "journal_segment_s": 1, "monitoring_every_s": 1, "workers": 1}
    with running(tmp_path, register=(beer(tmp_path), bundles["wine"]), **settings) as server:
        _check_rows(server)
        _check_refusals(server)
        _check_predicting(server)
        first = logged(server, ROWS, idempotency_key="k-1")
        again = logged(server, ROWS, idempotency_key="k-1")
        assert (again.status, again.body, again.headers["idempotent-replayed"]) == (200, first.body, "true")
        other = logged(server, ROWS[:1], idempotency_key="k-1")
        assert (other.status, other.json["type"]) == (422, "/docs/problems#key-reused")
        present = [{name: row[name] for name in ("input", "prediction")} for row in ROWS]
        last = logged(server, present, idempotency_key="k-2")
        _check_monitoring(server)
        metrics = server.ask(request("GET", "/metrics", None, content_type="")).body.decode()
        assert 'garcom_logged_predictions_total{model="beer",version="1"}' in metrics
    # As after a power cut, which takes what was not synced: the rows themselves tell what was answered.
    (tmp_path / "home" / "journal" / "keys.db").unlink()
    with running(tmp_path, workers=1) as server:
        again = logged(server, present, idempotency_key="k-2")
        assert (again.status, again.json, again.headers["idempotent-replayed"]) == (200, last.json, "true")


def _check_rows(server: Running) -> None:
    rows = [*ROWS, ROWS[0] | {"key": "order-1", "subject": "ana"}]
    answer = logged(server, rows, x_request_id="req-1")
    assert (answer.status, answer.json["model"], answer.json["rows"]) == (200, "beer", 4), answer
    ids = answer.json["ids"]
    found = server.get(f"/v1/predictions/{ids[1]}")
    assert (found["role"], found["version"], found["request_id"]) == ("external", 1, "req-1")
    assert {name: found[name] for name in ("input", "prediction", "probabilities", "latency_ms")} == {
        name: ROWS[1][name] for name in ("input", "prediction", "probabilities", "latency_ms")
    }
    assert found["time"] == "2026-01-02T12:00:00Z"
    wait_for(lambda: not list((server.home / "journal").glob("*.ndjson")))
    window = "?from=2026-01-02&to=2026-01-03"
    page = server.get(f"/v1/models/beer/predictions{window}")["predictions"]
    assert [row["id"] for row in page] == [ids[1]]
    actuals = [{"id": ids[0], "actual": "má"}, {"key": "order-1", "actual": "boa"}]
    added = server.ask(post("/v1/models/beer/actuals", actuals)).json
    assert (added["accepted"], added["unknown"]) == (2, 0)
    assert server.get(f"/v1/predictions/{ids[3]}")["actual"]["value"] == "boa"
    of_ana = server.ask(request("GET", "/v1/models/beer/predictions", None, content_type="", garcom_subject="ana")).json
    assert [row["id"] for row in of_ana["predictions"]] == [ids[3]]


def _check_refusals(server: Running) -> None:
    wrong = logged(server, [ROWS[0], ROWS[1] | {"input": {"ibu": "x", "estilo": "ipa"}}])
    assert (wrong.status, wrong.json["type"]) == (422, "/docs/problems#invalid-rows")
    assert [place["where"] for place in wrong.json["errors"]] == ["predictions[1].input.ibu"]
    both = logged(server, [ROWS[0] | {"key": "order-2"}], idempotency_key="k-0")
    assert (both.status, both.json["type"]) == (400, "/docs/problems#bad-request")
    assert logged(server, [ROWS[0] | {"version": 7}]).json["type"] == "/docs/problems#version-not-found"
    assert server.ask(post("/v1/models/bear/log", ROWS)).json["type"] == "/docs/problems#model-not-found"
    assert server.ask(request("POST", LOG, b"a,b", content_type="text/csv")).status == 415
    assert server.get("/v1/models/beer/predictions?from=1h")["predictions"] == []


def _check_predicting(server: Running) -> None:
    answer = server.ask(post("/v1/models/beer/predict", ROWS[0]["input"]))
    assert (answer.status, answer.json["type"]) == (409, "/docs/problems#served-elsewhere")
    assert server.get("/readyz")["failed"] == {}
    assert not server.logged("version cannot be loaded")
    served = server.ask(post("/v1/models/wine/predict", {"pH": 3.2, "doçura": 1.9, "cor": "tinto"}))
    assert served.status == 200
    also = {"input": {"pH": 3.2, "doçura": 1.9, "cor": "tinto", "nota": None}, "prediction": "ruim"}
    ids = server.ask(post("/v1/models/wine/log", [also])).json["ids"]
    assert server.get(f"/v1/predictions/{ids[0]}")["role"] == "external"


def _check_monitoring(server: Running) -> None:
    at = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    rows = [ROWS[0] | {"input": {"ibu": 90.0 + i % 9, "estilo": "ipa"}, "time": at} for i in range(400)]
    ids = logged(server, rows).json["ids"]
    server.ask(post("/v1/models/beer/actuals", [{"id": id, "actual": "boa"} for id in ids]))
    drift = "/v1/models/beer/drift?from=1d&stage=external"
    wait_for(lambda: server.get(drift)["rows_current"] >= 400)
    drifted = {each["column"]: each["drifted"] for each in server.get(drift)["columns"]}
    assert drifted["ibu"]
    assert server.get("/v1/models/beer/quality?from=1d")["rows"] >= 400
    assert server.get("/v1/models/beer/performance?from=1d")["metrics"]["accuracy"]["value"] == 1.0
    metrics = request("GET", "/metrics", None, content_type="")
    gauge = 'garcom_drift_effect{column="ibu",model="beer",version="1"}'
    wait_for(lambda: gauge in server.ask(metrics).body.decode())
