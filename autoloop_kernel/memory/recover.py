"""Ledger, lineage and notebooks made to tell one story again after a driver was killed."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.lineage import Lineage, LineageBroken
from autoloop_kernel.memory.rebuild import lost_of, move_unrecorded
from autoloop_kernel.memory.refill import refill
from autoloop_kernel.memory.restore import Lost
from autoloop_kernel.records import LOST, AutoloopError, Finding, Iteration, Verdict

_WHY = "the driver was stopped in the middle of it"


@dataclass(frozen=True)
class Recovered:
    """One thing that recovery found or did, in a plain line.

    With `again`, `iteration` is the number of one that has no verdict: it is to be run (or, where an attempt of it has
    ended, judged) under that number, before any other begins.
    """

    text: str
    iteration: int | None = None
    again: bool = False


def recover(ledger: Ledger, lineage: Lineage, runs: Path) -> list[Recovered]:
    """Bring ledger, lineage and the folder `runs` together; returns what was done, and what must be run again.

    For a driver that has just taken the lease: nobody else may write meanwhile. What an iteration's commit says counts
    as its verdict, in the ledger or not; what has no commit has no verdict, and its open attempts become `interrupted`.
    It may be killed at any point and run again. Raises `LineageBroken` when the champion's sources are gone.
    """
    holder = ledger.holder()
    if holder is not None and holder.pid != os.getpid():
        raise AutoloopError(f"{holder} drives this arena: stop it first (autoloop stop ARENA)")
    refs = set(lineage.numbers())
    swept = _sweep(lineage, runs)
    refs = set(lineage.numbers()) if swept else refs
    found = swept + _without_ref(ledger, lineage, refs) + _roll_forward(ledger, lineage, runs, refs)
    found += [Recovered(line) for line in move_unrecorded(runs, set(ledger.verdicts()), time.strftime("%Y%m%d-%H%M%S"))]
    refill(ledger, lineage)
    found += _forks(ledger, lineage) + _champion(ledger, lineage) + _islands(ledger, lineage)
    return found + _interrupted(ledger) + _requeued(ledger)


def _sweep(lineage: Lineage, runs: Path) -> list[Recovered]:
    """Remove the half-written files of a killed process."""
    removed = lineage.sweep()
    for folder in (runs, *(path for path in runs.iterdir() if path.is_dir() and path.name.isdecimal())):
        for path in folder.glob(".*.tmp*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            removed.append(path.name)
    if not removed:
        return []
    return [
        Recovered(f"removed {len(removed)} half-written file{'' if len(removed) == 1 else 's'} of a killed process")
    ]


def _without_ref(ledger: Ledger, lineage: Lineage, refs: set[int]) -> list[Recovered]:
    """Give iterations that the ledger knows to have ended their refs back, where the commit is still there."""
    found = []
    for number, (verdict, commit) in ledger.verdicts().items():
        if verdict is None or number in refs:
            continue
        if commit is not None and lineage.holds(commit):
            lineage.set_ref(number, commit)
            found.append(Recovered(f"iteration {number} had lost its ref in lineage.git: put back", number))
        else:
            found.append(Recovered(f"iteration {number} has no sources in lineage.git any more", number))
    return found


def _roll_forward(ledger: Ledger, lineage: Lineage, runs: Path, refs: set[int]) -> list[Recovered]:
    """Enter the verdicts that stand in the lineage and not yet in the ledger."""
    known = ledger.verdicts()
    found = []
    for number in sorted(number for number in refs if known.get(number, (None, None))[0] is None):
        lost = lost_of(lineage, runs, number)
        if lost is None or lost.iteration.verdict is None:
            found.append(Recovered(f"iteration {number} has a commit that cannot be read: it counts as not recorded"))
            continue
        _enter(ledger, lost, ledger.iteration(number))
        verdict = lost.iteration.verdict
        found.append(Recovered(f"iteration {number} had ended as {verdict}: entered in the ledger", number))
    return found


def _enter(ledger: Ledger, lost: Lost, row: Iteration | None) -> None:
    """Enter one verdict: into the row that waits for it, or, where it is missing or another proposal's, as a whole."""
    iteration = lost.iteration
    if row is None or row.proposal != iteration.proposal:
        ledger.restore([lost])
        return
    ledger.interrupt(iteration.number, _WHY)
    text = f"{iteration.title}: {iteration.verdict}" + (f", {iteration.reason}" if iteration.reason else "")
    finding = lost.finding or Finding(iteration.number, text)
    leads = iteration.verdict is Verdict.KEEP and ledger.leads(iteration.number)
    ledger.finish(iteration, finding, champion=leads)


def _interrupted(ledger: Ledger) -> list[Recovered]:
    """Mark what was running; it is to be run again."""
    found = []
    for iteration in ledger.in_flight():
        number = iteration.number
        if ledger.interrupt(number, _WHY):
            text = f"iteration {number} was running when the driver was stopped: it is run again"
        elif any(attempt.verdict not in LOST for attempt in iteration.attempts):
            text = f"iteration {number} had run and was not yet judged: it is taken up where it stood"
        else:
            text = f"iteration {number} has no verdict yet: it is run again"
        found.append(Recovered(text, number, again=True))
    for iteration in ledger.replicating():
        ledger.interrupt(iteration.number, _WHY)
        asked = iteration.number in ledger.replicates()
        what, then = ("a replicate", ": it is run again") if asked else ("a fresh run", "")
        text = f"{what} of iteration {iteration.number} was running when the driver was stopped{then}"
        found.append(Recovered(text, iteration.number))
    return found


def _requeued(ledger: Ledger) -> list[Recovered]:
    """Take up proposals that were made and not yet begun: an agent's thinking is not lost."""
    return [Recovered(f"{title!r} was proposed and had not begun: it is run next") for title in ledger.requeue()]


def _forks(ledger: Ledger, lineage: Lineage) -> list[Recovered]:
    """Note the forks in the lineage that a killed process had entered in the ledger alone."""
    found = []
    for fork in ledger.get("forks", []):
        number, after, island = fork["number"], fork["after"], fork.get("island", "")
        if lineage.commit_of(number) and (after, island) not in [noted[1:] for noted in lineage.forks(number)]:
            lineage.add_fork(number, after, time.time(), island)
            found.append(Recovered(f"the fork from iteration {number} is noted in lineage.git", number))
    return found


def _champion(ledger: Ledger, lineage: Lineage) -> list[Recovered]:
    """Point the branch `champion` at what the ledger says."""
    epoch = ledger.current_epoch()
    champion = None if epoch is None else ledger.champion(epoch)
    if champion is None:
        return []
    commit = champion.commit or lineage.commit_of(champion.number)
    if commit is None or not lineage.holds(commit):
        raise LineageBroken(
            f"{lineage.path} does not hold the champion, iteration {champion.number}: put the folder back from a copy, "
            "or start anew (autoloop clean ARENA)"
        )
    if lineage.champion() == commit:
        return []
    lineage.set_champion(commit)
    return [Recovered(f"branch champion is at iteration {champion.number} again", champion.number)]


def _islands(ledger: Ledger, lineage: Lineage) -> list[Recovered]:
    """Point the branches of the islands at what the ledger says."""
    found, epoch = [], ledger.current_epoch() or 0
    for island in ledger.islands(epoch):
        champion = ledger.champion(epoch, island)
        commit = None if champion is None else lineage.commit_of(champion.number)
        if champion is not None and commit is not None and lineage.champion(island) != commit:
            lineage.set_champion(commit, island)
            found.append(Recovered(f"the branch of {island} is at iteration {champion.number} again", champion.number))
    return found
