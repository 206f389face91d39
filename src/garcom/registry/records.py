"""What the registry says of models and versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from garcom.model.signature import Task


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key signed a bundle: its fingerprint, and the name that it was trusted under (None: it was not).

    ``signature`` is kept, so that it can be verified again.
    """

    name: str | None
    fingerprint: str
    signature: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What lists show of a bundle without opening it; stored with the version.

    ``engines`` are those it carries. ``real_rows`` and ``placed_rows`` were compared with the original. ``signer`` is
    who signed it when it was registered, None where nobody did.
    """

    engines: tuple[str, ...]
    needs_python: bool
    real_rows: int
    placed_rows: int
    size_bytes: int
    garcom: str
    signer: Signer | None = None

    @property
    def is_served_elsewhere(self) -> bool:
        """Whether it has no engine: its predictions are made elsewhere, and only logged here."""
        return not self.engines

    @property
    def proved_on_real_rows(self) -> bool:
        """Whether any real row was compared with the original."""
        return self.real_rows > 0


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One registered bundle. ``number`` counts from 1 within its model and is never given again.

    ``answers`` says whether this version answers the model's requests. A metric may be NaN (undefined for
    its data). ``existed`` is true only in the answer of a registration that found the same content there.
    """

    model: str
    number: int
    digest: str
    task: Task
    created: datetime
    answers: bool
    summary: Summary
    metrics: dict[str, float] = {}
    parameters: dict[str, str] = {}
    lineage: dict[str, Any] = {}
    existed: bool = False

    @property
    def reference(self) -> str:
        """How commands name it: ``wine:2``."""
        return f"{self.model}:{self.number}"


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A name with its versions, by number; ``answers`` is the number of the one that answers, if one does.

    ``routes`` are paths of its own beside ``/v1/models/{name}/predict``.
    """

    name: str
    created: datetime
    is_default: bool
    answers: int | None
    routes: tuple[str, ...]
    versions: tuple[Version, ...]


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """What a removal took away: the numbers of the versions, and whether the model went with them."""

    model: str
    numbers: tuple[int, ...]
    whole_model: bool
    answered: bool
