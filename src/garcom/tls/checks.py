"""What is wrong with certificates, keys and the settings about them, told before the server starts."""

from __future__ import annotations

import ssl

from garcom.errors import SettingsError
from garcom.settings import Settings
from garcom.tls.contexts import context
from garcom.tls.files import TlsFiles
from garcom.tls.pem import check_pem


def check(files: TlsFiles, settings: Settings) -> None:
    """Raise SettingsError where a server could not use the files, or no client would take the certificate."""
    _check_server(settings)
    check_pem(files)
    try:
        context(files, min_version=settings.tls.min_version)
    except (OSError, ssl.SSLError) as error:  # what OpenSSL alone knows: a key too short for its security level
        raise SettingsError(f"OpenSSL does not take {files.certificate} with {files.key}: {error}.") from error


def _check_server(settings: Settings) -> None:
    tls = settings.tls
    if settings.server == "uvicorn" and tls.http2:
        raise SettingsError("uvicorn speaks no HTTP/2: choose --server granian for tls.http2, or leave it out.")
    if settings.server == "granian" and tls.client_ca:
        # granian asks for the certificate and checks it, but does not tell the application whose it is.
        raise SettingsError("granian does not tell whose certificate a client shows: --tls-client-ca needs uvicorn.")
