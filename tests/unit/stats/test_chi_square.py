from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2_contingency, fisher_exact

from garcom.stats.chi_square import LEAST_EXPECTED, chi_square, rare_cells
from tests.unit.stats.samples import NOTHING


@pytest.mark.parametrize(("k", "times"), [(2, 100), (3, 1), (9, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_is_that_of_scipy_where_no_cell_is_rare(k: int, times: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    table = times * np.stack([random.integers(20, 90, k), random.integers(20, 200, k)]).astype(np.float64)
    table *= random.uniform(0.9, 1.5, table.shape) if seed % 2 else 1.0
    expected = chi2_contingency(table, correction=False)
    statistic, p_value = chi_square(table[0], table[1])
    assert statistic == pytest.approx(expected.statistic, rel=1e-10)
    assert p_value == pytest.approx(expected.pvalue, rel=1e-8)


@pytest.mark.parametrize(
    "table", [([90, 10], [60, 30]), ([9_995, 5], [170, 30]), ([1, 0], [0, 1]), ([1000, 0], [1, 1])]
)
def test_two_cells_have_the_exact_p_value(table: tuple[list[int], list[int]]) -> None:
    found = chi_square(np.array(table[0]), np.array(table[1]))
    assert found.statistic == pytest.approx(chi2_contingency(table, correction=False).statistic, rel=1e-12)
    assert found.p_value == pytest.approx(fisher_exact(table).pvalue, rel=1e-9)


def test_cells_that_both_lack_do_not_count() -> None:
    assert chi_square(np.array([40, 0, 60]), np.array([60, 0, 40])) == chi_square(
        np.array([40, 60]), np.array([60, 40])
    )


def test_rare_cells_are_one_cell() -> None:
    found = chi_square(np.array([90, 90, 3, 4, 1, 2]), np.array([80, 70, 5, 5, 5, 5]))
    expected = chi2_contingency([[90, 90, 10], [80, 70, 20]], correction=False)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)


def test_a_pool_that_is_rare_itself_is_tested_exactly_beside_the_others() -> None:
    found = chi_square(np.array([5_000, 4_993, 4, 3]), np.array([85, 95, 15, 5]))
    expected = fisher_exact([[9_993, 7], [180, 20]])
    assert found.p_value == pytest.approx(2 * expected.pvalue, rel=1e-9)
    found = chi_square(np.array([5_000, 4_993, 4, 3]), np.array([170, 29, 1, 0]))
    expected = fisher_exact([[5_000, 4_993], [170, 29]])
    assert found.p_value == pytest.approx(2 * expected.pvalue, rel=1e-9)
    statistic = chi2_contingency([[7, 5_000, 4_993], [1, 170, 29]], correction=False).statistic
    assert found.statistic == pytest.approx(statistic, rel=1e-12)


def test_the_side_with_fewer_rows_decides_what_is_rare() -> None:
    # Of 10 current rows 1 is expected in the third category, though the reference has 100.
    assert rare_cells(np.array([500, 400, 100]), np.array([6, 3, 1])).tolist() == [False, True, True]
    found = chi_square(np.array([5000, 4000, 1000]), np.array([60, 30, 10]))
    assert found.statistic == pytest.approx(chi2_contingency([[5000, 4000, 1000], [60, 30, 10]]).statistic, rel=1e-12)


def test_one_category_on_both_sides_has_not_moved() -> None:
    assert chi_square(np.array([7, 0]), np.array([3, 0])) == (0.0, 1.0)


def test_many_rare_cells_and_no_other_say_nothing() -> None:
    assert all(map(math.isnan, chi_square(np.full(30, 3), np.full(30, 4))))


@pytest.mark.parametrize(("share", "n", "m"), [(0.02, 400, 100), (0.06, 2_000, 100), (0.3, 200, 100)])
def test_false_alarms_about_flags_are_rare_far_out_too(share: float, n: int, m: int) -> None:
    level = 1e-4
    before, now = binom.pmf(np.arange(n + 1), n, share), binom.pmf(np.arange(m + 1), m, share)
    rate = sum(
        before[x] * now[y]
        for x in np.flatnonzero(before > 1e-7)
        for y in np.flatnonzero(now > 1e-9)
        if chi_square(np.array([n - x, x]), np.array([m - y, y])).p_value <= level
    )
    assert 0 < rate <= level


def test_false_alarms_are_as_rare_as_stated_with_many_rare_categories() -> None:
    random = np.random.default_rng(3)
    chances = random.dirichlet(np.full(40, 0.3))
    windows = 1_000
    alarms = sum(
        chi_square(random.multinomial(2_000, chances), random.multinomial(300, chances)).p_value < 0.05
        for _ in range(windows)
    )
    # Four standard deviations of a binomial count around 50.
    assert abs(alarms - 50) < 4 * math.sqrt(windows * 0.05 * 0.95)


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_can_be_told_without_rows(name: str) -> None:
    assert all(map(math.isnan, chi_square(*NOTHING[name])))


def test_the_stated_least_is_cochrans() -> None:
    assert LEAST_EXPECTED == 5
