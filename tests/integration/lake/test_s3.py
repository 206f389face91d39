from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import pytest
from deltalake.fs import DeltaStorageHandler
from polars.testing import assert_frame_equal
from pyarrow import fs

from garcom.lake.datasets import Datasets
from garcom.lake.drain import Drain
from garcom.lake.opening import open_lake
from garcom.lake.schemas import days_around
from garcom.lake.tables import Lake
from garcom.lake.undrained import Undrained
from garcom.lake.upkeep import MANY_FILES, Upkeep
from garcom.settings import RetentionSettings
from garcom.storage.database import Database
from tests.unit.lake.datasets.rows import wines
from tests.unit.lake.journals import closed
from tests.unit.lake.rows import BEGAN, predictions

URL = "s3://lake/garcom"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # A process of its own: a library that holds the interpreter while it asks would wait for itself.
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not _answers(int(port)):
            assert time.monotonic() < until
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def environment(endpoint: str) -> Iterator[dict[str, str]]:
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
    }
    store = boto3.resource(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    bucket = store.create_bucket(Bucket="lake")
    yield environment
    bucket.objects.all().delete()
    bucket.delete()


@pytest.fixture
def lake(tmp_path: Path, environment: dict[str, str]) -> Lake:
    return open_lake(tmp_path, URL, environment)


def test_the_journal_is_drained_into_a_store_and_read_from_it(lake: Lake, tmp_path: Path) -> None:
    ids = sorted(id for number in (1, 2) for id in closed(tmp_path, number=number))
    assert Drain(lake).run().n_rows == 20
    assert Undrained(lake).view().scan().collect()["id"].sort().to_list() == ids
    id = ids[7]
    assert lake.predictions.scan(days=days_around(id), ids=(id, id)).collect()["id"].to_list() == [id]
    assert not (tmp_path / "lake").exists()


def test_small_files_are_put_together_in_a_store(lake: Lake) -> None:
    for i in range(MANY_FILES):
        lake.predictions.append(predictions(5, began=BEGAN + i * timedelta(minutes=1)))
    before = lake.predictions.scan().collect().sort("id")
    assert Upkeep(lake, RetentionSettings()).run().n_compacted == MANY_FILES
    assert len(lake.predictions.files()) == 1
    assert_frame_equal(lake.predictions.scan().collect(), before)
    assert len(lake.predictions.vacuum(0)) == MANY_FILES
    assert_frame_equal(lake.predictions.scan().collect(), before)


def test_commits_at_the_same_time_all_arrive(lake: Lake, environment: dict[str, str]) -> None:
    def append(n: int) -> None:
        table = open_lake(lake.home, URL, environment).predictions
        for i in range(3):
            table.append(predictions(1, began=BEGAN + i * timedelta(minutes=1)), {f"w{n}": i})

    threads = [threading.Thread(target=append, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lake.predictions.scan().collect().height == 6
    assert lake.predictions.snapshot(["w0", "w1"]).transactions == {"w0": 2, "w1": 2}


def test_datasets_stand_in_a_store_until_they_are_removed(lake: Lake) -> None:
    datasets = Datasets(Database.open(lake.home), lake)
    datasets.create("wine", wines(), {"source": "test"})
    assert datasets.erase(subjects=["ana"]) == {"wine:1": 2}
    assert datasets.read("wine")["_garcom_id"].to_list() == ["a2", "a4"]
    place = lake.table("datasets/wine/1", wines().schema).place
    store = fs.PyFileSystem(DeltaStorageHandler(place.uri, dict(place.options)))
    found = store.get_file_info(fs.FileSelector("", recursive=True))
    assert len([file for file in found if file.extension == "parquet"]) == 1
    datasets.remove("wine")
    assert store.get_file_info(fs.FileSelector("", recursive=True, allow_not_found=True)) == []
