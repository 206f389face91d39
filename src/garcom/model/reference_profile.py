"""The reference of a version: the profile of the rows it was packed with, and what comparing others with it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from garcom.errors import BundleError, InputError
from garcom.model.segments import segment_texts
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.profiles.layout import Layout, layout_of
from garcom.profiles.profile import Profile
from garcom.records import Batch, FloatArray, Outputs

#: The document of a bundle.
PROFILE = "profile.msgpack"
#: Rows are profiled apart by the values of so many fields at most, each with so many values at most.
MOST_SEGMENT_FIELDS = 3
MOST_SEGMENT_VALUES = 12
#: So many rows are kept, as numbers, for telling current rows from them.
SAMPLE_ROWS = 1000
#: So many rows are asked again with one field shuffled, for so long in all.
_SHUFFLED_ROWS = 500
_BUDGET_S = 5.0
_SEED = 11

#: Answers rows.
Run = Callable[[Batch], Outputs]


class ReferenceSegment(msgspec.Struct, frozen=True, kw_only=True):
    """The profile of the reference rows of a segment, and which rows of the sample are of it."""

    body: bytes
    sampled: tuple[int, ...] = ()


class ReferenceProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The layout, the profile of the reference rows by it, and how sensitive the model is to each field (0 to 1).

    ``sample`` are reference rows as the layout's columns together tell them, float32, one row after another. Each
    segment (``region=SP``) of the layout's fields has a profile of its own; one packed by an older Garçom has none.
    """

    layout: Layout
    body: bytes
    importance: dict[str, float] = {}
    sample: bytes = b""
    segments: dict[str, ReferenceSegment] = {}

    @property
    def profile(self) -> Profile:
        """The profile. Raises InputError where the document was not written by the same code."""
        return Profile.decode(self.layout, self.body)

    def has_segments_of(self, field: str) -> bool:
        """Whether the reference rows are known by the values of a field."""
        return bool(self.segments) and field in self.layout.segments

    def profile_of(self, segment: str) -> Profile:
        """The profile of a segment of such a field; of a value that no reference row has it is empty."""
        found = self.segments.get(segment)
        return Profile(self.layout) if found is None else Profile.decode(self.layout, found.body)

    def rows_of(self, segment: str) -> FloatArray:
        """The rows of the sample that are in a segment of such a field."""
        found = self.segments.get(segment)
        return self.rows[[] if found is None else list(found.sampled)]

    @property
    def rows(self) -> FloatArray:
        """The sample (float64 ``[n, n_columns]``, NaN where a value is missing); empty where there is none."""
        width = 0 if self.layout.together is None else len(self.layout.together.names)
        found: npt.NDArray[np.float32] = np.frombuffer(self.sample, "<f4")
        return found.astype(np.float64).reshape(-1, width) if width else np.empty((0, 0))


def answer_names(output: Output) -> tuple[str, ...]:
    """The columns of a table of rows that tell what was answered, in order: ``prediction`` (or ``prediction_<target>``
    for each of several), ``probability_<label>`` and ``score``."""
    targets = output.names if output.task == "regression" and len(output.names) > 1 else ()
    shares = output.probability_names if output.probabilities else ()
    return (
        *([f"prediction_{name}" for name in targets] or ["prediction"]),
        *(f"probability_{name}" for name in shares),
        *(["score"] if output.task == "outlier" else []),
    )


def reference_profile(batch: Batch, answers: Outputs, signature: Signature, run: Run | None = None) -> ReferenceProfile:
    """Profile rows and the answers to them; ``run`` answers rows with one field shuffled, for the importance."""
    table = table_of_batch(batch, answers, signature)
    names = answer_names(signature.output)
    shown = signature.output.probability_names
    categories = {
        field.name: [str(value) for value in field.categories]
        for field in signature.fields
        if field.type is FieldType.CATEGORY and field.name in table.columns
    }
    if answers.labels is not None and "prediction" in table.columns:
        categories["prediction"] = list(shown)
    numbers = [field.name for field in signature.number_fields if field.name in table.columns]
    times = [field.name for field in signature.fields if field.type is FieldType.DATETIME]
    layout = layout_of(
        table,
        predictions=names,
        categories=categories,
        numbers=numbers,
        times=times,
        segments=_segments(table, signature),
    )
    sample, sampled = b"", table.clear()
    if layout.together is not None:
        sampled = table.sample(min(SAMPLE_ROWS, table.height), seed=_SEED)
        sample = layout.together.matrix(sampled).astype("<f4").tobytes()
    importance = {} if run is None else _importance(batch, signature, run)
    segments = {
        name: ReferenceSegment(body=_body(layout, rows), sampled=tuple(places))
        for field in signature.fields
        if field.name in layout.segments
        for name, rows, places in _by_segment(field, table, sampled)
    }
    return ReferenceProfile(
        layout=layout, body=_body(layout, table), importance=importance, sample=sample, segments=segments
    )


def _body(layout: Layout, rows: pl.DataFrame) -> bytes:
    profile = Profile(layout)
    profile.add(rows)
    return profile.encode()


