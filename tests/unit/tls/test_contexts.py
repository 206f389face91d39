"""Contexts that follow their files."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest

from garcom.errors import SettingsError
from garcom.tls.contexts import Contexts, context
from garcom.tls.files import TlsFiles
from tests.certificates import issue


def test_a_new_pair_is_taken_once_and_half_of_one_never(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = TlsFiles(*issue("first", issue("Authority")).write(tmp_path, "server"))
    contexts = Contexts(files, clients_required=True, min_version="1.2")
    first = contexts.current
    assert not contexts.reload()
    second = issue("second", issue("Authority"))
    files.key.write_bytes(second.key_pem())
    with caplog.at_level(logging.ERROR):
        assert not contexts.reload()
        assert caplog.records == []  # the certificate may be on its way
        assert not contexts.reload()
        assert not contexts.reload()
        assert len(caplog.records) == 1
        assert "does not belong to the certificate" in why(caplog)
    assert contexts.current is first
    files.certificate.write_bytes(second.pem)
    assert contexts.reload()
    assert contexts.current is not first
    assert not contexts.reload()
    files.certificate.unlink()
    assert not contexts.reload()


def why(caplog: pytest.LogCaptureFixture) -> str:
    """What the last record says of the files."""
    return str(vars(caplog.records[-1])["why"])


def test_files_that_cannot_be_loaded_again_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pair = issue("server", issue("Authority"))
    files = TlsFiles(*pair.write(tmp_path, "server"))
    contexts = Contexts(files, clients_required=True, min_version="1.2")
    first = contexts.current
    for path, junk, said in (
        (files.certificate, b"junk", f"{files.certificate} (--tls-cert), got something else. openssl x509"),
        (files.key, b"junk!", f"{files.key} (--tls-key), got none."),
        (files.key, None, f"{files.key} (--tls-key), and it cannot be read: No such file or directory."),
        (files.key, pair.key_pem(b"secret"), f"{files.key} is encrypted"),
    ):
        right = path.read_bytes()
        path.write_bytes(junk) if junk is not None else path.unlink()
        assert [contexts.reload(), contexts.reload()] == [False, False]
        assert said in why(caplog)
        assert caplog.records[-1].message.endswith("the last ones stay")
        path.write_bytes(right)
        assert contexts.reload()  # by itself
    assert contexts.current is not first


def test_clients_certificates_are_asked_for_and_never_resumed(tmp_path: Path) -> None:
    authority = issue("Authority")
    certificate, key = issue("server", authority).write(tmp_path, "server")
    asked_for_none = context(TlsFiles(certificate, key))
    assert asked_for_none.verify_mode is ssl.CERT_NONE
    assert asked_for_none.minimum_version is ssl.TLSVersion.TLSv1_2
    files = TlsFiles(certificate, key, authority.write(tmp_path, "authority")[0])
    assert context(files).verify_mode is ssl.CERT_REQUIRED
    optional = context(files, clients_required=False, min_version="1.3")
    assert optional.verify_mode is ssl.CERT_OPTIONAL
    assert optional.minimum_version is ssl.TLSVersion.TLSv1_3
    assert optional.num_tickets == 0
    assert optional.options & ssl.OP_NO_TICKET


def test_an_encrypted_key_asks_nobody_for_its_password(tmp_path: Path) -> None:
    pair = issue("server", issue("Authority"))
    certificate, key = pair.write(tmp_path, "server")
    key.write_bytes(pair.key_pem(b"secret"))
    with pytest.raises(SettingsError, match="encrypted"):
        context(TlsFiles(certificate, key))
