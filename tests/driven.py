"""Scenes for test_driver_on_cluster: whole drivers whose runs are made on a Ray cluster."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cgroup_kit
import psutil
from cluster_kit import LONG_S, Nodes, kernels, same, starved
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

from autoloop_kernel.agents.base import Context, NothingNew
from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.records import Attempt, Event, Proposal, Verdict
from autoloop_kernel.session import Session
from autoloop_kernel.views import workers

SLOWLY = "import time\ntime.sleep(3)\nX = {}"


def the_same_verdicts(folder: Path, nodes: Nodes) -> None:
    """One and the same arena here, on one worker, on two nodes and on three."""
    plays = [*spread(3), {"e0": "X = 1 / 0"}, at(y=-9.0), at(x=5.5, y=1.0), at(x=1.0)]
    seen = {}
    for spec in ("1", "ray:1", "ray", "ray on three"):
        third = nodes.add() if spec == "ray on three" else None
        path = write_slow(folder / spec.replace(":", "-"))
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


def nodes_and_workers_go_under_a_driver(folder: Path, nodes: Nodes) -> None:
    """A node is killed while a run is on it, then a worker by the kernel, for memory: both runs are made once more."""
    path, third = write_slow(folder), nodes.add()
    name, done = third.node_id[:6], []

    def is_on_it(session: Session) -> bool:
        up = {event.data["name"]: event.data["where"] for event in session.ledger.events(kinds=["worker"])}
        begun = {event.iteration: event.data.get("worker") for event in session.ledger.events(kinds=["attempt.start"])}
        return any(
            name in str(up.get(begun.get(it.number))) and it.number > 1 and phase(session, it.number) == "running"
            for it in session.ledger.in_flight()
        )

    def end() -> None:
        wait_for(path, is_on_it, LONG_S)
        nodes.kill(third)
        done.append("node")
        wait_for(path, lambda session: lost_by(session, "lost"), LONG_S)
        if cgroup_kit.lacks("memory"):
            return
        kernel = until_one(path)
        starved(next(one for one in kernel.parents() if "ray::Worker" in " ".join(one.cmdline())), kernel)
        done.append("worker")

    thread = threading.Thread(target=end)
    thread.start()
    plays = [{"e0": SLOWLY.format(4.0 + number)} for number in range(8)]
    same(drive(path, [Ideas(*plays, quick=True)], Plan(iterations=9, workers="ray")).ran, 9)
    thread.join()
    same(assert_same_story(path), ["keep", *["discard"] * 8])
    with open_session(path, create=False) as session:
        same([bool(lost_by(session, how)) for how in ("lost", "ended")], ["node" in done, "worker" in done])
        assert_each_ended_once(session)


def write_slow(folder: Path) -> Path:
    """The arena of two constants, with time enough on a machine that others use."""
    return write_two(folder, budget_s=120, score_timeout_s=120)


def lost_by(session: Session, how: str) -> list[Attempt]:
    """The attempts that were lost with a machine ("lost"), or with their worker alone ("ended")."""
    attempts = [attempt for it in session.ledger.iterations() for attempt in it.attempts]
    attempts += [attempt for it in session.ledger.in_flight() for attempt in it.attempts]
    found = [one for one in attempts if one.verdict is Verdict.INTERRUPTED]
    return [one for one in found if ("lost" in one.facts["harness"]) == (how == "lost")]


def until_one(path: Path) -> psutil.Process:
    """A process of a run whose candidate has just begun to work, which it does for seconds."""
    found: list[psutil.Process] = []

    def begins(session: Session) -> bool:
        for it in session.ledger.in_flight():
            if it.number > 1 and phase(session, it.number) == "running":
                found[:] = [one for one in kernels() if f":{it.number}:" in one.environ()["AUTOLOOP_RUN"]]
        return bool(found)

    wait_for(path, begins, LONG_S)
    return found[0]


WORKS = """\
import time
for step in range(30):
    until = time.process_time() + 0.01
    while time.process_time() < until:
        pass
    report(step, loss=1.0)
X = {}
"""


class Unceasing:
    """An agent that goes on until the slow worker was told of."""

    name, quick = "unceasing", True

    def __init__(self) -> None:
        self.heard, self.asked = threading.Event(), 0

    def propose(self, context: Context) -> Proposal:
        """Another constant, a little worse than the one before."""
        if self.heard.is_set():
            raise NothingNew("has heard of it")
        self.asked += 1
        return Proposal(f"X = {4 + self.asked}", {"e0": WORKS.format(4.0 + self.asked)})


def a_node_is_slow(folder: Path, nodes: Nodes) -> None:
    """One that gets a tenth of a CPU is told of once, by the driver's events, `status` and what views read."""
    path, agent, shown = write_slow(folder), Unceasing(), []

    def slowed(session: Session) -> bool:
        return bool(session.ledger.events(kinds=["worker"])) and session.ledger.last_number() > 1

    def watch() -> None:
        try:
            wait_for(path, slowed, LONG_S)
            group.add_below(nodes.apart[name][0])
            wait_for(path, slow_ones, LONG_S)
            with open_session(path, create=False) as session:
                start = session.ledger.last_event("driver.start")
                shown.extend(one for one in workers.read(session.ledger, start, True) if one.state == "slow")
            asked = [sys.executable, "-c", "from autoloop_kernel.cli import app; app()", "status", str(path)]
            wide = {**os.environ, "COLUMNS": "250"}
            shown.append(subprocess.run(asked, capture_output=True, text=True, check=True, env=wide).stdout)
        finally:
            agent.heard.set()

    with cgroup_kit.cpu(0.1) as group, nodes.started() as name:
        thread = threading.Thread(target=watch)
        thread.start()
        drive(path, [agent], Plan(iterations=400, workers="ray"))
        thread.join()
    worker, status = shown
    assert name in worker.where
    assert re.fullmatch(rf"\S*{name} is slow: \S+ (steps a second|runs an hour) where the others make \S+", worker.text)
    assert f"{worker.look.word}: {worker.text}" in status, status
    with open_session(path, create=False) as session:
        same([event.data["text"] for event in slow_ones(session) if name in event.data["where"]], [worker.text])
        print(worker.text, "after", len(session.ledger.iterations()), "runs of all", flush=True)
    assert_same_story(path)


def slow_ones(session: Session) -> list[Event]:
    """What was told of workers that are slow."""
    return [event for event in session.ledger.events(kinds=["worker"]) if event.data["state"] == "slow"]


def the_driver_is_killed_and_comes_back(folder: Path, nodes: Nodes) -> None:
    """Killed while two workers run, and started again: nothing is lost, and nothing is there twice."""
    path = write_slow(folder)
    drive(path, [Ideas(quick=True)], Plan(iterations=1))
    agent = folder / "slowly.py"
    agent.write_text(AGENT)
    told = [f"--agent=command:{sys.executable} {agent}", "--iterations=4", "--workers=ray"]
    with open(folder / "log", "wb") as log:
        first = subprocess.Popen(
            [sys.executable, "-m", "autoloop_kernel", str(path), *told], stdout=log, stderr=log, env=dict(os.environ)
        )
    wait_for(path, two_run, LONG_S)
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
