from __future__ import annotations

import bz2
import gzip
import pickle
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from garcom.errors import LibraryMismatch, UnreadableModel, UnsupportedModel
from garcom.model.sources import read_model
from garcom.model.sources.versions import written_by
from tests.unit.model.examples import answers, people

HERE = sklearn.__version__.encode()
OTHER = re.sub(rb"^\d", b"0", HERE)


@pytest.fixture(scope="module")
def model() -> Any:
    frame = people(60, gaps=False)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[["renda média", "idade"]], answers(frame))


def write_pickle(model: Any, path: Path, protocol: int) -> None:
    path.write_bytes(pickle.dumps(model, protocol))


WRITERS: dict[str, Callable[[Any, Path], object]] = {
    **{f"protocol-{n}.pkl": partial(write_pickle, protocol=n) for n in range(6)},
    "plain.joblib": joblib.dump,
    "zlib.joblib": lambda model, path: joblib.dump(model, path, compress=("zlib", 3)),
    "lzma.joblib": lambda model, path: joblib.dump(model, path, compress=("xz", 1)),
    "gzip.joblib": lambda model, path: joblib.dump(model, path, compress=("gzip", 1)),
    "bzip2.sav": lambda model, path: joblib.dump(model, path, compress=("bz2", 1)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_pickles_of_every_kind(tmp_path: Path, model: Any, name: str) -> None:
    WRITERS[name](model, tmp_path / name)
    loaded = read_model(tmp_path / name)
    assert loaded.framework == "scikit-learn"
    assert loaded.output.classes == ("não", "sim")
    assert [field.name for field in loaded.fields or ()] == ["renda média", "idade"]
    assert loaded.libraries["scikit-learn"] == sklearn.__version__
    np.testing.assert_array_equal(loaded.model[-1].coef_, model[-1].coef_)


def test_skops(tmp_path: Path, model: Any) -> None:
    from skops import io

    io.dump(model, tmp_path / "model.skops")
    assert read_model(str(tmp_path / "model.skops")).output.probabilities


def patched(data: bytes) -> bytes:
    """The bytes as another release of scikit-learn would have written them."""
    assert HERE in data
    return data.replace(HERE, OTHER)


@pytest.mark.parametrize("protocol", range(6))
def test_another_version_of_scikit_learn_is_named_before_anything_runs(
    tmp_path: Path, model: Any, protocol: int
) -> None:
    (tmp_path / "m.pkl").write_bytes(patched(pickle.dumps(model, protocol)))
    with pytest.raises(LibraryMismatch) as caught:
        read_model(tmp_path / "m.pkl")
    message = str(caught.value)
    assert sklearn.__version__ in message
    assert f"pip install scikit-learn=={OTHER.decode()}" in message


@pytest.mark.parametrize("compress", [zlib.compress, gzip.compress, bz2.compress])
def test_another_version_in_a_compressed_joblib_file(
    tmp_path: Path, model: Any, compress: Callable[[bytes], bytes]
) -> None:
    joblib.dump(model, tmp_path / "m.joblib")
    (tmp_path / "m.joblib").write_bytes(compress(patched((tmp_path / "m.joblib").read_bytes())))
    with pytest.raises(LibraryMismatch, match=re.escape(OTHER.decode())):
        read_model(tmp_path / "m.joblib")


def test_another_version_whose_classes_are_gone(tmp_path: Path, model: Any) -> None:
    data = patched(pickle.dumps(model)).replace(b"LogisticRegression", b"LogisticRegressioX")
    (tmp_path / "m.pkl").write_bytes(data)
    with pytest.raises(LibraryMismatch, match=re.escape(OTHER.decode())):
        read_model(tmp_path / "m.pkl")


def test_a_skops_file_of_another_version(tmp_path: Path, model: Any) -> None:
    import zipfile

    from skops import io

    io.dump(model, tmp_path / "m.skops")
    with zipfile.ZipFile(tmp_path / "m.skops") as old, zipfile.ZipFile(tmp_path / "n.skops", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(HERE, OTHER) if name.endswith(".json") else data)
    with pytest.raises(LibraryMismatch, match=re.escape(OTHER.decode())):
        read_model(tmp_path / "n.skops")


def test_xgboost_of_another_version(tmp_path: Path) -> None:
    from xgboost import XGBClassifier

    frame = people(50, gaps=False)
    model = XGBClassifier(n_estimators=2, n_jobs=1).fit(frame[["idade"]], answers(frame) == "sim")
    data = pickle.dumps(model)
    (tmp_path / "m.pkl").write_bytes(data)
    assert read_model(tmp_path / "m.pkl").framework == "xgboost"
    marker = b"\x07version[#L\x00\x00\x00\x00\x00\x00\x00\x03i"
    assert marker in data
    at = data.index(marker) + len(marker)
    (tmp_path / "m.pkl").write_bytes(data[:at] + b"\x01" + data[at + 1 :])
    with pytest.raises(LibraryMismatch, match=r"xgboost 1\."):
        read_model(tmp_path / "m.pkl")


def test_the_scan_finds_nothing_in_other_bytes() -> None:
    assert written_by(pickle.dumps({"_sklearn_version": None, "text": "_sklearn_version"})) == {}
    assert written_by(b"") == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (pickle.dumps(list(range(1000)))[:-500], "cut off"),
        (gzip.compress(pickle.dumps([1] * 5000), mtime=0)[:-12], "cut off"),
        (b"this is no pickle", "is a text file"),
        (b"\x80\x04 nor is this", "cannot be read"),
        (pickle.dumps({"model": 1, "scaler": 2}), r"got dict with the keys \['model', 'scaler'\]"),
        (pickle.dumps([1, 2]), "got list"),
        (pickle.dumps(LogisticRegression), "expected|Expected a trained model"),
    ],
)
def test_what_is_no_model_is_said(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "m.pkl").write_bytes(content)
    with pytest.raises(UnreadableModel, match=says):
        read_model(tmp_path / "m.pkl")


