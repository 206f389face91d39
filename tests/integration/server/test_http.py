"""HTTP itself on uvicorn with the short way: whatever is sent, answers come in order and none too many."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable
from itertools import product

import pytest

from tests.integration.server.running import Running
from tests.integration.server.wire import Closed, Connection, post, request

LINE = "/v1/models/line/predict"
HEALTH = request("GET", "/healthz")


def x(value: float, path: str = LINE, **headers: str) -> bytes:
    return post(path, {"x": value}, **headers)


#: One of each way that requests take: short, long because of its path, the control application, refused.
KINDS: dict[str, Callable[[int], tuple[bytes, int]]] = {
    "short": lambda i: (x(i, x_request_id=f"r{i}"), 200),
    "query": lambda i: (x(i, LINE + "?long", x_request_id=f"r{i}"), 200),
    "list": lambda i: (post(LINE, [{"x": i}] * 3, x_request_id=f"r{i}"), 200),
    "health": lambda i: (request("GET", "/healthz", x_request_id=f"r{i}"), 200),
    "models": lambda i: (request("GET", "/v1/models", x_request_id=f"r{i}"), 200),
    "bad": lambda i: (post(LINE, {"y": i}, x_request_id=f"r{i}"), 422),
    "unknown": lambda i: (post("/v1/models/none/predict", {}, x_request_id=f"r{i}"), 404),
    "method": lambda i: (request("PUT", LINE, b"{}", x_request_id=f"r{i}"), 405),
    "chunked": lambda i: (
        request("POST", LINE, transfer_encoding="chunked", content_type="application/json", x_request_id=f"r{i}")
        + b'8\r\n{"x": 1}\r\n0\r\n\r\n',
        415,  # request() writes no Content-Type where there is no body
    ),
    "upgrade": lambda i: (
        request("GET", "/healthz", connection="Upgrade", upgrade="websocket", x_request_id=f"r{i}"),
        200,
    ),
    "h2c": lambda i: (x(i, connection="Upgrade, HTTP2-Settings", upgrade="h2c", x_request_id=f"r{i}"), 200),
}


#: granian reads nothing after a request for another protocol, as RFC 9110 §7.8 leaves to it.
PAIRS = [("uvicorn_server", *pair) for pair in product(KINDS, repeat=2)]
PAIRS += [("granian_server", *pair) for pair in product(set(KINDS) - {"upgrade", "h2c"}, repeat=2)]


@pytest.mark.parametrize(("which", "first", "second"), sorted(PAIRS))
def test_two_requests_in_one_packet_are_answered_in_order(
    request: pytest.FixtureRequest, which: str, first: str, second: str
) -> None:
    server: Running = request.getfixturevalue(which)
    sent = [KINDS[first](1), KINDS[second](2)]
    with Connection(server.port) as connection:
        connection.send(b"".join(data for data, _ in sent))
        answers = [connection.answer() for _ in sent]
        assert [(a.headers["x-request-id"], a.status) for a in answers] == [
            (f"r{i}", status) for i, (_, status) in enumerate(sent, 1)
        ]
        assert connection.send(HEALTH).answer().status == 200


def test_any_mixture_cut_anywhere_is_answered_in_order(uvicorn_server: Running) -> None:
    chance = random.Random(7)
    for _ in range(25):
        kinds = chance.choices(list(KINDS), k=40)
        sent = [KINDS[kind](i) for i, kind in enumerate(kinds)]
        data = b"".join(part for part, _ in sent)
        with Connection(uvicorn_server.port) as connection:
            while data:
                n = chance.choice([1, 7, 60, 500, 5000, 60_000])
                connection.send(data[:n])
                data = data[n:]
            answers = [connection.answer() for _ in sent]
        found = [(a.headers["x-request-id"], a.status) for a in answers]
        assert found == [(f"r{i}", status) for i, (_, status) in enumerate(sent)]


def test_one_byte_at_a_time(server: Running) -> None:
    with Connection(server.port) as connection:
        for byte in x(5) + x(6):
            connection.send(bytes([byte]))
        assert [connection.answer().json["prediction"] for _ in range(2)] == [5.0, 6.0]


def test_a_body_of_many_packets(server: Running) -> None:
    data = post(LINE, [{"x": i} for i in range(3000)])
    with Connection(server.port) as connection:
        for start in range(0, len(data), 1460):
            connection.send(data[start : start + 1460])
        assert len(connection.answer().json) == 3000


CHUNKED = (
    b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    % (LINE.encode())
)


def test_chunks_extensions_and_trailers(server: Running) -> None:
    body = b'3;ext="a"\r\n{"x\r\n5\r\n": 4}\r\n0\r\nContent-Type: text/plain\r\nX-Request-ID: trailer\r\n\r\n'
    with Connection(server.port) as connection:
        answer = connection.send(CHUNKED + body).answer()
        assert (answer.status, answer.json["prediction"]) == (200, 4.0)
        assert answer.headers["x-request-id"] == answer.json["id"]
        assert connection.send(x(2)).answer().status == 200


def test_no_body_at_all(server: Running) -> None:
    data = f"POST {LINE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n".encode()
    with Connection(server.port) as connection:
        assert connection.send(data).answer().status == 400
        assert connection.send(x(2)).answer().status == 200


def test_continue_is_said_before_the_body_comes(server: Running) -> None:
    head, _, body = x(8, expect="100-continue").partition(b"\r\n\r\n")
    with Connection(server.port) as connection:
        connection.send(head + b"\r\n\r\n")
        said = connection.socket.recv(1000)
        assert said == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert connection.send(body).answer().json["prediction"] == 8.0
        assert connection.send(x(2)).answer().status == 200


@pytest.mark.parametrize(
    ("path", "length", "status"), [(LINE, 90_000_000, 413), ("/v1/models/none/predict", 10, 404), ("/healthz", 10, 405)]
)
def test_a_refusal_instead_of_continue(uvicorn_server: Running, path: str, length: int, status: int) -> None:
    data = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n".encode()
    )
    with Connection(uvicorn_server.port) as connection:
        answer = connection.send(data).answer()
        assert answer.status == status


def test_who_waits_in_the_middle_of_a_refused_body_is_told(server: Running) -> None:
    head = (
        f"POST {LINE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90000000\r\n\r\n"
    )
    with Connection(server.port) as connection:
        answer = connection.send(head.encode() + b"[" + b" " * 10_000).answer()
        assert answer.status == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert connection.closed() == b""


def test_http_1_0_and_connection_close(server: Running) -> None:
    for data in (x(3).replace(b"HTTP/1.1", b"HTTP/1.0"), x(3, connection="close")):
        with Connection(server.port) as connection:
            connection.send(data)
            head = connection.closed()
            assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
            assert b'"prediction":3.0' in head


def test_nothing_after_connection_close_is_answered(uvicorn_server: Running) -> None:
    with Connection(uvicorn_server.port) as connection:
        connection.send(x(1) + x(2, connection="close") + x(3))
        assert connection.closed().count(b"HTTP/1.1 200") == 2


def broken(*headers: str, body: str = "abc") -> bytes:
    """A request to predict with headers that are wrong."""
    return "\r\n".join([f"POST {LINE} HTTP/1.1", "Host: localhost", *headers, "", body]).encode()


BROKEN = {
    "garbage": b"\x00\x01\x02 nonsense\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two lengths": broken("Content-Length: 3", "Content-Length: 4", body="abcd"),
    "same length twice": broken("Content-Length: 3", "Content-Length: 3"),
    "length list": broken("Content-Length: 3, 3"),
    "signed length": broken("Content-Length: +3"),
    "negative length": broken("Content-Length: -3"),
    "huge length": broken(f"Content-Length: {10**30}"),
    "TE and CL": broken("Transfer-Encoding: chunked", "Content-Length: 4", body="0\r\n\r\n"),
    "CL and TE": broken("Content-Length: 4", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
    "unknown coding": broken("Transfer-Encoding: xchunked", body="0\r\n\r\n"),
    "chunked not last": broken("Transfer-Encoding: chunked, gzip", body="0\r\n\r\n"),
    "space before colon": broken("Content-Length : 3"),
    "folded": broken("X: b\r\n c", "Content-Length: 3"),
    "bare CR": broken("X: b\rY: b", "Content-Length: 3"),
    "bare LF": broken("Content-Length: 3").replace(b"\r\n", b"\n"),
    "NUL": broken("X: \0", "Content-Length: 3"),
    "no colon": broken("X", "Content-Length: 3"),
    "bad chunk": CHUNKED + b"zz\r\nabc\r\n",
    "long chunk": CHUNKED + b"ffffffffffffffffff\r\nabc\r\n",
    "chunk without end": CHUNKED + b"3\r\nabcX",
    "no path": b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "odd path": b"GET foo HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "raw bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "version": b"GET / HTTP/3.7\r\nHost: localhost\r\n\r\n",
    "connect": b"CONNECT a:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
}
SMUGGLED = request("GET", "/readyz", x_request_id="smuggled")


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("before", ["nothing", "short", "models"])
def test_what_is_no_http_ends_the_connection_after_the_answers_before_it(
    uvicorn_server: Running, kind: str, before: str
) -> None:
    n_before = 0 if before == "nothing" else 2
    with Connection(uvicorn_server.port) as connection:
        ahead = b"".join(KINDS[before](i)[0] for i in range(n_before))
        connection.send(ahead + BROKEN[kind] + SMUGGLED)
        for i in range(n_before):
            answer = connection.answer()
            assert (answer.status, answer.headers["x-request-id"]) == (200, f"r{i}")
        answer = connection.answer()
        assert 400 <= answer.status < 500, answer
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == answer.status
        if answer.status == 400:
            assert answer.headers["connection"] == "close"
            connection.end()
            assert connection.closed() == b"", "an answer too many"


@pytest.mark.parametrize("kind", BROKEN)
def test_granian_never_answers_what_was_smuggled(granian_server: Running, kind: str) -> None:
    with Connection(granian_server.port) as connection:
        connection.send(BROKEN[kind] + SMUGGLED)
        with contextlib.suppress(OSError):  # closed already
            connection.end()
        found = connection.closed()
        if kind in ("bare LF", "same length twice", "TE and CL", "CL and TE", "odd path", "connect"):
            # hyper takes these for a request, and each in the one way that RFC 9112 allows; a CONNECT that is
            # refused leaves the connection to HTTP, so what follows it is a request of its own.
            return
        assert found.count(b"HTTP/1.1 ") <= 1
        assert b"smuggled" not in found


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(9000)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 3_000_000,
        b"GET /" + b"a" * 3_000_000,
        CHUNKED + b"1\r\n{\r\n0\r\nX: " + b"a" * 3_000_000,
        CHUNKED + b"1;" + b"a" * 3_000_000,
        b"\r\n" * 1_000_000,
    ],
    ids=["url", "header", "headers", "open header", "open url", "trailer", "extension", "blank lines"],
)
@pytest.mark.parametrize("ahead", [b"", x(1)])
def test_a_head_without_measure(uvicorn_server: Running, data: bytes, ahead: bytes) -> None:
    with Connection(uvicorn_server.port) as connection:
        connection.send(ahead + data)
        if ahead:
            assert connection.answer().status == 200
        answer = connection.answer()
        assert answer.status == 431
        assert answer.json["status"] == 431
        assert answer.headers["x-request-id"] == answer.json["request_id"]
        connection.end()
        assert connection.closed() == b""


def test_a_long_head_is_counted_from_its_first_byte(uvicorn_server: Running) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(9000)) + b"\r\n"
    with Connection(uvicorn_server.port) as connection:
        connection.send(x(1) + head[:45_000])
        assert connection.answer().status == 200
        assert connection.send(head[45_000:]).answer().status == 431


def test_a_head_as_long_as_is_allowed(uvicorn_server: Running) -> None:
    with Connection(uvicorn_server.port) as connection:
        data = x(3, x_filler="a" * 60_000)
        for start in range(0, len(data), 10_000):
            connection.send(data[start : start + 10_000])
            time.sleep(0.002)
        assert connection.answer().json["prediction"] == 3.0
        # A long body before it does not count.
        connection.send(post(LINE, [{"x": 1}] * 30_000) + data)
        assert [connection.answer().status for _ in range(2)] == [200, 200]


def test_a_client_that_ends_its_side_is_still_answered(uvicorn_server: Running) -> None:
    for data, n in ((x(1), 1), (HEALTH, 1), (x(1) + HEALTH + x(2), 3)):
        with Connection(uvicorn_server.port) as connection:
            connection.send(data)
            connection.end()
            assert connection.closed().count(b"HTTP/1.1 200") == n


def test_clients_that_go_away_harm_nobody(uvicorn_server: Running) -> None:
    long = post(LINE, [{"x": i} for i in range(20_000)])
    with Connection(uvicorn_server.port) as other:
        for data in (
            b"",
            b"POST",
            x(1)[:60],
            x(1)[:-3],
            x(1),
            x(1) * 20,
            long[:1000],
            long[:-3],
            long,
            CHUNKED + b"3\r\n",
        ):
            for reset in (False, True):
                connection = Connection(uvicorn_server.port).send(data)
                if reset:
                    linger = b"\1\0\0\0\0\0\0\0"
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.socket.close()
                assert other.send(x(4)).answer().json["prediction"] == 4.0
    assert uvicorn_server.logged("Exception in ASGI application\n") == []
    assert [line for line in uvicorn_server.log() if "exception" in line] == []


def test_an_unfinished_request_gets_no_answer(uvicorn_server: Running) -> None:
    with Connection(uvicorn_server.port) as connection:
        connection.send(x(1) + x(2)[:-2])
        assert connection.answer().status == 200
        connection.end()
        with pytest.raises(Closed):
            connection.answer()


def test_a_method_that_nobody_knows(uvicorn_server: Running) -> None:
    with Connection(uvicorn_server.port) as connection:
        answer = connection.send(b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n").answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert "known method" in answer.json["detail"]


def test_options_for_the_whole_server(uvicorn_server: Running) -> None:
    with Connection(uvicorn_server.port) as connection:
        connection.send(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.answer().status in (400, 404, 405)
