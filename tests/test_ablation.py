"""Which kept steps matter: the real loop, ledger and lineage; only the machine is played."""

import json
import re

import nbformat
import pytest
from exploit_kit import Scripted
from loop_kit import Machine, Played, cell, change, make_sealed_arena, scored

from autoloop_kernel import cli, driver
from autoloop_kernel.ablation import ablate_queued, ablation, advance, measured, only_what_matters, results
from autoloop_kernel.judging.retest import chosen
from autoloop_kernel.loop import Loop, Stopped
from autoloop_kernel.memory.recover import recover
from autoloop_kernel.records import MEASURED, AutoloopError, Direction, Kind, Outcome, Verdict
from autoloop_kernel.session import open_session

TRUE = {"A": 1.0, "B": 0.5, "C": 0.0, "D": -0.05}
"""What each constant is worth once it is 1; A and B together a quarter less."""


def source(**values):
    """A cell of constants that stand apart, so that each can be changed by itself."""
    lines = [f"{name} = {values.get(name, 0)}\n# of {name}\n# apart\n" for name in TRUE]
    return {"model": "".join(lines) + "submit(lambda: np.array(1.0))"}


def truth(job):
    """The score of a job by its constants, lower is better, with noise by its seed."""
    text = next("".join(one["source"]) for one in json.loads(job.notebook)["cells"] if one["id"] == "model")
    values = {name: int(value) for name, value in re.findall(r"^([A-D]) = (\d)", text, re.M)}
    score = 10.0 - sum(TRUE[name] * min(value, 1) for name, value in values.items())
    score += 0.25 * (values["A"] > 0 and values["B"] > 0)
    if values["C"] > 2:
        return Outcome(Verdict.CRASH, "it broke")
    return scored(score + (job.seed % 7 - 3) / 1000)


@pytest.fixture
def path(tmp_path):
    found = make_sealed_arena(tmp_path)
    change(found, lambda notebook: cell(notebook, "model").update(source=source()["model"]))
    return found


def loop_on(session):
    return Loop(session, Machine(*[truth] * 400))


@pytest.fixture
def session(path):
    """A, D, B and C are kept in turn; D does harm and C nothing: both are kept by luck."""
    with open_session(path) as opened:
        lucky = iter([10.0, 9.0, 8.99, 8.8, 8.79])

        def luck(job):
            return scored(next(lucky))

        loop = Loop(opened, Machine(*[luck] * 5))
        edits = [dict.fromkeys("ADBC"[:count], 1) for count in (1, 2, 3, 4)]
        loop.iterate(Scripted())
        for edit in edits:
            loop.iterate(Scripted(source(**edit)))
        assert [it.verdict for it in opened.ledger.iterations()] == [Verdict.KEEP] * 5
        yield opened


def test_each_step_is_left_out_and_put_in_alone_and_code_that_ran_is_not_run_anew(session):
    plan, loop = ablation(session), loop_on(session)
    while advance(loop, plan, 3):
        pass
    found = {result.steps[0].number: result for result in results(session, plan)}
    assert {number: result.matters for number, result in found.items()} == {2: True, 3: False, 4: True, 5: None}
    assert found[2].without.mean == pytest.approx(0.75, abs=0.01)
    assert found[2].alone.mean == pytest.approx(1.0, abs=0.01)
    assert {number for number, result in found.items() if result.interacts} == {2, 4}
    variants = [it for it in session.ledger.iterations() if it.agent == MEASURED]
    assert [it.title for it in variants] == [
        "without 2 (play 1)",
        "without 3 (play 1)",
        "without 4 (play 1)",
        "3 (play 1) alone",
        "4 (play 1) alone",
        "5 (play 1) alone",
    ], "without 5 is iteration 4, and 2 alone is iteration 2: both ran before"
    assert all(
        len(measured(session.iteration(number))) == 3 for number in (1, 2, 4, 5, *(it.number for it in variants))
    )
    assert not advance(loop, ablation(session), 3), "asked again, nothing is left to do"
    assert {job.kind for job in loop.executor.jobs} == {Kind.SCREEN, Kind.CONFIRM}


def test_a_variant_is_never_kept_nor_the_champion_whatever_it_scores(session):
    plan, loop = ablation(session), loop_on(session)
    while advance(loop, plan, 2):
        pass
    variants = [it for it in session.ledger.iterations() if it.agent == MEASURED]
    assert {(it.verdict, it.base) for it in variants} == {(Verdict.DISCARD, 5)}
    assert all("no candidate" in it.reason for it in variants)
    assert session.champion().number == 5
    assert session.lineage.champion() == session.lineage.commit_of(5)
    assert chosen(session.champion(), variants, Direction.MIN, 99.0) is None
    told = loop.rulings._informed(session.arena, 1, session.champion()).to_json()
    assert str(told).count("settle") == 4, "the judge is told of candidates alone"


