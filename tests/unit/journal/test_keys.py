from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from garcom.errors import InputError, JournalUnavailable
from garcom.ids import uuid7s
from garcom.journal.keys import (
    Answer,
    Answered,
    Busy,
    Claimed,
    Kept,
    KeyStore,
    Mismatch,
    Orphaned,
    Scope,
    digest_of,
)

WINE = Scope("wine")
BODY = digest_of("application/json", b"{}")
ANSWER = Answer("application/json", b'{"prediction":1}', uuid7s(1)[0], "0123456789abcdef")

#: What a process of its own says before its first line.
PRELUDE = """
import sys
from pathlib import Path
from garcom.errors import JournalUnavailable
from garcom.journal.keys import *
store = KeyStore(Path(sys.argv[1]))
wine, body = Scope("wine"), digest_of("application/json", b"{}")
answer = Answer("application/json", b"1", "01a1fdb2-0000-7000-8000-000000000000")
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    made = KeyStore(tmp_path)
    yield made
    made.close()


def claimed(store: KeyStore, key: str = "k", kind: type[Claimed | Orphaned] = Claimed) -> Claimed | Orphaned:
    claim = store.claim(WINE, key, BODY)
    assert isinstance(claim, kind)
    return claim


@contextmanager
def process(folder: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the code, which prints a line when it has come to where it waits for its input's end."""
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_a_request_repeated_gets_the_first_answer(store: KeyStore, tmp_path: Path) -> None:
    store.settle(claimed(store), ANSWER)
    assert store.claim(WINE, "k", BODY) == Answered(ANSWER)
    store.close()
    again = KeyStore(tmp_path)
    assert again.claim(WINE, "k", BODY) == Answered(ANSWER)
    again.close()


def test_a_key_counts_within_its_scope(store: KeyStore) -> None:
    store.settle(claimed(store), ANSWER)
    for scope in (Scope("beer"), Scope("wine", "3")):
        assert isinstance(store.claim(scope, "k", BODY), Claimed)


def test_another_body_is_a_mismatch_before_and_after_the_answer(store: KeyStore) -> None:
    other = digest_of("text/csv", b"{}")
    claim = claimed(store)
    assert store.claim(WINE, "k", other) == Mismatch()
    store.settle(claim, ANSWER)
    assert store.claim(WINE, "k", other) == Mismatch()


def test_a_key_under_way_is_busy_for_this_and_other_stores(store: KeyStore, tmp_path: Path) -> None:
    claimed(store)
    other = KeyStore(tmp_path)
    assert store.claim(WINE, "k", BODY) == Busy()
    assert other.claim(WINE, "k", BODY) == Busy()
    other.close()


def test_a_released_key_is_computed_anew(store: KeyStore) -> None:
    store.release(claimed(store))
    claimed(store)


def test_an_abandoned_key_has_to_be_looked_for_until_it_is_settled(store: KeyStore) -> None:
    store.abandon(claimed(store))
    store.release(claimed(store, kind=Orphaned))
    store.settle(claimed(store, kind=Orphaned), ANSWER)
    assert store.claim(WINE, "k", BODY) == Answered(ANSWER)


def test_the_key_of_a_killed_process_is_orphaned_for_one_only(store: KeyStore, tmp_path: Path) -> None:
    with process(tmp_path, "print(store.claim(wine, 'k', body), flush=True); sys.stdin.read()") as child:
        assert said(child).startswith("Claimed")
        assert store.claim(WINE, "k", BODY) == Busy()
        child.send_signal(signal.SIGKILL)
        child.wait()
    other = KeyStore(tmp_path)
    outcomes = [store.claim(WINE, "k", BODY), other.claim(WINE, "k", BODY), store.claim(WINE, "k", BODY)]
    assert [type(outcome) for outcome in outcomes] == [Orphaned, Busy, Busy]
    other.close()


