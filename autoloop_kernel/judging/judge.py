"""The keep rule behind one door: is this candidate truly better than its base, and is one more run worth its price?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autoloop_kernel.judging.decision import Decision, Gain
from autoloop_kernel.judging.effects import Array
from autoloop_kernel.judging.hypotheses import Level
from autoloop_kernel.judging.rules import Bayes, Exact, Greedy, Rule, Settings
from autoloop_kernel.records import Direction

Base = int | str | None
_POLICIES = ("bayes", "greedy")


class Judge:
    """Judges the candidates of one arena and epoch.

    `direction`: "min" or "max". `policy`: "bayes", or "greedy" for upstream's rule (the first score alone, better than
    the one that the champion was kept with). `max_attempts`: how often one candidate may be run. `sigma`: the noise of
    one run in units of the score where it is known (0: none at all), else None. `seed`: the rule draws nothing at
    random, so equal calls give equal decisions whatever it is; it is kept with the state. Raises ValueError in one
    line for what it cannot use.

    The caller's loop::

        while judge.baseline(b).action == "replicate":
            b.append(run(base))
        c = [run(candidate)]
        while (d := judge.decide(c)).action == "replicate":
            c.append(run(candidate))
        judge.settle(c, d.action == "keep")

    Scores are told in their own direction; a gain is positive where it is an improvement. `base` names what a
    candidate was made from: None is the champion. A name that is new means the champion where that has no name yet
    (see `remember`), else a version about as good as the champion. What was learnt is the calls made: `to_json` lists
    them and `from_json` replays them, so that a judge can as well be restored from a ledger by calling `baseline` and
    `settle` in their order.
    """

    settings = Settings()

    def __init__(
        self,
        direction: str = "min",
        policy: str = "bayes",
        max_attempts: int = 3,
        sigma: float | None = None,
        seed: int = 0,
    ) -> None:
        if direction not in (Direction.MIN.value, Direction.MAX.value):
            raise ValueError(f"direction is {direction!r}: it must be 'min' or 'max'")
        if policy not in _POLICIES:
            raise ValueError(f"policy is {policy!r}: it must be 'bayes' or 'greedy'")
        if isinstance(max_attempts, bool) or not isinstance(max_attempts, int) or max_attempts < 1:
            raise ValueError(f"max_attempts is {max_attempts!r}: it must be a whole number of 1 or more")
        if sigma is not None and not (math.isfinite(sigma) and sigma >= 0):
            raise ValueError(f"sigma is {sigma!r}: it must be 0 or more, or None where the noise is unknown")
        self.direction = Direction(direction).value
        self.policy = policy
        self.max_attempts = max_attempts
        self.sigma = sigma
        self.seed = seed
        self._sign = -1.0 if self.direction == "min" else 1.0
        self._forget()

    def _forget(self) -> None:
        self._rule: Rule | None = None
        self._calls: list[dict[str, Any]] = []
        self._levels: dict[Base, Level] = {}
        self._champion: Base = None

    def baseline(self, scores: Sequence[float]) -> Decision:
        """Begin anew with all attempts of the baseline so far: "replicate" until they are enough, then "keep".

        What was learnt before is forgotten: scores of another game do not compare.
        """
        if isinstance(scores, Sequence) and not len(scores):
            return Decision(
                "replicate", 0.0, Gain(0.0, 0.0, 0.0), self.sigma or 0.0, "the baseline has not been run yet"
            )
        values = self._values(scores)
        self._forget()
        self._calls = [{"baseline": [float(score) for score in scores]}]
        tied = len(values) > 1 and bool((values == values[0]).all())
        enough = self.policy == "greedy" or self.sigma is not None or len(values) >= self.settings.baseline or tied
        noise = self.sigma if self.sigma is not None else float(values.std(ddof=1)) if len(values) > 1 else 0.0
        self._begin(values, noise)
        assert self._rule is not None
        noise = self._rule.noise
        none = Gain(0.0, 0.0, 0.0)
        if not enough:
            reason = f"{len(values)} of {self.settings.baseline} attempts that tell how noisy a run is"
            return Decision("replicate", 0.0, none, noise, reason)
        return Decision("keep", 0.0, none, noise, f"baseline, noise {noise:.2g}")

    def decide(self, scores: Sequence[float], base: Base = None, complexity_delta: float = 0.0) -> Decision:
        """What to do with a candidate, given all of its attempts so far; says nothing about later ones until it is
        settled.

        `complexity_delta`: by what share its code grew (+0.1: a tenth more). Doubled code has to gain one sigma more;
        where scores cannot be told apart, any less is kept. Greedy does not look at it.
        """
        if not math.isfinite(complexity_delta):
            raise ValueError(f"complexity_delta is {complexity_delta!r}: it must be a finite number")
        values = self._values(scores)
        rule = self._ready()
        self._check(base)
        return rule.decide(values, self._level(base), complexity_delta)

    def settle(self, scores: Sequence[float], kept: bool, base: Base = None) -> None:
        """Learn from a candidate that is done; where it was kept it is the champion now."""
        values = self._values(scores)
        self._ready()
        self._check(base)
        self._calls.append({"settle": [float(score) for score in scores], "kept": bool(kept), "base": base})
        self._settle(values, bool(kept), base)
        self._look_again(values)

    def remember(self, base: int | str) -> None:
        """Name the champion, so that candidates made from it can be judged against it when it no longer is."""
        self._ready()
        self._check(base)
        self._calls.append({"remember": base})
        self._name(base)

    def to_json(self) -> dict[str, Any]:
        """All that restores this judge, as JSON's own types: its settings and the calls that taught it."""
        return {
            "direction": self.direction,
            "policy": self.policy,
            "max_attempts": self.max_attempts,
            "sigma": self.sigma,
            "seed": self.seed,
            "calls": [dict(call) for call in self._calls],
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Judge:
        """The judge that `to_json` told of, by making its calls again (about a millisecond each)."""
        try:
            judge = cls(*(state[key] for key in ("direction", "policy", "max_attempts", "sigma", "seed")))
            for call in state["calls"]:
                if "baseline" in call:
                    judge.baseline(call["baseline"])
                elif "settle" in call:
                    judge.settle(call["settle"], call["kept"], call["base"])
                else:
                    judge.remember(call["remember"])
        except (KeyError, TypeError) as problem:
            raise ValueError(f"this is not the state of a judge: {problem}") from None
        return judge

    def _values(self, scores: Sequence[float]) -> Array:
        """The scores with the better ones higher, or ValueError."""
        try:
            values = np.array([float(score) for score in scores])
        except (TypeError, ValueError):
            raise ValueError(f"scores are {scores!r}: they must be a list of numbers") from None
        if not values.size:
            raise ValueError("scores are empty: a candidate is judged by at least one attempt")
        if not np.isfinite(values).all():
            raise ValueError(f"scores are {scores!r}: each must be a finite number (a crash has no score to judge)")
        return self._sign * values

    def _check(self, base: Base) -> None:
        if base is not None and not isinstance(base, int | str):
            raise ValueError(
                f"base is {base!r}: it must be the number or the name of a version, or None for the champion"
            )

    def _ready(self) -> Rule:
        if self._rule is None:
            raise ValueError("the judge knows no baseline yet: call baseline(scores) first")
        return self._rule

    def _begin(self, values: Array, noise: float) -> None:
        """Choose the rule for runs of this noise, and take the baseline for the champion."""
        # What differs by rounding alone is the same: sums come in another order from run to run.
        noise = max(noise, 1e-13 * float(np.abs(values).max())) if noise > 0 else 0.0
        if self.policy == "greedy":
            self._rule = Greedy(self.sigma or 0.0)
        elif noise == 0.0:
            self._rule = Exact(sure=self.sigma == 0.0)
        else:
            self._rule = Bayes(noise, self.sigma is not None, self.max_attempts, self.settings)
        self._levels = {None: self._rule.level(values)}
        self._champion = None

    def _level(self, base: Base) -> Level:
        if base is None:
            return self._levels[self._champion]
        return self._levels.get(base, self._levels[self._champion])

    def _name(self, base: Base) -> None:
        level = self._levels.pop(None, None)
        self._levels[base] = level if level is not None else self._levels[self._champion].copy()
        self._champion = base

    def _settle(self, values: Array, kept: bool, base: Base) -> None:
        """Move the beliefs. A base that nobody named yet is the champion, or where that has a name, like it."""
        rule = self._ready()
        if base is None:
            base = self._champion
        elif base not in self._levels:
            if self._champion is None:
                self._name(base)
            else:
                self._levels[base] = self._levels[self._champion].copy()
        after = rule.settle(values, kept, self._levels[base])
        if kept:
            self._champion = None
        self._levels[None if kept else base] = after

    def _look_again(self, values: Array) -> None:
        """Where the noise turns out to be quite another than the baseline let expect, judge the past by what it is."""
        rule = self._rule
        if isinstance(rule, Exact) and self.sigma is None and len(values) > 1 and float(np.ptp(values)) > 0:
            self._replay(float(values.std(ddof=1)))
        elif isinstance(rule, Bayes) and self.sigma is None and rule.hypotheses.edge > 0.5:
            self._replay(rule.noise)

    def _replay(self, noise: float) -> None:
        for call in self._calls:
            if "baseline" in call:
                self._begin(self._values(call["baseline"]), noise)
            elif "settle" in call:
                self._settle(self._values(call["settle"]), call["kept"], call["base"])
            else:
                self._name(call["remember"])
