"""How an arena stands (`IState` of the front end): a few indexed queries, whatever has happened before.

Nothing in it changes by itself as time goes by, save `left_seconds`, an estimate in steps of ten seconds: who follows
an arena can tell by comparing whether anything has happened.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Event, Iteration, Sharing, to_json
from autoloop_kernel.server.errors import one_line
from autoloop_kernel.server.opening import Seen, ledger_of, look
from autoloop_kernel.views import status as views
from autoloop_kernel.views import words
from autoloop_kernel.views import workers as crew
from autoloop_kernel.views.driving import Drive, Driving
from autoloop_kernel.views.status import Status
from autoloop_kernel.views.workers import Worker

PLAN = {
    "iterations": None,
    "hours": None,
    "until": None,
    "max_cost": None,
    "queued": False,
    "review": False,
    "workers": "1",
    "share": None,
    "share_every": None,
    "islands": False,
}
FLYING = ("number", "attempt", "title", "agent", "hypothesis", "base")
State = dict[str, Any]


def state(root: Path, arena: str) -> State:
    """How the arena at `arena` (below `root`) stands; one that has not run yet is idle.

    Raises `Refused` where there is none, and `ArenaError` where its notebook names no metric.
    """
    seen = look(root, arena)
    with ledger_of(seen) as ledger:
        return state_of(ledger, seen, root)


def state_of(ledger: Ledger | None, seen: Seen, root: Path) -> State:
    """How an arena that was looked at stands by its ledger (None: it has not run)."""
    rules = seen.arena.rules
    driving = None if ledger is None else last_drive(ledger, seen)
    status = driving.status if driving else views.read(ledger, seen.arena.name, rules.metric)
    return {
        "arena": seen.path,
        "name": seen.arena.name,
        "state": status.state,
        "problem": one_line(seen.problem, root),
        "driver": None if status.driver is None else to_json(status.driver),
        "agents": list(status.agents),
        **_told(driving, root),
        **_under_way(ledger, status),
        "champion": mark(status.champion),
        "best": mark(status.best),
        "baseline": mark(status.baseline),
        "metric": to_json(rules.metric),
        "budget_s": rules.budget_s,
        "clock": rules.clock,
        "epoch": status.epoch,
        "counts": status.counts,
        "total": 0 if ledger is None else ledger.last_number(),
        "noise": words.finite(status.noise),
        "busy": None if ledger is None or driving is None else _busy(ledger, driving),
        "rate_per_hour": status.rate,
        "cost": to_json(status.cost),
        "spent": 0.0 if driving is None else driving.cost.dollars or 0.0,
        "records": {name: to_json(record) for name, record in status.records.items()},
        "waiting": [] if ledger is None else waiting(ledger),
        "workers": [worker_row(worker) for worker in status.workers],
        "islands": [_island(name, it) for name, it in status.islands.items()],
        "exchanges": [_exchange(event) for event in status.exchanges],
        "sharing": None if status.sharing is None else _sharing(status.sharing, root),
    }


def last_drive(ledger: Ledger, seen: Seen) -> Driving | None:
    """How the driver that runs stands, or the last one; None where there was none.

    What it has done is counted, not read: a driver may have told of 100,000 events.
    """
    start = ledger.last_event("driver.start")
    if start is None:
        return None
    drive = Drive(seen.arena.name, seen.arena.rules, start)
    stop, last = ledger.last_event("driver.stop"), ledger.last_event()
    ended = stop is not None and stop.seq > start.seq
    drive.take([event for event in (stop if ended else last,) if event is not None])
    drive.scene.tally = Counter(ended=ledger.ended_since(start.seq)[0])
    return drive.look(ledger)


def mark(it: Iteration | None) -> dict[str, Any] | None:
    """An iteration's number and score, and of a keep, whether it is confirmed."""
    return None if it is None else {"number": it.number, "score": words.finite(it.score), "state": it.state}


def waiting(ledger: Ledger) -> list[dict[str, Any]]:
    """The proposals that wait for a person, oldest first, without their sources."""
    found = [(row, row.proposal) for row in ledger.proposals("waiting")]
    return [
        {
            "id": row.id,
            "title": p.title,
            "hypothesis": p.hypothesis,
            "agent": p.agent,
            "base": p.base,
            "time": row.time,
        }
        for row, p in found
    ]


