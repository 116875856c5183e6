"""Whether a run lies so far behind that it is given up: its learning curve beside those of runs that have ended.

Curves are compared at equal budget, in slices of it. Optuna's PercentilePruner has to say twice, and time and again,
that the run is behind: among the finished runs, and among the champion's own. How often that would have ended a true
improvement is counted on curves that did finish, and a rule that does so too often is not followed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from autoloop_kernel.records import AutoloopError, Direction, Rules

Curve = Mapping[int, float]
"""A learning curve at equal budget: the value in each slice of the budget, by the slice's number, 1 to `SLICES`."""

SLICES = 20
"""Into how many equal slices the budget is cut."""

STARTUP = 5
"""How many finished curves there have to be before anything is given up."""

WORSE = 200 / 3
"""The percentage of the finished curves that a run has to be worse than."""

PATIENCE = 2
"""In how many slices in a row it has to be behind."""

LATEST = 0.9
"""The share of the budget after which nothing is given up: there is little left to save."""

SPARED = 10
"""One run in so many that would be given up is let finish, so that what this loses stays known."""

WARMUP, BOUND = 0.25, 0.05


@dataclass(frozen=True)
class Manner:
    """How an arena prunes: by which number of its `report`, and which way of it is better.

    `warmup` is the share of the budget in which nothing is given up, `bound` the share of true improvements that may be
    lost; beyond it nothing is.
    """

    curve: str
    direction: Direction
    budget_s: float
    warmup: float = WARMUP
    bound: float = BOUND


def manner_of(rules: Rules) -> Manner | None:
    """How the arena of these rules prunes, None where it does not."""
    told = rules.prune
    if not told:
        return None
    direction = Direction(told.get("direction", rules.metric.direction))
    warmup, bound = float(told.get("warmup", WARMUP)), float(told.get("bound", BOUND))
    return Manner(str(told["curve"]), direction, rules.budget_s, warmup, bound)


class Slices:
    """Cuts a curve into slices of the budget as its points come; the value of a slice is their median.

    A slice without points has the value of the one before it.
    """

    def __init__(self, budget_s: float) -> None:
        self.curve: dict[int, float] = {}
        self._budget, self._now, self._values = budget_s, 0, list[float]()

    def take(self, seconds: float, value: float) -> int | None:
        """Take a point; gives the last slice that this one has closed, if any."""
        now = max(1, min(SLICES, math.ceil(SLICES * seconds / self._budget)))
        closed = None
        if now > self._now:
            closed = self._close(now - 1)
            self._now = now
        self._values.append(value)
        return closed

    def end(self) -> dict[int, float]:
        """The whole curve: what it came to holds for the rest of the budget."""
        self._close(SLICES)
        return self.curve

    def _close(self, last: int) -> int | None:
        if not self._values:
            return None
        value = median(self._values)
        self.curve.update(dict.fromkeys(range(self._now, last + 1), value))
        self._values = []
        return last


def sliced(points: Iterable[tuple[float, float]], budget_s: float) -> Curve:
    """The curve of a run that has ended, from its points (seconds on the arena's clock, value)."""
    slices = Slices(budget_s)
    for seconds, value in points:
        slices.take(seconds, value)
    return slices.end()


@dataclass(frozen=True)
class Behind:
    """How far a run lay behind, at which `share` of its budget.

    `value` is the best that its curve had come to, `champion` what the champion's had at this time, which was as far as
    the run at the share `reached` of its budget; `worse` of `others` finished curves were better.
    """

    share: float
    value: float
    champion: float
    reached: float
    worse: int
    others: int

    @property
    def text(self) -> str:
        """The same in words; which number it is comes before them."""
        share, reached = f"{100 * self.share:.0f} %", f"{100 * self.reached:.0f} %"
        return (
            f"{self.value:.4g} after {share} of the budget, where the champion had {self.champion:.4g} and had been "
            f"there after {reached}; {self.worse} of {self.others} finished runs were better"
        )


class Finished:
    """The curves of runs that have ended, as Optuna's pruners take them. Raises `AutoloopError` without Optuna."""

    def __init__(self, direction: Direction, percentile: float, least: int) -> None:
        self.curves: list[Curve] = []
        self._optuna = optuna = with_optuna()
        self._pruner = optuna.pruners.PercentilePruner(percentile, n_startup_trials=least, n_min_trials=least)
        self._study = optuna.create_study(direction=_TOLD[direction], pruner=self._pruner)

    def add(self, curve: Curve) -> None:
        """Take one more curve that is whole."""
        self.curves.append(curve)
        self._study.add_trial(self._optuna.trial.create_trial(value=curve[max(curve)], intermediate_values=dict(curve)))

    def ahead(self, curve: Curve) -> bool:
        """Whether too many of these had come further at the last slice of `curve`."""
        running = self._optuna.trial.TrialState.RUNNING
        trial = self._optuna.trial.create_trial(state=running, intermediate_values=dict(curve))
        return bool(self._pruner.prune(self._study, trial))


_TOLD = {Direction.MIN: "minimize", Direction.MAX: "maximize"}


