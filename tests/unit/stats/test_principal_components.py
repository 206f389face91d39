from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from garcom.records import FloatArray
from garcom.stats.principal_components import Basis, fit_basis, reconstruction_errors


def _related(n: int, d: int, seed: int = 0) -> FloatArray:
    """Columns of different size that share few sources."""
    random = np.random.default_rng(seed)
    sources = random.normal(size=(n, max(d // 3, 1)))
    return (sources @ random.normal(size=(sources.shape[1], d)) + 0.5 * random.normal(size=(n, d))) * np.logspace(
        -3, 4, d
    ) + 7


@pytest.mark.parametrize("d", [2, 5, 12, 64])
def test_is_that_of_scikit_learn(d: int) -> None:
    X, new = _related(700, d), _related(300, d, seed=1)
    scaler = StandardScaler().fit(X)
    pca = PCA(n_components=0.65, svd_solver="full").fit(scaler.transform(X))
    basis = fit_basis(X, 0.65)
    assert len(basis.components) == min(pca.n_components_, d - 1)
    np.testing.assert_allclose(np.abs(basis.components), np.abs(pca.components_[: d - 1]), atol=1e-8)
    assert basis.explained == pytest.approx(pca.explained_variance_ratio_[: d - 1].sum(), rel=1e-9)
    scaled = scaler.transform(new)
    pca = PCA(n_components=len(basis.components)).fit(scaler.transform(X))
    expected = np.linalg.norm(scaled - pca.inverse_transform(pca.transform(scaled)), axis=1)
    np.testing.assert_allclose(reconstruction_errors(basis, new), expected, rtol=1e-8)


def test_many_rows_are_the_same_as_their_parts() -> None:
    X = _related(40_000, 3)
    basis = fit_basis(X)
    parts = [reconstruction_errors(basis, part) for part in np.array_split(X, 7)]
    np.testing.assert_allclose(reconstruction_errors(basis, X), np.concatenate(parts), rtol=1e-12)


def test_json_holds_it() -> None:
    basis = fit_basis(_related(50, 4))
    assert msgspec.json.decode(msgspec.json.encode(basis), type=Basis) == basis


def test_columns_that_no_longer_move_together_have_greater_errors() -> None:
    X = _related(2_000, 9)
    basis = fit_basis(X)
    apart = np.random.default_rng(1).permuted(X, axis=0)
    assert reconstruction_errors(basis, apart).mean() > 1.5 * reconstruction_errors(basis, X).mean()


def test_a_missing_value_counts_as_the_mean() -> None:
    X = _related(200, 6)
    basis = fit_basis(X)
    row = X[:1].copy()
    row[0, 2] = basis.mean[2]
    for value in (np.nan, np.inf, -np.inf):
        holed = X[:1].copy()
        holed[0, 2] = value
        np.testing.assert_allclose(reconstruction_errors(basis, holed), reconstruction_errors(basis, row), rtol=1e-12)
    holes = X.copy()
    holes[::3, 0] = np.nan
    filled = holes.copy()
    filled[::3, 0] = np.nanmean(holes[:, 0])
    assert fit_basis(holes).mean[0] == pytest.approx(fit_basis(filled).mean[0], rel=1e-12)


def test_one_column_has_nothing_to_be_explained_by() -> None:
    basis = fit_basis(np.array([[1.0], [3.0]]))
    assert basis.components == []
    np.testing.assert_allclose(reconstruction_errors(basis, np.array([[2.0], [5.0], [np.nan]])), [0.0, 3.0, 0.0])


def test_a_constant_column_is_exact_and_its_change_is_seen() -> None:
    X = _related(100, 3)
    X[:, 1] = 0.1
    basis = fit_basis(X)
    assert (basis.mean[1], basis.scale[1]) == (0.1, 1.0)
    assert len(basis.components) == 1
    moved = X.copy()
    moved[:, 1] += 5
    assert (reconstruction_errors(basis, moved) >= 5).all()


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((0, 3)),
        np.zeros((5, 3)),
        np.full((5, 3), np.nan),
        np.ones((1, 3)),
        np.array([[1.0, np.nan, 2.0], [np.nan, np.nan, 2.0]]),
        np.array([[1e308, 1e-308, 0.0], [-1e308, 3e-308, 1.0], [0.0, 1e-308, 5.0]]),
        np.arange(12.0).reshape(4, 3),
        np.zeros((4, 0)),
    ],
    ids=["no_rows", "zeros", "all_nan", "one_row", "holes", "absurd", "one_direction", "no_columns"],
)
def test_whatever_the_rows_are_the_basis_is_finite(X: FloatArray) -> None:
    basis = fit_basis(X)
    assert all(np.isfinite(each).all() for each in (basis.mean, basis.scale, *basis.components))
    assert min(basis.scale, default=1.0) > 0
    asked = np.vstack([X, np.full((1, X.shape[1]), 1e300), np.full((1, X.shape[1]), np.nan)])
    assert np.isfinite(reconstruction_errors(basis, asked)).all()


def test_not_more_components_than_asked_for() -> None:
    assert len(fit_basis(_related(300, 20), 0.99, max_components=2).components) == 2
    assert fit_basis(_related(300, 20), 0.99, max_components=0).explained == 0.0


def test_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="3 columns"):
        reconstruction_errors(fit_basis(_related(10, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="as many as means"):
        Basis([0.0], [1.0, 1.0], [], 0.0)
