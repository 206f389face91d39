"""The confined process of a Python engine: ``python -m garcom.model.walls.confined MEMORY_MB SOCKET FOLDER``.

It opens the model's files, puts up the walls, and only then imports what reads them. Little is imported before,
because the first of the two processes keeps it in memory (:mod:`.confinement`).
"""

from __future__ import annotations

import os
import socket
import stat
import sys

from garcom.model.walls.confinement import confine
from garcom.model.walls.missing import WallMissing

#: An engine's folder has two; more than this are not opened.
_MOST_FILES = 8


def main(arguments: list[str]) -> int:
    """Serve the model in the folder over the inherited socket until the other side closes it."""
    memory_mb, number, folder = arguments
    end = socket.socket(fileno=int(number))
    opened = open_files(folder)
    try:
        walls = confine(end.fileno(), tuple(opened.values()), folder, int(memory_mb) * 2**20)
    except WallMissing as error:
        from garcom.model.engines.python_wire import Channel, Failure

        Channel(end).send(Failure(str(error)))
        return 1
    from garcom.model.engines.python_host import serve_until_closed

    return serve_until_closed(end, {name: os.fdopen(each, "rb") for name, each in opened.items()}, walls)


def open_files(folder: str) -> dict[str, int]:
    """Descriptors of the plain files in a folder, by their names, for reading; links are left alone."""
    names = sorted(os.listdir(folder))[:_MOST_FILES]
    paths = {name: os.path.join(folder, name) for name in names}
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    return {name: os.open(path, flags) for name, path in paths.items() if stat.S_ISREG(os.lstat(path).st_mode)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
