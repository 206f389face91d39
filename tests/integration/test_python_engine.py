"""The original in a process of its own: the same answers, and no harm from whatever that process does."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from garcom.errors import EngineError, RowsRefused, UnsupportedModel
from garcom.model.engines import python
from garcom.model.engines.base import EngineSpec, PythonTerms
from garcom.model.engines.python import PythonEngine
from garcom.model.engines.python_manifest import MANIFEST_FILE, PICKLE_FILE
from garcom.model.frames import to_batch
from garcom.model.inference import infer_signature
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.model.sources import bind, read_model
from garcom.model.sources.base import Loaded
from garcom.model.sources.originals import BoundOriginal
from garcom.model.walls import WALLS
from garcom.records import Batch
from tests.unit.model.examples import answers, mixed_pipeline, people
from tests.walls import NEEDS_WALLS


class Whims:
    """A regressor that does as its number says: -1 raises, -2 sleeps, -3 ends the process …

    It is no scikit-learn's, whose import would take most of the time of a process.
    """

    def predict(self, X: Any) -> Any:
        values = np.asarray(X, dtype=float)[:, 0]
        if values[0] == -1:
            raise ValueError("não sei responder")
        if values[0] == -2:
            time.sleep(60)
        if values[0] == -3:
            os._exit(7)
        if values[0] == -4:
            print("barulho", flush=True)
        if values[0] == -5:
            return np.array([float(len(os.environ.get("GARCOM_SECRET", "")))] * len(values))
        if values[0] == -6:
            raise ValueError(f"{values[0]} é demais")
        if values[0] == -8:
            for _ in range(4):
                threading.Thread(target=spin, daemon=True).start()
        if values[0] == -9:
            scatter()
        if values[0] == -7:
            return values[:1]
        return values * 2


def spin() -> None:
    while True:
        pass


def scatter() -> None:
    """Take page tables: 8 kB for each page that is far from every other."""
    mmap = ctypes.CDLL(None).mmap
    mmap.restype = ctypes.c_void_p
    place: list[Any] = [ctypes.c_size_t(4096), 1, 0x22, -1, ctypes.c_long(0)]
    for at in range(60_000):
        ctypes.string_at(mmap(ctypes.c_void_p(0x100000000000 + (at << 30)), *place), 1)
    time.sleep(60)


SIGNATURE = Signature(
    fields=(Field(name="x", type=FieldType.FLOAT),),
    output=Output(task="regression", names=("value",)),
    example={"x": 0.0},
)


def rows(*values: float) -> Batch:
    return Batch(np.array(values)[:, None], np.empty((len(values), 0), dtype=object))


def write_whims(folder: Path) -> EngineSpec:
    loaded = Loaded(model=Whims(), framework="scikit-learn", input_kind="array", output=SIGNATURE.output)
    return python.write(folder, bind(loaded, SIGNATURE))


def whims(folder: Path, **options: float) -> PythonEngine:
    spec = write_whims(folder)
    return python.load(folder, EngineSpec(name=spec.name, kind=spec.kind, options=dict(options)), SIGNATURE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PythonEngine]:
    os.environ["GARCOM_SECRET"] = "segredo"
    engine = whims(tmp_path_factory.mktemp("whims"))
    yield engine
    engine.close()
    del os.environ["GARCOM_SECRET"]


def mixed() -> tuple[BoundOriginal, Batch]:
    frame = people()
    loaded = read_model(mixed_pipeline().fit(frame, answers(frame)))
    signature = infer_signature(loaded, frame)
    return bind(loaded, signature), to_batch(frame, signature)


def test_the_answers_are_those_of_the_original(tmp_path: Path) -> None:
    original, batch = mixed()
    engine = python.load(tmp_path, python.write(tmp_path, original), original.signature)
    try:
        for part in (batch, batch.rows(slice(0, 1))):
            expected, got = original.run(part), engine.run(part)
            np.testing.assert_array_equal(got.labels, expected.labels)
            np.testing.assert_array_equal(got.probabilities, expected.probabilities)
            assert got.values is None
    finally:
        engine.close()
        engine.close()


def test_texts_with_accents_unknown_values_and_gaps_arrive(tmp_path: Path) -> None:
    original, batch = mixed()
    batch.texts[0, 0], batch.texts[1, 0], batch.texts[2, 0] = "Ünbekannt 日本", None, ""
    engine = python.load(tmp_path, python.write(tmp_path, original), original.signature)
    try:
        np.testing.assert_array_equal(engine.run(batch).probabilities, original.run(batch).probabilities)
    finally:
        engine.close()


def test_a_failure_of_the_model_leaves_the_process_alive(shared: PythonEngine) -> None:
    shared.start()
    before = shared.pid
    with pytest.raises(RowsRefused, match="ValueError: não sei responder") as caught:
        shared.run(rows(-1))
    (fault,) = caught.value.faults
    assert (fault.where, fault.expected) == ("", "a row that the model can answer")
    assert shared.run(rows(3, 4)).values.tolist() == [[6], [8]]  # type: ignore[union-attr]
    assert shared.pid == before


def test_a_refusal_does_not_repeat_the_row(shared: PythonEngine) -> None:
    with pytest.raises(RowsRefused, match=r"ValueError: … é demais"):
        shared.run(rows(-6))


def test_an_answer_of_the_wrong_shape_is_no_fault_of_the_rows(shared: PythonEngine) -> None:
    with pytest.raises(EngineError, match="2") as caught:
        shared.run(rows(-7, 1))
    assert not isinstance(caught.value, RowsRefused)


def test_rows_that_end_the_process_are_tried_twice_and_no_more(shared: PythonEngine) -> None:
    shared.start()
    before = shared.pid
    with pytest.raises(EngineError, match=r"exit status 7.* So did the one before it, with the same rows"):
        shared.run(rows(-3))
    assert shared.pid is None
    assert shared.run(rows(5)).values.tolist() == [[10]]  # type: ignore[union-attr]
    assert shared.pid != before


def test_a_process_that_is_killed_in_a_call_costs_no_answer(tmp_path: Path) -> None:
    # It says on disk that it has begun; the second one finds that, and answers.
    behaviour = f"""
