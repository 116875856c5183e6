"""One iteration from proposal to verdict: interruptions, lost attempts, seeds, and what is written down."""

from contextlib import contextmanager

import nbformat
import pytest
from exploit_kit import Scripted
from loop_kit import REAL, Machine, cell, change, make_sealed_arena, play, scored, x
from played import make_arena
from story import assert_same_story

from autoloop_kernel.arena.notebook import ArenaError
from autoloop_kernel.driver import Plan, drive
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.loop import MACHINES, RERUNS, Loop, Stopped, seed_of
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.records import Iteration, Job, Kind, Outcome, Seconds, Verdict
from autoloop_kernel.session import Session, open_session


@pytest.fixture
def path(tmp_path):
    return make_sealed_arena(tmp_path)


@pytest.fixture
def session(path):
    with open_session(path) as opened:
        yield opened


# -- verdicts


def test_a_baseline_then_better_and_worse(session):
    base, worse, better, tie = play(
        session, (None, scored(3.0)), (x(4.0), scored(4.0)), (x(1.0), scored(1.0)), (x(-1.0), scored(1.0))
    )
    assert [str(i.verdict) for i in (base, worse, better, tie)] == ["keep", "discard", "keep", "discard"]
    assert [i.state for i in (base, worse, better, tie)] == ["provisional", None, "provisional", None]
    assert [i.base for i in (base, worse, better, tie)] == [None, 1, 1, 3]
    assert base.reason == "baseline"
    assert session.lineage.champion() == better.commit
    assert session.units(3) == {**session.arena.sources, **x(1.0)}
    champion = session.champion()
    assert champion is not None
    assert champion.number == 3


@pytest.mark.parametrize("verdict", [Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED])
def test_what_has_no_score_ends_with_its_own_verdict_and_reason(session, verdict):
    play(session, (None, scored(3.0)))
    (ended,) = play(session, (x(0.0), Outcome(verdict, "it went wrong", seconds=Seconds(run=2.0), cell="model")))
    assert (ended.verdict, ended.score, ended.reason, ended.state) == (verdict, None, "it went wrong", None)
    assert ended.seconds.run == 2.0
    assert ended.seconds.total > 0
    assert session.lineage.champion() == session.lineage.commit_of(1)
    assert [i.verdict for i in session.lineage.recorded()] == [Verdict.KEEP, verdict]


def test_the_next_run_is_prepared_before_the_agent_is_asked(session):
    play(session, (None, scored(3.0)))
    machine = Machine(scored(1.0))
    agent = Scripted(lambda context: machine.log.append("asked") or Scripted(x(1.0)).propose(context))
    Loop(session, machine).iterate(agent)
    assert machine.log == ["prepare", "asked", "run"]


def test_the_agent_is_bracketed_and_nothing_else(session):
    play(session, (None, scored(3.0)))
    inside: list[str] = []

    @contextmanager
    def thinking():
        inside.append("in")
        yield
        inside.append("out")

    machine = Machine(lambda job: inside.append("run") or scored(1.0))
    Loop(session, machine, thinking=thinking).iterate(Scripted(x(1.0)))
    assert inside == ["in", "out", "run"]


def test_a_proposal_waits_for_review_after_the_baseline_that_it_needs(session):
    machine = Machine(scored(3.0))
    proposal = Loop(session, machine).propose(Scripted(x(1.0)))
    assert [job.iteration for job in machine.jobs] == [1]
    row = session.ledger.proposal(proposal)
    assert (row.status, row.proposal.base) == ("waiting", 1)
    assert Loop(session, machine).iterate_queued() is None, "it ran though nobody accepted it"


def test_a_baseline_without_a_score_is_nothing_to_propose_on(session):
    with pytest.raises(NothingToRun, match=r"the baseline has no score \(crash: no such shape\)"):
        Loop(session, Machine(Outcome(Verdict.CRASH, "no such shape"))).propose(Scripted(x(1.0)))
    assert session.ledger.proposals("waiting") == []


