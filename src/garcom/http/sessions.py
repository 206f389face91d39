"""Sessions of browsers: the cookie that holds one, and the CSRF token without which it changes nothing.

A cookie goes along with every request to this server, whoever caused it; so a request that could change something must
show, too, what only a page of this server knows (OWASP CSRF Prevention: a token bound to the session by an HMAC).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from garcom.access.seals import Seal
from garcom.errors import Forbidden

Header = tuple[bytes, bytes]

#: Methods that change nothing (RFC 9110 §9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Begins a credential that came in a cookie. No header can hold this byte: nobody can send a session as anything else.
MARK = b"\0session "

_CSRF = "csrf"
_CSRF_HEADER = b"x-csrf-token"
#: Where a login may lead to: a path of this server. Browsers take ``//host`` and ``/\\host`` for another one.
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")


class Sessions:
    """Reads and writes the cookie.

    ``secure`` says that browsers reach the server by TLS: the cookie then never travels otherwise, and no other host
    of the domain can set it (``__Host-``, RFC 6265bis §4.1.3.2). ``origins`` are others whose pages may ask here.
    """

    def __init__(
        self, seal: Seal, *, secure: bool = False, public_url: str = "", origins: Collection[str] = ()
    ) -> None:
        self._seal = seal
        self._secure = secure
        self._prefix = "__Host-" if secure else ""
        self._origins = frozenset(origin.encode() for origin in (*origins, *([public_url] if public_url else ())))

    def token(self, headers: Iterable[Header]) -> str:
        """The session's token; empty where there is none."""
        return self.cookie(headers, "garcom")

    def check_request(self, token: str, headers: Iterable[Header]) -> None:
        """Raises Forbidden for an unsafe request of a session that does not show the session's CSRF token."""
        self.check_csrf(token, _value(headers, _CSRF_HEADER).decode("latin-1"))

    def csrf(self, token: str) -> str:
        """What a page of this session sends along, as header ``X-CSRF-Token`` or form field ``csrf_token``."""
        return self._seal.mark(_CSRF, token)

    def check_csrf(self, token: str, given: str) -> None:
        """Raises Forbidden for a CSRF token that is not that of the session, or of the login form, with this token."""
        if not given.isascii() or not self._seal.fits(given, _CSRF, token):
            raise Forbidden(
                "Expected the CSRF token of this session in the header X-CSRF-Token, because the request comes with "
                "the cookie of a browser; got another, or none. Load the page again."
            )

    def refuse_foreign(self, headers: Iterable[Header]) -> None:
        """Raises Forbidden for a request that a page of another origin has caused, as its browser says.

        Browsers that say nothing are not believed to come from here: the CSRF token decides about them.
        """
        host = origin = site = b""
        for name, value in headers:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
        # Under `Referrer-Policy: no-referrer` a form of our own is sent with the origin null.
        told = origin not in (b"", b"null")
        if told and (origin in self._origins or origin.rpartition(b"//")[2].lower() == host.lower()):
            return
        if told or site not in (b"", b"same-origin", b"none"):
            raise Forbidden(
                "Expected a request of a page of this server, or of an origin in the setting access.cors_origins, got "
                "one of another site's page. Behind a proxy, set access.public_url."
            )

    def set(self, token: str, seconds: int) -> str:
        """The Set-Cookie header that begins a session; 0 seconds end it."""
        return self.set_cookie("garcom", token, seconds)

    def cookie(self, headers: Iterable[Header], name: str) -> str:
        """One of our cookies; empty where there is none, or several claim its name."""
        wanted = f"{self._prefix}{name}="
        found = [
            part[len(wanted) :]
            for header, value in headers
            if header == b"cookie"
            for part in value.decode("latin-1").split("; ")
            if part.startswith(wanted)
        ]
        return found[0] if len(found) == 1 and found[0].isascii() else ""

    def set_cookie(self, name: str, value: str, seconds: int) -> str:
        """The Set-Cookie header for a cookie that no script reads and no other site's form brings along."""
        secure = "; Secure" if self._secure else ""
        return f"{self._prefix}{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"


def local_path(text: str) -> str:
    """Where a login leads to: the path, if it is one of this server, or the start page."""
    return text if _LOCAL_PATH.fullmatch(text) else "/"


def _value(headers: Iterable[Header], wanted: bytes) -> bytes:
    return next((value for name, value in headers if name == wanted), b"")
