"""Alerts at a real server: from a prediction to the receiver, and who may see and change what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.monitoring.alerts.messages import Message
from garcom.storage.audit_rows import entries
from garcom.storage.database import Database
from tests.integration.alerts.receivers import webhooks
from tests.integration.server.running import Running, running, wait_for
from tests.integration.server.wire import Answer, post, request


def send(server: Running, key: str, method: str, path: str, value: Any = None) -> Answer:
    if value is None:
        return server.ask(request(method, path, Authorization=f"Bearer {key}"))
    return server.ask(post(path, value, Authorization=f"Bearer {key}").replace(b"POST", method.encode(), 1))


def test_from_a_prediction_to_the_receiver(tmp_path: Path, bundles: dict[str, Path]) -> None:
    accounts = Accounts(Database.open(tmp_path / "home"))
    roles = {"admin": "*", "approver": "line", "viewer": "line", "client": "line"}
    keys = {
        role: accounts.create_key(role, [Grant(Role(role), model)], by="test")[1].text for role, model in roles.items()
    }
    (tmp_path / "home" / "garcom.toml").write_text('[alerts.rules]\nfixed = "line.rows > 10 over 1h"\n')
    with (
        webhooks() as hooks,
        running(
            tmp_path,
            register=(bundles["line-1"],),
            workers=1,
            alerts_to=hooks.url,
            alerts_group_s=0,
            monitoring_every_s=0.3,
            journal_segment_s=0.2,
            lake_drain_s=0.2,
        ) as server,
    ):
        made = send(
            server, keys["approver"], "POST", "/v1/alerts/rules", {"rule": "line.silence >= 0 over 1h critical"}
        )
        assert (made.status, made.json["name"], made.json["source"]) == (201, "line-silence", "added")
        assert send(server, keys["client"], "POST", "/v1/models/line/predict", {"x": 1.0}).status == 200
        told = msgspec.json.decode(hooks.next().body, type=Message)
        assert (told.title, told.alerts[0].rule) == ("line: 1 alert, FIRING, critical", "line-silence")

        (alert,) = send(server, keys["viewer"], "GET", "/v1/alerts").json["alerts"]
        assert (alert["id"], alert["state"]) == (told.alerts[0].id, "firing")
        assert 0 <= alert["value"] < 0.1
        taken = f"/v1/alerts/{alert['id']}/acknowledge"
        assert send(server, keys["viewer"], "POST", taken).status == 403
        assert send(server, keys["approver"], "POST", taken).json["acknowledged_by"].startswith("key:gk_")
        assert send(server, keys["approver"], "POST", "/v1/alerts/none/acknowledge").status == 404

        rules = {rule["name"]: rule for rule in send(server, keys["viewer"], "GET", "/v1/alerts/rules").json["rules"]}
        assert (rules["fixed"]["source"], rules["silence"]["source"]) == ("settings", "default")
        assert [reading["state"] for reading in rules["line-silence"]["readings"]] == ["firing"]
        assert "no reference profile" in rules["fixed"]["readings"][0]["why"]
        assert rules["decay"]["readings"][0]["why"]

        refused = [
            ("approver", "POST", "/v1/alerts/rules", {"rule": "*.rows > 0"}, 403),
            ("approver", "POST", "/v1/alerts/rules", {"rule": "line.rowz > 0"}, 422),
            ("approver", "PUT", "/v1/alerts/rules/fixed", {"rule": "line.rows > 0"}, 409),
            ("approver", "PUT", "/v1/alerts/rules/mine", {"rule": "*.rows > 0"}, 403),
            ("viewer", "PUT", "/v1/alerts/rules/mine", {"rule": "line.rows > 0"}, 403),
            ("viewer", "GET", "/v1/alerts/messages?state=gone", None, 422),
            ("viewer", "POST", "/v1/alerts/messages/none/retry", None, 403),
            ("approver", "POST", "/v1/alerts/messages/none/retry", None, 404),
            ("approver", "DELETE", "/v1/alerts/rules/fixed", None, 409),
            ("approver", "DELETE", "/v1/alerts/rules/absent", None, 404),
            ("approver", "PUT", "/v1/alerts/rules/silence/models/wine", {"enabled": False}, 404),
            ("approver", "POST", "/v1/alerts/silences", {"until": "2h"}, 403),
            ("approver", "POST", "/v1/alerts/silences", {"until": "soon", "model": "line"}, 422),
            ("approver", "POST", "/v1/alerts/silences", {"until": "2h", "model": "line", "rule": "absent"}, 404),
            ("viewer", "POST", "/v1/alerts/silences", {"until": "2h", "model": "line"}, 403),
            ("client", "GET", "/v1/alerts", None, 403),
        ]
        for role, method, path, value, status in refused:
            found = send(server, keys[role], method, path, value)
            assert found.status == status or (status == 422 and found.status == 400), (method, path, found.body)

        silence = send(server, keys["approver"], "POST", "/v1/alerts/silences", {"until": "2h", "model": "line"})
        assert silence.status == 201
        assert len(send(server, keys["viewer"], "GET", "/v1/alerts/silences").json["silences"]) == 1
        assert send(server, keys["approver"], "DELETE", f"/v1/alerts/silences/{silence.json['id']}").status == 204
        mine = "/v1/alerts/rules/mine"
        for text in ("line.rows > 1000000", "line.rows > 2000000"):
            put = send(server, keys["approver"], "PUT", mine, {"rule": text})
            assert (put.status, put.json["rule"]) == (200, f"{text} over 24h warning"), put.body
        assert send(server, keys["approver"], "DELETE", mine).status == 204
        assert send(server, keys["viewer"], "GET", "/v1/alerts/messages?state=set_aside").json == {"messages": []}
        off = "/v1/alerts/rules/silence/models/line"
        assert send(server, keys["approver"], "PUT", off, {"enabled": False}).status == 204
        assert send(server, keys["approver"], "DELETE", "/v1/alerts/rules/line-silence").status == 204
        over = "/v1/alerts?state=resolved"
        wait_for(lambda: send(server, keys["viewer"], "GET", over).json["alerts"])
        ended = msgspec.json.decode(hooks.next().body, type=Message)
        assert ended.alerts[0].happened == "resolved"
        log = (tmp_path / "log").read_text()
    assert "T0PSECRET" not in log
    assert "secretpassword" not in log
    with Database.open(tmp_path / "home").read() as connection:
        actions = [row.action for row in entries(connection) if row.action.startswith("alert")]
    assert actions == [
        "alert_rule.add",
        "alert.fire",
        "alert.acknowledge",
        "alert_silence.add",
        "alert_silence.remove",
        "alert_rule.add",
        "alert_rule.change",
        "alert_rule.remove",
        "alert_rule.switch_off",
        "alert_rule.remove",
        "alert.resolve",
    ]
