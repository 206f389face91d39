from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest

from garcom.errors import InputError
from garcom.profiles.columns import CategoryColumn, NumberColumn
from garcom.profiles.layout import FEW_CATEGORIES, Layout, layout_of
from garcom.profiles.profile import Profile


def rows(n: int, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    return pl.DataFrame(
        {
            "x": np.where(random.random(n) < 0.1, np.nan, x),
            "y": 2 * x + random.normal(scale=0.1, size=n),
            "color": [("red", "white", None)[at] for at in random.integers(0, 3, n)],
            "n": random.integers(0, 5, n),
            "ok": random.random(n) < 0.5,
        }
    )


def profiled(layout: Layout, frame: pl.DataFrame) -> Profile:
    profile = Profile(layout)
    profile.add(frame)
    return profile


def same(one: Profile, other: Profile) -> None:
    assert one.n_rows == other.n_rows
    assert (one.cells == other.cells).all()
    assert (one.tallies == other.tallies).all()
    np.testing.assert_allclose(one.sums, other.sums)
    assert one.together_sum == pytest.approx(other.together_sum)
    assert one.unseen == other.unseen
    assert one.repeats == other.repeats


def test_profiles_of_parts_are_merged_into_that_of_the_whole() -> None:
    frame = rows(3000)
    layout = layout_of(frame[:1000])
    whole = profiled(layout, frame)
    parts = [profiled(layout, part) for part in frame.iter_slices(700)]
    merged = Profile(layout)
    for part in parts:
        merged.merge(part)
    same(merged, whole)
    again = Profile(layout)
    again.merge_encoded([part.encode() for part in parts])
    same(again, whole)
    same(Profile.decode(layout, whole.encode()), whole)


def test_of_very_many_rows_some_are_rebuilt_and_stand_for_all() -> None:
    frame = rows(60_000)
    layout = layout_of(frame)
    assert layout.together is not None
    errors, stride = layout.together.errors(frame)
    assert (len(errors), stride) == (4_000, 15)
    profile = profiled(layout, frame)
    assert profile.together_cells.sum() == 60_000
    assert profile.together_mean == pytest.approx(errors.mean())


def test_how_rows_were_put_into_frames_changes_nothing() -> None:
    usual = rows(206_000)
    layout = layout_of(usual[:20_000])
    odd = usual[200_000:].with_columns(y=pl.col("y").shuffle(seed=1))
    frame = pl.concat([usual[:200_000], odd])
    whole = profiled(layout, frame)
    pieces, unequal, of_two = Profile(layout), Profile(layout), Profile(layout)
    for part in frame.iter_slices(2000):
        pieces.add(part)
    for part in (frame[:150_000], frame[150_000:]):
        unequal.add(part)
    for part in (usual[:200_000], odd):
        of_two.add(part)
    exact = np.cumsum(pieces.together_cells) / 206_000
    assert pieces.together_cells.sum() == 206_000
    for profile in (whole, unequal, of_two):
        # Six standard errors of 4,096 of the rows, at the most.
        assert np.abs(np.cumsum(profile.together_cells) / profile.together_cells.sum() - exact).max() < 0.047
        assert profile.together_mean == pytest.approx(pieces.together_mean, rel=0.1)
        assert profile.together_cells.sum() == pytest.approx(206_000, rel=0.001)
    # All rows of the second frame weigh as much as 6,000 of the first: a thirty-fourth of all.
    apart = profiled(layout, odd).together_cells
    assert (of_two.together_cells - profiled(layout, usual[:200_000]).together_cells == apart).all()
    assert apart.sum() == 6_000


def test_what_a_profile_knows_is_what_the_rows_are() -> None:
    frame = rows(5000)
    profile = profiled(layout_of(frame), frame)
    x = frame["x"].to_numpy()
    assert profile.tally(0).missing == np.isnan(x).sum()
    assert profile.present(0) == 5000 - np.isnan(x).sum()
    assert profile.mean(0) == pytest.approx(np.nanmean(x))
    assert profile.variance(0) == pytest.approx(np.nanvar(x))
    color = profile.layout.columns[2]
    assert isinstance(color, CategoryColumn)
    assert color.values == ("red", "white")
    counts = dict(frame["color"].drop_nulls().value_counts().iter_rows())
    assert profile.cells_of(2).tolist() == [counts["red"], counts["white"], 0]
    assert profile.tally(2).missing == frame["color"].null_count()
    assert profile.mean(2) is None


def test_out_of_range_unseen_unreadable_and_infinite_values_are_told_apart() -> None:
    layout = layout_of(pl.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]}))
    profile = profiled(
        layout, pl.DataFrame({"a": ["0", "2.5", "9", "many", None, "inf"], "b": ["x", "z", "z", None, "q" * 99, "y"]})
    )
    tally = profile.tally(0)
    assert (tally.below, tally.above, tally.missing, tally.unreadable, tally.infinite) == (1, 2, 1, 1, 1)
    assert profile.sums[0, 2:].tolist() == [0.0, 9.0]
    assert profile.tally(1).above == 3
    assert profile.unseen == {"b": {"z": 2, "q" * 60: 1}}


