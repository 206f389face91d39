"""Which user a client's certificate names.

As with PostgreSQL and Kubernetes, it is the user whose name is the certificate's common name (RFC 5280 §4.1.2.6). The
table ``[tls.users]`` names users for certificates that have other names; it is asked first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Where the name is put for a request: ``scope["state"]`` in the ASGI application, and an attribute of the protocol.
CERTIFICATE_USER = "certificate_user"


def principal_name(peercert: Mapping[str, Any] | None, users: Mapping[str, str] | None = None) -> str | None:
    """The user's name, or None: without a certificate, or where it names none or several.

    ``peercert`` is what :meth:`ssl.SSLSocket.getpeercert` gives of a certificate that was verified. ``users`` has
    names of users by names of certificates, written ``CN=robot``, ``DNS=…``, ``URI=…`` or ``email=…``.
    """
    if not peercert:
        return None
    common_names = [value for part in peercert.get("subject", ()) for key, value in part if key == "commonName"]
    listed = [f"{kind}={value}" for kind, value in peercert.get("subjectAltName", ())]
    listed += [f"CN={name}" for name in common_names]
    named = {users[name] for name in listed if name in users} if users else set()
    if not named:
        named = set(common_names)
    return named.pop() if len(named) == 1 else None
