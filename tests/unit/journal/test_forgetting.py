from __future__ import annotations

from contextlib import closing
from pathlib import Path

from garcom.ids import uuid7s
from garcom.journal.forgetting import forget_answers
from garcom.journal.keys import Answer, Answered, Claimed, KeyStore, Orphaned, Scope

ANA, BEA = "a" * 32, "b" * 32
WINE = Scope("wine")


def settle(store: KeyStore, key: str, subject: str, id: str) -> None:
    claim = store.claim(WINE, key, b"digest")
    assert isinstance(claim, Claimed | Orphaned)
    store.settle(claim, Answer("application/json", f'{{"of":"{subject}"}}'.encode(), id, subject))


def test_the_answers_of_a_subject_go_and_others_stay(tmp_path: Path) -> None:
    ids = uuid7s(3)
    with closing(KeyStore(tmp_path)) as store:
        settle(store, "one", ANA, ids[0])
        settle(store, "two", BEA, ids[1])
        settle(store, "three", "c" * 32, ids[2])
        assert forget_answers(tmp_path, ANA, [ids[0], ids[2]]) == 2
        content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert ANA.encode() not in content
        assert b"c" * 32 not in content
        assert isinstance(store.claim(WINE, "two", b"digest"), Answered)
        assert isinstance(store.claim(WINE, "one", b"digest"), Claimed)


def test_a_file_of_another_boot_is_left_to_its_server(tmp_path: Path) -> None:
    with closing(KeyStore(tmp_path, boot=lambda: "another")) as store:
        settle(store, "one", ANA, uuid7s(1)[0])
    assert forget_answers(tmp_path, ANA) == 0
    assert not (tmp_path / "keys.db").exists()
    assert not any(ANA.encode() in path.read_bytes() for path in tmp_path.iterdir())


def test_no_file_is_made(tmp_path: Path) -> None:
    assert forget_answers(tmp_path / "journal", ANA) == 0
    assert list(tmp_path.iterdir()) == []
