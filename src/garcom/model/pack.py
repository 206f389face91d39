"""``garcom.pack``: from a trained model to a bundle. It runs where the model was trained, and unpickles it there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from garcom.errors import DataError, InputError
from garcom.model.archive import zip_bundle
from garcom.model.bundle import Bundle, Choice, read_bundle, seal
from garcom.model.card import model_card
from garcom.model.compile.contest import compile_model
from garcom.model.compile.conversion import Converter
from garcom.model.compile.made_rows import made_rows
from garcom.model.corrections import Corrections, read_corrections
from garcom.model.elsewhere import PROOF, Answered, ElsewhereTask, infer_answered
from garcom.model.engines.base import EngineSpec
from garcom.model.frames import named, read_table, to_batch
from garcom.model.inference import infer_signature
from garcom.model.lineage import trace
from garcom.model.metrics import measure
from garcom.model.mlflow import write_mlflow
from garcom.model.names import check_name
from garcom.model.proof import Proof
from garcom.model.reference import Reference, profile
from garcom.model.reference_profile import PROFILE, Run, reference_profile
from garcom.model.signature import Signature
from garcom.model.sources import bind, may_be_estimator, read_model
from garcom.records import Batch, Outputs

if TYPE_CHECKING:
    import pandas as pd

#: Told the step under way and the part of the whole that is done, 0 to 1.
Progress = Callable[[str, float], None]

_SEED = 7


@dataclass(frozen=True)
class PackedBundle:
    """What :func:`pack` made. ``notes`` say what a person should know of it, in sentences."""

    path: Path
    bundle: Bundle
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.bundle.name

    @property
    def digest(self) -> str:
        """The identity of the bundle's content."""
        return self.bundle.digest

    @property
    def signature(self) -> Signature:
        """What the model takes and answers."""
        return self.bundle.signature

    @property
    def proof(self) -> Proof:
        """What was compared with the original, with what result."""
        return self.bundle.proof

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class _Data:
    """The rows given: the fields' table as a batch, and the target's columns where there is one."""

    batch: Batch | None
    target: pd.DataFrame | None
    notes: tuple[str, ...] = ()


def pack(
    model: object,
    X: Any = None,
    y: Any = None,
    *,
    name: str,
    labels: Mapping[Any, str] | None = None,
    target: str | Sequence[str] | None = None,
    signature: str | Path | None = None,
    answers: Any = None,
    task: ElsewhereTask | None = None,
    out: str | Path = ".",
    as_zip: bool = False,
    time_limit_s: float = 120.0,
    progress: Progress = lambda step, done: None,
) -> PackedBundle:
    """Pack a trained model into ``out/<name>-<digest>.bundle`` (a directory, or with ``as_zip`` one ``.zip``).

    ``model`` is the path of a file or directory, or a fitted model in memory. ``X`` are real rows, best those
    that it was trained on: a DataFrame, a matrix, a list of texts, or the path of a table; without them the
    engines are proved on made-up rows only, and the bundle says so. The target is given as ``y``, or as the
    name of its column (or columns) in ``X``. ``labels`` maps classes to the names shown for them; ``signature``
    is a TOML file that corrects what was inferred. ``time_limit_s`` bounds each conversion to
    ONNX; with 0 none is tried.

    A model that is served elsewhere is packed without itself: ``model`` is None, ``X`` are rows that it has answered,
    and ``answers`` what it said, as the name of the column in ``X`` (names, for several targets) or as values. Columns
    ``probability_<label>`` beside them are the probabilities. ``task`` says what whole numbers are that could be both:
    ``classification`` or ``regression``. Such a bundle answers nothing; predictions made elsewhere are logged to it.

    Packing unpickles the model and runs it, so pack only models that you trust.

    Raises :class:`~garcom.errors.PackError` and its kin: the model cannot be read or carried, the data do not
    fit it, the corrections contradict it; :class:`~garcom.errors.InputError` for a name that is none, or a place
    that cannot be written to.
    """
    check_name(name)
    _check_place(Path(out))
    shown = None if labels is None else {_class_text(value): text for value, text in labels.items()}
    corrections = read_corrections(signature) if signature is not None else Corrections()
    if (model is None) != (answers is not None):
        raise InputError(
            "Expected a model, or, for one that is served elsewhere, its answers in place of the model; got "
            f"{'neither' if model is None else 'both'}."
        )
    if model is None:
        progress("reading the data", 0.0)
        data, inferred, outputs = _answered(X, y, answers, target, shown, corrections, task)
        progress("writing the bundle", 0.9)
        lineage = trace(None, X if isinstance(X, str | Path) else _table(X, y, target)[0], {})
        with tempfile.TemporaryDirectory(prefix="garcom-pack-") as place:
            folder = Path(place) / "bundle"
            folder.mkdir()
            _write_documents(folder, name, inferred, PROOF, data, outputs, lineage)
            path = _publish(folder, name, (), (), Path(out), as_zip=as_zip)
        progress("packed", 1.0)
        return PackedBundle(path, read_bundle(path), data.notes)
    with Converter(time_limit_s) as converter:
        if may_be_estimator(model):
            converter.warm()
        progress("reading the model", 0.0)
        loaded = read_model(model)
        progress("reading the data", 0.05)
        table, targets = _table(X, y, target)
        inferred = infer_signature(loaded, table, target=targets, labels=shown, corrections=corrections)
        original = bind(loaded, inferred)
        data = _data(table, targets, inferred)
        rng = np.random.default_rng(_SEED)
        base = made_rows(loaded, inferred, rng) if data.batch is None else data.batch
        with tempfile.TemporaryDirectory(prefix="garcom-pack-") as place:
            folder = Path(place) / "bundle"
            (folder / "engines").mkdir(parents=True)
            compiled = compile_model(
                original,
                data.batch,
                base,
                folder / "engines",
                converter=converter,
                progress=lambda step, done: progress(step, 0.1 + 0.8 * done),
            )
            progress("writing the bundle", 0.9)
            lineage = trace(model, X if isinstance(X, str | Path) else table, loaded.libraries)
            found = None if data.batch is None else compiled.judge.real_answers(data.batch)
            _write_documents(folder, name, inferred, compiled.proof, data, found, lineage, original.run)
            path = _publish(folder, name, compiled.engines, compiled.choice, Path(out), as_zip=as_zip)
    progress("packed", 1.0)
    return PackedBundle(path, read_bundle(path), data.notes)


