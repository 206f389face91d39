from __future__ import annotations

import pytest

from garcom.errors import InputError, MisdirectedRequest
from garcom.http.hosts import Hosts

NOT_A_HOST = ["", " ", "a b", "a/b", "user@localhost", "localhost:http", "localhost:123456", "[::1", "::1", "a\tb", "é"]
LOCAL = ["localhost", "LOCALHOST", "localhost:8000", "localhost.", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8000"]
FOREIGN = ["evil.example", "localhost.evil.example", "evil.localhost", "127.0.0.1.nip.example", "127.0.0.2", "[::2]"]


@pytest.mark.parametrize("bound", ["127.0.0.1", "localhost", "::1"])
@pytest.mark.parametrize("host", LOCAL)
def test_on_a_loopback_address_its_own_names(bound: str, host: str) -> None:
    assert Hosts((), bound).allows(host.encode())


@pytest.mark.parametrize("host", FOREIGN + NOT_A_HOST)
def test_on_a_loopback_address_no_other_names(host: str) -> None:
    assert not Hosts((), "127.0.0.1").allows(host.encode())
    assert not Hosts(("ml.example.com",), "127.0.0.1").allows(host.encode())


def test_the_address_itself_is_a_name() -> None:
    assert Hosts((), "127.0.0.2").allows(b"127.0.0.2:8000")


def test_on_another_address_every_name_until_there_is_a_list() -> None:
    assert all(Hosts((), "0.0.0.0").allows(host.encode()) for host in LOCAL + FOREIGN)
    assert not any(Hosts((), "0.0.0.0").allows(host.encode()) for host in NOT_A_HOST)
    listed = Hosts(("ml.example.com",), "0.0.0.0")
    assert listed.allows(b"ml.example.com")
    assert not any(listed.allows(host.encode()) for host in LOCAL + FOREIGN)


@pytest.mark.parametrize(
    ("listed", "allowed", "refused"),
    [
        (
            "ml.example.com",
            ["ml.example.com", "ML.example.com:8443", "ml.example.com."],
            ["example.com", "a.ml.example.com"],
        ),
        ("ml.example.com:8443", ["ml.example.com:8443"], ["ml.example.com", "ml.example.com:443"]),
        ("*.example.com", ["a.example.com", "a.b.example.com:1"], ["example.com", "aexample.com", "example.com.evil"]),
        ("[2001:db8::1]", ["[2001:db8::1]", "[2001:DB8::1]:80"], ["[2001:db8::2]"]),
    ],
)
@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
def test_listed_names(bound: str, listed: str, allowed: list[str], refused: list[str]) -> None:
    hosts = Hosts((listed,), bound)
    assert [host for host in allowed if not hosts.allows(host.encode())] == []
    assert [host for host in refused if hosts.allows(host.encode())] == []


def test_the_public_address_is_a_name() -> None:
    assert Hosts((), "127.0.0.1", "https://ml.example.com").allows(b"ml.example.com")
    assert Hosts(("other",), "0.0.0.0", "https://ml.example.com:8443").allows(b"ml.example.com:8443")
    # It alone makes no list: health checks go on to ask by address.
    assert Hosts((), "0.0.0.0", "https://ml.example.com").allows(b"10.0.0.5:8000")


def test_what_a_request_hears() -> None:
    hosts = Hosts((), "127.0.0.1")
    hosts.check([(b"accept", b"*/*"), (b"host", b"localhost")])
    with pytest.raises(InputError, match="Expected one Host header, got 0"):
        hosts.check([(b"accept", b"*/*")])
    with pytest.raises(InputError, match="Expected one Host header, got 2"):
        hosts.check([(b"host", b"localhost"), (b"host", b"localhost")])
    with pytest.raises(MisdirectedRequest, match=r"got 'evil\.example'"):
        hosts.check([(b"host", b"evil.example")])


def test_many_names_do_not_fill_the_memory() -> None:
    hosts = Hosts((), "127.0.0.1")
    for number in range(10_000):
        assert not hosts.allows(b"%d.example" % number)
    assert hosts.allows(b"localhost")
    assert len(hosts._found) < 1000
