"""Versions whose answers a test can work out by hand, and journals of what they were asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from garcom.ids import uuid7s
from garcom.journal.lines import Entry, Version, encode_lines
from garcom.model.engines.arrays.program import Program, Step
from garcom.model.engines.base import EngineSpec
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.registry import Registry
from tests.integration.server.models import sealed
from tests.unit.lake.journals import opened

ARRAYS = EngineSpec(name="arrays", kind="arrays")
X = Field(name="x", type=FieldType.FLOAT)
GRADES = Output(task="classification", classes=(0, 1), labels=("bom", "ruim"), probabilities=True)


def grades(*fields: Field, output: Output = GRADES) -> Signature:
    """A classifier's signature; its example is 0, or a text, in every field."""
    example = {field.name: "a" if field.type.is_text else 0.0 for field in fields}
    return Signature(fields=fields, output=output, example=example)


def grader(folder: Path, threshold: float, signature: Signature | None = None) -> Path:
    """Answers "ruim" with probability expit(x - threshold); other fields than the first do not matter."""
    signature = signature or grades(X)
    n_numbers = len(signature.number_fields)
    coef = np.eye(1, n_numbers)
    steps = (
        Step("linear", (0,), arrays={"coef": coef, "intercept": np.array([-threshold])}),
        Step("binary_probabilities", (2,)),
        Step("argmax", (3,)),
    )
    Program(steps, {"labels": 4, "probabilities": 3}).save(folder / "engines" / "arrays")
    return sealed(folder, "wine", signature, ARRAYS)


def line(folder: Path, slopes: Sequence[float], names: Sequence[str] = ("y",), name: str = "wine") -> Path:
    """A regression: each target is a slope times x."""
    signature = Signature(fields=(X,), output=Output(task="regression", names=tuple(names)), example={"x": 1.0})
    steps = (Step("linear", (0,), arrays={"coef": np.array([[slope] for slope in slopes])}),)
    Program(steps, {"values": 2}).save(folder / "engines" / "arrays")
    return sealed(folder, name, signature, ARRAYS)


def register(home: Path, *bundles: Path) -> Registry:
    """The registry of a home with these bundles as versions 1, 2, …"""
    registry = Registry.open(home)
    for bundle in bundles:
        registry.register(bundle)
    return registry


def journal(
    home: Path,
    rows: Sequence[Sequence[Any]],
    predictions: Sequence[Any],
    *,
    fields: Sequence[str] = ("x",),
    probabilities: Sequence[Sequence[float]] | None = None,
    version: int = 1,
    task: str = "classification",
    targets: Sequence[str] = (),
    role: str = "stable",
) -> list[str]:
    """Write what was served as a closed segment, and give the ids."""
    told = Version(
        v=0,
        model="wine",
        version=version,
        digest="65",
        role=role,
        task=task,
        fields=tuple(fields),
        classes=("bom", "ruim") if task == "classification" else (),
        targets=tuple(targets),
    )
    ids = sorted(uuid7s(len(rows)))
    time_us = time.time_ns() // 1000
    entries = [
        Entry(0, id, time_us + i, row, prediction, None if probabilities is None else probabilities[i], latency_us=412)
        for i, (id, row, prediction) in enumerate(zip(ids, rows, predictions, strict=True))
    ]
    segment = opened(home, writer=ids[0], versions=(told,))
    segment.write(encode_lines(entries))
    segment.close()
    return ids
