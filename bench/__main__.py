"""``python -m bench``: the published comparison, as Markdown tables on standard output."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.framing import BadAnswer
from bench.models import build, dataset
from bench.peers.catalogue import NAMES
from bench.processes import NotStarted
from bench.report import Section, machine
from bench.sections import bodies, hostile, journal, lake, limits, reports, startup, throughput, workers
from bench.sections.context import Context

SECTIONS: dict[str, Callable[[Context], list[Section]]] = {
    "throughput": throughput.measure,
    "journal": journal.measure,
    "workers": workers.measure,
    "bodies": bodies.measure,
    "limits": limits.measure,
    "hostile": hostile.measure,
    "startup": startup.measure,
    "drain": lake.measure_drain,
    "lake": lake.measure_lake,
    "reports": reports.measure,
}


def _names(among: tuple[str, ...]) -> Callable[[str], frozenset[str]]:
    def names(value: str) -> frozenset[str]:
        chosen = frozenset(value.split(","))
        if unknown := chosen - set(among):
            raise argparse.ArgumentTypeError(
                f"expected names among {', '.join(among)}, got {', '.join(sorted(unknown))}"
            )
        return chosen

    return names


def arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only",
        type=_names(tuple(SECTIONS)),
        default=frozenset(SECTIONS),
        metavar="SECTION,…",
        help=f"only these sections: {', '.join(SECTIONS)}",
    )
    parser.add_argument(
        "--systems",
        type=_names(("garcom", "granian", "echo", *NAMES)),
        default=frozenset(),
        metavar="NAME,…",
        help=f"only these systems (throughput, reports): garcom, granian, echo, {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--models",
        type=_names(("forest", "linear")),
        default=frozenset(("forest", "linear")),
        metavar="NAME,…",
        help="only these models: forest, linear",
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="how often every system has its turn (default 3)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every single measurement there")
    return parser.parse_args()


def main() -> int:
    """Measure and print; status 1 if a section could not be measured."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    facts = machine()
    data = dataset()
    print("# Garçom: benchmark\n")
    print("".join(f"- {name}: {value}\n" for name, value in {**facts, "data": data.title}.items()), flush=True)
    sections: list[Section] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="garcom-bench-") as folder:
        cases = [case for case in build(data, Path(folder)) if case.name in options.models]
        context = Context(data, cases, Path(folder), options.seconds, options.rounds, options.systems)
        for name in SECTIONS:
            if name not in options.only:
                continue
            try:
                measured = SECTIONS[name](context)
            except (BadAnswer, NotStarted, OSError) as error:
                failed = True
                print(f"## {name}: could not be measured\n\n{error}\n", flush=True)
                continue
            sections += measured
            for section in measured:
                print(section.markdown(), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        plain = {
            "machine": facts,
            "data": data.title,
            "sections": {section.title: section.data for section in sections},
        }
        options.json.write_text(json.dumps(plain, indent=1, ensure_ascii=False), encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