def test_only_what_matters_is_the_champion_without_the_rest_and_is_exported(
    session, path, tmp_path, monkeypatch, capsys
):
    session.close()
    monkeypatch.setattr(driver, "open_workers", lambda *told: Played(Noted()))
    monkeypatch.setenv("COLUMNS", "160")
    out = tmp_path / "lean.ipynb"
    assert cli.main(["ablate", str(path), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "4 kept steps, " in said
    assert re.search(r"2 +play 1 .*matters, less with the others", said)
    assert re.search(r"3 +play 1 .*harms", said)
    assert re.search(r"the champion without 3, 5, \+0.0\d+ \(", said)
    kept = "".join(one.source for one in nbformat.read(out, as_version=4).cells)
    assert "A = 1" in kept
    assert "D = 0" in kept
    with open_session(path) as again:
        best = min((it for it in again.ledger.iterations() if it.agent == MEASURED), key=lambda it: it.score)
        assert best.score < again.iteration(5).score
        assert (best.verdict, again.champion().number) == (Verdict.DISCARD, 5), (
            "better than the champion, and no candidate"
        )
    assert cli.main(["ablate", str(path), "-o", str(path)]) == 2
    assert "is the arena itself" in capsys.readouterr().err


class Noted(Machine):
    def __init__(self):
        super().__init__(*[truth] * 400)

    def close(self):
        pass


def test_steps_on_the_same_lines_go_together(path):
    with open_session(path) as session:
        loop = loop_on(session)
        for edit in ({}, {"A": 1}, {"A": 1, "B": 1}, {"A": 2, "B": 1}):
            loop.iterate(Scripted(source(**edit)) if edit else Scripted())
        assert session.champion().number == 3, "A = 2 is no better"
        session.ledger.fork(4)
        plan = ablation(session)
        assert [[it.number for it in group] for group in plan.steps] == [[2, 4], [3]]
        assert plan.without[0].units == source(B=1)
        assert plan.alone[0].units == source(A=2)
        while advance(loop, plan, 2):
            pass
        both = results(session, plan)[0]
        assert both.without.mean == pytest.approx(0.75, abs=0.01)


def test_what_was_killed_or_stopped_goes_on_where_it_stood_and_nothing_is_doubled(session):
    stopping = []

    def stop(job):
        stopping.append(True)
        return Outcome(Verdict.INTERRUPTED, "stopped")

    plan = ablation(session)
    loop = Loop(session, Machine(truth, stop), stopped=lambda: bool(stopping))
    assert advance(loop, plan)
    with pytest.raises(Stopped):
        advance(loop, plan)
    waiting = session.ledger.in_flight()
    assert [it.agent for it in waiting] == [MEASURED]
    recover(session.ledger, session.lineage, session.arena.runs)
    loop, plan = loop_on(session), ablation(session)
    while advance(loop, plan, 2):
        pass
    variants = [it for it in session.ledger.iterations() if it.agent == MEASURED]
    assert [it.number for it in variants] == [6, 7, 8, 9, 10, 11]
    assert waiting[0].number == 7
    assert session.iteration(7).verdict is Verdict.DISCARD


def test_a_variant_that_fails_is_said_and_the_others_go_on(session):
    plan = ablation(session)
    loop = Loop(session, Machine(Outcome(Verdict.CRASH, "it broke"), *[truth] * 200))
    while advance(loop, plan, 2):
        pass
    first, *others = results(session, plan)
    assert (first.without, first.why) == (None, "not without it: iteration 6 ended in crash")
    assert all(one.without is not None for one in others)
    left_out = only_what_matters(session, plan, results(session, plan))
    assert [step.number for step in left_out] == [3, 5]


def test_a_driver_that_runs_makes_what_was_asked_for_run_by_run(session):
    session.ledger.queue_ablation(5, 2)
    loop = loop_on(session)
    count = 0
    while ablate_queued(loop):
        count += 1
        assert len(loop.executor.jobs) <= count, "one run at a time"
    assert session.ledger.ablation() is None
    assert count == len(loop.executor.jobs) + 1
    assert "is done" in session.ledger.last_event("note").data["text"]
    session.ledger.queue_ablation(1, 2)
    assert ablate_queued(loop)
    assert "given up: nothing to ablate" in session.ledger.last_event("note").data["text"]
    assert not ablate_queued(loop)


def test_there_must_be_something_to_leave_out(path):
    with open_session(path) as session:
        with pytest.raises(AutoloopError, match="no champion"):
            ablation(session)
        loop = loop_on(session)
        loop.iterate(Scripted())
        with pytest.raises(AutoloopError, match="no kept step"):
            ablation(session)
        loop.iterate(Scripted(source(A=1)))
        with pytest.raises(AutoloopError, match="one kept step, whose worth autoloop confirm tells"):
            ablation(session)
        loop.iterate(Scripted(source(A=2)))
        session.ledger.fork(3)
        with pytest.raises(AutoloopError, match="all steps changed the same lines"):
            ablation(session)
