"""What is asked again, and what is not, against servers that misbehave on a real socket."""

from __future__ import annotations

import socket

import msgspec
import pytest

from garcom.client import Client, Prediction
from garcom.client.connection import Connection
from garcom.errors import Conflict, Fault, InputError, PredictionFailed, Rejected, ServerUnavailable
from tests.unit.client.scripted_server import RESET, answer, scripted

GOOD = answer(200, msgspec.json.encode(Prediction(id="1", model="wine", version=2, prediction="bom")))
BUSY = answer(503, b'{"detail": "Model is loading."}', "retry-after: 2")


class Patience:
    """Notes the pauses instead of waiting, and takes all of each; nothing else takes time."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def client(self, url: str, patience_s: float = 5.0, timeout_s: float = 10.0) -> Client:
        return Client.over(
            Connection(
                url,
                timeout_s=timeout_s,
                patience_s=patience_s,
                headers={"x-team": "cellar"},
                sleep=self.pauses.append,
                now=lambda: sum(self.pauses),
                uniform=lambda low, high: high,
            )
        )


@pytest.fixture
def patience() -> Patience:
    return Patience()


def test_asks_again_after_503_and_waits_as_told(patience: Patience) -> None:
    with scripted(BUSY, answer(503), GOOD) as server, patience.client(server.url) as client:
        assert client.predict({"pH": 3.0}).prediction == "bom"
    assert patience.pauses == [2.1, 0.2]
    assert [body for _, body in server.requests] == [b'{"pH":3.0}'] * 3


def test_503_to_the_last_is_server_unavailable(patience: Patience) -> None:
    with scripted(BUSY, BUSY, BUSY) as server, patience.client(server.url, patience_s=4.2) as client:
        with pytest.raises(ServerUnavailable, match=r"Model is loading\. \(asked 3 times\)") as caught:
            client.predict({"pH": 3.0})
        assert caught.value.status == 503
    assert len(server.requests) == 3
    assert patience.pauses == [2.1, pytest.approx(2.1)]  # the second is cut short by the end of patience


def test_a_server_that_asks_for_long_patience_is_unavailable_at_once(patience: Patience) -> None:
    closed = answer(503, b'{"detail": "Closed for the night."}', "retry-after: 3600")
    with (
        scripted(closed) as server,
        patience.client(server.url) as client,
        pytest.raises(ServerUnavailable, match="Closed for the night"),
    ):
        client.predict({"pH": 3.0})
    assert patience.pauses == []


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422, 429])
def test_4xx_is_rejected_and_never_asked_again(patience: Patience, status: int) -> None:
    with (
        scripted(answer(status, b'{"detail": "Not like this."}'), GOOD) as server,
        patience.client(server.url) as client,
        pytest.raises(Rejected, match=r"^Not like this\.$") as caught,
    ):
        client.predict({"pH": 3.0})
    assert caught.value.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_other_failures_are_never_asked_again(patience: Patience, status: int) -> None:
    with (
        scripted(answer(status, b"<html>"), GOOD) as server,
        patience.client(server.url) as client,
        pytest.raises(PredictionFailed, match=f"answered {status} Whatever without saying why") as caught,
    ):
        client.predict({"pH": 3.0})
    assert not isinstance(caught.value, Rejected | ServerUnavailable)
    assert len(server.requests) == 1


def test_a_prediction_whose_connection_broke_is_not_asked_again(patience: Patience) -> None:
    with (
        scripted(RESET, GOOD) as server,
        patience.client(server.url) as client,
        pytest.raises(ServerUnavailable, match="broke before the answer came"),
    ):
        client.predict({"pH": 3.0})
    assert len(server.requests) == 1
    assert patience.pauses == []


def test_a_harmless_question_is_asked_again_after_a_broken_connection(patience: Patience) -> None:
    with scripted(RESET, RESET, answer(200, b"[]")) as server, patience.client(server.url) as client:
        assert client.models() == []
    assert len(server.requests) == 3


def test_an_answer_that_never_comes_is_not_asked_for_again(patience: Patience) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            patience.client(url, timeout_s=0.05) as client,
            pytest.raises(ServerUnavailable, match=r"did not answer within 0\.05 s"),
        ):
            client.predict({"pH": 3.0})
    assert patience.pauses == []


def test_nobody_there_is_asked_again_and_then_told(patience: Patience) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with patience.client(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(ServerUnavailable, match=r"tried 9 times.*`garcom serve`"):
            client.predict({"pH": 3.0})
        assert not client.ready()
    assert patience.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 0.5])
    assert sum(patience.pauses) == pytest.approx(5.0)  # whoever restarts a server takes less


def test_without_patience_a_question_is_asked_once(patience: Patience) -> None:
    with (
        scripted(answer(503), GOOD) as server,
        patience.client(server.url, patience_s=0) as client,
        pytest.raises(ServerUnavailable, match="asked once"),
    ):
        client.predict({"pH": 3.0})
    assert patience.pauses == []


def test_a_closed_client_says_so(patience: Patience) -> None:
    with patience.client("http://127.0.0.1:9") as client:
        pass
    for ask in (client.models, client.ready, lambda: client.predict({"pH": 3.0})):
        with pytest.raises(Conflict, match=r"client of http://127\.0\.0\.1:9 is closed.*Make another Client"):
            ask()
    client.close()


def test_a_null_is_told_in_the_words_of_whoever_sent_none(patience: Patience) -> None:
    places = [
        {"where": f"records[{row}].pH", "expected": "a number", "got": got} for row, got in enumerate(("null", "text"))
    ]
    problem = {"detail": "records[0].pH: expected a number, got null. (and 1 more)", "errors": places}
    with (
        scripted(answer(422, msgspec.json.encode(problem))) as server,
        patience.client(server.url) as client,
        pytest.raises(Rejected) as caught,
    ):
        client.predict([{"pH": float("nan")}, {"pH": "a"}])
    missing = "a missing value (null; None or NaN in Python)"
    assert str(caught.value).startswith(f"records[0].pH: expected a number, got {missing}. (and 1 more)")
    assert [fault.got for fault in caught.value.faults] == [missing, "text"]


def test_ready_asks_once(patience: Patience) -> None:
    with scripted(BUSY, answer(200, b'{"status": "ready"}')) as server, patience.client(server.url) as client:
        assert not client.ready()
        assert client.ready()
    assert patience.pauses == []


def test_headers_and_request_id_go_with_the_request(patience: Patience) -> None:
    with scripted(GOOD) as server, patience.client(server.url) as client:
        client.predict({"pH": 3.0}, "wine", 2, request_id="order-7")
    head, _ = server.requests[0]
    assert head.startswith("post /v1/models/wine/versions/2/predict ")
    assert "x-request-id: order-7" in head
    assert "x-team: cellar" in head


def test_a_request_id_that_the_server_would_replace_is_refused(patience: Patience) -> None:
    with patience.client("http://127.0.0.1:9") as client, pytest.raises(InputError, match="Expected a request id"):
        client.predict({"pH": 3.0}, request_id="pedido nº 7")


def test_every_fault_of_a_problem_is_told(patience: Patience) -> None:
    places = [{"where": f"records[{row}].pH", "expected": "a number", "got": "text"} for row in range(7)]
    places[0]["suggestion"] = "Send 3.1."
    problem = {"detail": "records[0].pH: expected a number, got text. (and 6 more)", "status": 422, "errors": places}
    with (
        scripted(answer(422, msgspec.json.encode(problem))) as server,
        patience.client(server.url) as client,
        pytest.raises(Rejected) as caught,
    ):
        client.predict([{"pH": "a"}] * 7)
    error = caught.value
    assert error.status == 422
    assert error.problem == problem
    assert error.faults[0] == Fault("records[0].pH", "a number", "text", "Send 3.1.")
    assert len(error.faults) == 7
    assert "  records[4].pH: expected a number, got text." in str(error).splitlines()
    assert str(error).endswith("… and 2 more")


def test_the_request_id_of_a_failure_of_the_server_is_told(patience: Patience) -> None:
    problem = answer(500, b'{"detail": "The engine failed.", "request_id": "0192"}')
    with scripted(problem) as server, patience.client(server.url) as client, pytest.raises(PredictionFailed) as caught:
        client.predict({"pH": 3.0})
    assert str(caught.value) == "The engine failed.\n(request id 0192)"


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b'{"id": 3}', b"\xff"])
def test_an_answer_that_is_none_says_so(patience: Patience, body: bytes) -> None:
    page = answer(200, body, "content-type: text/html")
    with (
        scripted(page) as server,
        patience.client(server.url) as client,
        pytest.raises(PredictionFailed, match=r"Expected an answer of a Garçom server .* got text/html"),
    ):
        client.predict({"pH": 3.0})


def test_a_moved_server_is_named(patience: Patience) -> None:
    moved = answer(308, b"", "location: https://example.test/predict")
    with (
        scripted(moved) as server,
        patience.client(server.url) as client,
        pytest.raises(PredictionFailed, match=r"it is at https://example\.test/predict now"),
    ):
        client.predict({"pH": 3.0})


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://127.0.0.1", "http://", "http://127.0.0.1:x", "http://a/?b"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="Expected the address of a server"):
        Client(url)


@pytest.mark.parametrize(("timeout_s", "patience_s"), [(0.0, 3), (-1.0, 3), (1.0, -1), (1.0, float("nan"))])
def test_impossible_limits_are_refused(timeout_s: float, patience_s: float) -> None:
    with pytest.raises(InputError, match="Expected patience_s"):
        Client(timeout_s=timeout_s, patience_s=patience_s)
