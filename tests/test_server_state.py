"""How an arena stands, from ledgers written as a driver would write them."""

import json
import os
import time
from dataclasses import replace

import pytest
from played import crashed, history, play, scored
from server_kit import make
from swarm_kit import Clock, Swarm

from autoloop_kernel.arena.notebook import ArenaError
from autoloop_kernel.memory.ledger import Holder
from autoloop_kernel.memory.shared import SHARING
from autoloop_kernel.records import Cost, Finding, Kind, Outcome, Proposal, Verdict, to_json
from autoloop_kernel.server.errors import Refused
from autoloop_kernel.server.state import state
from autoloop_kernel.session import open_session


@pytest.fixture
def arena(tmp_path):
    path = make(tmp_path / "sub", budget_s=3)
    history(path)
    return path


@pytest.fixture
def seen(tmp_path):
    return lambda: state(tmp_path, "sub/game.ipynb")


def drive(session, **plan):
    """Begin as a driver does: this very process holds the arena."""
    holder = Holder.mine()
    assert session.ledger.acquire(holder) is None
    session.ledger.emit("driver.start", pid=os.getpid(), host="here", agents=["search"], plan=plan)
    return holder


def begin(session, number, base=5):
    """Put an iteration in flight."""
    proposal = Proposal(f"try {number}", {"model": f"X = {number}.5"}, "why not", "search", base, f"q{number}")
    session.ledger.propose(proposal, 1)
    return session.ledger.begin(proposal.id, base, 1, "game", f"key{number}").number


def test_an_arena_that_has_not_run_is_idle(tmp_path):
    make(tmp_path, "fresh.ipynb", budget_s=3, clock="cpu")
    assert state(tmp_path, "fresh.ipynb") == {
        "arena": "fresh.ipynb",
        "name": "fresh",
        "state": "idle",
        "problem": "",
        "driver": None,
        "agents": [],
        "plan": None,
        "ran": 0,
        "began": None,
        "left_seconds": None,
        "ended": None,
        "failed": False,
        "phase": "",
        "phase_since": 0.0,
        "flying": None,
        "flights": [],
        "champion": None,
        "best": None,
        "baseline": None,
        "metric": {"name": "loss", "direction": "min", "unit": "", "target": None, "grade": "sealed"},
        "budget_s": 3.0,
        "clock": "cpu",
        "epoch": None,
        "counts": {},
        "total": 0,
        "noise": None,
        "busy": None,
        "rate_per_hour": None,
        "cost": to_json(Cost()),
        "spent": 0.0,
        "records": {},
        "waiting": [],
        "workers": [],
        "islands": [],
        "exchanges": [],
        "sharing": None,
    }
    assert not (tmp_path / "fresh_runs").exists()


def test_what_was_won_is_told(arena, seen):
    now = seen()
    assert (now["arena"], now["name"], now["epoch"], now["total"]) == ("sub/game.ipynb", "game", 1, 5)
    best = {"number": 5, "score": 0.5, "state": "provisional"}
    assert (now["champion"], now["best"]) == (best, best)
    assert now["baseline"] == {"number": 1, "score": 3.0, "state": "provisional"}
    assert now["counts"] == {"keep": 3, "discard": 1, "crash": 1}


def test_a_driver_is_followed_from_its_start_to_its_end(arena, seen):
    with open_session(arena) as session:
        ledger = session.ledger
        holder = drive(session, iterations=4, hours=None, until=None, queued=False)
        at_first = seen()
        assert (at_first["state"], at_first["phase"], at_first["flying"]) == ("running", "", None)
        told = {"iterations": 4, "hours": None, "until": None, "max_cost": None, "queued": False, "review": False}
        apart = {"workers": "1", "share": None, "share_every": None, "islands": False}
        assert at_first["plan"] == told | apart
        assert (at_first["ran"], at_first["busy"], at_first["ended"]) == (0, None, None)
        assert at_first["driver"]["pid"] == os.getpid()
        assert abs(at_first["began"] - time.time()) < 60

        ledger.emit("propose.start", agent="search")
        assert (seen()["phase"], seen()["flying"]) == ("proposing", None)

        number = begin(session, 6)
        assert seen()["phase"] == "starting"
        ledger.begin_attempt(number, 7, Kind.SCREEN, "run")
        ledger.emit("phase", number, 1, phase="running")
        flying = seen()
        assert flying["phase"] == "running"
        assert flying["phase_since"] == ledger.last_event("phase").time
        assert flying["flying"] == {
            "number": 6,
            "attempt": 1,
            "title": "try 6",
            "agent": "search",
            "hypothesis": "why not",
            "base": 5,
        }
        since = flying["phase_since"]
        assert flying["flights"] == [flying["flying"] | {"phase": "running", "since": since, "worker": ""}]
        assert flying["workers"] == []
        ledger.end_attempt(number, 1, scored(0.9))
        it = ledger.iteration(number)
        ended = replace(it, verdict=Verdict.DISCARD, score=0.9, seconds=scored(0.9).seconds)
        ledger.finish(ended, Finding(number, "no"), False)
        after = seen()
        assert (after["ran"], after["phase"], after["flying"], after["total"]) == (1, "", None, 6)
        assert after["busy"] == 1.0  # it took far less than the second that it says
        assert after["left_seconds"] is not None

        ledger.emit("pause")
        assert seen()["state"] == "paused"
        ledger.emit("resume")
        assert seen()["state"] == "running"
        ledger.emit("stopping", now=False)
        assert seen()["state"] == "stopping"
        ledger.emit("driver.stop", reason="stopped", failed=False)
        ledger.release(holder.token)
    last = seen()
    assert (last["state"], last["driver"], last["ended"], last["ran"]) == ("idle", None, "stopped", 1)
    assert not last["failed"]
    assert (last["left_seconds"], last["phase"]) == (None, "")


