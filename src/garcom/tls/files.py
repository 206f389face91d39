"""Which certificate, key and authority a server uses."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from garcom.errors import SettingsError
from garcom.settings import TlsSettings


class TlsFiles(NamedTuple):
    """PEM files; the key may stand in the certificate's. ``client_ca`` signs the clients' certificates, if any."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


def tls_files(home: Path, tls: TlsSettings) -> TlsFiles | None:
    """The files that the settings name, whether they are there or not; None for plain HTTP.

    Raises SettingsError for settings that contradict each other.
    """
    if tls.self_signed and (tls.cert or tls.key):
        raise SettingsError("Expected either --tls-cert or --tls-self-signed, got both. Leave one of them out.")
    if tls.key and not tls.cert:
        raise SettingsError("Expected --tls-cert beside --tls-key, got none: give the certificate that the key is for.")
    client_ca = Path(tls.client_ca).expanduser() if tls.client_ca else None
    if tls.self_signed:
        return TlsFiles(home / "self-signed.pem", home / "secrets" / "self-signed-key.pem", client_ca)
    if tls.cert:
        certificate = Path(tls.cert).expanduser()
        return TlsFiles(certificate, Path(tls.key).expanduser() if tls.key else certificate, client_ca)
    if client_ca is not None or tls.http2:
        what = "tls.http2" if client_ca is None else "--tls-client-ca"
        raise SettingsError(f"{what} needs TLS: give --tls-cert and --tls-key, or --tls-self-signed for a first try.")
    return None
