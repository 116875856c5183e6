"""MASE from rolling origins: the paper's number, mixtures that sound methods are as good at, and answers in words."""

import json

import numpy as np
import pytest

from autoloop_kernel.arena.templates import templates
from autoloop_kernel.scoring.mase import AnswerRefused, Series, reference, rolling_mase, scale

SEALED = next(template.path for template in templates() if template.name == "forecast").with_suffix("") / "sealed"
SEARCH, HOLDOUT = (
    [Series.read(row) for row in json.loads((SEALED / f"forecast_{part}.json").read_text())]
    for part in ("search", "holdout")
)


def naive(history, season, horizon):
    return np.repeat(history[-1], int(horizon))


def as_last_season(history, season, horizon):
    return np.resize(history[-int(season) :], int(horizon))


def mean_of_all(history, season, horizon):
    return np.repeat(history.mean(), int(horizon))


@pytest.mark.parametrize("method", [naive, as_last_season, mean_of_all])
@pytest.mark.parametrize("part", ["SEARCH", "HOLDOUT"])
def test_sound_methods_are_as_good_at_mixed_series_as_at_real_ones(method, part):
    for secret in ("a", "b", "c"):
        found = rolling_mase(method, globals()[part], secret)
        assert 0.84 < found.remembered < 1.16


def test_the_score_is_the_papers_and_follows_from_the_real_series_alone():
    found = rolling_mase(as_last_season, SEARCH, "a")
    errors = []
    for one in SEARCH:
        of_one = []
        for later in np.linspace(0, len(one.values) - one.horizon - one.cut, 5):
            origin = one.cut + round(later)
            past, future = one.values[:origin], one.values[origin : origin + one.horizon]
            unit = np.abs(past[one.season :] - past[: -one.season]).mean()
            of_one.append(np.abs(np.resize(past[-one.season :], one.horizon) - future).mean() / unit)
        errors.append(np.mean(of_one))
    assert found.mase == pytest.approx(np.mean(errors))
    assert found.by_series == pytest.approx(errors)
    assert rolling_mase(as_last_season, SEARCH, "b").mase == pytest.approx(found.mase), "secrets do not move the score"
    assert rolling_mase(as_last_season, SEARCH, "a") == found


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda history, season, horizon: history[:1], "must be 12 numbers|must be 8 numbers|must be 6 numbers"),
        (lambda history, season, horizon: np.full(int(horizon), np.nan), "NaN or infinite"),
        (lambda history, season, horizon: np.full(int(horizon), "1"), "dtype"),
        (lambda history, season, horizon: {"y": np.zeros(int(horizon))}, "is a dict"),
    ],
)
def test_answers_that_are_no_forecasts_are_refused_in_words(answer, says):
    with pytest.raises(AnswerRefused, match=says):
        rolling_mase(answer, SEARCH, "a")


def test_chance_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(AnswerRefused, match="put again"):
        rolling_mase(
            lambda history, season, horizon: naive(history, season, horizon) * rng.normal(1, 0.01), SEARCH, "a"
        )


def test_unusable_series_are_named():
    one = SEARCH[0]
    with pytest.raises(ValueError, match="series 0 has 20 values and its cut at 73: too short"):
        rolling_mase(naive, [Series(one.values[:20], 12, 12, 73, "monthly")], "a")
    with pytest.raises(ValueError, match="the only one of its season"):
        rolling_mase(naive, [one], "a")


def test_a_history_that_repeats_itself_has_a_scale_all_the_same():
    assert 0 < scale(np.tile([1.0, 2.0], 10), 2) < 1e-8
    assert scale(np.zeros(9), 1) > 0
    assert reference(np.tile([1.0, 2.0], 10), 2, 3) == pytest.approx([1, 2, 1])