def test_a_column_that_has_vanished_is_absent_in_every_row() -> None:
    layout = layout_of(rows(100))
    profile = profiled(layout, rows(50).drop("x"))
    assert profile.tally(0)[:2] == (50, 50)
    assert profile.present(0) == 0
    assert profile.mean(0) is None


def test_all_nan_rows_empty_frames_and_no_rows() -> None:
    layout = layout_of(rows(100))
    profile = profiled(layout, pl.DataFrame({name: [float("nan")] * 3 for name in ("x", "y", "n", "ok")}))
    assert [profile.present(at) for at in range(5)] == [0] * 5
    before = profile.encode()
    profile.add(pl.DataFrame())
    assert profile.encode() == before
    same(Profile.decode(layout, Profile(layout).encode()), Profile(layout))


def test_repeated_rows_are_estimated_from_a_sample_that_can_be_merged() -> None:
    random = np.random.default_rng(3)
    frame = pl.DataFrame({"a": random.normal(size=20_000), "b": random.normal(size=20_000)})
    twice = pl.concat([frame, frame[:5000]])
    layout = layout_of(frame)
    found = profiled(layout, twice).repeated()
    assert found is not None
    assert found.rows == 25_000
    assert found.share == pytest.approx(0.2, abs=0.08)
    parts = Profile(layout)
    parts.merge_encoded([profiled(layout, part).encode() for part in twice.iter_slices(3000)])
    assert parts.repeated() == found
    distinct, one = profiled(layout, frame).repeated(), profiled(layout, pl.concat([frame[:1]] * 1000)).repeated()
    assert distinct is not None
    assert distinct.share == 0.0
    assert one is not None
    assert (one.low, one.share, one.high) == (0.999, 0.999, 0.999)


def test_rows_without_features_are_not_compared() -> None:
    layout = layout_of(rows(100))
    parts = [profiled(layout, rows(50)), profiled(layout, pl.DataFrame({"other": [1.0] * 70}))]
    assert parts[1].repeated() is None
    merged = Profile(layout)
    merged.merge_encoded([part.encode() for part in parts])
    parts[0].merge(parts[1])
    same(merged, parts[0])
    assert (merged.n_rows, merged.n_compared) == (120, 50)
    assert merged.repeated() == profiled(layout, rows(50)).repeated()


def test_the_error_of_rebuilding_rows_grows_when_columns_hang_together_otherwise() -> None:
    frame = rows(4000)
    layout = layout_of(frame)
    assert layout.together is not None
    mixed = frame.with_columns(y=pl.col("y").shuffle(seed=1))
    calm, moved = profiled(layout, frame), profiled(layout, mixed)
    assert calm.together_cells.sum() == 4000
    assert calm.together_mean is not None
    assert calm.together_mean == pytest.approx(layout.together.errors(frame)[0].mean())
    assert moved.together_mean is not None
    assert moved.together_mean > 1.1 * calm.together_mean


def test_kinds_of_columns() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "when": [moment] * 300,
            "text": [f"words {at}" * (at % 5) for at in range(300)],
            "kind": pl.Series(["a", "b", "c"] * 100, dtype=pl.Categorical),
            "code": [1, 2, 3] * 100,
            "none": pl.Series([None] * 300, dtype=pl.Null),
        }
    )
    layout = layout_of(frame, predictions=["kind"], categories={"code": ["4"]})
    when, text, kind, code, none = layout.columns
    assert isinstance(when, NumberColumn)
    assert when.least == moment.timestamp() * 1e6
    assert isinstance(text, NumberColumn)
    assert text.of == "length"
    assert isinstance(kind, CategoryColumn)
    assert kind.role == "prediction"
    assert isinstance(code, CategoryColumn)
    assert code.values == ("1", "2", "3", "4")
    assert isinstance(none, NumberColumn)
    assert none.least is None
    assert profiled(layout, frame).tally(4).missing == 300
    assert FEW_CATEGORIES < 300


def test_layouts_have_an_identity_and_others_are_not_merged() -> None:
    layout, other = layout_of(rows(100)), layout_of(rows(100, seed=1))
    assert layout.digest == layout_of(rows(100)).digest != other.digest
    with pytest.raises(InputError, match="same layout"):
        Profile(layout).merge(Profile(other))
    for body in (b"", b"\x93", Profile(layout_of(rows(50)[["x"]])).encode()[:-3]):
        with pytest.raises(InputError, match="bytes of a profile"):
            Profile.decode(layout, body)


def test_durations_and_times_of_the_day_are_seconds_in_every_unit() -> None:
    seconds = list(range(1000))
    for dtype in (pl.Duration("ms"), pl.Duration("us"), pl.Duration("ns")):
        frame = pl.DataFrame({"took": pl.Series([timedelta(seconds=s) for s in seconds]).cast(dtype)})
        layout = layout_of(frame)
        assert profiled(layout, frame).mean(0) == pytest.approx(499.5)
        assert layout.columns[0].of == "value"  # type: ignore[union-attr]
    clock = pl.DataFrame({"at": pl.Series([time(0, s // 60, s % 60) for s in seconds])})
    assert profiled(layout_of(clock), clock).mean(0) == pytest.approx(499.5)
