"""A pickle as a BentoML service; BENCH_BATCHING=1 turns its adaptive batching on."""

import os
import pickle
from pathlib import Path

import bentoml
import numpy as np

BATCHING = os.environ.get("BENCH_BATCHING") == "1"


@bentoml.service(workers=1)
class Wine:
    def __init__(self) -> None:
        self.model = pickle.loads((Path(os.environ["BENCH_MODEL"]) / "model.pkl").read_bytes())

    @bentoml.api(batchable=BATCHING)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict(rows)