def _told(driving: Driving | None, root: Path) -> dict[str, Any]:
    """What the driver was told, and how far it is."""
    if driving is None:
        return {"plan": None, "ran": 0, "began": None, "left_seconds": None, "ended": None, "failed": False}
    left = driving.left_s(time.time())
    return {
        "plan": _plan(driving.plan),
        "ran": driving.ran,
        "began": driving.began,
        "left_seconds": None if left is None else round(left, -1),
        "ended": None if driving.ended is None else one_line(driving.ended, root),
        "failed": driving.failed,
    }


def _plan(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told.get(name, default) for name, default in PLAN.items()}


def worker_row(worker: Worker) -> dict[str, Any]:
    """A worker, as of the moment `at`: who shows it lets both sums go on from there, as long as it is up or runs."""
    return crew.row(worker) | {"worked_seconds": worker.worked_s, "up_seconds": worker.up_s, "at": worker.at}


def _island(name: str, it: Iteration) -> dict[str, Any]:
    """An agent's own line, and its champion."""
    return {"name": name, **(mark(it) or {}), "title": it.title, "own": it.island == name}


def _exchange(event: Event) -> dict[str, Any]:
    """What one event of the lines of agents tells."""
    restart = event.kind == "restart"
    return {
        "time": event.time,
        "number": event.iteration or 0,
        "source": str(event.data.get("from") or ""),
        "to": str(event.data.get("island" if restart else "to") or ""),
        "tried": bool(event.data.get("id")),
        "why": words.plain(str(event.data.get("why") or "")),
        "restart": restart,
    }


def _sharing(sharing: Sharing, root: Path) -> dict[str, Any]:
    """What moved to and from others; where that fails, why, without the folders of this machine."""
    return dict(to_json(replace(sharing, trouble=one_line(sharing.trouble, root))))


def _under_way(ledger: Ledger | None, status: Status) -> dict[str, Any]:
    """Phase and iterations of a driver that runs; without one nothing is under way, whatever was left unfinished.

    `flying` is the first of the `flights`, and the phase is its own.
    """
    nothing: dict[str, Any] = {"phase": "", "phase_since": 0.0, "flying": None, "flights": []}
    if ledger is None or status.driver is None:
        return nothing
    flights = [_flight(ledger, status, it) for it in status.flights]
    if flights:
        first = flights[0]
        flying = {name: value for name, value in first.items() if name in FLYING}
        return {"phase": first["phase"], "phase_since": first["since"], "flying": flying, "flights": flights}
    thinking = ledger.last_event("propose.start")
    before = [ledger.last_event(kind) for kind in ("driver.start", "iteration.end")]
    if thinking is None or any(event is not None and event.seq > thinking.seq for event in before):
        return nothing
    return {**nothing, "phase": "proposing", "phase_since": thinking.time}


def _flight(ledger: Ledger, status: Status, it: Iteration) -> dict[str, Any]:
    """One iteration under way, the phase that it is in since when, and on which worker it is."""
    worker = next((one for one in status.workers if one.run is not None and one.run.number == it.number), None)
    phase, since = "starting", it.time
    if worker is not None and worker.run is not None:
        phase, since = worker.run.phase, worker.run.phase_since
    elif not status.workers and (event := ledger.last_event("phase")) is not None and event.iteration == it.number:
        phase, since = str(event.data.get("phase", "")), event.time
    return {
        "number": it.number,
        "attempt": it.attempts[-1].attempt if it.attempts else 1,
        "title": it.title,
        "agent": it.agent,
        "hypothesis": it.hypothesis,
        "base": it.base,
        "phase": phase,
        "since": since,
        "worker": "" if worker is None else worker.name,
    }


def _busy(ledger: Ledger, driving: Driving) -> float | None:
    """The share of the time, from the driver's start to its last verdict, in which the trainer worked."""
    start = ledger.last_event("driver.start")
    count, seconds, last = ledger.ended_since(start.seq) if start is not None else (0, 0.0, 0.0)
    up = sum(worker.up_s for worker in driving.status.workers)  # of several, each has its own time
    took = up or last - driving.began
    return round(min(1.0, seconds / took), 3) if count and took > 0 else None
