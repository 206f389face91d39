"""Models that attack: what their code tries, and what would be seen outside if it succeeded.

They are pickled by value, so everything here goes into the bundle and runs behind the walls.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Outside(NamedTuple):
    """What attacks aim at: a file to read, a folder to write to, a port and a path that are listened on, the server."""

    treasure: str
    folder: str
    port: int
    path: str
    server: int


#: Numbers of x86_64's calls; elsewhere other calls are hit, which are no more allowed.
_VFORK, _CLONE, _CLONE3, _PTRACE, _MEMFD, _BPF, _KEYCTL = 58, 56, 435, 101, 319, 321, 250
_USERFAULTFD, _PERF, _IO_URING, _VM_READ, _PIDFD_OPEN, _PIDFD_GETFD, _KEXEC = 323, 298, 425, 310, 434, 438, 246
_INIT_MODULE, _MOUNT, _PIVOT_ROOT, _SETNS, _UNSHARE, _CHROOT, _OPEN_TREE = 175, 165, 155, 308, 272, 161, 428
_MOVE_MOUNT, _FSOPEN, _QUOTACTL, _SHMGET, _MQ_OPEN, _ADD_KEY, _IOPERM = 429, 430, 179, 29, 240, 248, 173
_MMAP, _MREMAP = 9, 25
_MAP_GROWSDOWN, _MAP_HUGETLB, _MAP_NORESERVE = 0x100, 0x40000, 0x4000
_NAME_TO_HANDLE, _OPEN_BY_HANDLE, _REBOOT, _SETTIME, _PROCESS_MADVISE = 303, 304, 169, 227, 440


def kernel_call(number: int, *arguments: Any) -> int:
    """A call of the kernel past all of Python. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def _raw(number: int, *arguments: Any) -> Callable[[Outside], Any]:
    return lambda outside: kernel_call(number, *arguments)


def _touch(outside: Outside) -> str:
    return f"touch {outside.folder}/effect"


def _status(status: int) -> None:
    if status:
        raise OSError(status, "the shell was not started")


def _fork(outside: Outside) -> None:
    if not os.fork():
        Path(outside.folder, "effect").touch()
        os._exit(0)


def _fork_by_number(number: int) -> Callable[[Outside], Any]:
    def attack(outside: Outside) -> Any:
        if not (child := kernel_call(number, signal.SIGCHLD, 0, 0, 0, 0)):
            kernel_call(231, 0)
        return child

    return attack


def _fork_bomb(outside: Outside) -> None:
    for _ in range(1000):
        if not os.fork():
            time.sleep(60)


def _thread_bomb(outside: Outside) -> None:
    done = threading.Event()
    threads = [threading.Thread(target=done.wait, daemon=True) for _ in range(2000)]
    try:
        for thread in threads:
            thread.start()
    finally:
        done.set()


def _memory_bomb(outside: Outside) -> None:
    held = [bytearray(b"x") * (1 << 24) for _ in range(1 << 16)]
    held.clear()


def _shared_memory_bomb(outside: Outside) -> None:
    held = mmap.mmap(-1, 1 << 36)
    held[0] = 1


def _map(size: int, flags: int = 0, prot: int = 3) -> int:
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return kernel_call(_MMAP, None, ctypes.c_size_t(size), prot, private | flags, -1, ctypes.c_long(0))


def _stack_bomb(outside: Outside) -> None:
    """Of what counts as a stack only the first thread's own is limited."""
    size = 1 << 29
    ctypes.memset(_map(size, _MAP_GROWSDOWN | _MAP_NORESERVE), 1, size)


def _larger_stack(outside: Outside) -> None:
    """Part of the first thread's stack, moved and made large, counts as a stack too."""
    end = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "__libc_stack_end").value or 0
    size, may_move = 1 << 29, 1
    place = kernel_call(_MREMAP, ctypes.c_void_p(end & -4096), ctypes.c_size_t(4096), ctypes.c_size_t(size), may_move)
    ctypes.memset(place, 1, size)


def _page_tables(outside: Outside) -> None:
    """Reading a page of what was never written takes no memory but its page table: 4 kB for each 2 MB of addresses."""
    size = 1 << 37
    place = _map(size, _MAP_NORESERVE, mmap.PROT_READ)
    for at in range(0, size, 1 << 21):
        ctypes.string_at(place + at, 1)


def _file_locks(outside: Outside) -> None:
    """Each is a piece of the kernel's memory."""
    import fcntl

    with open(np.__file__, "rb") as file:
        for at in range(1000):
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 2 * at)


def _descriptor_bomb(outside: Outside) -> None:
    try:
        [os.dup(0) for _ in range(100_000)]
    finally:
        os.closerange(64, 128)


