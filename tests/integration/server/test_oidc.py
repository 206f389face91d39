"""People and programs of an OpenID provider, at a real server and a real provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.storage.database import Database
from tests.integration.server.browser import Browser
from tests.integration.server.running import Running, running, wait_for
from tests.openid_provider import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Provider, provider


class Together(NamedTuple):
    server: Running
    provider: Provider

    def bearer(self, token: str) -> httpx.Response:
        with Browser(self.server.port) as program:
            return program.get("/v1/me", authorization=f"Bearer {token}", accept="*/*")


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Iterator[Together]:
    folder = tmp_path_factory.mktemp("oidc")
    secret = folder / "client-secret"
    secret.write_text(f"{CLIENT_SECRET}\n")
    with provider() as found:
        config = folder / "oidc.toml"
        config.write_text(f"""
            [oidc]
            issuer = "{found.issuer}"
            client_id = "{CLIENT_ID}"
            client_secret_file = "{secret}"
            audience = "{AUDIENCE}"
            user_claim = "preferred_username"
            [oidc.roles]
            "ml-team" = ["client:line", "viewer"]
        """)
        # Or the first start makes an administrator: with a provider, nobody is let in without a name.
        Accounts(Database.open(folder / "home")).create_user("root", [Grant(Role.ADMIN)], "correct horse battery")
        with running(folder, "--config", str(config), register=(bundles["line-1"],)) as server:
            wait_for(lambda: (server.run_folder / "provider_keys.json").exists())
            together = Together(server, found)
            wait_for(lambda: together.bearer("x").status_code == 401)
            wait_for(lambda: together.bearer(found.mint()).status_code == 200)
            yield together


@pytest.fixture(autouse=True)
def well_behaved(together: Together) -> None:
    together.provider.control()


def arrive(browser: Browser, next_path: str = "/", **changes: str) -> httpx.Response:
    """Go to the provider, where everybody agrees at once, and come back with these changes."""
    departure = browser.get(f"/login/provider?next={next_path}")
    assert departure.status_code == 303
    there = httpx.get(departure.headers["location"], trust_env=False, timeout=10)
    back = urlsplit(there.headers["location"])
    brought = {name: values[0] for name, values in parse_qs(back.query).items()} | changes
    assert f"{back.scheme}://{back.netloc}" == browser.origin
    return browser.get(f"{back.path}?{httpx.QueryParams(brought)}")


def test_a_login_at_the_provider(together: Together) -> None:
    with Browser(together.server.port) as browser:
        page = browser.get("/login?next=/docs").text
        assert 'href="/login/provider?next=%2Fdocs"' in page
        answer = arrive(browser, "/docs")
        assert (answer.status_code, answer.headers["location"]) == (303, "/docs")
        me = browser.get("/v1/me").json()
        assert (me["kind"], me["name"]) == ("external", "ana")
        assert me["grants"] == [{"role": "client", "model": "line"}, {"role": "viewer", "model": "*"}]
        token = {"x-csrf-token": browser.csrf()}
        assert browser.post_json("/v1/models/line/predict", {"x": 2.0}, **token).json()["prediction"] == 2.0
        assert browser.get("/v1/users", accept="*/*").status_code == 403
        browser.submit("/logout", {"csrf_token": token["x-csrf-token"]})
        assert browser.get("/v1/me", accept="*/*").status_code == 401
    assert "/token" in together.provider.asked()


def test_the_request_says_no_more_than_it_has_to(together: Together) -> None:
    with Browser(together.server.port) as browser:
        address = urlsplit(browser.get("/login/provider").headers["location"])
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{browser.origin}/login/provider/arrive"
    assert asked["scope"] == "openid profile"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert all(len(asked[name]) == 43 for name in ("state", "nonce", "code_challenge"))


WRONG: dict[str, dict[str, Any]] = {
    "nonce of another login": {"id_token": {"nonce": "x" * 43}},
    "no nonce": {"id_token": {"nonce": None}},
    "issuer": {"id_token": {"iss": "https://evil.example"}},
    "audience": {"id_token": {"aud": "somebody-else"}},
    "audience of another client beside ours": {"id_token": {"aud": [CLIENT_ID, "other"]}},
    "authorized party": {"id_token": {"azp": "other"}},
    "expired": {"id_token": {"exp": 1_700_000_000}},
    "no exp": {"id_token": {"exp": None}},
    "no sub": {"id_token": {"sub": None}},
    "of another access token": {"id_token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "no name": {"id_token": {"preferred_username": None}},
    "unsigned": {"sign_with": "none"},
    "signed by a stranger": {"sign_with": "stranger"},
    "signed with the public half": {"sign_with": "public half as a secret"},
    "issuer of the answer": {"arrival": {"iss": "https://evil.example"}},
    "no issuer in the answer": {"arrival": {"iss": ""}},
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_id_token_that_is_not_for_this_login(together: Together, kind: str) -> None:
    together.provider.control(**WRONG[kind])
    before = len(together.server.logged("login through the provider refused"))
    with Browser(together.server.port) as browser:
        answer = arrive(browser)
        assert answer.status_code == 401
        assert "The login did not succeed." in answer.text
        assert "garcom" not in browser.cookies
    (told,) = together.server.logged("login through the provider refused")[before:]
    assert "its ID token" in told["why"] or "another issuer" in told["why"]


@pytest.mark.parametrize("changes", [{"state": "x" * 43}, {"state": ""}, {"code": "other"}, {"error": "access_denied"}])
def test_an_arrival_that_nobody_departed_for(together: Together, changes: dict[str, str]) -> None:
    with Browser(together.server.port) as browser:
        assert arrive(browser, **changes).status_code == 401
        assert "garcom" not in browser.cookies


def test_a_login_cannot_be_ended_in_another_browser_nor_twice(together: Together) -> None:
    with Browser(together.server.port) as victim, Browser(together.server.port) as attacker:
        there = httpx.get(attacker.get("/login/provider").headers["location"], trust_env=False, timeout=10)
        back = urlsplit(there.headers["location"])
        assert victim.get(f"{back.path}?{back.query}").status_code == 401  # without a cookie of its own
        victim.get("/login/provider")
        assert victim.get(f"{back.path}?{back.query}").status_code == 401  # with that of another login
        cookie = attacker.cookies["garcom-provider"]
        assert attacker.get(f"{back.path}?{back.query}").status_code == 303
        assert attacker.get(f"{back.path}?{back.query}", cookie=f"garcom-provider={cookie}").status_code == 401
        altered = cookie[:-1] + ("A" if cookie[-1] != "A" else "B")
        assert attacker.get(f"{back.path}?{back.query}", cookie=f"garcom-provider={altered}").status_code == 401


def test_who_is_in_no_listed_group_may_do_nothing(together: Together) -> None:
    user = {"sub": "1", "preferred_username": "eve", "groups": ["chess"]}
    together.provider.control(user=user)
    with Browser(together.server.port) as browser:
        answer = arrive(browser)
        assert answer.status_code == 403
        assert "have no role here" in answer.text
        assert "garcom" not in browser.cookies
    assert together.bearer(together.provider.mint()).json()["grants"] == []


def test_a_name_from_outside_is_not_a_user_of_ours(together: Together) -> None:
    accounts = Accounts(together.server.registry.database)
    accounts.create_user("rui", [Grant(Role.ADMIN)], "correct horse battery")
    together.provider.control(user={"sub": "1", "preferred_username": "rui", "groups": ["ml-team"]})
    me = together.bearer(together.provider.mint()).json()
    assert (me["kind"], me["name"]) == ("external", "rui")
    assert {grant["role"] for grant in me["grants"]} == {"client", "viewer"}


def test_bearer_tokens_of_the_provider(together: Together) -> None:
    mint = together.provider.mint
    assert together.bearer(mint()).json()["name"] == "ana"
    for wrong in (
        mint(aud=CLIENT_ID),
        mint(aud="https://other.example"),
        mint(iss="https://evil.example"),
        mint(exp=1_700_000_000),
        mint(nonce="an ID token"),
        mint({"typ": "logout+jwt"}),
    ):
        assert together.bearer(wrong).status_code == 401


def test_a_new_key_is_fetched_once_when_it_is_seen(together: Together) -> None:
    """The last test: keys are fetched for an unknown one at most once a minute."""
    together.provider.control()
    for kind in ("ES256", "EdDSA"):
        together.provider.rotate(kind)
    token = together.provider.mint()
    answer = together.bearer(token)
    assert answer.status_code == 401
    assert together.provider.asked().count("/keys") <= 1
