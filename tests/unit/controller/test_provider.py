from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from garcom.access.provider_tokens import KeySet
from garcom.access.seals import Seal
from garcom.controller.provider import Provider, check_settings
from garcom.errors import SettingsError, Unavailable
from garcom.run_folder import PROVIDER_KEYS
from garcom.settings import OidcSettings
from tests import openid_provider
from tests.openid_provider import CLIENT_ID


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def real() -> Iterator[openid_provider.Provider]:
    with openid_provider.provider() as found:
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(real: openid_provider.Provider, tmp_path: Path, clock: Clock) -> Provider:
    real.control()
    settings = OidcSettings(issuer=real.issuer, client_id=CLIENT_ID)
    return Provider(settings, Seal(b"0" * 32), tmp_path, clock)


def published(folder: Path) -> KeySet:
    return msgspec.json.decode((folder / PROVIDER_KEYS).read_bytes(), type=KeySet)


def test_keys_are_fetched_at_most_once_a_minute(
    real: openid_provider.Provider, client: Provider, clock: Clock, tmp_path: Path
) -> None:
    client.fetch_keys()
    before = published(tmp_path)
    real.rotate()
    real.control()
    clock.now = 59.0
    client.fetch_keys()
    assert real.asked() == []
    assert published(tmp_path) == before
    clock.now = 61.0
    client.fetch_keys()
    assert len(published(tmp_path).keys) == len(before.keys) + 1
    assert real.asked() == ["/keys"]  # where they are is known for an hour
    clock.now = 4000.0
    client.fetch_keys()
    assert real.asked() == ["/keys", "/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"jwks_uri": "ftp://127.0.0.1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 7},
        {"padding": "x" * (1 << 20)},
    ],
)
def test_what_a_provider_may_not_say(
    real: openid_provider.Provider, client: Provider, tmp_path: Path, discovery: dict[str, Any]
) -> None:
    real.control(discovery=discovery)
    with pytest.raises(Unavailable, match="OpenID provider"):
        client.fetch_keys()
    with pytest.raises(Unavailable, match="OpenID provider"):
        client.departure("http://localhost/login/provider/arrive", "/")
    assert not (tmp_path / PROVIDER_KEYS).exists()


def test_a_redirect_is_not_followed(real: openid_provider.Provider, client: Provider) -> None:
    real.control(discovery={"jwks_uri": f"{real.issuer}/authorize?redirect_uri={real.issuer}/keys&state=x"})
    with pytest.raises(Unavailable):
        client.fetch_keys()
    assert "/keys" not in real.asked()


def test_a_provider_that_is_not_there(tmp_path: Path) -> None:
    client = Provider(OidcSettings(issuer="http://127.0.0.1:9", client_id="x"), Seal(b"0" * 32), tmp_path)
    with pytest.raises(Unavailable, match="cannot be reached"):
        client.fetch_keys()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": "http://login.example"}, "oidc.issuer: expected an https address"),
        ({"client_id": "", "audience": ""}, "expected oidc.client_id for logins, oidc.audience for tokens"),
        ({"audience": "me"}, "oidc.audience: expected another name than oidc.client_id"),
        ({"scopes": ("profile",)}, "oidc.scopes: expected openid"),
        ({"roles": {"a": ("boss",)}}, 'oidc.roles."a": Expected a role'),
    ],
)
def test_settings_that_can_never_work(changes: dict[str, Any], message: str) -> None:
    right = OidcSettings(issuer="https://login.example", client_id="me", audience="https://ml.example")
    check_settings(right)
    with pytest.raises(SettingsError) as caught:
        check_settings(msgspec.structs.replace(right, **changes))
    assert message in str(caught.value)
