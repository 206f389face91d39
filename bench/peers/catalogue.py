"""The peers: how each is started with one worker, asked for one row, and understood."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.load import HOST
from bench.models import Case
from bench.processes import NotStarted
from bench.systems import QUIET, Launch, System, encode_record, read_class

FOLDER = Path(__file__).parent
#: Every folder below this one that has requirements of its own.
NAMES = ("flask", "fastapi", "mlflow", "bentoml", "litserve", "mlserver", "evidently", "nannyml")


def environment(name: str) -> Path:
    """The folder of a peer's virtual environment, whether it exists or not."""
    return FOLDER / name / "env"


def _tool(name: str, command: str) -> Path:
    return environment(name) / "bin" / command


def _run_prepare(name: str, launch: Launch) -> None:
    """Run the peer's prepare.py, which turns the pickle into what the peer serves."""
    command = [_tool(name, "python"), FOLDER / name / "prepare.py", launch.case.folder, launch.folder]
    done = subprocess.run(command, env=QUIET, cwd=launch.folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotStarted(f"{name}/prepare.py ended with status {done.returncode}: {done.stderr[-1500:]}")


def _flask(launch: Launch) -> list[str | Path]:
    # gunicorn's own default worker closes the connection after each answer; threads keep it open.
    options = ["--workers", "1", "--threads", "4", "--bind", f"{HOST}:{launch.port}", "--timeout", "0"]
    return [_tool("flask", "gunicorn"), *options, "service:app"]


def _fastapi(launch: Launch) -> list[str | Path]:
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    return [_tool("fastapi", "uvicorn"), "service:app", "--host", HOST, "--port", str(launch.port), *options]


def _mlflow(launch: Launch) -> list[str | Path]:
    options = ["--env-manager", "local", "--workers", "1", "--host", HOST, "--port", str(launch.port)]
    return [_tool("mlflow", "mlflow"), "models", "serve", "--model-uri", launch.folder / "model", *options]


def _bentoml(launch: Launch) -> list[str | Path]:
    return [_tool("bentoml", "bentoml"), "serve", "service:Wine", "--quiet", "--host", HOST, "--port", str(launch.port)]


def _litserve(launch: Launch) -> list[str | Path]:
    return [_tool("litserve", "python"), "service.py"]


def _prepare_mlserver(launch: Launch) -> None:
    http, grpc, metrics = launch.ports
    settings = {
        "debug": False,
        "host": HOST,
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        # The server's own process is the one worker: an inference pool would be a second one.
        "parallel_workers": 0,
    }
    (launch.folder / "settings.json").write_text(json.dumps(settings))
    _run_prepare("mlserver", launch)


def _mlserver(launch: Launch) -> list[str | Path]:
    return [_tool("mlserver", "mlserver"), "start", launch.folder]


def _split(case: Case, index: int) -> bytes:
    return json.dumps({"dataframe_split": {"columns": case.fields, "data": [case.rows[index]]}}).encode()


def _rows(case: Case, index: int) -> bytes:
    return json.dumps({"rows": [case.rows[index]]}).encode()


def _tensor(case: Case, index: int) -> bytes:
    row = case.rows[index]
    return json.dumps({"inputs": [{"name": "x", "shape": [1, len(row)], "datatype": "FP64", "data": row}]}).encode()


def _with_path(name: str) -> dict[str, str]:
    """The environment's commands first: MLflow and BentoML start some of them by name."""
    return {"PATH": f"{environment(name) / 'bin'}:/usr/bin:/bin", "VIRTUAL_ENV": str(environment(name))}


def _service(name: str) -> Path:
    return FOLDER / name


BATCHING = {"BENCH_BATCHING": "1"}
PEERS = (
    System("flask", "Flask + gunicorn", _flask, encode_record, read_class, cwd=_service("flask")),
    System("fastapi", "FastAPI + pickle", _fastapi, encode_record, read_class, cwd=_service("fastapi")),
    System(
        "mlflow",
        "MLflow models serve",
        _mlflow,
        _split,
        lambda body: int(json.loads(body)["predictions"][0]),
        path="/invocations",
        prepare=lambda launch: _run_prepare("mlflow", launch),
        # Without its line per request, like the others: MLflow has no option for it, but its uvicorn reads this.
        env=_with_path("mlflow") | {"UVICORN_ACCESS_LOG": "false"},
    ),
    *(
        System(
            "bentoml",
            title,
            _bentoml,
            _rows,
            lambda body: int(json.loads(body)[0]),
            cwd=_service("bentoml"),
            env=env,
            # Its batching learns from how long things take, and a time in the freezer spoils what it learned.
            freezes=False,
        )
        for title, env in (
            ("BentoML", _with_path("bentoml")),
            ("BentoML, batching", _with_path("bentoml") | BATCHING),
        )
    ),
    *(
        System("litserve", title, _litserve, encode_record, read_class, cwd=_service("litserve"), env=env)
        for title, env in (("LitServe", {}), ("LitServe, batching", BATCHING))
    ),
    System(
        "mlserver",
        "MLServer, batching",
        _mlserver,
        _tensor,
        lambda body: int(json.loads(body)["outputs"][0]["data"][0]),
        path="/v2/models/wine/infer",
        prepare=_prepare_mlserver,
    ),
)
