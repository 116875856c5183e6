"""What one iteration costs the driver, measured: the real loop, ledger, lineage and judge on an instant machine.

A driver with W slots does for each of its iterations what it does with one slot, so that its share of the time follows
from what an iteration takes beside its run. That is measured on the bundled `gpt_pretrain`, on a memory that has just
begun and on one of 10,000 iterations.
"""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pygit2
from ledger_scale import enter_edits, lost

from autoloop_kernel import rulings
from autoloop_kernel.agents import brief, tiers
from autoloop_kernel.agents.base import Context, NoProposal
from autoloop_kernel.agents.claude import prompt
from autoloop_kernel.ahead import Ahead, Among
from autoloop_kernel.arena.edit import code_key
from autoloop_kernel.arena.game import game, hardware_class
from autoloop_kernel.arena.templates import new
from autoloop_kernel.judging import Judge
from autoloop_kernel.loop import Loop, Stopped
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.trailers import message_of
from autoloop_kernel.messages import Curves
from autoloop_kernel.proposing import NothingToRun, check
from autoloop_kernel.records import Job, Kind, Outcome, Point, Proposal, Seconds, Verdict
from autoloop_kernel.session import Session, open_session

ARENA = "gpt_pretrain"
POINTS = 5
"""How many points of a curve come between two of the ledger's writes of them."""
CROWD = 100
"""How many iterations run, and proposals wait, where it is measured what more of them cost."""
FACTS = {"parameters": 120_000_000, "tokens": 800_000, "steps": 1000, "peak_memory_mb": 45_000.0}


@dataclass(frozen=True)
class Costs:
    """Seconds of the driver, each the lowest decile of several, and what an agent reads.

    `begin`: from the question for the next proposal to its run, with an agent that takes no time; `check`: a proposal
    that waited is checked once more; `waiting`: how much longer that takes for each other one that waits; `running`:
    how much longer `begin` takes for each iteration that runs meanwhile; `end`: from the run's end to the verdict on
    disk, ruling included; `attempt`: a further attempt at the same iteration; `points`: the points of one curve and
    their event, every half second, where a hundred are written at once; `idle`: each second, a slot that waits for a
    proposal.

    Of `end` `commit` is git's part and `rule` the judge's; `retell` is what a judge takes that has to be told the last
    hundred iterations anew; `sync` is one small write that waits for the disk, for comparison. `writes` counts the
    ledger's transactions of an iteration of one attempt. `prompt` and `brief` are characters that the agents claude and
    command:CMD are given to read.
    """

    begin: float
    check: float
    waiting: float
    running: float
    end: float
    attempt: float
    points: float
    idle: float
    commit: float
    rule: float
    retell: float
    sync: float
    writes: int
    prompt: int
    brief: int

    @property
    def tokens(self) -> float:
        """Tokens of the first request of a proposal, as the house counts them."""
        return self.prompt / tiers.A_TOKEN


