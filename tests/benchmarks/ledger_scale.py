"""How the ledger fares at 10,000 iterations: what reading costs, and one more step beside a step on an empty ledger.

Run as a script; prints one line a figure. `main` returns the figures by name (seconds, and the ratio), for a caller.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from autoloop_kernel.memory.edits import Edit, Noticed
from autoloop_kernel.memory.history import History
from autoloop_kernel.memory.ledger import Ledger, Lost
from autoloop_kernel.memory.remembering import store_edit
from autoloop_kernel.records import (
    Attempt,
    Direction,
    Finding,
    Iteration,
    Kind,
    Outcome,
    Point,
    Proposal,
    Seconds,
    Verdict,
)

TIMES = Seconds(1.0, 0.5, 15.0, 0.4, 17.1)
FACTS = {"parameters": 120_000, "tokens": 800_000, "steps": 1000, "peak_memory_mb": 512.0}


def fill(path: Path, count: int) -> None:
    """Build a ledger of `count` iterations with an attempt, a finding and eight events each; every 20th has a curve."""
    with Ledger.open(path) as ledger:
        epoch, _ = ledger.epoch("game", {"score": "a"})
        ledger.restore(lost(number, epoch) for number in range(1, count + 1))
        for number in range(1, count + 1, 20):
            ledger.add_points({(number, 1): [Point(i, i / 10, {"loss": 3.0 - i / 100}) for i in range(100)]})
        with ledger._write("events") as database:
            rows = ((0.0, 1 + i // 8, 1, "phase", '{"phase": "running"}') for i in range(8 * count))
            database.executemany(
                "INSERT INTO events (time, iteration, attempt, kind, json) VALUES (?, ?, ?, ?, ?)", rows
            )
        enter_edits(ledger, count)


def enter_edits(ledger: Ledger, count: int) -> None:
    """Let every iteration be an edit of 40 lines, one in 20 add deleted lines again, and one in 10 be asked for twice.

    The sketches are entered as they are, for comparing each with those before it would take minutes.
    """
    rng = random.Random(1)
    with ledger._write("edits") as database:
        for number in range(2, count + 1):
            lines = tuple(("model", f"w{rng.randrange(500)} = f({rng.random()})") for _ in range(20))
            again = {1: lines[:1]} if number % 20 == 0 else {}
            store_edit(database, number, 1, Noticed(Edit(lines, lines[::-1]), again=again, out=lines), number % 10 == 1)
        rows = ((1, f"code{n}", f"twice{n}", n, "", 15.4, float(n)) for n in range(10, count, 10))
        database.executemany("INSERT INTO avoided VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def recall(ledger: Ledger) -> dict[str, float]:
    """What each thing takes (seconds) that a step asks of the memory of past edits."""
    before = {"model": "\n".join(f"w{n} = f({n})" for n in range(200))}
    after = {"model": before["model"].replace("f(7)", "f(8)") + "\nw3 = f(0.25)"}
    direction = Direction.MIN
    return {
        "noticed()": timed(lambda: ledger.noticed(1, before, after)),
        "matching(), last 2,000": timed(lambda: ledger.matching("LR 3e-4 smaller step near the end", 11, 2000)),
        "matching(), all": timed(lambda: ledger.matching("LR 3e-4 smaller step near the end", 11)),
        "tries()": timed(lambda: ledger.tries(1, direction)),
        "remembered()": timed(lambda: ledger.remembered(1)),
    }


def lost(number: int, epoch: int) -> Lost:
    """An iteration as a long run leaves it: one in ten a keep."""
    keep = number % 10 == 1
    attempt = Attempt(1, number, Kind.SCREEN, Verdict.SCORED, 2.0 - number / 1e5, "", {"tokens": 5}, FACTS, TIMES)
    iteration = Iteration(
        number=number,
        epoch=epoch,
        proposal=f"p{number}",
        title=f"LR 3e-4 → {number}e-6",
        agent="search",
        base=number - (number - 2) % 10 - 1 if number > 1 else None,
        hypothesis="a smaller step near the end",
        verdict=Verdict.KEEP if keep else Verdict.DISCARD,
        state="provisional" if keep else None,
        score=attempt.score,
        attempts=(attempt,),
        seconds=TIMES,
        notebook=f"arena_runs/{number:04d}/iteration.ipynb",
        commit="0" * 40,
        game="game",
        time=float(number),
    )
    return Lost(iteration, f"code{number}", Finding(number, "it was worse by 0.01", {"delta": 0.01}))


def step(ledger: Ledger, history: History) -> None:
    """All that one step reads and writes."""
    number = ledger.last_number() + 1
    epoch, _ = ledger.epoch("game", {"score": "a"})
    champion = ledger.champion(epoch)
    ledger.find_code(epoch, f"new code{number}")
    proposal = Proposal("a title", {"model": "x = 1\n"}, "why", "search", id=f"step{number}")
    ledger.propose(proposal, epoch)
    iteration = ledger.begin(proposal.id, champion.number if champion else None, epoch, "game", f"new code{number}")
    attempt = ledger.begin_attempt(iteration.number, 7, Kind.SCREEN, "run")
    for phase in ("starting", "running", "scoring"):
        ledger.emit("phase", iteration.number, attempt, phase=phase)
    points = tuple(Point(i, i / 10, {"loss": 3.0}) for i in range(50))
    ledger.end_attempt(iteration.number, attempt, Outcome(Verdict.SCORED, score=1.0, facts=FACTS, curve=points))
    ended = Iteration(**{**iteration.__dict__, "verdict": Verdict.DISCARD, "score": 1.0, "seconds": TIMES})
    ledger.finish(ended, Finding(iteration.number, "no gain"), champion=False)
    ledger.findings(20)
    history.of(epoch)


def timed(action: Callable[[], object], repeats: int = 5) -> float:
    """The median time of an action in seconds."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def steps(empty: Path, full: Path, repeats: int) -> tuple[float, float]:
    """The lower quartile of one step's time on either ledger, taken in turn: what a noisy disk adds is left out."""
    taken: tuple[list[float], list[float]] = ([], [])
    with Ledger.open(empty) as small, Ledger.open(full) as large:
        histories = (History(small), History(large))
        for history in histories:
            history.of(1)  # a driver reads it once, when it starts
        for _ in range(repeats):
            for ledger, history, times in zip((small, large), histories, taken, strict=True):
                start = time.perf_counter()
                step(ledger, history)
                times.append(time.perf_counter() - start)
    return statistics.quantiles(taken[0])[0], statistics.quantiles(taken[1])[0]