def test_of_many_processes_and_threads_one_computes_each_key(store: KeyStore, tmp_path: Path) -> None:
    code = """
import threading
def work():
    for n in range(100):
        outcome = store.claim(wine, f"k{n}", body)
        if isinstance(outcome, Claimed):
            store.settle(outcome, answer)
            won.append(n)
        assert not isinstance(outcome, (Orphaned, Mismatch)), outcome
won = []
print("ready", flush=True)
sys.stdin.read()
threads = [threading.Thread(target=work) for _ in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*won, flush=True)
"""
    with process(tmp_path, code) as one, process(tmp_path, code) as two:
        for child in (one, two):
            assert said(child) == "ready"
        for child in (one, two):
            assert child.stdin is not None
            child.stdin.close()
        won = [int(n) for child in (one, two) for n in said(child).split()]
    assert sorted(won) == list(range(100))
    assert isinstance(store.claim(WINE, "k99", BODY), Answered)


def test_processes_killed_at_work_leave_no_false_answer(tmp_path: Path) -> None:
    code = """
import itertools
for n in itertools.count():
    store.settle(store.claim(wine, f"{sys.argv[1]}{n}", body), answer)
    print(n, flush=True)
"""
    for _ in range(3):
        with process(tmp_path, code.replace("sys.argv[1]", "store._me")) as child:
            last = max(int(said(child)) for _ in range(50))
            child.kill()
            assert child.stdout is not None
            last = max([last, *(int(line) for line in child.stdout if line.endswith("\n"))])
        with sqlite3.connect(tmp_path / "keys.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (n_answers,) = connection.execute("SELECT count(*) FROM keys WHERE body IS NOT NULL").fetchone()
            connection.execute("DELETE FROM keys")
        connection.close()
        assert n_answers in (last + 1, last + 2)


def test_an_answer_has_its_time(tmp_path: Path) -> None:
    now = [1000.0]
    store = KeyStore(tmp_path, lifetime_s=60, clock=lambda: now[0])
    for n in range(5):
        store.settle(claimed(store, f"k{n}"), ANSWER)
    now[0] += 59
    assert store.claim(WINE, "k0", BODY) == Answered(ANSWER)
    assert store.expire() == 0
    now[0] += 1
    store.settle(claimed(store, "k0"), ANSWER)
    assert [store.expire(limit=3), store.expire(limit=3)] == [3, 1]
    assert store.claim(WINE, "k0", BODY) == Answered(ANSWER)
    store.close()


def test_what_is_forgotten_leaves_no_byte_behind(store: KeyStore, tmp_path: Path) -> None:
    secret = os.urandom(5000).hex().encode()
    for n in range(20):
        about = "f" * 32 if n % 2 else "e" * 32
        store.settle(claimed(store, f"k{n}"), Answer("text/x", secret[n:] if n % 2 else b"1", f"id-{n}", about))
    assert store.forget_subject("f" * 32) == 10
    assert store.forget_ids(["id-0", "id-1", "id-2"]) == 2
    for path in tmp_path.iterdir():
        held = path.read_bytes()
        assert b"f" * 32 not in held
        assert secret[100:120] not in held
    assert isinstance(store.claim(WINE, "k6", BODY), Answered)
    assert isinstance(store.claim(WINE, "k1", BODY), Claimed)


def kept() -> list[Kept]:
    return [Kept(WINE, "journalled", ANSWER.id), Kept(WINE, "old", "01000000-0000-7000-8000-000000000000")]


def test_after_another_boot_the_file_is_built_from_what_the_journal_knows(tmp_path: Path) -> None:
    before = KeyStore(tmp_path, kept, boot=lambda: "one")
    before.settle(claimed(before, "lost"), ANSWER)
    before.close()
    after = KeyStore(tmp_path, kept, boot=lambda: "two")
    assert isinstance(after.claim(WINE, "lost", BODY), Claimed)
    orphan = after.claim(WINE, "journalled", BODY)
    assert isinstance(orphan, Orphaned)
    assert after.claim(WINE, "journalled", BODY) == Busy()
    after.settle(orphan, ANSWER)
    assert after.claim(WINE, "journalled", BODY) == Answered(ANSWER)
    assert after.claim(WINE, "journalled", b"another") == Mismatch()
    assert isinstance(after.claim(WINE, "old", BODY), Claimed)
    after.close()


def overwrite(path: Path, start: int) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * (size - start))