def _answered(
    X: Any,
    y: Any,
    answers: Any,
    target: str | Sequence[str] | None,
    labels: dict[str, str] | None,
    corrections: Corrections,
    task: ElsewhereTask | None,
) -> tuple[_Data, Signature, Outputs]:
    """Rows that another server has answered, what they tell of the model, and the answers."""
    import pandas as pd

    table, targets = _table(X, y, target)
    if table is None:
        raise DataError("Expected rows that the model has answered beside its answers, got none. Give them as X.")
    if isinstance(answers, str):
        names = [answers]
    elif isinstance(answers, list | tuple) and answers and all(each in table.columns for each in answers):
        names = [str(each) for each in answers]
    else:
        said = pd.DataFrame(np.asarray(answers)) if not isinstance(answers, pd.DataFrame) else answers
        said = said.reset_index(drop=True)
        if len(said) != len(table):
            raise DataError(f"Expected one answer per row ({len(table)}), got {len(said)}.")
        taken = set(table.columns)
        said.columns = pd.Index(_target_names(answers, said.shape[1], targets, taken))
        table, names = pd.concat([table, said], axis=1), list(said.columns)
    inferred = infer_answered(table, names, targets=targets, labels=labels, corrections=corrections, task=task)
    return _answered_data(table, targets, inferred), inferred.signature, inferred.outputs


def _answered_data(table: pd.DataFrame, targets: tuple[str, ...], found: Answered) -> _Data:
    n_left = int((~found.kept).sum())
    notes = (f"{n_left:,} of {len(table):,} rows were left out: they have no answer.",) if n_left else ()
    rows = table[found.kept]
    return _Data(to_batch(rows, found.signature), rows[list(targets)] if targets else None, notes)


def _table(X: Any, y: Any, target: str | Sequence[str] | None) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """One table with the rows and, where given, the target's columns; and the names of these."""
    import pandas as pd

    names = (target,) if isinstance(target, str) else tuple(target or ())
    if X is None:
        if y is not None or names:
            raise DataError("Expected rows beside the target, got a target alone. Give the rows as X (--data).")
        return None, ()
    if isinstance(X, str | Path):
        table = read_table(X)
    elif isinstance(X, pd.DataFrame):
        table = X
    elif isinstance(X, pd.Series):
        table = X.to_frame(X.name if X.name is not None else "text")
    elif isinstance(X, list | tuple) and X and isinstance(X[0], str):
        table = pd.DataFrame({"text": list(X)})
    else:
        table = pd.DataFrame(np.asarray(X))
    table = named(table).reset_index(drop=True)
    if y is None:
        return table, names
    values = np.asarray(y)
    truth = pd.DataFrame(values[:, None] if values.ndim == 1 else values)
    truth.columns = pd.Index(_target_names(y, truth.shape[1], names, set(table.columns)))
    if len(truth) != len(table):
        raise DataError(f"Expected one target per row ({len(table)}), got {len(truth)}.")
    return pd.concat([table, truth], axis=1), tuple(truth.columns)


