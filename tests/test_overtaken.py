"""Two loops at one session: claims, keeps whose base was overtaken, and runs whose machine was lost."""

import contextlib
import threading

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, play, scored, x

from autoloop_kernel import rulings
from autoloop_kernel.loop import Beside, Loop, NotYet
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.pruning import Pruner
from autoloop_kernel.records import Outcome, Verdict
from autoloop_kernel.requeueing import requeued
from autoloop_kernel.rulings import MACHINES, Rulings
from autoloop_kernel.session import LEDGER, open_session

FAR = "# one\n# two\n# three\n"


def both(first, second):
    """The model cell with two numbers far enough apart that edits of either merge."""
    return {"model": f"{x(first)['model']}\n{FAR}SECOND = {second!r}\n"}


class Killed(Exception):
    """The driver ends here."""


class Held(Machine):
    """A machine whose first run goes on until it is let go."""

    def __init__(self, *outcomes):
        super().__init__(*outcomes)
        self.began, self.go = threading.Event(), threading.Event()

    def run(self, job, on_message, stopped):
        outcome = super().run(job, on_message, stopped)
        self.began.set()
        assert self.go.wait(30)
        return outcome


@pytest.fixture(params=["bayes", "greedy"])
def session(request, tmp_path):
    path = make_sealed_arena(tmp_path, keep={"policy": request.param, "sigma": 0.0})
    with open_session(path, in_turns=True) as opened:
        play(opened, (None, scored(3.0)))
        play(opened, (both(2.9, 1.0), scored(2.9)))
        yield opened


def while_it_runs(session, units, outcome, meanwhile, beside=None):
    """Run an edit; while it runs, do `meanwhile(loop)` in a second slot. Gives what became of the edit."""
    beside = beside or Beside(Rulings(session), Pruner(session))
    slow, ended = Held(outcome), []
    first = Loop(session, slow, worker="w1", beside=beside)

    def work():
        with beside.baton, contextlib.suppress(Killed):
            ended.append(first.iterate(Scripted(units)))

    thread = threading.Thread(target=work)
    thread.start()
    assert slow.began.wait(30)
    try:
        with beside.baton:
            meanwhile(lambda *outcomes: Loop(session, Machine(*outcomes), worker="w2", beside=beside))
    finally:
        slow.go.set()
        thread.join(30)
    assert beside.board.running == {}
    return ended[0]


def overtaken(session, units, score, by, scored_by):
    return while_it_runs(session, units, scored(score), lambda loop: loop(scored(scored_by)).iterate(Scripted(by)))


def test_a_keep_that_was_overtaken_runs_on_the_new_champion_before_it_counts(session):
    early = overtaken(session, both(2.0, 1.0), 2.0, by=both(2.9, 5.0), scored_by=2.5)
    assert (early.number, early.base, early.verdict) == (3, 2, Verdict.DISCARD)
    assert "iteration 4 is the champion by now: its edit runs on that next" in early.reason
    assert session.champion().number == 4
    later = Loop(session, Machine(scored(1.5))).iterate(Scripted())
    assert (later.number, later.base, later.verdict, later.agent) == (5, 4, Verdict.KEEP, "scripted")
    assert session.units(5) == both(2.0, 5.0), "both edits"
    assert later.title.endswith("(on iteration 4)")
    assert session.lineage.champion() == session.lineage.commit_of(5)


def test_the_judge_keeps_what_it_knows_after_a_keep_that_was_overtaken(session, monkeypatch):
    told, tell = [], rulings._tell
    monkeypatch.setattr(rulings, "_tell", lambda *of: told.append(of) or tell(*of))
    beside = Beside(Rulings(session), Pruner(session))
    by = lambda loop: loop(scored(2.5)).iterate(Scripted(both(2.9, 5.0)))  # noqa: E731
    early = while_it_runs(session, both(2.0, 1.0), scored(2.0), by, beside)
    assert session.ledger.overtaken() == {early.number}
    later = Loop(session, Machine(scored(1.5)), beside=beside).iterate(Scripted())
    assert later.verdict is Verdict.KEEP
    assert len(told) == (session.arena.rules.keep["policy"] == "bayes"), "once, at the first question"


def test_what_changes_the_same_lines_runs_again_as_it_is_where_it_wins(session):
    early = overtaken(session, both(1.0, 1.0), 1.0, by=both(2.0, 1.0), scored_by=2.0)
    assert early.verdict is Verdict.DISCARD
    again = Loop(session, Machine(scored(1.0))).iterate(Scripted())
    assert session.units(again.number) == both(1.0, 1.0)
    assert (again.base, again.verdict, session.champion().number) == (4, Verdict.KEEP, 5)


