"""What every section is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from bench.models import Case, Dataset
from bench.systems import Running, System


@dataclass(frozen=True)
class Context:
    """The data, the models, a folder for the servers' files, and how long and how often to measure."""

    data: Dataset
    cases: list[Case]
    folder: Path
    seconds: float
    rounds: int
    #: Only these systems (by short name); empty for all.
    only: frozenset[str] = frozenset()

    def wants(self, system: System) -> bool:
        """Whether the system is to be measured."""
        return not self.only or system.name in self.only

    def start(self, system: System, case: Case) -> Running:
        """Start a system in a new folder."""
        return Running(system, case, Path(mkdtemp(prefix=f"{system.name}-", dir=self.folder)) / "run")

    @contextmanager
    def running(self, system: System, case: Case) -> Iterator[Running]:
        """A system that is started now and ended afterwards."""
        running = self.start(system, case)
        try:
            yield running
        finally:
            running.server.stop()
