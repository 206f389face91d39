"""Every route of the API, on both servers."""

from __future__ import annotations

from tests.integration.server.running import Running
from tests.integration.server.wire import post, request

WINE = {"pH": 3.2, "doçura": 1.9, "cor": "tinto", "nota": None}


def test_one_record(server: Running) -> None:
    answer = server.ask(post("/v1/models/wine/predict", WINE))
    assert answer.status == 200
    assert answer.json["model"] == "wine"
