"""How the workers of a driver stand: from its events to plain values and to lines for a terminal.

A driver that runs one iteration at a time tells of no workers, and then nothing is shown of any.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.table import Table
from rich.text import Text

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.spending import Worked
from autoloop_kernel.records import Event, to_json
from autoloop_kernel.views import words

AT_WORK = ("up", "slow")
"""The states in which a worker takes runs."""

TROUBLE = ("lost", "refused", "slow")
"""The states that say why in a line."""

CLUSTER = "the cluster"
"""Of what is told that is said of no worker and no machine."""


@dataclass(frozen=True)
class Run:
    """What a worker runs: which attempt (of a kind: screen, replicate, …) at which iteration, since when.

    `phase` is what that is at (starting, running, scoring), `phase_since` since when; moments in seconds since 1970.
    """

    number: int
    attempt: int
    kind: str
    title: str
    since: float
    phase: str
    phase_since: float


@dataclass(frozen=True)
class Worker:
    """A worker by its name: `where` it is (this machine, GPU 0, a node), its hardware class, and how it stands.

    `state`: up, slow (it runs, but behind the others), lost, refused (it lacks what a run needs), down; `text` says why
    in a line. `runs` is how many attempts it has ended, `worked_s` the seconds of those and of what it runs, `up_s`
    those in which it was there to take them: both as of the moment `at`, so that nothing changes by itself.
    """

    name: str
    where: str = ""
    state: str = "up"
    text: str = ""
    hardware: str = ""
    run: Run | None = None
    runs: int = 0
    worked_s: float = 0.0
    up_s: float = 0.0
    at: float = 0.0

    @property
    def look(self) -> words.Look:
        """Its sign and word: what it does, or what is the matter with it."""
        if self.state == "up":
            return words.WORKERS["busy" if self.run else "waits"]
        return words.WORKERS.get(self.state, words.WORKERS["down"])

    def busy(self, now: float | None = None) -> float | None:
        """The share of its time in which it ran something, as of `at` or of now; None before it was up at all."""
        more = 0.0 if now is None else max(0.0, now - self.at)
        up = self.up_s + (more if self.state in AT_WORK else 0.0)
        worked = self.worked_s + (more if self.run is not None else 0.0)
        return min(1.0, worked / up) if up > 0 else None


def read(ledger: Ledger, start: Event | None, running: bool) -> tuple[Worker, ...]:
    """The workers of the driver that began with the event `start`, by name; none where it has but one slot.

    `running`: whether it still drives. What one has told before it ended is told; its workers are down then.
    """
    if start is None:
        return ()
    told = ledger.events(after=start.seq, kinds=["worker"])
    worked = ledger.worked(start.seq)
    names = {called(event) for event in told} | worked.keys()
    last = [ledger.last_event(kind, after=start.seq) for kind in ("driver.stop", "attempt.start", "attempt.end")]
    at = last[0].time if last[0] else max(event.time for event in (start, *last, *told) if event is not None)
    found = []
    for name in sorted(names, key=by_number):
        own = [event for event in told if called(event) == name]
        if own and is_past(own[-1], told):
            continue
        stands = _ran(_told(name, own, start.time, at), worked.get(name), at)
        found.append(_running(ledger, stands, worked.get(name)) if running else _over(stands))
    return tuple(found)


def called(event: Event) -> str:
    """What a `worker` event is about: a worker by its name, or a machine, or the whole cluster, that has none."""
    return words.plain(str(event.data.get("name") or event.data.get("where") or CLUSTER))


def is_past(event: Event, events: Sequence[Event]) -> bool:
    """Whether a loss of no worker in particular is over: since then one of these events told of one that is up."""
    nameless = not event.data.get("name") and event.data.get("state") == "lost"
    return nameless and any(later.seq > event.seq and later.data.get("state") == "up" for later in events)


def _told(name: str, events: Sequence[Event], began: float, at: float) -> Worker:
    """A worker by what was said of it; one of which nothing was said is up since the driver began."""
    worker, since, up_s = Worker(name, at=at), began, 0.0
    if events:
        worker = replace(worker, state="down")
    for event in events:
        up_s += max(0.0, event.time - since) if worker.state in AT_WORK else 0.0
        since = event.time
        said = {key: words.plain(str(event.data.get(key) or "")) for key in ("where", "state", "text", "hardware")}
        worker = replace(
            worker,
            where=(said["where"] if event.data.get("name") else "") or worker.where,
            hardware=said["hardware"] or worker.hardware,
            state=said["state"] or worker.state,
            text=said["text"],
        )
    return replace(worker, up_s=up_s + (max(0.0, at - since) if worker.state in AT_WORK else 0.0))


def _ran(worker: Worker, worked: Worked | None, at: float) -> Worker:
    """With what it ran; of a run that goes on, the seconds until `at`."""
    if worked is None:
        return worker
    under_way = max(0.0, at - worked.now.time) if worked.now is not None else 0.0
    return replace(worker, runs=worked.ended, worked_s=worked.seconds + under_way)


def _running(ledger: Ledger, worker: Worker, worked: Worked | None) -> Worker:
    """With what it runs now."""
    event = None if worked is None else worked.now
    if event is None or event.iteration is None:
        return worker
    phase = ledger.last_event("phase", event.iteration, event.seq) or event
    run = Run(
        event.iteration,
        event.attempt or 1,
        str(event.data.get("kind", "")),
        words.plain(str(event.data.get("title", ""))),
        event.time,
        str(phase.data.get("phase", "starting")),
        phase.time,
    )
    return replace(worker, run=run)


def _over(worker: Worker) -> Worker:
    """A worker of a driver that has ended: what was the matter with one is still told."""
    return replace(worker, state="down", text="") if worker.state in AT_WORK else worker


def by_number(name: str) -> list[str | int]:
    """So that w10 comes after w9."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"([0-9]+)", name))]


