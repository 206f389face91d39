"""Text vectorizers: words or characters counted, weighted, kept sparse."""

from __future__ import annotations

from typing import Any

import numpy as np

from garcom.model.lowering.builder import Builder, Column, NotLowerable, Table
from garcom.model.lowering.registry import transformer


@transformer("sklearn.CountVectorizer")
def count_vectorizer(b: Builder, model: Any, table: Table) -> Table:
    """How often each known token occurs."""
    _check(model, table)
    stop_words = model.get_stop_words()
    vocabulary = sorted(model.vocabulary_.items(), key=lambda item: int(item[1]))
    if [int(index) for _, index in vocabulary] != list(range(len(vocabulary))):
        raise NotLowerable(f"{type(model).__name__} has a vocabulary with gaps.")
    options = {
        "analyzer": model.analyzer,
        "ngram_range": [int(n) for n in model.ngram_range],
        "lowercase": bool(model.lowercase),
        "strip_accents": model.strip_accents,
        "token_pattern": model.token_pattern,
        "stop_words": sorted(stop_words) if stop_words else [],
        "vocabulary": [str(token) for token, _ in vocabulary],
        "binary": bool(model.binary),
        "column": table[0].position,
        "name": table[0].name,
    }
    return _sparse(b.emit("count_tokens", table[0].value, options=options), len(vocabulary), table[0].name)


@transformer("sklearn.TfidfVectorizer")
def tfidf_vectorizer(b: Builder, model: Any, table: Table) -> Table:
    """Counts, then their weights."""
    return tfidf(b, model._tfidf, count_vectorizer(b, model, table))


@transformer("sklearn.TfidfTransformer")
def tfidf(b: Builder, model: Any, table: Table) -> Table:
    """Counts to weights: logarithm, rarity, norm, as configured."""
    if len(table) != 1 or table[0].kind != "sparse":
        raise NotLowerable("TfidfTransformer reads something else than the counts of one vectorizer.")
    arrays: dict[str, Any] = {"idf": np.asarray(model.idf_)} if model.use_idf else {}
    options = {"sublinear": bool(model.sublinear_tf), "norm": model.norm}
    value = b.emit("weigh_tokens", table[0].value, options=options, **arrays)
    return _sparse(value, table[0].width, table[0].name)


def _check(model: Any, table: Table) -> None:
    name = type(model).__name__
    if len(table) != 1 or table[0].kind != "text":
        raise NotLowerable(f"{name} reads one text field, got {[column.name for column in table]}.")
    if model.analyzer not in ("word", "char", "char_wb"):
        raise NotLowerable(f"{name} with an analyzer of the person's own cannot be carried as arrays.")
    if model.preprocessor is not None or model.tokenizer is not None or callable(model.strip_accents):
        raise NotLowerable(f"{name} with a preprocessor or tokenizer of the person's own cannot be carried as arrays.")


def _sparse(value: int, n_tokens: int, name: str) -> Table:
    return (Column(value, 0, "sparse", False, name, n_tokens),)
