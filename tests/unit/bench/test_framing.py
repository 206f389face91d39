"""Where answers end, whatever way they are framed and cut."""

from __future__ import annotations

import pytest
from bench.framing import BadAnswer, answer_length, body_of, post

PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN,
        PLAIN.replace(b"content-length: ", b"Content-Length: "),
        PLAIN.replace(b"content-type: text/plain\r\n", b""),
        PLAIN.replace(b"hello", b"").replace(b": 5", b": 0"),
    ],
)
def test_content_length(answer: bytes) -> None:
    assert answer_length(answer) == len(answer)
    assert answer_length(answer + b"more") == len(answer)


def test_content_length_is_known_once_the_head_is_there() -> None:
    head = PLAIN.index(b"\r\n\r\n") + 4
    for cut in range(len(PLAIN)):
        assert answer_length(PLAIN[:cut]) == (len(PLAIN) if cut >= head else None)


def test_chunked_is_known_with_the_last_chunk_only() -> None:
    assert answer_length(CHUNKED) == len(CHUNKED)
    assert {answer_length(CHUNKED[:cut]) for cut in range(len(CHUNKED))} == {None}


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED])
def test_body(answer: bytes) -> None:
    assert body_of(answer) == b"hello"


def test_another_status_is_an_error_that_shows_the_answer() -> None:
    with pytest.raises(BadAnswer, match="503 Busy"):
        answer_length(PLAIN.replace(b"200 OK", b"503 Busy"))


def test_no_framing_is_an_error() -> None:
    with pytest.raises(BadAnswer, match="Content-Length"):
        answer_length(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nhello")


def test_post() -> None:
    head, body = post("/predict", "application/json", b"{}").split(b"\r\n\r\n")
    assert head.startswith(b"POST /predict HTTP/1.1\r\n")
    assert b"Content-Length: 2" in head
    assert body == b"{}"
