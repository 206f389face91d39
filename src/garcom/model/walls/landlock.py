"""Landlock: of the files only Python's libraries, for reading; no TCP, no abstract socket, no signal to others.

The second lock on the same door as :mod:`.files`. Source: ``include/uapi/linux/landlock.h`` and
https://docs.kernel.org/userspace-api/landlock.html.
"""

from __future__ import annotations

import ctypes
import os
import struct

from garcom.model.walls import kernel

_VERSION = 1
_PATH_BENEATH = 1
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
#: How many kinds of access to files each version of the interface knows.
_FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_BITS_SINCE_5 = 16
_TCP_BIND_AND_CONNECT = 0b11  # since 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # since 6


def version() -> int:
    """The version of the interface that this kernel has. Raises :class:`OSError` where it has none."""
    return kernel.call("landlock_create_ruleset", None, 0, _VERSION)


def restrict(readable: list[str], writable: tuple[str, ...]) -> int:
    """Leave nothing of the files but these, the second ones (devices) for writing too; gives the version.

    Needs no_new_privs. Raises :class:`OSError`.
    """
    known = version()
    attribute = struct.pack(
        "<QQQ",
        (1 << _FILE_BITS.get(known, _FILE_BITS_SINCE_5)) - 1,
        _TCP_BIND_AND_CONNECT if known >= 4 else 0,
        _ABSTRACT_SOCKETS_AND_SIGNALS if known >= 6 else 0,
    )
    # An older kernel knows only the first fields.
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    rules = kernel.call("landlock_create_ruleset", attribute[:size], size, 0)
    try:
        for path in readable:
            _allow(rules, path, _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE)
        for path in writable:
            _allow(rules, path, _READ_FILE | _WRITE_FILE)
        kernel.call("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)
    return known


def _allow(rules: int, path: str, access: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = ctypes.create_string_buffer(struct.pack("<Qi", access, place), 12)
        kernel.call("landlock_add_rule", rules, _PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
