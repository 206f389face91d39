"""Where an HTTP/1.1 answer ends: the part of the protocol that a load client has to get right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

HEAD_END = b"\r\n\r\n"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class BadAnswer(Exception):
    """A server answered with another status than was expected, with broken framing, or not at all."""


#: What a server is expected to answer.
EXPECTED = (b"200",)


def answer_length(data: bytes | bytearray, statuses: Sequence[bytes] = EXPECTED) -> int | None:
    """The length in bytes of the whole answer that ``data`` begins with, head included.

    ``None`` means that it cannot be known yet: the head, or the last chunk of a chunked body, is still to
    come. Raises BadAnswer for another status and for an answer without framing.
    """
    head_end = data.find(HEAD_END)
    if head_end < 0:
        return None
    if data[9:12] not in statuses:
        raise BadAnswer(
            f"expected status {b' or '.join(statuses).decode()}, got: {bytes(data[:600]).decode('latin-1')}"
        )
    body_start = head_end + len(HEAD_END)
    at = data.find(b"ontent-", 0, head_end)
    # The usual spellings first: a general, case-blind search costs more than the rest of the client.
    while at >= 0:
        if data[at + 7 : at + 15].lower() == b"length: ":
            return body_start + int(data[at + 15 : data.find(b"\r", at)])
        at = data.find(b"ontent-", at + 7, head_end)
    if b"transfer-encoding: chunked" in data[:head_end].lower():
        return _chunked_end(data, body_start)
    raise BadAnswer(f"expected Content-Length or a chunked body, got: {bytes(data[:head_end]).decode('latin-1')}")


def _chunked_end(data: bytes | bytearray, start: int) -> int | None:
    """Where the chunked body that begins at ``start`` ends; trailers are not admitted."""
    while (line_end := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:line_end].split(b";")[0], 16)
        start = line_end + 2 + size + 2
        if size == 0:
            return start if len(data) >= start else None
        if len(data) < start:
            return None
    return None


def body_of(answer: bytes | bytearray) -> bytes:
    """The body of a whole answer, without the chunks' marks."""
    head, body = bytes(answer).split(HEAD_END, 1)
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    parts: list[bytes] = []
    while body:
        size_line, rest = body.split(b"\r\n", 1)
        size = int(size_line.split(b";")[0], 16)
        parts.append(rest[:size])
        body = rest[size + 2 :]
    return b"".join(parts)


def post(path: str, content_type: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> bytes:
    """The bytes of a keep-alive POST request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nAccept: */*\r\n"
    )
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}{more}\r\n".encode("latin-1") + body
