"""Many rows in one request, as Arrow and as JSON, against the engine's own speed on the array in memory."""

from __future__ import annotations

import io
import json
import pickle
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench.framing import BadAnswer, post
from bench.load import run_load
from bench.models import LABELS, Case, as_json
from bench.report import Section, against, spread
from bench.sections.context import Context
from bench.systems import garcom, pack
from garcom.model.bundle import read_bundle
from garcom.model.engines.base import Engine
from garcom.records import Batch

N_RECORDS = 10_000
ARROW = "application/vnd.apache.arrow.stream"
#: The shares of the engine's speed that the issue asks for, for the forest.
TARGETS = {"Arrow": 70.0, "JSON": 50.0}

Matrix = npt.NDArray[np.float64]


def arrow_body(X: Matrix, fields: Sequence[str]) -> bytes:
    """The rows as an Arrow IPC stream of float64 columns."""
    batch = pa.record_batch([pa.array(column) for column in X.T], names=list(fields))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def json_body(X: Matrix, fields: Sequence[str]) -> bytes:
    """The rows as a list of records."""
    return json.dumps([dict(zip(fields, row, strict=True)) for row in as_json(X)]).encode()


def read_arrow(body: bytes) -> list[str]:
    """The predictions in an Arrow answer."""
    with pa.ipc.open_stream(body) as stream:
        predictions: list[str] = stream.read_all().column("prediction").to_pylist()
    return predictions


def read_json(body: bytes) -> list[str]:
    """The predictions in an answer to a list of records."""
    return [answer["prediction"] for answer in json.loads(body)]


FORMS: dict[str, tuple[str, Callable[[Matrix, Sequence[str]], bytes], Callable[[bytes], list[str]]]] = {
    "Arrow": (ARROW, arrow_body, read_arrow),
    "JSON": ("application/json", json_body, read_json),
}


def measure(context: Context) -> list[Section]:
    """Records per second, each form against the engine in the same run."""
    headers = ["model", "form", "body MB", "records/s", "ms", "of the engine's speed", "target", "met"]
    section = Section(f"A body of {N_RECORDS:,} records", headers)
    for case in context.cases:
        X = np.resize(context.data.X, (N_RECORDS, context.data.X.shape[1]))
        engine = read_bundle(pack(case)).open_engine()
        bodies = {form: write(X, case.fields) for form, (_, write, _) in FORMS.items()}
        try:
            seconds = _take_turns(context, case, X, bodies, engine)
        finally:
            engine.close()
        own = statistics.median(seconds["engine"])
        for form, taken in seconds.items():
            share = 100 * own / statistics.median(taken)
            target = TARGETS.get(form) if case.title.startswith("RandomForest") else None
            verdict = against(share, target, " %") if target else (f"{share:.3g} %", "", "")
            size = f"{len(bodies[form]) / 1e6:.1f}" if form in bodies else ""
            rate = f"{N_RECORDS / statistics.median(taken):,.0f}"
            section.rows.append([case.title, form, size, rate, spread([1e3 * s for s in taken], 1), *verdict])
            section.data.append({"case": case.title, "form": form, "seconds": taken})
    return [section]


def _take_turns(
    context: Context, case: Case, X: Matrix, bodies: dict[str, bytes], engine: Engine
) -> dict[str, list[float]]:
    """Seconds per body, one median per round, for the engine in memory and for each form over HTTP."""
    expected = [LABELS[label] for label in pickle.loads(case.pickle.read_bytes()).predict(X).tolist()]
    batch = Batch(X, np.empty((len(X), 0), object))
    seconds: dict[str, list[float]] = {name: [] for name in ("engine", *bodies)}
    with context.running(garcom(), case) as running:
        for _ in range(context.rounds):
            seconds["engine"].append(_engine_seconds(engine, batch, context.seconds))
            for form, (media_type, _, read) in FORMS.items():
                request = post(running.system.path, media_type, bodies[form])
                load = run_load(running.launch.port, [request], 1, context.seconds)
                if read(load.answers[0]) != expected:
                    raise BadAnswer(f"{form}: the labels differ from the original model's")
                seconds[form].append(load.p50_ms / 1e3)
    return seconds


def _engine_seconds(engine: Engine, batch: Batch, seconds: float) -> float:
    """The median time of one call."""
    engine.run(batch)
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while not taken or time.perf_counter() < until:
        began = time.perf_counter()
        engine.run(batch)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