class Run:
    """One run as it goes, beside the `champion`'s runs and `others`, all of which have ended."""

    def __init__(self, manner: Manner, champion: Sequence[Curve], others: Finished) -> None:
        self._manner, self._others = manner, others
        self._champion = Finished(manner.direction, 100.0, 1)
        for curve in champion:
            self._champion.add(curve)
        self._slices = Slices(manner.budget_s)
        self._times = 0

    def take(self, seconds: float, value: float) -> Behind | None:
        """Take a point of its curve; says how far it is behind once that is far enough to give it up."""
        closed = self._slices.take(seconds, value)
        if closed is None or not self._manner.warmup * SLICES <= closed <= LATEST * SLICES:
            return None
        curve = self._slices.curve
        behind = bool(self._champion.curves) and self._champion.ahead(curve) and self._others.ahead(curve)
        self._times = self._times + 1 if behind else 0
        return self._behind(closed) if self._times >= PATIENCE else None

    def _behind(self, now: int) -> Behind:
        better = self._manner.direction.better
        best = (min if self._manner.direction is Direction.MIN else max)(self._slices.curve.values())
        curves = self._champion.curves
        told = [
            at for at in range(1, now + 1) if any(at in curve for curve in curves)
        ]  # the first report may come late
        champion = {at: median(curve[at] for curve in curves if at in curve) for at in told}
        reached = next(at for at, value in champion.items() if not better(best, value))
        worse = sum(now in curve and better(curve[now], best) for curve in self._others.curves)
        return Behind(now / SLICES, best, champion[now], reached / SLICES, worse, len(self._others.curves))


@dataclass(frozen=True)
class Seen:
    """What became of one candidate: `gained` where it is a true improvement, `pruned` where it was given up.

    `would` says at which share of its budget it was, or would have been, given up (None: never); `spared` that it was
    let finish as one of `SPARED`, `seconds` how long it ran.
    """

    gained: bool
    pruned: bool
    would: float | None
    spared: bool
    seconds: float

    @property
    def stands_for(self) -> int:
        """How many runs like it there were: one that was spared stands for those that were not."""
        return SPARED if self.spared else 1


@dataclass(frozen=True)
class Measure:
    """What pruning costs and saves, by the last runs that count.

    Of `gained` true improvements (weighed by what each stands for) it ends `killed`; it has ended `pruned` runs, which
    saved about `saved_s` seconds, and would have ended `would` of `finished` runs, `would_save_s` seconds earlier.
    """

    bound: float = BOUND
    finished: int = 0
    gained: int = 0
    killed: int = 0
    pruned: int = 0
    saved_s: float = 0.0
    would: int = 0
    would_save_s: float = 0.0

    @property
    def share(self) -> float:
        """The share of true improvements that it would have killed."""
        return self.killed / self.gained if self.gained else 0.0

    @property
    def on(self) -> bool:
        """Whether runs are given up: not where too many improvements would be."""
        return self.share <= self.bound

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON's own types."""
        return {"on": self.on, "share": round(self.share, 4), **asdict(self)}

    @property
    def text(self) -> str:
        """The same in a sentence."""
        share, bound = f"{100 * self.share:.0f} %", f"the bound of {100 * self.bound:g} %"
        lost = f"{self.killed} of {self.gained} true improvements"
        if not self.gained:
            lost = "there is no improvement yet that it could be measured by"
        elif not self.killed:
            lost = f"it would have ended none of {self.gained} true improvements"
            excluded = 1 - 0.05 ** (1 / self.gained)  # Clopper and Pearson's bound at 95 %, where none was seen
            if excluded > self.bound:
                lost += f" ({100 * excluded:.0f} % cannot be excluded by so few; the bound is {100 * self.bound:g} %)"
        elif self.on:
            lost = f"it would have ended {lost} ({share}, within {bound})"
        else:
            lost = f"it would have ended {lost} ({share}, above {bound})"
        saved = f"; {self.pruned} given up, which saved about {self.saved_s:.0f} s" if self.pruned else ""
        return f"{'on' if self.on else 'off'}: {lost}, by {self.finished} finished runs{saved}"


def measure_of(data: Mapping[str, Any]) -> Measure | None:
    """The measure that `to_json` told of, None where it tells of none."""
    names = ("bound", "finished", "gained", "killed", "pruned", "saved_s", "would", "would_save_s")
    return Measure(**{name: data[name] for name in names}) if all(name in data for name in names) else None


def measured(runs: Iterable[Seen], bound: float = BOUND) -> Measure:
    """Count what pruning costs and saves, from what became of the last candidates."""
    told: dict[bool, list[Seen]] = defaultdict(list)
    for run in runs:
        told[run.pruned].append(run)
    finished, pruned = told[False], told[True]
    usual = median(run.seconds for run in finished) if finished else 0.0
    would = [run for run in finished if run.would is not None]
    return Measure(
        bound=bound,
        finished=len(finished),
        gained=sum(run.stands_for for run in finished if run.gained),
        killed=sum(run.stands_for for run in would if run.gained),
        pruned=len(pruned),
        saved_s=round(sum(max(0.0, usual - run.seconds) for run in pruned), 1),
        would=len(would),
        would_save_s=round(sum(run.seconds * (1 - (run.would or 0.0)) for run in would), 1),
    )


def with_optuna() -> Any:
    """Optuna, quiet, imported late since it takes its time; raises `AutoloopError` where it cannot be imported."""
    try:
        import optuna
    except ImportError as error:
        mend = 'pip install optuna, or take "prune" out of the arena\'s metadata'
        raise AutoloopError(f"pruning needs Optuna, which cannot be imported ({error}): {mend}") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