from pathlib import Path
begun = Path({str(tmp_path / "begun")!r})
first = not begun.exists()
begun.touch()
time.sleep(60 if first else 0)
send({{"type": "answer", "labels": None, "probabilities": None, "values": {FLOAT}}})
"""
    engine = fake(tmp_path, READY + behaviour)
    engine.start()
    first = engine.pid
    assert first is not None
    killer = threading.Thread(target=lambda: kill_once_there(tmp_path / "begun", first))
    killer.start()
    assert engine.run(rows(1)).values.tolist() == [[1]]  # type: ignore[union-attr]
    killer.join()
    assert engine.pid != first
    engine.close()


def kill_once_there(path: Path, pid: int) -> None:
    while not path.exists():
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)


def test_a_closed_engine_starts_no_process_for_a_call_that_it_ended(tmp_path: Path) -> None:
    engine = fake(tmp_path, READY + f"open({str(tmp_path / 'begun')!r}, 'w'); time.sleep(60)\n")
    engine.start()

    def close_once_there() -> None:
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        engine.close()

    closer = threading.Thread(target=close_once_there)
    closer.start()
    with pytest.raises(EngineError, match="ended"):
        engine.run(rows(1))
    closer.join()
    assert engine.pid is None


def test_a_process_that_was_killed_between_calls_costs_no_answer(shared: PythonEngine) -> None:
    shared.start()
    before = shared.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert wait_until_gone(before)
    assert shared.run(rows(5)).values.tolist() == [[10]]  # type: ignore[union-attr]
    assert shared.pid != before


def test_what_the_model_prints_does_not_reach_the_answers(shared: PythonEngine) -> None:
    assert shared.run(rows(-4)).values.tolist() == [[-8]]  # type: ignore[union-attr]


def test_the_process_sees_no_variable_of_the_worker(shared: PythonEngine) -> None:
    assert os.environ["GARCOM_SECRET"]
    assert shared.run(rows(-5)).values.tolist() == [[0]]  # type: ignore[union-attr]


def test_a_call_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    engine = whims(tmp_path, timeout_s=0.5)
    try:
        pid = engine.pid
        with pytest.raises(EngineError, match=r"longer than 0\.5 s"):
            engine.run(rows(-2))
        assert pid is not None
        assert not alive(pid)
        assert engine.pid is None
    finally:
        engine.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie with no thread left has ended too; only its parent has not asked yet.
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        return not Path("/proc").exists()
    return (
        len(list((folder / "task").iterdir())) > 1 or (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    )


def wait_until_gone(pid: int) -> bool:
    return wait_until(lambda: not alive(pid))


@NEEDS_WALLS
def test_nothing_of_a_model_runs_between_two_calls(tmp_path: Path) -> None:
    engine = whims(tmp_path)
    try:
        confined = confined_by(engine)
        assert wait_until(lambda: states(confined) == {"T"})
        engine.run(rows(-8))
        assert wait_until(lambda: states(confined) == {"T"})
        assert len(os.listdir(f"/proc/{confined}/task")) > 4
        assert engine.run(rows(3)).values.tolist() == [[6]]  # type: ignore[union-attr]
        with pytest.raises(RowsRefused):
            engine.run(rows(-1))
        assert wait_until(lambda: states(confined) == {"T"})
        assert engine.run(rows(4)).values.tolist() == [[8]]  # type: ignore[union-attr]
        assert confined_by(engine) == confined
    finally:
        engine.close()
    assert wait_until_gone(confined)


@NEEDS_WALLS
@pytest.mark.parametrize("which", ["first", "second"])
def test_a_process_that_is_killed_while_it_stands_still_is_replaced(tmp_path: Path, which: str) -> None:
    engine = whims(tmp_path)
    try:
        first, second = engine.pid, confined_by(engine)
        assert first is not None
        os.kill(first if which == "first" else second, signal.SIGKILL)
        assert wait_until_gone(first)
        assert wait_until_gone(second)
        assert engine.run(rows(3)).values.tolist() == [[6]]  # type: ignore[union-attr]
        assert engine.pid != first
    finally:
        engine.close()


@NEEDS_WALLS
def test_memory_that_no_limit_counts_ends_the_process(tmp_path: Path) -> None:
    terms = PythonTerms(memory_mb=256)
    engine = python.load(tmp_path, write_whims(tmp_path), SIGNATURE, terms)
    try:
        with pytest.raises(EngineError, match=r"may take 256 MB of .* took \d+, and was ended"):
            engine.run(rows(-9))
        assert engine.pid is None
        assert engine.run(rows(3)).values.tolist() == [[6]]  # type: ignore[union-attr]
    finally:
        engine.close()


def confined_by(engine: PythonEngine) -> int:
    """The number of the second process, which has the model."""
    assert engine.pid is not None
    (second,) = children_of(engine.pid)
    return second


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def states(pid: int) -> set[str]:
    """The states of a process's threads."""
    return {(task / "stat").read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()}


