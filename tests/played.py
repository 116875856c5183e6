"""An arena with a history, made through the real ledger and lineage without running anything: for tests of faces."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena_builder import arena, named
from arena_builder import write as write_arena

from autoloop_kernel.arena.edit import code_key, tree
from autoloop_kernel.arena.game import game, hardware_class, parts
from autoloop_kernel.records import Finding, Iteration, Kind, Outcome, Point, Proposal, Seconds, Verdict
from autoloop_kernel.session import Session, open_session

BASELINE = "X = 3.0  # -5..5\nsubmit(lambda: np.array(X))"
JUDGE = "from autoloop_kernel.cells import ask, score\nscore(abs(float(ask())))"


def make_arena(folder: Path, name: str = "game.ipynb", **settings: Any) -> Path:
    """A sound arena whose score is |X|, lower is better; `settings` go into its metadata."""
    notebook = arena()
    named(notebook, "model")["source"] = BASELINE
    named(notebook, "judge")["source"] = JUDGE
    named(notebook, "params")["source"] = "SEED = 0  # of the run\nBUDGET_S = 1.0"
    # How busy a machine is decides no test, and one attempt is enough where a test does not ask for more.
    notebook["metadata"]["autoloop"] |= {"contention": 1, "keep": {"policy": "greedy"}, **settings}
    return write_arena(folder, notebook, name)


def play(session: Session, x: float, outcome: Outcome, base: int | None, title: str = "", **units: str) -> Iteration:
    """One iteration with X = `x` that ended with `outcome`, judged as the driver would."""
    ledger, arena_ = session.ledger, session.arena
    hardware = hardware_class()
    epoch, _ = ledger.epoch(game(arena_, hardware), parts(arena_, hardware))
    number = ledger.last_number() + 1
    sources = {**arena_.sources, "model": BASELINE.replace("3.0", repr(x)), **units}
    proposal = Proposal(
        title or f"X to {x}", sources, "It may help.", "search" if base else "baseline", base, f"p{number}"
    )
    ledger.propose(proposal, epoch)
    it = ledger.begin(proposal.id, base, epoch, game(arena_, hardware), code_key(sources))
    attempt = ledger.begin_attempt(number, 1000 + number, Kind.SCREEN, f"run-{number}")
    ledger.end_attempt(number, attempt, outcome)
    champion = ledger.champion(epoch)
    kept = outcome.score is not None and (champion is None or outcome.score < (champion.score or 0.0))
    scored = outcome.verdict is Verdict.SCORED
    verdict = outcome.verdict if not scored else Verdict.KEEP if kept else Verdict.DISCARD
    known = ledger.iteration(number)
    ended = replace(
        it,
        verdict=verdict,
        state="provisional" if kept else None,
        score=outcome.score,
        reason=outcome.reason,
        seconds=outcome.seconds,
        attempts=known.attempts if known else (),
        notebook=f"{arena_.runs.name}/{number:04d}/iteration.ipynb",
    )
    parent = session.lineage.commit_of(base) if base is not None else None
    ended = replace(ended, commit=session.lineage.record(ended, tree(arena_, sources), parent))
    ledger.finish(ended, Finding(number, f"{title} taught something"), champion=kept)
    return ended


def scored(value: float, **more: Any) -> Outcome:
    """An outcome with a score, a short curve and a receipt."""
    curve = tuple(Point(k, k / 10, {"loss": value + 1 / (k + 1)}) for k in range(5))
    seconds = Seconds(0.1, 0.2, 1.0, 0.1, 1.5)
    return Outcome(Verdict.SCORED, score=value, curve=curve, facts={"steps": 12}, seconds=seconds, **more)


def crashed(reason: str = "ValueError: no such shape in cell model") -> Outcome:
    return Outcome(Verdict.CRASH, reason, seconds=Seconds(0.1, 0.2, 0.3, 0.0, 0.7))


def history(path: Path) -> None:
    """Baseline 3.0, discard 4.0, crash, keep 1.0 on the baseline, keep 0.5 on that; one duplicate that never ran."""
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        play(session, 4.0, scored(4.0), 1)
        play(session, -9.0, crashed(), 1, "X far off")
        play(session, 1.0, scored(1.0, extra={"distance": 1.0, "bad": float("nan")}), 1)
        play(session, 0.5, scored(0.5), 4)
        session.ledger.propose(Proposal("X again", {"model": BASELINE}, "", "search", 5, "twice"), 1)
        session.ledger.refuse("twice", "duplicate", "this code ran before as iteration 1")


def reopen_epoch(path: Path) -> None:
    """Change the budget, so that another game begins, and run a baseline in it with a far better-looking score."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"]["autoloop"]["budget_s"] = 3
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with open_session(path) as session:
        session.ledger.emit("epoch", epoch=2, new=True, why="the budget changed")
        play(session, 0.5, scored(0.001), None, "baseline again")
