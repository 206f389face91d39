"""Which user a client's certificate names."""

from __future__ import annotations

from typing import Any

import pytest

from garcom.tls.peer import principal_name


def certificate(*common_names: str, names: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """As ``getpeercert`` tells it."""
    subject = ((("organizationName", "Example"),), *((("commonName", name),) for name in common_names))
    return {"subject": subject, "subjectAltName": names}


USERS = {"URI=spiffe://example.com/robot": "robot", "CN=Ana Lima": "ana", "DNS=app.example.com": "app"}
ROBOT = ("URI", "spiffe://example.com/robot")


@pytest.mark.parametrize(
    ("shown", "users", "name"),
    [
        (None, {}, None),
        ({}, {}, None),
        (certificate("ana"), {}, "ana"),
        (certificate("ana"), USERS, "ana"),
        (certificate("Ana Lima"), USERS, "ana"),
        (certificate("x", names=(ROBOT,)), USERS, "robot"),
        (certificate(names=(ROBOT,)), USERS, "robot"),
        (certificate(names=(ROBOT,)), {}, None),
        # Two users, or two names: nobody knows which.
        (certificate("x", names=(ROBOT, ("DNS", "app.example.com"))), USERS, None),
        (certificate("ana", "bia"), {}, None),
        # A name of one kind does not count as one of another.
        (certificate("URI=spiffe://example.com/robot"), USERS, "URI=spiffe://example.com/robot"),
        (certificate(names=(("DNS", "spiffe://example.com/robot"),)), USERS, None),
    ],
)
def test_the_user_of_a_certificate(shown: dict[str, Any] | None, users: dict[str, str], name: str | None) -> None:
    assert principal_name(shown, users) == name
