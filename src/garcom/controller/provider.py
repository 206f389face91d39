"""The OpenID provider, as the controller talks to it: where it is, its public keys, and logins by its code.

The authorization code flow with PKCE, ``state`` and ``nonce`` (OpenID Connect Core 1.0 §3.1; RFC 7636; RFC 9207; RFC
9700 §2.1). What a login has to remember is derived from a seed in the browser's own cookie, under a secret of this
installation: any controller can end what another began.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote_plus, urlsplit

import httpx
import msgspec

from garcom.access.browser_logins import Arrival, Departure
from garcom.access.provider_tokens import ExternalUsers, KeySet, Verifier
from garcom.access.seals import Seal
from garcom.addresses import is_loopback
from garcom.errors import GarcomError, Overloaded, SettingsError, Unauthenticated, Unavailable
from garcom.run_folder import PROVIDER_KEYS, publish_json
from garcom.settings import OidcSettings

logger = logging.getLogger("garcom.access")

_TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 1 << 20
#: How long what the provider says about itself is believed.
KEPT_S = 3600.0
#: Keys are fetched for an unknown ``kid`` at most this often: anybody can send one.
LEAST_PAUSE_S = 60.0
#: How long a login at the provider may take.
LOGIN_S = 600
_LEEWAY_S = 5
#: Codes that are exchanged at the same time, and how long a login waits for its turn.
_EXCHANGES_AT_ONCE = 2
_TURN_S = 1.0


Kind = TypeVar("Kind")


class Discovered(msgspec.Struct, frozen=True):
    """What the provider says about itself (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Given(msgspec.Struct, frozen=True):
    """What the provider gives for a code."""

    id_token: str
    access_token: str = ""


class LoggedIn(NamedTuple):
    """Who came back from the provider, as its ID token says, and where to go on."""

    claims: dict[str, Any]
    next: str


class Provider:
    """One provider; threads may share it."""

    def __init__(
        self, settings: OidcSettings, seal: Seal, run_folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._seal = seal
        self._keys_path = run_folder / PROVIDER_KEYS
        self._clock = clock
        self._lock = threading.Lock()
        self._exchanges = threading.Semaphore(_EXCHANGES_AT_ONCE)
        self._discovered: tuple[float, Discovered] | None = None
        self._verifier = Verifier(settings.issuer, KeySet([]))
        self._fetched = -LEAST_PAUSE_S

    def fetch_keys(self) -> None:
        """Fetch the public keys and put them into the run folder, unless that was done within the last minute.

        Raises Unavailable when the provider does not answer as it should.
        """
        with self._turn(self._lock):
            if self._clock() - self._fetched < LEAST_PAUSE_S:
                return
            # Before it is tried: a provider that is down is not asked for each request either.
            self._fetched = self._clock()
            keys = _read(self._get(self._discover().jwks_uri), KeySet)
            self._verifier = Verifier(self._settings.issuer, keys)
            publish_json(self._keys_path, keys)

    def departure(self, redirect_uri: str, next_path: str) -> Departure:
        """Where a browser goes to log in."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        until = int(time.time()) + LOGIN_S
        seed = f"{secrets.token_urlsafe(32)}.{until}.{next_path.encode().hex()}"
        url = prepare_grant_uri(
            self._discovered_now().authorization_endpoint,
            client_id=self._settings.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=" ".join(self._settings.scopes),
            state=self._seal.mark("oidc state", seed),
            nonce=self._seal.mark("oidc nonce", seed),
            code_challenge=create_s256_code_challenge(self._seal.mark("oidc verifier", seed)),
            code_challenge_method="S256",
        )
        return Departure(url=url, cookie=f"{seed}.{self._seal.mark('oidc cookie', seed)}")

    def arrive(self, arrival: Arrival, redirect_uri: str) -> LoggedIn:
        """Who it is that came back. Raises Unauthenticated, and Unavailable when the provider does not answer."""
        seed, _, mark = arrival.cookie.rpartition(".")
        parts = seed.split(".")
        if not self._seal.fits(mark, "oidc cookie", seed) or len(parts) != 3 or int(parts[1]) < time.time():
            raise refused("its login was not begun here, or too long ago")
        if not self._seal.fits(arrival.state, "oidc state", seed):
            raise refused("its state is not that of this browser")
        discovered = self._discovered_now()
        expected = discovered.issuer if discovered.authorization_response_iss_parameter_supported else ""
        if (arrival.issuer or expected) not in ("", discovered.issuer) or (expected and not arrival.issuer):
            raise refused("it comes from another issuer")
        given = self._exchange(discovered, arrival.code, redirect_uri, self._seal.mark("oidc verifier", seed))
        claims = self._checked(given, self._seal.mark("oidc nonce", seed))
        return LoggedIn(claims, bytes.fromhex(parts[2]).decode())

    def _checked(self, given: _Given, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that is for this login (OpenID Connect Core 1.0 §3.1.3.7)."""
        from authlib.oidc.core import CodeIDToken

        if not self._verifier.knows(given.id_token):
            self.fetch_keys()
        try:
            header, claims = self._verifier.verify(given.id_token, self._settings.client_id)
        except Unauthenticated as error:
            raise refused(f"its ID token is refused: {error}") from None
        options = {"iss": {"essential": True, "value": self._settings.issuer}}
        params = {"nonce": nonce, "client_id": self._settings.client_id, "access_token": given.access_token}
        try:
            CodeIDToken(claims, header, options, params).validate(leeway=_LEEWAY_S)
        except Exception as error:  # noqa: BLE001 - Authlib's errors have no one root; whatever it is, nobody is let in
            raise refused(f"its ID token is not for this login ({type(error).__name__})") from None
        return claims

    def _exchange(self, discovered: Discovered, code: str, redirect_uri: str, verifier: str) -> _Given:
        from authlib.oauth2.auth import ClientAuth
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        body = prepare_token_request("authorization_code", redirect_uri=redirect_uri, code=code, code_verifier=verifier)
        secret = self._secret()
        supported = discovered.token_endpoint_auth_methods_supported
        posted = "client_secret_basic" not in supported and "client_secret_post" in supported
        method = "none" if not secret else "client_secret_post" if posted else "client_secret_basic"
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        client_id = self._settings.client_id
        if method == "client_secret_basic":  # RFC 6749 §2.3.1: as in a form, which Authlib leaves to its caller
            client_id, secret = quote_plus(client_id), quote_plus(secret)
        auth = ClientAuth(client_id, secret, method)
        uri, headers, body = auth.prepare("POST", discovered.token_endpoint, headers, body)
        with self._turn(self._exchanges):
            return _read(self._ask("POST", uri, headers=headers, content=body.encode()), _Given)

    def _discovered_now(self) -> Discovered:
        with self._turn(self._lock):
            return self._discover()

    @staticmethod
    @contextlib.contextmanager
    def _turn(lock: threading.Lock | threading.Semaphore) -> Iterator[None]:
        """A turn at the provider; who has to wait long for one is refused, so that others are answered meanwhile."""
        if not lock.acquire(timeout=_TURN_S):
            raise Overloaded("The OpenID provider answers slowly, and others wait for it. Try again shortly.")
        try:
            yield
        finally:
            lock.release()

    def _discover(self) -> Discovered:
        now = self._clock()
        if self._discovered is None or now - self._discovered[0] > KEPT_S:
            url = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = _read(self._get(url), Discovered)
            if found.issuer != self._settings.issuer:
                raise _unusable("it names itself otherwise than oidc.issuer does")
            for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                _check_address(address, self._settings.issuer)
            self._discovered = now, found
        return self._discovered[1]

    def _secret(self) -> str:
        path = self._settings.client_secret_file
        if not path:
            return ""
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"Expected the client's secret in {path} (oidc.client_secret_file), and it cannot be "
                f"read ({type(error).__name__})."
            ) from error

    def _get(self, url: str) -> bytes:
        return self._ask("GET", url, headers={"accept": "application/json"})

    def _ask(self, method: str, url: str, **request: Any) -> bytes:
        """The body of a 200. Nothing is followed to another address, and no more is read than an answer may have."""
        try:
            with (
                httpx.Client(timeout=_TIMEOUT_S, trust_env=not is_loopback(urlsplit(url).hostname or "")) as client,
                client.stream(method, url, **request) as answer,
            ):
                content = bytearray()
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > _MAX_ANSWER_BYTES:
                        raise _unusable("its answer is too long")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unusable(type(error).__name__) from error
        if method == "POST" and answer.status_code in (400, 401):
            raise refused("the provider takes its code, or this client, for none of its own")
        if answer.status_code != 200:
            raise _unusable(f"status {answer.status_code}")
        return bytes(content)


def check_settings(settings: OidcSettings) -> None:
    """Raises SettingsError for what can never work."""
    ExternalUsers(settings)
    if not settings.issuer:
        return
    if not settings.client_id and not settings.audience:
        raise SettingsError(
            "oidc.issuer is set: expected oidc.client_id for logins, oidc.audience for tokens, or both."
        )
    if settings.audience and settings.audience == settings.client_id:
        raise SettingsError("oidc.audience: expected another name than oidc.client_id, so that no ID token is a key.")
    if "openid" not in settings.scopes:
        raise SettingsError("oidc.scopes: expected openid among them.")
    try:
        _check_address(settings.issuer, settings.issuer)
    except GarcomError as error:
        raise SettingsError("oidc.issuer: expected an https address, unless it is on this machine.") from error


def _read(content: bytes, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unusable("its answer is not what it should be") from error


def _check_address(address: str, issuer: str) -> None:
    """Only https, but on this machine."""
    parts, local = urlsplit(address), is_loopback(urlsplit(issuer).hostname or "")
    if parts.scheme == "https" or (parts.scheme == "http" and local and is_loopback(parts.hostname or "")):
        return
    raise _unusable("it names an address without https")


def refused(why: str) -> Unauthenticated:
    """A login that ends here; the log says why."""
    logger.warning("login through the provider refused", extra={"why": why})
    return Unauthenticated("The login through the provider failed. Try it again; the server's log says why.")


def _unusable(why: str) -> Unavailable:
    logger.error("OpenID provider cannot be used", extra={"why": why})
    return Unavailable("The OpenID provider cannot be reached, or does not answer as it should. Try again shortly.", 5)
