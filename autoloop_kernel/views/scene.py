"""What a live display knows, from events alone: the same events give the same lines, on a terminal or in a file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from autoloop_kernel.records import LOST, Event, Kind, Rules, Verdict
from autoloop_kernel.views import board, company, words
from autoloop_kernel.views.lanes import RECORDED, Lane, Lanes
from autoloop_kernel.views.workers import TROUBLE, does

HISTORY = 24
"""How many of the latest verdicts the panel shows as a row of signs."""


@dataclass
class Scene:
    """The state of a live display. `best` is the champion's score, `best_number` its iteration, None before one.

    `planned` is how many iterations are to be run, None where there is no bound; of a `team` of agents it is said who
    proposed what.
    """

    arena: str
    rules: Rules
    best: float | None = None
    best_number: int | None = None
    planned: int | None = None
    team: bool = False
    lanes: Lanes = field(default_factory=Lanes)
    looks: list[words.Look] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def lane(self) -> Lane:
        """What a display of a single iteration shows."""
        return self.lanes.shown

    def apply(self, event: Event) -> list[Text]:
        """Take in one event; gives the lines that it is worth, often none."""
        takes: dict[str, Callable[[Event], list[Text]]] = {
            "driver.start": self._started,
            "epoch": self._epoch,
            "propose.start": self._thinking,
            "refused": self._refused,
            "iteration.start": self._begun,
            "attempt.start": self._attempt,
            "phase": self._phase,
            "report": self._report,
            "attempt.end": self._attempted,
            "iteration.end": self._ended,
            "champion": self._champion,
            "state": self._settled,
            "worker": self._worker,
            "overtaken": self._overtaken,
            "gathered": self._gathered,
            "exchange": self._exchanged,
            "restart": self._exchanged,
        }
        if event.kind in takes:
            return takes[event.kind](event)
        return self._told(event)

    def _told(self, event: Event) -> list[Text]:
        """What the driver or an agent says in words."""
        said = {
            "pause": "paused: goes on with `autoloop resume`",
            "resume": "goes on",
            "stopping": "stopping now" if event.data.get("now") else f"stopping after {self.lanes.these}",
        }
        if event.kind in said:
            return [Text(said[event.kind], style="yellow")]
        if event.kind in ("recovered", "note", "share"):
            return [Text(words.plain(str(event.data.get("text", ""))), style="yellow")]
        if event.kind in ("agent", "ahead"):
            who = f"{'' if event.kind == 'agent' else 'next · '}{event.data.get('agent', '')}"
            return [Text(f"  {who}: {words.shorten(str(event.data.get('text', '')), 300)}", style="dim")]
        if event.kind == "replicate" and event.data.get("why") and self.lanes.of(event).number == event.iteration:
            return [Text(f"  {self._which(event)}once more: {words.plain(str(event.data['why']))}", style="dim")]
        if event.kind == "rebased":
            title = words.shorten(str(event.data.get("title", "")), 100)
            return [Text(f"  laid over iteration {event.data.get('base')}, the new champion: {title}", style="dim")]
        return []

    def _which(self, event: Event) -> str:
        """The iteration's number, where lines of several stand among each other."""
        return f"{event.iteration} " if self.lanes.several else ""

    def _started(self, event: Event) -> list[Text]:
        """A driver begins: with whom, and where. The machines of a cluster take a while."""
        self.team = len(set(event.data.get("agents") or ())) > 1
        plan = event.data.get("plan")
        workers = str(plan.get("workers") or "") if isinstance(plan, Mapping) else ""
        if workers and not workers.isdecimal():
            self.lanes.shown = Lane(None, f"waiting for the workers of {words.plain(workers)}", since=event.time)
        return []

    def _epoch(self, event: Event) -> list[Text]:
        """A new game: nothing before it is comparable."""
        self.best, self.best_number = None, None
        if str(event.data.get("why", "")) == "the first":
            return []
        why = words.plain(str(event.data.get("why", "")))
        line = f"epoch {event.data.get('epoch')}: {why}; scores before it are not comparable"
        return [Text(line, style="bold")]

    def _thinking(self, event: Event) -> list[Text]:
        self.lanes.think(f"{event.data.get('agent', 'the agent')} is thinking", event)
        return []

    def _refused(self, event: Event) -> list[Text]:
        data = event.data
        seen = words.LOOKS.get(str(data.get("status")), words.Look(words.DASH, "no proposal", "dim", words.SOFT))
        title = words.plain(str(data.get("title") or ""))
        line = f"  {seen.sign} {seen.word}: {title + '; ' if title else ''}{words.plain(str(data.get('reason', '')))}"
        return [Text(line, style="dim")]

    def _begun(self, event: Event) -> list[Text]:
        lane = Lane(event.iteration, words.plain(str(event.data.get("title", ""))), since=event.time, base=self.best)
        self.lanes.begin(lane)
        line = Text(f"iteration {lane.number} · {lane.title}", style="bold")
        if self.team and event.data.get("base") is not None:
            line.append(f"  by {words.plain(str(event.data.get('agent', '')))}", style="not bold dim")
        if island := words.plain(str(event.data.get("island") or "")):
            line.append(f"  island {island}", style="not bold dim")
        return [line]

    def _attempt(self, event: Event) -> list[Text]:
        # One that is taken up was interrupted before this driver started, or it is run once more.
        taken_up = self.lanes.attempt(event, self.best)
        if not taken_up and event.data.get("attempt", 1) == 1:
            return []
        title = f" · {words.plain(str(event.data.get('title', '')))}" if taken_up and event.data.get("title") else ""
        which = f"attempt {event.data.get('attempt')}, {event.data.get('kind')}"
        return [Text(f"iteration {event.iteration}{title} · {which}")]

    def _phase(self, event: Event) -> list[Text]:
        self.lanes.of(event).enter(str(event.data.get("phase", "")), event)
        return []

    def _report(self, event: Event) -> list[Text]:
        numbers = {k: v for k, v in dict(event.data.get("numbers", {})).items() if isinstance(v, (int, float))}
        point = float(event.data.get("step") or 0), float(event.data.get("seconds") or 0), numbers
        self.lanes.of(event).curve.append(point)
        return []

    def _attempted(self, event: Event) -> list[Text]:
        verdict, score = str(event.data.get("verdict")), _number(event.data.get("score"))
        seen, lane, which = words.look(verdict), self.lanes.of(event), self._which(event)
        if verdict not in LOST:
            if lane.kind not in (Kind.REPLICATE, Kind.CONFIRM):
                return []
            lane.enter(RECORDED, event)
            told = seen.word if score is None else words.number(score)
            return [Text(f"  {seen.sign} {which}{told} with another seed", style=seen.style)]
        if not self.lanes.knows(event) and verdict == Verdict.INTERRUPTED:
            return []  # an earlier driver left it, and what is said of that comes next
        reason = words.plain(str(event.data.get("reason") or ""))
        told = f"{seen.word}{': ' + reason if reason else ''}"
        return [Text(f"  {seen.sign} {which}{told}; it is run again", style=seen.style)]

    def _ended(self, event: Event) -> list[Text]:
        data, lane = event.data, self.lanes.end(event)
        seen = words.look(str(data.get("verdict")), "provisional" if data.get("verdict") == "keep" else None)
        self.looks = [*self.looks, seen][-HISTORY:]
        self.tally[str(data.get("verdict"))] += 1
        score, base = _number(data.get("score")), lane.base
        line = Text(f"  {seen.sign} {self._which(event)}{seen.word}", style=seen.style)
        if score is not None:
            line.append(f" {words.number(score, words.decimals([base or score]))}")
            if base is not None:
                line.append(f" ({words.signed(score - base, words.decimals([base]))})")
        seconds = data.get("seconds")
        total = _number(seconds.get("total") if isinstance(seconds, Mapping) else seconds)
        if total:
            line.append(f" in {words.duration(total)}", style="dim")
        if score is None and data.get("reason"):
            line.append(f": {words.plain(str(data['reason']))}")
        if data.get("champion") and score is not None:
            self.best, self.best_number = score, event.iteration
        if self.lanes.several and lane.title:
            line.append(f" · {lane.title}", style="dim")
        return [line]

    def _worker(self, event: Event) -> list[Text]:
        worker, before = self.lanes.tell(event)
        place = f" ({worker.where})" if worker.where else ""
        if worker.state in TROUBLE:
            return [Text(f"  {worker.look.sign} {worker.name}{place} {does(worker)}", style=worker.look.style)]
        return [Text(f"  {worker.name}{place} is up again", style="dim")] if before in TROUBLE else []

    def _overtaken(self, event: Event) -> list[Text]:
        champion = event.data.get("champion")
        line = f"  {self._which(event)}was overtaken by iteration {champion}: both edits are run together next"
        return [Text(line, style="dim")]

    def _gathered(self, event: Event) -> list[Text]:
        count, champion = len(event.data.get("proposals", ())), event.data.get("champion")
        return [Text(f"  {count} edits that were overtaken are run as one, on iteration {champion}", style="dim")]

    def _exchanged(self, event: Event) -> list[Text]:
        return [Text(f"  {company.exchanged(event)}", style="dim")]

    def _champion(self, event: Event) -> list[Text]:
        number = event.data.get("number", event.iteration)
        self.best, self.best_number = _number(event.data.get("score")), number
        return []

    def _settled(self, event: Event) -> list[Text]:
        seen, state = words.look("keep", str(event.data.get("state"))), str(event.data.get("state"))
        why = words.plain(str(event.data.get("reason") or ""))
        return [
            Text(f"  {seen.sign} iteration {event.iteration} is {state}{': ' + why if why else ''}", style=seen.style)
        ]

    def panel(self, now: float | None = None) -> RenderableType:
        """What is under way and how it stands: see `views.board`."""
        return board.panel(self, time.time() if now is None else now)

    def spent(self, now: float) -> float:
        """Seconds of the budget that the candidate of the lane that is shown has used."""
        return self.lane.spent(self.rules.clock, now)


def _number(value: Any) -> float | None:
    """`value` as an ordinary number, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return words.finite(float(value))
