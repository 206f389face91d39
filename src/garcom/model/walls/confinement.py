"""Puts up all walls around this process, in the one order that works.

Namespaces and files take rights, so they come before identity; identity comes before Landlock and seccomp, which the
filter would forbid if it stood already. A process namespace holds only children, so there are two processes in the
end: the first, which stays outside with nothing to do but to end with the worker and with the second, and the second,
which is confined and reads the model.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
from collections.abc import Callable, Iterator
from typing import NoReturn

from garcom.model.walls import (
    NOBODY,
    WALLS,
    environment,
    files,
    identity,
    kernel,
    landlock,
    limits,
    namespaces,
    seccomp,
)
from garcom.model.walls.missing import WallMissing


def confine(end: int, descriptors: tuple[int, ...], folder: str, memory_bytes: int) -> tuple[str, ...]:
    """Confine this process; returns in the second one only, with the names of the walls that stand.

    ``end`` is the socket and ``descriptors`` what else stays open; ``folder`` is any folder that exists. The process
    must have one thread. Raises :class:`WallMissing`.
    """
    with _wall("files"):
        real = files.libraries()
        other_names = files.links(real)
    limits.step_back()
    processes = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    with _wall("namespaces"):
        privileged = namespaces.enter()
    with _wall("files"):
        files.build(folder, real, other_names)
    with _wall("namespaces"):
        _fork(end, processes, privileged)
    environment.clear((end, *descriptors))
    with _wall("identity"):
        identity.give_up_rights()
    with _wall("limits"):
        limits.bound(memory_bytes)
    with _wall("landlock"):
        landlock.restrict(real, files.DEVICES)
    with _wall("seccomp"):
        seccomp.restrict()
    return WALLS


@contextlib.contextmanager
def _wall(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise WallMissing(name, str(error)) from error


def _fork(end: int, processes: int, privileged: bool) -> None:
    """Go on as the second process; the first guards it and does not return."""
    asked, ask = os.pipe()
    told, tell = os.pipe()
    second = os.fork()
    if second:
        os.close(ask)
        os.close(told)
        _guard(second, end, lambda: _map_user(second, processes, asked, tell))
    os.close(asked)
    os.close(tell)
    if privileged:
        identity.become_nobody()
        # A user namespace of its own, so that the limit of threads counts its own and not all of nobody's.
        kernel.call("unshare", kernel.CLONE_NEWUSER)
        os.write(ask, b"?")
        if not os.read(told, 1):
            raise OSError(0, "the user could not be mapped")


def _map_user(second: int, processes: int, asked: int, tell: int) -> None:
    """Once the second process has made its user namespace, name nobody in it; only root outside may."""
    if os.read(asked, 1):
        for name in ("uid_map", "gid_map"):
            place = os.open(f"{second}/{name}", os.O_WRONLY, dir_fd=processes)
            os.write(place, f"{NOBODY} {NOBODY} 1".encode())
            os.close(place)
        os.write(tell, b"!")


def _guard(second: int, end: int, prepare: Callable[[], None]) -> NoReturn:
    """Wait for the end of the second process, which comes with that of the worker, and end likewise."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        prepare()
        alive = os.pidfd_open(second)
        environment.close_others((2, end, alive))
        watcher = select.poll()
        watcher.register(end, 0)
        watcher.register(alive, select.POLLIN)
        if all(descriptor != alive for descriptor, _ in watcher.poll()):
            os.kill(second, signal.SIGKILL)
        _, status = os.waitpid(second, 0)
        if os.WIFSIGNALED(status):
            with contextlib.suppress(OSError):  # SIGKILL has no other meaning anyway
                signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
            os.kill(os.getpid(), os.WTERMSIG(status))
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    finally:
        os._exit(1)
