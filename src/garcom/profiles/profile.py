"""The profile of some rows: counts that are added up with those of other rows, so that no row is read twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from garcom.errors import InputError
from garcom.profiles.columns import CategoryColumn, NumberColumn
from garcom.profiles.grid import N_CELLS
from garcom.profiles.layout import Layout
from garcom.profiles.reading import as_numbers, as_texts
from garcom.profiles.repeats import Repeated, Repeats
from garcom.profiles.sparse import SparseCounts, sum_of
from garcom.records import FloatArray, IntArray

#: Of each column, unseen categories are named until there are so many.
_NAMED_UNSEEN = 20
#: Longer texts are no names of categories, but texts that came in the wrong place.
_NAME_LENGTH = 60


class Tally(NamedTuple):
    """What is counted of each column beside its cells; the fields of a row of ``Profile.tallies``."""

    #: Rows without a value; of these those without the column; rows with a value of the wrong type.
    missing: int
    absent: int
    unreadable: int
    #: Numbers below and above the range of the reference rows, and infinite ones; unseen categories count as above.
    below: int
    above: int
    infinite: int


class _Encoded(msgspec.Struct, array_like=True):
    """A profile as it is stored."""

    n_rows: int
    cells: SparseCounts
    tallies: bytes
    sums: bytes
    together_sum: float
    unseen: dict[str, dict[str, int]]
    repeats: Repeats


class Profile:
    """What is known of some rows, by a layout.

    ``cells`` (int64) holds all columns one after another: :data:`~garcom.profiles.grid.N_CELLS` for numbers, for
    categories one for each value and one for all unseen ones; :meth:`cells_of` gives those of a column. At the end come
    those of the errors of rebuilding rows: of a large frame some are rebuilt, each for several others.
    ``tallies`` (int64 ``[n_columns, 6]``) are :class:`Tally`; ``sums`` (float64 ``[n_columns, 4]``) the sum of the
    distance from the grid's centre, of its square, the least and the greatest number (NaN where there is none).
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        sizes = [N_CELLS if isinstance(column, NumberColumn) else len(column.values) + 1 for column in layout.columns]
        if layout.together is not None:
            sizes.append(N_CELLS)
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self.n_rows = 0
        self.cells: IntArray = np.zeros(int(self._starts[-1]), np.int64)
        self.tallies: IntArray = np.zeros((len(layout.columns), len(Tally._fields)), np.int64)
        self.sums: FloatArray = np.tile([0.0, 0.0, np.nan, np.nan], (len(layout.columns), 1))
        #: The sum of the errors of rebuilding rows from their components, weighted as their counts.
        self.together_sum = 0.0
        self.unseen: dict[str, dict[str, int]] = {}
        self.repeats = Repeats()

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a frame; columns that the layout does not have are left out, absent ones are missing."""
        n = frame.height
        if not n:
            return
        self.n_rows += n
        for at in range(len(self.layout.columns)):
            self._add_column(at, frame)
        features = [c.name for c in self.layout.columns if c.role == "feature" and c.name in frame.columns]
        if features:
            self.repeats.add(frame.select(features))
        else:
            self.repeats.empty += n
        self._add_together(frame)

    def merge(self, other: Profile) -> None:
        """Count the rows of another profile of the same layout too. Raises InputError for another layout."""
        if other.layout is not self.layout and other.layout != self.layout:
            raise InputError("Expected a profile of the same layout, got one of another. Profile its rows anew.")
        self.cells += other.cells
        self.tallies += other.tallies
        self._add_sums(other.sums[None])
        self._add_rest(other.n_rows, other.together_sum, other.unseen)
        self.repeats.merge([other.repeats])

    def merge_encoded(self, bodies: Sequence[bytes]) -> None:
        """Count the rows of profiles that were encoded by the same layout."""
        if not bodies:
            return
        found = [_decode(body) for body in bodies]
        self.cells += sum_of([each.cells for each in found], len(self.cells))
        tallies = np.frombuffer(b"".join([each.tallies for each in found]), "<i8").reshape(-1, *self.tallies.shape)
        self.tallies += tallies.sum(axis=0)
        sums = np.frombuffer(b"".join([each.sums for each in found]), "<f8").reshape(-1, *self.sums.shape)
        self._add_sums(sums)
        for each in found:
            self._add_rest(each.n_rows, each.together_sum, each.unseen)
        self.repeats.merge([each.repeats for each in found])

    def encode(self) -> bytes:
        """The profile as bytes; the layout is not among them."""
        return _encoder.encode(
            _Encoded(
                n_rows=self.n_rows,
                cells=SparseCounts.of(self.cells),
                tallies=self.tallies.astype("<i8").tobytes(),
                sums=self.sums.astype("<f8").tobytes(),
                together_sum=self.together_sum,
                unseen=self.unseen,
                repeats=self.repeats,
            )
        )

    @classmethod
    def decode(cls, layout: Layout, body: bytes) -> Profile:
        """The profile that was encoded by this layout. Raises InputError for other bytes."""
        profile = cls(layout)
        try:
            profile.merge_encoded([body])
        except (msgspec.DecodeError, ValueError, IndexError) as error:
            raise InputError("Expected the bytes of a profile of this layout, got others.") from error
        return profile

    def cells_of(self, at: int) -> IntArray:
        """The counts of a column's cells."""
        return self.cells[self._starts[at] : self._starts[at + 1]]

    @property
    def together_cells(self) -> IntArray:
        """The counts of the errors of rebuilding rows: of all rows, and a few more where some stand for others.

        None where columns are not looked at together.
        """
        return self.cells[self._starts[len(self.layout.columns)] :]

    @property
    def together_mean(self) -> float | None:
        """The mean error of rebuilding rows; None where there is none."""
        n = int(self.together_cells.sum())
        return self.together_sum / n if n else None

    @property
    def n_compared(self) -> int:
        """How many rows had features, by which they can be the same as another."""
        return self.n_rows - self.repeats.empty

    def repeated(self, drawn: int | None = None) -> Repeated | None:
        """How many rows repeat another, among all or so many drawn by chance; None where there is none to compare."""
        return self.repeats.among(self.n_compared, drawn)

    def tally(self, at: int) -> Tally:
        """What else was counted of a column."""
        return Tally(*self.tallies[at].tolist())

    def present(self, at: int) -> int:
        """How many rows have a value in a column that could be read."""
        return int(self.cells_of(at).sum())

    def mean(self, at: int) -> float | None:
        """The mean of a column's finite numbers; None where there are none."""
        return self._mean_and_variance(at)[0]

    def variance(self, at: int) -> float | None:
        """Their population variance; None where there are none."""
        return self._mean_and_variance(at)[1]

    def _mean_and_variance(self, at: int) -> tuple[float | None, float | None]:
        column = self.layout.columns[at]
        n = self.present(at) - self.tally(at).infinite
        if isinstance(column, CategoryColumn) or n <= 0:
            return None, None
        total, squares = self.sums[at, :2].tolist()
        mean, variance = column.grid.center + total / n, squares / n - (total / n) * (total / n)
        if not (math.isfinite(mean) and math.isfinite(variance)):
            return None, None  # so absurd that float64 cannot hold their sums
        return mean, max(0.0, variance)

    def _add_column(self, at: int, frame: pl.DataFrame) -> None:
        column = self.layout.columns[at]
        tally = self.tallies[at]
        if column.name not in frame.columns:
            tally += Tally(frame.height, frame.height, 0, 0, 0, 0)
        elif isinstance(column, NumberColumn):
            self._add_numbers(at, column, frame[column.name])
        else:
            self._add_texts(at, column, frame[column.name])

    def _add_numbers(self, at: int, column: NumberColumn, series: pl.Series) -> None:
        numbers, missing, unreadable = as_numbers(series, column.of)
        found = column.grid.count(numbers)
        self.cells_of(at)[:] += found.cells
        below = above = 0
        if column.least is not None and column.greatest is not None:
            if found.n_infinite or found.least < column.least:
                below = int((numbers < column.least).sum())
            if found.n_infinite or found.greatest > column.greatest:
                above = int((numbers > column.greatest).sum())
        self.tallies[at] += Tally(missing, 0, unreadable, below, above, found.n_infinite)
        self.sums[at, :2] += found.total, found.squares
        self.sums[at, 2] = np.fmin(self.sums[at, 2], found.least)
        self.sums[at, 3] = np.fmax(self.sums[at, 3], found.greatest)

    def _add_texts(self, at: int, column: CategoryColumn, series: pl.Series) -> None:
        texts = as_texts(series)
        place = {value: place for place, value in enumerate(column.values)}
        cells, unseen = self.cells_of(at), 0
        named = self.unseen.get(column.name, {})
        for value, n in texts.drop_nulls().value_counts(name="n", sort=True).iter_rows():
            found = place.get(value)
            if found is not None:
                cells[found] += n
                continue
            unseen += n
            if value in named or len(named) < _NAMED_UNSEEN:
                named[value[:_NAME_LENGTH]] = named.get(value[:_NAME_LENGTH], 0) + n
        cells[-1] += unseen
        if named:
            self.unseen[column.name] = named
        self.tallies[at] += Tally(texts.null_count(), 0, 0, 0, unseen, 0)

    def _add_together(self, frame: pl.DataFrame) -> None:
        if self.layout.together is not None:
            errors, stride = self.layout.together.errors(frame)
            found = self.layout.together.grid.count(errors)
            self.together_cells[:] += stride * found.cells
            n_finite = int(found.cells.sum()) - found.n_infinite
            self.together_sum += stride * (found.total + n_finite * self.layout.together.grid.center)

    def _add_sums(self, sums: FloatArray) -> None:
        """Add those of other profiles (float64 ``[n_profiles, n_columns, 4]``)."""
        self.sums[:, :2] += sums[:, :, :2].sum(axis=0)
        self.sums[:, 2] = np.fmin(self.sums[:, 2], np.fmin.reduce(sums[:, :, 2]))
        self.sums[:, 3] = np.fmax(self.sums[:, 3], np.fmax.reduce(sums[:, :, 3]))

    def _add_rest(self, n_rows: int, together_sum: float, unseen: dict[str, dict[str, int]]) -> None:
        self.n_rows += n_rows
        self.together_sum += together_sum
        for name, values in unseen.items():
            known = self.unseen.setdefault(name, {})
            for value, count in values.items():
                if value in known or len(known) < _NAMED_UNSEEN:
                    known[value] = known.get(value, 0) + count


def without_names(body: bytes) -> bytes:
    """An encoded profile without the names of unseen categories; how many there were stays.

    Raises InputError for other bytes.
    """
    try:
        return _encoder.encode(msgspec.structs.replace(_decode(body), unseen={}))
    except msgspec.DecodeError as error:
        raise InputError("Expected the bytes of a profile, got others.") from error


_encoder = msgspec.msgpack.Encoder()
_decode = msgspec.msgpack.Decoder(_Encoded).decode