def test_what_a_person_accepted_runs_before_the_agent_is_asked(session):
    play(session, (None, scored(3.0)))
    loop = Loop(session, Machine(scored(2.0)))
    proposal = loop.propose(Scripted(x(2.0)))
    session.ledger.accept(proposal)
    iteration = loop.iterate(Scripted())
    assert (iteration.proposal, iteration.verdict) == (proposal, Verdict.KEEP)
    assert session.ledger.proposal(proposal).iteration == 2


def test_proposals_after_a_fork_edit_that_iteration_and_are_held_against_it(session):
    play(session, (None, scored(3.0)), (x(1.0), scored(1.0)), (x(4.0), scored(4.0)))
    session.ledger.fork(3)
    (ended,) = play(session, (x(3.5), scored(3.5)))
    assert (ended.base, ended.verdict) == (3, Verdict.KEEP)
    assert session.champion().number == 4
    assert session.lineage.champion() == ended.commit


def test_a_keep_that_ran_while_a_person_forked_does_not_lead(session):
    play(session, (None, scored(3.0)), (x(4.0), scored(4.0)))
    (ended,) = play(session, (x(1.0), lambda job: session.ledger.fork(2) or scored(1.0)))
    assert ended.verdict is Verdict.KEEP
    assert session.champion().number == 2
    assert session.lineage.champion() != ended.commit
    assert [e.iteration for e in session.ledger.events(kinds=["champion"])] == [1, 2]


def test_an_arena_that_became_unsound_stops_before_anything_is_written(path, session):
    play(session, (None, scored(3.0)))
    events = len(session.ledger.events())
    change(path, lambda nb: cell(nb, "judge")["metadata"].clear())
    with pytest.raises(ArenaError):
        Loop(session, Machine()).iterate(Scripted())
    assert len(session.ledger.events()) == events


def test_the_job_carries_what_the_run_needs(session):
    machine = Machine(scored(3.0))
    Loop(session, machine).iterate(Scripted())
    (job,) = machine.jobs
    assert (job.iteration, job.attempt, job.kind) == (1, 1, Kind.SCREEN)
    assert job.run_id.startswith(session.mark + ":1:")
    assert job.target == session.arena.runs / "0001"
    assert job.rules == session.arena.rules
    assert REAL in job.notebook
    assert "%pip" not in job.notebook


def test_points_and_phases_reach_the_ledger(session):
    play(session, (None, scored(3.0, facts={"steps": 3}, extra={"distance": 3})))
    assert [point.step for point in session.ledger.curve(1)] == [0, 1, 2]
    assert [event.data["phase"] for event in session.ledger.events(kinds=["phase"])] == ["running"]
    last = session.ledger.last_event("report")
    assert last is not None
    assert last.data == {"step": 2, "seconds": 0.2, "numbers": {"loss": 1.0}}
    (taught,) = session.ledger.findings()
    assert taught.text.startswith("baseline: keep at 3 (baseline)")
    assert {
        "score": 3.0,
        "base": None,
        "facts": {"steps": 3},
        "extra": {"distance": 3},
    }.items() <= taught.numbers.items()


@pytest.mark.parametrize(("score", "stays"), [(1.0, True), (5.0, False)])
def test_artifacts_stay_for_keeps_alone(session, score, stays):
    play(session, (None, scored(3.0)))

    def leaves_weights(job: Job) -> Outcome:
        (job.target / "artifacts").mkdir(parents=True)
        (job.target / "artifacts" / "weights.bin").write_bytes(b"1")
        return scored(score)

    play(session, (x(1.0), leaves_weights))
    assert (session.arena.runs / "0002" / "artifacts" / "weights.bin").exists() is stays


# -- seeds


def test_a_seed_is_a_function_of_arena_iteration_and_attempt():
    seeds = {(a, i, t): seed_of(a, i, t) for a in ("one", "two") for i in range(1, 50) for t in (1, 2)}
    assert seeds == {key: seed_of(*key) for key in seeds}
    assert len(set(seeds.values())) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds.values())


def test_the_seed_is_recorded_and_injected(session):
    base, other = play(session, (None, scored(3.0)), (x(1.0), scored(1.0)))
    assert base.attempts[0].seed == seed_of("game", 1, 1)
    assert other.attempts[0].seed == seed_of("game", 2, 1)


# -- attempts that say nothing about the idea