def test_a_killed_driver_is_told_and_leaves_nothing_under_way(arena, seen):
    with open_session(arena) as session:
        holder = drive(session, iterations=2)
        number = begin(session, 6)
        session.ledger.begin_attempt(number, 7, Kind.SCREEN, "run")
        session.ledger.emit("phase", number, 1, phase="running")
        session.ledger.release(holder.token)  # as good as dead: nobody holds the arena
    killed = seen()
    assert (killed["state"], killed["flying"], killed["phase"]) == ("idle", None, "")
    assert killed["ended"].startswith("ended without a word")
    assert killed["failed"]


def test_the_next_driver_counts_anew(arena, seen):
    with open_session(arena) as session:
        first = drive(session, iterations=1)
        play(session, 2.0, scored(2.0), 5)
        session.ledger.emit("driver.stop", reason="1 iteration done")
        session.ledger.release(first.token)
        assert (seen()["ran"], seen()["ended"]) == (1, "1 iteration done")
        drive(session, hours=1.0)
        assert (seen()["ran"], seen()["ended"], seen()["plan"]["hours"]) == (0, None, 1.0)
        play(session, -2.0, crashed(), 5)
        play(session, 2.5, scored(2.5), 5)
        assert seen()["ran"] == 2


def test_what_was_spent_is_told_of_this_driver_and_in_all(arena, seen):
    with open_session(arena) as session:
        first = drive(session)
        session.ledger.emit("cost", agent="search", proposal="p4", **to_json(Cost("m", 1, 200, 50, dollars=0.5)))
        session.ledger.emit("driver.stop", reason="stopped")
        session.ledger.release(first.token)
        assert (seen()["spent"], seen()["plan"]["max_cost"]) == (0.5, None)
        drive(session, max_cost=5.0)
        assert (seen()["spent"], seen()["plan"]["max_cost"]) == (0.0, 5.0)
        session.ledger.emit("cost", agent="search", proposal="p5", **to_json(Cost("m", 2, 1, 2, 3, 4, dollars=0.74)))
        session.ledger.emit("cost", agent="search", proposal="p5", **to_json(Cost("n", 1, 7, unpriced=1)))
        now = seen()
    assert (now["spent"], now["cost"]) == (0.74, to_json(Cost("", 4, 208, 52, 3, 4, 1.24, 1)))
    assert now["records"]["search"]["dollars"] == 1.24


def test_several_that_run_at_once_are_told_each_with_its_worker_and_its_phase(arena, seen, monkeypatch):
    clock = Clock(monkeypatch)
    with open_session(arena) as session:
        swarm = Swarm(session, iterations=20)
        first, second = swarm.begin("w1", "LR up"), swarm.begin("w2", "LR down", phase="scoring")
        clock.go(10)
        now = seen()
        assert now["plan"]["workers"] == "2"
        told = [(one["number"], one["phase"], one["since"], one["worker"]) for one in now["flights"]]
        assert told == [(first, "running", clock.now - 10, "w1"), (second, "scoring", clock.now - 10, "w2")]
        assert (now["flying"]["number"], now["phase"], now["phase_since"]) == (first, "running", clock.now - 10)
        swarm.end(first, scored(2.0))
        now = seen()
        assert [one["number"] for one in now["flights"]] == [second]
        assert (now["phase"], now["ran"]) == ("scoring", 1)
        assert now["busy"] == pytest.approx(1.1 / 20, abs=1e-3), "ten seconds each of two, of which one trained for 1.1"
        one, two = now["workers"]
        assert (one["name"], one["where"], one["run"], one["runs"]) == ("w1", "GPU 0", None, 1)
        assert two["run"] == {
            "number": second,
            "attempt": 1,
            "kind": "screen",
            "title": "LR down",
            "since": clock.now - 10,
            "phase": "scoring",
            "phase_since": clock.now - 10,
        }
        assert (two["worked_seconds"], two["up_seconds"], two["at"]) == (10.0, 10.0, clock.now)
        clock.go(100)
        assert seen() == now, "nothing changes by itself"


