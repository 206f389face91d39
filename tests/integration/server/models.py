"""Small real bundles whose answers a test can work out by hand, and one that is slow on purpose."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from garcom.model.bundle import Choice, seal
from garcom.model.engines import python
from garcom.model.engines.arrays.program import Program, Step
from garcom.model.engines.base import EngineSpec
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.model.sources import bind
from garcom.model.sources.base import Loaded
from tests.bundles import LINEAGE, METRICS, SIGNATURE, proof

NUMBER = Signature(
    fields=(Field(name="x", type=FieldType.FLOAT, minimum=-1000.0, maximum=1000.0),),
    output=Output(task="regression", names=("y",)),
    example={"x": 1.0},
)


def wine(folder: Path) -> Path:
    """The classifier of ``tests.bundles.SIGNATURE``: "ruim" where pH + doçura > 10; null doçura makes it fail."""
    steps = (
        Step("linear", (0,), arrays={"coef": np.array([[1.0, 1.0]]), "intercept": np.array([-10.0])}),
        Step("binary_probabilities", (2,)),
        Step("argmax", (3,)),
    )
    Program(steps, {"labels": 4, "probabilities": 3}).save(folder / "engines" / "arrays")
    return sealed(folder, "wine", SIGNATURE, EngineSpec(name="arrays", kind="arrays"))


def line(folder: Path, slope: float, name: str = "line", padding_bytes: int = 0) -> Path:
    """The regression ``y = slope * x``; other slopes and paddings give other digests."""
    coefficients = {"coef": np.array([[slope]])}
    Program((Step("linear", (0,), arrays=coefficients),), {"values": 2}).save(folder / "engines" / "arrays")
    if padding_bytes:
        (folder / "padding.bin").write_bytes(b"\0" * padding_bytes)
    return sealed(folder, name, NUMBER, EngineSpec(name="arrays", kind="arrays"))


def broken(folder: Path, name: str = "line") -> Path:
    """A bundle whose files are whole, but whose program is of no operation that exists."""
    Program((Step("nonsense", (0,)),), {"values": 2}).save(folder / "engines" / "arrays")
    return sealed(folder, name, NUMBER, EngineSpec(name="arrays", kind="arrays"))


class Sleeper:
    """Answers 2x after x milliseconds (the largest x of the rows)."""

    def predict(self, X: Any) -> Any:
        milliseconds = np.asarray(X, dtype=float)[:, 0]
        time.sleep(float(milliseconds.max()) / 1e3)
        return 2 * milliseconds


def sleeper(folder: Path) -> Path:
    """A Python engine that takes as long as it is told to."""
    # Told what it is, so that its process starts without the libraries it has no use for.
    loaded = Loaded(model=Sleeper(), framework="scikit-learn", input_kind="array", output=NUMBER.output)
    original = bind(loaded, NUMBER)
    spec = python.write(folder / "engines" / "python", original)
    return sealed(folder, "sleeper", NUMBER, spec)


def sealed(folder: Path, name: str, signature: Signature, spec: EngineSpec) -> Path:
    """The bundle of what stands in the folder."""
    documents = {
        "signature.json": signature,
        "proof.json": proof(),
        "metrics.json": METRICS,
        "lineage.json": LINEAGE,
    }
    for file, document in documents.items():
        (folder / file).write_bytes(msgspec.json.encode(document))
    seal(folder, name, (spec,), (Choice(None, spec.name),))
    return folder
