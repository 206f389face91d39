from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import rel_entr

from garcom.stats.population_stability import LEAST_SHARE, population_stability_index
from tests.unit.stats.samples import NAMES, NOTHING, counted, pairs


@pytest.mark.parametrize("seed", range(5))
def test_is_the_sum_of_both_divergences_where_no_cell_is_empty(seed: int) -> None:
    random = np.random.default_rng(seed)
    reference, current = random.uniform(1, 100, (2, 12))
    p, q = reference / reference.sum(), current / current.sum()
    expected = float((rel_entr(p, q) + rel_entr(q, p)).sum())
    assert population_stability_index(reference, current) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_is_finite_and_symmetric_and_has_no_unit_of_counts(name: str, weighted: bool) -> None:
    _, reference, current = counted(pairs()[name], weighted=weighted)
    found = population_stability_index(reference, current)
    assert 0 <= found < 20
    assert population_stability_index(current, reference) == pytest.approx(found, rel=1e-12)
    assert population_stability_index(reference * 7, current / 3) == pytest.approx(found, rel=1e-9)


def test_a_new_category_adds_its_share_by_the_logarithm_of_the_least_share() -> None:
    found = population_stability_index(np.array([100, 0]), np.array([80, 20]))
    by_hand = (1 - 0.8) * math.log(1 / 0.8) + (0.2 - LEAST_SHARE) * math.log(0.2 / LEAST_SHARE)
    assert found == pytest.approx(by_hand, rel=1e-12)


def test_an_empty_cell_counts_as_one_with_hardly_a_row() -> None:
    empty = population_stability_index(np.array([999_999, 0]), np.array([900_000, 100_000]))
    hardly = population_stability_index(np.array([999_999, 1]), np.array([900_000, 100_000]))
    assert empty == pytest.approx(hardly, rel=1e-4)


def test_many_rare_categories_that_moved_are_seen() -> None:
    k = 20_000
    reference, current = np.zeros(2 * k), np.zeros(2 * k)
    reference[:k], current[k:] = 1, 1
    assert population_stability_index(reference, current) > 1
    assert population_stability_index(reference, reference) == 0


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_can_be_told_without_rows(name: str) -> None:
    assert math.isnan(population_stability_index(*NOTHING[name]))
