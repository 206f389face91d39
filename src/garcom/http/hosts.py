"""The names under which this server may be asked: a page that points its own name at 127.0.0.1 gets nothing.

Without this, any page in a browser on this machine could have its own name resolved to a loopback address and then
talk to the server as if it were its own (DNS rebinding). Source: RFC 9110 §7.2 and §15.5.20.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from garcom.addresses import is_loopback
from garcom.errors import InputError, MisdirectedRequest

Header = tuple[bytes, bytes]

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._~-]{1,253}?)\.?(?P<port>:[0-9]{0,5})?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
#: Whoever sends many names must not fill the memory.
_MOST_REMEMBERED = 256


class Hosts:
    """The allow-list.

    ``allowed`` are names as ``ml.example.com`` (any port), ``ml.example.com:8443`` or ``*.example.com``. ``bound`` is
    the address that the server listens on. On a loopback address its own names are allowed too, and nothing else that
    is neither listed nor the host of ``public_url``. On any other address an empty list allows every name that can be
    one: who may ask is decided there by credentials, which a browser never sends for a foreign name.
    """

    def __init__(self, allowed: Iterable[str], bound: str, public_url: str = "") -> None:
        named = [name.lower() for name in allowed]
        local = is_loopback(bound)
        self._any = not local and not named
        named += [public_url.rpartition("/")[2].lower()] if public_url else []
        own = (*_LOOPBACK, f"[{bound}]" if ":" in bound else bound) if local else ()
        self._exact = frozenset({*named, *own})
        self._suffixes = tuple(name[1:] for name in named if name.startswith("*."))
        self._found: dict[bytes, bool] = {}

    def allows(self, host: bytes) -> bool:
        """Whether a Host header names this server."""
        found = self._found.get(host)
        if found is None:
            found = self._find(host)
            if len(self._found) < _MOST_REMEMBERED:
                self._found[host] = found
        return found

    def check(self, headers: Iterable[Header]) -> None:
        """Raises InputError for no Host header or several, and MisdirectedRequest for one that names another server."""
        # An empty one is none: granian makes it up where there is no header.
        hosts = [value for name, value in headers if name == b"host" and value]
        if len(hosts) != 1:
            raise InputError(f"Expected one Host header, got {len(hosts)}.")
        if not self.allows(hosts[0]):
            raise MisdirectedRequest(
                f"Expected a name of this server in the Host header, got {hosts[0][:100].decode('latin-1')!r}. Whoever "
                "runs it lists its names in the setting access.allowed_hosts."
            )

    def _find(self, host: bytes) -> bool:
        parts = _HOST.fullmatch(host.decode("latin-1").lower())
        if parts is None:
            return False
        name, port = parts["name"], parts["port"] or ""
        return self._any or name in self._exact or f"{name}{port}" in self._exact or name.endswith(self._suffixes)
