"""How people can log in here, and where they find this server."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit


class LoginWays(NamedTuple):
    """What the login page offers."""

    #: What it calls the OpenID provider: its host. Empty without one.
    provider: str = ""
    #: Where browsers find this server; empty for where they asked.
    public_url: str = ""

    @classmethod
    def of(cls, issuer: str, public_url: str) -> LoginWays:
        """The ways of a server with this OpenID provider, or with none."""
        return cls(urlsplit(issuer).hostname or "", public_url)
