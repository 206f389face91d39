"""The contest: every candidate engine is built, judged against the original and timed; the best ones stay."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from garcom.errors import GarcomError, UnsupportedModel
from garcom.model.bundle import Choice
from garcom.model.compile import graphs
from garcom.model.compile.comparison import TOLERANCE
from garcom.model.compile.conversion import Conversion, convert_apart
from garcom.model.compile.graphs import Precision
from garcom.model.compile.judge import Judge, evenly
from garcom.model.compile.timing import Timings, choose, time_engine
from garcom.model.engines import load_engine
from garcom.model.engines.base import EngineSpec
from garcom.model.engines.onnx import MODEL_FILE
from garcom.model.lowering import lower
from garcom.model.proof import CandidateReport, Proof
from garcom.model.signature import Signature
from garcom.model.sources.base import Loaded, Original
from garcom.records import Batch

#: Told the step under way and the part of the whole that is done, 0 to 1.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Candidate:
    """An engine that was built into ``folder``, or the reason why it could not be."""

    spec: EngineSpec
    folder: Path
    reason: str = ""


@dataclass(frozen=True)
class Compiled:
    """The engines that stay, which answers how many rows, the proof, and the judge who knows the original."""

    engines: tuple[EngineSpec, ...]
    choice: tuple[Choice, ...]
    proof: Proof
    judge: Judge


@dataclass
class _Results:
    reports: dict[str, CandidateReport] = field(default_factory=dict)
    timings: dict[str, Timings] = field(default_factory=dict)


def compile_model(
    original: Original,
    real: Batch | None,
    base: Batch,
    folder: Path,
    *,
    time_limit_s: float = 120.0,
    progress: Progress = lambda step, done: None,
) -> Compiled:
    """Write the engines that win into ``folder/<name>/``.

    ``real`` are real rows, if there are any, and ``base`` those that rows are made from. ``time_limit_s`` bounds
    each conversion. Where no data engine equals the original, a Python engine is written and judged like the
    others. Raises :class:`UnsupportedModel` when not even that equals it.
    """
    loaded, signature = original.loaded, original.signature
    with tempfile.TemporaryDirectory(prefix="garcom-compile-") as place:
        workshop = Path(place)
        with converting(loaded, signature, workshop, time_limit_s) as conversions:
            progress("asking the original model", 0.0)
            judge = Judge(original, real, base)
            progress("building candidate engines", 0.35)
            candidates = [_arrays(loaded, signature, workshop)]
            if loaded.framework == "onnx":
                candidates.append(_own_graph(loaded, signature, workshop))
            candidates += _converted(conversions.result(), workshop)
        results = _Results()
        for at, candidate in enumerate(candidates):
            progress(f"proving {candidate.spec.name}", 0.6 + 0.3 * at / len(candidates))
            _prove(candidate, signature, judge, results)
        if not results.timings:
            progress("proving the Python engine", 0.9)
            candidates.append(_python(original, workshop))
            _prove(candidates[-1], signature, judge, results)
        choice = _choice(results)
        winners = {entry.engine for entry in choice}
        specs = tuple(candidate.spec for candidate in candidates if candidate.spec.name in winners)
        for spec in specs:
            shutil.copytree(workshop / spec.name, folder / spec.name)
    progress("engines chosen", 1.0)
    reports = tuple(
        msgspec.structs.replace(report, status="won") if report.name in winners else report
        for report in results.reports.values()
    )
    return Compiled(specs, choice, _proof(judge, reports, loaded), judge)


@contextmanager
def converting(
    loaded: Loaded, signature: Signature, workshop: Path, time_limit_s: float
) -> Iterator[Future[dict[Precision, Conversion]]]:
    """Graph conversions, in a process beside this one; leaving the block early ends it."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            if loaded.framework == "scikit-learn":
                yield pool.submit(convert_apart, loaded, signature, workshop, time_limit_s, stop)
            else:
                yield pool.submit(dict)
        finally:
            stop.set()


