"""How many values of a series say as much as one that is independent of the others."""

from __future__ import annotations

import numpy as np

from garcom.records import FloatArray

#: A part of the series is long enough to see how its values hang together; most parts have no change of level, which
#: would look like that.
_PART = 200
#: Values whose neighbours are no more alike than this, or than chance makes them, are taken for independent.
_ALIKE = 0.1
_DEVIATIONS = 4.0


def integrated_time(series: FloatArray) -> float:
    """The integrated autocorrelation time of a series (float64 ``[n]``, no NaN), at least 1.

    ``n`` values are worth as much as ``n`` divided by it. It is the median over parts of 200 values, of each of which
    the autocorrelations are summed in pairs as long as these are positive; so it is too small for what persists about
    as long as a part. 1 where neighbours are not surely alike, for a constant, and for fewer than 8 values.

    >>> integrated_time(np.tile([0.0, 1.0], 50))
    1.0

    Source: Geyer, Practical Markov chain Monte Carlo (1992), the initial positive sequence.
    """
    n = len(series)
    if n < 8:
        return 1.0
    parts = np.array_split(series, max(1, n // _PART))
    correlations = [_autocorrelations(part) for part in parts]
    if float(np.median([each[1] for each in correlations])) <= max(_ALIKE, _DEVIATIONS / np.sqrt(n)):
        return 1.0
    return float(np.median([_summed(each) for each in correlations]))


def _autocorrelations(part: FloatArray) -> FloatArray:
    """At the lags from 0 to half of the part; all but the first are 0 where it is constant."""
    centred = part - part.mean()
    found: FloatArray = np.correlate(centred, centred, "full")[len(part) - 1 :][: len(part) // 2]
    if found[0] > 0.0:
        found /= found[0]
    else:
        found[0] = 1.0
    return found


def _summed(correlations: FloatArray) -> float:
    pairs = correlations[: len(correlations) // 2 * 2].reshape(-1, 2).sum(axis=1)
    positive = pairs > 0.0
    n_pairs = len(pairs) if positive.all() else int(np.argmin(positive))
    return max(1.0, 2.0 * float(pairs[:n_pairs].sum()) - 1.0)
