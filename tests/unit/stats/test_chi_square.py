from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from garcom.stats.chi_square import LEAST_EXPECTED, chi_square
from tests.unit.stats.samples import NOTHING


@pytest.mark.parametrize("k", [2, 3, 9])
@pytest.mark.parametrize("seed", range(4))
def test_is_that_of_scipy_where_no_cell_is_rare(k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    table = np.stack([random.integers(20, 90, k), random.integers(20, 200, k)]).astype(np.float64)
    table *= random.uniform(0.9, 1.5, table.shape) if seed % 2 else 1.0
    expected = chi2_contingency(table, correction=False)
    statistic, p_value = chi_square(table[0], table[1])
    assert statistic == pytest.approx(expected.statistic, rel=1e-10)
    assert p_value == pytest.approx(expected.pvalue, rel=1e-8)


def test_cells_that_both_lack_do_not_count() -> None:
    assert chi_square(np.array([40, 0, 60]), np.array([60, 0, 40])) == chi_square(
        np.array([40, 60]), np.array([60, 40])
    )


def test_rare_cells_are_one_cell() -> None:
    found = chi_square(np.array([90, 3, 4, 1, 2]), np.array([80, 5, 5, 5, 5]))
    expected = chi2_contingency([[90, 10], [80, 20]], correction=False)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)


def test_a_pool_that_is_rare_itself_takes_the_least_of_the_others() -> None:
    found = chi_square(np.array([90, 12, 1]), np.array([60, 30, 2]))
    expected = chi2_contingency([[90, 13], [60, 32]], correction=False)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)


def test_the_side_with_fewer_rows_decides_what_is_rare() -> None:
    # Of 10 current rows 1 is expected in the third category, though the reference has 100.
    found = chi_square(np.array([500, 400, 100]), np.array([6, 3, 1]))
    assert math.isnan(found.statistic)
    found = chi_square(np.array([5000, 4000, 1000]), np.array([60, 30, 10]))
    assert found.statistic == pytest.approx(chi2_contingency([[5000, 4000, 1000], [60, 30, 10]]).statistic, rel=1e-12)


def test_one_category_on_both_sides_has_not_moved() -> None:
    assert chi_square(np.array([7, 0]), np.array([3, 0])) == (0.0, 1.0)


@pytest.mark.parametrize("table", [([1, 0], [0, 1]), ([3, 2], [2, 3]), ([1000, 0], [1, 1])])
def test_too_few_rows_say_nothing(table: tuple[list[int], list[int]]) -> None:
    assert all(map(math.isnan, chi_square(np.array(table[0]), np.array(table[1]))))


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
