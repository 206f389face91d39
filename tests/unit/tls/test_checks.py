"""What is wrong with certificates and keys is told before the server starts."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from garcom.errors import SettingsError
from garcom.settings import Settings, TlsSettings
from garcom.tls.checks import check
from garcom.tls.files import TlsFiles, tls_files
from tests.certificates import issue

AUTHORITY = issue("Authority")
SERVER = issue("server", AUTHORITY)
SETTINGS = Settings()


def refused(files: TlsFiles, settings: Settings = SETTINGS) -> str:
    with pytest.raises(SettingsError) as caught:
        check(files, settings)
    return str(caught.value)


def test_a_pair_that_fits_in_two_files_or_in_one(tmp_path: Path) -> None:
    check(TlsFiles(*SERVER.write(tmp_path, "server")), SETTINGS)
    both = tmp_path / "both.pem"
    both.write_bytes(SERVER.pem + AUTHORITY.pem + SERVER.key_pem())
    check(TlsFiles(both, both, both), SETTINGS)


def test_files_that_are_no_pair(tmp_path: Path) -> None:
    certificate, key = SERVER.write(tmp_path, "server")
    nothing, der, encrypted = tmp_path / "nothing", tmp_path / "der", tmp_path / "encrypted"
    der.write_bytes(b"0\x82\x01\x00")
    encrypted.write_bytes(SERVER.key_pem(b"secret"))
    _, other = issue("server", AUTHORITY).write(tmp_path, "other")
    assert f"{nothing} (--tls-cert)" in refused(TlsFiles(nothing, key))
    assert f"{nothing} (--tls-key)" in refused(TlsFiles(certificate, nothing))
    assert f"{nothing} (--tls-client-ca)" in refused(TlsFiles(certificate, key, nothing))
    assert "openssl x509" in refused(TlsFiles(der, key))
    assert "--tls-key), got none" in refused(TlsFiles(certificate, der))
    assert "encrypted" in refused(TlsFiles(certificate, encrypted))
    assert "does not belong" in refused(TlsFiles(certificate, other))


@pytest.mark.parametrize(("begins", "ends"), [(-2, -1), (1, 2)])
def test_a_certificate_that_no_client_would_take_now(tmp_path: Path, begins: int, ends: int) -> None:
    pair = issue("server", AUTHORITY, begins=timedelta(days=begins), ends=timedelta(days=ends))
    assert "now it is" in refused(TlsFiles(*pair.write(tmp_path, "server")))


def test_what_is_worth_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificate, key = issue("server", AUTHORITY, ends=timedelta(days=3)).write(tmp_path, "server")
    key.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        check(TlsFiles(certificate, key), SETTINGS)
    assert [record.message.split(";")[0] for record in caplog.records] == [
        "the certificate ends soon",
        "every user of this machine can read the key",
    ]


def test_what_a_server_cannot_do(tmp_path: Path) -> None:
    files = TlsFiles(*SERVER.write(tmp_path, "server"))
    assert "--server granian" in refused(files, Settings(tls=TlsSettings(http2=True)))
    granian = Settings(server="granian", tls=TlsSettings(client_ca="x"))
    assert "needs uvicorn" in refused(files, granian)


def test_settings_name_the_files_or_contradict_each_other(tmp_path: Path) -> None:
    assert tls_files(tmp_path, TlsSettings()) is None
    assert tls_files(tmp_path, TlsSettings(cert="/a")) == TlsFiles(Path("/a"), Path("/a"))
    assert tls_files(tmp_path, TlsSettings(cert="/a", key="/b", client_ca="/c")) == TlsFiles(
        Path("/a"), Path("/b"), Path("/c")
    )
    for wrong in (
        TlsSettings(key="/b"),
        TlsSettings(cert="/a", self_signed=True),
        TlsSettings(client_ca="/c"),
        TlsSettings(http2=True),
    ):
        with pytest.raises(SettingsError, match=r"--tls-"):
            tls_files(tmp_path, wrong)
