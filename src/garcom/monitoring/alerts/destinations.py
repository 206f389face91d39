"""Where messages go. An address holds secrets: nothing but its scheme, and the host where it has one, is ever shown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from garcom.errors import SettingsError
from garcom.handwritten import unreadable
from garcom.settings import AlertSettings

#: The schemes whose addresses name a host after ``//``; those of others (``tgram``, ``slack``) have a secret there.
_WITH_HOST = frozenset({"http", "https", "json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
#: Such a file is a few lines.
_LARGEST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Destination:
    """One receiver. ``key`` tells it from others without telling its address; ``shown`` is what people may see."""

    url: str = field(repr=False)
    key: str
    shown: str


def destinations(settings: AlertSettings) -> tuple[Destination, ...]:
    """The receivers of the settings, each once. Raises SettingsError, which repeats no address."""
    named = [(f"alerts.to, number {position}", url) for position, url in enumerate(settings.to, 1)]
    found = {url: _destination(where, url) for where, url in (*named, *_in_file(settings.to_file))}
    return tuple(found.values())


def signing_secret(settings: AlertSettings) -> bytes:
    """What signs messages to webhooks; empty where nothing does. Raises SettingsError."""
    if not settings.secret_file:
        return b""
    secret = _read("alerts.secret_file", Path(settings.secret_file)).strip()
    if len(secret) < 16:
        raise SettingsError(
            f"alerts.secret_file: expected at least 16 bytes in {settings.secret_file}, got {len(secret)}. "
            "`openssl rand -hex 32` makes a good secret."
        )
    return secret


def _in_file(name: str) -> Iterator[tuple[str, str]]:
    if name:
        lines = _read("alerts.to_file", Path(name)).decode("utf-8", "replace").splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield f"alerts.to_file, line {number}", line.strip()


def _read(setting: str, path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST_BYTES)
    except OSError as error:
        raise SettingsError(f"{setting}: expected a file at {path}, and {unreadable(error)}.") from None


def _destination(where: str, url: str) -> Destination:
    scheme = _SCHEME.fullmatch(url)
    if scheme is None:
        raise SettingsError(
            f"{where}: expected an address such as mailtos://user:password@example.com?to=team@example.com, "
            "https://example.com/hook or slack://…, got something else (not shown: it may hold a secret)."
        )
    try:
        host = urlsplit(url).hostname
    except ValueError:  # its text repeats the address
        raise SettingsError(
            f"{where}: expected an address whose host can be read, got one with a bracket that does not belong to an "
            "IPv6 address (not shown: it may hold a secret). In a name or a password write %5B for [ and %5D for ]."
        ) from None
    shown = host if host and scheme[1].lower() in _WITH_HOST else "…"
    return Destination(url, hashlib.sha256(url.encode()).hexdigest()[:16], f"{scheme[1].lower()}://{shown}")
