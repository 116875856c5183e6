"""What runs at once, from events alone: a lane for each iteration under way, and the workers that they are on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autoloop_kernel.records import Event
from autoloop_kernel.views import words
from autoloop_kernel.views.workers import TROUBLE, Worker, by_number, called, is_past

RECORDED = "recorded"
"""The phase between a verdict and what comes next."""


@dataclass
class Lane:
    """One iteration under way (no number: an agent thinks): its phase and since when, and its learning curve.

    `base` is the score that it is held against, `kind` that of its attempt, `worker` where it runs ("": the only slot).
    """

    number: int | None = None
    title: str = ""
    phase: str = "starting"
    since: float = field(default_factory=time.time)
    base: float | None = None
    kind: str = ""
    worker: str = ""
    curve: list[tuple[float, float, Mapping[str, float]]] = field(default_factory=list)

    def enter(self, phase: str, event: Event) -> None:
        """Begin another phase."""
        self.phase, self.since = phase, event.time

    @property
    def goes(self) -> bool:
        """Whether it is still under way."""
        return self.phase != RECORDED

    def spent(self, clock: str, now: float) -> float:
        """Seconds of the budget that the running candidate has used, by the arena's clock, as far as is known."""
        if self.curve and clock == "cpu":
            return self.curve[-1][1]
        return max(0.0, now - self.since)


class Lanes:
    """All lanes. `shown` is the one that a display of a single iteration shows: the oldest that is under way.

    `crew` are the workers by name, as far as events told of them; without any, one iteration runs at a time.
    """

    def __init__(self) -> None:
        self.shown = Lane()
        self.crew: dict[str, Worker] = {}
        self.thinking: Lane | None = None
        self._lanes: dict[int, Lane] = {}
        self._said: dict[str, Event] = {}

    @property
    def several(self) -> bool:
        """Whether several iterations may run at once."""
        return bool(self.crew)

    @property
    def going(self) -> list[Lane]:
        """Those under way, oldest first."""
        return [lane for _, lane in sorted(self._lanes.items()) if lane.goes]

    @property
    def these(self) -> str:
        """What is under way, as a sentence names it."""
        return "these iterations" if len(self.going) > 1 else "this iteration"

    def of(self, event: Event) -> Lane:
        """The lane that an event is about."""
        found = self._lanes.get(event.iteration) if event.iteration is not None else None
        if found is None and self.several:
            found = Lane(event.iteration)  # its beginning was not seen, and it is none of those that are shown
        return found or self.shown

    def knows(self, event: Event) -> bool:
        """Whether the iteration that an event is about is under way, as far as was seen."""
        return event.iteration in self._lanes

    def think(self, title: str, event: Event) -> None:
        """Somebody is asked for a proposal."""
        lane = Lane(None, title, "proposing", event.time)
        if self.several:
            self.thinking = lane
        else:
            self._lanes.clear()
        if not self.going:
            self.shown = lane

    def begin(self, lane: Lane) -> None:
        """An iteration begins, or is taken up."""
        if not self.several:
            self._lanes.clear()
        if lane.number is not None:
            self._lanes[lane.number] = lane
        self.thinking = None
        self._show()

    def attempt(self, event: Event, base: float | None) -> bool:
        """An attempt begins; gives whether its iteration was not yet under way."""
        worker = str(event.data.get("worker") or "")
        if worker:
            self.crew.setdefault(worker, Worker(worker))
            for number in [n for n, lane in self._lanes.items() if lane.worker == worker and n != event.iteration]:
                del self._lanes[number]  # a worker runs one thing at a time
        lane = self._lanes.get(event.iteration or 0)
        taken_up = lane is None
        if lane is None:
            lane = Lane(event.iteration, words.plain(str(event.data.get("title", ""))), base=base)
            thinking = self.thinking
            self.begin(lane)
            self.thinking = thinking
        lane.kind, lane.worker, lane.curve = str(event.data.get("kind", "")), worker, []
        lane.enter("starting", event)
        self._show()
        return taken_up

    def end(self, event: Event) -> Lane:
        """An iteration has its verdict; gives the lane that it had."""
        lane = self.of(event)
        lane.enter(RECORDED, event)
        if self.several:
            self._lanes.pop(event.iteration or 0, None)
        self._show()
        return lane

    def tell(self, event: Event) -> tuple[Worker, str]:
        """Something becomes of a worker; gives it, and in which state it was before ("": it is new)."""
        name, data = called(event), event.data
        before = self.crew.get(name)
        told = before or Worker(name)
        self.crew[name] = replace(
            told,
            where=(words.plain(str(data.get("where") or "")) if data.get("name") else "") or told.where,
            state=words.plain(str(data.get("state") or "")) or told.state,
            text=words.plain(str(data.get("text") or "")),
        )
        self._said[name] = event
        for past in [one for one, said in self._said.items() if is_past(said, [event])]:
            del self.crew[past], self._said[past]
        return self.crew[name], before.state if before else ""

    def staff(self) -> list[tuple[Worker, Lane | None]]:
        """The workers that are there or in trouble, by name, each with what it runs."""
        on = {lane.worker: lane for lane in self.going}
        crew = [self.crew[name] for name in sorted(self.crew, key=by_number)]
        return [(one, on.get(one.name)) for one in crew if one.state in ("up", *TROUBLE)]

    def _show(self) -> None:
        self.shown = next(iter(self.going), self.shown)
