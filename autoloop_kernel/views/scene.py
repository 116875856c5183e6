"""What a live display knows, from events alone: the same events give the same lines, on a terminal or in a file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoloop_kernel.records import LOST, Event, Kind, Rules
from autoloop_kernel.views import words
from autoloop_kernel.views.tables import sparkline

HISTORY = 24
"""How many of the latest verdicts the panel shows as a row of signs."""


@dataclass
class Scene:
    """The state of a live display. `best` is the champion's score, `best_number` its iteration, None before one.

    `planned` is how many iterations are to be run, None where there is no bound.
    """

    arena: str
    rules: Rules
    best: float | None = None
    best_number: int | None = None
    planned: int | None = None
    number: int | None = None
    title: str = ""
    phase: str = "starting"
    since: float = field(default_factory=time.time)
    base: float | None = None
    kind: str = ""
    curve: list[tuple[float, float, Mapping[str, float]]] = field(default_factory=list)
    looks: list[words.Look] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    def apply(self, event: Event) -> list[Text]:
        """Take in one event; gives the lines that it is worth, often none."""
        takes: dict[str, Callable[[Event], list[Text]]] = {
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
        }
        if event.kind in takes:
            return takes[event.kind](event)
        return self._told(event)

    def _told(self, event: Event) -> list[Text]:
        """What the driver or an agent says in words."""
        said = {
            "pause": "paused: goes on with `autoloop resume`",
            "resume": "goes on",
            "stopping": "stopping now" if event.data.get("now") else "stopping after this iteration",
        }
        if event.kind in said:
            return [Text(said[event.kind], style="yellow")]
        if event.kind in ("recovered", "note", "share"):
            return [Text(words.plain(str(event.data.get("text", ""))), style="yellow")]
        if event.kind in ("agent", "ahead"):
            who = f"{'' if event.kind == 'agent' else 'next · '}{event.data.get('agent', '')}"
            return [Text(f"  {who}: {words.shorten(str(event.data.get('text', '')), 300)}", style="dim")]
        if event.kind == "replicate" and event.data.get("why") and event.iteration == self.number:
            return [Text(f"  once more: {words.plain(str(event.data['why']))}", style="dim")]
        if event.kind == "rebased":
            title = words.shorten(str(event.data.get("title", "")), 100)
            return [Text(f"  laid over iteration {event.data.get('base')}, the new champion: {title}", style="dim")]
        return []

    def _enter(self, phase: str, event: Event) -> None:
        self.phase, self.since = phase, event.time

    def _epoch(self, event: Event) -> list[Text]:
        """A new game: nothing before it is comparable."""
        self.best, self.best_number = None, None
        if str(event.data.get("why", "")) == "the first":
            return []
        why = words.plain(str(event.data.get("why", "")))
        line = f"epoch {event.data.get('epoch')}: {why}; scores before it are not comparable"
        return [Text(line, style="bold")]

    def _thinking(self, event: Event) -> list[Text]:
        self.number, self.curve = None, []
        self.title = f"{event.data.get('agent', 'the agent')} is thinking"
        self._enter("proposing", event)
        return []

    def _refused(self, event: Event) -> list[Text]:
        data = event.data
        seen = words.LOOKS.get(str(data.get("status")), words.Look(words.DASH, "no proposal", "dim", words.SOFT))
        title = words.plain(str(data.get("title") or ""))
        line = f"  {seen.sign} {seen.word}: {title + '; ' if title else ''}{words.plain(str(data.get('reason', '')))}"
        return [Text(line, style="dim")]

    def _begun(self, event: Event) -> list[Text]:
        self.number, self.curve = event.iteration, []
        self.title = words.plain(str(event.data.get("title", "")))
        self.base = self.best
        self._enter("starting", event)
        return [Text(f"iteration {self.number} · {self.title}", style="bold")]

    def _attempt(self, event: Event) -> list[Text]:
        taken_up = self.number != event.iteration
        again = taken_up or event.data.get("attempt", 1) != 1
        if taken_up:  # it was interrupted before this driver started, or it is run once more
            self.title, self.base = words.plain(str(event.data.get("title", ""))), self.best
        self.kind = str(event.data.get("kind", ""))
        self.number, self.curve = event.iteration, []
        self._enter("starting", event)
        if not again:
            return []
        return [Text(f"iteration {event.iteration} · attempt {event.data.get('attempt')}, {event.data.get('kind')}")]

    def _phase(self, event: Event) -> list[Text]:
        self._enter(str(event.data.get("phase", "")), event)
        return []

    def _report(self, event: Event) -> list[Text]:
        numbers = {k: v for k, v in dict(event.data.get("numbers", {})).items() if isinstance(v, (int, float))}
        self.curve.append((float(event.data.get("step") or 0), float(event.data.get("seconds") or 0), numbers))
        return []

    def _attempted(self, event: Event) -> list[Text]:
        verdict, score = str(event.data.get("verdict")), _number(event.data.get("score"))
        seen = words.look(verdict)
        if verdict not in LOST:
            if self.kind not in (Kind.REPLICATE, Kind.CONFIRM):
                return []
            self._enter("recorded", event)
            told = seen.word if score is None else words.number(score)
            return [Text(f"  {seen.sign} {told} with another seed", style=seen.style)]
        reason = words.plain(str(event.data.get("reason") or ""))
        return [Text(f"  {seen.sign} {seen.word}{': ' + reason if reason else ''}; it is run again", style=seen.style)]

    def _ended(self, event: Event) -> list[Text]:
        data = event.data
        seen = words.look(str(data.get("verdict")), "provisional" if data.get("verdict") == "keep" else None)
        self.looks = [*self.looks, seen][-HISTORY:]
        self.tally[str(data.get("verdict"))] += 1
        score, base = _number(data.get("score")), self.base
        line = Text(f"  {seen.sign} {seen.word}", style=seen.style)
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
        self._enter("recorded", event)
        return [line]

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
        """The panel: iteration, phase, budget spent and left, latest curve value, best so far, last verdicts."""
        now = time.time() if now is None else now
        head = f"{self.arena} · iteration {self.number}" if self.number is not None else self.arena
        rows: list[RenderableType] = [Text(self.title, style="bold", no_wrap=True, overflow="ellipsis")]
        rows.append(self._clock(now))
        rows.append(self._curve_line())
        rows.append(self._standing())
        return Panel(
            Group(*rows), title=Text(head, style="bold"), title_align="left", border_style="dim", padding=(0, 1)
        )

    def spent(self, now: float) -> float:
        """Seconds of the budget that the running candidate has used, by the arena's clock, as far as is known."""
        if self.curve and self.rules.clock == "cpu":
            return self.curve[-1][1]
        return max(0.0, now - self.since)

    def _clock(self, now: float) -> Table:
        """The phase with its time; while the candidate runs, the budget as a bar."""
        elapsed = max(0.0, now - self.since)
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        phase = Text(f"{words.look(None).sign} {self.phase}", style="blue")
        if self.phase != "running":
            grid.add_row(phase, words.duration(elapsed), "")
            return grid
        budget, spent = self.rules.budget_s, self.spent(now)
        left = max(0.0, budget - spent)
        unit = " CPU" if self.rules.clock == "cpu" and self.curve else ""
        label = f"{spent:.1f} of {budget:.1f} s{unit}, {left:.1f} left"
        grid.add_row(phase, label, ProgressBar(total=budget, completed=min(spent, budget), complete_style="blue"))
        return grid

    def _curve_line(self) -> Text:
        """The latest point of the learning curve, and the curve of its first number."""
        if not self.curve:
            return Text("no curve yet", style="dim")
        step, _, numbers = self.curve[-1]
        line = Text(no_wrap=True, overflow="ellipsis")
        for name, value in numbers.items():
            line.append(f"{words.plain(name)} ", style="dim")
            line.append(f"{words.number(value)}  ")
        line.append(f"at step {step:g}", style="dim")
        first = next(iter(numbers), None)
        values = [v for point in self.curve if (v := words.finite(point[2].get(first or ""))) is not None]
        if len(values) > 1:
            line.append("  " + sparkline(values, 24), style="blue")
        return line

    def _standing(self) -> Text:
        """The best so far and the last verdicts, as signs."""
        line = Text(no_wrap=True, overflow="ellipsis")
        name = self.rules.metric.name
        line.append(f"best {name} ", style="dim")
        line.append(words.number(self.best), style="bold blue")
        if self.best_number is not None:
            line.append(f" (iteration {self.best_number})", style="dim")
        if self.looks:
            line.append("   ")
            for seen in self.looks:
                line.append(seen.sign, style=seen.style)
            done, of = sum(self.tally.values()), f" of {self.planned}" if self.planned else ""
            line.append(f"  {done}{of} done", style="dim")
        return line


def _number(value: Any) -> float | None:
    """`value` as an ordinary number, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return words.finite(float(value))