def wait_until(holds: Callable[[], bool]) -> bool:
    for _ in range(400):
        if holds():
            return True
        time.sleep(0.025)
    return False


@pytest.mark.parametrize("idle", [False, True])
def test_the_process_dies_with_its_worker_even_in_a_long_call(tmp_path: Path, idle: bool) -> None:
    write_whims(tmp_path / "engine")
    script = f"""
import threading, time, msgspec, numpy as np
from pathlib import Path
from garcom.model.engines import python
from garcom.model.engines.base import EngineSpec, PythonTerms
from garcom.model.signature import Signature
from garcom.records import Batch
signature = msgspec.json.decode({msgspec.json.encode(SIGNATURE)!r}, type=Signature)
engine = python.load(Path({str(tmp_path / "engine")!r}), EngineSpec(name="python", kind="python"), signature)
batch = Batch(np.array([[-2.0]]), np.empty((1, 0), dtype=object))
if not {idle}:
    threading.Thread(target=engine.run, args=(batch,), daemon=True).start()
    time.sleep(0.5)
print(engine.pid, flush=True)
time.sleep(60)
"""
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    with worker.stdout:
        first = int(worker.stdout.readline())
        second = children_of(first)
        assert len(second) == 1
        worker.kill()
        worker.wait()
    assert all(wait_until_gone(pid) for pid in (first, *second))


