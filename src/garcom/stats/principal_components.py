"""Principal components of the reference: rows that fit it badly have columns that no longer move together."""

from __future__ import annotations

import msgspec
import numpy as np

from garcom.records import FloatArray

#: Rows are looked at in blocks: little memory, and a block stays in the processor's cache. Of a product with more
#: multiplications than this OpenBLAS wakes threads, which costs more than it gives here, and then wait in a circle.
_MOST_MULTIPLICATIONS = 250_000
_LEAST_BLOCK = 256
#: Standardised values stop there, so that the squares of absurd ones are numbers still.
_FURTHEST = 1e100


class Basis(msgspec.Struct, frozen=True):
    """Where the reference's d columns lie, and the k directions in which they vary most; lists, so that JSON holds it.

    ``mean`` and ``scale`` (the standard deviation; 1 for a column without two values) are [d]; ``components`` is
    [k, d], orthonormal rows in standardised columns, the one with the greatest variance first; ``explained`` is the
    share of the variance along them (0 to 1).
    """

    mean: list[float]
    scale: list[float]
    components: list[list[float]]
    explained: float

    def __post_init__(self) -> None:
        if len(self.scale) != len(self.mean) or any(len(each) != len(self.mean) for each in self.components):
            raise ValueError(f"Expected {len(self.mean)} scales and components of that length, as many as means.")


def fit_basis(X: FloatArray, explained: float = 0.65, max_components: int = 32) -> Basis:
    """The fewest components of the rows ``X`` [n, d] that hold the share ``explained`` of their variance.

    Columns are standardised with their own mean and standard deviation (divided by n). A missing value (NaN or
    infinite) counts as the column's mean. At most ``max_components``, and always fewer than there are directions with
    variance: something has to be left over to look at. Without rows, or without a column that varies, there are none.
    The sign of a component is that which makes its largest entry positive.

    Source: Jolliffe, Principal Component Analysis (2002), chapter 10.
    """
    rows = np.asarray(X, np.float64)
    mean, scale = _moments(rows)
    n_columns = len(mean)
    total = np.zeros((n_columns, n_columns))
    size = _block_rows(n_columns)
    for first in range(0, len(rows), size):
        block = _standardised(rows[first : first + size], mean, scale)
        total += block.T @ block
    variances, directions = np.linalg.eigh(total / max(len(rows), 1))
    variances, directions = np.maximum(variances[::-1], 0.0), directions[:, ::-1].T
    share = np.cumsum(variances) / (variances.sum() or 1.0)
    varying = int(np.count_nonzero(variances > 1e-10 * variances.max(initial=0.0)))
    wanted = int(np.searchsorted(share, explained - 1e-12)) + 1
    k = max(min(wanted, max_components, varying - 1), 0)
    chosen = directions[:k]
    if k:
        largest = np.abs(chosen).argmax(axis=1)
        chosen = chosen * np.sign(chosen[np.arange(k), largest])[:, None]
    return Basis(mean.tolist(), scale.tolist(), chosen.tolist(), float(share[k - 1]) if k else 0.0)


def reconstruction_errors(basis: Basis, X: FloatArray) -> FloatArray:
    """Of each row of ``X`` [n, d] how far it is from what the components tell of it: [n], in standard deviations.

    That is the Euclidean norm of the standardised row minus its projection on the components; without components,
    the norm of the row itself. A missing value (NaN or infinite) counts as the reference's mean, so it adds little:
    look at the counts of missing values beside. Raises ValueError for another number of columns.
    """
    rows = np.asarray(X, np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(basis.mean):
        raise ValueError(f"Expected rows of {len(basis.mean)} columns, as in the basis, got the shape {rows.shape}.")
    mean, scale = np.array(basis.mean), np.array(basis.scale)
    components = np.array(basis.components, np.float64).reshape(len(basis.components), len(mean))
    left_over = np.eye(len(mean)) - components.T @ components
    errors = np.empty(len(rows))
    size = _block_rows(len(mean))
    for first in range(0, len(rows), size):
        rest = _standardised(rows[first : first + size], mean, scale) @ left_over
        errors[first : first + size] = np.sqrt(np.einsum("ij,ij->i", rest, rest))
    return errors


def _block_rows(n_columns: int) -> int:
    return max(_LEAST_BLOCK, _MOST_MULTIPLICATIONS // max(n_columns, 1) ** 2)


def _moments(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the finite values of each column, [d] each."""
    mean, scale = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    for i, column in enumerate(rows.T):
        finite = column[np.isfinite(column)]
        if not len(finite):
            continue
        least, greatest = float(finite.min()), float(finite.max())
        if least == greatest:
            # Exactly: the sum of equal numbers divided by their count need not be that number.
            mean[i] = least
            continue
        # In units of the largest one, so that squares neither overflow nor vanish.
        unit = max(abs(least), abs(greatest))
        part = finite / unit
        mean[i], spread = part.mean() * unit, float(part.std())
        # A spread that is nothing but rounding is none.
        scale[i] = spread * unit if spread > 1e-14 and spread * unit > 0 else 1.0
    return mean, scale


def _standardised(rows: FloatArray, mean: FloatArray, scale: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        found: FloatArray = (rows - mean) / scale
        np.clip(found, -_FURTHEST, _FURTHEST, out=found)
        missing = ~np.isfinite(rows)
    if missing.any():
        found[missing] = 0.0
    return found
