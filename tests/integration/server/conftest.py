"""Two servers that most tests share, and that end after the last of them: uvicorn with two workers, and granian."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.server import models
from tests.integration.server.running import Running, running

ROUTE = "/prever_preços/já"


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles by name: wine, line-1 (y = x), line-2 (y = 2x), broken, sleeper."""
    folder = tmp_path_factory.mktemp("bundles")
    return {
        "wine": models.wine(folder / "wine"),
        "line-1": models.line(folder / "line-1", 1.0),
        "line-2": models.line(folder / "line-2", 2.0),
        "broken": models.broken(folder / "broken"),
        "sleeper": models.sleeper(folder / "sleeper"),
    }


def _shared(folder: Path, bundles: dict[str, Path], server: str) -> Iterator[Running]:
    with running(
        folder,
        *("--server", server, "--route", ROUTE, "--access-log"),
        register=(bundles["wine"], bundles["line-1"], bundles["line-2"]),
        max_body_bytes=4_000_000,
        client_timeout_s=3,
        keep_alive_s=4,
        workers=2 if server == "uvicorn" else 1,
    ) as server_running:
        yield server_running


@pytest.fixture(scope="package")
def uvicorn_server(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Iterator[Running]:
    yield from _shared(tmp_path_factory.mktemp("uvicorn"), bundles, "uvicorn")


@pytest.fixture(scope="package")
def granian_server(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Iterator[Running]:
    yield from _shared(tmp_path_factory.mktemp("granian"), bundles, "granian")


@pytest.fixture(params=["uvicorn", "granian"])
def server(request: pytest.FixtureRequest) -> Running:
    """Each of the two in turn."""
    found: Running = request.getfixturevalue(f"{request.param}_server")
    return found