def test_a_forgotten_engine_leaves_no_process(tmp_path: Path) -> None:
    engine = whims(tmp_path)
    pid = engine.pid
    assert pid is not None
    del engine
    assert wait_until_gone(pid)


def test_other_library_versions_are_refused_before_the_pickle_is_opened(tmp_path: Path) -> None:
    write_whims(tmp_path)
    path = tmp_path / MANIFEST_FILE
    manifest = msgspec.json.decode(path.read_bytes())
    manifest["libraries"]["scikit-learn"] = "0.9.9"
    manifest["libraries"]["catboost"] = "1.0"
    path.write_bytes(msgspec.json.encode(manifest))
    (tmp_path / PICKLE_FILE).write_bytes(b"never opened")
    with pytest.raises(EngineError, match=r"catboost 1\.0, here none; scikit-learn 0\.9\.9, here .*pip install"):
        python.load(tmp_path, EngineSpec(name="python", kind="python"), SIGNATURE)


def test_a_damaged_pickle_says_so(tmp_path: Path) -> None:
    write_whims(tmp_path)
    (tmp_path / PICKLE_FILE).write_bytes(b"\x80\x05nonsense")
    with pytest.raises(EngineError, match="did not start: "):
        python.load(tmp_path, EngineSpec(name="python", kind="python"), SIGNATURE)


OWN_CODE = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from pacote.contas import dobro