def shown(workers: Sequence[Worker]) -> bool:
    """Whether there is anything to tell: several, or one with which something is the matter."""
    return len(workers) > 1 or any(worker.state in TROUBLE for worker in workers)


def lanes(workers: Sequence[Worker]) -> int:
    """How many iterations run at once, at least one."""
    return max(1, sum(worker.state in AT_WORK for worker in workers))


def together(workers: Sequence[Worker]) -> float | None:
    """The share of all their time in which they ran something; None before any was up."""
    up = sum(worker.up_s for worker in workers)
    return min(1.0, sum(worker.worked_s for worker in workers) / up) if up > 0 else None


def row(worker: Worker, now: float | None = None) -> dict[str, Any]:
    """It as plain values, with its busy share as of now (None: as of its last event)."""
    share = worker.busy(now)
    return {
        "name": worker.name,
        "where": worker.where,
        "hardware": worker.hardware,
        "state": worker.state,
        "text": worker.text,
        "run": None if worker.run is None else to_json(worker.run),
        "runs": worker.runs,
        "busy": None if share is None else round(share, 3),
    }


def does(worker: Worker) -> str:
    """What it does, or what is the matter with it, in words: `7 · LR up`, `waits`, `lost: node n2 is gone`."""
    run = f"{worker.run.number} · {worker.run.title}" if worker.run is not None else ""
    if worker.state == "up":
        return run or worker.look.word
    why = f"{worker.look.word}{': ' + worker.text if worker.text else ''}"
    return f"{run}; {why}" if run else why


def percent(share: float | None) -> str:
    """A busy share as text; a dash where there is none yet."""
    return words.DASH if share is None else f"{math.floor(100 * share + 0.5)} %"


def table(workers: Sequence[Worker], now: float) -> Table:
    """The workers for a terminal, a line each: name, place, what it runs and for how long, and how busy it was."""
    grid = Table.grid(padding=(0, 2))
    for style in ("", "dim"):
        grid.add_column(style=style, no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True, style="dim")
    for worker in workers:
        line = Text(f"{worker.look.sign} {does(worker)}", style=worker.look.style)
        if worker.run is not None:
            line.append(f"  {worker.run.phase} for {words.duration(max(0.0, now - worker.run.phase_since))}", "dim")
        share = worker.busy(now)
        grid.add_row(worker.name, worker.where, line, "" if share is None else f"{percent(share)} busy")
    return grid


def summary(workers: Sequence[Worker]) -> str:
    """The workers of a driver that has ended, in a line: how many, how busy they were, and what was the matter."""
    share = together(workers)
    busy = f", {percent(share)} busy" if share is not None else ""
    trouble = [f"{worker.name} {does(worker)}" for worker in workers if worker.state in TROUBLE]
    return "; ".join([f"{len(workers)} worker{'s' * (len(workers) != 1)}{busy}", *trouble])
