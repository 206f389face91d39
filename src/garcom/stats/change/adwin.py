"""ADWIN: a window that grows while the mean stands still, and is cut when it does not."""

from __future__ import annotations

import math

import msgspec

from garcom.stats.change.detector import Change

#: The sum of some neighbouring values, and the sum of their squared deviations from their mean.
Bucket = tuple[float, float]


class Adwin(msgspec.Struct):
    """Adaptive windowing (Bifet and Gavaldà 2007, the second version, with exponential histograms).

    Finds changes of the mean in both directions, at a rate of false ones that ``delta`` bounds, without being told how
    large they are: the first to ask. The bound holds for values in 0 to 1, so that others should be scaled. ``clock``
    is how often it looks (each so many values), ``min_window_length`` the least part that is compared,
    ``max_buckets`` how many buckets of a size are kept before two are merged. Memory grows with the logarithm of
    the window.

    The defaults and the results are those of river's ``ADWIN``, which begins anew after a change.

    >>> detector = Adwin()
    >>> [i for i, x in enumerate([0.0, 1.0] * 160 + [4.0, 5.0] * 160) if detector.update(x)]
    [351]
    >>> detector.last
    Change(n_before=312, before=0.5, n_after=40, after=3.7)

    References: A. Bifet and R. Gavaldà, «Learning from time-changing data with adaptive windowing», SIAM International
    Conference on Data Mining 2007, 443-448; the variance of buckets from B. Babcock et al., «Maintaining variance and
    k-medians over data stream windows», PODS 2003.
    """

    delta: float = 0.002
    clock: int = 32
    max_buckets: int = 5
    min_window_length: int = 5
    grace_period: int = 10
    n: int = 0
    last: Change | None = None
    #: Values in the window, their sum, and the sum of their squared deviations.
    width: int = 0
    total: float = 0.0
    squares: float = 0.0
    #: ``sizes[i]`` are the buckets of 2**i values, the oldest first.
    sizes: list[list[Bucket]] = msgspec.field(default_factory=list)
    tick: int = 0
    changed: bool = False

    @property
    def mean(self) -> float | None:
        """The mean of the window; None where it is empty."""
        return self.total / self.width if self.width else None

    def update(self, x: float) -> bool:
        """Take a value; whether a change was seen at it. A value that is not finite is left out."""
        if not math.isfinite(x):
            return False
        if self.changed:
            self._reset()
        self.n += 1
        self.tick += 1
        self._insert(x)
        if self.tick % self.clock == 0 and self.width > self.grace_period:
            self._shrink()
        return self.changed

    def _reset(self) -> None:
        self.width, self.total, self.squares, self.sizes = 0, 0.0, 0.0, []
        self.tick, self.changed = 0, False

    def _insert(self, x: float) -> None:
        if self.width:
            deviation = x - self.total / self.width
            self.squares += self.width * deviation * deviation / (self.width + 1)
        self.width += 1
        self.total += x
        if not self.sizes:
            self.sizes.append([])
        self.sizes[0].append((x, 0.0))
        i = 0
        while len(self.sizes[i]) > self.max_buckets:
            if i + 1 == len(self.sizes):
                self.sizes.append([])
            (sum1, squares1), (sum2, squares2) = self.sizes[i][:2]
            del self.sizes[i][:2]
            gap = (sum1 - sum2) / 2**i
            self.sizes[i + 1].append((sum1 + sum2, squares1 + squares2 + gap * gap * 2**i / 2))
            i += 1

    def _shrink(self) -> None:
        """Drop the oldest buckets as long as two parts of the window differ."""
        width, total = self.width, self.total
        while self._differs():
            self._drop_oldest()
        if self.width < width:
            self.changed = True
            self.last = Change(
                n_before=width - self.width,
                before=(total - self.total) / (width - self.width),
                n_after=self.width,
                after=self.total / self.width,
            )

    def _differs(self) -> bool:
        least = self.min_window_length
        confidence = math.log(2 * math.log(self.width) / self.delta)
        spread = 2 * self.squares / self.width * confidence
        n0, n1, u0, u1 = 0, self.width, 0.0, self.total
        for i in range(len(self.sizes) - 1, -1, -1):
            for u, _ in self.sizes[i]:
                n0 += 2**i
                n1 -= 2**i
                u0 += u
                u1 -= u
                if n0 < least or n1 < least or n1 == 0:
                    continue
                m = 1 / (n0 - least + 1) + 1 / (n1 - least + 1)
                if abs(u0 / n0 - u1 / n1) > math.sqrt(m * spread) + 2 / 3 * confidence * m:
                    return True
        return False

    def _drop_oldest(self) -> None:
        n = 2 ** (len(self.sizes) - 1)
        total, squares = self.sizes[-1].pop(0)
        self.width -= n
        self.total -= total
        gap = total / n - self.total / self.width
        self.squares -= squares + n * self.width * gap * gap / (n + self.width)
        while self.sizes and not self.sizes[-1]:
            self.sizes.pop()
