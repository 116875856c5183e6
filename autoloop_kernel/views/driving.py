"""What one driver has done since it started, is doing, and has still to do: from events to plain values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoloop_kernel.durable import cramped
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Cost, Event, Iteration, Point, Rules
from autoloop_kernel.views import company, words
from autoloop_kernel.views import status as views
from autoloop_kernel.views import workers as crew
from autoloop_kernel.views.scene import Scene
from autoloop_kernel.views.status import Status

TOLD = (
    *("epoch", "propose.start", "refused", "iteration.start", "attempt.start", "phase", "attempt.end"),
    *("iteration.end", "champion", "pause", "resume", "stopping", "recovered", "note", "agent", "ahead"),
    *("rebased", "share", "worker", "overtaken", "gathered", "exchange", "restart"),
    *("driver.start", "driver.stop"),
)
"""The events that tell of a driver's past; the points of learning curves, far more in number, lie in the ledger."""


@dataclass(frozen=True)
class Driving:
    """How one driver stands; `scene` is what its events say of what is under way and of the last verdicts.

    `plan` is what it was told (`iterations`, `hours`, `until`, each may be None), `began` when it started (seconds
    since 1970), `ended` why it ended (None while it runs), `ended_at` when, and `failed` whether that was no good end.
    `cost` is what its agents' requests cost so far.
    """

    status: Status
    scene: Scene
    plan: Mapping[str, Any]
    began: float
    ended: str | None = None
    ended_at: float | None = None
    failed: bool = False
    cost: Cost = views.FREE

    @property
    def state(self) -> str:
        """`running`, `paused`, `stopping` or `ended`."""
        return self.status.state if self.ended is None else "ended"

    @property
    def flying(self) -> Iteration | None:
        """The iteration under way, of several the oldest; None while the agent thinks, between two, after the end."""
        return self.status.flying if self.ended is None else None

    @property
    def busy(self) -> bool:
        """Whether something is under way: an iteration, or an agent that thinks."""
        return self.ended is None and bool(self.scene.lane.title) and self.scene.lane.goes

    @property
    def ran(self) -> int:
        """How many iterations this driver has run to a verdict."""
        return sum(self.scene.tally.values())

    @property
    def bill(self) -> str:
        """What its agents have spent, of what they may: `$1.24 of $5.00`; empty where nothing was, or may be."""
        most = self.plan.get("max_cost")
        return words.bill(self.cost, float(most) if isinstance(most, (int, float)) and math.isfinite(most) else None)

    @property
    def planned(self) -> int | None:
        """How many iterations it is to run; None without that bound."""
        return _whole(self.plan.get("iterations"))

    def left_s(self, now: float) -> float | None:
        """Seconds until the plan is done (or, when stopping, this iteration), by its hours and by the pace so far.

        None where neither says, and after the end.
        """
        bounds = []
        hours = self.plan.get("hours")
        if isinstance(hours, (int, float)) and math.isfinite(hours):
            bounds.append(self.began + 3600.0 * hours - now)
        work = self._work_s(now)
        if work is not None:
            bounds.append(work)
        return max(0.0, min(bounds)) if bounds and self.ended is None else None

    def _work_s(self, now: float) -> float | None:
        """Seconds that the planned iterations still take by the pace so far; when stopping, those under way."""
        stopping, lanes = self.state == "stopping", crew.lanes(self.status.workers)
        if not self.status.rate or not (stopping or self.planned is not None):
            return None
        each = 3600.0 * lanes / self.status.rate
        rests = [each - min(max(0.0, now - it.time), each) for it in self.status.flights]
        if stopping:
            return max(rests, default=0.0)
        return (sum(rests) + ((self.planned or 0) - self.ran - len(rests)) * each) / lanes


