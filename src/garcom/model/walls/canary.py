"""A process behind the same walls that tries to get out: ``… MEMORY_MB SECRET PORT SOCKET FOLDER``.

``SECRET`` is a file that exists and ``PORT`` one that is listened on. It answers with one line of JSON: the walls that
it could put up, or the one that it could not, and how each attempt went. Every attempt has to fail.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial

from garcom.model.walls import environment, kernel, limits
from garcom.model.walls.confinement import confine
from garcom.model.walls.missing import WallMissing

_PTRACE_TRACEME = 0
_MAP_GROWSDOWN = 0x100


class _Through(Exception):
    """An attempt that fails in no other way has gone through; the message says how."""


def main(arguments: list[str]) -> int:
    """Put up the walls, try everything, and report."""
    memory_mb, secret, port, number, folder = arguments
    end = socket.socket(fileno=int(number))
    memory_bytes = int(memory_mb) * 2**20
    try:
        walls = confine(end.fileno(), (), folder, memory_bytes)
    except WallMissing as error:
        found: dict[str, object] = {"missing": error.wall, "why": error.why, "says": str(error)}
    else:
        tries = attempts(end.fileno(), secret, int(port), folder, memory_bytes)
        found = {"walls": walls, "attempts": {name: outcome(attempt) for name, attempt in tries}}
    end.sendall(json.dumps(found).encode() + b"\n")
    return 0


def outcome(attempt: Callable[[], object]) -> list[object]:
    """Whether the attempt was stopped, and how."""
    try:
        result = attempt()
    except _Through as error:
        return [False, str(error)]
    except (OSError, MemoryError, RuntimeError, ValueError) as error:
        return [True, f"{type(error).__name__}: {error}"]
    return [False, f"it got {type(result).__name__}"]


def attempts(
    end: int, secret: str, port: int, folder: str, memory_bytes: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is tried, by its name."""
    yield "read a file of the server", lambda: os.open(secret, os.O_RDONLY)
    yield "read /etc/passwd", lambda: os.open("/etc/passwd", os.O_RDONLY)
    yield "list the root folder", lambda: os.listdir("/")
    for place in (folder, "/tmp", "/dev/shm", "/"):
        yield f"write into {place}", partial(os.open, f"{place}/canary", os.O_WRONLY | os.O_CREAT)
    yield "connect by TCP", lambda: socket.create_connection(("127.0.0.1", port), 1)
    for name, family, kind in (
        ("a UDP socket", socket.AF_INET, socket.SOCK_DGRAM),
        ("a Unix socket", socket.AF_UNIX, socket.SOCK_STREAM),
        ("a raw socket", socket.AF_INET, socket.SOCK_RAW),
        ("a netlink socket", socket.AF_NETLINK, socket.SOCK_RAW),
    ):
        yield f"open {name}", partial(socket.socket, family, kind)
    yield "fork", _fork
    yield "start a program", lambda: os.posix_spawn("/bin/true", ["true"], {})
    yield "become another program", lambda: os.execv("/bin/true", ["true"])
    yield "signal another process", lambda: os.kill(os.getppid(), 0)
    yield "trace", _trace
    yield "make a namespace", lambda: kernel.call("unshare", kernel.CLONE_NEWUSER)
    yield "mount", lambda: kernel.mount("tmpfs", folder, "tmpfs")
    yield "become root", lambda: os.setuid(0)
    yield "raise a limit", lambda: resource.setrlimit(resource.RLIMIT_NPROC, (2 * limits.THREADS,) * 2)
    yield "take more memory than allowed", lambda: bytearray(memory_bytes + 1)
    yield "take more addresses than allowed", partial(_map, memory_bytes + limits.OTHER_ADDRESSES_BYTES, prot=0)
    yield "take memory that no limit counts", lambda: mmap.mmap(-1, mmap.PAGESIZE)
    yield "take memory that grows downwards", partial(_map, mmap.PAGESIZE, _MAP_GROWSDOWN)
    yield "make memory larger", lambda: _map(mmap.PAGESIZE).resize(2 * mmap.PAGESIZE)
    yield "start more threads than allowed", lambda: _threads(limits.THREADS + 1)
    yield "find another descriptor", lambda: _descriptors(end)
    yield "find a variable of the server", _variables


def _fork() -> int:
    child = os.fork()
    if not child:
        os._exit(0)
    return child


def _trace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(_PTRACE_TRACEME, 0, None, None):
        raise OSError(ctypes.get_errno(), "ptrace")


def _map(size: int, flags: int = 0, prot: int = mmap.PROT_READ | mmap.PROT_WRITE) -> mmap.mmap:
    return mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | flags, prot)


def _threads(count: int) -> None:
    done = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=done.wait)
            thread.start()
            started.append(thread)
    finally:
        done.set()
        for thread in started:
            thread.join()


def _descriptors(end: int) -> None:
    for descriptor in set(range(limits.DESCRIPTORS)).difference((0, 1, 2, end)):
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            raise _Through(f"descriptor {descriptor}")
    raise OSError(0, "there is none")


def _variables() -> None:
    if found := set(os.environ).difference(environment.KEPT):
        raise _Through(", ".join(sorted(found)))
    raise OSError(0, "there is none")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
