"""``garcom demo``, which ``make run`` calls: what it prints works, and the second time it starts from the first's."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from garcom.cli.demo import is_there
from garcom.registry import Registry

COMMAND = [sys.executable, "-m", "garcom", "demo"]


def run(home: Path) -> tuple[str, httpx.Response]:
    """Start the demo, send the record of the curl line it prints, stop it; gives what it said and the answer."""
    with subprocess.Popen(
        [*COMMAND, "--home", str(home), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.lstrip().startswith("curl "):
                    break
            words = shlex.split(said.splitlines()[-1])
            answer = httpx.post(words[2], content=words[-1], headers=dict([words[4].split(": ")]), trust_env=False)
        finally:
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=60)
        assert process.returncode == 0, log
    return said, answer


def test_trains_once_and_serves(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    said, answer = run(home)
    assert "Packed and registered iris:1" in said
    assert re.search(r"Documentation.*http://127\.0\.0\.1:\d+/docs", said)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["model"], found["version"]) == ("iris", 1)
    assert found["prediction"] in {"setosa", "versicolor", "virginica"}

    said, again = run(home)
    assert "Training" not in said
    assert again.json()["prediction"] == found["prediction"]
    assert again.json()["version"] == 1

    bundle = next((home / "bundles").glob("*/manifest.json"))
    assert is_there(Registry.open(home))
    bundle.write_bytes(bundle.read_bytes()[:-20])
    assert not is_there(Registry.open(home)), "a damaged bundle would be served instead of packed again"


def test_a_taken_port_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*COMMAND, "--home", str(tmp_path / "demo"), "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert re.search(rf"error: Cannot listen on 127\.0\.0\.1:{port}: .*--port.*make run PORT=", done.stderr)
    assert not (tmp_path / "demo").exists()


def test_the_files_it_leaves_pack_by_hand(tmp_path: Path) -> None:
    from garcom.cli.demo import SIGNATURE, train
    from garcom.model.corrections import read_corrections

    train(tmp_path / "iris.csv", tmp_path / "iris.joblib")
    (tmp_path / "iris.toml").write_text(SIGNATURE)
    header = (tmp_path / "iris.csv").read_text().splitlines()[0].split(",")
    assert header == ["sepal length", "sepal width", "petal length", "petal width", "species"]
    assert set(read_corrections(tmp_path / "iris.toml").fields) == set(header[:-1])
