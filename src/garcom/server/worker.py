"""A web worker process: ``python -m garcom.server.worker RUN_FOLDER LISTEN_FD LIFELINE_FD``.

The supervisor gives it the listening socket and one end of a lifeline: the worker writes a byte to it when it is
ready, and stops when the other end closes, so that no worker outlives its supervisor.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path

import msgspec

from garcom.app import Worker
from garcom.logs import configure
from garcom.run_folder import SETTINGS
from garcom.settings import Settings


def main(run_folder: Path, listen_fd: int, lifeline_fd: int) -> None:
    """Serve until a signal or the end of the supervisor."""
    settings = msgspec.json.decode((run_folder / SETTINGS).read_bytes(), type=Settings)
    configure(settings.log_format, settings.log_level)
    # Loading models and importing run in threads; the loop should get the interpreter back soon.
    sys.setswitchinterval(0.001)
    listener = socket.socket(fileno=listen_fd)
    worker = Worker(settings, run_folder)

    threading.Thread(target=_watch_lifeline, args=(lifeline_fd, run_folder), daemon=True).start()

    def ready() -> None:
        os.write(lifeline_fd, b"r")

    if settings.server == "granian":
        from garcom.server.granian_server import serve

        serve(worker, settings, listener, ready)
    else:
        from garcom.server.uvicorn_server import Server

        Server(worker, settings, ready).run(sockets=[listener])


def _watch_lifeline(lifeline_fd: int, run_folder: Path) -> None:
    """Stop this worker when the supervisor's end closes; nothing is ever sent through it."""
    with contextlib.suppress(OSError):
        os.read(lifeline_fd, 1)
    # The supervisor was killed, or it would have stopped this worker first; so nobody else removes this.
    shutil.rmtree(run_folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
