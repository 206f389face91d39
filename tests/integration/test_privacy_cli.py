"""``garcom privacy``, as the person who answers a request of LGPD or GDPR uses it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from garcom.cli import app
from garcom.errors import Conflict, InputError
from garcom.journal.lines import Entry, Version, encode
from garcom.journal.pseudonyms import SubjectKey
from garcom.journal.segment import Segment, SegmentName
from garcom.lake.receipts import public_key
from tests.unit.lake.rows import BEGAN, id_of

ANA, BEA = "Ana Planted", "Bea Other"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two predictions of each of two people, in a closed segment."""
    home = tmp_path / "home"
    key = SubjectKey.under(home)
    (home / "journal").mkdir()
    segment = Segment(home / "journal", SegmentName("w", 1), 1 << 16)
    version = Version(v=0, model="wine", version=1, digest="65", role="stable", task="regression", fields=("x",))
    segment.preface(encode(version) + b"\n")
    for n, subject in enumerate((ANA, BEA, ANA, BEA)):
        entry = Entry(
            0, id_of(BEGAN, n), round(BEGAN.timestamp() * 1e6), [f"{subject}-{n}"], 1.5, subject=key.pseudonym(subject)
        )
        segment.write(encode(entry) + b"\n")
    segment.close()
    return home


def invoke(home: Path, *arguments: str, typed: str | None = None) -> Result:
    environment = {"GARCOM_HOME": str(home), "COLUMNS": "300"}
    return CliRunner().invoke(app, ["privacy", *arguments], env=environment, input=typed)


def run(home: Path, *arguments: str, typed: str | None = None) -> str:
    result = invoke(home, *arguments, typed=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_is_stored_is_told_to_people_to_scripts_and_to_files(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "ana.json"
    told = run(home, "export", "--subject", ANA, "--out", str(out))
    assert "predictions 2, rows of datasets 0." in told
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    written = json.loads(out.read_bytes())
    assert [row["input"]["x"] for row in written["predictions"]] == [f"{ANA}-0", f"{ANA}-2"]
    again = json.loads(run(home, "export", "--subject", "-", "--json", typed=f"{ANA}\n"))
    assert again["predictions"] == written["predictions"]
    assert again["subject"] == SubjectKey.under(home).pseudonym(ANA)
    assert "predictions 0, rows" in run(home, "export", "--subject", "nobody")


def test_a_person_is_erased_and_the_receipt_verified(home: Path, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.json"
    told = run(home, "erase", "--subject", ANA, "--yes", "--receipt", str(receipt))
    assert "predictions 2, actuals 0, rows of datasets 0, kept answers 0" in told
    assert ANA not in receipt.read_text()
    assert json.loads(run(home, "export", "--subject", ANA, "--json"))["predictions"] == []
    assert len(json.loads(run(home, "export", "--subject", BEA, "--json"))["predictions"]) == 2
    assert "The receipt is genuine: on" in run(home, "verify", str(receipt))
    assert json.loads(run(home, "verify", str(receipt), "--json")) == json.loads(receipt.read_text())
    key = public_key(home)
    assert key is not None
    run(tmp_path / "elsewhere", "verify", str(receipt), "--key", key.upper())
    with pytest.raises(InputError, match="no receipt was ever given there"):
        run(tmp_path / "elsewhere", "verify", str(receipt))
    receipt.write_text(receipt.read_text().replace('"predictions": 2', '"predictions": 3'))
    with pytest.raises(InputError, match="something in it was changed"):
        run(home, "verify", str(receipt))


def test_without_a_file_the_receipt_is_printed(home: Path) -> None:
    told = run(home, "erase", "--subject", ANA, "--yes")
    assert json.loads(told.partition("Receipt, to be kept:")[2])["erased"]["predictions"] == 2
    assert json.loads(run(home, "erase", "--subject", BEA, "--yes", "--json"))["erased"]["predictions"] == 2


def test_nothing_is_erased_where_it_was_not_meant(home: Path, tmp_path: Path) -> None:
    taken = tmp_path / "receipt.json"
    taken.write_text("another receipt")
    with pytest.raises(Conflict, match="nobody is there to be asked"):
        run(home, "erase", "--subject", ANA)
    for arguments in (
        ("erase", "--subject", ANA, "--yes", "--receipt", str(taken)),
        ("erase", "--subject", ANA, "--yes", "--receipt", str(tmp_path / "no" / "receipt.json")),
        ("erase", "--subject", " ", "--yes"),
    ):
        assert invoke(home, *arguments).exit_code == 2
    with pytest.raises(InputError, match="no subject was ever stored"):
        run(tmp_path / "wrong", "erase", "--subject", ANA, "--yes", "--receipt", str(tmp_path / "new.json"))
    assert taken.read_text() == "another receipt"
    assert not (tmp_path / "new.json").exists()
    assert not (tmp_path / "wrong" / "secrets").exists()
    assert len(json.loads(run(home, "export", "--subject", ANA, "--json"))["predictions"]) == 2
