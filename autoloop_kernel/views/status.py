"""How things stand: one structure of plain values, as JSON and as text."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rich.table import Table
from rich.text import Text

from autoloop_kernel.figures import Figures, figures
from autoloop_kernel.judging.noise import pooled
from autoloop_kernel.judging.pruning import Measure, measure_of
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Cost, Event, Iteration, Metric, Record, Remembered, Sharing, Verdict, to_json
from autoloop_kernel.views import company, fresh, words
from autoloop_kernel.views import workers as crew
from autoloop_kernel.views.workers import Worker

FREE = Cost()
"""What nothing cost."""

NOTHING = Remembered()
"""What a memory was good for that is empty."""

EVENTS = ("driver.start", "pause", "resume", "stopping", "phase", "propose.start")


@dataclass(frozen=True)
class Driver:
    """Who drives the arena: process id and machine, and since when (seconds since the epoch)."""

    pid: int
    host: str
    since: float


@dataclass(frozen=True)
class Status:
    """How an arena stands; `state` is idle, running, paused or stopping. Scores are those of the current epoch.

    `best` is the keep with the best score, mostly the champion; not where a person forked from another iteration, or
    where what was kept last is better by more than its one score. `noise` is one standard deviation of the
    score when nothing but the seed changes, from the iterations that ran several times; None before there is one.
    `figures` are what fresh runs say of the champion, `standings` how many keeps are provisional, confirmed, refuted.
    `pruning` is what giving up runs costs and saves, None where none is given up. `islands` are the champions of the
    agents' own lines, by name, `exchanges` the last events of what those lines offered each other.
    `flights` are all iterations under way, `flying` the first of them; `workers` those of the driver that runs, or of
    the last one, none where that has but one slot. `rate` is how many iterations run in an hour, by all of them.
    """

    arena: str
    metric: Metric
    state: str
    driver: Driver | None
    flying: Iteration | None
    phase: str
    phase_since: float
    champion: Iteration | None
    baseline: Iteration | None
    epoch: int | None
    counts: dict[str, int]
    spent_s: float
    rate: float | None
    agents: tuple[str, ...] = ()
    best: Iteration | None = None
    cost: Cost = FREE
    records: Mapping[str, Record] = field(default_factory=dict)
    noise: float | None = None
    figures: Figures | None = None
    remembered: Remembered = NOTHING
    pruning: Measure | None = None
    standings: Mapping[str, int] = field(default_factory=dict)
    islands: Mapping[str, Iteration] = field(default_factory=dict)
    exchanges: tuple[Event, ...] = ()
    sharing: Sharing | None = None
    flights: tuple[Iteration, ...] = ()
    workers: tuple[Worker, ...] = ()


def read(ledger: Ledger | None, arena: str, metric: Metric) -> Status:
    """How the arena called `arena` stands by its ledger (None: it has not run)."""
    if ledger is None:
        return gather(arena, metric, None, {}, None, None, None, None, {})
    holder, epoch = ledger.holder(), ledger.current_epoch()
    flights = under_way(ledger)
    status = gather(
        arena,
        metric,
        None if holder is None else Driver(holder.pid, holder.host, holder.started),
        ledger.totals(epoch) if epoch is not None else {},
        flights[0] if flights else None,
        ledger.champion(epoch) if epoch is not None else None,
        ledger.baseline(epoch) if epoch is not None else None,
        epoch,
        {kind: event for kind in EVENTS if (event := ledger.last_event(kind)) is not None},
        ledger.best(epoch, metric.direction) if epoch is not None else None,
        ledger.spent(),
        ledger.records(epoch, metric.direction) if epoch is not None else {},
    )
    champion = status.champion
    seen = None if champion is None else figures(ledger, metric.direction, champion)
    remembered = NOTHING if epoch is None else ledger.remembered(epoch)
    told = replace(status, noise=noise(ledger), figures=seen, remembered=remembered)
    standings = {} if epoch is None else ledger.standings(epoch)
    workers = crew.read(ledger, ledger.last_event("driver.start"), holder is not None)
    rate = None if told.rate is None else told.rate * crew.lanes(workers)
    told = replace(told, flights=tuple(flights), workers=workers, rate=rate)
    run = next((w.run for w in workers if w.run and told.flying and w.run.number == told.flying.number), None)
    if run is not None:
        told = replace(told, phase=run.phase, phase_since=run.phase_since)
    told = replace(told, islands={} if epoch is None else islands(ledger, epoch))
    told = replace(told, exchanges=tuple(ledger.exchanges(company.EXCHANGES)))
    return replace(told, pruning=pruning(ledger), standings=standings, sharing=ledger.sharing())


def islands(ledger: Ledger, epoch: int) -> dict[str, Iteration]:
    """The champions of the islands of an epoch, by name."""
    found = {island: ledger.champion(epoch, island) for island in ledger.islands(epoch)}
    return {island: champion for island, champion in found.items() if champion is not None}


def under_way(ledger: Ledger) -> list[Iteration]:
    """The iterations under way, oldest first, then those that are run once more.

    What an earlier driver left unfinished is not among them, unless nothing else is: then the first of that comes next.
    """
    begun = ledger.in_flight()
    going = [it for it in begun if not (it.attempts and it.attempts[-1].verdict is Verdict.INTERRUPTED)]
    return [*going, *ledger.replicating()] or begun[:1]


def pruning(ledger: Ledger) -> Measure | None:
    """What giving up runs costs and saves in the current epoch; None where the arena gives none up."""
    event = ledger.last_event("pruning")
    return None if event is None or event.data.get("epoch") != ledger.current_epoch() else measure_of(event.data)


def noise(ledger: Ledger) -> float | None:
    """One standard deviation of the score in the current epoch when nothing but the seed changes; None if unknown."""
    epoch = ledger.current_epoch()
    return None if epoch is None else pooled(ledger.repeated(epoch).values())


def gather(
    arena: str,
    metric: Metric,
    driver: Driver | None,
    totals: Mapping[Verdict, tuple[int, float]],
    flying: Iteration | None,
    champion: Iteration | None,
    baseline: Iteration | None,
    epoch: int | None,
    events: Mapping[str, Event],
    best: Iteration | None = None,
    cost: Cost = FREE,
    records: Mapping[str, Record] | None = None,
) -> Status:
    """Put a status together from what the ledger says.

    `totals`: by verdict, how many iterations of the epoch ended so and their seconds; `events`: the last one by kind.
    `best` is the champion where none is given; `cost` is what the agents' requests cost, in all epochs, and
    `records` what came of each agent's proposals.
    """
    spent = sum(seconds for _, seconds in totals.values())
    count = sum(number for number, _ in totals.values())
    phase = _phase(events, flying)
    start = events.get("driver.start")
    return Status(
        arena=arena,
        metric=metric,
        state=_state(driver, events),
        driver=driver,
        flying=flying,
        phase=phase[0],
        phase_since=phase[1],
        champion=champion,
        baseline=baseline,
        epoch=epoch,
        counts={verdict.value: totals[verdict][0] for verdict in words.ENDS if verdict in totals},
        spent_s=spent,
        rate=3600 * count / spent if spent > 0 else None,
        agents=tuple(str(a) for a in start.data.get("agents", ())) if start else (),
        best=best if best is not None else champion,
        cost=cost,
        records=records or {},
    )


def _state(driver: Driver | None, events: Mapping[str, Event]) -> str:
    """What the driver is doing, by the last thing it was told since it started."""
    if driver is None:
        return "idle"
    start = events.get("driver.start")
    told = [e for kind in ("pause", "resume", "stopping") if (e := events.get(kind)) is not None]
    told = [e for e in told if start is None or e.seq > start.seq]
    last = max(told, key=lambda e: e.seq, default=None)
    if last is None or last.kind == "resume":
        return "running"
    return "paused" if last.kind == "pause" else "stopping"


def _phase(events: Mapping[str, Event], flying: Iteration | None) -> tuple[str, float]:
    """Which phase the run is in, and since when."""
    phase, thinking = events.get("phase"), events.get("propose.start")
    if flying is None:
        return ("proposing", thinking.time) if thinking else ("", 0.0)
    if phase is not None and phase.iteration == flying.number:
        return str(phase.data.get("phase", "")), phase.time
    return "starting", flying.time


def row(status: Status, now: float | None = None) -> dict[str, Any]:
    """What `status --json` prints; how busy workers are goes by `now` (None: the clock's) while a driver runs."""
    now = time.time() if now is None else now
    flying, champion, baseline = status.flying, status.champion, status.baseline
    leads = None if champion is None else {"number": champion.number, "score": champion.score}
    return {
        "arena": status.arena,
        "state": status.state,
        "driver": None if status.driver is None else {"pid": status.driver.pid, "host": status.driver.host},
        "iteration": None
        if flying is None
        else {"number": flying.number, "title": flying.title, "agent": flying.agent, "phase": status.phase},
        "champion": None if leads is None else leads | fresh.row(status.figures),
        "best": None if status.best is None else {"number": status.best.number, "score": status.best.score},
        "baseline": None if baseline is None else {"number": baseline.number, "score": baseline.score},
        "metric": {"name": status.metric.name, "direction": status.metric.direction.value, "unit": status.metric.unit},
        "grade": status.metric.grade,
        "epoch": status.epoch,
        "counts": status.counts,
        "standings": dict(status.standings),
        "noise": status.noise,
        "pruning": None if status.pruning is None else status.pruning.to_json(),
        "rate_per_hour": status.rate,
        "seconds": status.spent_s,
        "cost": to_json(status.cost),
        "memory": _memory_row(status.remembered),
        "sharing": None if status.sharing is None else to_json(status.sharing),
        "agents": {name: to_json(record) for name, record in status.records.items()},
        "workers": [crew.row(worker, _clock(status, now)) for worker in status.workers],
        **({"islands": {name: _island_row(it) for name, it in status.islands.items()}} if status.islands else {}),
    }


def _island_row(it: Iteration) -> dict[str, Any]:
    return {"number": it.number, "score": words.finite(it.score), "state": it.state, "title": it.title}


def _clock(status: Status, now: float) -> float | None:
    """By when workers are measured: a driver that has ended is measured by its last event."""
    return now if status.driver is not None else None


def _memory_row(memory: Remembered) -> dict[str, Any]:
    """What the memory was good for, with its shares (0 to 1)."""
    return {
        "avoided": memory.avoided,
        "avoided_share": memory.share,
        "avoided_seconds": memory.seconds,
        "avoided_by_others": memory.others,
        "edits": memory.runs,
        "reintroduced": memory.again,
        "reintroduction_rate": memory.rate,
        "near_repeats": memory.near,
    }


def text(status: Status, now: float | None = None, disk: int | None = None) -> Table:
    """The status for a terminal; `disk` is how many bytes the runs take, None where nobody has looked."""
    now = time.time() if now is None else now
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(status.arena, _driver_line(status))
    for it in _unstaffed(status):
        table.add_row("iteration", _flight_line(status, it, now))
    if crew.shown(status.workers):
        staff = crew.table(status.workers, now) if status.driver else Text(crew.summary(status.workers))
        table.add_row("workers", staff)
    table.add_row("best", _best_line(status))
    if status.champion is not None and status.best is not None and status.champion.number != status.best.number:
        table.add_row("champion", Text(f"iteration {status.champion.number}, which the next proposals edit"))
    for told in _fresh(status):
        table.add_row("", Text(told, style="dim"))
    if status.epoch is not None:
        total = sum(status.counts.values())
        counted = ", ".join(f"{n} {words.look(v).sign} {v}" for v, n in status.counts.items())
        table.add_row("ended", f"{total} in epoch {status.epoch}" + (f": {counted}" if counted else ""))
        held = [(words.look("keep", state), n, state) for state, n in sorted(status.standings.items())]
        if set(status.standings) - {"provisional"}:
            table.add_row("keeps", ", ".join(f"{n} {seen.sign} {state}" for seen, n, state in held))
    if status.noise:
        size = words.number(status.noise, words.decimals([status.noise], 2))
        table.add_row("noise", f"± {size} by the seed alone (1 SD)")
    if status.pruning is not None:
        table.add_row("pruning", status.pruning.text)
    if status.rate is not None:
        table.add_row("pace", f"{status.rate:.0f} an hour; {words.duration(status.spent_s)} spent")
    if disk:
        table.add_row("disk", f"{words.bytes_(disk)} of runs")
    if status.cost.requests:
        table.add_row("cost", words.money(status.cost))
    if status.remembered.avoided or status.remembered.runs:
        table.add_row("memory", _memory_line(status.remembered))
    if status.sharing is not None:
        table.add_row("shared", _sharing_line(status.sharing, now))
        for one in status.sharing.whose:
            table.add_row("", Text(company.taken(one), style="dim"))
    if len(status.records) > 1:
        for place, (name, record) in enumerate(status.records.items()):
            table.add_row("" if place else "agents", _record_line(name, record))
    for place, (name, it) in enumerate(status.islands.items()):
        table.add_row("" if place else "islands", Text(company.island(name, it)))
    for place, event in enumerate(status.exchanges):
        table.add_row("" if place else "exchanged", Text(company.exchanged(event), style="dim"))
    return table


def _unstaffed(status: Status) -> list[Iteration]:
    """The iterations under way of which no worker is shown."""
    flights = status.flights or ((status.flying,) if status.flying is not None else ())
    staffed = {worker.run.number for worker in status.workers if worker.run is not None}
    return [it for it in flights if it.number not in staffed or not crew.shown(status.workers)]


def _flight_line(status: Status, it: Iteration, now: float) -> Text:
    """ "◐ 7 · LR up  running for 8.0 s"."""
    seen = words.look(None if status.driver is not None else Verdict.INTERRUPTED)
    line = Text(f"{seen.sign} {it.number} · {words.plain(it.title)}", style=seen.style)
    if status.driver is None:
        return line.append("  interrupted: the next start runs it again", style="yellow")
    phase, since = (status.phase, status.phase_since) if it == status.flying else ("starting", it.time)
    return line.append(f"  {phase} for {words.duration(max(0.0, now - since))}", style="dim")


def _fresh(status: Status) -> list[str]:
    """What fresh runs say of the champion, in sentences."""
    if status.figures is None or status.champion is None:
        return []
    return fresh.lines(status.figures, words.decimals([status.champion.score]))


def _memory_line(memory: Remembered) -> Text:
    """ "12 evaluations avoided (9 %, 3 min of the trainer); 4 of 120 edits added deleted lines again (3 %)"."""
    line = Text(f"{memory.avoided} evaluation{'s' * (memory.avoided != 1)} avoided")
    if memory.avoided:
        line.append(f" ({100 * memory.share:.0f} %, {words.duration(memory.seconds)} of the trainer")
        line.append(f"; {memory.others} by what others shared)" if memory.others else ")")
    line.append(f"; {memory.again} of {memory.runs} edits added deleted lines again ({100 * memory.rate:.0f} %)")
    if memory.near:
        line.append(f"; {memory.near} nearly repeated another")
    return line


def _sharing_line(sharing: Sharing, now: float) -> Text:
    line = Text(company.shared(sharing, now))
    return line.append(f"; {words.plain(sharing.trouble)}", "yellow") if sharing.trouble else line


def _record_line(name: str, record: Record) -> Text:
    """ "search: 40 runs, 3 kept, gained 0.12 in 10 min"."""
    line = Text(f"{words.shorten(words.plain(name), 40)}: {record.runs} run{'s' * (record.runs != 1)}")
    if record.keeps:
        line.append(f", keeps worth {record.keeps:g}, gained {words.number(record.gain)}")
    line.append(f", {words.duration(record.seconds)}" + (f", ${record.dollars:.2f}" if record.dollars else ""), "dim")
    return line


def _driver_line(status: Status) -> Text:
    if status.driver is None:
        return Text("idle: nothing is running")
    waits = status.state in ("paused", "stopping") and status.flights
    state = {"paused": "pauses"}.get(status.state, status.state) if waits else status.state
    under_way = "these iterations" if len(status.flights) > 1 else "this iteration"
    who = f"{state}{f' after {under_way}' if waits else ''}: process {status.driver.pid} on {status.driver.host}"
    agents = f", {' + '.join(words.plain(a) for a in status.agents)}" if status.agents else ""
    return Text(who + agents, style="bold")


def _best_line(status: Status) -> Text:
    best, baseline = status.best, status.baseline
    if best is None:
        return Text("nothing kept yet")
    line = Text(f"{status.metric.name} ")
    places = words.decimals([best.score])
    line.append(words.number(best.score, places), style="bold blue")
    line.append(f"{status.metric.doubt}, iteration {best.number}")
    if baseline is not None and baseline.number != best.number:
        change = words.share(best.score, baseline.score)
        line.append(f"; baseline {words.number(baseline.score, places)}" + (f" ({change})" if change else ""))
    return line