def _arrays(loaded: Loaded, signature: Signature, workshop: Path) -> Candidate:
    folder = workshop / "arrays"
    spec = EngineSpec(name="arrays", kind="arrays")
    try:
        lower(loaded.model, signature).save(folder)
    except GarcomError as error:
        return Candidate(spec, folder, str(error))
    except Exception as error:  # noqa: BLE001 — a model of another version may lack any attribute
        return Candidate(spec, folder, f"{type(error).__name__}: {error}")
    return Candidate(spec, folder)


def _own_graph(loaded: Loaded, signature: Signature, workshop: Path) -> Candidate:
    folder = workshop / "onnx"
    folder.mkdir()
    shutil.copyfile(loaded.files["onnx"], folder / MODEL_FILE)
    spec = EngineSpec(name="onnx", kind="onnx")
    try:
        wiring = graphs.wire(folder / MODEL_FILE, signature)
    except GarcomError as error:
        return Candidate(spec, folder, str(error))
    return Candidate(msgspec.structs.replace(spec, options=msgspec.to_builtins(wiring)), folder)


def _converted(conversions: dict[Precision, Conversion], workshop: Path) -> list[Candidate]:
    candidates = []
    for precision, conversion in conversions.items():
        folder = workshop / precision
        folder = folder.rename(workshop / f"onnx-{precision}") if folder.exists() else folder
        options = msgspec.to_builtins(conversion.wiring) if conversion.wiring else {}
        spec = EngineSpec(name=f"onnx-{precision}", kind="onnx", options=options)
        candidates.append(Candidate(spec, folder, conversion.reason))
    return candidates


def _python(original: Original, workshop: Path) -> Candidate:
    from garcom.model.engines import python

    folder = workshop / "python"
    try:
        return Candidate(python.write(folder, original), folder)
    except GarcomError as error:
        return Candidate(EngineSpec(name="python", kind="python"), folder, str(error))


def _prove(candidate: Candidate, signature: Signature, judge: Judge, results: _Results) -> None:
    """Judge the candidate, and time it if it equals the original."""
    name = candidate.spec.name
    report = CandidateReport(
        name=name, kind=candidate.spec.kind, status="not convertible", reason=_sentence(candidate.reason)
    )
    results.reports[name] = report
    if candidate.reason:
        return
    try:
        engine = load_engine(candidate.folder, candidate.spec, signature)
    except GarcomError as error:
        results.reports[name] = msgspec.structs.replace(report, reason=_sentence(str(error)))
        return
    try:
        verdict = judge.judge(engine)
        timings = {} if verdict.reason else time_engine(engine, _typical(judge))
    finally:
        engine.close()
    if timings:
        results.timings[name] = timings
    results.reports[name] = msgspec.structs.replace(
        report,
        status="failed" if verdict.reason else "proved",
        reason=verdict.reason,
        flips=verdict.flips,
        largest_difference=verdict.largest,
        timings_us={str(size): value for size, value in timings.items()},
    )


def _typical(judge: Judge) -> Batch:
    """Rows to time engines on: real ones where there are any."""
    return evenly(judge.batch.rows(slice(0, judge.real_rows or None)), 1024)


def _choice(results: _Results) -> tuple[Choice, ...]:
    if results.timings:
        return choose(results.timings)
    reasons = "; ".join(f"{report.name}: {report.reason}" for report in results.reports.values())
    raise UnsupportedModel(
        f"No engine answers as the original does, so the model cannot be packed ({reasons}). Check that the model "
        "answers the same row the same way each time, alone and among others."
    )


def _proof(judge: Judge, reports: tuple[CandidateReport, ...], loaded: Loaded) -> Proof:
    return Proof(
        real_rows=judge.real_rows,
        placed_rows=judge.placed_rows,
        unstable_rows=judge.unstable_rows,
        tolerance=TOLERANCE,
        candidates=reports,
        libraries=_libraries(loaded),
    )


def _libraries(loaded: Loaded) -> dict[str, str]:
    import numpy as np
    import onnxruntime

    return {**loaded.libraries, "numpy": np.__version__, "onnxruntime": onnxruntime.__version__}


def _sentence(text: str) -> str:
    """One line of at most 300 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:299] + "…"
