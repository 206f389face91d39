"""Operations on texts: tokens counted as scikit-learn's vectorizers count them, in sparse rows."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from garcom.errors import Fault, RowsRefused
from garcom.model.engines.arrays.ops.registry import Call, operation
from garcom.model.engines.arrays.program import Array, Step
from garcom.records import FloatArray, IntArray, TextArray

Tokenize = Callable[[str], list[str]]

_SPACES = re.compile(r"\s\s+")


class SparseRows(NamedTuple):
    """Row ``i`` has ``data[k]`` in column ``indices[k]`` for ``k`` from ``starts[i]`` to ``starts[i + 1]``, sorted."""

    starts: IntArray
    indices: IntArray
    data: FloatArray

    @property
    def rows(self) -> IntArray:
        """The row of each element."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


@operation("count_tokens")
def count_tokens(step: Step) -> Call:
    """The counts of the known tokens in a column of texts."""
    options = step.options
    known = {token: index for index, token in enumerate(options["vocabulary"])}
    analyze, column, binary, name = analyzer(options), options["column"], options["binary"], options["name"]

    def call(texts: TextArray) -> SparseRows:
        starts, indices, data = [0], list[int](), list[int]()
        for row, text in enumerate(texts[:, column].tolist()):
            if text is None:
                raise RowsRefused(Fault(name, "text", "a missing value", "Send a text, which may be empty."), row)
            counts = sorted(Counter(known[token] for token in analyze(text) if token in known).items())
            indices += [index for index, _ in counts]
            data += [1 if binary else count for _, count in counts]
            starts.append(len(indices))
        return SparseRows(np.array(starts), np.array(indices, dtype=np.int64), np.array(data, dtype=np.float64))

    return call


def analyzer(options: Any) -> Tokenize:
    """From a text to its tokens, as scikit-learn's ``build_analyzer`` does it."""
    prepare = _preparation(options["lowercase"], options["strip_accents"])
    least, most = options["ngram_range"]
    if options["analyzer"] == "word":
        find, stop = re.compile(options["token_pattern"]).findall, frozenset(options["stop_words"])
        return lambda text: _word_ngrams([word for word in find(prepare(text)) if word not in stop], least, most)
    ngrams = _char_ngrams if options["analyzer"] == "char" else _char_ngrams_in_words
    return lambda text: ngrams(prepare(text), least, most)


def _preparation(lowercase: bool, accents: str | None) -> Callable[[str], str]:
    strip: Callable[[str], str] = {"unicode": _strip_unicode, "ascii": _strip_ascii}.get(accents or "", str)
    return (lambda text: strip(text.lower())) if lowercase else strip


def _strip_unicode(text: str) -> str:
    if text.isascii():
        return text
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _strip_ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def _word_ngrams(words: list[str], least: int, most: int) -> list[str]:
    tokens = list(words) if least == 1 else []
    for n in range(max(least, 2), min(most, len(words)) + 1):
        tokens += [" ".join(words[start : start + n]) for start in range(len(words) - n + 1)]
    return tokens


def _char_ngrams(text: str, least: int, most: int) -> list[str]:
    text = _SPACES.sub(" ", text)
    lengths = range(least, min(most, len(text)) + 1)
    return [text[start : start + n] for n in lengths for start in range(len(text) - n + 1)]


def _char_ngrams_in_words(text: str, least: int, most: int) -> list[str]:
    tokens = []
    for word in _SPACES.sub(" ", text).split():
        padded = f" {word} "
        for n in range(least, most + 1):
            tokens += [padded[start : start + n] for start in range(max(len(padded) - n, 0) + 1)]
            if n >= len(padded):
                # A word shorter than n counts once.
                break
    return tokens


@operation("weigh_tokens")
def weigh_tokens(step: Step) -> Call:
    """Counts to weights: ``1 + log`` with ``sublinear``, times ``idf``, divided by the row's norm."""
    idf, sublinear, norm = step.arrays.get("idf"), step.options["sublinear"], step.options["norm"]

    def call(counts: SparseRows) -> SparseRows:
        data = counts.data
        if sublinear:
            data = np.log(data) + 1.0
        if idf is not None:
            data = data * idf.take(counts.indices)
        if norm is not None:
            rows, n = counts.rows, len(counts.starts) - 1
            if norm == "l2":
                size = np.sqrt(np.bincount(rows, weights=data * data, minlength=n))
            else:
                size = np.bincount(rows, weights=np.abs(data), minlength=n)
            data = data / size.take(rows)
        return SparseRows(counts.starts, counts.indices, data)

    return call


@operation("sparse_linear")
def sparse_linear(step: Step) -> Call:
    """Sparse rows times ``coef`` ``[n_tokens, n_outputs]``."""
    coef = step.arrays["coef"]

    def call(X: SparseRows) -> FloatArray:
        starts = X.starts.tolist()
        result = np.empty((len(starts) - 1, coef.shape[1]))
        for row, (start, stop) in enumerate(pairwise(starts)):
            result[row] = X.data[start:stop].dot(coef.take(X.indices[start:stop], axis=0))
        return result

    return call


@operation("dense")
def dense(step: Step) -> Call:
    """Sparse rows as a matrix of ``width`` columns."""
    n_columns = step.options["width"]

    def call(X: SparseRows) -> Array:
        result = np.zeros((len(X.starts) - 1, n_columns))
        result[X.rows, X.indices] = X.data
        return result

    return call
