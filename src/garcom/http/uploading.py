"""Bodies that are too long for memory: bundles on their way into a file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import Request

from garcom.controller.messages import UPLOADS_FOLDER
from garcom.errors import (
    BodyTooLarge,
    BundleRefused,
    GarcomError,
    MalformedBody,
    Overloaded,
    Unavailable,
    UnsupportedMediaType,
)
from garcom.http.bodies import Body, Disconnected, Receive
from garcom.http.content_digest import check_digests, told_digests
from garcom.http.edge import PACED
from garcom.http.upload_files import UploadFile
from garcom.settings import UploadSettings

ZIP = "application/zip"
#: How much of a body is held before it is written.
_PIECE_BYTES = 2**20
_MARK = b"PK\x03\x04"
#: How soon a client may try again whose upload found no place, or no room on the disk.
_PLACE_S = 10
_ROOM_S = 60

_NO_BUNDLE = (
    "A trained model's own file (a pickle, joblib or ONNX file) is never taken: make a bundle of it with `garcom pack "
    "--zip`, where the model was trained, and upload that."
)


class Uploads:
    """The uploads of one worker, into ``home/uploads``; a sender may be silent for ``silence_s``."""

    def __init__(self, home: Path, settings: UploadSettings, *, silence_s: float) -> None:
        self._folder = home / UPLOADS_FOLDER
        self._max_bytes = settings.max_bytes
        self._places = settings.concurrent
        self._timeout_s = settings.timeout_s
        self._silence_s = silence_s

    @contextlib.asynccontextmanager
    async def take(self, request: Request) -> AsyncIterator[UploadFile]:
        """The body of a request as a file, which is there until the block ends.

        Raises Disconnected, UnsupportedMediaType, BodyTooLarge, BundleRefused, InputError for a digest that differs,
        MalformedBody for a sender that is too slow, Overloaded, and Unavailable where it cannot be written.
        """
        body = _Pieces(request.receive, self._silence_s)
        try:
            self._check_head(request)
            async with self._place():
                file = await asyncio.to_thread(UploadFile, self._folder)
                try:
                    await self._write(request, body, file)
                    yield file
                finally:
                    await asyncio.shield(asyncio.to_thread(file.remove))
        except OSError as error:
            raise Unavailable("The server cannot keep the upload: its disk is full or failing.", _ROOM_S) from error
        except GarcomError:
            # Whoever was told to wait for a 100 decides alone whether the body still comes.
            if not body.ended and "expect" not in request.headers:
                with contextlib.suppress(GarcomError):
                    await Body(request.app.state.bodies, request.receive).discard()
            raise

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._places == 0:
            raise Overloaded("The server takes as many uploads as it may. Try again shortly.", _PLACE_S)
        self._places -= 1
        try:
            yield
        finally:
            self._places += 1

    def _check_head(self, request: Request) -> None:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != ZIP:
            raise UnsupportedMediaType(
                f"Expected a bundle's zip as Content-Type {ZIP}, got {media_type[:50]!r}. {_NO_BUNDLE}"
            )
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("Expected a zip that is not packed once more, got a Content-Encoding.")
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_bytes:
            raise self._too_large()

    async def _write(self, request: Request, body: _Pieces, file: UploadFile) -> None:
        told = told_digests(
            value for name in ("content-digest", "repr-digest") for value in request.headers.getlist(name)
        )
        request.scope["state"][PACED] = True
        n_bytes, held = 0, bytearray()
        try:
            async with asyncio.timeout(self._timeout_s):
                while not body.ended:
                    piece = await body.next()
                    n_bytes += len(piece)
                    held += piece
                    if n_bytes > self._max_bytes:
                        raise self._too_large()
                    if n_bytes == len(held) >= len(_MARK) and not held.startswith(_MARK):
                        raise BundleRefused(f"Expected the zip of a bundle, got a body that is none. {_NO_BUNDLE}")
                    if len(held) >= _PIECE_BYTES or body.ended:
                        await asyncio.to_thread(file.write, bytes(held))
                        held.clear()
        except TimeoutError:
            raise MalformedBody(
                f"Expected the whole upload within {self._timeout_s:g} s, without a pause of {self._silence_s:g} s; "
                f"got {n_bytes:,} bytes of it."
            ) from None
        check_digests(told, file.sha256)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"Expected a bundle's zip of at most {self._max_bytes:,} bytes, got a longer one. Whoever runs the server "
            "can allow more (uploads.max_bytes)."
        )


class _Pieces:
    """A body, piece by piece, from a sender that is not silent for too long."""

    def __init__(self, receive: Receive, silence_s: float) -> None:
        self._receive = receive
        self._silence_s = silence_s
        self.ended = False

    async def next(self) -> bytes:
        """The next bytes. Raises Disconnected and TimeoutError."""
        async with asyncio.timeout(self._silence_s):
            message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        self.ended = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece
