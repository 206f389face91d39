"""Seccomp: a filter over the kernel's calls, which refuses what is not in :mod:`.calls`.

A refused call fails with EPERM, so that a model which tries what it may not gets an exception rather than ends. A call
for another architecture, whose numbers mean other things, ends the process. Source: ``seccomp(2)``,
``include/uapi/linux/{seccomp,filter,bpf_common}.h``.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from garcom.model.walls import kernel
from garcom.model.walls.calls import ALLOWED, CONDITIONAL, UNKNOWN

#: AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64.
_ARCHITECTURES = (0xC000003E, 0xC00000B7)
#: On x86_64, numbers from here on are those of the x32 ABI.
_X32 = 0x40000000

_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_SET_MODE_FILTER, _TO_ALL_THREADS = 1, 1

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4

# clone(2): a thread has to share the memory, and to stay in every namespace.
_CLONE_THREAD = 0x10000 | 0x100
_CLONE_NEW = 0x7E020080
# mmap(2): shared memory without a file counts for no limit. Of the flags only SHARED, PRIVATE, FIXED, ANONYMOUS,
# 32BIT, DENYWRITE, EXECUTABLE, NORESERVE, POPULATE, NONBLOCK, STACK and FIXED_NOREPLACE: what grows downwards counts as
# a stack, not as memory that may be written, and huge pages come from another store.
_SHARED, _ANONYMOUS = 0x01, 0x20
_OTHER_FLAGS = 0xFFFFFFFF & ~0x13D873
#: prctl(2): the name of a thread, read or written, and of a piece of memory.
_PRCTL = (15, 16, 0x53564D41)
#: ioctl(2): FIOCLEX, FIONCLEX, FIONBIO, FIONREAD, TCGETS.
_IOCTL = (0x5451, 0x5450, 0x5421, 0x541B, 0x5401)
#: fcntl(2): copies and flags of a descriptor; F_DUPFD_CLOEXEC. Locks are memory of the kernel's that no limit counts.
_FCNTL = (0, 1, 2, 3, 4, 1030)

#: code, where to go on if true and if false (so many instructions further), operand
Instruction = tuple[int, int, int, int]


def restrict() -> None:
    """Put the filter over this process, all its threads and all that it may become. Needs no_new_privs.

    Raises :class:`OSError`.
    """
    column = kernel.machine()
    if column is None:
        raise OSError(0, "there is no filter for this machine")
    code = b"".join(struct.pack("<HBBI", *instruction) for instruction in program(column))
    body = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: the number of instructions, padding, and where they are.
    head = struct.pack("<H6xQ", len(code) // 8, ctypes.addressof(body))
    if kernel.call("seccomp", _SET_MODE_FILTER, _TO_ALL_THREADS, head):
        raise OSError(errno.EBUSY, "a thread could not be put under the filter")


def program(column: int) -> list[Instruction]:
    """The filter for a machine, by its column in the tables."""
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[column]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
    ]
    conditions = _conditions()
    for name, numbers in CONDITIONAL.items():
        code += _if_number(numbers[column], conditions[name])
    for allowed in ALLOWED.values():
        number = allowed[column]
        if number is not None:
            code += _if_number(number, [(_RETURN, 0, 0, _ALLOW)])
    for numbers in UNKNOWN.values():
        code += _if_number(numbers[column], [(_RETURN, 0, 0, _REFUSE | errno.ENOSYS)])
    return [*code, (_RETURN, 0, 0, _REFUSE | errno.EPERM)]


def _if_number(number: int, then: list[Instruction]) -> list[Instruction]:
    return [(_EQUAL, 0, len(then), number), *then]


def _conditions() -> dict[str, list[Instruction]]:
    allow, refuse = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE | errno.EPERM)
    return {
        "clone": [
            (_LOAD, 0, 0, _low(0)),
            (_AND, 0, 0, _CLONE_THREAD | _CLONE_NEW),
            (_EQUAL, 0, 1, _CLONE_THREAD),
            allow,
            refuse,
        ],
        "mmap": [
            (_LOAD, 0, 0, _low(3)),
            (_AND, 0, 0, _OTHER_FLAGS),
            (_EQUAL, 0, 4, 0),
            (_LOAD, 0, 0, _low(3)),
            (_AND, 0, 0, _SHARED | _ANONYMOUS),
            (_EQUAL, 1, 0, _SHARED | _ANONYMOUS),
            allow,
            refuse,
        ],
        # Limits are read, not set: the pointer to the new one has to be null, in both halves.
        "prlimit64": [
            (_LOAD, 0, 0, _low(2)),
            (_EQUAL, 0, 3, 0),
            (_LOAD, 0, 0, _low(2) + 4),
            (_EQUAL, 0, 1, 0),
            allow,
            refuse,
        ],
        # Signals go to the process itself, which is number 1 where it lives.
        "tgkill": _one_of(0, (1,)),
        "prctl": _one_of(0, _PRCTL),
        "ioctl": _one_of(1, _IOCTL),
        "fcntl": _one_of(1, _FCNTL),
    }


def _one_of(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allow the call where the lower half of the argument is one of these; the kernel reads no more of it."""
    last = len(values)
    tests = [(_EQUAL, last - at, 0, value) for at, value in enumerate(values)]
    return [
        (_LOAD, 0, 0, _low(argument)),
        *tests,
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _low(argument: int) -> int:
    """Where the lower half of an argument is in ``struct seccomp_data``."""
    return 16 + 8 * argument
