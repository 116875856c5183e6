"""Rolling-origin forecasts, scored by MASE: the referee shows histories alone, and looks for series that are known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoloop_kernel.scoring.answers import AnswerRefused

Floats = NDArray[np.float64]

ORIGINS = 5  # of every series
AGAIN_EVERY = 8  # one question in so many is put again, once later values of its series have been shown
REPEATED = 1e-6  # how far two answers to one question may differ, in units of the seasonal naive error
REMEMBERED = 0.7
"""Refused is a candidate whose errors on real series are below this share of what its errors on crossed ones suggest.

Of twenty sound methods (naive, exponential smoothing of many kinds, Theta, regressions, means of them) on three secrets
none was below 0.96 on the arena's 26 series, and none below 0.84 on the 13 held out. One that knows them comes to 0.
"""


@dataclass(frozen=True)
class Series:
    """One series: its `values` (positive, oldest first), how many make a `season`, and how many are asked for.

    Origins lie at `cut` and later: the values before it may be known to all. `group` is the frequency by its name.
    """

    values: Floats
    season: int
    horizon: int
    cut: int
    group: str

    @classmethod
    def read(cls, row: dict[str, Any]) -> Series:
        """A series from a row of the arena's JSON files."""
        values = np.asarray(row["values"], dtype=np.float64)
        return cls(values, int(row["season"]), int(row["horizon"]), int(row["cut"]), str(row["frequency"]))


@dataclass(frozen=True)
class Question:
    """One history to forecast from, and what came afterwards. `number` counts series; `crossed`: it is no real one."""

    history: Floats
    future: Floats
    season: int
    number: int
    group: str
    crossed: bool = False

    def error(self, forecast: Floats) -> float:
        """MASE of a forecast (horizon): mean absolute error over the seasonal naive method's within the history."""
        return float(np.abs(forecast - self.future).mean() / scale(self.history, self.season))


@dataclass(frozen=True)
class Forecasts:
    """The result of `rolling_mase`.

    `mase`: mean over all series of their mean over the origins; below 1 is better than the seasonal naive method was
    within the histories. `stderr`: its standard error over the series (the choice of series: a deterministic method
    scores the same every time). `crossed`: the same for crossed series. `remembered`: errors on real series as a share
    of what those on crossed ones suggest; about 1 for a sound method. `groups`: MASE by frequency; `by_series`: by
    series, in the order given.
    """

    mase: float
    stderr: float
    crossed: float
    remembered: float
    groups: dict[str, float] = field(default_factory=dict)
    by_series: tuple[float, ...] = ()

    @property
    def extra(self) -> dict[str, Any]:
        """All but the number itself, rounded, for `score(result.mase, **result.extra)`."""
        numbers = {"stderr": self.stderr, "crossed": self.crossed, "remembered": self.remembered}
        return {
            **{name: round(value, 4) for name, value in numbers.items()},
            **{name: round(value, 4) for name, value in self.groups.items()},
            "by_series": [round(value, 4) for value in self.by_series],
        }


def scale(history: Floats, season: int) -> float:
    """Mean absolute error of the seasonal naive method within `history`: the unit of MASE (Hyndman and Koehler 2006).

    Where a history repeats itself exactly that is 0, a unit for nothing: then it is a billionth of the values' size.
    """
    steps = float(np.abs(history[season:] - history[:-season]).mean())
    return max(steps, 1e-9 * float(np.abs(history).max()), 1e-300)


