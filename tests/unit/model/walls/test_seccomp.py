"""The filter, run here as the kernel runs it: what it decides about each call on each machine."""

from __future__ import annotations

import errno

import pytest

from garcom.model.walls.calls import ALLOWED, CONDITIONAL, UNKNOWN
from garcom.model.walls.seccomp import program

X86_64, AARCH64 = 0xC000003E, 0xC00000B7
ALLOW, KILL, NOT_PERMITTED, NO_SUCH_CALL = "allow", "kill", errno.EPERM, errno.ENOSYS
MACHINES = [(0, X86_64), (1, AARCH64)]


def decision(column: int, architecture: int, number: int, *arguments: int) -> str | int:
    """What the program returns, by the rules of ``linux/bpf_common.h``."""
    words = {0: number, 4: architecture}
    for at, value in enumerate((*arguments, 0, 0, 0, 0, 0, 0)[:6]):
        words[16 + 8 * at], words[20 + 8 * at] = value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF
    code = program(column)
    at, register = 0, 0
    for _ in range(len(code)):
        kind, if_true, if_false, operand = code[at]
        at += 1
        if kind == 0x20:
            register = words[operand]
        elif kind == 0x54:
            register &= operand
        elif kind == 0x15:
            at += if_true if register == operand else if_false
        elif kind == 0x35:
            at += if_true if register >= operand else if_false
        elif kind == 0x06:
            return {0x7FFF0000: ALLOW, 0x80000000: KILL}.get(operand, operand & 0xFFFF)
        else:
            raise AssertionError(hex(kind))
    raise AssertionError("the program has no end")


@pytest.mark.parametrize(("column", "architecture"), MACHINES)
def test_every_number_that_is_in_no_table_is_refused(column: int, architecture: int) -> None:
    tables = (ALLOWED, CONDITIONAL, UNKNOWN)
    known = {numbers[column] for table in tables for numbers in table.values()}
    for number in set(range(1024)).difference(known):
        assert decision(column, architecture, number) == NOT_PERMITTED, number


@pytest.mark.parametrize(("column", "architecture"), MACHINES)
def test_calls_of_the_tables(column: int, architecture: int) -> None:
    for name, numbers in ALLOWED.items():
        if (number := numbers[column]) is not None:
            assert decision(column, architecture, number) == ALLOW, name
    for name, unknown in UNKNOWN.items():
        assert decision(column, architecture, unknown[column]) == NO_SUCH_CALL, name


@pytest.mark.parametrize(("column", "architecture"), MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x3D0F00,), ALLOW),  # what the C library gives for a thread
        ("clone", (17,), NOT_PERMITTED),  # a fork
        ("clone", (0x4111,), NOT_PERMITTED),  # a vfork that shares memory
        ("clone", (0x3D0F00 | 0x10000000,), NOT_PERMITTED),  # a thread with a user namespace
        ("mmap", (0, 4096, 3, 0x22), ALLOW),
        ("mmap", (0, 4096, 1, 0x01), ALLOW),  # a file, shared
        ("mmap", (0, 4096, 3, 0x21), NOT_PERMITTED),
        ("mmap", (0, 4096, 3, 0x23), NOT_PERMITTED),  # MAP_SHARED_VALIDATE
        ("mmap", (0, 4096, 3, 0x24022), ALLOW),  # a thread's stack: MAP_STACK, MAP_NORESERVE
        ("mmap", (0, 4096, 5, 0x812), ALLOW),  # a library: MAP_FIXED, MAP_DENYWRITE
        ("mmap", (0, 4096, 3, 0x122), NOT_PERMITTED),  # MAP_GROWSDOWN
        ("mmap", (0, 4096, 3, 0x4122), NOT_PERMITTED),  # MAP_GROWSDOWN, MAP_NORESERVE
        ("mmap", (0, 4096, 3, 0x40022), NOT_PERMITTED),  # MAP_HUGETLB
        ("mmap", (0, 4096, 3, 0x2022), NOT_PERMITTED),  # MAP_LOCKED
        ("mmap", (0, 4096, 3, 0x28), NOT_PERMITTED),  # MAP_DROPPABLE
        ("mmap", (0, 4096, 3, 0x80000022), NOT_PERMITTED),  # a flag to come
        ("prlimit64", (0, 7, 0, 0x7FFFFFFF0000), ALLOW),
        ("prlimit64", (0, 7, 0x7FFF00000000, 0), NOT_PERMITTED),  # a pointer whose lower half is null
        ("prlimit64", (0, 7, 0x1000, 0), NOT_PERMITTED),
        ("tgkill", (1, 5, 6), ALLOW),
        ("tgkill", (2, 2, 9), NOT_PERMITTED),
        ("prctl", (15,), ALLOW),
        ("prctl", (4, 1), NOT_PERMITTED),  # dumpable
        ("prctl", (1, 0), NOT_PERMITTED),  # no end with the parent
        ("prctl", (22, 0), NOT_PERMITTED),
        ("ioctl", (0, 0x5421), ALLOW),
        ("ioctl", (0, 0x5412), NOT_PERMITTED),  # TIOCSTI
        ("ioctl", (0, 0x541C), NOT_PERMITTED),  # TIOCLINUX
        ("fcntl", (3, 1030), ALLOW),
        ("fcntl", (3, 1031), NOT_PERMITTED),  # F_SETPIPE_SZ
        ("fcntl", (3, 8), NOT_PERMITTED),  # F_SETOWN
        ("fcntl", (3, 6), NOT_PERMITTED),  # F_SETLK
        ("fcntl", (3, 37), NOT_PERMITTED),  # F_OFD_SETLK
    ],
)
def test_conditions(column: int, architecture: int, name: str, arguments: tuple[int, ...], expected: str | int) -> None:
    assert decision(column, architecture, CONDITIONAL[name][column], *arguments) == expected


@pytest.mark.parametrize(("column", "architecture"), MACHINES)
@pytest.mark.parametrize("other", [0x40000003, 0x40000028, X86_64, AARCH64])
def test_the_call_of_another_architecture_ends_the_process(column: int, architecture: int, other: int) -> None:
    expected = ALLOW if other == architecture else KILL
    assert decision(column, other, CONDITIONAL["clone"][column], 0x3D0F00) == expected


@pytest.mark.parametrize("number", [0x40000000, 0x40000000 | 39, 0x40000000 | 520, 0xFFFFFFFF])
def test_x32_ends_the_process(number: int) -> None:
    assert decision(0, X86_64, number) == KILL


def test_the_kernel_takes_programs_of_this_length() -> None:
    assert all(len(program(column)) < 4096 for column, _ in MACHINES)