def test_a_cut_off_model(tmp_path: Path, model: Any) -> None:
    data = pickle.dumps(model)
    for part in (0.3, 0.7, 0.99):
        (tmp_path / "m.pkl").write_bytes(data[: int(len(data) * part)])
        with pytest.raises(UnreadableModel, match="cut off"):
            read_model(tmp_path / "m.pkl")


def global_pickle(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n.".encode()


@pytest.mark.parametrize(
    ("module", "name", "says"),
    [
        ("catboost", "CatBoost", "needs the library 'catboost', which is not installed"),
        ("__main__", "MeuTransformador", "'MeuTransformador', which was defined in the script"),
        ("numpy._gone.core", "f", "another major version of numpy"),
        ("sklearn.gone", "Model", "written with other versions"),
    ],
)
def test_code_that_is_not_here(tmp_path: Path, module: str, name: str, says: str) -> None:
    (tmp_path / "m.pkl").write_bytes(global_pickle(module, name))
    with pytest.raises(UnreadableModel, match=says):
        read_model(tmp_path / "m.pkl")


def test_own_modules_beside_the_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "minhas_features.py").write_text(
        "class Modelo:\n    def predict(self, X):\n        return [0.5] * len(X)\n", encoding="utf-8"
    )
    script = "import pickle, minhas_features as m; pickle.dump(m.Modelo(), open('m.pkl', 'wb'))"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    before = list(sys.path)
    try:
        assert read_model(tmp_path / "m.pkl").output.task == "regression"
    finally:
        sys.modules.pop("minhas_features", None)
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.pt", b"PK\x03\x04", "torch.onnx.export"),
        ("m.h5", b"\x89HDF", "ONNX"),
        ("dados.csv", b"a,b\n1,2\n", "looks like data"),
        ("m.onnx", b"garbage", "cannot open"),
        ("m.json", b'{"learner": {}}', "XGBoost"),
        ("m.ubj", b"{L\x00\x00", "XGBoost"),
        ("m.txt", b"tree\nversion=v4\n", "cut off"),
        ("m.txt", b"hello", "none of them"),
        ("m.pkl", b"a,b\n1,2\n", r"'m\.pkl' is a text file\. Save the model with"),
        ("m.pkl", '{"ação": 1}'.encode(), "is a text file"),
    ],
)
def test_other_files_get_advice(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableModel, match=says):
        read_model(tmp_path / name)


def test_absent_file_bundle_and_plain_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModel, match="does not exist"):
        read_model(tmp_path / "m.pkl")
    with pytest.raises(UnreadableModel, match=r"no file 'MLmodel', so it is none\. Name the model's own file"):
        read_model(tmp_path)
    (tmp_path / "m.joblib").write_bytes(b"")
    with pytest.raises(UnreadableModel, match=r"Did you mean '.*m\.joblib'"):
        read_model(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UnreadableModel, match="garcom serve"):
        read_model(tmp_path)


def test_a_deep_learning_model_is_sent_to_onnx() -> None:
    network = type("Net", (), {"__module__": "torch.nn.modules", "predict": None})()
    with pytest.raises(UnsupportedModel, match="Export it to ONNX"):
        read_model(network)
