"""The contest: every candidate engine is judged against the original and timed; the best ones stay."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from garcom.errors import GarcomError, UnsupportedModel
from garcom.model.bundle import Choice
from garcom.model.compile.candidates import Candidate, converted, lowered, own_graph, python_engine
from garcom.model.compile.comparison import TOLERANCE
from garcom.model.compile.conversion import Converter
from garcom.model.compile.judge import Judge, evenly
from garcom.model.compile.reasons import brief
from garcom.model.compile.timing import choose, time_engine
from garcom.model.engines import load_engine
from garcom.model.engines.base import Engine, EngineSpec, PythonTerms
from garcom.model.proof import CandidateReport, Proof, Status, merged_reasons
from garcom.model.signature import Signature
from garcom.model.sources.base import Loaded, Original
from garcom.records import Batch

#: Told the step under way and the part of the whole that is done, 0 to 1.
Progress = Callable[[str, float], None]

#: Once an engine is proved, conversions are waited for so long. They have run beside the questions to the original
#: until then, and rarely win against arrays, so a person should not wait longer for them.
_PATIENCE_S = 1.5


@dataclass(frozen=True)
class Compiled:
    """The engines that stay, which answers how many rows, the proof, and the judge who knows the original."""

    engines: tuple[EngineSpec, ...]
    choice: tuple[Choice, ...]
    proof: Proof
    judge: Judge


def compile_model(
    original: Original,
    real: Batch | None,
    base: Batch,
    folder: Path,
    *,
    converter: Converter,
    progress: Progress = lambda step, done: None,
) -> Compiled:
    """Write the engines that win into ``folder/<name>/``.

    ``real`` are real rows, if there are any, and ``base`` those that rows are made from. Where no data engine
    equals the original, a Python engine is written and judged like the others. Raises :class:`UnsupportedModel` when
    not even that equals it.
    """
    loaded, signature = original.loaded, original.signature
    with ExitStack() as stack:
        workshop = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="garcom-compile-")))
        if loaded.framework == "scikit-learn":
            converter.start(loaded, signature, workshop)
        progress("asking the original model", 0.0)
        judge = Judge(original, real, base)
        contest = stack.enter_context(_Contest(signature, judge))
        progress("proving the first engine", 0.5)
        first = own_graph if loaded.framework == "onnx" else lowered
        contest.enter(first(loaded, signature, workshop))
        if loaded.framework == "scikit-learn":
            progress("converting to ONNX", 0.6)
            for candidate in converted(converter.result(_PATIENCE_S if contest.engines else None), workshop):
                if not candidate.reason:
                    progress(f"proving {candidate.spec.name}", 0.8)
                contest.enter(candidate)
        if not contest.engines:
            progress("proving the Python engine", 0.9)
            contest.enter(python_engine(original, workshop))
        progress("timing", 0.95)
        choice = contest.choose()
        winners = {entry.engine for entry in choice}
        specs = tuple(candidate.spec for candidate in contest.candidates if candidate.spec.name in winners)
        for spec in specs:
            shutil.copytree(workshop / spec.name, folder / spec.name)
        return Compiled(specs, choice, _proof(judge, contest, winners, loaded), judge)


class _Contest:
    """The candidates so far, what is reported of each, and the proved engines, open until the contest ends."""

    def __init__(self, signature: Signature, judge: Judge) -> None:
        self.signature = signature
        self.judge = judge
        self.candidates: list[Candidate] = []
        self.reports: dict[str, CandidateReport] = {}
        self.engines: dict[str, Engine] = {}

    def __enter__(self) -> _Contest:
        return self

    def __exit__(self, *_: object) -> None:
        for engine in self.engines.values():
            engine.close()

    def enter(self, candidate: Candidate) -> None:
        """Load and judge a candidate."""
        spec = candidate.spec
        self.candidates.append(candidate)
        status: Status = "stopped" if candidate.stopped else "not convertible"
        report = CandidateReport(name=spec.name, kind=spec.kind, status=status)
        self.reports[spec.name] = msgspec.structs.replace(report, reason=brief(candidate.reason))
        if candidate.reason:
            return
        try:
            # Whoever packs has this very model in memory already: walls would keep nothing out.
            engine = load_engine(candidate.folder, spec, self.signature, PythonTerms(confined=False))
        except GarcomError as error:
            self.reports[spec.name] = msgspec.structs.replace(report, reason=brief(str(error)))
            return
        self.engines[spec.name] = engine
        verdict = self.judge.judge(engine)
        self.reports[spec.name] = msgspec.structs.replace(
            report,
            status="failed" if verdict.reason else "proved",
            reason=verdict.reason,
            flips=verdict.flips,
            largest_difference=verdict.largest,
        )
        if verdict.reason:
            self.engines.pop(spec.name).close()

    def choose(self) -> tuple[Choice, ...]:
        """Time the proved engines, all of them at the end so that nothing else runs meanwhile."""
        # Real rows where there are any: placed ones are not what an engine will meet.
        rows = evenly(self.judge.batch.rows(slice(0, self.judge.real_rows or None)), 1024)
        timings = {name: time_engine(engine, rows) for name, engine in self.engines.items()}
        for name, timing in timings.items():
            self.reports[name] = msgspec.structs.replace(
                self.reports[name], timings_us={str(size): value for size, value in timing.items()}
            )
        if timings:
            return choose(timings)
        reasons = "; ".join(merged_reasons(self.reports.values()))
        raise UnsupportedModel(
            f"No engine answers as the original does, so the model cannot be packed ({reasons}). Check that the "
            "model answers the same row the same way each time, alone and among others."
        )


def _proof(judge: Judge, contest: _Contest, winners: set[str], loaded: Loaded) -> Proof:
    return Proof(
        real_rows=judge.real_rows,
        placed_rows=judge.placed_rows,
        unstable_rows=judge.unstable_rows,
        tolerance=TOLERANCE,
        candidates=tuple(
            msgspec.structs.replace(report, status="won") if name in winners else report
            for name, report in contest.reports.items()
        ),
        libraries=_libraries(loaded),
    )


def _libraries(loaded: Loaded) -> dict[str, str]:
    import numpy as np
    import onnxruntime

    return {**loaded.libraries, "numpy": np.__version__, "onnxruntime": onnxruntime.__version__}
