from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from garcom.errors import InputError
from garcom.records import FloatArray
from garcom.stats.error_model import ErrorModel
from garcom.stats.performance.scores import Score, regression_scores

Sample = tuple[FloatArray, FloatArray, FloatArray]


def sample(rng: np.random.Generator, n: int, *, shift: float = 0.0, noise: FloatArray | None = None) -> Sample:
    """Features with holes, predictions and the truth; errors grow with the distance of the first feature from 0."""
    X = rng.normal(size=(n, 3))
    X[:, 0] += shift
    y_pred = 2 * X[:, 0] + np.sin(2 * X[:, 1])
    size = 0.3 + 0.5 * np.abs(X[:, 0]) + 0.3 * (X[:, 1] > 0.5)
    y_true = y_pred + size * (rng.normal(size=n) if noise is None else noise)
    X[rng.random((n, 3)) < 0.1] = np.nan
    return X, y_pred, y_true


def values(scores: dict[str, Score]) -> dict[str, float]:
    return {name: score.value for name, score in scores.items() if score.value is not None}


@pytest.mark.parametrize("shift", [0.0, -0.5, 1.0])
def test_estimates_are_near_what_turns_out(shift: float) -> None:
    rng = np.random.default_rng(1)
    model = ErrorModel.fit(*sample(rng, 10_000))
    X, y_pred, y_true = sample(rng, 10_000, shift=shift)
    realized = regression_scores(y_true, y_pred)
    for name, value in values(model.estimate(X, y_pred)).items():
        assert value == pytest.approx(realized[name].value, rel=0.06), name


def test_it_foresees_nearly_as_much_as_a_boosted_forest() -> None:
    rng = np.random.default_rng(2)
    X, y_pred, y_true = sample(rng, 3000)
    model = ErrorModel.fit(X, y_pred, y_true)
    forest = HistGradientBoostingRegressor(max_iter=60, max_depth=3, random_state=0)
    columns = np.column_stack([X, y_pred])
    errors = np.abs(y_true - y_pred)
    forest.fit(columns[:2000], errors[:2000])
    assert model.absolute is not None
    assert model.absolute.explained > 0.8 * forest.score(columns[2000:], errors[2000:])


def test_intervals_hold_what_turns_out() -> None:
    rng = np.random.default_rng(3)
    hits = {"mae": 0, "rmse": 0}
    for _ in range(60):
        model = ErrorModel.fit(*sample(rng, 500))
        X, y_pred, y_true = sample(rng, 300)
        realized = regression_scores(y_true, y_pred)
        for name, score in model.estimate(X, y_pred).items():
            assert score.low is not None
            assert score.high is not None
            hits[name] += score.low <= (realized[name].value or 0) <= score.high
    assert min(hits.values()) >= 51, hits


def test_errors_that_come_in_runs_make_the_interval_wider() -> None:
    rng = np.random.default_rng(4)
    n = 2000
    single = rng.choice([0.2, 1.8], n) * rng.choice([-1, 1], n)
    runs = np.repeat(rng.choice([0.2, 1.8], n // 100), 100) * rng.choice([-1, 1], n)
    X, y_pred, _ = sample(rng, 500)
    widths = []
    for noise in (single, runs):
        low, high = ErrorModel.fit(*sample(np.random.default_rng(5), n, noise=noise)).estimate(X, y_pred)["mae"][1:3]
        assert low is not None
        assert high is not None
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_the_same_rows_give_the_same_model_also_when_written_down() -> None:
    X, y_pred, y_true = sample(np.random.default_rng(6), 400)
    model = ErrorModel.fit(X, y_pred, y_true)
    assert ErrorModel.fit(X, y_pred, y_true) == model
    assert msgspec.json.decode(msgspec.json.encode(model), type=ErrorModel) == model


def test_too_few_rows_make_no_model_and_say_so() -> None:
    X, y_pred, y_true = sample(np.random.default_rng(7), 250)
    y_true[100:] = np.nan
    model = ErrorModel.fit(X, y_pred, y_true)
    why = "not enough rows with actuals for a model of the error: 100 of 200"
    assert model == ErrorModel(100, why=why)
    assert set(model.estimate(X, y_pred).values()) == {Score(None, n=250, why=why)}
    empty = ErrorModel.fit(X[:0], y_pred[:0], y_true[:0])
    assert empty.why == "not enough rows with actuals for a model of the error: 0 of 200"


def test_too_few_rows_to_estimate_say_so() -> None:
    X, y_pred, y_true = sample(np.random.default_rng(8), 300)
    model = ErrorModel.fit(X, y_pred, y_true)
    holed = np.where(np.arange(300) < 12, y_pred, np.nan)
    assert model.estimate(X, holed, min_rows=100)["mae"] == Score(None, n=12, why="not enough rows: 12 of 100")
    assert model.estimate(X, holed)["mae"] == model.estimate(X[:12], y_pred[:12])["mae"]
    assert model.estimate(X[:0], y_pred[:0])["rmse"].why == "not enough rows: 0 of 1"


def test_constants_gaps_and_infinities_are_no_trouble() -> None:
    rng = np.random.default_rng(9)
    X, y_pred, y_true = sample(rng, 300)
    strange = np.column_stack([X, np.full(300, np.nan), np.ones(300), np.where(rng.random(300) < 0.5, np.inf, -np.inf)])
    model = ErrorModel.fit(strange, y_pred, y_true)
    mae = np.abs(y_true - y_pred).mean()
    assert model.estimate(strange, y_pred)["mae"].value == pytest.approx(mae, rel=0.05)
    vanished = model.estimate(np.full_like(strange, np.nan), y_pred)["mae"].value
    assert vanished == pytest.approx(mae, rel=0.3)
    no_features = ErrorModel.fit(X[:, :0], y_pred, y_true)
    assert no_features.estimate(X[:, :0], y_pred)["mae"].value == pytest.approx(mae, rel=0.05)


def test_constant_and_perfect_predictions_have_their_error() -> None:
    X, y_pred, _ = sample(np.random.default_rng(10), 300)
    right = ErrorModel.fit(X, y_pred, y_pred).estimate(X, y_pred)
    assert right == dict.fromkeys(("mae", "rmse"), Score(0.0, 0.0, 0.0, 300))
    off_by_two = ErrorModel.fit(X, np.zeros(300), np.full(300, 2.0)).estimate(X, np.zeros(300))
    for score in off_by_two.values():
        assert score[:3] == pytest.approx((2, 2, 2))
    large = ErrorModel.fit(X, y_pred, y_pred + 1e69).estimate(X, y_pred)
    assert large["rmse"].value == pytest.approx(1e69)
    huge = ErrorModel.fit(X, y_pred, y_pred + 1e150)
    assert huge.estimate(X, y_pred)["mae"].why == "errors beyond 1e+70 have no model"


def test_shapes_that_do_not_fit_are_refused() -> None:
    X, y_pred, y_true = sample(np.random.default_rng(11), 300)
    with pytest.raises(InputError, match="got the shapes"):
        ErrorModel.fit(X, y_pred[1:], y_true)
    with pytest.raises(InputError, match="Expected 3 features, as the model of the error has, got 2"):
        ErrorModel.fit(X, y_pred, y_true).estimate(X[:, :2], y_pred)
