"""A small OpenID provider: ``python -m tests.openid_provider`` serves on a free port and prints its address.

It does what a real one does (discovery, authorization code with PKCE, client authentication, rotating keys) and, told
so at ``/control``, does it wrong: that is what its guests must notice. It knows one client, and one user, who agrees.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "garcom-at-work", "the client's secret: ü/+%"
AUDIENCE = "https://models.example"


class Key:
    """A key that signs, with its public half as JWK."""

    def __init__(self, kind: str = "RS256") -> None:
        self.algorithm = kind
        self.private: Any
        if kind == "RS256":
            self.private = rsa.generate_private_key(65537, 2048)
            jwk = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        elif kind == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
            jwk = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()
            jwk = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.kid = secrets.token_hex(4)
        self.jwk: dict[str, Any] = {**jwk, "kid": self.kid, "use": "sig"}
        self.jwk.pop("key_ops", None)

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        headers = {"kid": self.kid, **header}
        present = {name: value for name, value in headers.items() if value is not None or name == "typ"}
        return jwt.encode(claims, self.private, self.algorithm, present)


class State:
    """What the provider knows, and how it misbehaves."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = Key()
        self.published = [self.key]
        self.codes: dict[str, dict[str, str]] = {}
        self.reset()

    def reset(self) -> None:
        self.user: dict[str, Any] = {"sub": "f3a1", "preferred_username": "ana", "groups": ["ml-team", "chess"]}
        #: Laid over the claims of the ID token; None takes one away.
        self.id_token: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.arrival: dict[str, str] = {}
        self.sign_with = "own"
        self.asked: list[str] = []

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.issuer, "iat": now, "exp": now + 300, **self.user, **more}

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        match self.sign_with:
            case "none":
                return jwt.encode(claims, "", "none")
            case "stranger":
                stranger = Key()
                return stranger.sign(claims, kid=self.key.kid)
            case "public half as a secret":
                return hs256(claims, self.key)
        return self.key.sign(claims, **header)


def hs256(claims: dict[str, Any], key: Key) -> str:
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "kid": key.kid}).encode()) + "." + part(json.dumps(claims).encode())
    return f"{head}.{part(hmac.digest(pem, head.encode(), 'sha256'))}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    state: State

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        state = self.state
        state.asked.append(url.path)
        match url.path:
            case "/.well-known/openid-configuration":
                self._json(200, self._discovery())
            case "/keys":
                self._json(200, {"keys": [key.jwk for key in state.published]})
            case "/authorize":
                code = secrets.token_urlsafe(8)
                state.codes[code] = query
                arrival = {"code": code, "state": query["state"], "iss": state.issuer, **state.arrival}
                self._redirect(f"{query['redirect_uri']}?{urlencode(arrival)}")
            case _:
                self._json(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        state = self.state
        match self.path:
            case "/token":
                state.asked.append(self.path)
                self._json(*self._token({name: values[0] for name, values in parse_qs(body.decode()).items()}))
            case "/control":
                state.reset()
                for name, value in json.loads(body).items():
                    setattr(state, name, value)
                self._json(200, {})
            case "/rotate":
                state.key = Key(json.loads(body))
                state.published = [*state.published, state.key][-2:]
                self._json(200, {})
            case "/mint":
                wanted = json.loads(body)
                claims = state.claims(aud=AUDIENCE) | wanted["claims"]
                present = {name: value for name, value in claims.items() if value is not None}
                self._json(200, state.signed(present, **wanted["header"]))
            case "/asked":
                self._json(200, state.asked)

    def _discovery(self) -> dict[str, Any]:
        issuer = self.state.issuer
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.state.discovery,
        }

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        asked = self.state.codes.pop(form.get("code", ""), None)
        known = base64.b64encode(f"{quote_plus(CLIENT_ID)}:{quote_plus(CLIENT_SECRET)}".encode()).decode()
        if self.headers["authorization"] != f"Basic {known}":
            return 401, {"error": "invalid_client"}
        verifier = form.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if (
            asked is None
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or asked["client_id"] != CLIENT_ID
            or asked["code_challenge_method"] != "S256"
            or asked["code_challenge"] != challenge
            or "openid" not in asked["scope"].split()
        ):
            return 400, {"error": "invalid_grant"}
        access = secrets.token_urlsafe(16)
        half = hashlib.sha256(access.encode()).digest()[:16]
        at_hash = base64.urlsafe_b64encode(half).rstrip(b"=").decode()
        claims = self.state.claims(aud=CLIENT_ID, nonce=asked["nonce"], at_hash=at_hash) | self.state.id_token
        present = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": self.state.signed(present)}

    def _json(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("location", where)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests ask what was asked."""


class Provider:
    """The provider, as a test talks to it."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def control(self, **changes: Any) -> None:
        """Forget all that was asked for before, and do this."""
        self._post("/control", changes)

    def rotate(self, kind: str = "RS256") -> None:
        """Sign with a new key; the one before is published still."""
        self._post("/rotate", kind)

    def mint(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A bearer token; a claim that is None is left out."""
        token: str = self._post("/mint", {"claims": claims, "header": header or {}})
        return token

    def asked(self) -> list[str]:
        """The paths that were asked since the last control."""
        found: list[str] = self._post("/asked", None)
        return found

    def _post(self, path: str, value: Any) -> Any:
        answer = httpx.post(f"{self.issuer}{path}", content=json.dumps(value), timeout=10, trust_env=False)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.openid_provider"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Provider(process.stdout.readline().strip())
        finally:
            process.kill()


def main() -> None:
    """Serve until the starter's end of the input closes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.state = State(f"http://127.0.0.1:{server.server_port}")
    print(Handler.state.issuer, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
