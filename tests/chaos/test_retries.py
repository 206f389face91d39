from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.chaos.retries import retry_keys


class Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections drop: that is the test."""


@contextmanager
def server(answer: Callable[[str, bytes], tuple[int, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) == length:
                status, content = answer(self.headers["Idempotency-Key"], body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}/predict"
        finally:
            listening.shutdown()
            thread.join()


def test_each_key_gets_its_one_answer_over_connections_that_drop() -> None:
    asked: Counter[str] = Counter()
    mutex = threading.Lock()

    def answer(key: str, body: bytes) -> tuple[int, bytes]:
        with mutex:
            asked[key] += 1
            n = asked[key]
        return (503, b"later") if n == 2 else (200, b"to " + body)

    with server(answer) as url:
        answers = retry_keys(url, 50, str.encode, n_sendings=4, n_threads=4)
    assert len(answers) == 50
    assert all(found == {b"to " + key.encode()} for key, found in answers.items())
    assert max(asked.values()) > 2


def test_a_server_that_answers_anew_is_seen_through() -> None:
    answers_given = iter(range(10**6))

    with server(lambda key, body: (200, str(next(answers_given)).encode())) as url:
        answers = retry_keys(url, 50, str.encode, n_sendings=6, n_threads=4)
    assert max(map(len, answers.values())) > 1


def test_a_refusal_for_good_fails() -> None:
    with server(lambda key, body: (422, b"no")) as url, pytest.raises(AssertionError, match="got 422: b'no'"):
        retry_keys(url, 3, str.encode)
