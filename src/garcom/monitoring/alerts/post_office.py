"""Takes a message to its receiver: webhooks by ourselves, everything else by apprise.

Imported by whoever delivers and by nobody else: apprise takes a quarter of a second to load.
"""

from __future__ import annotations

import logging
import re
import warnings
from datetime import datetime
from urllib.parse import unquote, urlsplit

import apprise

from garcom.errors import DeliveryFailed, SettingsError
from garcom.monitoring.alerts import webhook
from garcom.monitoring.alerts.destinations import Destination
from garcom.monitoring.alerts.messages import Message

# What it logs may hold addresses with their secrets.
_LOGGER = logging.getLogger("apprise")
_LOGGER.propagate = False
_LOGGER.addHandler(logging.NullHandler())
logging.getLogger("urllib3").setLevel(logging.WARNING)
with warnings.catch_warnings():
    # Its services are loaded by the first address, and one of them needs a module of Python's own that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    apprise.Apprise.instantiate("json://localhost")

#: Parts of an address that are too short to be secrets, and would be found in many words.
_SHORTEST_SECRET = 4
_BETWEEN = re.compile(r"[/:@?&=,;+\s]+")


class PostOffice:
    """Delivers messages; those to webhooks are signed with the secret, unless that is empty."""

    def __init__(self, secret: bytes = b"") -> None:
        self._secret = secret

    def deliver(self, destination: Destination, message: Message, now: datetime) -> None:
        """Take a message to a receiver. Raises DeliveryFailed, whose text repeats nothing of the address."""
        if is_webhook(destination.url):
            webhook.post(destination.url, message, self._secret, now)
        else:
            _notify(destination.url, message)


def is_webhook(url: str) -> bool:
    """Whether an address gets JSON of our own: every web address but those of services that apprise knows."""
    return urlsplit(url).scheme.lower() in ("http", "https") and _service(url) is None


def check(destinations: tuple[Destination, ...]) -> None:
    """Raises SettingsError for an address that nothing can be sent to."""
    for destination in destinations:
        if not is_webhook(destination.url) and _service(destination.url) is None:
            raise SettingsError(
                f"alerts.to: expected an address that apprise knows, and {destination.shown} is none, or something is "
                "missing in it. https://github.com/caronc/apprise/wiki lists them."
            )


def _service(url: str) -> apprise.NotifyBase | None:
    found: apprise.NotifyBase | None = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    return found


def _notify(url: str, message: Message) -> None:
    service = _service(url)
    if service is None:
        raise DeliveryFailed("its address is none that apprise knows")
    sender = apprise.Apprise()
    sender.add(service)
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        is_taken = sender.notify(
            title=message.title, body=message.text, notify_type=_kind(message), body_format=apprise.NotifyFormat.TEXT
        )
        why = said.getvalue().strip().partition("\n")[0]
    if not is_taken:
        raise DeliveryFailed(_without_secrets(why, url)[:300] or "it did not take the message")


def _kind(message: Message) -> apprise.NotifyType:
    going_on = {told.severity for told in message.alerts if told.happened != "resolved"}
    if not going_on:
        return apprise.NotifyType.SUCCESS if message.alerts else apprise.NotifyType.INFO
    if "critical" in going_on:
        return apprise.NotifyType.FAILURE
    return apprise.NotifyType.WARNING if "warning" in going_on else apprise.NotifyType.INFO


def _without_secrets(text: str, url: str) -> str:
    """A text without anything that stands in an address after its scheme, however it was written there."""
    after = url.partition("://")[2]
    parts = {after, *_BETWEEN.split(after), *_BETWEEN.split(unquote(after))}
    parts |= {unquote(part) for part in parts}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = text.replace(part, "…")
    return text
