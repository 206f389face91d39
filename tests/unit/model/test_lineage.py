from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pandas as pd

from garcom.model.lineage import commit, frame_sha256, trace


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_files_are_named_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"model")
    (tmp_path / "rows.csv").write_bytes(b"rows")
    found = trace(tmp_path / "model.pkl", tmp_path / "rows.csv", {"scikit-learn": "9.9"})
    assert found["source"] == "model.pkl"
    assert found["source_sha256"] == hashlib.sha256(b"model").hexdigest()
    assert found["data_sha256"] == hashlib.sha256(b"rows").hexdigest()
    assert found["libraries"]["scikit-learn"] == "9.9"
    assert "numpy" in found["libraries"]
    assert str(tmp_path) not in str(found)


def test_tables_are_named_by_their_content() -> None:
    frame = pd.DataFrame({"ação": [1, 2], "b": ["x", None]})
    same = frame.set_axis([7, 8], axis=0)
    assert frame_sha256(frame) == frame_sha256(same)
    assert frame_sha256(frame) != frame_sha256(frame.rename(columns={"b": "c"}))
    assert frame_sha256(frame) != frame_sha256(frame.assign(b=["x", "y"]))
    assert trace(object(), frame, {})["source"] == "builtins.object in memory"


def test_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert commit(tmp_path) == {}
    git(tmp_path, "init", "--quiet")
    (tmp_path / "train.py").write_text("1")
    git(tmp_path, "add", "train.py")
    git(tmp_path, "commit", "--quiet", "-m", "train")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit(tmp_path) == {"git_commit": head, "git_dirty": False}
    (tmp_path / "train.py").write_text("2")
    assert commit(tmp_path) == {"git_commit": head, "git_dirty": True}
