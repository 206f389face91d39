from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from garcom.errors import InputError, SettingsError
from garcom.lake.receipts import Erased, Receipt, TableVersions, public_key, read_receipt, signing_key

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def receipt(home: Path) -> Receipt:
    return Receipt(
        subject="0" * 32,
        asked_at=NOW,
        erased_at=NOW,
        erased=Erased(predictions=3, actuals=1, datasets=0, keys=2),
        tables=(TableVersions(name="predictions", before=4, after=6),),
    ).signed_by(signing_key(home))


def own_key(home: Path) -> str:
    key = public_key(home)
    assert key is not None
    return key


def test_a_receipt_is_verified_after_it_was_written_and_read(tmp_path: Path) -> None:
    assert public_key(tmp_path) is None
    signed = receipt(tmp_path)
    assert signed.erased.total == 6
    file = tmp_path / "receipt.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(signed), indent=2))
    read = read_receipt(file)
    assert read == signed
    read.verify(own_key(tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "1" * 32},
        {"erased": Erased(predictions=2, actuals=1, datasets=0, keys=2)},
        {"erased_at": datetime(2026, 11, 21, 13, tzinfo=UTC)},
        {"tables": ()},
        {"signature": ""},
        {"signature": "00" * 64},
        {"signature": "no hex"},
    ],
)
def test_a_changed_receipt_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    changed = msgspec.structs.replace(receipt(tmp_path), **change)
    with pytest.raises(InputError, match="something in it was changed"):
        changed.verify(own_key(tmp_path))


def test_a_receipt_of_another_installation_is_refused(tmp_path: Path) -> None:
    other = receipt(tmp_path / "other")
    receipt(tmp_path / "own")
    with pytest.raises(InputError, match="it is of another installation"):
        other.verify(own_key(tmp_path / "own"))
    # Its own words are worth nothing: whoever forges a receipt names a key of his own.
    with pytest.raises(InputError, match="something in it was changed"):
        msgspec.structs.replace(other, public_key=own_key(tmp_path / "own")).verify(own_key(tmp_path / "own"))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"kind":"a letter"}', b"\xff\xfe"])
def test_what_is_no_receipt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "receipt.json").write_bytes(content)
    with pytest.raises(InputError, match="Expected the JSON of an erasure receipt"):
        read_receipt(tmp_path / "receipt.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_receipt(tmp_path)


def test_a_damaged_key_is_told(tmp_path: Path) -> None:
    receipt(tmp_path)
    (tmp_path / "secrets" / "receipts.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="Expected an Ed25519 key of 32 bytes"):
        public_key(tmp_path)