def _connect(family: int, address: Callable[[Outside], Any]) -> Callable[[Outside], Any]:
    def attack(outside: Outside) -> None:
        with socket.socket(family) as end:
            end.settimeout(2)
            end.connect(address(outside))

    return attack


def _datagram(outside: Outside) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.sendto(b"treasure", ("127.0.0.1", outside.port))


def _fetch(outside: Outside) -> None:
    from urllib.request import urlopen

    urlopen(f"http://127.0.0.1:{outside.port}/", timeout=2).close()


def _write(place: Callable[[Outside], str]) -> Callable[[Outside], Any]:
    return lambda outside: Path(place(outside), "effect").write_text("x")


def _read_by_ctypes(outside: Outside) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.open(outside.treasure.encode(), 0)
    if found < 0:
        raise OSError(ctypes.get_errno(), "open")
    return found


def _climb(outside: Outside) -> bytes:
    return Path("/".join([".."] * 40) + outside.treasure).read_bytes()


def _descriptors(outside: Outside) -> Any:
    """Read what a descriptor that was left open leads to; 0 to 2 and the socket lead nowhere."""
    for descriptor in range(3, 1024):
        try:
            if os.fstat(descriptor).st_mode & 0o170000 != 0o140000 and os.read(descriptor, 1):
                return descriptor
        except OSError:
            continue
    raise OSError(0, "there is none")


def _sockets() -> list[int]:
    found = []
    for descriptor in range(3, 128):
        try:
            if os.fstat(descriptor).st_mode & 0o170000 == 0o140000:
                found.append(descriptor)
        except OSError:
            continue
    return found


def _send_descriptor(outside: Outside) -> None:
    import array

    with socket.socket(fileno=os.dup(_sockets()[0])) as end:
        end.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])


def _new_memory_program(outside: Outside) -> None:
    place = kernel_call(_MEMFD, b"x", 0)
    os.write(place, b"#!/bin/sh\n")
    os.execve(place, ["x"], {})


def _secrets_in_environment(outside: Outside) -> str:
    return os.environ["GARCOM_SECRET"]


