"""Messages as JSON to a web address, signed so that whoever receives them knows where they come from."""

from __future__ import annotations

import hashlib
import hmac
import logging
from datetime import datetime

import httpx
import msgspec

from garcom.errors import DeliveryFailed
from garcom.monitoring.alerts.messages import Message

#: ``t=<Unix seconds>,v1=<hex>``: HMAC-SHA256 with the secret over the seconds, a dot, and the body.
SIGNATURE = "Garcom-Signature"
#: The message's id, the same at each attempt.
KEY = "Idempotency-Key"
TIMEOUT_S = 10.0
#: Refusals by a 4xx that the operator can mend, or time; any other is about this message.
_MENDABLE = frozenset({401, 403, 404, 408, 409, 425, 429})

# They tell whole addresses, which hold secrets.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def post(url: str, message: Message, secret: bytes, now: datetime) -> None:
    """Send a message. Raises DeliveryFailed for every answer but 2xx, and where there is none.

    It is final for a 4xx that is about the message, such as 413: the same body gets the same answer.
    """
    body = msgspec.json.encode(message)
    headers = {"content-type": "application/json", "user-agent": "garcom", KEY: message.id}
    if secret:
        headers[SIGNATURE] = signature(body, secret, int(now.timestamp()))
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # their texts may repeat the address
        raise DeliveryFailed(f"it cannot be reached ({type(error).__name__})") from None
    if not answer.is_success:
        is_final = answer.is_client_error and answer.status_code not in _MENDABLE
        raise DeliveryFailed(f"it answered {answer.status_code}, and not 2xx", is_final=is_final)


def signature(body: bytes, secret: bytes, at: int) -> str:
    """What the header says of a body sent at this second."""
    signed = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
