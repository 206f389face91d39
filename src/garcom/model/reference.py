"""What the training data looked like: a document of the bundle, for people. Monitoring has its own reference."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import numpy.typing as npt

from garcom.model.signature import Field, Signature
from garcom.records import Batch, FloatArray, Outputs, TextArray

#: Histograms have at most this many bins, each with about as many rows as the others.
BINS = 20
#: Categories beyond the most frequent ones are counted together.
CATEGORIES_LIMIT = 500


class NumberProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A column of numbers; of a personal field only ``count`` and ``missing`` are known.

    ``edges`` are the bins' inner and outer borders, ascending; ``counts`` has one entry less. A value belongs to
    the bin whose lower edge it reaches; the last bin includes its upper edge. A column of one value has two equal
    edges; one with no finite values has none, and the statistics are ``None``. ``std`` is that of the
    population.
    """

    count: int
    missing: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


class TextProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A column of texts: ``counts`` of the most frequent values as text, ``other`` of all the rest.

    Of a personal field only ``count`` and ``missing`` are known; ``distinct`` is ``None`` there.
    """

    count: int
    missing: int
    distinct: int | None = None
    counts: dict[str, int] = {}
    other: int = 0
    mean_length: float | None = None


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The profile of ``rows`` training rows and of the model's answers to them.

    ``labels`` counts the shown label of each answer; ``probabilities`` has one profile per shown label, and
    ``values`` one per target.
    """

    rows: int
    numbers: dict[str, NumberProfile] = {}
    texts: dict[str, TextProfile] = {}
    labels: dict[str, int] = {}
    probabilities: dict[str, NumberProfile] = {}
    values: dict[str, NumberProfile] = {}


def profile(batch: Batch, outputs: Outputs, signature: Signature) -> Reference:
    """Profile rows and the answers to them."""
    output = signature.output
    shown = output.probability_names
    labels = {}
    if outputs.labels is not None:
        counted = np.bincount(outputs.labels, minlength=len(shown))
        labels = {name: int(count) for name, count in zip(shown, counted, strict=True)}
    names = output.names or ("score",)
    return Reference(
        rows=batch.n_rows,
        numbers={
            field.name: _numbers_of(field, batch.numbers[:, at]) for at, field in enumerate(signature.number_fields)
        },
        texts={field.name: _texts_of(field, batch.texts[:, at]) for at, field in enumerate(signature.text_fields)},
        labels=labels,
        probabilities=_columns(shown, outputs.probabilities),
        values=_columns(names, outputs.values),
    )


def _numbers_of(field: Field, column: FloatArray) -> NumberProfile:
    if field.personal:
        return NumberProfile(count=len(column), missing=int(np.isnan(column).sum()))
    return profile_numbers(column)


def _texts_of(field: Field, column: TextArray) -> TextProfile:
    if field.personal:
        return TextProfile(count=len(column), missing=sum(value is None for value in column))
    return profile_texts(column)


def _columns(names: tuple[str, ...], table: FloatArray | None) -> dict[str, NumberProfile]:
    if table is None:
        return {}
    return {name: profile_numbers(table[:, at]) for at, name in enumerate(names)}


def profile_numbers(column: FloatArray) -> NumberProfile:
    """Profile one column; NaN is missing, infinities are left out of the statistics."""
    finite = column[np.isfinite(column)]
    missing = int(np.isnan(column).sum())
    if not len(finite):
        return NumberProfile(count=len(column), missing=missing)
    edges = bin_edges(finite)
    counts, _ = np.histogram(finite, edges)
    if len(edges) == 2 and edges[0] == edges[1]:
        counts = np.array([len(finite)])
    return NumberProfile(
        count=len(column),
        missing=missing,
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        mean=float(finite.mean()),
        std=float(finite.std()),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
    )


def bin_edges(finite: FloatArray) -> FloatArray:
    """Borders of at most :data:`BINS` bins at the quantiles of a column that is not empty, doubled ones once."""
    quantiles: npt.NDArray[np.float64] = np.quantile(finite, np.linspace(0, 1, BINS + 1), method="inverted_cdf")
    edges = np.unique(quantiles)
    return edges if len(edges) > 1 else np.repeat(edges, 2)


def profile_texts(column: TextArray) -> TextProfile:
    """Profile one column; ``None`` is missing."""
    present = [str(value) for value in column if value is not None]
    counts = Counter(present)
    kept = dict(sorted(counts.most_common(CATEGORIES_LIMIT), key=lambda pair: (-pair[1], pair[0])))
    return TextProfile(
        count=len(column),
        missing=len(column) - len(present),
        distinct=len(counts),
        counts=kept,
        other=len(present) - sum(kept.values()),
        mean_length=sum(map(len, present)) / len(present) if present else None,
    )
