"""What sharing costs over a local bare repository: a push, a pull and a look at it, beside git's own push of the same.

Run as a script; prints one line for each number of iterations. Over a network the time to reach the server comes on
top, three times for an exchange that moves something, twice for one that does not.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pygit2

sys.path.insert(0, str(Path(__file__).parent.parent))

from loop_kit import make_sealed_arena, x

from autoloop_kernel.arena.edit import tree
from autoloop_kernel.exchange import exchange
from autoloop_kernel.memory.remote import FREE
from autoloop_kernel.memory.sharing import arena_id, origin_of, pull, push
from autoloop_kernel.records import Finding, Iteration, Verdict
from autoloop_kernel.session import Session, open_session

COUNTS = (1, 100, 1000)


def filled(folder: Path, count: int) -> Session:
    """An arena whose lineage has `count` iterations, every tenth of them a keep on the one before it."""
    folder.mkdir()
    session = open_session(make_sealed_arena(folder))
    extend(session, 1, count)
    return session


def extend(session: Session, first: int, last: int) -> None:
    """Give the lineage the iterations `first` to `last`."""
    base: str | None = session.lineage.champion()
    at = session.lineage.number_of(base) if base else None
    for number in range(first, last + 1):
        verdict = Verdict.KEEP if number % 10 == 1 else Verdict.DISCARD
        text = f"title {number}: " + "what it changed and why. " * 10
        it = Iteration(
            number, 1, f"p{number}", text[:100], "search", at, text, verdict, score=1 / number, game="0" * 64
        )
        units = {**session.arena.sources, **x(float(number))}
        taught = Finding(number, text, {"units": ["model"], "score": 1 / number})
        commit = session.lineage.record(it, tree(session.arena, units), base, f"{number:064x}", taught)
        if verdict is Verdict.KEEP:
            base, at = commit, number


def took(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def raw_push(session: Session, hub: Path) -> float:
    """Seconds that one `git push` of all iterations takes, into another repository."""
    command = ["git", f"--git-dir={session.lineage.path}", "push", "--quiet", str(hub), "refs/iterations/*:refs/raw/*"]
    return took(lambda: subprocess.run(command, check=True))


def measured(folder: Path, count: int) -> dict[str, float]:
    """Seconds of each: one side has `count` iterations, the other none."""
    folder.mkdir()
    for name in ("hub.git", "raw.git"):
        pygit2.init_repository(str(folder / name), bare=True)
    hub = str(folder / "hub.git")
    with filled(folder / "one", count) as one, filled(folder / "two", 1) as two:
        arena = arena_id(one.arena.name, one.arena.rules.metric)
        origin_of(two.lineage)
        found = {
            "git": raw_push(one, folder / "raw.git"),
            "push": took(lambda: push(one.lineage, arena, hub)),
            "pull": took(lambda: pull(two.ledger, two.lineage, arena, hub)),
        }
        push(two.lineage, arena, hub)
        found["idle"] = min(took(lambda: exchange(two, hub, FREE)) for _ in range(5))
        extend(one, count + 1, count + 1)
        found["push 1"] = took(lambda: push(one.lineage, arena, hub))
        found["pull 1"] = took(lambda: pull(two.ledger, two.lineage, arena, hub))
    return found


def main() -> dict[int, dict[str, float]]:
    """Measure and print; gives the seconds by number of iterations."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in COUNTS:
            found[count] = one = measured(Path(folder) / str(count), count)
            print(
                f"{count:5} iterations: push {one['push']:.2f} s (git alone {one['git']:.2f}), pull {one['pull']:.2f}; "
                f"then an exchange that moves nothing {one['idle']:.2f}, "
                f"push of one more {one['push 1']:.2f}, its pull {one['pull 1']:.2f}"
            )
    return found


if __name__ == "__main__":
    main()
