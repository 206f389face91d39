"""How the figures are shown: Markdown tables, and the machine they were measured on."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

#: What decides Garçom's own speed; the peers' versions stand in their requirements.txt.
LIBRARIES = ("garcom", "uvicorn", "uvloop", "httptools", "msgspec", "numpy", "onnxruntime", "scikit-learn")


@dataclass
class Section:
    """One table with its heading, what has to be known to read it, and the measurements behind it."""

    title: str
    headers: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)

    def markdown(self) -> str:
        """Heading, notes and table."""
        notes = "".join(f"\n{note}\n" for note in self.notes)
        return f"## {self.title}\n{notes}\n{table(self.headers, self.rows)}\n"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns also line up as plain text; columns of figures are aligned right."""
    figures = [all(row[i][:1] in "0123456789" for row in rows) for i in range(len(headers))]
    lines = [list(headers), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    shown = [
        " | ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, figures, strict=True)
        )
        for line in lines
    ]
    rule = " | ".join("-" * (width - 1) + (":" if right else "-") for width, right in zip(widths, figures, strict=True))
    return "\n".join(f"| {line} |" for line in [shown[0], rule, *shown[1:]])


def against(value: float, target: float, unit: str, *, at_most: bool = False) -> tuple[str, str, str]:
    """A figure, its target and whether it is met, as three cells."""
    sign, met = ("≤", value <= target) if at_most else ("≥", value >= target)
    return f"{value:,.3g}{unit}", f"{sign} {target:g}{unit}", "yes" if met else "NO"


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median, with the least and the largest where there are several."""
    median = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return median
    return f"{median} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def machine() -> dict[str, str]:
    """The machine, the date and the versions, by name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
        "Python": platform.python_version(),
        "versions": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "command": "python -m bench " + " ".join(sys.argv[1:]),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