def main(count: int = 10_000, repeats: int = 150) -> dict[str, float]:
    """Build both ledgers in a temporary folder, measure, print, and return the figures."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        empty, full = Path(folder, "empty", "ledger.sqlite"), Path(folder, "full", "ledger.sqlite")
        start = time.perf_counter()
        fill(full, count)
        print(
            f"{count:,} iterations, {full.stat().st_size / 2**20:.1f} MiB, built in {time.perf_counter() - start:.1f} s"
        )
        figures["open"] = timed(lambda: Ledger.open(full).close())
        figures["open read-only"] = timed(lambda: Ledger.open(full, read_only=True).close())
        with Ledger.open(full, read_only=True) as ledger:
            figures["iterations()"] = timed(ledger.iterations)
            figures["iterations(limit=20)"] = timed(lambda: ledger.iterations(limit=20))
            figures["champion()"] = timed(lambda: ledger.champion(1))
            figures["findings()"] = timed(ledger.findings)
            figures["verdicts()"] = timed(ledger.verdicts)
            figures["last_event()"] = timed(lambda: ledger.last_event("driver.start"))
        some = Path(folder, "some", "ledger.sqlite")
        fill(some, 600)
        with Ledger.open(some, read_only=True) as small, Ledger.open(full, read_only=True) as large:
            few, many = recall(small), recall(large)
        figures |= {name: value for each in many for name, value in ((f"{each} at 600", few[each]), (each, many[each]))}
        figures["step, empty"], figures["step, full"] = steps(empty, full, repeats)
        figures["ratio"] = figures["step, full"] / figures["step, empty"]
    for name, value in figures.items():
        print(f"{name:30} {value:8.3f}" if name == "ratio" else f"{name:30} {value * 1000:8.2f} ms")
    return figures


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