def test_lines_of_agents_and_what_they_offered_each_other_are_told(arena, seen):
    with open_session(arena) as session:
        ledger = session.ledger
        ledger.propose(Proposal("LR up", {"model": "X = 0.4"}, "", "search@refine", 5, "p6", "search@refine"), 1)
        number = ledger.begin("p6", 5, 1, "game", "key6").number
        ledger.emit("exchange", number, **{"from": "search@refine", "to": ""}, title="LR up", id="p7")
        ledger.emit("exchange", 5, **{"from": "", "to": "search@refine"}, title="X", id="", why="it is no better")
        ledger.fork(5, "search@refine")
        now = seen()
    (line,) = now["islands"]
    assert (line["name"], line["number"], line["own"]) == ("search@refine", 5, False)
    told = [(one["number"], one["source"], one["to"], one["tried"], one["restart"]) for one in now["exchanges"]]
    refine = "search@refine"
    assert told == [(number, refine, "", True, False), (5, "", refine, False, False), (5, "", refine, False, True)]
    assert now["exchanges"][1]["why"] == "it is no better"


def test_a_remote_that_fails_is_told_in_a_line_without_the_folders_of_this_machine(arena, seen):
    with open_session(arena) as session:
        session.ledger.set(
            SHARING, {"remote": "/srv/hub.git", "trouble": "git push failed ('/home/ada/x.git' is gone)"}
        )
    sharing = seen()["sharing"]
    assert (sharing["remote"], sharing["pulled"], sharing["whose"]) == ("/srv/hub.git", 0, [])
    assert sharing["trouble"] == "git push failed ('x.git' is gone)"


def test_a_lost_worker_and_what_it_ran_are_told(arena, seen):
    with open_session(arena) as session:
        swarm = Swarm(session)
        number = swarm.begin("w2")
        swarm.tell("w2", "lost", "node n2 is gone")
        swarm.ended(number, Outcome(Verdict.INTERRUPTED, "node n2 is gone"))
        lost = seen()["workers"][1]
        assert (lost["state"], lost["text"], lost["run"], lost["where"]) == ("lost", "node n2 is gone", None, "GPU 1")


def test_an_iteration_that_is_run_once_more_is_under_way(arena, seen):
    with open_session(arena) as session:
        session.ledger.queue_replicate(4)
        drive(session, queued=True)
        attempt = session.ledger.begin_attempt(4, 9, Kind.REPLICATE, "run")
        session.ledger.emit("phase", 4, attempt, phase="scoring")
        assert seen()["flying"] | {"title": ""} == {
            "number": 4,
            "attempt": 2,
            "title": "",
            "agent": "search",
            "hypothesis": "It may help.",
            "base": 1,
        }
        assert seen()["phase"] == "scoring"


def test_proposals_that_wait_are_told_without_their_sources(arena, seen):
    with open_session(arena) as session:
        proposal = Proposal("<b>X</b>", {"model": "X = 9"}, "because", "someone", 5, "w1")
        session.ledger.propose(proposal, 1, review=True)
        came = session.ledger.proposal("w1").time
    told = {"id": "w1", "title": "<b>X</b>", "hypothesis": "because", "agent": "someone", "base": 5, "time": came}
    assert seen()["waiting"] == [told]


def test_nothing_changes_by_itself(arena, seen):
    with open_session(arena) as session:
        drive(session)
        number = begin(session, 6)
        session.ledger.emit("phase", number, 1, phase="running")
        assert seen() == seen()


def test_a_broken_arena_shows_its_past_and_says_what_is_wrong(arena, seen, tmp_path):
    notebook = json.loads(arena.read_text())
    notebook["metadata"]["autoloop"]["files"] = ["*.none"]
    for cell in notebook["cells"]:
        cell["metadata"].pop("tags", None)
    arena.write_text(json.dumps(notebook))
    broken = seen()
    assert (broken["total"], broken["best"]) == (5, {"number": 5, "score": 0.5, "state": "provisional"})
    assert broken["problem"]
    assert str(tmp_path) not in broken["problem"]
    notebook["metadata"]["autoloop"].pop("budget_s")
    arena.write_text(json.dumps(notebook))
    with pytest.raises(ArenaError, match="budget_s"):
        seen()
    arena.unlink()
    with pytest.raises(Refused) as refused:
        seen()
    assert refused.value.status == 404


def test_a_lost_ledger_is_rebuilt(arena, seen):
    for path in (arena.parent / "game_runs").glob("ledger.sqlite*"):
        path.unlink()
    assert (seen()["total"], seen()["champion"]["number"]) == (5, 5)