def now() -> float:
    """Seconds that pass, but for those in which this thread might run and others have all cores.

    Linux tells them; elsewhere it is plain time, and a busy machine lengthens what is measured.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        while True:  # who had to wait between the two clocks would have waited less than no time at the next question
            queued, at = _queued(), time.perf_counter()
            if queued == _queued():
                return at - queued / 1e9
    return time.perf_counter()


def _queued() -> int:
    """For how many nanoseconds this thread has waited for a core."""
    return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])


class Instant:
    """An executor whose runs take no time; keeps when each began and ended."""

    def __init__(self, scores: Callable[[Job], float]) -> None:
        self.scores = scores
        self.at: list[tuple[float, float]] = []

    def prepare(self) -> None:
        return None

    def run(
        self, job: Job, on_message: Callable[[str, Mapping[str, Any]], Any], stopped: Callable[[], bool]
    ) -> Outcome:
        began = now()
        for phase in ("starting", "running", "scoring"):
            on_message("phase", {"phase": phase})
        points = tuple(Point(i, i / 10, {"loss": 3.0}) for i in range(50))
        spoke = now() - began  # a run's words are the driver's work, though it runs
        self.at.append((now() - spoke, now()))
        times = Seconds(start=0.2, run=300.0, score=10.0)
        return Outcome(Verdict.SCORED, score=self.scores(job), facts=FACTS, curve=points, seconds=times)

    def tryout(self, job: Job, stopped: Callable[[], bool]) -> str:
        return ""


class Editor:
    """An agent that adds a line that nobody added before, and takes no time; `context` is the last it was given."""

    name = "editor"

    def __init__(self) -> None:
        self.asked = 0
        self.context: Context | None = None

    def propose(self, context: Context) -> Proposal:
        self.asked, self.context = self.asked + 1, context
        return Proposal(f"LR 3e-4 → {self.asked}e-6", edited(context.units, self.asked), "a smaller step near the end")


def edited(units: Mapping[str, str], number: int) -> dict[str, str]:
    """An edit of one unit that differs for each number."""
    name = sorted(units)[0]
    return {name: f"{units[name].rstrip()}\nTRIED = {number}\n"}


def measure(folder: Path, count: int, repeats: int = 40) -> Costs:
    """Measure in `folder`, on a memory of `count` iterations beside those that are measured."""
    with open_session(new(ARENA, folder / str(count)), in_turns=True) as session:
        rng = np.random.default_rng(0)
        machine, agent = Instant(lambda job: 1.0 + 1e-3 * float(rng.normal())), Editor()
        loop = Loop(session, machine)
        loop.iterate(agent)
        age(session, count)
        for _ in range(5):
            loop.iterate(agent)
        found = _iterations(session, loop, machine, agent, repeats)
        assert agent.context is not None
        found |= _alone(session, agent.context, repeats)
        found |= {"sync": _sync(folder, repeats), **_judging(session, repeats)}
        found |= {"idle": _idle(session, loop)}
        found |= _crowded(session, loop, machine, agent, found)
        found |= {"prompt": _read_by_claude(agent.context), "brief": _read_by_command(agent.context)}
    return Costs(**found)


def age(session: Session, count: int) -> None:
    """Add `count` discarded iterations to the epoch, with attempts, findings, edits, commits and loose refs."""
    ledger, arena, git = session.ledger, session.arena, session.lineage._git
    epoch, identity, base = ledger.current_epoch(), game(arena, hardware_class()), session.lineage.commit_of(1)
    assert epoch is not None
    assert base is not None
    first, parent = ledger.last_number() + 1, git[base]
    entered = []
    pygit2.settings.enable_fsync_gitdir(False)  # this memory has to last for some minutes only
    for number in range(first, first + count):
        one = lost(number, epoch)
        told = {"base": 1, "verdict": Verdict.DISCARD, "state": None, "game": identity, "proposal": f"p{number}"}
        one = replace(one, iteration=replace(one.iteration, **told), code_key=f"code{number}")
        commit = git.create_commit(None, parent.author, parent.author, message_of(one), parent.tree.id, [parent.id])
        (session.lineage.path / "refs" / "iterations" / f"{number:04d}").write_text(f"{commit}\n", encoding="ascii")
        entered.append(replace(one, iteration=replace(one.iteration, commit=str(commit))))
    pygit2.settings.enable_fsync_gitdir(True)
    if entered:
        ledger.restore(entered)
        enter_edits(ledger, count)


def _iterations(session: Session, loop: Loop, machine: Instant, agent: Editor, repeats: int) -> dict[str, Any]:
    """Whole iterations, and how each of them is divided by its run; those that were run once count."""
    before, after, writes = [], [], []
    with _counted() as written, _timed(session.lineage, "record") as commits, _timed(loop.rulings, "rule") as ruled:
        while len(before) < repeats:
            machine.at.clear()
            count, began = len(written), now()
            loop.iterate(agent)
            ended = now()
            before.append(machine.at[0][0] - began)
            after.append(ended - machine.at[-1][1])
            if len(machine.at) == 1:
                writes.append(len(written) - count)
    one = {"begin": _typical(before), "end": _typical(after), "commit": _typical(commits), "rule": _typical(ruled)}
    more = []
    for _ in range(repeats // 4):
        machine.at.clear()
        began = now()
        loop.run_again(session.ledger.last_number(), Kind.REPLICATE)
        more.append(now() - began - (machine.at[0][1] - machine.at[0][0]))
    return one | {"writes": int(statistics.median(writes)), "attempt": _typical(more) + one["rule"]}


def _alone(session: Session, context: Context, repeats: int) -> dict[str, float]:
    """A check, and a batch of points."""
    epoch, number = session.ledger.current_epoch(), session.ledger.last_number()
    assert epoch is not None
    checks, points = [], []
    for nth in range(repeats):
        proposal = Proposal("t", edited(context.units, 10_000 + nth), "", "editor", context.base, f"checked{nth}")
        began = now()
        check(session, session.arena, epoch, proposal)
        checks.append(now() - began)
        curves = Curves()
        curves._flushed = math.inf
        for attempt in range(1, CROWD + 1):
            for step in range(POINTS):
                curves.add(session.ledger, number, attempt, Point(1000 + nth * POINTS + step, nth, {"loss": 1.0}))
        began = now()
        curves.flush(session.ledger)
        points.append((now() - began) / CROWD)
    return {"check": _typical(checks), "points": _typical(points)}


def _crowded(
    session: Session, loop: Loop, machine: Instant, agent: Editor, alone: Mapping[str, float]
) -> dict[str, float]:
    """How much longer things take for each iteration that runs beside, and for each proposal that waits."""
    ledger, epoch, champion = session.ledger, session.ledger.current_epoch(), session.champion()
    assert epoch is not None
    assert champion is not None
    sources = session.units(champion.number)

    def propose(name: str, number: int) -> Proposal:
        proposal = Proposal(name, edited(sources, number), "why", "editor", champion.number, f"{name}{number}")
        ledger.propose(proposal, epoch)
        return proposal

    for number in range(20_000, 20_000 + CROWD):
        proposal = propose("running", number)
        key = code_key({**sources, **proposal.units})
        begun = ledger.begin(proposal.id, champion.number, epoch, champion.game, key)
        loop.board.begin(begun.number, key, champion.number)
    begins = []
    for _ in range(20):
        machine.at.clear()
        began = now()
        loop.iterate(agent)
        begins.append(machine.at[0][0] - began)
    for number in range(30_000, 30_000 + CROWD):
        propose("waiting", number)
    checks = []
    for nth in range(20):
        proposal = Proposal("t", edited(sources, 40_000 + nth), "", "editor", champion.number, f"crowded{nth}")
        began = now()
        check(session, session.arena, epoch, proposal)
        checks.append(now() - began)
    return {
        "running": max(0.0, _typical(begins) - alone["begin"]) / CROWD,
        "waiting": max(0.0, _typical(checks) - alone["check"]) / CROWD,
    }


def _judging(session: Session, repeats: int) -> dict[str, float]:
    """What it takes to tell a judge the epoch's last iterations anew."""
    champion = session.champion()
    assert champion is not None
    taken = []
    for _ in range(max(4, repeats // 4)):
        began = now()
        rulings._tell(Judge(), session, champion.epoch, champion)
        taken.append(now() - began)
    return {"retell": _typical(taken)}


def _idle(session: Session, loop: Loop, seconds: float = 2.0) -> float:
    """What slots take of the processor that wait for an agent's proposal, for each of them and second."""
    champion, asked, over = session.champion(), threading.Event(), threading.Event()
    assert champion is not None

    class Thinker:
        name = "thinker"

        def propose(self, context: Context) -> Proposal:
            over.wait()
            raise NoProposal("it is over")

    def pick() -> Thinker | None:
        first, _ = not asked.is_set(), asked.set()
        return Thinker() if first else None

    last = session.ledger.last_number()
    among = Among(1, loop.baton.aside, loop.hardware)
    look = lambda wait_s: session.ledger.last_number() != last  # noqa: E731 (as a slot looks whether a run fits in)
    ahead = Ahead(pick, CROWD, halted=over.is_set, manner=loop.manner, gap=look, among=among)
    ahead.aim(session.arena, champion.game)

    def work() -> None:
        with loop.baton, contextlib.suppress(Stopped, NothingToRun):
            ahead.take(session, session.arena, champion.epoch, champion)

    slots = [threading.Thread(target=work) for _ in range(CROWD)]
    for slot in slots:
        slot.start()
    time.sleep(seconds / 2)
    began, spent = time.monotonic(), time.process_time()
    time.sleep(seconds)
    share = (time.process_time() - spent) / (time.monotonic() - began) / CROWD
    over.set()
    for slot in slots:
        slot.join()
    ahead.close()
    return share


def _sync(folder: Path, repeats: int) -> float:
    """A small write that waits for the disk, as SQLite makes one for each transaction."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(repeats):
            began = now()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            taken.append(now() - began)
    return _typical(taken)


def _read_by_claude(context: Context) -> int:
    blocks = prompt.system(context) + prompt.opening(context, None)
    return sum(len(block["text"]) for block in blocks)


def _read_by_command(context: Context) -> int:
    told = brief.strategy(context) + brief.champion(context) + brief.findings(context)
    return len(told) + sum(map(len, context.units.values()))


@contextlib.contextmanager
def _counted() -> Iterator[list[str]]:
    """The names of the ledger's transactions, as they are made."""
    names: list[str] = []
    write = Ledger._write

    def counting(self: Ledger, what: str, counted: bool = True) -> Any:
        names.append(what)
        return write(self, what, counted)

    with mock.patch.object(Ledger, "_write", counting):
        yield names


@contextlib.contextmanager
def _timed(owner: object, name: str) -> Iterator[list[float]]:
    """How long each call of a method takes."""
    taken: list[float] = []
    method = getattr(owner, name)

    def timing(*args: Any, **kwargs: Any) -> Any:
        began = now()
        try:
            return method(*args, **kwargs)
        finally:
            taken.append(now() - began)

    with mock.patch.object(owner, name, timing):
        yield taken


def _typical(taken: list[float]) -> float:
    """The lowest tenth ends there: what others do with the machine meanwhile is left out."""
    return float(np.quantile(taken, 0.1))
