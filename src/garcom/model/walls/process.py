"""Starts a process that gets nothing of this one but a socket."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import garcom


def spawn(command: tuple[str, ...], theirs: socket.socket, folder: Path) -> subprocess.Popen[bytes]:
    """Run the command in the folder, given the number of its end of the socket and the folder's path."""
    return subprocess.Popen(
        [*command, str(theirs.fileno()), str(folder)],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        env=_environment(),
        # A Ctrl-C in the terminal is the worker's to handle; its own session also makes it a group to end.
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    """No variable of the worker's, which may hold secrets, but what finding the libraries takes.

    One thread per process, as for every engine: the service scales by processes. Where a model asks for more, OpenMP
    gives it fewer rather than none.
    """
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "1")
    threads["OMP_THREAD_LIMIT"] = "8"
    package = str(Path(garcom.__file__).resolve().parents[1])
    return kept | threads | {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONPATH": package}