class Drive:
    """Follows one driver: the one whose `driver.start` event is given. Use it in one thread."""

    def __init__(self, arena: str, rules: Rules, start: Event) -> None:
        plan = start.data.get("plan")
        self.start, self.plan = start, plan if isinstance(plan, Mapping) else {}
        self.scene = Scene(arena, rules, planned=_whole(self.plan.get("iterations")))
        self.scene.apply(start)
        self._seq = start.seq
        self._ended: Event | None = None
        self._over = False

    def catch_up(self, ledger: Ledger) -> int:
        """Take in all that the ledger has so far; gives the number of its last event."""
        latest = ledger.last_event()
        upto = latest.seq if latest is not None else self.start.seq
        self.take([event for event in ledger.events(after=self._seq, kinds=TOLD) if event.seq <= upto])
        for it in ledger.in_flight():
            for lane in self.scene.lanes.going:
                if lane.number == it.number:
                    lane.curve = [(p.step, p.seconds, p.numbers) for p in curve(ledger, it)]
        return upto

    def take(self, events: Iterable[Event]) -> None:
        """Take in events, oldest first; one that was taken already, or is of a later driver, counts for nothing."""
        for event in events:
            if event.seq <= self._seq or self._over:
                continue
            self._seq = event.seq
            self._over = event.kind == "driver.start"
            if self._over:
                continue
            self.scene.apply(event)
            if event.kind == "driver.stop":
                self._ended, self._over = event, True

    def look(self, ledger: Ledger) -> Driving:
        """How it stands now."""
        status = views.read(ledger, self.scene.arena, self.scene.rules.metric)
        if self._ended is None and (status.driver is None or self._over):
            # It may have said its last word since the events were read.
            self.take(ledger.events(after=self._seq, kinds=TOLD))
        ended, failed = None, False
        if self._ended is not None:
            ended = words.plain(str(self._ended.data.get("reason", ""))) or "ended"
            failed = bool(self._ended.data.get("failed", False))
        elif status.driver is None or self._over:
            failed = True
            why = cramped(ledger.path.parent) or "killed?"
            ended = f"ended without a word ({why}); nothing is lost, the next start goes on from here"
        when = self._ended.time if self._ended is not None else None
        cost = ledger.spent(after=self.start.seq)
        return Driving(status, self.scene, self.plan, self.start.time, ended, when, failed, cost)


def curve(ledger: Ledger, iteration: Iteration | None) -> Sequence[Point]:
    """The learning curve of an iteration's last attempt; empty without an iteration."""
    if iteration is None:
        return ()
    return ledger.curve(iteration.number, iteration.attempts[-1].attempt if iteration.attempts else 1)


def row(driving: Driving, now: float) -> dict[str, Any]:
    """What a program reads of it: the fields of `autoloop status --json`, and the driver's plan, share and end."""
    left = driving.left_s(now)
    return views.row(driving.status, now) | {
        "state": driving.state,
        "plan": {name: driving.plan.get(name) for name in ("iterations", "hours", "until", "max_cost")},
        "ran": driving.ran,
        "verdicts": dict(driving.scene.tally),
        "began": driving.began,
        "left_seconds": None if left is None else round(left, -1),  # it is an estimate, and would never stand still
        "ended": driving.ended,
        "spent": driving.cost.dollars or 0.0,
        "company": company_of(driving, now),
    }


def text(driving: Driving, now: float) -> str:
    """It in a few plain lines."""
    status = driving.status
    lines = [f"{status.arena}: {headline(driving)}"]
    scene = driving.scene
    if driving.ended is None and crew.shown(status.workers):
        lines += [f"{worker.look.sign} {worker.name} {crew.does(worker)}" for worker in status.workers]
    elif driving.busy:
        number = f"{scene.lane.number} · " if scene.lane.number is not None else ""
        lines.append(f"{words.look(None).sign} {number}{scene.lane.title}, {scene.lane.phase}")
    best, baseline = status.best, status.baseline
    if best is not None:
        change = words.share(best.score, baseline.score) if baseline is not None else ""
        since = f" ({change} since the baseline)" if change and baseline and baseline.number != best.number else ""
        lines.append(f"best {status.metric.name} {words.number(best.score)}, iteration {best.number}{since}")
    left = driving.left_s(now)
    pace = [f"{status.rate:.0f} an hour"] if status.rate else []
    pace += [f"{words.duration(left)} left"] if left is not None else []
    pace += [driving.bill] if driving.bill else []
    lines += [", ".join(pace)] if pace else []
    lines += [" ".join(seen.sign for seen in scene.looks)] if scene.looks else []
    return "\n".join([*lines, *company_of(driving, now)])


def company_of(driving: Driving, now: float) -> list[str]:
    """Who else works on the arena, a line each."""
    status = driving.status
    islands = [company.island(name, it) for name, it in status.islands.items()]
    return company.lines(status.sharing, islands, status.exchanges, now)


def headline(driving: Driving) -> str:
    """State, share of the plan, and the reason of the end, in words."""
    done = f"{driving.ran} of {driving.planned} done" if driving.planned else f"{driving.ran} done"
    if driving.ended is not None:
        return f"ended, {done}: {driving.ended}"
    under_way = "these iterations" if len(driving.status.flights) > 1 else "this iteration"
    waits = f" after {under_way}" if driving.flying is not None and driving.state in ("paused", "stopping") else ""
    state = {"paused": "pauses"}.get(driving.state, driving.state) if waits else driving.state
    return f"{state}{waits}, {done}"


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
