"""How the workers of a driver stand, from ledgers that several of them wrote at once."""

import io

import pytest
from played import crashed, make_arena, play, scored
from rich.console import Console
from swarm_kit import Clock, Swarm

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Kind, Outcome, Verdict
from autoloop_kernel.session import open_session
from autoloop_kernel.views import status, workers

LOST = Outcome(Verdict.INTERRUPTED, "its machine went away")


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def session(tmp_path):
    with open_session(make_arena(tmp_path)) as opened:
        play(opened, 3.0, scored(3.0), None, "baseline")
        yield opened


def read(swarm, running=True):
    return {worker.name: worker for worker in workers.read(swarm.ledger, swarm.start, running)}


def printed(found):
    out = io.StringIO()
    Console(file=out, width=100, highlight=False).print(found)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_each_worker_runs_its_own_and_is_as_busy_as_its_runs(clock, session):
    swarm = Swarm(session)
    first = swarm.begin("w1", "LR up")
    clock.go(2)
    second = swarm.begin("w2", "LR down")
    clock.go(6)
    swarm.end(first, scored(2.0))
    clock.go(2)
    third = swarm.begin("w1", "LR far up", phase="")
    found = read(swarm)
    one, two = found["w1"], found["w2"]
    assert (one.where, one.state, one.hardware, one.runs) == ("GPU 0", "up", "cpu", 1)
    assert (one.run.number, one.run.title, one.run.phase, one.run.since) == (third, "LR far up", "starting", clock.now)
    assert (two.run.number, two.run.kind, two.run.attempt, two.runs) == (second, "screen", 1, 0)
    assert (two.run.phase, two.run.phase_since) == ("running", clock.now - 8)
    assert (one.busy(), two.busy()) == (pytest.approx(8 / 10), pytest.approx(8 / 10))
    assert one.busy(clock.now + 10) == pytest.approx(18 / 20), "while it runs, its share goes on"


def test_what_one_reads_stands_still_until_something_is_told(clock, session):
    swarm = Swarm(session)
    swarm.begin("w1")
    clock.go(3)
    before = read(swarm)
    clock.go(1000)
    session.ledger.emit("report", 2, 1, step=1, numbers={})
    assert read(swarm) == before


def test_a_lost_worker_is_no_longer_there_to_be_busy_and_comes_back(clock, session):
    swarm = Swarm(session)
    number = swarm.begin("w2")
    clock.go(10)
    swarm.tell("w2", "lost", "node n2 is gone")
    swarm.ended(number, LOST)
    clock.go(30)
    swarm.run("w1", number)
    clock.go(10)
    swarm.end(number, scored(2.0))
    found = read(swarm)
    assert (found["w2"].state, found["w2"].text, found["w2"].run) == ("lost", "node n2 is gone", None)
    assert (found["w2"].where, found["w2"].busy()) == ("GPU 1", 1.0)
    assert (found["w1"].runs, found["w1"].busy()) == (1, pytest.approx(10 / 50))
    swarm.tell("w2", "up")
    clock.go(20)
    swarm.begin("w1")
    back = read(swarm)["w2"]
    assert (back.state, back.text, back.busy()) == ("up", "", pytest.approx(10 / 30))


def test_what_is_said_of_a_machine_or_of_the_cluster_is_told_and_a_loss_is_over_once_one_is_up(clock, session):
    swarm = Swarm(session)
    swarm.ledger.emit("worker", name="", where="n7", state="refused", text="it lacks torch")
    swarm.ledger.emit("worker", name="", where="", state="refused", text="4 were asked for")
    swarm.ledger.emit("worker", name="", where="the head", state="lost", text="trying again")
    found = read(swarm)
    assert list(found) == ["n7", "the cluster", "the head", "w1", "w2"]
    assert (found["n7"].where, workers.does(found["n7"])) == ("", "refused: it lacks torch")
    swarm.tell("w1", "up", where="GPU 3")
    found = read(swarm)
    assert list(found) == ["n7", "the cluster", "w1", "w2"]
    assert found["w1"].where == "GPU 3"
    assert workers.lanes([*found.values()]) == 2


def test_the_worker_of_an_attempt_that_was_taken_up_again_is_the_last_one(clock, session):
    swarm = Swarm(session)
    number = swarm.begin("w1")
    clock.go(5)
    session.ledger.interrupt(number, "the driver was stopped")  # told without a worker
    swarm.run("w2", number)
    found = read(swarm)
    assert (found["w1"].run, found["w1"].runs) == (None, 1)
    assert found["w2"].run.number == number
    assert found["w2"].run.attempt == 1, "an interrupted attempt keeps its number"


def test_a_replicate_says_what_it_is(clock, session):
    swarm = Swarm(session)
    swarm.run("w1", 1, kind=Kind.REPLICATE)
    run = read(swarm)["w1"].run
    assert (run.number, run.kind, run.attempt) == (1, "replicate", 2)


def test_a_driver_with_one_slot_has_no_workers(session):
    swarm = Swarm(session, {})
    swarm.begin("")
    assert read(swarm) == {}
    assert workers.read(session.ledger, None, True) == ()


def test_workers_are_known_by_their_runs_alone_and_stand_in_their_order(session):
    swarm = Swarm(session, {})
    for name in ("w10", "w2", "w1"):
        swarm.begin(name)
    assert list(read(swarm)) == ["w1", "w2", "w10"]


