"""A driver with two workers whose agents have lines of their own: real kernels, real git, a kill and a restart."""

import os
import signal
import subprocess
import sys
import time

import pytest
from loop_kit import cell, change, make_sealed_arena
from story import assert_same_story

from autoloop_kernel.driver import detach, drive
from autoloop_kernel.plan import Plan
from autoloop_kernel.records import AutoloopError, Verdict
from autoloop_kernel.session import LEDGER, open_session

FAR = "\n# one\n# two\n# three\n"
AGENTS = """
import re
from autoloop_kernel import NoProposal, Proposal

class Down:
    quick = True

    def __init__(self, name):
        self.name = name

    def propose(self, context):
        text = context.units["model"]
        for step in (0.5, 0.25, 0.75, -1.0, -2.0, -3.0, -4.0):
            turned = lambda found: f"{self.name} = {float(found[1]) - step!r}"
            units = {"model": re.sub(rf"{self.name} = (\\S+)", turned, text)}
            if context.is_known(units) is None:
                return Proposal(f"{self.name} down by {step}", units)
        raise NoProposal("nothing is left")

def x():
    return Down("X")

def y():
    agent = Down("Y")
    agent.quick = False  # asked ahead, while something runs
    return agent
"""
TEAM = ["island_agents:x", "island_agents:y"]


@pytest.fixture
def path(tmp_path, monkeypatch):
    """An arena whose score is |X + Y|, and two agents, each of which turns one of them down."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "island_agents.py").write_text(AGENTS)
    monkeypatch.syspath_prepend(tmp_path / "agents")
    (tmp_path / "work").mkdir()
    path = make_sealed_arena(tmp_path / "work", keep={"sigma": 0.0, "confirm": 0.9})
    source = f"X = 9.0{FAR}Y = 9.0\nsubmit(lambda: np.array(float(X + Y)))"
    change(path, lambda nb: cell(nb, "model").update(source=source))
    yield path
    sys.modules.pop("island_agents", None)


def lines(session):
    """The champions of the main line and of both islands."""
    return [session.ledger.champion(1, line) for line in ("", "X", "Y")]


def assert_islands(path):
    """What islands promise: bases of the own line, a main line of exchanges, credited, and nothing that runs twice."""
    with open_session(path, create=False) as session:
        ledger = session.ledger
        every = {it.number: it for it in ledger.iterations()}
        for it in every.values():
            assert it.verdict is not None
            base = every.get(it.base)
            exchanged = ledger.exchanged(it.proposal)
            assert base is None or base.island in ("", it.island)
            assert it.island or it.base is None or exchanged is not None, "only exchanges run on the main line"
            if exchanged is not None:
                assert every[exchanged].state == "confirmed"
                assert it.agent == (every[exchanged].island or every[exchanged].agent)
        for line, champion in zip(("", "X", "Y"), lines(session), strict=True):
            assert session.lineage.champion(line) == session.lineage.commit_of(champion.number) or champion.base is None
        tried = [it for it in every.values() if not it.island and it.base is not None]
        assert any(it.verdict is Verdict.KEEP for it in tried)
        assert {it.agent for it in tried} <= {"X", "Y"}
        assert max(len(it.title) for it in every.values()) < 90, "titles do not grow from exchange to exchange"
        x, y = (
            float(session.units(lines(session)[0].number)["model"].split(f"{name} = ")[1].split()[0]) for name in "XY"
        )
        assert x + y < 18.0, "the main line has what an island found"  # whose came first is for the machine to say
        return [(it.number, it.island, it.state) for it in lines(session)]


def test_two_workers_two_islands_and_a_main_line_of_what_was_confirmed(path):
    ended = drive(path, TEAM, Plan(iterations=10, workers="2", islands=True))
    assert not ended.failed, ended.reason
    assert_same_story(path)
    stood = assert_islands(path)
    with open_session(path) as session:
        assert session.ledger.last_event("driver.start").data["plan"]["islands"] is True
        (session.arena.runs / LEDGER).unlink()
    with open_session(path) as session:
        assert [(it.number, it.island, it.state) for it in lines(session)] == stood, "rebuilt from git"
    assert not drive(path, TEAM, Plan(iterations=2, islands=True)).failed


def test_an_agent_alone_gets_no_island(path):
    for agents in (TEAM[:1], [TEAM[0]] * 2):
        with pytest.raises(AutoloopError, match=r"takes two agents or more, and there is .* alone"):
            drive(path, agents, Plan(islands=True))
    with pytest.raises(AutoloopError, match="takes two agents or more"):
        detach(path, TEAM[:1], Plan(islands=True))


def test_a_killed_driver_loses_nothing_of_its_islands(path):
    command = [sys.executable, "-m", "autoloop_kernel", str(path), "--workers=2", "--islands"]
    command += [part for agent in TEAM for part in ("--agent", agent)]
    environment = {**os.environ, "PYTHONPATH": str(path.parent.parent / "agents")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ledger, until = path.parent / f"{path.stem}_runs" / LEDGER, time.monotonic() + 120
    while time.monotonic() < until:
        time.sleep(0.05)
        if ledger.exists():
            with open_session(path, create=False) as session:
                if session.ledger.events(kinds=["exchange"]):
                    break
    process.send_signal(signal.SIGKILL)
    process.wait()
    with open_session(path, create=False) as session:
        offered = session.ledger.events(kinds=["exchange"])
    assert offered
    ended = drive(path, TEAM, Plan(iterations=10, workers="2", islands=True))
    assert not ended.failed, ended.reason
    assert_same_story(path)
    assert_islands(path)
    with open_session(path, create=False) as session:
        proposed = session.ledger.proposal(offered[0].data["id"])
        assert proposed.iteration is not None
        again = [
            event for event in session.ledger.events(kinds=["exchange"]) if event.iteration == offered[0].iteration
        ]
        assert [event.data["to"] for event in again] == [""], "offered once"
