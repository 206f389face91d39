"""Logging in and out in a browser: by name and password, or at the OpenID provider.

The form carries a token bound to a cookie of its own, so that no other site can log a browser in as somebody else
(login CSRF; OWASP CSRF Prevention).
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from garcom.access.browser_logins import Arrival, Departure, PasswordLogin, Session
from garcom.controller.messages import ArriveFromProvider, DepartToProvider, LogIn, LogOut
from garcom.errors import Forbidden, GarcomError, InputError, NotFound, RateLimited, Unauthenticated, Unavailable
from garcom.http.bodies import read_short
from garcom.http.caller import address, asker, caller
from garcom.http.languages import reader_language
from garcom.http.login_page import login_page, still_logged_in
from garcom.http.login_ways import LoginWays
from garcom.http.page_frame import visitor_of
from garcom.http.parts import bodies, controller
from garcom.http.problems import status_of
from garcom.http.sessions import Sessions, local_path

router = APIRouter(include_in_schema=False)

_NOBODY = "nobody"
_MAX_FORM_BYTES = 16 * 1024
_FORM = "application/x-www-form-urlencoded"
#: Cookies of a login that is going on, and how long it may take.
_FORM_COOKIE, _PROVIDER_COOKIE = "garcom-login", "garcom-provider"
_LOGIN_S = 600
_ARRIVAL = "/login/provider/arrive"


@router.get("/login")
async def show_login(request: Request, next: str = "/") -> Response:
    """The page, or straight on for whoever is logged in already or need not be."""
    if caller(request).kind != "nobody":
        return _on(local_path(next))
    return _page(request, local_path(next))


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Begin a session with a name and a password."""
    sessions = _sessions(request)
    form = await _form(request)
    next_path = local_path(form.get("next", "/"))
    try:
        sessions.refuse_foreign(request.headers.raw)
        cookie = sessions.cookie(request.headers.raw, _FORM_COOKIE)
        sessions.check_csrf(_form_session(cookie), form.get("csrf_token", "") if cookie else "")
    except Forbidden as error:
        return _page(request, next_path, "stale", error)
    login = PasswordLogin(name=form.get("username", ""), password=form.get("password", ""))
    question = LogIn(by=_NOBODY, address=address(request))
    try:
        _, answer = await controller(request).ask(question, msgspec.json.encode(login))
    except (Unauthenticated, Unavailable) as error:
        return _page(request, next_path, _message(error), error)
    return _begin(request, msgspec.json.decode(answer, type=Session), next_path)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session; the form has to show the session's CSRF token."""
    sessions = _sessions(request)
    token = sessions.token(request.headers.raw)
    if token:
        try:
            sessions.refuse_foreign(request.headers.raw)
            sessions.check_csrf(token, (await _form(request)).get("csrf_token", ""))
        except Forbidden as error:
            return _stay(request, error)
        await controller(request).ask(LogOut(**asker(request)), token.encode())
    return _out(sessions)


@router.get("/login/provider")
async def depart(request: Request, next: str = "/") -> Response:
    """Send the browser to the provider."""
    _require_provider(request)
    question = DepartToProvider(redirect_uri=_redirect_uri(request), next=local_path(next))
    try:
        _, answer = await controller(request).ask(question)
    except Unavailable as error:
        return _page(request, local_path(next), "unavailable", error)
    departure = msgspec.json.decode(answer, type=Departure)
    response = _on(departure.url)
    response.headers.append("set-cookie", _sessions(request).set_cookie(_PROVIDER_COOKIE, departure.cookie, _LOGIN_S))
    return response


@router.get(_ARRIVAL)
async def arrive(request: Request, state: str = "", code: str = "", iss: str = "", error: str = "") -> Response:
    """Begin a session for who comes back from the provider."""
    _require_provider(request)
    cookie = _sessions(request).cookie(request.headers.raw, _PROVIDER_COOKIE)
    if error or not (cookie and state and code):
        refusal = Unauthenticated("The provider did not let this browser in, or the login was not begun here.")
        return _page(request, "/", "failed", refusal)
    question = ArriveFromProvider(by=_NOBODY, address=address(request), redirect_uri=_redirect_uri(request))
    arrival = Arrival(cookie=cookie, state=state, code=code, issuer=iss)
    try:
        _, answer = await controller(request).ask(question, msgspec.json.encode(arrival))
    except Unauthenticated as refused:
        return _page(request, "/", "failed", refused)
    except (Forbidden, Unavailable) as refused:
        return _page(request, "/", _message(refused), refused)
    session = msgspec.json.decode(answer, type=Session)
    return _begin(request, session, local_path(session.next))


def _page(request: Request, next_path: str, message: str = "", error: GarcomError | None = None) -> HTMLResponse:
    """The login page, with a new token for its form; the status is that of the error."""
    sessions = _sessions(request)
    cookie = sessions.cookie(request.headers.raw, _FORM_COOKIE) or secrets.token_urlsafe(32)
    response = login_page(
        reader_language(request),
        sessions.csrf(_form_session(cookie)),
        next_path,
        provider=_ways(request).provider,
        message=message,
    )
    if error is not None:
        response.status_code = status_of(error)
    if isinstance(error, Unavailable):
        response.headers["retry-after"] = str(error.retry_after_s)
    response.headers.append("set-cookie", sessions.set_cookie(_FORM_COOKIE, cookie, _LOGIN_S))
    return response


def _stay(request: Request, error: Forbidden) -> Response:
    """For a browser whose form could not end the session, a page with one that can; raises the error for others."""
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    visitor = visitor_of(request)
    if visitor is None:  # the session has ended already
        return _out(_sessions(request))
    response = still_logged_in(reader_language(request), visitor)
    response.status_code = status_of(error)
    return response


def _out(sessions: Sessions) -> Response:
    answer = _on("/login")
    answer.headers.append("set-cookie", sessions.set("", 0))
    return answer


def _begin(request: Request, session: Session, next_path: str) -> Response:
    sessions = _sessions(request)
    response = _on(next_path)
    response.headers.append("set-cookie", sessions.set(session.token, session.seconds))
    for name in (_FORM_COOKIE, _PROVIDER_COOKIE):
        response.headers.append("set-cookie", sessions.set_cookie(name, "", 0))
    return response


def _message(error: GarcomError) -> str:
    match error:
        case RateLimited():
            return "slowed"
        case Unavailable():
            return "unavailable"
        case Forbidden():
            return "no_role"
        case _:
            return "wrong"


def _form_session(cookie: str) -> str:
    """What the token of a login form is bound to; no session's token begins so."""
    return f"login {cookie}"


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, each once. Raises InputError."""
    body = await read_short(bodies(request), request.headers.raw, request.receive, _MAX_FORM_BYTES)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise InputError(f"Expected a body of {_FORM}, as the form of /login sends it.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError as error:
        raise InputError("Expected the fields of a form in the body, and it cannot be read.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InputError("Expected each field of the form once.")
    return fields


def _on(where: str) -> RedirectResponse:
    return RedirectResponse(where, HTTPStatus.SEE_OTHER)


def _redirect_uri(request: Request) -> str:
    base = _ways(request).public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    return f"{base}{_ARRIVAL}"


def _require_provider(request: Request) -> None:
    if not _ways(request).provider:
        raise NotFound("No OpenID provider is set up here. /login takes a name and a password.")


def _ways(request: Request) -> LoginWays:
    found: LoginWays = request.app.state.login_ways
    return found


def _sessions(request: Request) -> Sessions:
    found: Sessions = request.app.state.sessions
    return found
