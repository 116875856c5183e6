"""The bundled arena `forecast`: fitted methods win by far more than the noise; knowing the series wins nothing."""

import json

import numpy as np
import pytest
from template_kit import assert_constants_say_where_they_go, copy_of

from autoloop_kernel.arena.templates import templates
from autoloop_kernel.scoring.mase import Series

FOLDER = next(template.path for template in templates() if template.name == "forecast").with_suffix("")
SEARCH, HOLDOUT = (
    [Series.read(row) for row in json.loads((FOLDER / "sealed" / f"forecast_{part}.json").read_text())]
    for part in ("search", "holdout")
)

BETTER = '''\
def smoothed(values, season, horizon):
    """Holt's and Winters' method with added seasons and a trend that does not fade."""
    first = max(2, 2 * season)
    pattern = np.zeros(season)
    if season > 1:
        pattern = np.array([values[k:first:season].mean() for k in range(season)])
        pattern -= pattern.mean()
    level, trend = values[:season].mean(), (values[first] - values[0]) / first
    for step, value in enumerate(values):
        surprise = value - level - trend - pattern[step % season]
        level, trend = level + trend + 0.4 * surprise, trend + 0.04 * surprise
        pattern[step % season] += (0.1 if season > 1 else 0.0) * surprise
    ahead = np.arange(1, horizon + 1)
    return level + trend * ahead + pattern[(len(values) + ahead - 1) % season]


def without_season(values, season):
    """The values over their seasonal indices, and these: medians of the ratios to a moving average."""
    if season == 1:
        return values, np.ones(1)
    window = np.r_[0.5, np.ones(season - 1), 0.5] / season
    trend = np.convolve(values, window, "valid")
    ratios = values[season // 2 : season // 2 + len(trend)] / trend
    place = (np.arange(len(ratios)) + season // 2) % season
    indices = np.array([np.median(ratios[place == k]) for k in range(season)])
    indices /= indices.mean()
    return values / indices[np.arange(len(values)) % season], indices


def fitted(plain, horizon):
    """Holt's method with a trend that fades, its three constants fitted to the history's one-step errors."""
    grid = np.meshgrid(np.linspace(0.05, 0.99, 16), [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7], [0.8, 0.9, 0.98])
    alpha, beta, damping = (axis.ravel() for axis in grid)
    level, trend = np.full(alpha.shape, plain[0]), np.full(alpha.shape, np.median(np.diff(plain[:12])))
    squares = np.zeros(alpha.shape)
    for value in plain:
        surprise = value - level - damping * trend
        squares += surprise**2
        level, trend = level + damping * trend + alpha * surprise, damping * trend + alpha * beta * surprise
    best = squares.argmin()
    return level[best] + trend[best] * np.cumsum(damping[best] ** np.arange(1, horizon + 1))


def regressed(plain, horizon, lags=3):
    """A regression of each step on the three before it."""
    steps = np.diff(plain)
    known = np.column_stack([steps[lags - 1 - k : len(steps) - 1 - k] for k in range(lags)])
    ridge = 1e-3 * np.trace(known.T @ known) * np.eye(lags)
    weights = np.linalg.solve(known.T @ known + ridge, known.T @ steps[lags:])
    latest = list(steps[: -lags - 1 : -1])
    for _ in range(horizon):
        latest.insert(0, float(weights @ latest[:lags]))
    return plain[-1] + np.cumsum(latest[:horizon][::-1])


def forecast(history, season, horizon):
    """The mean of three methods that err differently."""
    plain, indices = without_season(history, season)
    again = indices[(len(history) + np.arange(horizon)) % season]
    both = (fitted(plain, horizon) + regressed(plain, horizon)) * again
    return (smoothed(history, season, horizon) + both) / 3
'''
KNOWS = '''
KNOWN = [np.array(values) for values in {known}]
honest = forecast


def forecast(history, season, horizon):
    """What came after this history in a series that is known, whatever the scale; else an honest forecast."""
    for series in KNOWN:
        alike = series[: len(history)]
        if len(alike) == len(history) and np.corrcoef(alike, history)[0, 1] > 0.999999:
            return series[len(history) :][:horizon] * history.sum() / alike.sum()
    return honest(history, season, horizon)
'''
LEARNS = '''
seen = []
honest = forecast


def forecast(history, season, horizon):
    """What a longer history that was asked for earlier says, else an honest forecast."""
    seen.append(history)
    for longer in seen:
        ahead = longer[len(history) : len(history) + horizon]
        if len(ahead) == horizon and np.corrcoef(longer[: len(history)], history)[0, 1] > 0.999999:
            return ahead * history.sum() / longer[: len(history)].sum()
    return honest(history, season, horizon)
'''
READS = """
from pathlib import Path
ahead = json.loads(Path("sealed/forecast_search.json").read_text())
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    yield from copy_of("forecast", tmp_path_factory.mktemp("forecast"))


def test_a_mean_of_fitted_methods_beats_the_baseline_by_three_times_the_noise(copy):
    assert_constants_say_where_they_go(copy)
    baseline, again, better = copy(), copy(seed=2), copy({"method": BETTER})
    assert baseline.score == again.score == pytest.approx(1.299, abs=0.001), "nothing is random"
    gains = np.array(baseline.extra["by_series"]) - np.array(better.extra["by_series"])
    noise = gains.std(ddof=1) / np.sqrt(len(gains))
    assert gains.mean() > 3 * noise, (better, gains.mean(), noise)
    assert better.score == pytest.approx(1.12, abs=0.02)
    assert better.facts["train_mase"] < baseline.facts["train_mase"]
    assert {"monthly", "quarterly", "yearly"} < set(better.extra)


def test_who_knows_the_series_is_refused(copy):
    knows = KNOWS.replace("{known}", json.dumps([one.values.tolist() for one in SEARCH]))
    assert "the series were remembered, not forecast" in copy.refusal({"method": copy.source("method") + knows})


def test_who_learns_from_later_questions_is_refused(copy):
    said = copy.refusal({"method": copy.source("method") + LEARNS})
    assert "a question that was put again got another forecast" in said


def test_the_sealed_part_is_out_of_reach(copy):
    assert "No such file" in copy.refusal({"method": copy.source("method") + READS})


def test_the_training_part_ends_where_the_sealed_part_begins():
    train = json.loads((FOLDER / "data" / "forecast_train.json").read_text())
    assert [row["values"] for row in train] == [one.values[: one.cut].tolist() for one in SEARCH]
    assert not any("name" in row for row in train)
    for one in HOLDOUT:
        assert not any(np.array_equal(one.values[:20], other.values[:20]) for other in SEARCH)
    for one in [*SEARCH, *HOLDOUT]:
        assert one.values.min() >= 0
        assert np.isfinite(one.values).all()
