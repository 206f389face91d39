"""What a Python model that attacks costs the guests of another model."""

from __future__ import annotations

import json
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tests.integration.server import models
from tests.integration.server.hostile import ATTACKS, DEADLY, Hostile, Outside

from bench.framing import post
from bench.load import Load, run_load
from bench.report import Section, against, spread
from bench.sections.context import Context
from bench.systems import Launch, Running, System, garcom, pack
from garcom.model.engines import python
from garcom.model.sources import bind
from garcom.model.sources.base import Loaded
from garcom.registry.registry import Registry

#: What the model is asked to do, again and again.
MISDEEDS = ("fork bomb", "thread bomb", "memory bomb", "endless loop", "null pointer")
_NUMBERS = {name: float(number) for number, name in enumerate((*ATTACKS, *DEADLY))}
#: An endless loop is ended after so long.
TIMEOUT_S = "2"
MEMORY_MB = "512"
#: How much longer others may wait, at the 99th percentile.
TARGET_RATIO = 2.0
_AROUND_S = 0.5


def beside_hostile() -> System:
    """Garçom with the case's model and a hostile one behind walls."""

    def prepare(launch: Launch) -> None:
        pack(launch.case)
        signature = models.NUMBER
        nowhere = Outside("/nowhere", "/nowhere", 9, "/nowhere", 0)
        loaded = Loaded(model=Hostile(nowhere), framework="scikit-learn", input_kind="array", output=signature.output)
        folder = launch.folder / "hostile"
        spec = python.write(folder / "engines" / "python", bind(loaded, signature))
        Registry.open(launch.folder / "home").register(models.sealed(folder, "hostile", signature, spec))

    system = garcom(allow_python="confined", python_timeout_s=TIMEOUT_S, python_memory_mb=MEMORY_MB)
    return replace(system, title="Garçom beside a hostile model", prepare=prepare)


def measure(context: Context) -> list[Section]:
    """The 99th percentile of one client of a model: alone, and while another model does its worst."""
    section = Section(
        "A model beside one that attacks",
        ["model", "misdeed", "alone, p99 ms", "beside it, p99 ms", "misdeeds/s", "ratio", "target", "met"],
        notes=[
            f"Each keeps one request under way. The hostile model has {MEMORY_MB} MB and {TIMEOUT_S} s for a call; "
            "when its process ends, the next call starts it again."
        ],
    )
    for case in context.cases:
        with context.running(beside_hostile(), case) as server:
            for misdeed in MISDEEDS:
                rounds = [
                    (server.load(1, context.seconds), *_beside(server, misdeed, context.seconds))
                    for _ in range(context.rounds)
                ]
                alone, beside = ([each[at].p99_ms for each in rounds] for at in (0, 1))
                done = [each[2].per_second for each in rounds]
                ratio = statistics.median(beside) / statistics.median(alone)
                judged = against(ratio, TARGET_RATIO, "×", at_most=True)
                section.rows.append(
                    [case.title, misdeed, spread(alone, 2), spread(beside, 2), spread(done, 1), *judged]
                )
                section.data.append(
                    {"case": case.title, "misdeed": misdeed, "alone_ms": alone, "beside_ms": beside, "per_second": done}
                )
    return [section]


def _beside(server: Running, misdeed: str, seconds: float) -> tuple[Load, Load]:
    """A round of the good client, while another asks for the misdeed all the time."""
    body = json.dumps({"x": _NUMBERS[misdeed]}).encode()
    request = post("/v1/models/hostile/predict", "application/json", body, {})
    with ThreadPoolExecutor(1) as pool:
        statuses = (b"200", b"500", b"503")
        hostile = pool.submit(run_load, server.launch.port, [request], 1, seconds + 2 * _AROUND_S, statuses=statuses)
        return server.load(1, seconds), hostile.result()