def test_the_last_drivers_workers_are_down_and_what_was_wrong_is_still_told(clock, session):
    swarm = Swarm(session, {"w1": "n1", "w2": "n2", "w3": "n3"})
    swarm.tell("w2", "refused", "it has no torch")
    number = swarm.begin("w1")
    clock.go(5)
    swarm.end(number, crashed())
    clock.go(5)
    swarm.stop(down=["w1"])
    clock.go(1000)
    found = read(swarm, running=False)
    assert [worker.state for worker in found.values()] == ["down", "refused", "down"]
    assert found["w1"].busy(clock.now) == pytest.approx(0.5), "the end is where it was measured"
    assert workers.summary([*found.values()]) == "3 workers, 25 % busy; w2 refused: it has no torch"
    Swarm(session, {})
    assert workers.read(session.ledger, session.ledger.last_event("driver.start"), True) == ()


def test_a_killed_driver_leaves_nothing_running(clock, session):
    swarm = Swarm(session)
    swarm.begin("w1")
    clock.go(5)
    swarm.begin("w2")
    session.ledger.release(swarm.holder.token)
    found = read(swarm, running=False)
    assert [worker.run for worker in found.values()] == [None, None]
    assert found["w1"].busy() == 1.0


def test_the_terminal_shows_a_line_each(clock, session):
    swarm = Swarm(session, {"w1": "GPU 0", "w2": "GPU 1", "w3": "GPU 2", "w4": "n4", "w5": "n5"})
    swarm.begin("w1", "LR up")
    swarm.begin("w2", "LR down")
    swarm.tell("w2", "slow", "3 times as slow as the others")
    swarm.tell("w4", "lost", "node n4 is gone")
    swarm.tell("w5", "refused", "it lacks torch 2.13")
    now = clock.go(8)
    found = [*read(swarm).values()]
    assert printed(workers.table(found, now)) == [
        "w1  GPU 0  ◐ 2 · LR up  running for 8.0 s                                         100 % busy",
        "w2  GPU 1  ⧖ 3 · LR down; slow: 3 times as slow as the others  running for 8.0 s  100 % busy",
        "w3  GPU 2  … waits                                                                  0 % busy",
        "w4  n4     ◌ lost: node n4 is gone",
        "w5  n5     × refused: it lacks torch 2.13",
    ]


def test_status_shows_them_in_place_of_the_iteration_and_in_json(clock, session):
    swarm = Swarm(session, iterations=10)
    metric = session.arena.rules.metric
    number = swarm.begin("w1", "LR up")
    swarm.begin("w2", "LR down")
    clock.go(4)
    found = status.read(session.ledger, "game", metric)
    assert [it.number for it in found.flights] == [2, 3]
    text = "\n".join(printed(status.text(found, clock.now)))
    assert "w2  GPU 1  ◐ 3 · LR down  running for 4.0 s" in text
    assert "iteration  " not in text.replace("iteration 1", "")
    row = status.row(found, clock.now)
    assert row["workers"][0] == {
        "name": "w1",
        "where": "GPU 0",
        "hardware": "cpu",
        "state": "up",
        "text": "",
        "run": {
            "number": number,
            "attempt": 1,
            "kind": "screen",
            "title": "LR up",
            "since": clock.now - 4,
            "phase": "running",
            "phase_since": clock.now - 4,
        },
        "runs": 0,
        "busy": 1.0,
    }
    assert row["rate_per_hour"] == pytest.approx(2 * 3600 / 1.5), "two run at once"
    swarm.end(number, scored(2.0))
    swarm.stop()
    idle = status.read(session.ledger, "game", metric)
    assert "workers    2 workers, 100 % busy" in "\n".join(printed(status.text(idle, clock.now)))


def test_one_slot_shows_no_workers(session):
    swarm = Swarm(session, {})
    swarm.begin("", "LR up")
    found = status.read(session.ledger, "game", session.arena.rules.metric)
    text = "\n".join(printed(status.text(found)))
    assert "workers" not in text
    assert "◐ 2 · LR up  running for" in text
    assert status.row(found)["workers"] == []


def test_what_a_killed_driver_left_does_not_count_as_under_way(session):
    swarm = Swarm(session)
    left = [swarm.begin("w1"), swarm.begin("w2")]
    session.ledger.release(swarm.holder.token)
    metric = session.arena.rules.metric
    text = "\n".join(printed(status.text(status.read(session.ledger, "game", metric))))
    assert text.count("interrupted: the next start runs it again") == 2
    for number in left:
        session.ledger.interrupt(number, "the driver died")
    again = Swarm(session)
    assert [it.number for it in status.read(session.ledger, "game", metric).flights] == left[:1], "it comes next"
    again.run("w2", left[1])
    assert [it.number for it in status.read(session.ledger, "game", metric).flights] == left[1:]


def test_ten_thousand_runs_are_added_up(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        seq = ledger.emit("driver.start", plan={"workers": "8"})
        start = ledger.events(after=seq - 1)[0]
        with ledger._write("events") as database:
            told = []
            for number in range(10_000):
                name = f'{{"worker": "w{number % 8 + 1}", "title": "t", "kind": "screen"}}'
                told.append((1e9 + number, number + 1, 1, "attempt.start", name))
                if number >= 8:
                    before = number - 8
                    told.append((1e9 + number, before + 1, 1, "attempt.end", f'{{"worker": "w{before % 8 + 1}"}}'))
                told += [(1e9 + number, number + 1, 1, "phase", '{"phase": "running"}')] * 3
            database.executemany(
                "INSERT INTO events (time, iteration, attempt, kind, json) VALUES (?, ?, ?, ?, ?)", told
            )
        found = workers.read(ledger, start, True)
        assert [worker.run.number for worker in found] == list(range(9993, 10_001))
        assert sum(worker.runs for worker in found) == 9992
