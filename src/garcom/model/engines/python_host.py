"""What the process of a Python engine does: it reads the pickle and answers one request after another.

Behind walls it is started by :mod:`garcom.model.walls.confined`. Without, as ``python -m
garcom.model.engines.python_host SOCKET FOLDER``, it can do whatever its user can, and so can the pickle. It ends as
soon as the worker's side of the socket closes.
"""

from __future__ import annotations

import os
import pickle
import platform
import resource
import select
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from garcom.errors import EngineError, GarcomError
from garcom.model.engines.python_manifest import MANIFEST_FILE, PICKLE_FILE, Manifest
from garcom.model.engines.python_wire import (
    REQUEST_LIMIT,
    Channel,
    Failure,
    Hello,
    Load,
    Ready,
    Reply,
    Request,
    Rows,
    Walled,
    answer_of,
    batch_of,
)
from garcom.model.engines.redaction import without_values
from garcom.model.signature import Signature
from garcom.records import Batch, Outputs

_MESSAGE_LIMIT = 2000
Run = Callable[[Batch], Outputs]
T = TypeVar("T")
#: The files of an engine's folder, by their names, open for reading.
Files = Mapping[str, BinaryIO]


def main(arguments: list[str]) -> int:
    """Serve the model in the folder, without walls, over the inherited socket."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = Path(arguments[1])
    files = {name: (folder / name).open("rb") for name in (MANIFEST_FILE, PICKLE_FILE)}
    return serve_until_closed(socket.socket(fileno=int(arguments[0])), files)


def serve_until_closed(end: socket.socket, files: Files, walls: tuple[str, ...] | None = None) -> int:
    """Serve the model in the files until the other side closes the socket; gives the exit status."""
    threading.Thread(target=_end_with_the_worker, args=(end.fileno(),), daemon=True).start()
    try:
        serve(Channel(end), files, walls)
    except (EOFError, ConnectionError):
        return 0
    return 1


def serve(channel: Channel, files: Files, walls: tuple[str, ...] | None) -> None:
    """Load the model on the first message, then answer batches; returns when the model cannot be loaded.

    Behind walls it tells them first, and waits for the word that they are enough.
    """
    hello = channel.request(REQUEST_LIMIT)
    if not isinstance(hello, Hello):
        raise EOFError("the first message has to bring the signature")
    if walls is not None:
        channel.send(Walled(walls))
        if not isinstance(channel.request(REQUEST_LIMIT), Load):
            raise EOFError("the walls are not enough")
    loaded = guarded(lambda: load(files, hello.signature))
    if isinstance(loaded, Failure):
        channel.send(loaded)
        return
    channel.send(Ready())
    while True:
        request = channel.request(2 * REQUEST_LIMIT)
        channel.send(reply_to(request, loaded, hello.signature))


def reply_to(request: Request, run: Run, signature: Signature) -> Reply:
    """The answer to one batch, or why there is none."""
    if not isinstance(request, Rows):
        return Failure("expected rows: the model is loaded")
    batch = batch_of(request, signature)
    reply = guarded(lambda: answer_of(run(batch)))
    if isinstance(reply, Failure):
        return Failure(without_values(reply.message, batch), reply.refused)
    return reply


def load(files: Files, signature: Signature) -> Run:
    """The model in the files, bound to the signature; they are closed.

    The versions are compared before the pickle is read. Raises :class:`~garcom.errors.EngineError`.
    """
    if missing := {MANIFEST_FILE, PICKLE_FILE}.difference(files):
        raise EngineError(f"The bundle's Python engine lacks {' and '.join(sorted(missing))}. Pack the model again.")
    manifest = msgspec.json.decode(files[MANIFEST_FILE].read(), type=Manifest)
    _require_versions(manifest)
    # Imported after the check, so that a missing library gives its sentence rather than a traceback.
    from garcom.model.sources.base import Loaded
    from garcom.model.sources.originals import bind

    model = pickle.load(files[PICKLE_FILE])
    if files[PICKLE_FILE].read(1):
        raise EngineError(f"Something follows the model in {PICKLE_FILE}, which holds nothing else. Pack it again.")
    for file in files.values():
        file.close()
    loaded = Loaded(
        model=model,
        framework=manifest.framework,
        input_kind=manifest.input_kind,
        output=signature.output,
        fields=manifest.fields,
        n_fields=manifest.n_fields,
        libraries=manifest.libraries,
    )
    return bind(loaded, signature).run


def _require_versions(manifest: Manifest) -> None:
    from garcom.model.sources.versions import installed

    here = ".".join(platform.python_version_tuple()[:2])
    if manifest.python != here:
        raise EngineError(f"The model was packed with Python {manifest.python}, and this is Python {here}.")
    wrong = {
        library: (version, installed(library))
        for library, version in manifest.libraries.items()
        if installed(library) != version
    }
    if wrong:
        listed = "; ".join(f"{name} {had}, here {now or 'none'}" for name, (had, now) in sorted(wrong.items()))
        pins = " ".join(f"{name}=={had}" for name, (had, _) in sorted(wrong.items()))
        raise EngineError(
            f"The model was packed with other library versions ({listed}). Install them: pip install {pins}"
        )


def guarded(work: Callable[[], T]) -> T | Failure:
    """The result of ``work``, or the failure to report: nothing of a model may end the process."""
    from garcom.model.sources.originals import ModelFailed

    try:
        return work()
    except GarcomError as error:
        return Failure(str(error)[:_MESSAGE_LIMIT], refused=isinstance(error, ModelFailed))
    except Exception as error:  # noqa: BLE001
        return Failure(f"{type(error).__name__}: {error}"[:_MESSAGE_LIMIT])


def _end_with_the_worker(descriptor: int) -> None:
    """End at once when the worker goes, even in the middle of a long prediction that reads no socket."""
    watcher = select.poll()
    watcher.register(descriptor, 0)
    watcher.poll()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
