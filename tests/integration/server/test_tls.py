"""HTTPS at real servers: who trusts whom, certificates that change, clients that take their time."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from garcom.access.accounts import Accounts
from garcom.access.roles import Grant, Role
from garcom.client import Client
from garcom.errors import InputError, ServerUnavailable
from tests.certificates import Pair, issue
from tests.integration.server import wire
from tests.integration.server.running import Running, running, wait_for
from tests.integration.server.test_slow_clients import WHOLE, seconds_of_each, seconds_until_closed
from tests.integration.server.wire import Connection, post, request
from tests.slow_connections import measure

LIMIT_S = 1.0
HEALTH = request("GET", "/healthz")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Iterator[Running]:
    """uvicorn with a certificate of its own making."""
    folder = tmp_path_factory.mktemp("secure")
    settings: dict[str, Any] = {"client_timeout_s": LIMIT_S, "keep_alive_s": 2 * LIMIT_S}
    with running(folder, "--tls-self-signed", register=(bundles["line-1"],), **settings) as server:
        yield server


@pytest.fixture(scope="module")
def authority() -> Pair:
    return issue("Test authority")


def shown(port: int, context: ssl.SSLContext) -> bytes:
    """The certificate that a server shows to a new client, in DER."""
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        found = secured.getpeercert(binary_form=True)
        assert found is not None
        return found


def test_the_greeting_tells_the_fingerprint_of_the_certificate_that_is_shown(secure: Running) -> None:
    assert "https://127.0.0.1" in secure.greeting
    assert "--cacert" in secure.greeting
    fingerprint = hashlib.sha256(shown(secure.port, wire.secured[secure.port])).digest().hex(":").upper()
    assert secure.process.stdout is not None
    lines = [secure.process.stdout.readline().decode() for _ in range(2)]
    assert f"SHA-256 {fingerprint}\n" in lines


def test_the_key_is_for_its_owner_only(secure: Running) -> None:
    assert (secure.home / "secrets" / "self-signed-key.pem").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (secure.home / "self-signed.pem").read_bytes()


def test_the_client_trusts_the_file_and_nothing_else(secure: Running, tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{secure.port}"
    with Client(url, verify=secure.home / "self-signed.pem") as client:
        assert client.predict({"x": 3}).prediction == 3.0
    with Client(url) as client, pytest.raises(ServerUnavailable, match=r"not trusted.*--ca-cert"):
        client.predict({"x": 3})
    with pytest.raises(InputError, match="PEM"):
        Client(url, verify=tmp_path / "nothing.pem")
    with pytest.raises(InputError, match="False"):
        Client(url, verify=False)  # type: ignore[arg-type]


def test_old_versions_and_weak_ciphers_are_refused(secure: Running) -> None:
    def asking(version: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=secure.home / "self-signed.pem")
        context.minimum_version = context.maximum_version = version
        context.set_ciphers(ciphers)
        return context

    assert shown(secure.port, asking(ssl.TLSVersion.TLSv1_2, "DEFAULT"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old = asking(ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0")
    for context in (old, asking(ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            shown(secure.port, context)


def test_the_short_way_and_the_long_one_keep_their_order(secure: Running) -> None:
    asked = b"".join(post("/predict", {"x": i}) + HEALTH for i in range(20))
    with Connection(secure.port) as connection:
        connection.send(asked)
        answers = [connection.answer() for _ in range(40)]
    assert [answer.json["prediction"] for answer in answers[::2]] == [float(i) for i in range(20)]
    assert {answer.status for answer in answers} == {200}


def test_what_is_no_http_is_answered_and_closed_in_order(secure: Running) -> None:
    with Connection(secure.port) as connection:
        connection.send(WHOLE + b"\0\0\0\0" + b"x" * 300_000)
        assert [connection.answer().status for _ in range(2)] == [200, 400]
        assert connection.closed() == b""


def seconds_of_stalled(port: int, *starts: bytes) -> list[float]:
    """How long the server keeps connections that begin no TLS, or no more than that."""

    def measure(data: bytes) -> float:
        with Connection(port, plain=True) as connection:
            return seconds_until_closed(connection.send(data))

    with ThreadPoolExecutor(len(starts)) as threads:
        return list(threads.map(measure, starts))


def test_slow_clients_are_cut_off_within_the_limit(secure: Running) -> None:
    kinds = ("silent", "half a head", "head by bytes", "half a short body", "long body by bytes", "second head")
    stalled = seconds_of_stalled(secure.port, b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert all(seconds < float("inf") for seconds in stalled), stalled
    found = seconds_of_each(secure.port, kinds)
    assert {kind: seconds for kind, seconds in found.items() if seconds == float("inf")} == {}
    with Connection(secure.port) as connection:
        assert connection.send(WHOLE).answer().status == 200
        assert seconds_until_closed(connection) < float("inf")


def test_sixty_slow_connections_beside_a_good_client(secure: Running) -> None:
    found = measure(secure, 60, 3.5 * LIMIT_S)
    assert found.beside.n > 0
    assert [kind for kind, kept in found.kept.items() if not kept] == ["reader"]


def test_plain_http_is_closed_without_a_word(secure: Running) -> None:
    with Connection(secure.port, plain=True) as connection:
        assert connection.send(HEALTH).closed() == b""
    assert [line for line in secure.log() if "exception" in line] == []


def test_stopping_does_not_wait_for_clients_that_say_no_goodbye(tmp_path: Path) -> None:
    with (
        running(tmp_path, "--tls-self-signed", keep_alive_s=60, client_timeout_s=60, grace_s=60) as server,
        Connection(server.port) as idle,
        Connection(server.port, plain=True),
    ):
        assert idle.send(HEALTH).answer().status == 200
        assert server.stop() == 0
    assert [line for line in server.log() if "exception" in line] == []


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_a_new_certificate_is_shown_without_a_restart(
    server: str, tmp_path: Path, bundles: dict[str, Path], authority: Pair
) -> None:
    first, second = issue("first", authority), issue("second", authority)
    certificate, key = first.write(tmp_path, "server")
    trusted = tmp_path / "authority.pem"
    trusted.write_bytes(authority.pem)
    context = ssl.create_default_context(cafile=trusted)
    options = ("--server", server, "--tls-cert", str(certificate), "--tls-key", str(key))
    with running(tmp_path, *options, register=(bundles["line-1"],), trust=trusted, client_timeout_s=5) as served:
        assert b"first" in shown(served.port, context)
        with Connection(served.port) as before:
            assert before.send(WHOLE).answer().status == 200
            key.write_bytes(second.key_pem())  # for a moment, the two do not fit
            certificate.write_bytes(second.pem)

            def is_second() -> bool:
                try:
                    return b"second" in shown(served.port, context)
                except OSError:
                    assert server == "granian"  # it drops the handshakes that are under way when it changes over
                    return False

            wait_for(is_second)
            if server == "uvicorn":  # granian lets them finish, and the next one connects anew
                assert before.send(WHOLE).answer().status == 200
        certificate.write_bytes(b"no certificate")
        wait_for(lambda: served.logged("changed TLS files cannot be used; the last ones stay"))
        for _ in range(5):
            assert b"second" in shown(served.port, context)
            assert served.ask(WHOLE).status == 200
        assert served.stop() == 0


def test_granian_speaks_http_2(tmp_path: Path, bundles: dict[str, Path]) -> None:
    home = tmp_path / "home"
    options = ("--server", "granian", "--tls-self-signed")
    with running(tmp_path, *options, register=(bundles["line-1"],), tls_http2=True) as server:
        context = ssl.create_default_context(cafile=home / "self-signed.pem")
        url = f"https://127.0.0.1:{server.port}"
        with httpx.Client(base_url=url, http1=False, http2=True, verify=context, timeout=30) as client:
            answer = client.post("/predict", json={"x": 3})
            assert (answer.http_version, answer.status_code, answer.json()["prediction"]) == ("HTTP/2", 200, 3.0)
            for path in ("/healthz", "/docs", "/v1/models/line", "/predict", "/no/path"):
                whole, head = client.get(path), client.head(path)
                assert (head.http_version, head.content) == ("HTTP/2", b"")
                assert head.status_code == whole.status_code
                assert head.headers["content-type"] == whole.headers["content-type"]


def test_clients_have_to_show_a_certificate_of_the_authority(
    tmp_path: Path, bundles: dict[str, Path], authority: Pair
) -> None:
    certificate, key = issue("server", authority).write(tmp_path, "server")
    trusted = tmp_path / "authority.pem"
    trusted.write_bytes(authority.pem)
    options = ("--tls-cert", str(certificate), "--tls-key", str(key), "--tls-client-ca", str(trusted))
    with running(tmp_path, *options, register=(bundles["line-1"],), trust=trusted) as server:

        def asked(pair: Pair | None) -> int:
            context = ssl.create_default_context(cafile=trusted)
            if pair is not None:
                context.load_cert_chain(*pair.write(tmp_path, "client"))
            wire.secured[server.port] = context
            return server.ask(WHOLE).status

        assert asked(issue("ana", authority)) == 200
        for stranger in (None, issue("ana", issue("Another authority"))):
            with pytest.raises((OSError, wire.Closed)):
                asked(stranger)


def test_a_certificate_is_its_user(tmp_path: Path, bundles: dict[str, Path], authority: Pair) -> None:
    certificate, key = issue("server", authority).write(tmp_path, "server")
    trusted = tmp_path / "authority.pem"
    trusted.write_bytes(authority.pem)
    options = ("--tls-cert", str(certificate), "--tls-key", str(key), "--tls-client-ca", str(trusted))
    with running(
        tmp_path, *options, register=(bundles["line-1"],), trust=trusted, tls_client_certificates="optional"
    ) as server:
        accounts = Accounts(server.registry.database)
        accounts.create_user("ana", [Grant(Role.CLIENT, "line")], None)

        def asked(data: bytes, pair: Pair | None) -> wire.Answer:
            context = ssl.create_default_context(cafile=trusted)
            if pair is not None:
                context.load_cert_chain(*pair.write(tmp_path, "client"))
            wire.secured[server.port] = context
            return server.ask(data)

        ana = issue("ana", authority)
        wait_for(lambda: asked(WHOLE, None).status == 401)
        wait_for(lambda: asked(WHOLE, ana).status == 200)
        context = wire.secured[server.port]
        with Connection(server.port) as connection:  # the second time the short way knows her
            assert [connection.send(WHOLE).answer().status for _ in range(3)] == [200, 200, 200]
        assert wire.secured[server.port] is context
        me = asked(request("GET", "/v1/me"), ana).json
        assert (me["kind"], me["name"]) == ("certificate", "ana")
        assert asked(WHOLE, issue("bia", authority)).status == 401
        # Who says who they are is believed that, whatever the connection has shown.
        assert asked(request("GET", "/v1/me", Authorization="Bearer gk_wrong"), ana).status == 401
        # A page of another site makes a browser show its certificate.
        foreign = post("/v1/models/line/predict", {"x": 1.0}, Origin="https://evil.example")
        assert asked(foreign, ana).status == 403
        accounts.disable("ana")
        wait_for(lambda: asked(WHOLE, ana).status == 401)
