from __future__ import annotations

import json
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest

from garcom.errors import BundleError, Conflict
from garcom.model.archive import unpack_bundle, zip_bundle
from garcom.model.bundle import Bundle, Choice, _ByRows, read_bundle, seal
from garcom.model.engines.base import EngineSpec
from garcom.model.proof import Proof
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Batch, Outputs

SIGNATURE = Signature(
    fields=(Field(name="largura da pétala", type=FieldType.FLOAT),),
    output=Output(task="regression", names=("price",)),
    example={"largura da pétala": 1.5},
)
PROOF = Proof(real_rows=10, placed_rows=4, unstable_rows=0, tolerance="", candidates=(), libraries={})


def make(folder: Path, kind: str = "arrays") -> Path:
    (folder / "engines" / "only").mkdir(parents=True)
    (folder / "engines" / "only" / "weights.bin").write_bytes(b"\x00\x01\x02")
    (folder / "signature.json").write_bytes(msgspec.json.encode(SIGNATURE))
    (folder / "proof.json").write_bytes(msgspec.json.encode(PROOF))
    (folder / "metrics.json").write_text("{}")
    (folder / "lineage.json").write_text("{}")
    (folder / "MODEL_CARD.md").write_text("# Preço\n", encoding="utf-8")
    spec = EngineSpec(name="only", kind=kind)  # type: ignore[arg-type]
    seal(folder, "price", (spec,), (Choice(None, "only"),))
    return folder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    bundle = read_bundle(make(tmp_path / "b"))
    assert (bundle.name, bundle.signature, bundle.proof) == ("price", SIGNATURE, PROOF)
    assert len(bundle.digest) == 64
    assert bundle.read("MODEL_CARD.md").decode() == "# Preço\n"
    with pytest.raises(BundleError, match="no file 'nothing'"):
        bundle.read("nothing")


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    first, second = make(tmp_path / "a"), make(tmp_path / "b")
    assert read_bundle(first).digest == read_bundle(second).digest


@pytest.mark.parametrize("name", ["engines/only/weights.bin", "signature.json", "MODEL_CARD.md", "lineage.json"])
def test_any_changed_byte_is_refused_with_the_name_of_the_file(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "b")
    path = folder / name
    data = bytearray(path.read_bytes())
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(BundleError, match=name):
            read_bundle(folder)


def test_every_changed_byte_of_the_manifest_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "b")
    path = folder / "manifest.json"
    data = bytearray(path.read_bytes())
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(BundleError, match=r"manifest\.json"):
            read_bundle(folder, verify=False)


@pytest.mark.parametrize("name", ["engines/only/weights.bin", "signature.json", "MODEL_CARD.md"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "b")
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        read_bundle(folder)


def test_an_added_file_folder_or_link_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "b")
    added = folder / "engines" / "only" / ".hidden"
    added.write_text("")
    with pytest.raises(BundleError, match=r"engines/only/\.hidden was added"):
        read_bundle(folder)
    added.unlink()
    (folder / "empty").mkdir()
    with pytest.raises(BundleError, match="empty/ was added"):
        read_bundle(folder)
    (folder / "empty").rmdir()
    card = folder / "MODEL_CARD.md"
    card.rename(tmp_path / "card")
    card.symlink_to(tmp_path / "card")
    with pytest.raises(BundleError, match=r"MODEL_CARD\.md is not a plain file"):
        read_bundle(folder)


def test_a_newer_format_says_what_to_do(tmp_path: Path) -> None:
    folder = make(tmp_path / "b")
    path = folder / "manifest.json"
    path.write_text(json.dumps({"format": 7, "what": "ever"}))
    with pytest.raises(BundleError, match=r"format 7, and this Garçom reads format 1\. Install"):
        read_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"{}"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        read_bundle(tmp_path)


def test_what_is_no_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nothing is there"):
        read_bundle(tmp_path / "nothing")
    with pytest.raises(BundleError, match=r"has no manifest\.json"):
        read_bundle(tmp_path)
    (tmp_path / "model.zip").write_bytes(b"PK no zip")
    with pytest.raises(BundleError, match=r"Expected a bundle, .*, and model\.zip is none, or is damaged"):
        read_bundle(tmp_path / "model.zip")


def test_a_python_engine_has_to_be_allowed(tmp_path: Path) -> None:
    bundle = read_bundle(make(tmp_path / "b", kind="python"))
    assert bundle.needs_python
    with pytest.raises(Conflict, match="--allow-python"):
        bundle.open_engine()


