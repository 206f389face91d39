"""A model that is served by something else: what its rows and its answers tell, without the model.

Its bundle has a signature and a reference profile, as any other, and no engine. Predictions that were made elsewhere
are checked by the one and compared with the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np

from garcom.errors import DataError
from garcom.model.corrections import Corrections, correct_fields, correct_output
from garcom.model.frames import column_numbers, near
from garcom.model.inference import impersonal, with_example
from garcom.model.inferred_types import field_from_data
from garcom.model.proof import Proof
from garcom.model.signature import Class, Field, Output, Signature
from garcom.model.sources.columns import Column
from garcom.records import FloatArray, Outputs

if TYPE_CHECKING:
    import pandas as pd

#: Columns beside the rows' own that hold the probability of each label.
PROBABILITY = "probability_"
#: A column of texts with at most so many values, which come twice or more on average, is one of categories.
MOST_CATEGORIES = 100
#: Answers that are whole numbers are labels if there are at most so many of them, each ten times or more on average.
MOST_LABELS = 20
_TIMES = 10

#: Nothing was compared: there is nothing here that answers.
PROOF = Proof(real_rows=0, placed_rows=0, unstable_rows=0, tolerance="", candidates=(), libraries={})

ElsewhereTask = Literal["classification", "regression"]


class Answered(NamedTuple):
    """What was inferred: the signature, and the answers to the rows that are kept (bool ``[n]``)."""

    signature: Signature
    outputs: Outputs
    kept: Any


def infer_answered(
    frame: pd.DataFrame,
    answers: Sequence[str],
    *,
    targets: Sequence[str] = (),
    labels: dict[str, str] | None = None,
    corrections: Corrections | None = None,
    task: ElsewhereTask | None = None,
) -> Answered:
    """The signature of a model of which only rows and its answers to them are known.

    ``answers`` are the columns of ``frame`` that hold them: one, or one for each target of a regression. Columns
    ``probability_<label>`` are the probabilities of each label; ``targets`` are left out; all others are fields. Every
    field takes missing values, because refusing a row would hide what monitoring has to see. ``task`` says what the
    answers are; without it, texts, truth values and few whole numbers that repeat are labels, other numbers a
    regression. Rows without an answer are not kept.

    Raises :class:`~garcom.errors.DataError` for columns that are not there or do not fit together, and
    :class:`~garcom.errors.SignatureError` for labels or corrections that do not fit.
    """
    corrections = corrections or Corrections()
    names = list(frame.columns)
    for name in (*answers, *targets):
        if name not in names:
            raise DataError(
                f"Expected a column {name!r}, and the data have none.{near(name, names)} Their columns are {names}."
            )
    kept = frame[list(answers)].notna().all(axis=1).to_numpy(dtype=bool)
    if not kept.any():
        raise DataError(f"Expected answers in {', '.join(map(repr, answers))}, and every row lacks one.")
    rows = frame[kept]
    beside = {*answers, *targets}
    if len(answers) == 1 and (task or _task_of(rows, answers[0])) == "classification":
        output, outputs, probabilities = _classification(rows, answers[0], beside)
        beside |= set(probabilities)
    else:
        if task == "classification":
            raise DataError(f"Expected one column of labels, got {len(answers)}: {list(answers)}.")
        output, outputs = _regression(rows, answers)
    data = rows.drop(columns=[name for name in names if name in beside])
    if not len(data.columns):
        raise DataError("Expected the rows that were answered beside the answers, and the data have no other column.")
    fields = correct_fields(tuple(_field(name, data[name]) for name in data.columns), corrections)
    signature = impersonal(with_example(fields, output, data, corrections), corrections)
    return Answered(
        msgspec.structs.replace(signature, output=correct_output(output, corrections.output, labels)), outputs, kept
    )


def _field(name: str, values: pd.Series[Any]) -> Field:
    field = field_from_data(name, _with_categories(values), Column("opaque"), None)
    return msgspec.structs.replace(field, nullable=True)


def _with_categories(values: pd.Series[Any]) -> pd.Series[Any]:
    """A column of few texts as categories: no encoder tells what they are."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype) or isinstance(values.dtype, pd.CategoricalDtype):
        return values
    there = values.dropna()
    if not len(there) or not all(isinstance(value, str) for value in there):
        return values
    n_values = there.nunique()
    return values.astype("category") if n_values <= MOST_CATEGORIES and 2 * n_values <= len(there) else values


