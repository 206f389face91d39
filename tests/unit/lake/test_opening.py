from __future__ import annotations

from pathlib import Path

from garcom.lake.opening import open_lake

AWS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "AWS_REGION": "us-east-1", "HOME": "/nowhere"}


def test_a_lake_in_the_home_needs_nothing_from_the_environment(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, environment=AWS)
    assert lake.root.folder == tmp_path / "lake"
    assert not lake.root.options


def test_a_lake_at_an_address_takes_the_usual_variables(tmp_path: Path) -> None:
    lake = open_lake(tmp_path, "s3://bucket/garcom/", AWS)
    assert (lake.home, lake.root.uri, lake.root.folder) == (tmp_path, "s3://bucket/garcom", None)
    assert lake.root.options == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    assert "AWS_ALLOW_HTTP" not in open_lake(tmp_path, "s3://b", {"AWS_ENDPOINT_URL": "https://s3"}).root.options
