"""The certificate for a first try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from garcom.settings import Settings, TlsSettings
from garcom.tls.checks import check
from garcom.tls.files import TlsFiles, tls_files
from garcom.tls.self_signed import ensure_self_signed, fingerprint
from tests.certificates import issue


def made(home: Path, host: str = "127.0.0.1") -> TlsFiles:
    files = tls_files(home, TlsSettings(self_signed=True))
    assert files is not None
    ensure_self_signed(home, files, host)
    return files


def test_it_is_made_once_and_good_for_a_server(tmp_path: Path) -> None:
    files = made(tmp_path)
    before = files.certificate.read_bytes()
    check(files, Settings())
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert made(tmp_path) == files
    assert files.certificate.read_bytes() == before
    assert fingerprint(files.certificate).count(":") == 31


def test_it_is_made_anew_with_the_same_key_for_another_address_and_where_it_is_damaged(tmp_path: Path) -> None:
    files = made(tmp_path)
    key, seen = files.key.read_bytes(), {fingerprint(files.certificate)}
    made(tmp_path, "203.0.113.7")
    names = x509.load_pem_x509_certificate(files.certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "203.0.113.7" in [str(address) for address in names.value.get_values_for_type(x509.IPAddress)]
    assert "localhost" in names.value.get_values_for_type(x509.DNSName)
    seen.add(fingerprint(files.certificate))
    for wrong in (b"", issue("of another key").pem):
        files.certificate.write_bytes(wrong)
        made(tmp_path, "203.0.113.7")
        seen.add(fingerprint(files.certificate))
    assert len(seen) == 4
    assert files.key.read_bytes() == key


def test_it_is_renewed_before_its_end(tmp_path: Path) -> None:
    files = made(tmp_path)
    seen = [fingerprint(files.certificate)]
    for days in (360, 370):
        ensure_self_signed(tmp_path, files, "127.0.0.1", datetime.now(UTC) + timedelta(days=days))
        seen.append(fingerprint(files.certificate))
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "models.example.com"])
def test_addresses_that_it_is_asked_for(tmp_path: Path, host: str) -> None:
    found = x509.load_pem_x509_certificate(made(tmp_path, host).certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert (host in names.get_values_for_type(x509.DNSName)) is (host == "models.example.com")
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