def reference(history: Floats, season: int, horizon: int) -> Floats:
    """A plain forecast to hold candidates against: the mean of the last two seasons, moved to the level of now.

    That level is the mean of the last half season. Returns `horizon` numbers.
    """
    last = history[-season:] if len(history) < 2 * season else (history[-season:] + history[-2 * season : -season]) / 2
    level = history[-max(1, season // 2) :].mean() - last[-max(1, season // 2) :].mean()
    return np.resize(last + level, horizon)


def rolling_mase(ask: Callable[..., Any], series: Sequence[Series], secret: str, origins: int = ORIGINS) -> Forecasts:
    """Have a candidate forecast every series from several origins in its sealed part, and score it by MASE.

    `ask(history=…, season=…, horizon=…)` puts one question: float64 values (n), and two 0-d integers; it returns
    `horizon` numbers for the values that follow. Histories are in units of their own (each multiplied by a secret
    factor, which MASE does not see), without names, and earlier origins come before later ones. Among them stand
    questions put again after later values were shown, which must be answered as before, and crossed series: weighted
    sums of two real ones that nobody can know. A candidate that is far better at real series than at crossed ones, by
    the measure of a plain method, remembers them. All of it follows from `secret` alone.

    Raises `AnswerRefused` (one plain line) for an answer of another shape, NaN or infinity, for answers that change
    when a question is put again, and for remembered series; `ValueError` for series too short for their origins.
    """
    rng = np.random.default_rng(np.frombuffer(hashlib.sha256(secret.encode()).digest(), dtype=np.uint32))
    questions = _questions(series, origins, rng)
    again = {n: n + 1 + int(rng.integers(len(questions))) for n in range(0, len(questions), AGAIN_EVERY)}
    answers: list[Floats] = []
    for number, question in enumerate(questions):
        answers.append(_answer(ask, question))
        for earlier in [n for n, due in again.items() if min(due, len(questions) - 1) == number]:
            _compare(questions[earlier], answers[earlier], _answer(ask, questions[earlier]))
    return _result(questions, answers)


def _questions(series: Sequence[Series], origins: int, rng: np.random.Generator) -> list[Question]:
    """Real and crossed questions: origin by origin, in a secret order within each."""
    ordered: list[Question] = []
    for nth in range(origins):
        real = [_real(one, number, nth / max(1, origins - 1)) for number, one in enumerate(series)]
        both = [*real, *(_crossed(one, real, rng) for one in real)]
        ordered += [_rescaled(both[k], 10.0 ** rng.uniform(-1, 1)) for k in rng.permutation(len(both))]
    return ordered


def _real(one: Series, number: int, share: float) -> Question:
    """The question at an origin that lies at `share` (0 to 1) of the way from the cut to the last one possible."""
    last = len(one.values) - one.horizon
    if one.cut > last or one.cut < 2 * one.season + 2:
        raise ValueError(f"series {number} has {len(one.values)} values and its cut at {one.cut}: too short")
    origin = one.cut + round(share * (last - one.cut))
    future = one.values[origin : origin + one.horizon]
    return Question(one.values[:origin], future, one.season, number, one.group)


def _crossed(one: Question, others: Sequence[Question], rng: np.random.Generator) -> Question:
    """A weighted sum of two real questions of the same season, each in units of its own seasonal naive error."""
    fitting = [other for other in others if other.season == one.season and other.number != one.number]
    if not fitting:
        raise ValueError(f"series {one.number} is the only one of its season: there is none to mix it with")
    other = fitting[int(rng.integers(len(fitting)))]
    length, weight = min(len(one.history), len(other.history)), rng.uniform(0.4, 0.6)
    parts = [(weight, one), (1 - weight, other)]
    history = sum(w / scale(it.history, it.season) * it.history[-length:] for w, it in parts)
    future = sum(w / scale(it.history, it.season) * it.future for w, it in parts)
    return Question(np.asarray(history), np.asarray(future), one.season, one.number, one.group, crossed=True)


def _rescaled(one: Question, factor: float) -> Question:
    return Question(one.history * factor, one.future * factor, one.season, one.number, one.group, one.crossed)


def _answer(ask: Callable[..., Any], question: Question) -> Floats:
    horizon = len(question.future)
    answer = ask(history=question.history.copy(), season=np.array(question.season), horizon=np.array(horizon))
    if isinstance(answer, dict):
        raise AnswerRefused(f"the answer must be one array of {horizon} numbers, but is a dict")
    found = np.asarray(answer)
    if found.shape != (horizon,) or found.dtype.kind not in "fiu":
        raise AnswerRefused(
            f"the answer must be {horizon} numbers, one a step, but has the shape {found.shape} and dtype {found.dtype}"
        )
    if not np.isfinite(found).all():
        raise AnswerRefused("the forecast holds NaN or infinite values")
    return found.astype(np.float64)


def _compare(question: Question, before: Floats, now: Floats) -> None:
    """Refuse a candidate that answers a question otherwise once it was shown what came afterwards."""
    if np.abs(before - now).max() > REPEATED * scale(question.history, question.season):
        raise AnswerRefused(
            "a question that was put again got another forecast: answers must follow from the history alone, "
            "not from chance or from what was asked since"
        )


def _result(questions: Sequence[Question], answers: Sequence[Floats]) -> Forecasts:
    rows = [(one, one.error(answer), one.error(_plain(one))) for one, answer in zip(questions, answers, strict=True)]
    real, crossed = ([row for row in rows if row[0].crossed is kind] for kind in (False, True))
    shares = [_mean([row[1] for row in part]) / _mean([row[2] for row in part]) for part in (real, crossed)]
    remembered = shares[0] / max(shares[1], 1e-12)
    if remembered < REMEMBERED:
        raise AnswerRefused(
            f"forecasts of real series are too good: their errors are {remembered:.2f} of what the forecasts of series "
            f"mixed from them suggest (at least {REMEMBERED}): the series were remembered, not forecast"
        )
    by_series = [
        _mean([error for one, error, _ in real if one.number == number])
        for number in sorted({one.number for one, *_ in real})
    ]
    group_of = {one.number: one.group for one, *_ in real}
    groups: dict[str, list[float]] = {}
    for number, value in zip(sorted(group_of), by_series, strict=True):
        groups.setdefault(group_of[number], []).append(value)
    return Forecasts(
        _mean(by_series),
        float(np.std(by_series, ddof=1) / np.sqrt(len(by_series))) if len(by_series) > 1 else 0.0,
        _mean([row[1] for row in crossed]),
        remembered,
        {name: _mean(values) for name, values in groups.items()},
        tuple(by_series),
    )


def _plain(one: Question) -> Floats:
    return reference(one.history, one.season, len(one.future))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


__all__ = ["AnswerRefused", "Forecasts", "Series", "reference", "rolling_mase", "scale"]