#: Attacks that return only if they succeed; the model then answers 1, else 0.
ATTACKS: dict[str, Callable[[Outside], Any]] = {
    "os.system": lambda outside: _status(os.system(_touch(outside))),
    "subprocess": lambda outside: subprocess.run(["touch", f"{outside.folder}/effect"], check=True),
    "subprocess with a shell": lambda outside: subprocess.run(_touch(outside), shell=True, check=True),
    "posix_spawn": lambda outside: os.posix_spawn("/bin/sh", ["sh", "-c", _touch(outside)], {}),
    "popen": lambda outside: os.popen(_touch(outside)).read(),
    "exec": lambda outside: os.execv("/bin/sh", ["sh", "-c", _touch(outside)]),
    "exec of a library": lambda outside: os.execv(np.__file__, ["x"]),
    "a program in memory": _new_memory_program,
    "fork": _fork,
    "forkpty": lambda outside: os.forkpty(),
    "clone by number": _fork_by_number(_CLONE),
    "clone3 by number": _raw(_CLONE3, bytes(88), 88),
    "vfork by number": _fork_by_number(_VFORK),
    "multiprocessing": lambda outside: __import__("multiprocessing").Pool(1),
    "fork bomb": _fork_bomb,
    "thread bomb": _thread_bomb,
    "memory bomb": _memory_bomb,
    "one large array": lambda outside: np.ones(1 << 33),
    "shared memory bomb": _shared_memory_bomb,
    "stack bomb": _stack_bomb,
    "a larger stack": _larger_stack,
    "huge pages": lambda outside: _map(1 << 21, _MAP_HUGETLB),
    "locked memory": lambda outside: _map(1 << 21, 0x2000),
    "page tables": _page_tables,
    "file locks": _file_locks,
    "descriptor bomb": _descriptor_bomb,
    "TCP": _connect(socket.AF_INET, lambda outside: ("127.0.0.1", outside.port)),
    "TCP over IPv6": _connect(socket.AF_INET6, lambda outside: ("::1", outside.port)),
    "UDP": _datagram,
    "a Unix socket": _connect(socket.AF_UNIX, lambda outside: outside.path),
    "an abstract socket": _connect(socket.AF_UNIX, lambda outside: f"\0{outside.path}"),
    "urllib": _fetch,
    "DNS": lambda outside: socket.getaddrinfo("example.org", 80),
    "netlink": lambda outside: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "a raw socket": lambda outside: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "a socket pair": lambda outside: socket.socketpair(),
    "listen": lambda outside: socket.create_server(("127.0.0.1", 0)),
    "a descriptor for the worker": _send_descriptor,
    "read a file": lambda outside: Path(outside.treasure).read_bytes(),
    "read a file by ctypes": _read_by_ctypes,
    "read a file by climbing": _climb,
    "read a file by /proc": lambda outside: Path(f"/proc/{outside.server}/root{outside.treasure}").read_bytes(),
    "read /etc/passwd": lambda outside: Path("/etc/passwd").read_bytes(),
    "read the environment of the server": lambda outside: Path(f"/proc/{outside.server}/environ").read_bytes(),
    "read the memory of the server": lambda outside: os.open(f"/proc/{outside.server}/mem", os.O_RDONLY),
    "read the disk": lambda outside: os.open("/dev/vda", os.O_RDONLY),
    "read another's descriptor": _descriptors,
    "a variable of the server": _secrets_in_environment,
    "list the root": lambda outside: os.listdir("/"),
    "list the home": lambda outside: os.listdir(outside.folder),
    "write a file": _write(lambda outside: outside.folder),
    "write into /tmp": _write(lambda outside: "/tmp"),
    "write into /dev/shm": _write(lambda outside: "/dev/shm"),
    "write where it is": _write(lambda outside: "."),
    "write into a library": _write(lambda outside: str(Path(np.__file__).parent)),
    "a temporary file": lambda outside: __import__("tempfile").TemporaryFile(),
    "remove a file": lambda outside: os.unlink(outside.treasure),
    "rename a file": lambda outside: os.rename(outside.treasure, f"{outside.folder}/effect"),
    "link to a file": lambda outside: os.symlink(outside.treasure, "/tmp/effect"),
    "change a file's rights": lambda outside: os.chmod(np.__file__, 0o777),
    "a device": lambda outside: os.mknod("/tmp/effect", 0o60600, os.makedev(254, 0)),
    "ptrace": _raw(_PTRACE, 16, 1, 0, 0),
    "bpf": _raw(_BPF, 0, bytes(128), 128),
    "keyctl": _raw(_KEYCTL, 0, -3, 1),
    "add_key": _raw(_ADD_KEY, b"user", b"x", b"x", 1, -3),
    "userfaultfd": _raw(_USERFAULTFD, 1),
    "perf_event_open": _raw(_PERF, bytes(128), 0, -1, -1, 0),
    "io_uring": _raw(_IO_URING, 8, bytes(120)),
    "process_vm_readv": _raw(_VM_READ, 1, None, 0, None, 0, 0),
    "pidfd_open": _raw(_PIDFD_OPEN, 1, 0),
    "pidfd_getfd": _raw(_PIDFD_GETFD, 3, 0, 0),
    "process_madvise": _raw(_PROCESS_MADVISE, 3, None, 0, 0, 0),
    "kexec_load": _raw(_KEXEC, 0, 0, None, 0),
    "init_module": _raw(_INIT_MODULE, b"", 0, b""),
    "mount": _raw(_MOUNT, b"tmpfs", b"/usr", b"tmpfs", 0, None),
    "open_tree": _raw(_OPEN_TREE, -100, b"/", 1),
    "move_mount": _raw(_MOVE_MOUNT, -100, b"/usr", -100, b"/", 0),
    "fsopen": _raw(_FSOPEN, b"tmpfs", 0),
    "pivot_root": _raw(_PIVOT_ROOT, b"/", b"/"),
    "chroot": _raw(_CHROOT, b"/usr"),
    "setns": _raw(_SETNS, 0, 0),
    "unshare": _raw(_UNSHARE, 0x10000000),
    "open_by_handle_at": _raw(_OPEN_BY_HANDLE, -100, bytes(64), 0),
    "name_to_handle_at": _raw(_NAME_TO_HANDLE, -100, b"/", bytes(64), None, 0),
    "shmget": _raw(_SHMGET, 0, 1 << 30, 0o1600),
    "mq_open": _raw(_MQ_OPEN, b"x", 0o102, 0o600, None),
    "ioperm": _raw(_IOPERM, 0x70, 1, 1),
    "reboot": _raw(_REBOOT, 0xFEE1DEAD, 672274793, 0, None),
    "set the clock": _raw(_SETTIME, 0, bytes(16)),
    "quotactl": _raw(_QUOTACTL, 0, None, 0, None),
    "become root": lambda outside: os.setuid(0),
    "leave the session": lambda outside: os.setsid(),
    "raise a limit": lambda outside: resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1)),
    "take precedence": lambda outside: os.nice(-1),
    "choose a processor": lambda outside: os.sched_setaffinity(0, {0}),
    "kill the server": lambda outside: os.kill(outside.server, signal.SIGKILL),
    "kill everything": lambda outside: os.kill(-1, signal.SIGKILL),
    "kill its group": lambda outside: os.kill(0, signal.SIGKILL),
    "kill its parent": lambda outside: os.kill(os.getppid(), signal.SIGKILL),
}


