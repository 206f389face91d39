"""The gate: finds out who asks, and whether that is permitted. Every request passes it, predictions included.

What a credential has proved is kept for a while, so that a caller costs a look into a dictionary; a new access list
empties that memory.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime

from garcom.access.access_list import AccessList
from garcom.access.principals import ANYBODY, NOBODY, Principal
from garcom.access.roles import Permission
from garcom.access.seals import Seal
from garcom.errors import Forbidden, ModelNotFound, NotFound, Unauthenticated
from garcom.http.edge import TWO_CREDENTIALS
from garcom.http.rules import Reach, Rule
from garcom.http.sessions import MARK, SAFE_METHODS, Header, Sessions

#: How long a credential that was proved is not proved again, and how many are remembered.
REMEMBERED_S = 60.0
MAX_REMEMBERED = 10_000
#: A longer credential is none of ours.
MAX_CREDENTIAL_BYTES = 8704
#: Begins the credential of a connection that showed a certificate. No header can hold this byte.
CERTIFICATE = b"\0certificate "
#: What proxies and tunnels add to a request (RFC 7239, RFC 9110 §7.6.3, and what came before them).
PROXIED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
_BEARER = "bearer"
_KEY = "gk_"

_EVERYONE_OUT = AccessList(revision=-1, required=True)

#: Gives whose token this is, and until when it is good (seconds since 1970). Raises Unauthenticated.
VerifyToken = Callable[[str, AccessList], tuple[Principal, float]]


class _Known:
    """A caller whose credential was proved a moment ago."""

    __slots__ = ("predicts", "principal", "until")

    def __init__(self, principal: Principal, until: float) -> None:
        self.principal = principal
        self.until = until
        #: Whether it may predict with a model, by the model's name.
        self.predicts: dict[str, bool] = {}


class Gate:
    """Knows callers by the access list; until there is one, nobody."""

    def __init__(
        self,
        verify_token: VerifyToken,
        note_key: Callable[[str], None] = lambda digest: None,
        clock: Callable[[], float] = time.time,
        sessions: Sessions | None = None,
        verify_session: VerifyToken | None = None,
    ) -> None:
        self._verify_token = verify_token
        self._note_key = note_key
        self._clock = clock
        #: Those of browsers; without any given, none that this process has not sealed itself.
        self.sessions = sessions or Sessions(Seal(secrets.token_bytes(32)))
        self._verify_session = verify_session
        self._access = _EVERYONE_OUT
        self._known: dict[bytes, _Known] = {}

    @property
    def is_open(self) -> bool:
        """Whether everyone may do everything: on loopback, where no user and no key exists."""
        return not self._access.required

    @property
    def revision(self) -> int:
        """Which access list it knows callers by; -1 while there is none."""
        return self._access.revision

    @property
    def token_keys(self) -> dict[str, str]:
        """The public keys that verify tokens, by their kid."""
        return self._access.token_keys

    def follow(self, access: AccessList) -> None:
        """Know callers by this list from now on."""
        self._access = access
        self._known = {}

    def predictor(self, credential: bytes, model: str) -> Principal | None:
        """A caller that is remembered and may predict with the model; None for whoever has to be looked at closely."""
        if not self._access.required:
            return ANYBODY
        known = self._known.get(credential)
        if known is None or known.until < self._clock():
            return None
        may = known.predicts.get(model)
        if may is None:
            may = known.predicts[model] = known.principal.may(Permission.PREDICT, model)
        return known.principal if may else None

    def identify(self, credential: bytes) -> Principal:
        """Whose credential this is (the value of an Authorization header), NOBODY's where there is none.

        Raises Unauthenticated for one that proves nothing; the message never tells which part of it was wrong.
        """
        if not self._access.required:
            return ANYBODY
        if not credential:
            return NOBODY
        known = self._known.get(credential)
        now = self._clock()
        if known is None or known.until < now:
            principal, until = self._prove(credential)
            if until <= now:
                raise refused()
            if len(self._known) >= MAX_REMEMBERED:
                self._known = {}
            known = self._known[credential] = _Known(principal, min(until, now + REMEMBERED_S))
        return known.principal

    def refuse_proxies(self, headers: Iterable[Header]) -> None:
        """Raise Unauthenticated for a request through a proxy, or a tunnel, to a server that lets everyone in.

        It was opened for those on this machine, and behind a proxy may be others.
        """
        if not self._access.required and any(name in PROXIED for name, _ in headers):
            raise Unauthenticated(
                "Expected a request from this machine itself, because this server knows no user and lets everyone in; "
                "got one that comes through a proxy. Make the first user with `garcom user add NAME --role admin`."
            )

    def caller(self, method: str, headers: Collection[Header], credential: bytes) -> Principal:
        """Who asks: by its own credential, as :meth:`identify` has it, or else by the session of a browser.

        A session that has ended is nobody's. Raises Forbidden where a page of another site is behind the request.
        """
        if credential and not credential.startswith(CERTIFICATE):
            return self.identify(credential)
        unsafe = method not in SAFE_METHODS
        if unsafe:
            self.sessions.refuse_foreign(headers)  # browsers show cookies and certificates to whichever page asks
        if credential:
            return self.identify(credential)
        token = self.sessions.token(headers)
        try:
            principal = self.identify(MARK + token.encode() if token else b"")
        except Unauthenticated:
            return NOBODY
        if unsafe and token and principal is not ANYBODY:
            self.sessions.check_request(token, headers)
        return principal

    def permit(self, principal: Principal, rule: Rule | None, model: str | None = None) -> None:
        """Let the principal pass, or raise why not.

        Unauthenticated for nobody, ModelNotFound for a model of which it may not even know, else Forbidden.
        """
        if rule is not None and rule.reach is Reach.PUBLIC:
            return
        if principal.kind == "nobody":
            raise _anonymous()
        if rule is None or rule.reach is Reach.KNOWN:
            return
        permission = rule.permission
        assert permission is not None
        if rule.reach is Reach.SOME:
            permitted = principal.models_with(permission) != frozenset()
        else:
            permitted = principal.may(permission, model if rule.reach is Reach.MODEL else None)
        if permitted:
            return
        if rule.reach is Reach.MODEL and not principal.may(Permission.DESCRIBE, model):
            raise unknown_model()
        what = {Reach.MODEL: f"for model {model!r}", Reach.SOME: "for any model", Reach.ALL: "for all models"}
        raise Forbidden(
            f"Expected a caller that may {permission.value.replace('_', ' ')} {what[rule.reach]}, got one whose roles "
            "do not permit it. Ask an administrator for the role; GET /v1/me tells those that you have."
        )

    def _prove(self, credential: bytes) -> tuple[Principal, float]:
        if len(credential) > MAX_CREDENTIAL_BYTES:
            raise refused()
        if credential.startswith(MARK):
            if self._verify_session is None:
                raise refused()
            return self._verify_session(credential[len(MARK) :].decode("latin-1"), self._access)
        if credential.startswith(CERTIFICATE):
            return self._certified(credential[len(CERTIFICATE) :].decode()), float("inf")
        if credential == TWO_CREDENTIALS:
            raise Unauthenticated(
                "Expected one Authorization or X-API-Key header, got two. Send the one that counts, once."
            )
        scheme, _, secret = credential.decode("latin-1").partition(" ")
        secret = secret.lstrip(" ")
        if scheme.lower() != _BEARER or not secret or not secret.isascii():
            raise refused()
        if secret.startswith(_KEY):
            return self._prove_key(secret)
        return self._verify_token(secret, self._access)

    def _certified(self, name: str) -> Principal:
        user = self._access.users.get(name)
        if user is None:
            raise Unauthenticated(
                "Expected a client certificate that names a user of this server, got one of another name. The setting "
                "tls.users names users for certificates."
            )
        return Principal(kind="certificate", name=name, grants=user.grants)

    def _prove_key(self, key: str) -> tuple[Principal, float]:
        # What is compared is a digest, so the time that it takes tells nothing of the key.
        digest = hashlib.sha256(key.encode()).hexdigest()
        listed = self._access.keys.get(digest)
        if listed is None:
            raise refused()
        self._note_key(digest)
        until = float("inf") if listed.expires_at is None else listed.expires_at.timestamp()
        return Principal(kind="key", name=listed.prefix, grants=listed.grants, limits=listed.limits), until


def certificate_credential(user: str | None) -> bytes:
    """What the certificate of a connection proves, as a credential; empty where it names nobody."""
    return CERTIFICATE + user.encode() if user else b""


def owner(subject: str, issued_at: datetime, access: AccessList) -> Principal:
    """The user or key that one of our tokens names, with the grants of now. Raises Unauthenticated.

    ``subject`` is ``user:NAME`` or ``key:PREFIX``.
    """
    kind, _, name = subject.partition(":")
    if kind == "user":
        user = access.users.get(name)
        if user is not None and issued_at >= _to_millisecond(user.sessions_from):
            return Principal(kind="user", name=name, grants=user.grants)
    elif kind == "key":
        now = datetime.now(UTC)
        for listed in access.keys.values():
            if listed.prefix == name and (listed.expires_at is None or listed.expires_at > now):
                return Principal(kind="key", name=name, grants=listed.grants, limits=listed.limits)
    raise refused()


def _to_millisecond(moment: datetime) -> datetime:
    """As exact as the moments in tokens are."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def unknown_model() -> ModelNotFound:
    """The same for a model that does not exist and for one of which the caller may not know."""
    return ModelNotFound("Expected the name of a model that you may use, got another. GET /v1/models tells them.")


def no_path(path: str) -> NotFound:
    """The same for a path that does not exist and for one of which the caller may not know."""
    return NotFound(f"Expected a path of this API, got {path[:200]!r}. /docs lists them.")


def _anonymous() -> Unauthenticated:
    return Unauthenticated(
        "Expected an API key or a token, as in `Authorization: Bearer gk_…`, got none. An administrator gives keys "
        "with `garcom api-key create`."
    )


def refused() -> Unauthenticated:
    """The same for whatever was wrong with a credential."""
    return Unauthenticated(
        "Expected a valid API key or token, as in `Authorization: Bearer gk_…`, got one that is wrong, expired or "
        "revoked."
    )
