"""What a person decides about waiting proposals, and where the search goes on; it is on disk whoever drives."""

from pathlib import Path

import pytest
from loop_kit import Machine, change, make_sealed_arena, scored, x
from loop_kit import play as iterate
from played import crashed, make_arena, play
from played import scored as played_score

from autoloop_kernel import reviewing
from autoloop_kernel.loop import Loop
from autoloop_kernel.memory.proposals import TAKEN_OVER
from autoloop_kernel.memory.rebuild import rebuild
from autoloop_kernel.memory.recover import recover
from autoloop_kernel.records import AutoloopError, Kind, Proposal, Verdict
from autoloop_kernel.session import Session, open_session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_sealed_arena(tmp_path)


@pytest.fixture
def session(path: Path):
    """An arena with a baseline, X = 3, that scored 3.0."""
    with open_session(path) as opened:
        iterate(opened, (None, scored(3.0)))
        yield opened


def wait(session: Session, value: float, number: int = 0) -> str:
    proposal = Proposal(f"X to {value}", x(value), "It may help.", "plays", 1, f"w{value}-{number}")
    session.ledger.propose(proposal, 1, review=True)
    return proposal.id


def test_a_waiting_proposal_is_there_in_every_process_until_it_is_decided(path, session):
    first, second = wait(session, 2.0), wait(session, 1.0)
    with open_session(path, create=False) as other:
        assert [row.id for row in reviewing.waiting(other)] == [first, second]
        reviewing.accept(other, second)
    assert [row.id for row in reviewing.waiting(session)] == [first]
    assert reviewing.row(session, second).status == "accepted"
    reviewing.accept(session, second)  # again: nothing happens
    kinds = [event.kind for event in session.ledger.events(kinds=["waiting", "accepted"])]
    assert kinds == ["waiting", "waiting", "accepted"]


def test_a_skip_keeps_the_reason_on_one_line(session):
    first = wait(session, 2.0)
    reviewing.skip(session, first, " too\nbold ")
    assert (reviewing.row(session, first).status, reviewing.row(session, first).reason) == ("skipped", "too bold")
    second = wait(session, 1.0)
    reviewing.skip(session, second, " ")
    assert reviewing.row(session, second).reason == "skipped by the person"
    with pytest.raises(AutoloopError, match=r"'X to 2\.0' no longer waits for review: it was skipped"):
        reviewing.accept(session, first)


def test_a_person_takes_a_proposal_over_and_the_attribution_says_so(session):
    first = wait(session, 2.0)
    second = reviewing.take_over(session, first, x(0.5))
    assert (reviewing.row(session, first).status, reviewing.row(session, first).reason) == ("skipped", TAKEN_OVER)
    mine = reviewing.row(session, second)
    assert (mine.status, mine.proposal.agent, mine.proposal.base) == ("accepted", "human, after plays", 1)
    assert dict(mine.proposal.units) == x(0.5)
    iteration = Loop(session, Machine(scored(0.5))).iterate_queued()
    assert iteration is not None
    assert (iteration.agent, iteration.title, iteration.verdict) == (
        "human, after plays",
        "X to 2.0, rewritten by hand",
        Verdict.KEEP,
    )
    with pytest.raises(AutoloopError, match="it ran as iteration 2"):
        reviewing.accept(session, second)


def test_a_comment_alone_is_an_edit_too(session):
    first = wait(session, 2.0)
    second = reviewing.take_over(session, first, {"model": x(2.0)["model"] + "  # I like this one"})
    assert (reviewing.row(session, first).status, reviewing.row(session, second).status) == ("skipped", "accepted")


def test_an_edit_of_what_was_decided_elsewhere_is_not_dropped_in_silence(session):
    first = wait(session, 2.0)
    reviewing.accept(session, first)
    with pytest.raises(AutoloopError, match=r"'X to 2\.0' no longer waits for review: it was accepted, and runs next"):
        reviewing.take_over(session, first, x(0.5))


def test_a_replicate_is_one_more_attempt_with_a_fresh_seed_and_the_verdict_stays(session):
    iterate(session, (x(2.0), scored(2.0)))
    reviewing.replicate(session, 1)
    reviewing.replicate(session, 1)
    machine = Machine(scored(3.25), scored(2.75))
    loop = Loop(session, machine)
    assert [loop.replicate(), loop.replicate(), loop.replicate()] == [True, True, False]
    one = session.iteration(1)
    assert [(str(a.kind), a.score) for a in one.attempts] == [
        ("screen", 3.0),
        ("replicate", 3.25),
        ("replicate", 2.75),
    ]
    assert len({a.seed for a in one.attempts}) == 3
    assert (one.verdict, one.score, session.champion().number) == (Verdict.KEEP, 3.0, 2)
    assert [job.notebook_name for job in machine.jobs] == ["attempt-2.ipynb", "attempt-3.ipynb"]


def test_a_replicate_that_was_cut_short_is_run_again_under_its_number(session):
    reviewing.replicate(session, 1)
    session.ledger.begin_attempt(1, 77, Kind.REPLICATE, "run")
    assert [one.number for one in session.ledger.replicating()] == [1]
    told = recover(session.ledger, session.lineage, session.arena.runs)
    assert "a replicate of iteration 1 was running when the driver was stopped: it is run again" in [
        one.text for one in told
    ]
    assert session.ledger.replicating() == []
    assert Loop(session, Machine(scored(3.5))).replicate()
    assert [(a.attempt, str(a.verdict)) for a in session.iteration(1).attempts] == [
        (1, "scored"),
        (2, "interrupted"),
        (2, "scored"),
    ]
    assert session.ledger.replicates() == []


