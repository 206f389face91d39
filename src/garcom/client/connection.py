"""One server over HTTP: keep-alive, time limits, and asking again when that cannot do harm."""

from __future__ import annotations

import itertools
import re
import ssl
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import httpx

from garcom.addresses import is_loopback
from garcom.client.problems import failure
from garcom.client.retries import jitter, parse_retry_after, pause_s
from garcom.errors import Conflict, InputError, ServerUnavailable

#: Failures before a byte of the request went out: asking again cannot ask twice.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
#: Below the 10 s after which a server closes an idle connection, so that no request meets a closing one.
_IDLE_S = 5.0
_CONNECT_S = 5.0
#: What OpenSSL says of a certificate that is signed by nobody known, for another name, or past its end.
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"


class _Later(NamedTuple):
    """A failure after which asking again may succeed, and how long the server asked to wait."""

    error: ServerUnavailable
    wait_s: float


class Connection:
    """Sends requests to one server; safe to use from several threads at once.

    ``transport``, ``sleep``, ``now`` and ``uniform`` are seams for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        patience_s: float,
        headers: Mapping[str, str],
        verify: str | Path | ssl.SSLContext | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = jitter,
    ) -> None:
        if not (patience_s >= 0 and timeout_s > 0):
            raise InputError(f"Expected patience_s ≥ 0 and timeout_s > 0, got {patience_s} and {timeout_s}.")
        self.url = _checked_url(url)
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._now = now
        self._uniform = uniform
        self._http = httpx.Client(
            base_url=self.url,
            headers=dict(headers),
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S)),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=_IDLE_S),
            transport=transport,
            verify=_trusting(verify),
            # A proxy cannot reach this machine's own loopback addresses.
            trust_env=not is_loopback(self.url.host),
        )

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "*/*", retry: bool = True
    ) -> httpx.Response:
        """A 2xx answer, or the exception for another; asking again is always harmless here."""
        address = f"{path}?{httpx.QueryParams(query)}" if query else path
        return self._ask("GET", address, {"accept": accept}, b"", self._patience_s if retry else 0.0, harmless=True)

    def post(
        self,
        path: str,
        body: bytes,
        content_type: str,
        request_id: str | None = None,
        *,
        harmless: bool = False,
        digest: str = "",
    ) -> httpx.Response:
        """A 2xx answer, or the exception for another. ``harmless``: the same again would change nothing.

        ``digest`` is the body's, as Content-Digest has it (RFC 9530).
        """
        headers = {"content-type": content_type} | ({"content-digest": digest} if digest else {})
        if request_id is not None:
            headers["x-request-id"] = _checked_request_id(request_id)
        return self._ask("POST", path, headers, body, self._patience_s, harmless=harmless)

    def put(self, path: str, body: bytes, content_type: str) -> httpx.Response:
        """A 2xx answer, or the exception for another; the same again changes nothing."""
        return self._ask("PUT", path, {"content-type": content_type}, body, self._patience_s, harmless=True)

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes, patience_s: float, *, harmless: bool
    ) -> httpx.Response:
        if self._http.is_closed:
            raise Conflict(f"This client of {self.url} is closed, so it cannot ask. Make another Client.")
        request = self._http.build_request(method, path, headers=headers, content=body)
        deadline = self._now() + patience_s
        for attempt in itertools.count():
            outcome = self._once(request, attempt + 1, harmless=harmless)
            if isinstance(outcome, httpx.Response):
                return outcome
            left_s = deadline - self._now()
            if left_s <= outcome.wait_s:
                raise outcome.error
            self._sleep(min(left_s, pause_s(attempt, outcome.wait_s, self._uniform)))
        raise AssertionError("itertools.count ended")  # for the type checker: it does not know that it cannot

    def _once(self, request: httpx.Request, attempts: int, *, harmless: bool) -> httpx.Response | _Later:
        try:
            response = self._http.send(request)
        except httpx.RequestError as broken:
            if _UNTRUSTED in str(broken):
                raise self._untrusted(broken) from broken
            error = self._unreachable(broken, attempts)
            if not harmless and not isinstance(broken, _UNSENT):
                raise error from broken
            error.__cause__ = broken
            return _Later(error, 0.0)
        if response.is_success:
            return response
        if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            raise failure(response)
        wait_s = parse_retry_after(response.headers.get("retry-after"))
        return _Later(self._overloaded(response, attempts), wait_s or 0.0)

    def _unreachable(self, broken: httpx.RequestError, attempts: int) -> ServerUnavailable:
        why = str(broken) or type(broken).__name__
        if isinstance(broken, _UNSENT):
            return ServerUnavailable(
                f"No server can be reached at {self.url} (tried {_times(attempts)}): {why}. "
                "Start one with `garcom serve`, or give the address where it is."
            )
        if isinstance(broken, httpx.TimeoutException):
            return ServerUnavailable(
                f"The server at {self.url} did not answer within {self._timeout_s:g} s. It may have served the request "
                "all the same. Send fewer rows at once, or give a longer timeout_s."
            )
        return ServerUnavailable(
            f"The connection to {self.url} broke before the answer came: {why}. The server may have served the "
            "request all the same. Send it again if that does no harm."
        )

    def _untrusted(self, broken: httpx.RequestError) -> ServerUnavailable:
        return ServerUnavailable(
            f"The certificate of {self.url} is not trusted: {broken}. Give the PEM file of its authority, or the "
            "certificate itself if it is self-signed and you know its fingerprint: verify=… in Python, --ca-cert at "
            "the terminal."
        )

    def _overloaded(self, response: httpx.Response, attempts: int) -> ServerUnavailable:
        error = failure(response)
        return ServerUnavailable(f"{error} (asked {_times(attempts)})", error.status, error.problem)


def _times(attempts: int) -> str:
    return "once" if attempts == 1 else f"{attempts} times"


def _trusting(verify: str | Path | ssl.SSLContext | None) -> ssl.SSLContext | bool:
    """What httpx takes. Raises InputError for a file that holds no certificates, and for ``False``."""
    if verify is None or isinstance(verify, ssl.SSLContext):
        return verify or True
    if not isinstance(verify, str | Path):
        raise InputError(f"Expected verify as the path of a PEM file or as an ssl.SSLContext, got {verify!r}.")
    try:
        return ssl.create_default_context(cafile=verify)
    except OSError as error:
        raise InputError(f"Expected certificates in PEM in {verify}, and they cannot be read: {error}.") from error


def _checked_url(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(f"Expected the address of a server, such as http://127.0.0.1:8000, got {url!r}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise InputError(f"Expected the address of a server, such as http://127.0.0.1:8000, got {url!r}.")
    return parsed


def _checked_request_id(request_id: str) -> str:
    if not _REQUEST_ID.fullmatch(request_id):
        raise InputError(
            f"Expected a request id of 1 to 128 letters, digits, '.', '_', '~' and '-', got {request_id!r}."
        )
    return request_id