def _by_segment(
    field: Field, table: pl.DataFrame, sampled: pl.DataFrame
) -> Iterator[tuple[str, pl.DataFrame, list[int]]]:
    """The segments of a field by name, with their rows and which of the sampled rows are theirs."""
    of_rows, of_sampled = (segment_texts(rows[field.name], field) for rows in (table, sampled))
    for value in of_rows.drop_nulls().unique().sort():
        yield f"{field.name}={value}", table.filter(of_rows == value), (of_sampled == value).arg_true().to_list()


def read_reference_profile(folder: Path) -> ReferenceProfile | None:
    """The reference of a bundle in a folder; None of one that has none: packed without rows, or by an older Garçom.

    Raises BundleError for a damaged one.
    """
    path = folder / PROFILE
    if not path.is_file():
        return None
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=ReferenceProfile)
    except (msgspec.DecodeError, InputError) as error:
        raise BundleError(
            f"Expected a reference profile in {PROFILE}, got something else. Pack the model anew."
        ) from error


def table_of_batch(batch: Batch, answers: Outputs, signature: Signature) -> pl.DataFrame:
    """Rows and answers as a table: numbers, texts, and the columns of :func:`answer_names`; without personal fields."""
    names = answer_names(signature.output)
    columns: dict[str, pl.Series] = {}
    for at, field in enumerate(signature.number_fields):
        columns[field.name] = pl.Series(field.name, batch.numbers[:, at])
    for at, field in enumerate(signature.text_fields):
        texts = [None if value is None else str(value) for value in batch.texts[:, at]]
        columns[field.name] = pl.Series(field.name, texts, dtype=pl.String)
    kept = {
        field.name: columns[field.name] for field in signature.fields if not field.personal and field.name not in names
    }
    return pl.DataFrame([*kept.values(), *_answers(answers, signature.output, names)])


def _answers(answers: Outputs, output: Output, names: tuple[str, ...]) -> list[pl.Series]:
    shown = np.array(output.probability_names, dtype=object)
    found: list[pl.Series] = []
    if answers.labels is not None:
        found.append(pl.Series("prediction", shown[answers.labels].tolist(), dtype=pl.String))
    elif answers.values is not None:
        targets = [name for name in names if name.startswith("prediction")]
        found += [pl.Series(name, answers.values[:, at]) for at, name in enumerate(targets)]
    if answers.probabilities is not None and output.probabilities:
        found += [
            pl.Series(f"probability_{name}", answers.probabilities[:, at]) for at, name in enumerate(shown.tolist())
        ]
    if "score" in names and answers.values is not None:
        found.append(pl.Series("score", answers.values[:, 0]))
    return found


def _segments(table: pl.DataFrame, signature: Signature) -> tuple[str, ...]:
    """The fields with a few values, by which people ask first."""
    kinds = (FieldType.CATEGORY, FieldType.STRING, FieldType.BOOLEAN)
    names = [field.name for field in signature.fields if field.type in kinds and field.name in table.columns]
    few = [name for name in names if 2 <= table[name].drop_nulls().n_unique() <= MOST_SEGMENT_VALUES]
    return tuple(few[:MOST_SEGMENT_FIELDS])


def _importance(batch: Batch, signature: Signature, run: Run) -> dict[str, float]:
    """How much answers change when a field's values are shuffled among the rows, beside the field with the greatest.

    Of probabilities it is the mean total variation, of labels the share that changes, of numbers the mean difference in
    standard deviations: permutation importance (Breiman 2001) of the answers rather than of the error, which needs no
    truth. Empty where the model is too slow to be asked for every field.
    """
    random = np.random.default_rng(_SEED)
    chosen = batch.rows(random.permutation(batch.n_rows)[:_SHUFFLED_ROWS])
    before, began = run(chosen), time.monotonic()
    changes: dict[str, float] = {}
    fields = [(field.name, True, at) for at, field in enumerate(signature.number_fields)]
    fields += [(field.name, False, at) for at, field in enumerate(signature.text_fields)]
    for name, is_number, at in fields:
        if time.monotonic() - began > _BUDGET_S:
            return {}
        numbers, texts = chosen.numbers.copy(), chosen.texts.copy()
        order = random.permutation(chosen.n_rows)
        if is_number:
            numbers[:, at] = numbers[order, at]
        else:
            texts[:, at] = texts[order, at]
        changes[name] = _change(before, run(Batch(numbers, texts)))
    greatest = max(changes.values(), default=0.0)
    return {name: value / greatest for name, value in changes.items()} if greatest > 0.0 else {}


def _change(before: Outputs, after: Outputs) -> float:
    if before.probabilities is not None and after.probabilities is not None:
        return float(np.nan_to_num(np.abs(before.probabilities - after.probabilities).sum(axis=1) / 2).mean())
    if before.labels is not None and after.labels is not None:
        return float((before.labels != after.labels).mean())
    assert before.values is not None
    assert after.values is not None
    scale = before.values.std(axis=0)
    moved = np.abs(before.values - after.values).mean(axis=0)
    return float(np.nan_to_num(moved / np.where(scale > 0, scale, 1.0)).mean())