def test_the_zip_holds_the_same_bundle(tmp_path: Path) -> None:
    folder = make(tmp_path / "b")
    path = zip_bundle(folder, tmp_path / "b.zip")
    assert path.read_bytes() == zip_bundle(folder, tmp_path / "again.zip").read_bytes()
    bundle = read_bundle(path)
    assert bundle.digest == read_bundle(folder).digest
    assert (bundle.folder / "engines/only/weights.bin").read_bytes() == b"\x00\x01\x02"


def rezip(source: Path, target: Path, change: dict[str, bytes | None]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = change.get(info.filename, old.read(info.filename))
            if data is not None:
                new.writestr(info.filename, data)
        for name, data in change.items():
            if data is not None and name not in old.namelist():
                new.writestr(name, data)
    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"MODEL_CARD.md": b"# Outro\n"}, r"MODEL_CARD\.md of bad\.zip was changed"),
        ({"MODEL_CARD.md": b"x" * 5_000_000}, r"MODEL_CARD\.md of bad\.zip was changed"),
        ({"MODEL_CARD.md": None}, r"MODEL_CARD\.md is missing from bad\.zip"),
        ({"../outside": b"x"}, r"\.\./outside was added"),
        ({"/etc/outside": b"x"}, r"/etc/outside was added"),
        ({"manifest.json": None}, r"has no manifest\.json"),
    ],
)
def test_a_changed_zip_is_refused(tmp_path: Path, change: dict[str, bytes | None], message: str) -> None:
    good = zip_bundle(make(tmp_path / "b"), tmp_path / "good.zip")
    with pytest.raises(BundleError, match=message):
        read_bundle(rezip(good, tmp_path / "bad.zip", change))
    assert not (tmp_path / "outside").exists()


def test_a_manifest_cannot_name_files_outside_the_bundle(tmp_path: Path) -> None:
    bundle = read_bundle(make(tmp_path / "b"))
    files = {**bundle.manifest.files, "../outside": bundle.manifest.files["MODEL_CARD.md"]}
    manifest = msgspec.structs.replace(bundle.manifest, files=files).sealed()
    good = zip_bundle(tmp_path / "b", tmp_path / "good.zip")
    bad = rezip(good, tmp_path / "bad.zip", {"manifest.json": manifest.encode(), "../outside": "# Preço\n".encode()})
    with pytest.raises(BundleError, match="could leave the bundle's folder"):
        read_bundle(bad)


def test_a_zip_larger_than_allowed_is_refused_before_it_is_written(tmp_path: Path) -> None:
    path = zip_bundle(make(tmp_path / "b"), tmp_path / "b.zip")
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(BundleError, match="more than the 10 allowed"):
        unpack_bundle(path, target, size_limit_bytes=10)
    assert list(target.iterdir()) == []


def test_doubled_names_in_a_zip_are_refused(tmp_path: Path) -> None:
    path = zip_bundle(make(tmp_path / "b"), tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("MODEL_CARD.md", "other")
    with pytest.raises(BundleError, match=r"holds MODEL_CARD\.md twice"):
        read_bundle(path)


class Counting:
    def __init__(self) -> None:
        self.calls: list[int] = []
        self.closed = 0

    def run(self, batch: Batch) -> Outputs:
        self.calls.append(batch.n_rows)
        return Outputs(None, None, batch.numbers)

    def close(self) -> None:
        self.closed += 1


def test_the_engine_is_chosen_by_the_number_of_rows() -> None:
    small, large = Counting(), Counting()
    engine = _ByRows(((8, small), (None, large)))
    for n_rows in (1, 8, 9, 1000):
        engine.run(Batch(np.zeros((n_rows, 1)), np.zeros((n_rows, 0), object)))
    assert (small.calls, large.calls) == ([1, 8], [9, 1000])
    engine.close()
    assert (small.closed, large.closed) == (1, 1)


def test_a_choice_that_does_not_fit_the_engines_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "b")
    for choice in (
        (Choice(None, "other"),),
        (Choice(8, "only"),),
        (Choice(8, "only"), Choice(4, "only"), Choice(None, "only")),
    ):
        seal(folder, "price", (EngineSpec(name="only", kind="arrays"),), choice)
        with pytest.raises(BundleError, match="does not fit"):
            read_bundle(folder)
    assert isinstance(read_bundle(make(tmp_path / "c")), Bundle)
