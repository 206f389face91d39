"""Passwords that are tried out: after failures, the next attempt is refused until a while has passed.

An attempt that comes too early is refused at once with how long to wait, and its password is not even looked at;
nothing is held open. Failures are counted three ways, because each alone would fail:

* of one account from one network: three are free, then 1, 2, 4 … seconds, up to 15 minutes. It ends guessing.
* of one network, whatever the account: twenty are free, then likewise. It ends trying one password on many accounts.
* of one account, wherever from: forty are free, then likewise, but up to one minute. It slows many networks that guess
  together.

To the last, one network adds at most five failures: whoever sits behind one address can slow an account for that
address only, and its owner gets in from any other. Nor are networks from which the account has logged in before bound
by the last two (a "known device"; OWASP Authentication Cheat Sheet), so that many attackers cannot keep the owner out.
Who shares a network with an attacker, such as behind one proxy that tells no addresses, shares its delays.

A network is an IPv4 address or an IPv6 /64, which is what one customer gets. All of it is kept in the controller's
memory, is the same for all workers, and begins anew when the controller does. Memory is bounded: of each sort the ten
thousand last touched are kept. Credentials of 32 random bytes (API keys, refresh tokens) are not slowed: nobody guesses
them.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from garcom.errors import RateLimited

#: Failures are forgotten when none has come for so long.
FORGOTTEN_S = 3600.0
MAX_ENTRIES = 10_000
#: What one network adds to the failures of an account, at the most.
SHARE = 5


class _Failures(NamedTuple):
    number: int
    last: float


class _Counter:
    """Failures by name, as many names as there is room for; the one longest untouched goes first."""

    def __init__(self, free: int, longest_s: float, room: int) -> None:
        self._free = free
        self._longest_s = longest_s
        self._room = room
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, name: str, now: float) -> float:
        """How long the next attempt has to wait; 0 when it may come."""
        number, last = self._living(name, now)
        over = number - self._free
        if over <= 0:
            return 0.0
        # Past 2**30 s any bound is reached; the exponent stays small.
        return max(0.0, last + min(2.0 ** min(over - 1, 30), self._longest_s) - now)

    def count(self, name: str, now: float) -> int:
        """How many failures there are."""
        return self._living(name, now).number

    def add(self, name: str, now: float) -> None:
        """One failure more."""
        self._put(name, _Failures(self._living(name, now).number + 1, now))

    def take_back(self, name: str, now: float) -> None:
        """One failure less: the attempt was none."""
        number, last = self._living(name, now)
        if number > 1:
            self._put(name, _Failures(number - 1, last))
        else:
            self.clear(name)

    def clear(self, name: str) -> None:
        """Forget them."""
        self._failures.pop(name, None)

    def _living(self, name: str, now: float) -> _Failures:
        found = self._failures.get(name)
        return _Failures(0, now) if found is None or now - found.last > FORGOTTEN_S else found

    def _put(self, name: str, failures: _Failures) -> None:
        self._failures[name] = failures
        self._failures.move_to_end(name)
        if len(self._failures) > self._room:
            self._failures.popitem(last=False)

    def __len__(self) -> int:
        return len(self._failures)


class Slowdown:
    """The attempts at passwords on one node; threads may share it. ``clock`` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, room: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._room = room
        self._lock = threading.Lock()
        self._pairs = _Counter(free=3, longest_s=900.0, room=room)
        self._networks = _Counter(free=20, longest_s=900.0, room=room)
        self._accounts = _Counter(free=40, longest_s=60.0, room=room)
        #: Pairs of account and network that have logged in.
        self._known: OrderedDict[str, None] = OrderedDict()

    def begin(self, account: str, address: str) -> None:
        """Take one attempt, or raise RateLimited with how long to wait.

        It counts as failed until :meth:`succeeded` says otherwise: many attempts at the same time are many failures.
        """
        account, network, pair = _names(account, address)
        with self._lock:
            now = self._clock()
            wait_s = self._pairs.wait_s(pair, now)
            if pair not in self._known:
                wait_s = max(wait_s, self._networks.wait_s(network, now), self._accounts.wait_s(account, now))
            if wait_s > 0.0:
                raise RateLimited(
                    "Too many logins have failed. Expected the next attempt after the time that Retry-After tells; "
                    "this one was not looked at.",
                    math.ceil(wait_s),
                )
            if self._pairs.count(pair, now) < SHARE:
                self._accounts.add(account, now)
            self._pairs.add(pair, now)
            self._networks.add(network, now)

    def succeeded(self, account: str, address: str) -> None:
        """The attempt that was begun was right.

        Only the failures of this account from this network are forgotten: an attacker who has an account, too, does
        not get new attempts at others by logging in.
        """
        account, network, pair = _names(account, address)
        with self._lock:
            now = self._clock()
            if self._pairs.count(pair, now) <= SHARE:
                self._accounts.take_back(account, now)
            self._pairs.clear(pair)
            self._networks.take_back(network, now)
            self._known[pair] = None
            self._known.move_to_end(pair)
            if len(self._known) > self._room:
                self._known.popitem(last=False)

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._pairs) + len(self._networks) + len(self._accounts) + len(self._known)


def _names(account: str, address: str) -> tuple[str, str, str]:
    network = network_of(address)
    account = account.casefold()[:200]
    return account, network, f"{network} {account}"


def network_of(address: str) -> str:
    """The network that an address counts for: an IPv4 address, mapped into IPv6 or not, or the /64 of an IPv6 one.

    What is no address stands for itself, such as the empty name of a local socket.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
        ip = ip.ipv4_mapped
    return str(ip)
