"""Limits at real servers: two workers count together, whichever way a request takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.rates import Limits
from garcom.registry.registry import Registry
from tests.integration.server.running import running
from tests.integration.server.wire import Answer, post, request


@pytest.mark.parametrize("kind", ["uvicorn", "granian"])
def test_a_key_over_its_limit_gets_429_and_others_are_served(
    tmp_path: Path, bundles: dict[str, Path], kind: str
) -> None:
    # Before the server starts, so that every worker knows the keys from its first request on.
    accounts = Accounts(Registry.open(tmp_path / "home").database)
    client = [Grant(Role.CLIENT)]
    few = accounts.create_key("few", client, by="test", limits=Limits(requests="6/1h", rows="10/1h"))[1].text
    free = accounts.create_key("free", client, by="test")[1].text
    with running(tmp_path, "--server", kind, register=(bundles["line-1"],), workers=2) as server:

        def ask(key: str, rows: int = 1) -> Answer:
            body = {"x": 3.0} if rows == 1 else [{"x": 3.0}] * rows
            return server.ask(post("/v1/models/line/predict", body, authorization=f"Bearer {key}"))

        assert not [name for name in ask(free).headers if name.startswith("ratelimit")]

        answers = [ask(few) for _ in range(4)]
        assert [answer.status for answer in answers] == [200] * 4
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["5", "4", "3", "2"]
        refused = ask(few, rows=7)
        assert (refused.status, refused.headers["ratelimit-limit"]) == (429, "10")
        assert ask(few, rows=11).status == 413
        for path in ("/v1/models/line/predict", "/v1/models"):
            method, body = ("GET", None) if path == "/v1/models" else ("POST", b'{"x": 1}')
            refused = server.ask(request(method, path, body, authorization=f"Bearer {few}"))
            assert refused.status == 429
            assert refused.json["type"] == "/docs/problems#rate-limited"
            assert 3500 < int(refused.headers["retry-after"]) <= 3600
            assert refused.headers["ratelimit-policy"] == "6;w=3600"
        assert ask(free).status == 200