@pytest.mark.parametrize("damage", [lambda path: overwrite(path, 0), lambda path: overwrite(path, 4096), Path.unlink])
def test_a_damaged_file_is_built_again_even_while_it_is_open(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    journal = kept()
    one, two = KeyStore(tmp_path, lambda: journal), KeyStore(tmp_path, lambda: journal)
    one.settle(claimed(one, "settled"), ANSWER)
    held = claimed(one, "held")
    assert isinstance(two.claim(WINE, "settled", BODY), Answered)
    damage(tmp_path / "keys.db")
    for n, store in enumerate((one, two, one)):  # whoever meets the damage mends it; the others see another file
        claimed(store, f"meanwhile-{n}")
    assert isinstance(one.claim(WINE, "journalled", BODY), Orphaned)
    assert two.claim(WINE, "journalled", BODY) == Busy()
    assert two.claim(WINE, "held", BODY) == Busy()
    journal.append(Kept(WINE, "held", ANSWER.id))
    one.settle(held, ANSWER)
    assert two.claim(WINE, "held", BODY) == Answered(ANSWER)
    one.close()
    two.close()


def test_a_full_disk_refuses_and_what_it_left_unsettled_is_orphaned(tmp_path: Path) -> None:
    code = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def limit(n_bytes): resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))
def refused(call, *arguments):
    try: call(*arguments)
    except JournalUnavailable: return
    raise AssertionError("it was not refused")
big = Answer("text/x", bytes(1 << 20), answer.id)
first = store.claim(wine, "first", body)
limit((Path(sys.argv[1]) / "keys.db").stat().st_size)
refused(store.settle, first, big)
limit(100)
refused(store.claim, wine, "second", body)
limit(resource.RLIM_INFINITY)
print(type(store.claim(wine, "first", body)).__name__, type(store.claim(wine, "second", body)).__name__, flush=True)
"""
    with process(tmp_path, code) as child:
        assert said(child) == "Orphaned Claimed"


def test_a_store_that_cannot_be_opened_refuses_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"")
    store = KeyStore(tmp_path / "journal")
    with pytest.raises(JournalUnavailable, match="idempotency keys cannot be read or written"):
        store.claim(WINE, "k", BODY)
    (tmp_path / "journal").unlink()
    claimed(store)
    store.close()


def test_a_retry_that_fails_takes_nothing_from_the_request_that_computes(tmp_path: Path) -> None:
    folder, away = tmp_path / "journal", tmp_path / "away"
    store = KeyStore(folder)
    claim = claimed(store)
    folder.rename(away)
    folder.write_bytes(b"")
    with pytest.raises(JournalUnavailable):
        store.claim(WINE, "k", BODY)
    folder.unlink()
    away.rename(folder)
    assert store.claim(WINE, "k", BODY) == Busy()
    store.settle(claim, ANSWER)
    assert store.claim(WINE, "k", BODY) == Answered(ANSWER)
    store.close()


def test_a_thread_waits_for_another_process_in_a_transaction(store: KeyStore, tmp_path: Path) -> None:
    store.open()
    other = sqlite3.connect(tmp_path / "keys.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    outcomes: list[object] = []
    thread = threading.Thread(target=lambda: outcomes.append(store.claim(WINE, "k", BODY)))
    thread.start()
    assert outcomes == []
    other.execute("COMMIT")
    thread.join()
    other.close()
    assert isinstance(outcomes[0], Claimed)


@pytest.mark.parametrize("key", ["", "a b", "é", "a\n", "k" * 256])
def test_a_key_is_visible_ascii(store: KeyStore, key: str) -> None:
    with pytest.raises(InputError, match="1 to 255 visible ASCII characters"):
        store.claim(WINE, key, BODY)


def test_a_key_is_not_to_be_taken_for_a_row_of_another(store: KeyStore) -> None:
    with pytest.raises(InputError, match="does not end in a slash and digits"):
        store.claim(WINE, "order/17", BODY)
    for key in ("order/17a", "17", "k" * 255):
        assert isinstance(store.claim(WINE, key, BODY), Claimed)
