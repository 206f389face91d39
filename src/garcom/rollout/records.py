"""What is told of versions that come in and of switches: the same records for server, client and terminal."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from garcom.model.signature import Task


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """What answers now, what answered before (None: nothing did), and the revision that says so."""

    model: str
    answers: int
    answered: int | None
    revision: int


class NewAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The version that shall answer for a model."""

    version: Annotated[int, Meta(ge=1, le=999_999_999)]


class SignedBy(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key signed a bundle; ``name`` is None for a key that is not trusted here."""

    name: str | None
    fingerprint: str


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was uploaded. ``existed``: the same content was there, and no new version was made.

    What is ``served_elsewhere`` predicts nothing here: predictions that were made elsewhere are logged of it.
    """

    model: str
    version: int
    existed: bool
    answers: bool
    served_elsewhere: bool = False
    digest: str
    task: Task
    needs_python: bool
    signed_by: SignedBy | None = None
