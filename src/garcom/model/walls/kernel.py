"""Calls of the Linux kernel that Python has no functions for, by ctypes.

Every function raises :class:`OSError`. Numbers: ``arch/x86/entry/syscalls/syscall_64.tbl`` and
``include/uapi/asm-generic/unistd.h`` of Linux; the other constants: ``include/uapi/linux/``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

#: Machines whose numbers are known, by the column that they have in tables of calls.
MACHINES = {"x86_64": 0, "aarch64": 1}
_NUMBERS = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "capset": (126, 91),
    "seccomp": (317, 277),
    "sethostname": (170, 161),
    "mount_setattr": (442, 442),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
_AT_RECURSIVE = 0x8000
_AT_FDCWD = -100

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4


def machine() -> int | None:
    """The column of this machine in tables of calls; None where it has none."""
    known = sys.platform == "linux" and sys.maxsize > 2**32 and sys.byteorder == "little"
    return MACHINES.get(platform.machine()) if known else None


def call(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a call of the kernel by its name."""
    column = machine()
    if column is None:
        raise OSError(0, f"the calls of {platform.system()} on {platform.machine()} are not known")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    as_long = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(name, libc.syscall(ctypes.c_long(_NUMBERS[name][column]), *as_long))


def prctl(option: int, *arguments: int) -> int:
    """``prctl(2)``."""
    libc = ctypes.CDLL(None, use_errno=True)
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked("prctl", libc.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, padded)))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """``mount(2)``."""
    call("mount", *(os.fsencode(each) for each in (source, target, kind)), flags, os.fsencode(data))


def restrict_mount(path: str, attributes: int, *, below: bool) -> None:
    """Add MS_RDONLY, MS_NOSUID, MS_NODEV or MS_NOEXEC to a mount, and to all below it; ``mount_setattr(2)``."""
    # struct mount_attr: attr_set, attr_clr, propagation, userns_fd; the four flags have the same values there.
    attribute = b"".join(number.to_bytes(8, "little") for number in (attributes, 0, 0, 0))
    call("mount_setattr", _AT_FDCWD, os.fsencode(path), _AT_RECURSIVE if below else 0, attribute, len(attribute))


def _checked(name: str, result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
