"""A certificate for a first try, signed by its own key and kept in the home folder."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from garcom.run_folder import publish
from garcom.storage.secret_file import secret
from garcom.tls.files import TlsFiles

#: Browsers take no longer one; a renewed one has the same key.
_VALID = timedelta(days=397)
_RENEW_BEFORE = timedelta(days=30)
#: A clock that is a little behind should take a new certificate too.
_EARLIER = timedelta(hours=1)


def ensure_self_signed(home: Path, files: TlsFiles, host: str, now: datetime | None = None) -> None:
    """Make key and certificate where they are not there, and the certificate anew where it ends soon or lacks a name.

    Several processes may do it at once: they share one key, and every certificate of it is whole. Raises
    SettingsError where the home folder cannot be written.
    """
    key = load_pem_private_key(secret(home, files.key.name, _new_key), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # for the type checker: _new_key made it
    names = _names(host)
    now = now or datetime.now(UTC)
    if not _serves(files.certificate, key, names, now):
        publish(files.certificate, _certificate(key, names, now).public_bytes(Encoding.PEM))


def fingerprint(certificate: Path) -> str:
    """The SHA-256 of the first certificate in a PEM file, written as browsers and ``openssl x509`` show it."""
    first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return hashlib.sha256(first.public_bytes(Encoding.DER)).digest().hex(":").upper()


def _new_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _names(host: str) -> list[x509.GeneralName]:
    """Where a client may look for this server: loopback, this machine's name, and the address it listens on."""
    addresses, hosts = ["127.0.0.1", "::1"], ["localhost", socket.gethostname()]
    try:
        if not ipaddress.ip_address(host).is_unspecified:
            addresses.append(host)
    except ValueError:
        hosts.append(host)
    return [
        *(x509.DNSName(name) for name in dict.fromkeys(hosts) if name.isascii()),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in dict.fromkeys(addresses)),
    ]


def _serves(path: Path, key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName], now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        listed = list(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    der = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return (
        found.not_valid_after_utc - now > _RENEW_BEFORE
        and listed == names
        and found.public_key().public_bytes(*der) == key.public_key().public_bytes(*der)
    )


def _certificate(key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName], now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Garçom, self-signed")])
    public = key.public_key()
    usage = {"digital_signature": True, "content_commitment": False, "key_encipherment": False}
    usage |= {"data_encipherment": False, "key_agreement": False, "key_cert_sign": False}
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=public,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _EARLIER,
        not_valid_after=now - _EARLIER + _VALID,
        extensions=[
            x509.Extension(oid=extension.oid, critical=critical, value=extension)
            for extension, critical in (
                (x509.SubjectAlternativeName(names), False),
                # Who trusts this server should not thereby trust others that its key signs.
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (x509.KeyUsage(**usage, crl_sign=False, encipher_only=False, decipher_only=False), True),
                (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), False),
                (x509.SubjectKeyIdentifier.from_public_key(public), False),
                (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False),
            )
        ],
    )
    return builder.sign(key, hashes.SHA256())