@pytest.mark.parametrize("has_run", [False, True])
def test_a_lost_ledger_is_rebuilt_with_what_was_overtaken(session, has_run):
    early = overtaken(session, both(2.0, 1.0), 2.0, by=both(2.9, 5.0), scored_by=2.5)
    later = [Loop(session, Machine(scored(1.5))).iterate(Scripted())] if has_run else []
    (event,) = session.ledger.events(kinds=["overtaken"])
    (session.arena.runs / LEDGER).unlink()
    with open_session(session.path, in_turns=True) as again:
        assert again.notes
        (same,) = again.ledger.events(kinds=["overtaken"])
        assert (same.iteration, same.data) == (early.number, event.data)
        lines = requeued(again)
        assert len(lines) == (not has_run)
        assert requeued(again) == [], "once"
        if not has_run:
            later = [Loop(again, Machine(scored(1.5))).iterate(Scripted())]
        (it,) = later
        assert (it.number, it.base, it.proposal, it.verdict) == (5, 4, event.data["id"], Verdict.KEEP)
        assert again.units(5) == both(2.0, 5.0)


def test_what_changes_the_same_lines_and_loses_to_the_champion_is_left(session):
    early = overtaken(session, both(2.0, 1.0), 2.0, by=both(1.0, 1.0), scored_by=1.0)
    assert early.verdict is Verdict.DISCARD
    assert "the same lines" in early.reason
    with pytest.raises(NothingToRun):
        Loop(session, Machine()).iterate(Scripted())


def test_what_is_no_better_than_its_base_is_a_plain_discard(session):
    early = overtaken(session, both(2.95, 1.0), 2.95, by=both(1.0, 1.0), scored_by=1.0)
    assert early.verdict is Verdict.DISCARD
    assert session.ledger.overtaken() == set()


def test_code_that_is_being_run_is_refused_with_the_number(session):
    def same(loop):
        with pytest.raises(NothingToRun, match="this code is being run, as iteration 3"):
            loop().iterate(Scripted(*[both(2.0, 1.0)] * 3))

    assert while_it_runs(session, both(2.0, 1.0), scored(2.0), same).verdict is Verdict.KEEP
    assert session.ledger.remembered(1).avoided == 3


def test_what_one_slot_runs_is_not_taken_up_by_another(session):
    def other(loop):
        assert loop(scored(2.8)).iterate(Scripted(both(2.8, 1.0))).number == 4

    assert while_it_runs(session, both(2.0, 1.0), scored(2.0), other).number == 3


def test_while_one_slot_runs_the_baseline_the_others_wait(tmp_path):
    with open_session(make_sealed_arena(tmp_path, keep={"policy": "greedy"}), in_turns=True) as session:

        def other(loop):
            with pytest.raises(NotYet):
                loop().iterate(Scripted(x(2.0)))

        assert while_it_runs(session, x(3.0), scored(3.0), other).base is None


def test_a_kill_between_the_two_writes_queues_the_combination_once(session, monkeypatch):
    record, killed = Loop._record, []

    def once(self, arena, ended, *more):
        if ended.number == 3 and not killed:
            killed.append(ended)
            raise Killed
        return record(self, arena, ended, *more)

    monkeypatch.setattr(Loop, "_record", once)
    with pytest.raises(IndexError):
        overtaken(session, both(2.0, 1.0), 2.0, by=both(2.9, 5.0), scored_by=2.5)
    assert [row.proposal.base for row in session.ledger.proposals("accepted")] == [4]
    early = Loop(session, Machine()).iterate(Scripted())
    assert (early.number, early.verdict) == (3, Verdict.DISCARD)
    assert [row.proposal.base for row in session.ledger.proposals("accepted")] == [4]
    assert len(session.ledger.events(kinds=["overtaken"])) == 1


def test_a_run_whose_machine_was_lost_is_run_again_on_others(session):
    gone = Outcome(Verdict.INTERRUPTED, "its node is gone", facts={"harness": {"lost": "node 2"}})
    ended = Loop(session, Machine(*[gone] * (MACHINES - 1), scored(2.0))).iterate(Scripted(both(2.0, 1.0)))
    assert (ended.verdict, ended.score) == (Verdict.KEEP, 2.0)
    broken = Outcome(Verdict.INTERRUPTED, "its process was killed")
    ended = Loop(session, Machine(gone, broken, gone, broken, gone, broken)).iterate(Scripted(both(1.0, 1.0)))
    assert ended.verdict is Verdict.CRASH
    assert "lost 3 times" in ended.reason
