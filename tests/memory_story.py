"""A driver in small, for the tests that kill it: it writes ledger, notebooks and lineage in the order of the real one.

`python memory_story.py` reads requests (JSON, one a line: runs, iterations, kill_at, kill_after) from its standard
input, runs each in a forked child and answers with the child's exit status; so that a kill costs no new interpreter.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from autoloop_kernel import durable
from autoloop_kernel.memory.ledger import Holder, Ledger, LedgerBroken
from autoloop_kernel.memory.lineage import Lineage
from autoloop_kernel.memory.rebuild import rebuild
from autoloop_kernel.memory.recover import Recovered, recover
from autoloop_kernel.records import Attempt, Finding, Iteration, Kind, Outcome, Point, Proposal, Seconds, Verdict

PARTS = {"cell score": "abc", "budget": "def"}


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """A temporary folder, in memory where there is one: hundreds of kills would wait for a disk, and need none."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def outcome(number: int, attempt: int) -> Outcome:
    """What an attempt brings, the same each time: each third crashes, the others get better."""
    if number % 3 == 2:
        return Outcome(Verdict.CRASH, reason="NameError:\nx is not defined", cell="model", facts={"steps": 3})
    curve = tuple(Point(step, step / 10, {"loss": number / (step + attempt)}) for step in range(4))
    score = 1.0 / number
    return Outcome(Verdict.SCORED, "", score, {"bits": score}, {"steps": 9}, curve, Seconds(0.1, 0.2, 0.3, 0.4, 1.0))


def write_notebook(runs: Path, number: int, attempt: Attempt) -> None:
    """The executed notebook, as execution leaves it."""
    result = {"iteration": number, "attempt": attempt.attempt, "seed": attempt.seed, "kind": attempt.kind.value}
    result |= {"game": "g", "verdict": str(attempt.verdict), "score": attempt.score, "extra": dict(attempt.extra)}
    result |= {"facts": dict(attempt.facts), "seconds": attempt.seconds.__dict__, "reason": attempt.reason}
    notebook = {"cells": [], "metadata": {"autoloop": {"result": result}}, "nbformat": 4, "nbformat_minor": 5}
    name = "iteration.ipynb" if attempt.attempt == 1 else f"attempt-{attempt.attempt}.ipynb"
    durable.write_atomic(runs / f"{number:04d}" / name, json.dumps(notebook))


def attempt_once(ledger: Ledger, runs: Path, number: int) -> Attempt:
    """One attempt, from its start to its end in the ledger."""
    attempt = ledger.begin_attempt(number, lambda n: 100 * number + n, Kind.SCREEN, f"run-{number}")
    brought = outcome(number, attempt)
    if brought.curve:
        ledger.add_points({(number, attempt): brought.curve[:2]})
    seed = 100 * number + attempt
    done = Attempt(
        attempt, seed, Kind.SCREEN, brought.verdict, brought.score, brought.reason, brought.extra, brought.facts
    )
    write_notebook(runs, number, replace(done, seconds=brought.seconds))
    ledger.end_attempt(number, attempt, brought)
    return done


def conclude(ledger: Ledger, lineage: Lineage, runs: Path, iteration: Iteration) -> None:
    """Run (unless an attempt has ended before), judge, record, finish."""
    number = iteration.number
    ended = [one for one in iteration.attempts if one.verdict not in (None, Verdict.INTERRUPTED)]
    attempt = ended[0] if ended else attempt_once(ledger, runs, number)
    champion = ledger.champion(iteration.epoch)
    verdict = Verdict.CRASH
    if attempt.score is not None:
        better = champion is None or champion.score is None or attempt.score < champion.score
        verdict = Verdict.KEEP if better else Verdict.DISCARD
    current = ledger.iteration(number)
    assert current is not None
    ended_iteration = replace(
        current,
        verdict=verdict,
        state="provisional" if verdict is Verdict.KEEP else None,
        score=attempt.score,
        reason=attempt.reason,
        seconds=Seconds(0.5, 0.1, 0.3, 0.2, 1.5),
        notebook=f"{runs.name}/{number:04d}/iteration.ipynb",
    )
    tree = {"cells/model.py": f"x = {number}\n", "files/deep/er/a.txt": "é\n", "arena.ipynb": "{}"}
    parent = champion.commit if champion else None
    finding = Finding(number, f"{iteration.title} was a {verdict}", {"score": attempt.score})
    commit = lineage.record(ended_iteration, tree, parent, ledger.code_key(number), finding)
    ledger.finish(replace(ended_iteration, commit=commit), finding, verdict is Verdict.KEEP)


def opened(runs: Path) -> Ledger:
    """The ledger, made or rebuilt where need be."""
    try:
        return Ledger.open(runs / "ledger.sqlite")
    except LedgerBroken:
        rebuild(runs)
        return Ledger.open(runs / "ledger.sqlite")


def drive(runs: Path, iterations: int) -> list[Recovered]:
    """Take the lease, recover, and go on until that many iterations have ended."""
    with opened(runs) as ledger:
        lineage = Lineage.open(runs / "lineage.git")
        me = Holder.mine()
        other = ledger.acquire(me)
        assert other is None, f"held by {other}"
        found = recover(ledger, lineage, runs)
        for line in found:
            if line.again and line.iteration is not None:
                waiting = ledger.iteration(line.iteration)
                assert waiting is not None
                conclude(ledger, lineage, runs, waiting)
        epoch, _ = ledger.epoch("g", PARTS)
        while ledger.last_number() < iterations:
            number = ledger.last_number() + 1
            champion = ledger.champion(epoch)
            base = champion.number if champion else None
            queued = [row.id for row in ledger.proposals("accepted")]
            if not queued:
                title, why = f"title {number}\nVerdict: keep  ", f"why {number}\n\n---\n\nmore"
                new = Proposal(title, {"model": f"x = {number}"}, why, "search", base, uuid.uuid4().hex)
                ledger.propose(new, epoch)
                queued = [new.id]
            conclude(ledger, lineage, runs, ledger.begin(queued[0], base, epoch, "g", f"code {number}"))
        ledger.release(me.token)
    return found


class Stage:
    """The forking server, seen from the test."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def play(self, runs: Path, iterations: int, kill_at: int = 0, kill_after: float = 0.0) -> int:
        """Run `drive` in a new process; -9 when it was killed, at a crossing or after some seconds; 0 when it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"runs": str(runs), "iterations": iterations, "kill_at": kill_at, "kill_after": kill_after}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


def serve() -> None:
    """Answer requests until the standard input ends."""
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            durable._crossed = 0
            os.environ["AUTOLOOP_KILL_AT"] = str(request["kill_at"])
            try:
                drive(Path(request["runs"]), request["iterations"])
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        if request["kill_after"]:
            time.sleep(request["kill_after"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
