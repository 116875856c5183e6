"""When a driver is to stop, and how that is said on a command line."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from autoloop_kernel.records import AutoloopError

_WORKERS = re.compile(r"[1-9]\d{0,3}|ray(:[1-9]\d{0,3})?|ray://[\w.\-\[\]:]+", re.ASCII)

DEPTH = 2
"""How many proposals are kept ready, unless the plan says otherwise."""


SHARE_EVERY = 3.0
"""Every how many minutes a driver that shares looks at the remote, unless the plan says otherwise: what others learn in
between costs at most the repeat of a run or two, and a look at a server a second or two."""


@dataclass(frozen=True)
class Plan:
    """When to stop: after so many iterations, hours, or once the champion's score reaches `until`. None: no bound.

    With `queued`, no agent is asked: what was left in flight and what a person accepted is run, then the driver ends.
    With `review` one proposal is made that waits for a person, as by `propose`. While something runs, up to `ahead`
    proposals are made ready for what comes after it; 0 asks agents only when their turn comes. `max_cost` bounds in
    dollars what the agents spend while this driver runs. `workers` says where runs are made: how many at once on this
    machine, or `ray`, `ray:N`, `ray://HOST:PORT` for a Ray cluster. What is learnt is shared with others over the git
    remote `share` every `share_every` minutes, at the start and at the end; None shares nothing. With `islands` every
    agent has a line of its own, and the main line takes what was confirmed on one.
    """

    iterations: int | None = None
    hours: float | None = None
    until: float | None = None
    queued: bool = False
    review: bool = False
    ahead: int = DEPTH
    max_cost: float | None = None
    workers: str = "1"
    share: str | None = None
    share_every: float = SHARE_EVERY
    islands: bool = False

    def __post_init__(self) -> None:
        if self.iterations is not None and self.iterations < 1:
            raise AutoloopError(f"--iterations {self.iterations} runs nothing — give a whole number of 1 or more")
        if self.hours is not None and not (math.isfinite(self.hours) and self.hours > 0):
            raise AutoloopError(f"--hours {self.hours} is no time — give a number above 0")
        if self.until is not None and not math.isfinite(self.until):
            raise AutoloopError(f"--until {self.until} is never reached — give a finite score")
        if self.ahead < 0:
            raise AutoloopError(f"--ahead {self.ahead} is no number of proposals — give 0 or more")
        if self.max_cost is not None and not (math.isfinite(self.max_cost) and self.max_cost > 0):
            raise AutoloopError(f"--max-cost {self.max_cost} allows nothing — give dollars above 0")
        if not _WORKERS.fullmatch(self.workers):
            how = "give how many run at once on this machine (1 or more), or ray, ray:N, ray://HOST:PORT"
            raise AutoloopError(f"--workers {self.workers!r} names no workers — {how}")
        if not (math.isfinite(self.share_every) and self.share_every > 0):
            raise AutoloopError(f"--share-every {self.share_every} is no time — give minutes above 0")


def arguments(agents: Sequence[str], plan: Plan) -> list[str]:
    """The plan as arguments of the detached driver, whose agents are named."""
    chosen = [part for agent in agents for part in ("--agent", agent)]
    for name in ("iterations", "hours", "until", "ahead", "max_cost", "share", "share_every"):
        value = getattr(plan, name)
        if value is not None:
            chosen.append(f"--{name.replace('_', '-')}={value}")
    chosen += [f"--workers={plan.workers}"] if plan.workers != "1" else []
    return [*chosen, *(f"--{name}" for name in ("queued", "review", "islands") if getattr(plan, name))]
