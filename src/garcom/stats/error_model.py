"""How far predicted numbers will turn out to lie from the truth, before the truth is known.

A second model learns from rows with their actuals how large the errors are where, and is asked about rows without:
direct loss estimation (DLE), as NannyML documents it ("Estimation of performance of the monitored model: direct loss
estimation"). It sees errors grow because other rows come; it cannot see that equal rows now behave otherwise.

The learner is small on purpose: the expected absolute and squared errors are sums of one curve for each feature and
one for the prediction. A curve is a line from knot to knot, the knots lie at quantiles, and neighbouring knots are
drawn together (P-splines: Eilers and Marx 1996). Missing values have an amount of their own, and what lies outside of
all that was seen counts as its border. Nothing is extrapolated: far from what was seen, or with some hundred rows only,
an estimate moves less than the truth will. There are no interactions of features, except those in the prediction.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from garcom.errors import InputError
from garcom.records import FloatArray, IntArray
from garcom.stats.performance.intervals import Z, log_interval
from garcom.stats.performance.score import Score, undefined, within
from garcom.stats.performance.scores import LARGEST

LEAST_ROWS = 200
"""Below so many rows with actuals no model of the error is made."""

ESTIMATED = ("mae", "rmse")

_KNOTS, _KNOTS_OF_PREDICTION = 9, 17
_FOLDS = 10
_BLOCKS = 20
_PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 1e9)
# Rows × columns of the table: 32 MB, and some tenths of a second.
_MOST_CELLS = 4_000_000


class Target(msgspec.Struct, frozen=True):
    """What is expected of one kind of error: a mean, and an amount for each knot that is added to it.

    ``left_out`` are the amounts with one part of the rows left out each, for the uncertainty of the model itself.
    ``variance`` is that of one row around what the model expected of it when it was left out, made larger where
    neighbouring rows err alike. ``explained`` is the share of the variance that it foresaw there (0: none).
    """

    mean: float
    amounts: tuple[float, ...]
    left_out: tuple[tuple[float, ...], ...]
    variance: float
    explained: float


class ErrorModel(msgspec.Struct, frozen=True):
    """What errors to expect; where there is none ``why`` says why. ``rows`` is how many it has learned from."""

    rows: int
    knots: tuple[tuple[float, ...], ...] = ()
    """Of each feature and, last, of the prediction; none for a column without values."""
    absolute: Target | None = None
    squared: Target | None = None
    why: str | None = None

    @classmethod
    def fit(cls, X: FloatArray, y_pred: FloatArray, y_true: FloatArray, *, seed: int = 0) -> ErrorModel:
        """A model from rows with actuals, in the order of time.

        ``X`` is ``[n, d]`` with NaN for what is missing (categories as codes); d may be 0. Rows with NaN in ``y_pred``
        or ``y_true`` are left out. Fewer than ``LEAST_ROWS`` give a model that says so. Of very many rows some are
        drawn, by ``seed``. Raises InputError for shapes that do not fit.
        """
        _require_shapes(X, y_pred, y_true)
        kept = np.flatnonzero(np.isfinite(y_pred) & np.isfinite(y_true))
        if len(kept) < LEAST_ROWS:
            return cls(
                len(kept), why=f"not enough rows with actuals for a model of the error: {len(kept)} of {LEAST_ROWS}"
            )
        rng = np.random.default_rng(seed)
        most = max(_MOST_CELLS // (X.shape[1] * (_KNOTS + 1) + _KNOTS_OF_PREDICTION + 1), LEAST_ROWS)
        if len(kept) > most:
            kept = np.sort(rng.choice(kept, most, replace=False))
        columns = np.column_stack([X[kept], y_pred[kept]])
        errors = np.abs(y_pred[kept] - y_true[kept])
        if errors.max() > LARGEST:
            return cls(len(kept), why=f"errors beyond {LARGEST:.0e} have no model")
        wanted = [_KNOTS] * X.shape[1] + [_KNOTS_OF_PREDICTION]
        knots = tuple(_knots(column, many) for column, many in zip(columns.T, wanted, strict=True))
        learner = _Learner.of(_table(columns, knots), _penalty(knots), rng)
        absolute, squared = learner.learn(np.column_stack([errors, np.square(errors)]))
        return cls(len(kept), knots, absolute, squared)

    def estimate(self, X: FloatArray, y_pred: FloatArray, *, min_rows: int = 1) -> dict[str, Score]:
        """The ``mae`` and ``rmse`` that these rows will probably have, with the 95 % interval of what will be *seen*.

        ``X`` ``[n, d]`` and ``y_pred`` ``[n]`` as in :meth:`fit`; rows with NaN in ``y_pred`` are left out. The
        variance is that of the rows around what is expected of them, which grows with the errors, plus that of the
        model, from the models with one part left out (a grouped jackknife). The interval is symmetric on the
        logarithmic scale. Raises InputError for other features than it was fitted with.
        """
        _require_shapes(X, y_pred)
        kept = np.isfinite(y_pred)
        n = int(kept.sum())
        if self.absolute is None or self.squared is None:
            return dict.fromkeys(ESTIMATED, undefined(self.why or "there is no model of the error", n))
        if X.shape[1] != len(self.knots) - 1:
            raise InputError(
                f"Expected {len(self.knots) - 1} features, as the model of the error has, got {X.shape[1]}."
            )
        if n < max(min_rows, 1):
            return dict.fromkeys(ESTIMATED, undefined(f"not enough rows: {n} of {max(min_rows, 1)}", n))
        table = _table(np.column_stack([X[kept], y_pred[kept]]), self.knots)
        # Where errors are larger, they also vary more.
        growth = _mean(self.squared, self.squared.amounts, table) / self.squared.mean if self.squared.mean > 0 else 1.0
        mean = _expected(self.absolute, table, growth)
        square = _expected(self.squared, table, growth**2)
        # No mean lies above its quadratic mean.
        value = min(mean.value, float(np.sqrt(square.value)))
        return {
            "mae": _score(value, mean.error, n, power=1.0),
            "rmse": _score(square.value, square.error, n, power=0.5),
        }


class _Expected(NamedTuple):
    value: float
    error: float


def _expected(target: Target, table: FloatArray, growth: float) -> _Expected:
    """The mean of what is expected of the rows, and its standard error."""
    value = _mean(target, target.amounts, table)
    others = np.array([_mean(target, amounts, table) for amounts in target.left_out])
    of_model = (len(others) - 1) / len(others) * float(np.square(others - others.mean()).sum())
    return _Expected(value, float(np.sqrt(target.variance * growth / len(table) + of_model)))


def _mean(target: Target, amounts: tuple[float, ...], table: FloatArray) -> float:
    # An error below 0 cannot be.
    return float(np.maximum(target.mean + table @ np.asarray(amounts), 0).mean())


def _score(value: float, error: float, n: int, power: float) -> Score:
    if value <= 0:
        return Score(0.0, 0.0, float((Z * error) ** power), n)
    low, high = log_interval(value, error)
    return within(float(value**power), float(low**power), float(high**power), n, 0, np.inf)


class _Learner(NamedTuple):
    """The table of knots and its sums, with each part of the rows in turn left out."""

    table: FloatArray
    penalty: FloatArray
    fold: IntArray
    gram_of: list[FloatArray]

    @classmethod
    def of(cls, table: FloatArray, penalty: FloatArray, rng: np.random.Generator) -> _Learner:
        fold = rng.permutation(len(table)) % _FOLDS
        return cls(table, penalty, fold, [table[fold == k].T @ table[fold == k] for k in range(_FOLDS)])

    def learn(self, errors: FloatArray) -> list[Target]:
        """Amounts for each kind of error (a column), with the penalty that foresees best what was left out."""
        mean = errors.mean(axis=0)
        centred = errors - mean
        product_of = [self.table[self.fold == k].T @ centred[self.fold == k] for k in range(_FOLDS)]
        gram, product = np.sum(self.gram_of, axis=0), np.sum(product_of, axis=0)
        amounts, left_out, residuals = [], [], []
        for penalty in _PENALTIES:
            ridge = penalty * self.penalty
            without = [np.linalg.solve(gram - self.gram_of[k] + ridge, product - product_of[k]) for k in range(_FOLDS)]
            left = centred.copy()
            for k, found in enumerate(without):
                left[self.fold == k] -= self.table[self.fold == k] @ found
            amounts.append(np.linalg.solve(gram + ridge, product))
            left_out.append(without)
            residuals.append(left)
        losses = np.square(residuals).mean(axis=1)
        spread = np.square(centred).mean(axis=0)
        return [
            Target(
                mean=float(mean[kind]),
                amounts=tuple(amounts[best][:, kind].tolist()),
                left_out=tuple(tuple(found[:, kind].tolist()) for found in left_out[best]),
                variance=float(losses[best, kind]) * _alike(residuals[best][:, kind]),
                explained=max(0.0, float(1 - losses[best, kind] / spread[kind])) if spread[kind] > 0 else 0.0,
            )
            for kind, best in enumerate(losses.argmin(axis=0).tolist())
        ]


def _alike(residuals: FloatArray) -> float:
    """How many times larger the variance of a mean of neighbours is than it would be of unrelated rows; at least 1."""
    blocks = np.array_split(residuals, _BLOCKS)
    unrelated = float(np.square(residuals).mean())
    if not unrelated > 0:
        return 1.0
    return max(1.0, float(np.mean([len(block) * block.mean() ** 2 for block in blocks])) / unrelated)


def _knots(column: FloatArray, most: int) -> tuple[float, ...]:
    present = column[np.isfinite(column)]
    if not len(present):
        return ()
    return tuple(np.unique(np.quantile(present, np.linspace(0.005, 0.995, most), method="inverted_cdf")).tolist())


def _table(columns: FloatArray, knots: tuple[tuple[float, ...], ...]) -> FloatArray:
    """How near each value is to the knots on both of its sides ``[n, …]``; each column ends with one for missing."""
    table = np.zeros((len(columns), sum(len(at) + 1 for at in knots)))
    start = 0
    for column, at in zip(columns.T, knots, strict=True):
        missing = np.isnan(column) if at else np.ones(len(column), np.bool_)
        table[missing, start + len(at)] = 1
        if at:
            present = np.flatnonzero(~missing)
            place = np.interp(column[present], at, np.arange(len(at)))
            lower = np.floor(place).astype(np.int64)
            upper = np.minimum(lower + 1, len(at) - 1)
            table[present, start + lower] += 1 - (place - lower)
            table[present, start + upper] += place - lower
        start += len(at) + 1
    return table


def _penalty(knots: tuple[tuple[float, ...], ...]) -> FloatArray:
    """What the squared differences of neighbouring knots cost, and (a little) any amount at all."""
    size = sum(len(at) + 1 for at in knots)
    penalty, start = 0.01 * np.eye(size), 0
    for at in knots:
        steps = np.diff(np.eye(len(at)), axis=0) if at else np.empty((0, 0))
        penalty[start : start + len(at), start : start + len(at)] += steps.T @ steps
        start += len(at) + 1
        # Few missing values tell little.
        penalty[start - 1, start - 1] += 1
    return penalty


def _require_shapes(X: FloatArray, *others: npt.NDArray[np.float64]) -> None:
    if X.ndim != 2 or any(other.shape != X.shape[:1] for other in others):
        shapes = ", ".join(str(each.shape) for each in (X, *others))
        raise InputError(f"Expected features [n, d] and as many predictions and actuals, got the shapes {shapes}.")