def _target_names(y: Any, count: int, names: tuple[str, ...], taken: set[str]) -> list[str]:
    own = [str(name) for name in getattr(y, "columns", [getattr(y, "name", None)]) if name is not None]
    chosen = list(names) or own
    if len(chosen) != count or set(chosen) & taken:
        chosen = ["y"] if count == 1 and "y" not in taken else [f"target_{at}" for at in range(count)]
    return chosen


def _class_text(value: Any) -> str:
    return str(value.item() if isinstance(value, np.generic) else value)


def _data(table: pd.DataFrame | None, targets: tuple[str, ...], signature: Signature) -> _Data:
    if table is None:
        return _Data(None, None)
    truth = table[list(targets)] if targets else None
    needed = [field.name for field in signature.fields if not field.nullable and field.name in table.columns]
    gaps = table[needed].isna().any(axis=1).to_numpy(dtype=bool)
    notes: tuple[str, ...] = ()
    if gaps.any():
        columns = [name for name in needed if table[name].isna().any()]
        notes = (
            f"{int(gaps.sum()):,} of {len(table):,} rows were left out: they lack {', '.join(map(repr, columns))}, "
            "and the model does not take missing values there.",
        )
        table = table[~gaps]
        truth = None if truth is None else truth[~gaps]
    if not len(table):
        raise DataError("Expected rows that the model can take, and in every row some field is missing.")
    return _Data(to_batch(table, signature), truth, notes)


def _write_documents(
    folder: Path,
    name: str,
    signature: Signature,
    proof: Proof,
    data: _Data,
    answers: Outputs | None,
    lineage: dict[str, Any],
    run: Run | None = None,
) -> None:
    metrics: dict[str, Any] = {}
    reference = Reference(rows=0)
    if data.batch is not None and answers is not None:
        reference = profile(data.batch, answers, signature)
        told = reference_profile(data.batch, answers, signature, run)
        (folder / PROFILE).write_bytes(msgspec.msgpack.encode(told))
        if data.target is not None:
            metrics = measure(data.target, answers, signature.output)
        lineage = lineage | {"data_rows": data.batch.n_rows}
    documents = {
        "signature": signature,
        "proof": proof,
        "reference": reference,
        "metrics": metrics,
        "lineage": lineage,
        "example": signature.example,
    }
    for title, record in documents.items():
        (folder / f"{title}.json").write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    card = model_card(name, signature, proof, metrics, lineage)
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    write_mlflow(folder, signature, lineage["created"])


def _check_place(out: Path) -> None:
    """Nobody should wait for the proof only to hear that the bundle cannot be written."""
    nearest = next((place for place in (out, *out.parents) if place.exists()), out)
    if not nearest.is_dir():
        raise InputError(f"Expected a folder to write the bundle into, but {str(nearest)!r} is a file. Name another.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(
            f"Expected a folder to write the bundle into, but {str(nearest)!r} is read-only. Name another."
        )


def _publish(
    folder: Path,
    name: str,
    engines: tuple[EngineSpec, ...],
    choice: tuple[Choice, ...],
    out: Path,
    *,
    as_zip: bool,
) -> Path:
    """Seal the bundle and move it to its place, whole or not at all."""
    manifest = seal(folder, name, engines, choice)
    try:
        return _move(folder, out, f"{name}-{manifest.digest[:12]}.bundle", as_zip=as_zip)
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"The bundle cannot be written into {str(out)!r} ({why}). Name another folder.") from error


def _move(folder: Path, out: Path, file_name: str, *, as_zip: bool) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    path = out / file_name
    if as_zip:
        return zip_bundle(folder, path.with_suffix(".zip"))
    if not path.exists():
        partial = Path(tempfile.mkdtemp(prefix=".bundle-", dir=out))
        shutil.copytree(folder, partial, dirs_exist_ok=True)
        partial.chmod(0o755)
        partial.rename(path)
    return path
