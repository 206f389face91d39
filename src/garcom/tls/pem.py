"""What is wrong with the files of certificates and keys, in words that say what to do."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from garcom.errors import SettingsError
from garcom.tls.files import TlsFiles

logger = logging.getLogger("garcom.tls")

_OTHERS_READ = 0o004
#: A certificate that ends sooner than this is told of at the start.
_SOON_DAYS = 14


def check_pem(files: TlsFiles) -> None:
    """Raise SettingsError for files that hold something else, or a pair that no client would take."""
    certificate = _certificates(files.certificate, "--tls-cert")[0]
    _check_dates(certificate, files.certificate)
    _check_key(certificate, files)
    if files.client_ca is not None:
        _certificates(files.client_ca, "--tls-client-ca")


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"Expected a PEM file at {path} ({option}), and it cannot be read: {error.strerror}."
        ) from error


def _certificates(path: Path, option: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path, option))
    except ValueError as error:
        raise SettingsError(
            f"Expected certificates in PEM (-----BEGIN CERTIFICATE-----) in {path} ({option}), got something else. "
            "openssl x509 -inform der -in FILE -out FILE.pem converts a binary one."
        ) from error


def _check_dates(certificate: x509.Certificate, path: Path) -> None:
    now = datetime.now(UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= now < ends:
        raise SettingsError(
            f"The certificate {path} is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC, and now it is "
            f"{now:%Y-%m-%d %H:%M}. No client would take it: renew it, or set the clock."
        )
    if (ends - now).days < _SOON_DAYS:
        logger.warning("the certificate ends soon; renew it", extra={"certificate": str(path), "ends": str(ends)})


def _check_key(certificate: x509.Certificate, files: TlsFiles) -> None:
    try:
        key = load_pem_private_key(_read(files.key, "--tls-key"), None)
    except TypeError as error:
        raise SettingsError(
            f"The key {files.key} is encrypted, and a server that starts by itself cannot be asked for its password. "
            "openssl pkey -in FILE -out FILE.plain decrypts it; let only the server's user read that file."
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"Expected a private key in PEM (-----BEGIN PRIVATE KEY-----) in {files.key} (--tls-key), got none."
        ) from error
    kind = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*kind) != certificate.public_key().public_bytes(*kind):
        raise SettingsError(
            f"The key {files.key} does not belong to the certificate {files.certificate}. The server's own certificate "
            "has to be the first in its file, before those of the authorities."
        )
    if files.key.stat().st_mode & _OTHERS_READ:
        logger.warning("every user of this machine can read the key; chmod o-r", extra={"key": str(files.key)})