class Transformador(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        return self
    def transform(self, X):
        return dobro(np.asarray(X))
"""


def test_the_persons_own_modules_travel_with_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "codigo" / "pacote"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "contas.py").write_text("FATOR = 2\ndef dobro(x):\n    return x * FATOR\n")
    (package / "transformador.py").write_text(OWN_CODE)
    monkeypatch.syspath_prepend(str(tmp_path / "codigo"))
    from importlib import import_module

    own = import_module("pacote.transformador")
    try:
        X = np.arange(20.0)[:, None]
        model = make_pipeline(own.Transformador(), LogisticRegression()).fit(X, X[:, 0] > 9)
        loaded = read_model(model)
        signature = infer_signature(loaded, pd.DataFrame(X))
        original = bind(loaded, signature)
        engine = python.load(tmp_path / "e", python.write(tmp_path / "e", original), signature)
    finally:
        for name in ("pacote", "pacote.contas", "pacote.transformador"):
            sys.modules.pop(name, None)
    try:
        np.testing.assert_array_equal(engine.run(rows(*X[:, 0])).labels, X[:, 0] > 9)
    finally:
        engine.close()


def test_a_model_of_the_main_script_runs_elsewhere(tmp_path: Path) -> None:
    script = tmp_path / "treino.py"
    script.write_text(
        f"""
import numpy as np, pandas as pd
from pathlib import Path
from sklearn.base import BaseEstimator, RegressorMixin
from garcom.model.engines import python
from garcom.model.inference import infer_signature
from garcom.model.sources import bind, read_model
from garcom.model.sources.base import Loaded
import msgspec
class Meu(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.fator_ = 3.0
        return self
    def predict(self, X):
        return np.asarray(X)[:, 0] * self.fator_
loaded = read_model(Meu().fit(None, None))
signature = infer_signature(loaded, pd.DataFrame({{"x": [1.0, 2.0]}}))
python.write(Path({str(tmp_path / "e")!r}), bind(loaded, signature))
Path({str(tmp_path / "s.json")!r}).write_bytes(msgspec.json.encode(signature))
"""
    )
    subprocess.run([sys.executable, str(script)], check=True)
    signature = msgspec.json.decode((tmp_path / "s.json").read_bytes(), type=Signature)
    engine = python.load(tmp_path / "e", EngineSpec(name="python", kind="python"), signature)
    try:
        assert engine.run(rows(5)).values.tolist() == [[15]]  # type: ignore[union-attr]
    finally:
        engine.close()


class WithFile(Whims, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, X: Any, y: Any = None) -> WithFile:
        self.n_features_in_ = X.shape[1]
        self.rows_ = (row for row in X)
        return self


def test_a_model_that_cannot_be_pickled_is_unsupported(tmp_path: Path) -> None:
    original = bind(read_model(WithFile().fit(np.zeros((2, 1)))), SIGNATURE)
    with pytest.raises(UnsupportedModel, match="generators"):
        python.write(tmp_path, original)


# Fakes: each speaks to the worker in its own wrong way, after a correct start or instead of it.
FAKE = """
import socket, struct, sys, time
import msgspec
end = socket.socket(fileno=int(sys.argv[-2]))
def send(message):
    data = msgspec.msgpack.encode(message)
    end.sendall(struct.pack(">Q", len(data)) + data)
def receive():
    size = struct.unpack(">Q", end.recv(8, socket.MSG_WAITALL))[0]
    return end.recv(size, socket.MSG_WAITALL)
receive()
"""
READY = 'send({"type": "ready"}); receive()\n'
FLOAT = "struct.pack('<d', 1.0)"


def fake(folder: Path, behaviour: str, **options: Any) -> PythonEngine:
    return PythonEngine(
        folder, SIGNATURE, command=(sys.executable, "-c", FAKE + behaviour), timeout_s=5, start_timeout_s=20, **options
    )


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("end.sendall(struct.pack('>Q', 2**40))", "at most"),
        ("end.sendall(struct.pack('>Q', 3) + bytes([193, 1, 2]))", "no valid message"),
        ("send({'type': 'answer', 'labels': 'texto', 'probabilities': None, 'values': None})", "no valid message"),
        ("send({'type': 'nada'})", "no valid message"),
        ("send([1, 2, 3])", "no valid message"),
        (
            f"send({{'type': 'answer', 'labels': None, 'probabilities': None, 'values': {FLOAT} * 2}})",
            "values of 8 bytes",
        ),
        ("send({'type': 'answer', 'labels': None, 'probabilities': None, 'values': None})", "values of 8 bytes"),
        (
            f"send({{'type': 'answer', 'labels': bytes(8), 'probabilities': None, 'values': {FLOAT}}})",
            "labels of None bytes",
        ),
        ("send({'type': 'ready'})", "Expected an answer"),
        ("end.sendall(b'123')", "ended"),
        ("sys.exit(3)", "exit status 3"),
        ("send({'type': 'failure', 'message': 'não deu'})", "não deu"),
    ],
)
def test_hostile_replies_are_refused(tmp_path: Path, reply: str, says: str) -> None:
    engine = fake(tmp_path, READY + reply + "\n")
    with pytest.raises(EngineError, match=says):
        engine.run(rows(1))
    engine.close()


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("send({'type': 'failure', 'message': 'faltou'})", "did not start: faltou"),
        ("send({'type': 'answer', 'labels': None, 'probabilities': None, 'values': None})", "before it was ready"),
        ("sys.exit(9)", "exit status 9"),
        ("end.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')", "no valid message"),
    ],
)
def test_a_bad_start_is_an_engine_error(tmp_path: Path, behaviour: str, says: str) -> None:
    engine = fake(tmp_path, behaviour + "\n")
    with pytest.raises(EngineError, match=says):
        engine.start()
    assert engine.pid is None


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("send({'type': 'ready'})", "did not put up its walls"),
        ("send({'type': 'walled', 'walls': ['seccomp']})", "did not put up its walls"),
        ("send({'type': 'walled', 'walls': []})", "did not put up its walls"),
        (f"send({{'type': 'walled', 'walls': {list(WALLS)}}}); receive(); sys.exit(4)", "exit status 4"),
        ("send({'type': 'failure', 'message': 'no \\x1b[31mwall\\n'})", r"did not start: no  \[31mwall"),
    ],
)
def test_a_process_without_all_walls_does_not_get_to_the_model(tmp_path: Path, behaviour: str, says: str) -> None:
    engine = fake(tmp_path, behaviour + "\n", confined=True)
    with pytest.raises(EngineError, match=says):
        engine.start()
    assert engine.pid is None


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("send({'type': 'walled', 'walls': []})", "Expected an answer"),
        ("end.sendall(struct.pack('>Q', 10) + b'12345'); time.sleep(60)", "longer than 1 s"),
        ("end.sendall(b'\\0' * 7)\nfor _ in range(600): end.sendall(b''); time.sleep(0.1)", "longer than 1 s"),
        (
            "end.sendall(struct.pack('>Q', 500))\nfor _ in range(600): end.send(b'x'); time.sleep(0.1)",
            "longer than 1 s",
        ),
        (
            "send({'type': 'answer', 'labels': None, 'probabilities': bytes(8), 'values': bytes(8)})",
            "probabilities of None",
        ),
        ("send({'type': 'answer', 'labels': None, 'probabilities': None, 'values': bytes(8) * 9000})", "at most"),
        ("send({'type': 'failure', 'message': 'x' * 60_000, 'refused': False})", "^x{2000}$"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 3)", "ended .signal 3"),
    ],
)
def test_hostile_timing_and_sizes_are_refused(tmp_path: Path, reply: str, says: str) -> None:
    engine = PythonEngine(tmp_path, SIGNATURE, command=(sys.executable, "-c", FAKE + READY + reply + "\n"), timeout_s=1)
    with pytest.raises(EngineError, match=says):
        engine.run(rows(1))
    engine.close()


def test_an_answer_before_the_question_is_not_taken(tmp_path: Path) -> None:
    answer = f"send({{'type': 'answer', 'labels': None, 'probabilities': None, 'values': {FLOAT}}})"
    marker = tmp_path / "sent"
    behaviour = f"{READY}{answer}\n{answer}\nopen({str(marker)!r}, 'w').close()\ntime.sleep(60)\n"
    engine = fake(tmp_path, behaviour)
    assert engine.run(rows(1)).values.tolist() == [[1]]  # type: ignore[union-attr]
    first = engine.pid
    while not marker.exists():
        time.sleep(0.01)
    assert engine.run(rows(2)).values.tolist() == [[1]]  # type: ignore[union-attr]
    assert engine.pid != first
    engine.close()


def test_an_engine_without_walls_runs_where_the_operator_says_so(tmp_path: Path) -> None:
    spec = write_whims(tmp_path)
    engine = python.load(tmp_path, spec, SIGNATURE, PythonTerms(confined=False))
    assert engine.run(rows(3)).values.tolist() == [[6]]  # type: ignore[union-attr]
    engine.close()


def test_labels_out_of_range_are_refused(tmp_path: Path) -> None:
    signature = Signature(
        fields=SIGNATURE.fields, output=Output(task="classification", classes=("a", "b")), example={"x": 0.0}
    )
    reply = "send({'type': 'answer', 'labels': struct.pack('<q', 2), 'probabilities': None, 'values': None})\n"
    engine = PythonEngine(tmp_path, signature, command=(sys.executable, "-c", FAKE + READY + reply))
    with pytest.raises(EngineError, match="labels from 0 to 1, got 2"):
        engine.run(rows(1))
    engine.close()


def test_the_worker_side_imports_nothing_heavy() -> None:
    script = (
        "import sys, garcom.model.engines.python; "
        "print([m for m in ('sklearn', 'pandas', 'cloudpickle', 'joblib', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_of_ones_own_starts_without_scikit_learn(tmp_path: Path) -> None:
    write_whims(tmp_path)
    code = (
        "import sys, msgspec; from pathlib import Path\n"
        "from garcom.model.engines.python_host import load\n"
        "from garcom.model.signature import Signature\n"
        "folder = Path(sys.argv[1])\n"
        "files = {path.name: path.open('rb') for path in folder.iterdir()}\n"
        "load(files, msgspec.json.decode(sys.argv[2], type=Signature))\n"
        "sys.exit('sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), msgspec.json.encode(SIGNATURE).decode()], check=True)
