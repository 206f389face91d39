from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import betabinom, hypergeom

from garcom.records import IntArray
from garcom.stats.good_turing import unseen_share, unseen_test
from tests.unit.stats.samples import NOTHING


def test_the_share_is_that_of_the_rows_that_are_the_only_ones_of_their_category() -> None:
    random = np.random.default_rng(0)
    chances = random.dirichlet(np.full(300, 0.5))
    shares, found = [], []
    for _ in range(400):
        sample = random.multinomial(200, chances)
        shares.append(unseen_share(sample, 100))
        found.append(random.multinomial(100, chances)[sample == 0].sum() / 100)
    assert np.mean([each.share for each in shares]) == pytest.approx(np.mean(found), abs=0.01)
    apart = np.array(found) - [each.share for each in shares]
    assert np.std(apart) == pytest.approx(np.mean([each.deviation for each in shares]), rel=0.15)


def test_the_chance_is_that_of_the_beta_binomial_distribution() -> None:
    reference, current = np.array([70, 20, 2, 2, 1, 1, 0]), np.array([60, 25, 0, 3, 0, 2, 10])
    once, twice = 3, 2
    a = once**2 / (once + 2 * twice)
    b = 96 * a / once - a
    assert unseen_test(reference, current) == pytest.approx(betabinom.sf(9, 100, a, b), rel=1e-9)


def test_with_no_rare_category_it_is_the_chance_that_all_new_rows_are_on_one_side() -> None:
    found = unseen_test(np.array([70, 50, 0]), np.array([60, 34, 6]))
    assert found == pytest.approx(hypergeom.sf(5, 219, 100, 6), rel=1e-9)


@pytest.mark.parametrize("categories", [12, 60, 400])
@pytest.mark.parametrize(("n", "m"), [(120, 100), (150, 2_000), (2_000, 150)])
def test_false_alarms_are_as_rare_as_stated(categories: int, n: int, m: int) -> None:
    random = np.random.default_rng(2)
    chances = 1 / np.arange(1, categories + 1)
    chances /= chances.sum()
    alarms = sum(
        unseen_test(random.multinomial(n, chances), random.multinomial(m, chances)) <= 0.01 for _ in range(2_000)
    )
    assert alarms <= 20 + 4 * math.sqrt(20)


def test_of_very_many_rows_the_share_decides() -> None:
    reference = np.array([900, 99, 1, 0])
    few = unseen_test(reference, np.array([90_000, 9_000, 0, 1_000]))
    many = unseen_test(reference, np.array([9_000_000, 900_000, 0, 100_000]))
    assert many == pytest.approx(few, rel=0.01)


@pytest.mark.parametrize("name", NOTHING)
def test_without_rows_nothing_can_be_told(name: str) -> None:
    reference, current = NOTHING[name]
    assert math.isnan(unseen_test(reference, current))
    if reference.shape and not (reference.sum() and current.sum()):
        assert math.isnan(unseen_share(reference.astype(np.int64), int(current.sum())).share)


def test_without_new_ones_it_is_certain() -> None:
    same: IntArray = np.array([50, 30, 0])
    assert unseen_test(same, same) == 1.0
