"""Addresses: which only this machine reaches, and where a request comes from behind proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from garcom.errors import SettingsError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address (``[::1]`` too), is this machine's own and nobody else's."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Proxies:
    """The proxies that are believed. Raises SettingsError for what is neither an address nor a network."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        try:
            self._networks = tuple(ipaddress.ip_network(each, strict=False) for each in trusted)
        except ValueError as error:
            raise SettingsError(f"access.trusted_proxies: expected addresses or networks, but {error}.") from error

    def origin(self, peer: str, forwarded: Iterable[str]) -> str:
        """Where a request comes from: the nearest address that is no trusted proxy's.

        ``peer`` is who has connected, ``forwarded`` are the values of ``X-Forwarded-For``, to which each proxy has
        added whom it served. What stands before an address that is not trusted may have been made up, and does not
        count; nor does what is no address.
        """
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        origin = peer
        while hops and self._trusts(origin):
            hop = hops.pop()
            if not _is_address(hop):
                break
            origin = hop
        return origin

    def _trusts(self, address: str) -> bool:
        if not self._networks or not _is_address(address):
            return False
        found = ipaddress.ip_address(address)
        return any(found in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
