"""Admissions for tests of the control application."""

from __future__ import annotations

from pathlib import Path

from garcom.access.access_list import AccessList
from garcom.access.limits import Limiter
from garcom.http.admission import Admission
from garcom.http.gate import Gate
from garcom.http.hosts import Hosts
from garcom.http.token_owner import TokenOwners
from garcom.settings import LimitsSettings

HOST = (b"host", b"localhost")
OPEN = AccessList(revision=0, required=False)


def admission(folder: Path, access: AccessList | None = None, limits: LimitsSettings | None = None) -> Admission:
    """Of a server on loopback; without an access list, nobody is let in."""
    gate = Gate(TokenOwners("garcom", "garcom"))
    if access is not None:
        gate.follow(access)
    limiter = Limiter(limits or LimitsSettings(), folder, folder, 1)
    return Admission(Hosts((), "127.0.0.1"), gate, limiter, _nothing_new)


async def _nothing_new() -> bool:
    return False
