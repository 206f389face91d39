"""Each wall by itself, in a process of its own, so that none hides behind another."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.walls import NEEDS_WALLS

pytestmark = NEEDS_WALLS

HEAD = """
import os, socket, sys
from garcom.model.walls import environment, files, identity, kernel, landlock, limits, namespaces, seccomp
def refused(attempt):
    try:
        attempt()
    except (OSError, MemoryError, RuntimeError) as error:
        print(type(error).__name__, getattr(error, "errno", None), flush=True)
    else:
        print("through", flush=True)
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
"""


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", HEAD + code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_landlock_alone() -> None:
    code = """
landlock.restrict(["/usr/lib"], ("/dev/null",))
os.listdir("/usr/lib")
os.close(os.open("/dev/null", os.O_WRONLY))
refused(lambda: os.open("/etc/passwd", os.O_RDONLY))
refused(lambda: os.open("/dev/zero", os.O_RDONLY))
refused(lambda: os.open("/tmp/landlocked", os.O_CREAT | os.O_WRONLY))
refused(lambda: os.listdir("/"))
refused(lambda: os.execv("/bin/true", ["true"]))
"""
    assert said(code) == ["PermissionError 13"] * 5


def test_seccomp_alone() -> None:
    code = """
import ctypes, resource, threading
seccomp.restrict()
thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
refused(os.fork)
refused(socket.socket)
refused(socket.socketpair)
refused(lambda: os.execv("/bin/true", ["true"]))
refused(lambda: os.kill(os.getppid(), 0))
refused(lambda: os.mkdir("/tmp/walled"))
refused(lambda: os.setsid())
"""
    assert said(code) == ["thread", *["PermissionError 1"] * 7]


def test_limits_alone() -> None:
    code = """
import mmap, resource, tempfile
place = os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_WRONLY)
limits.bound(256 * 2**20)
refused(lambda: bytearray(2**28))
refused(lambda: mmap.mmap(-1, 5 * 2**30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ))
print(resource.getrlimit(resource.RLIMIT_STACK))
refused(lambda: os.write(place, b"x"))
held = []
refused(lambda: [held.append(os.dup(1)) for _ in range(200)])
"""
    assert said(code) == ["MemoryError None", "OSError 12", "(8388608, 8388608)", "OSError 27", "OSError 24"]


def test_namespaces_alone() -> None:
    code = """
with socket.create_server(("127.0.0.1", 0)) as listener:
    namespaces.enter()
    refused(lambda: socket.create_connection(listener.getsockname(), 5))
print(socket.gethostname(), [name for _, name in socket.if_nameindex()])
if not (child := os.fork()):
    print(os.getpid(), os.getppid(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    assert said(code) == ["OSError 101", "model ['lo']", "1 0"]


def test_files_alone() -> None:
    code = """
import tempfile
namespaces.enter()
real = files.libraries()
files.build(tempfile.mkdtemp(), real, files.links(real))
print(sorted(os.listdir("/dev")))
print(set(os.listdir("/")) - {part.split("/")[1] for part in (*real, *files.links(real))})
refused(lambda: os.open("/etc/passwd", os.O_RDONLY))
refused(lambda: os.open("/effect", os.O_CREAT | os.O_WRONLY))
refused(lambda: os.open(os.__file__ + ".effect", os.O_CREAT | os.O_WRONLY))
refused(lambda: os.mknod("/dev/effect"))
import json.tool, decimal, sqlite3
"""
    assert said(code) == [
        "['null', 'urandom']",
        "{'dev'}",
        "FileNotFoundError 2",
        "OSError 30",
        "OSError 30",
        "OSError 30",
    ]


def test_identity_alone() -> None:
    code = """
if os.geteuid() == 0:
    identity.become_nobody()
identity.give_up_rights()
status = "/proc/thread-self/status"
lines = open(status).readlines() if os.access(status, os.R_OK) else []
print([line.split()[1] for line in lines if line.startswith(("CapPrm", "CapEff", "NoNewPrivs"))])
refused(lambda: os.setuid(0))
refused(lambda: os.chroot("/"))
"""
    first, *rest = said(code)
    assert first in ("[]", "['0000000000000000', '0000000000000000', '1']")
    assert rest == ["PermissionError 1"] * 2


def test_environment_alone() -> None:
    code = """
os.environ |= {"SECRET": "x", "LC_ALL": "C.UTF-8"}
for name in [name for name in os.environ if name.endswith("_THREADS")]: del os.environ[name]  # of the tests
kept = os.dup(1); lost = os.dup(1)
environment.clear((kept,))
refused(lambda: os.fstat(lost))
os.write(kept, (str(sorted(os.environ)) + str(os.getenv("SECRET"))).encode())
"""
    assert said(code) == ["['LC_ALL']None"]


@pytest.mark.parametrize(
    ("kept", "left"), [((0, 1, 2), [0, 1, 2]), ((1, 5), [1, 5]), ((0, 1, 2, 3, 4), [0, 1, 2, 3, 4]), ((1,), [1])]
)
def test_only_the_named_descriptors_stay(kept: tuple[int, ...], left: list[int]) -> None:
    code = f"""
for at in range(3, 10):
    os.dup2(1, at)
environment.close_others({kept})
found = []
for at in range(64):
    try: os.fstat(at)
    except OSError: continue
    found.append(at)
os.write(1, str(found).encode())
os._exit(0)
"""
    assert said(code) == [str(left)]
