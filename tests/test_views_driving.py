"""How one driver stands: from its events and the ledger to state, share of the plan, and time left."""

import os

import pytest
from played import crashed, make_arena, play, scored
from swarm_kit import Swarm

from autoloop_kernel.memory.ledger import Holder, Ledger
from autoloop_kernel.records import Cost, Kind, Point, Proposal, to_json
from autoloop_kernel.session import open_session
from autoloop_kernel.views import driving
from autoloop_kernel.views.driving import Drive


def start(ledger: Ledger, **plan):
    """A driver that starts: it holds the lease and says so."""
    holder = Holder.mine()
    assert ledger.acquire(holder) is None
    told = {"iterations": None, "hours": None, "until": None} | plan
    seq = ledger.emit("driver.start", pid=os.getpid(), host="here", agents=["search"], plan=told)
    return holder.token, next(event for event in ledger.events(after=seq - 1) if event.seq == seq)


def begin(ledger: Ledger, title="X up"):
    ledger.propose(Proposal(title, {"model": "X = 2.0"}, "", "search", 1, "flying"), 1)
    it = ledger.begin("flying", 1, 1, "game", "key")
    attempt = ledger.begin_attempt(it.number, 1, Kind.SCREEN, "run")
    ledger.emit("phase", it.number, attempt, phase="running")
    return it, attempt


def stop(ledger: Ledger, token: str, reason="3 iterations done"):
    ledger.emit("driver.stop", reason=reason)
    ledger.release(token)


def drive_of(session, event):
    return Drive(session.arena.name, session.arena.rules, event)