def _endless(outside: Outside) -> None:
    while True:
        pass


def _other_architecture(outside: Outside) -> None:
    """``int 0x80`` with the number of i386's getpid: the same numbers would mean other calls."""
    code = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()


def _nonsense(outside: Outside) -> None:
    for descriptor in _sockets():
        os.write(descriptor, b"\xff" * 64)


def _ready_again(outside: Outside) -> None:
    for descriptor in _sockets():
        os.write(descriptor, b"\0" * 7 + b"\x0c" + b"\x81\xa4type\xa5ready")


def _scattered(outside: Outside) -> None:
    """Single pages, far from each other: 8 kB of page tables for each 4 kB of addresses."""
    for at in range(60_000):
        place = kernel_call(
            _MMAP, ctypes.c_size_t(0x100000000000 + (at << 30)), ctypes.c_size_t(4096), 1, 0x22, -1, ctypes.c_long(0)
        )
        ctypes.string_at(place, 1)
    _endless(outside)


def _deaf(outside: Outside) -> None:
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_IGN)
    _endless(outside)


def _close_socket(outside: Outside) -> None:
    for descriptor in _sockets():
        os.close(descriptor)


def _leave_later(outside: Outside) -> None:
    """Say something before the next question is asked."""
    threading.Timer(0.05, _nonsense, (outside,)).start()


def _go_on(outside: Outside) -> Any:
    """Answer, and keep a processor busy ever after."""
    for _ in range(2):
        threading.Thread(target=_endless, args=(outside,), daemon=True).start()
    return np.ones(1)


def _host_is_mine(outside: Outside) -> None:
    """Take over what answers, and answer what nobody asked for."""
    host = sys.modules["garcom.model.engines.python_host"]
    host.reply_to = lambda *_: host.Ready()  # type: ignore[attr-defined]


#: Attacks on the server's patience and on the process itself: the call fails, and nothing else does.
DEADLY: dict[str, Callable[[Outside], Any]] = {
    "endless loop": _endless,
    "deaf to signals": _deaf,
    "scattered memory": _scattered,
    "closed socket": _close_socket,
    "another architecture": _other_architecture,
    "x32": _raw(0x40000000 | 39),
    "null pointer": lambda outside: ctypes.string_at(0),
    "exit": lambda outside: os._exit(0),
    "SystemExit": lambda outside: sys.exit(0),
    "nonsense on the socket": _nonsense,
    "ready again": _ready_again,
}

#: Answers that are none. The last ones are tried at the end, for they change what comes after.
ANSWERS: dict[str, Callable[[Outside], Any]] = {
    "None": lambda outside: None,
    "texts": lambda outside: ["x"],
    "objects": lambda outside: np.array([object()], dtype=object),
    "too many": lambda outside: np.ones(1_000_000),
    "too deep": lambda outside: np.ones((1,) * 32),
    "complex": lambda outside: np.array([1j]),
    "a date": lambda outside: np.array(["2026-11-21"], dtype="M8[s]"),
    "an exception with the treasure's path": lambda outside: (_ for _ in ()).throw(KeyError("\x1b[31m\n" * 100_000)),
    "later": _leave_later,
    "not a number": lambda outside: np.array([float("nan")]),
    "infinite": lambda outside: np.array([float("inf")]),
    "threads that go on": _go_on,
    "its own host": _host_is_mine,
}


class Hostile:
    """Does what the number of its row says: attacks from 0 up, then the deadly ones, then the answers."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.deeds = (*ATTACKS.values(), *DEADLY.values(), *ANSWERS.values())

    def predict(self, X: Any) -> Any:
        number = int(np.asarray(X, dtype=float)[0, 0])
        if number < 0:
            return np.array([float(number)] * len(X))
        if number >= len(ATTACKS) + len(DEADLY):
            return self.deeds[number](self.outside)
        try:
            self.deeds[number](self.outside)
        except (OSError, MemoryError, RuntimeError, ValueError, KeyError, subprocess.SubprocessError) as error:
            # Nothing to read in what was to be read counts as success.
            return np.array([0.5 if isinstance(error, UnicodeError) else 0.0] * len(X))
        return np.array([1.0] * len(X))


class OnLoading:
    """Attacks while it is unpickled, and is no model."""

    def __init__(self, attack: Callable[..., Any], *arguments: Any) -> None:
        self.attack = attack
        self.arguments = arguments

    def __reduce__(self) -> Any:
        return self.attack, self.arguments
