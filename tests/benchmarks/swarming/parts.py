"""What goes into a simulated swarm and what comes of it, and what waits and runs meanwhile."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from swarming.memory import Memory
from swarming.world import Code

from autoloop_kernel.records import Verdict


@dataclass(frozen=True)
class Setting:
    """One swarm: `workers`, `agents` that think at once (None: as many as keep the workers busy), for `hours`.

    A run takes `run_s` seconds, give or take `jitter_s` (normal); a thought `think_s` on average (lognormal, its sigma
    `think_spread`). An agent avoids what the `told` last iterations tried and what runs or waits. Without
    `gather` keeps that were overtaken do not wait for each other, but run in a combination each, and without `lasting`
    the judge is told anew after one of them: the house did both once. `islands` have a champion each, and give
    the next one what they kept every `exchange_s` seconds. `curves`: the arena reports a learning curve. `enough`: end
    after so many evaluations, whatever the time.
    """

    workers: int
    agents: int | None = None
    hours: float = 4.0
    run_s: float = 310.0
    jitter_s: float = 6.0
    think_s: float = 100.0
    think_spread: float = 0.5
    told: int = 60
    gather: bool = True
    lasting: bool = True
    islands: int = 1
    exchange_s: float = 3600.0
    curves: bool = True
    policy: str = "bayes"
    enough: int | None = None

    @property
    def thinkers(self) -> int:
        """How many agents think at once; by default half as many again as would do without duplicates."""
        return self.agents or math.ceil(1.5 * self.workers * self.think_s / self.run_s)

    @property
    def depth(self) -> int:
        """How many proposals of each island may be ready or in the making, as in the house."""
        return max(2, math.ceil(self.workers / self.islands))


@dataclass(frozen=True)
class Candidate:
    """Ideas that were put into a version of the code; `combined` are the numbers of the keeps it brings together.

    An overtaken keep promises a `gain`; of several that run as one it is one of the `parts`, `alone` after that.
    """

    ideas: tuple[int, ...]
    base: int
    combined: tuple[int, ...] = ()
    gain: float = 0.0
    alone: bool = False
    parts: tuple[Candidate, ...] = ()


@dataclass
class Line:
    """One island: its champion, what its judge knows, and what waits to be run.

    `combining` are the combinations that run, each with the champion that it was made of.
    """

    memory: Memory
    codes: dict[int, Code]
    champion: int
    ready: deque[Candidate] = field(default_factory=deque)
    accepted: list[Candidate] = field(default_factory=list)
    combining: dict[int, int] = field(default_factory=dict)
    idle: deque[tuple[int, float]] = field(default_factory=deque)
    thinking: int = 0
    kept: list[int] = field(default_factory=list)
    given: int = 0


@dataclass(frozen=True)
class Evaluation:
    """One attempt that ended: iteration, code, worker, and when its run began and ended."""

    number: int
    code: str
    worker: int
    began: float
    ended: float


@dataclass
class Found:
    """What came of a swarm.

    `trajectory` holds (seconds, evaluations, true gain) whenever a champion changed. Of `proposals` some were
    `duplicates`, and some `stale`: no merge brought them to the champion of the day. `repeated` iterations tried an
    idea once more, on another champion. Of `keeps` some are `false`; `overtaken` is beside them. Of `combinations`
    some were of several keeps `together`, and those that `held` were better again. Of the `good`, which truly gain
    more than the noise on their base, the judge has `seen` so many.
    """

    setting: Setting
    evaluations: list[Evaluation] = field(default_factory=list)
    trajectory: list[tuple[float, int, float]] = field(default_factory=list)
    decisions: list[tuple[tuple[float, ...], Verdict]] = field(default_factory=list)
    evaluated: int = 0
    run_s: float = 0.0
    iterations: int = 0
    proposals: int = 0
    duplicates: int = 0
    stale: int = 0
    repeated: int = 0
    keeps: int = 0
    false: int = 0
    overtaken: int = 0
    combinations: int = 0
    together: int = 0
    held: int = 0
    good: int = 0
    seen: int = 0
    writes: int = 0
    busy_s: float = 0.0
    points_s: float = 0.0
    idle_s: float = 0.0
    waited_s: float = 0.0
    served: int = 0
    longest_s: float = 0.0
    gain: float = 0.0
    seconds: float = 0.0