def test_a_driver_is_followed_from_its_start_also_by_one_who_comes_late(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        _, event = start(session.ledger, iterations=4)
        early = drive_of(session, event)
        play(session, 1.0, scored(1.0), 1)
        play(session, -9.0, crashed(), 2)
        it, attempt = begin(session.ledger)
        session.ledger.add_points({(it.number, attempt): [Point(1, 0.1, {"loss": 2.0}), Point(2, 0.2, {"loss": 1.0})]})
        early.take(session.ledger.events(after=event.seq))
        late = drive_of(session, event)
        assert late.catch_up(session.ledger) == session.ledger.last_event().seq
        for stands in (early.look(session.ledger), late.look(session.ledger)):
            assert (stands.state, stands.ran, stands.planned) == ("running", 2, 4)
            assert (stands.scene.lane.number, stands.scene.lane.title, stands.scene.lane.phase) == (
                4,
                "X up",
                "running",
            )
            assert stands.flying.number == 4
            assert stands.busy
            assert [seen.sign for seen in stands.scene.looks] == ["○", "×"]
        assert [point[2] for point in late.scene.lane.curve] == [{"loss": 2.0}, {"loss": 1.0}]


def test_events_count_once_however_often_they_come(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        _, event = start(session.ledger)
        play(session, 3.0, scored(3.0), None, "baseline")
        followed = drive_of(session, event)
        followed.catch_up(session.ledger)
        followed.take(session.ledger.events())
        assert followed.look(session.ledger).ran == 1


def test_time_left_is_by_pace_by_hours_and_by_the_sooner_of_both(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, scored(3.0), None, "baseline")  # 1.5 s
        for plan, left in [
            ({"iterations": 5}, 5 * 1.5),
            ({"hours": 1}, 3600.0),
            ({"iterations": 5, "hours": 1}, 7.5),
            ({"iterations": 10_000, "hours": 1}, 3600.0),
            ({"until": 0.0}, None),
        ]:
            token, event = start(session.ledger, **plan)
            stands = drive_of(session, event).look(session.ledger)
            found = stands.left_s(event.time)
            assert found is None if left is None else abs(found - left) < 1e-6, plan
            stop(session.ledger, token)
            assert drive_of(session, event).look(session.ledger).left_s(event.time) is None


def test_what_is_under_way_counts_as_done_in_part_and_when_stopping_only_that_is_left(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        _, event = start(session.ledger, iterations=2)
        it, _ = begin(session.ledger)
        followed = drive_of(session, event)
        followed.catch_up(session.ledger)
        stands = followed.look(session.ledger)
        assert abs(stands.left_s(it.time + 0.5) - 2.5) < 1e-6
        assert abs(stands.left_s(it.time + 60.0) - 1.5) < 1e-6
        session.ledger.emit("stopping", now=False)
        assert abs(followed.look(session.ledger).left_s(it.time + 0.5) - 1.0) < 1e-6


def test_the_end_is_told_with_its_reason_and_nothing_after_it_counts(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        token, event = start(session.ledger, iterations=1)
        followed = drive_of(session, event)
        play(session, 3.0, scored(3.0), None, "baseline")
        stop(session.ledger, token, "1 iteration done")
        stands = followed.look(session.ledger)
        assert (stands.state, stands.ended, stands.ran, stands.flying) == ("ended", "1 iteration done", 1, None)
        assert not stands.busy
        start(session.ledger)
        play(session, 1.0, scored(1.0), 1)
        followed.take(session.ledger.events())
        stands = followed.look(session.ledger)
        assert (stands.state, stands.ended, stands.ran) == ("ended", "1 iteration done", 1)


def test_a_killed_driver_is_not_called_running(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        token, event = start(session.ledger)
        begin(session.ledger)
        session.ledger.release(token)
        stands = drive_of(session, event).look(session.ledger)
        assert stands.state == "ended"
        assert "killed" in stands.ended
        assert "nothing is lost" in stands.ended


def test_json_and_text_say_where_it_stands(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        token, event = start(session.ledger, iterations=4)
        followed = drive_of(session, event)
        play(session, 1.5, scored(1.5), 1)
        begin(session.ledger, "a title")
        followed.catch_up(session.ledger)
        session.ledger.emit("pause")
        stands = followed.look(session.ledger)
        row, text = driving.row(stands, event.time), driving.text(stands, event.time)
        assert (row["state"], row["ran"], row["verdicts"]) == ("paused", 1, {"keep": 1})
        assert row["plan"] == {"iterations": 4, "hours": None, "until": None, "max_cost": None}
        assert row["champion"].items() >= {"number": 2, "score": 1.5}.items()
        assert text.splitlines()[:3] == [
            "game: pauses after this iteration, 1 of 4 done",
            "◐ 3 · a title, running",
            "best loss 1.500, iteration 2 (−50.0 % since the baseline)",
        ]
        session.ledger.emit("cost", agent="search", proposal="p3", **to_json(Cost("m", 2, dollars=1.239)))
        spent = followed.look(session.ledger)
        assert driving.row(spent, event.time)["spent"] == 1.239
        assert " left, $1.24\n" in driving.text(spent, event.time)
        stop(session.ledger, token, "stopped")
        assert "ended, 1 of 4 done: stopped" in driving.text(followed.look(session.ledger), event.time)


def test_of_several_at_once_all_are_followed_and_the_time_left_is_that_of_all_workers(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, scored(3.0), None, "baseline")  # 1.5 s
        swarm = Swarm(session, iterations=9)
        first, second = swarm.begin("w1", "LR up"), swarm.begin("w2", "LR down")
        session.ledger.add_points({(second, 1): [Point(1, 0.1, {"loss": 2.0})]})
        followed = drive_of(session, swarm.start)
        followed.catch_up(session.ledger)
        assert [(lane.number, lane.worker, len(lane.curve)) for lane in followed.scene.lanes.going] == [
            (first, "w1", 0),
            (second, "w2", 1),
        ]
        swarm.end(second, crashed())
        third = swarm.begin("w2", "LR far down")
        followed.take(session.ledger.events())
        stands = followed.look(session.ledger)
        assert [it.number for it in stands.status.flights] == [first, third]
        assert (stands.ran, stands.flying.number, stands.scene.lane.number) == (1, first, first)
        each = (1.5 + 0.7) / 2
        begun = [it.time for it in stands.status.flights]
        assert stands.left_s(begun[0]) == pytest.approx(8 * each / 2, abs=1e-6), "two at a time"
        text = driving.text(stands, begun[0])
        assert text.splitlines()[1:3] == ["◐ w1 2 · LR up", "◐ w2 4 · LR far down"]
        session.ledger.emit("stopping", now=False)
        stands = followed.look(session.ledger)
        assert driving.headline(stands) == "stopping after these iterations, 1 of 9 done"
        assert stands.left_s(begun[1] + 0.5) == pytest.approx(each - 0.5, abs=1e-6), "the last one decides"