@pytest.mark.parametrize(
    ("lost", "attempts"),
    [
        # A stop says nothing at all: the attempt is taken up under its number and seed. One with a neighbour was run.
        (Verdict.INTERRUPTED, [1, 1, 1]),
        (Verdict.CONTENDED, [1, 2, 3]),
    ],
)
def test_a_lost_attempt_is_run_again(session, lost, attempts):
    machine = Machine(Outcome(lost, "a neighbour"), Outcome(lost, "a neighbour"), scored(3.0))
    ended = Loop(session, machine).iterate(Scripted())
    assert (ended.number, ended.verdict, ended.score) == (1, Verdict.KEEP, 3.0)
    assert [attempt.verdict for attempt in ended.attempts] == [lost, lost, Verdict.SCORED]
    assert [job.attempt for job in machine.jobs] == attempts
    assert [job.seed for job in machine.jobs] == [seed_of("game", 1, nth) for nth in attempts]


def test_what_is_lost_time_and_again_is_a_crash_that_says_so(session):
    play(session, (None, scored(3.0)))
    machine = Machine(*[Outcome(Verdict.INTERRUPTED, "the process of the execution was killed by SIGKILL")] * RERUNS)
    ended = Loop(session, machine).iterate(Scripted(x(1.0)))
    assert (ended.verdict, ended.score) == (Verdict.CRASH, None)
    assert ended.reason == "lost 3 times: the process of the execution was killed by SIGKILL"
    assert len(ended.attempts) == RERUNS


def gone() -> Outcome:
    return Outcome(Verdict.INTERRUPTED, "node n2 was lost", facts={"harness": {"lost": "node n2 was lost"}})


def test_a_run_whose_machines_are_lost_is_run_on_others_and_that_counts_for_nothing(session):
    broken = Outcome(Verdict.INTERRUPTED, "the worker process on node n1 ended")
    play(session, (None, scored(3.0)))
    machine = Machine(broken, *[gone()] * (MACHINES - 1), broken, scored(2.0))
    ended = Loop(session, machine).iterate(Scripted(x(1.0)))
    assert (ended.verdict, ended.score) == (Verdict.KEEP, 2.0)
    assert len(ended.attempts) == MACHINES + 2


def test_one_that_takes_machine_after_machine_with_it_is_a_crash(session):
    play(session, (None, scored(3.0)))
    ended = Loop(session, Machine(*[gone()] * MACHINES)).iterate(Scripted(x(1.0)))
    assert (ended.verdict, ended.score, len(ended.attempts)) == (Verdict.CRASH, None, MACHINES)
    assert ended.reason == "lost 6 times: node n2 was lost"


def test_a_sealed_file_that_changed_meanwhile_ends_the_iteration_unjudged(path, session):
    play(session, (None, scored(3.0)))

    def meddle(job: Job) -> Outcome:
        (path.parent / "sealed" / "truth.txt").write_text("1")
        return scored(0.0)

    machine = Machine(meddle)
    ended = Loop(session, machine).iterate(Scripted(x(0.0)))
    assert len(machine.jobs) == 1
    assert (ended.verdict, ended.score) == (Verdict.DISCARD, None)
    assert "a sealed file changed while it ran" in ended.reason
    (again,) = play(session, (None, scored(9.0)))
    assert (again.epoch, again.base, again.verdict) == (2, None, Verdict.KEEP)
    assert session.units(again.number)["model"] == x(3.0)["model"]


# -- interruptions


def interrupted(session: Session) -> Iteration:
    """Leave an iteration in flight, as a stop does."""
    stopping = Machine(Outcome(Verdict.INTERRUPTED, "stopped before it ended"))
    with pytest.raises(Stopped):
        Loop(session, stopping, stopped=lambda: bool(stopping.jobs)).iterate(Scripted(x(1.0)))
    (waiting,) = session.ledger.in_flight()
    return waiting


