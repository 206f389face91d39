"""The seam between the data plane and whatever computes: every engine is a ``Batch -> Outputs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from garcom.records import Batch, Outputs

EngineKind = Literal["arrays", "onnx", "python"]
#: Whether Python engines may run: not at all, behind walls (also True), or without any.
AllowPython = bool | Literal["confined", "unconfined"]


class Engine(Protocol):
    """A loaded model.

    ``run`` is pure and may be called from any one thread at a time. The batch has at least one row.
    Rows are independent: the answer for a row does not depend on its neighbours, bit for bit where the
    original's does not.
    """

    def run(self, batch: Batch) -> Outputs:
        """Answer every row of the batch, in order."""

    def close(self) -> None:
        """Free what the engine holds (processes, sessions); calling it twice is harmless."""


class PythonTerms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms a Python engine may run; they are the operator's, never the bundle's.

    ``confined`` puts it behind walls (:mod:`garcom.model.walls`), with ``memory_mb`` megabytes to write in;
    ``timeout_s`` bounds a call, None leaves that to the bundle.
    """

    confined: bool = True
    memory_mb: int = 2048
    timeout_s: float | None = None


class EngineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One engine of a bundle, as written in its manifest.

    ``name`` is unique in the bundle and is also the folder ``engines/<name>/`` of its files; ``kind`` says
    which loader reads them; ``options`` is what the loader needs besides the files.
    """

    name: str
    kind: EngineKind
    options: dict[str, Any] = {}
