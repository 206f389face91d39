"""Keeps a worker's TLS certificate the newest there is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from garcom.settings import Settings
from garcom.tls.contexts import Contexts
from garcom.tls.files import tls_files

#: How often the files are looked at.
FOLLOW_S = 0.5
#: How often the end of a self-signed certificate is looked at; it is renewed weeks before.
RENEW_S = 6 * 3600.0


def contexts_of(settings: Settings) -> Contexts | None:
    """The TLS contexts of a server; None for one that speaks plain HTTP."""
    tls = settings.tls
    files = tls_files(Path(settings.home), tls)
    if files is None:
        return None
    required = tls.client_certificates == "required"
    return Contexts(files, clients_required=required, min_version=tls.min_version)


async def follow(contexts: Contexts, settings: Settings, on_change: Callable[[], None] = lambda: None) -> None:
    """Load the files again whenever they change, for ever; ``on_change`` is called after each time."""
    renewed = time.monotonic()
    while True:
        await asyncio.sleep(FOLLOW_S)
        if settings.tls.self_signed and time.monotonic() - renewed > RENEW_S:
            renewed = time.monotonic()
            await asyncio.to_thread(_renew, contexts, settings)
        if contexts.reload():
            on_change()


def _renew(contexts: Contexts, settings: Settings) -> None:
    from garcom.tls.self_signed import ensure_self_signed

    ensure_self_signed(Path(settings.home), contexts.files, settings.host)