def test_an_interrupted_iteration_is_run_again_under_its_number(session):
    play(session, (None, scored(3.0)))
    waiting = interrupted(session)
    assert (waiting.number, waiting.verdict) == (2, None)
    machine = Machine(scored(1.0))
    again = Loop(session, machine).iterate(Scripted())
    assert (again.number, again.proposal, again.verdict, again.base) == (2, waiting.proposal, Verdict.KEEP, 1)
    assert [str(attempt.verdict) for attempt in again.attempts] == ["interrupted", "scored"]
    assert machine.jobs[0].seed == seed_of("game", 2, 1)
    assert session.units(2)["model"] == x(1.0)["model"]
    assert not session.ledger.in_flight()
    ends = [event.iteration for event in session.ledger.events(kinds=["iteration.end"])]
    assert ends == [1, 2]


def test_an_interrupted_baseline_is_run_again_under_its_number(session):
    machine = Machine(Outcome(Verdict.INTERRUPTED, "stopped before it ended"))
    with pytest.raises(Stopped):
        Loop(session, machine, stopped=lambda: bool(machine.jobs)).iterate(Scripted())
    (again,) = play(session, (None, scored(3.0)))
    assert (again.number, again.base, again.verdict) == (1, None, Verdict.KEEP)


def test_an_iteration_that_had_run_is_judged_without_running_again(session):
    play(session, (None, scored(3.0)))
    waiting = interrupted(session)
    attempt = session.ledger.begin_attempt(waiting.number, 7, Kind.SCREEN, "run")
    session.ledger.end_attempt(waiting.number, attempt, scored(1.0, extra={"distance": 1}, seconds=Seconds(run=4.0)))
    machine = Machine()
    judged = Loop(session, machine).iterate(Scripted())
    assert machine.jobs == []
    assert (judged.number, judged.verdict, judged.score, judged.seconds.run) == (2, Verdict.KEEP, 1.0, 4.0)
    assert session.ledger.findings(1)[0].numbers["extra"] == {"distance": 1}


def test_an_iteration_in_flight_whose_arena_changed_ends_as_discard(path, session):
    play(session, (None, scored(3.0)))
    interrupted(session)
    change(path, lambda nb: nb["metadata"]["autoloop"].update(budget_s=9.0))
    machine = Machine()
    ended = Loop(session, machine).iterate(Scripted())
    assert machine.jobs == []
    assert (ended.number, ended.epoch, ended.verdict, ended.score) == (2, 1, Verdict.DISCARD, None)
    assert ended.reason == "interrupted, and the arena changed before it could be run again"
    (base,) = play(session, (None, scored(3.0)))
    assert (base.epoch, base.base, base.verdict) == (2, None, Verdict.KEEP)
    assert session.lineage.champion() == base.commit


# -- with real kernels


def test_a_baseline_that_crashes_stops_the_driver_with_its_reason(tmp_path):
    path = make_arena(tmp_path, budget_s=5.0)
    change(path, lambda nb: cell(nb, "model").update(source="X = 1 / 0"))
    ended = drive(path, [Scripted()], Plan(iterations=5))
    assert (ended.ran, ended.failed) == (1, True)
    assert ended.reason.startswith("the baseline has no score (crash: cell 'model' raised ZeroDivisionError")
    assert assert_same_story(path) == ["crash"]


def test_a_stop_leaves_the_iteration_in_flight_and_it_is_taken_up_again(path, session):
    def phase() -> tuple[int | None, str]:
        last = session.ledger.last_event("phase")
        return (last.iteration, last.data["phase"]) if last is not None else (None, "")

    slow = {"model": f"import time\ntime.sleep(0.8)\nX = 1.0\n{REAL}"}
    executor = LocalExecutor(session.mark)
    try:
        Loop(session, executor).iterate(Scripted())
        loop = Loop(session, executor, stopped=lambda: phase() == (2, "running"))
        with pytest.raises(Stopped):
            loop.iterate(Scripted(slow))
        again = Loop(session, executor).iterate(Scripted())
    finally:
        executor.close()
    assert (again.number, again.verdict, again.score) == (2, Verdict.KEEP, 1.0)
    assert [str(attempt.verdict) for attempt in again.attempts] == ["interrupted", "scored"]
    executed = nbformat.read(session.arena.runs / "0002" / "iteration.ipynb", as_version=4)
    assert f"SEED = {seed_of('game', 2, 1)}" in str(executed)
    assert assert_same_story(path) == ["keep", "keep"]
