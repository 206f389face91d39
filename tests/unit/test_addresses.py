from __future__ import annotations

import pytest

from garcom.addresses import Proxies, is_loopback
from garcom.errors import SettingsError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "localhost.example.com"])
def test_others(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("peer", "forwarded", "origin"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # who is not trusted may say what they want
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2,10.0.0.3 "], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["<script>"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
        ("2001:db8::1", ["2001:db8:ffff::9"], "2001:db8:ffff::9"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_behind_proxies(peer: str, forwarded: list[str], origin: str) -> None:
    assert Proxies(["10.0.0.0/8", "2001:db8::1"]).origin(peer, forwarded) == origin


def test_nobody_is_believed_unless_it_is_said() -> None:
    assert Proxies().origin("127.0.0.1", ["198.51.100.1"]) == "127.0.0.1"


def test_what_is_no_network() -> None:
    with pytest.raises(SettingsError, match="trusted_proxies"):
        Proxies(["10.0.0.0/99"])