def _task_of(rows: pd.DataFrame, answer: str) -> ElsewhereTask:
    import pandas as pd

    values = rows[answer]
    if not pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return "classification"
    if any(f"{PROBABILITY}{label}" in rows.columns for label in map(str, _plain(values))):
        return "classification"
    numbers = column_numbers(values)
    n_values = len(np.unique(numbers))
    whole = bool((numbers == np.trunc(numbers)).all())
    return "classification" if whole and n_values <= MOST_LABELS and _TIMES * n_values <= len(rows) else "regression"


def _plain(values: pd.Series[Any]) -> list[Class]:
    """The values as Python's own; whole numbers that gaps have made decimals are whole again."""
    found = [value.item() if isinstance(value, np.generic) else value for value in values.tolist()]
    if all(isinstance(value, float) and value.is_integer() for value in found):
        return [int(value) for value in found]
    return found


def _classification(rows: pd.DataFrame, answer: str, beside: set[str]) -> tuple[Output, Outputs, tuple[str, ...]]:
    answered = _plain(rows[answer])
    classes = _sorted_classes(answer, answered)
    columns = {f"{PROBABILITY}{label}": label for label in map(str, classes)}
    told = [
        name
        for name in rows.columns
        if name.startswith(PROBABILITY) and name not in beside and (name in columns or set(columns) & set(rows.columns))
    ]
    for name in told:
        if name not in columns:  # a label that is never the most probable one
            classes = (*classes, _like(classes, name.removeprefix(PROBABILITY)))
            columns[name] = str(classes[-1])
    missing = [name for name in columns if name not in rows.columns]
    if told and missing:
        raise DataError(f"Expected a column of probabilities for each label, and {missing} are not there.")
    index = {value: at for at, value in enumerate(classes)}
    labels = np.array([index[value] for value in answered], np.int64)
    probabilities: FloatArray | None = None
    if told:
        probabilities = np.column_stack([column_numbers(rows[name]) for name in columns])
        if not (np.isfinite(probabilities).all() and (probabilities >= 0).all() and (probabilities <= 1).all()):
            raise DataError(f"Expected probabilities from 0 to 1 in every row of {told}, got others.")
    output = Output(task="classification", classes=classes, probabilities=bool(told))
    return output, Outputs(labels, probabilities, None), tuple(told)


def _sorted_classes(answer: str, values: list[Class]) -> tuple[Class, ...]:
    kinds = {bool if isinstance(value, bool) else str if isinstance(value, str) else int for value in values}
    whole = all(isinstance(value, str | int) for value in values)
    if len(kinds) > 1 or not whole:
        raise DataError(
            f"Expected labels of one kind in {answer!r} (texts, whole numbers or truth values), got others. For a "
            "regression, say so (task regression)."
        )
    return tuple(sorted(set(values)))


def _like(classes: tuple[Class, ...], text: str) -> Class:
    """A label as its column tells it, of the type of the others."""
    if isinstance(classes[0], int) and not isinstance(classes[0], bool) and text.lstrip("-").isdigit():
        return int(text)
    return text if isinstance(classes[0], str) else {"True": True, "False": False}.get(text, text)


def _regression(rows: pd.DataFrame, answers: Sequence[str]) -> tuple[Output, Outputs]:
    values = np.column_stack([column_numbers(rows[name]) for name in answers])
    if not np.isfinite(values).all():
        raise DataError(f"Expected a number as answer in every row of {', '.join(map(repr, answers))}, got others.")
    return Output(task="regression", names=tuple(answers)), Outputs(None, None, values)