def test_a_replicate_whose_arena_changed_is_given_up_and_said_so(path, session):
    reviewing.replicate(session, 1)
    change(path, lambda nb: nb["metadata"]["autoloop"].update(budget_s=9.0))
    machine = Machine()
    assert Loop(session, machine).replicate()
    assert machine.jobs == []
    assert (
        "the replicate of iteration 1 is not run: the arena has changed"
        in session.ledger.last_event("note").data["text"]
    )
    assert session.ledger.replicates() == []
    iterate(session, (None, scored(3.0)))
    with pytest.raises(AutoloopError, match="iteration 1 is of epoch 1"):
        reviewing.replicate(session, 1)


def test_only_a_keep_of_this_epoch_can_be_asked_to_be_confirmed(session):
    iterate(session, (x(2.0), scored(2.0)), (x(4.0), scored(4.0)))
    reviewing.confirm(session, 2)
    assert session.ledger.confirms() == [2]
    with pytest.raises(AutoloopError, match="iteration 1 is the baseline: only a keep is held against its base"):
        reviewing.confirm(session, 1)
    with pytest.raises(AutoloopError, match=r"iteration 3 is no keep \(discard\)"):
        reviewing.confirm(session, 3)
    assert session.ledger.confirms() == [2]


def test_only_what_has_a_score_is_made_champion_by_hand(session):
    play(session, -9.0, crashed(), 1)
    play(session, 5.0, played_score(5.0), 1)
    with pytest.raises(AutoloopError, match=r"iteration 2 has no score \(crash\)"):
        reviewing.make_champion(session, 2)
    assert reviewing.make_champion(session, 3).number == session.champion().number == 3


def test_taking_over_without_a_change_accepts_it_as_it_is(session):
    first = wait(session, 2.0)
    assert reviewing.take_over(session, first, x(2.0)) == first
    assert reviewing.row(session, first).status == "accepted"


@pytest.mark.parametrize(
    ("units", "why"),
    [
        ({"model": "X = ("}, "was never closed"),
        ({"judge": "score(0)"}, "only editable cells and files may change"),
        ({"nowhere": "1"}, "there is no editable cell or file 'nowhere'"),
        (x(3.0), "changes nothing"),
    ],
)
def test_what_may_not_run_is_one_line_and_decides_nothing(session, units, why):
    first = wait(session, 2.0)
    with pytest.raises(AutoloopError, match=why) as raised:
        reviewing.take_over(session, first, units)
    assert "\n" not in str(raised.value)
    assert reviewing.row(session, first).status == "waiting"
    assert len(session.ledger.proposals()) == 2


def test_an_unknown_proposal_is_one_line(session):
    for decide in (reviewing.accept, reviewing.row, lambda s, i: reviewing.skip(s, i, "")):
        with pytest.raises(AutoloopError, match="there is no proposal nope"):
            decide(session, "nope")


def test_a_proposal_that_had_not_begun_is_run_after_a_kill_but_not_one_that_waits(path, session):
    waiting = wait(session, 2.0)
    session.ledger.propose(Proposal("left over", x(1.0), "", "plays", 1, "p9"), 1)
    session.ledger.propose(Proposal("baseline", x(3.0), "", "baseline", None, "b9"), 1)
    lines = [found.text for found in recover(session.ledger, session.lineage, session.arena.runs)]
    assert lines == ["'left over' was proposed and had not begun: it is run next"]
    assert [row.status for row in map(session.ledger.proposal, ("p9", "b9", waiting))] == [
        "accepted",
        "skipped",
        "waiting",
    ]


def test_a_fork_makes_any_iteration_the_champion_until_something_is_kept(session):
    iterate(session, (x(1.0), scored(1.0)), (x(4.0), scored(4.0)))
    assert reviewing.fork(session, 3).number == 3
    assert session.champion().number == 3
    assert session.lineage.champion() == session.ledger.iteration(3).commit
    assert session.ledger.best(1, session.arena.rules.metric.direction).number == 2
    iterate(session, (x(5.0), scored(5.0)))
    assert session.champion().number == 3
    iterate(session, (x(3.5), scored(3.5)))
    assert session.champion().number == 5
    session.ledger.settle(5, "refuted")
    assert session.champion().number == 3, "its nearest ancestor is where the person forked"
    reviewing.fork(session, 2)
    assert session.champion().number == 2
    assert recover(session.ledger, session.lineage, session.arena.runs) == []


def test_a_fork_from_a_crash_is_allowed_and_any_score_is_better(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, played_score(3.0), None, "baseline")
        play(session, 9.0, crashed(), 1)
        reviewing.fork(session, 2)
        (ended,) = iterate(session, ({"model": "X = 8.0\nsubmit(lambda: np.array(X))"}, scored(8.0)))
        assert (ended.base, ended.verdict) == (2, Verdict.KEEP)


def test_a_fork_outlives_the_ledger(path, session):
    iterate(session, (x(1.0), scored(1.0)), (x(4.0), scored(4.0)), (x(4.5), scored(4.5)))
    reviewing.fork(session, 4)
    reviewing.fork(session, 3)
    runs = session.arena.runs
    session.close()
    (runs / "ledger.sqlite").unlink()
    rebuild(runs)
    with open_session(path) as again:
        assert again.champion().number == 3
        assert again.ledger.get("forks")[-1] == {"epoch": 1, "number": 3, "after": 4}


def test_what_cannot_be_forked_is_one_line(path, session):
    with pytest.raises(AutoloopError, match=r"there is no iteration 9 of game\.ipynb: there are 1 to 1"):
        reviewing.fork(session, 9)
    session.ledger.epoch("another game", {}, 0.0)
    with pytest.raises(AutoloopError, match="iteration 1 is of epoch 1, whose scores do not compare with those of"):
        reviewing.fork(session, 1)
