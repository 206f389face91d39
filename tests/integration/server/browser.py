"""A browser for the tests: it keeps cookies, follows what it is told to, and fills in forms."""

from __future__ import annotations

import re
from html import unescape
from types import TracebackType

import httpx

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


class Browser:
    """One browser at one server."""

    def __init__(self, port: int, **headers: str) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(
            base_url=self.origin, headers={"accept": "text/html", **headers}, timeout=20, trust_env=False
        )

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def cookies(self) -> httpx.Cookies:
        return self._http.cookies

    def get(self, path: str, *, follow: bool = False, **headers: str) -> httpx.Response:
        return self._http.get(path, headers=headers, follow_redirects=follow)

    def send(self, method: str, path: str, **headers: str) -> httpx.Response:
        return self._http.request(method, path, headers={"accept": "*/*", **headers})

    def post_json(self, path: str, value: object, **headers: str) -> httpx.Response:
        return self._http.post(path, json=value, headers=headers)

    def submit(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        return self._http.post(path, data=fields, headers=headers)

    def form(self, path: str) -> dict[str, str]:
        """The hidden fields of the form on a page."""
        return {name: unescape(value) for name, value in _HIDDEN.findall(self.get(path).text)}

    def csrf(self) -> str:
        """The token that a page of this session sends along."""
        return self.form("/docs/problems")["csrf_token"]

    def log_in(self, name: str, password: str, next_path: str = "/") -> httpx.Response:
        form = self.form(f"/login?next={next_path}")
        return self.submit("/login", {**form, "username": name, "password": password})
