"""What 50 kills at random moments lose: the driver of one arena, and now and then a process below it, by SIGKILL.

    python tests/benchmarks/kills.py [--kills 50] [--seed 0] [--workers 1]

A real driver with real kernels is started, killed between 0.3 s and `--most` seconds later, and started again. Before
one kill in two, one of its descendants (the execution, a kernel) is killed at a random moment, too. At the end ledger,
git and notebooks must tell one story, no code may have been tried twice, and no process may be left. With `--workers 3`
the driver has three slots.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from arenas import write_quick_arena
from slots_kit import assert_each_ended_once, assert_no_code_twice
from story import assert_same_story

from autoloop_kernel.execution.tree import MARK
from autoloop_kernel.session import open_session, run_mark


def start(arena: Path, workers: int, *more: str) -> subprocess.Popen[bytes]:
    """A driver of the arena; what it says goes to a file beside it."""
    with (arena.parent / "said.txt").open("ab") as said:
        command = [
            sys.executable,
            "-m",
            "autoloop_kernel",
            str(arena),
            "--agent",
            "search",
            f"--workers={workers}",
            *more,
        ]
        return subprocess.Popen(command, stdout=said, stderr=said)


def left(mark: str) -> int:
    """How many processes bear the mark of this arena's runs."""
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            alive = process.status() != psutil.STATUS_ZOMBIE
            count += alive and process.environ().get(MARK, "").startswith(mark)
    return count


def kill_below(driver: subprocess.Popen[bytes], draw: random.Random) -> bool:
    """Kill one process below the driver; False where there is none."""
    with contextlib.suppress(psutil.Error):
        below = psutil.Process(driver.pid).children(recursive=True)
        if below:
            draw.choice(below).kill()
            return True
    return False


def main() -> None:
    """Kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=float, default=6.0)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    draw = random.Random(chosen.seed)
    below, slowest, began = 0, 0.0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        arena = write_quick_arena(Path(folder))
        mark = run_mark(arena.parent / "quick_runs")
        for _ in range(chosen.kills):
            driver = start(arena, chosen.workers)
            time.sleep(draw.uniform(0.3, chosen.most))
            if draw.random() < 0.5:
                below += kill_below(driver, draw)
                time.sleep(draw.uniform(0.0, 1.0))
            assert driver.poll() is None, (arena.parent / "said.txt").read_text()
            driver.kill()
            driver.wait()
            killed = time.monotonic()
            while left(mark):
                time.sleep(0.05)
                assert time.monotonic() - killed < 30, "a process is left"
            slowest = max(slowest, time.monotonic() - killed)
        for last in ("--queued", "--iterations=1"):  # what several slots left in flight is more than one
            assert start(arena, chosen.workers, last).wait() == 0, (arena.parent / "said.txt").read_text()
        verdicts = Counter(assert_same_story(arena))
        with open_session(arena, create=False) as session:
            assert_no_code_twice(session)
            assert_each_ended_once(session)
            overtaken = len(session.ledger.overtaken())
            again = sum(a.verdict == "interrupted" for i in session.ledger.iterations() for a in i.attempts)
            forward = sum("had ended as" in event.data["text"] for event in session.ledger.events(kinds=["recovered"]))
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    slots = f"{chosen.workers} slot{'s' if chosen.workers > 1 else ''}"
    print(f"kills: {chosen.kills} of a driver with {slots}, {below} of a process below it, seed {chosen.seed}")
    print(f"iterations with one verdict each in ledger, git and notebook: {verdicts.total()} ({told})")
    print(f"lost: 0, doubled: 0; runs begun anew: {again}; verdicts from git: {forward}; keeps overtaken: {overtaken}")
    print(f"processes left: 0, the last gone {slowest:.2f} s after its driver; {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
