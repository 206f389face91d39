"""Small real bundles for tests that need a bundle but no trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from garcom.model.bundle import Choice, seal
from garcom.model.engines.base import EngineSpec
from garcom.model.proof import CandidateReport, Proof
from garcom.model.signature import Field, FieldType, Output, Signature

SIGNATURE = Signature(
    fields=(
        Field(name="pH", type=FieldType.FLOAT, minimum=2.7, maximum=4.0),
        Field(name="doçura", type=FieldType.FLOAT, minimum=0.0, maximum=65.8, nullable=True, unit="g/l"),
        Field(name="cor", type=FieldType.CATEGORY, categories=("branco", "tinto")),
        Field(name="nota", type=FieldType.STRING, required=False, nullable=True),
    ),
    output=Output(task="classification", classes=(0, 1), labels=("bom", "ruim"), probabilities=True),
    example={"pH": 3.2, "doçura": 1.9, "cor": "tinto", "nota": None},
)
METRICS = {"accuracy": 0.8125, "roc_auc": 0.87654, "f1": {"bom": 0.7, "ruim": 0.9}, "confusion": [[10, 2], [3, 20]]}
LINEAGE = {"source": "model.pkl", "rows": 6497, "git": {"commit": "0" * 40, "dirty": False}}


def proof(real_rows: int = 5000) -> Proof:
    """A proof with one engine of each fate."""
    return Proof(
        real_rows=real_rows,
        placed_rows=812,
        unstable_rows=0,
        tolerance="no other label; probabilities within 1e-05",
        candidates=(
            CandidateReport(
                name="arrays",
                kind="arrays",
                status="won",
                largest_difference=2.2e-16,
                timings_us={"1": 21.4, "32": 290.0, "1024": 9150.5},
            ),
            CandidateReport(name="onnx-float32", kind="onnx", status="failed", flips=770, largest_difference=0.93),
            CandidateReport(
                name="onnx-float64", kind="onnx", status="not convertible", reason="no converter for this step"
            ),
        ),
        libraries={"scikit-learn": "1.7.2", "numpy": "2.3.0"},
    )


def make_bundle(
    folder: Path,
    *,
    name: str = "wine",
    weights: bytes = b"weights",
    real_rows: int = 5000,
    metrics: dict[str, Any] | None = None,
    signature: Signature = SIGNATURE,
    engine: Literal["arrays", "python"] = "arrays",
) -> Path:
    """Write a sealed bundle; other ``weights`` give another digest. Its engine cannot be loaded."""
    (folder / "engines" / engine).mkdir(parents=True)
    (folder / "engines" / engine / "weights.bin").write_bytes(weights)
    documents = {
        "signature.json": signature,
        "proof.json": proof(real_rows),
        "metrics.json": METRICS if metrics is None else metrics,
        "lineage.json": LINEAGE,
    }
    for file, document in documents.items():
        (folder / file).write_bytes(msgspec.json.encode(document))
    seal(folder, name, (EngineSpec(name=engine, kind=engine),), (Choice(None, engine),))
    return folder
