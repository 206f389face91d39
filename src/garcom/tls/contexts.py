"""TLS contexts that follow their files: new connections get the newest certificate, old ones go on."""

from __future__ import annotations

import logging
import ssl

from garcom.errors import SettingsError
from garcom.tls.files import TlsFiles

logger = logging.getLogger("garcom.tls")

#: TLS 1.2 with forward secrecy and authenticated encryption only (RFC 9325 §4.2); 1.3 has no others.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

#: What tells that a file is another than before, for each of the files.
_Stamps = tuple[tuple[int, int, int], ...]


def context(files: TlsFiles, *, clients_required: bool = True, min_version: str = "1.2") -> ssl.SSLContext:
    """A server's context. Raises OSError, ssl.SSLError (one of it) or SettingsError for files that it cannot use."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3 if min_version == "1.3" else ssl.TLSVersion.TLSv1_2
    made.set_ciphers(_CIPHERS)
    made.options |= ssl.OP_NO_RENEGOTIATION
    made.set_alpn_protocols(["http/1.1"])
    made.load_cert_chain(files.certificate, files.key, password=_refuse_password)
    if files.client_ca is not None:
        made.load_verify_locations(files.client_ca)
        made.verify_mode = ssl.CERT_REQUIRED if clients_required else ssl.CERT_OPTIONAL
        # Every connection shows its certificate: a resumed session would go on with one that counts no longer.
        made.options |= ssl.OP_NO_TICKET
        made.num_tickets = 0
    return made


class Contexts:
    """The context for the next connection, in ``current``."""

    def __init__(self, files: TlsFiles, *, clients_required: bool, min_version: str) -> None:
        self.files = files
        self._clients_required = clients_required
        self._min_version = min_version
        self._seen = _stamps(files)
        #: Changed files that could not be used when they were first seen: they may be only half replaced.
        self._doubted: _Stamps | None = None
        self.current = self._make()

    def reload(self) -> bool:
        """Look at the files; gives whether ``current`` is another now. What cannot be used is logged, once."""
        stamps = _stamps(self.files)
        if stamps == self._seen:
            return False
        try:
            self.current = self._make()
        except (OSError, SettingsError) as error:
            if stamps == self._doubted:
                self._seen = stamps
                why = f"{_explained(error, self.files)} Mended files are loaded by themselves."
                logger.error("changed TLS files cannot be used; the last ones stay", extra={"why": why})
            self._doubted = stamps
            return False
        self._seen = stamps
        logger.info("the TLS certificate was loaded anew", extra={"certificate": str(self.files.certificate)})
        return True

    def _make(self) -> ssl.SSLContext:
        return context(self.files, clients_required=self._clients_required, min_version=self._min_version)


def _explained(error: Exception, files: TlsFiles) -> str:
    """Why files cannot be used: what the checks of the start say of them, or else what OpenSSL said."""
    from garcom.tls.pem import check_pem  # only when something is wrong

    try:
        check_pem(files)
    except SettingsError as told:
        return str(told)
    return f"OpenSSL does not take {files.certificate} with {files.key}: {error}."


def _stamps(files: TlsFiles) -> _Stamps:
    found = []
    for path in files:
        try:
            status = path.stat() if path is not None else None
        except OSError:
            status = None
        found.append((status.st_ino, status.st_size, status.st_mtime_ns) if status is not None else (0, 0, 0))
    return tuple(found)


def _refuse_password() -> str:
    # Without this, OpenSSL would ask at the terminal.
    raise SettingsError("The key is encrypted, and nobody is there to give its password.")
