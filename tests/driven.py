"""Scenes for test_driver_on_cluster: whole drivers whose runs are made on a Ray cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from cluster_kit import Nodes
from slots_kit import (
    Ideas,
    assert_each_ended_once,
    assert_no_code_twice,
    at,
    by_code,
    most_at_once,
    spread,
    wait_for,
    workers_of,
    write_two,
)
from story import assert_same_story

from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.records import Verdict
from autoloop_kernel.session import Session

SLOWLY = "import time\ntime.sleep(3)\nX = {}"


def the_same_verdicts(folder: Path, nodes: Nodes) -> None:
    """One and the same arena here, on one worker, on two nodes and on three."""
    plays = [*spread(3), {"e0": "X = 1 / 0"}, at(y=-9.0), at(x=5.5, y=1.0), at(x=1.0)]
    seen = {}
    for spec in ("1", "ray:1", "ray", "ray on three"):
        third = nodes.add() if spec == "ray on three" else None
        path = write_two(folder / spec.replace(":", "-"))
        ended = drive(path, [Ideas(*plays, quick=True)], Plan(iterations=8, workers=spec.split()[0]))
        assert (ended.ran, ended.failed, ended.reason) == (8, False, "8 iterations done")
        assert_same_story(path)
        seen[spec] = by_code(path)
        with open_session(path, create=False) as session:
            assert_no_code_twice(session)
            assert_each_ended_once(session)
            print(spec, workers_of(session), most_at_once(session), flush=True)
            assert workers_of(session) == ({"w1", "w2"} if spec == "ray" else workers_of(session))
        if third is not None:
            nodes.kill(third)
    assert seen["1"] == seen["ray:1"] == seen["ray"] == seen["ray on three"]


def a_node_goes_under_a_driver(folder: Path, nodes: Nodes) -> None:
    """A node is killed while a run is on it: the run is made elsewhere, and nothing else is to be seen of it."""
    path, third = write_two(folder), nodes.add()
    name = third.node_id[:6]

    def is_on_it(session: Session) -> bool:
        up = {event.data["name"]: event.data["where"] for event in session.ledger.events(kinds=["worker"])}
        begun = {event.iteration: event.data.get("worker") for event in session.ledger.events(kinds=["attempt.start"])}
        return any(
            name in str(up.get(begun.get(it.number))) and it.number > 1 and phase(session, it.number) == "running"
            for it in session.ledger.in_flight()
        )

    def kill() -> None:
        wait_for(path, is_on_it)
        nodes.kill(third)

    thread = threading.Thread(target=kill)
    thread.start()
    plays = [{"e0": SLOWLY.format(4.0 + number)} for number in range(6)]
    assert drive(path, [Ideas(*plays, quick=True)], Plan(iterations=7, workers="ray")).ran == 7
    thread.join()
    assert assert_same_story(path) == ["keep", *["discard"] * 6]
    with open_session(path, create=False) as session:
        lost = [a for it in session.ledger.iterations() for a in it.attempts if a.verdict is Verdict.INTERRUPTED]
        assert lost
        assert all("lost" in attempt.facts["harness"] for attempt in lost)
        assert_each_ended_once(session)


def the_driver_is_killed_and_comes_back(folder: Path, nodes: Nodes) -> None:
    """Killed while two workers run, and started again: nothing is lost, and nothing is there twice."""
    path = write_two(folder)
    drive(path, [Ideas(quick=True)], Plan(iterations=1))
    agent = folder / "slowly.py"
    agent.write_text(AGENT)
    told = [f"--agent=command:{sys.executable} {agent}", "--iterations=4", "--workers=ray"]
    with open(folder / "log", "wb") as log:
        first = subprocess.Popen(
            [sys.executable, "-m", "autoloop_kernel", str(path), *told], stdout=log, stderr=log, env=dict(os.environ)
        )
    wait_for(path, two_run, 120)
    first.send_signal(signal.SIGKILL)
    first.wait()
    with open_session(path, create=False) as session:
        begun = [it.number for it in session.ledger.in_flight()]
    ended = drive(path, [Ideas(at(x=9.0), quick=True)], Plan(iterations=3, workers="ray"))
    assert (ended.ran, ended.failed) == (3, False)
    assert_same_story(path)
    with open_session(path, create=False) as session:
        rows = {it.number: it for it in session.ledger.iterations()}
        ends = {number: (rows[number].verdict, rows[number].reason) for number in begun}
        assert all(verdict in (Verdict.KEEP, Verdict.DISCARD) for verdict, _ in ends.values()), ends
        assert_no_code_twice(session)
        assert_each_ended_once(session)


def two_run(session: Session) -> bool:
    """Whether two iterations are in flight, and the candidate of one is at work."""
    flying = [it.number for it in session.ledger.in_flight()]
    return len(flying) == 2 and "running" in [phase(session, number) for number in flying]


def phase(session: Session, number: int) -> str:
    """What the last run of an iteration does now."""
    found = [event for event in session.ledger.events(kinds=["phase"]) if event.iteration == number]
    return str(found[-1].data["phase"]) if found else ""


AGENT = """\
import os, zlib
from pathlib import Path

drawn = zlib.crc32(os.environ["AUTOLOOP_PROPOSAL"].encode()) % 1000 / 1000
Path("e0.py").write_text(f"import time\\ntime.sleep(4)\\nX = {4 + drawn}\\n")
"""
