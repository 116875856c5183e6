"""What the loop makes of several attempts: the real loop, ledger and judge; only the machine is played."""

import random

import pytest
from exploit_kit import Scripted
from loop_kit import REAL, Machine, make_sealed_arena, scored, x

from autoloop_kernel import rulings
from autoloop_kernel.judging.judge import Judge
from autoloop_kernel.loop import Loop, Stopped
from autoloop_kernel.records import Kind, Outcome, Proposal, Verdict
from autoloop_kernel.rulings import Rulings, scores_of
from autoloop_kernel.session import open_session

BAYES = {"policy": "bayes"}


@pytest.fixture
def session(tmp_path):
    with open_session(make_sealed_arena(tmp_path, keep=BAYES)) as opened:
        yield opened


def run(session, units, *outcomes, loop=None):
    """One iteration that may run up to as many attempts as there are outcomes; with what was run."""
    machine = Machine(*outcomes)
    loop = loop or Loop(session, machine)
    loop.executor = machine
    ended = loop.iterate(Scripted(*([units] if units else [])))
    return ended, machine


def baseline(session, *scores):
    return run(session, None, *map(scored, scores or (3.0, 3.02, 2.99)))[0]


def noisy(seed, sigma=0.02):
    """A machine on which X scores |X| and a noise that follows from iteration and attempt."""

    def outcome(job):
        value = abs(float(job.notebook.split("X = ")[1].split(" ")[0]))
        return scored(value + random.Random(f"{seed}:{job.seed}").gauss(0, sigma))

    return Machine(*[outcome] * 400)


def test_the_baseline_runs_until_its_noise_is_known(session):
    ended = baseline(session)
    assert [str(a.kind) for a in ended.attempts] == ["screen", "replicate", "replicate"]
    assert len({a.seed for a in ended.attempts}) == 3
    assert ended.score == pytest.approx((3.0 + 3.02 + 2.99) / 3)
    assert "noise" in ended.reason
    assert "mean of 3 attempts" in ended.reason
    asked = [event.data["why"] for event in session.ledger.events(kinds=["replicate"])]
    assert asked[0] == "1 of 3 attempts that tell how noisy a run is"
    assert ended.seconds.total > 0


def test_a_baseline_that_scores_the_same_twice_needs_no_third_run(session):
    assert len(baseline(session, 3.0, 3.0).attempts) == 2


def test_what_is_clearly_better_is_kept_by_one_run_and_what_is_clearly_worse_discarded(session):
    baseline(session)
    worse, _ = run(session, x(4.0), scored(4.0))
    better, _ = run(session, x(1.0), scored(1.0))
    assert [str(worse.verdict), str(better.verdict)] == ["discard", "keep"]
    assert "chance of" in better.reason
    (found,) = [f for f in session.ledger.findings() if f.iteration == better.number]
    effect = found.numbers["effect"]
    assert effect["p_better"] > 0.9
    assert effect["gain"][1] < effect["gain"][0] < effect["gain"][2]
    assert 0 < effect["sigma"] < 0.2
    assert session.champion().number == better.number


def test_a_score_within_the_noise_is_no_keep(session):
    baseline(session)
    lucky, _ = run(session, x(2.99), scored(2.985), scored(3.02), scored(3.01))
    assert lucky.verdict is Verdict.DISCARD
    assert lucky.score == pytest.approx(sum(scores_of(lucky)) / len(lucky.attempts))


def test_with_greedy_one_better_score_is_a_keep(tmp_path):
    with open_session(make_sealed_arena(tmp_path, keep={"policy": "greedy"})) as session:
        baseline(session, 3.0)
        lucky, _ = run(session, x(2.99), scored(2.985))
        assert (lucky.verdict, len(lucky.attempts)) == (Verdict.KEEP, 1)


def test_what_does_not_run_with_every_seed_is_not_kept(session):
    baseline(session)
    loop = Loop(session, Machine())
    for value in (2.97, 2.96, 2.975, 2.965):  # until one is promising enough to be run again
        ended, machine = run(session, x(value), scored(value), Outcome(Verdict.CRASH, "it broke"), loop=loop)
        if len(machine.jobs) == 2:
            break
    assert (ended.verdict, ended.score) == (Verdict.CRASH, None)
    assert ended.reason.startswith("its attempt 2, with another seed: it broke")
    assert session.champion().number == 1


def test_a_baseline_of_which_a_replicate_crashes_stands_on_its_score(session):
    ended, _ = run(session, None, scored(3.0), Outcome(Verdict.CRASH, "it broke"))
    assert (ended.verdict, ended.score) == (Verdict.KEEP, 3.0)


def test_attempts_that_ended_before_a_stop_are_not_run_again(session):
    def stop(job):
        stopping.append(True)
        return Outcome(Verdict.INTERRUPTED, "stopped")

    stopping: list[bool] = []
    loop = Loop(session, Machine(scored(3.0), scored(3.02), stop), stopped=lambda: bool(stopping))
    with pytest.raises(Stopped):
        loop.iterate(Scripted())
    ended, machine = run(session, None, scored(2.99))
    assert len(machine.jobs) == 1
    assert scores_of(ended) == [3.0, 3.02, 2.99]
    assert [a.verdict for a in ended.attempts].count(Verdict.INTERRUPTED) == 1
    assert ended.number == 1


@pytest.mark.parametrize("seed", range(3))
def test_a_driver_that_was_killed_rules_as_one_that_was_not(tmp_path, seed):
    drawn = random.Random(seed)
    values = [drawn.uniform(2.8, 3.1) for _ in range(12)]
    told = []
    for folder in ("whole", "pieces"):
        (tmp_path / folder).mkdir()
        with open_session(make_sealed_arena(tmp_path / folder, keep=BAYES)) as session:
            loop = Loop(session, noisy(seed))
            loop.iterate(Scripted())
            for value in values:
                if folder == "pieces":
                    loop = Loop(session, noisy(seed))
                loop.iterate(Scripted(x(value)))
            told.append([(i.verdict, i.score, i.reason, len(i.attempts)) for i in session.ledger.iterations()])
    assert told[0] == told[1]
    assert len({row[3] for row in told[0]}) > 1, "some were run more than once"


def test_an_equal_score_with_clearly_less_code_is_kept_and_says_why(tmp_path):
    with open_session(make_sealed_arena(tmp_path, keep={**BAYES, "sigma": 0})) as session:
        run(session, None, scored(3.0))
        longer = {"model": f"X = 1.0  # -5..5\nif X > 0:\n    X = X * 2 - X\n{REAL}"}
        assert run(session, longer, scored(2.0))[0].verdict is Verdict.KEEP
        same, _ = run(session, x(-2.0), scored(2.0))
        assert same.verdict is Verdict.KEEP
        assert "simpler" in same.reason
        tie, _ = run(session, x(2.5), scored(2.0))
        assert tie.verdict is Verdict.DISCARD


def test_added_code_has_to_pay_for_itself_where_the_arena_asks_for_it(tmp_path):
    longer = {"model": "X = 2.9  # -5..5\n" + "X = X * 1.0 + 0.0\n" * 12 + REAL}
    verdicts = []
    for weight in (0, 8):
        (folder := tmp_path / str(weight)).mkdir()
        with open_session(make_sealed_arena(folder, keep={**BAYES, "sigma": 0.01, "complexity": weight})) as session:
            run(session, None, scored(3.0))
            ended, _ = run(session, longer, *[scored(2.9)] * 3)
            verdicts.append(str(ended.verdict))
    assert verdicts == ["keep", "discard"]


def test_what_breaks_a_hard_limit_is_not_kept_however_good_its_score(tmp_path):
    limits = {"memory": {"max": 100}}
    with open_session(make_sealed_arena(tmp_path, keep=BAYES, limits=limits)) as session:
        run(session, None, *[scored(value, facts={"memory": 90}) for value in (3.0, 3.02, 2.99)])
        heavy, _ = run(session, x(0.1), scored(0.1, facts={"memory": 110}))
        assert (heavy.verdict, heavy.score) == (Verdict.DISCARD, 0.1)
        assert heavy.reason == "memory is 110, above its limit of 100"
        light, _ = run(session, x(0.2), scored(0.2, facts={"memory": 100}))
        assert light.verdict is Verdict.KEEP


@pytest.mark.parametrize(("memory", "verdict"), [(101, "keep"), (900, "discard")])
def test_what_exceeds_a_soft_limit_has_to_pay_for_it_and_says_so(tmp_path, memory, verdict):
    limits = {"memory": {"max": 100, "soft": True}}
    with open_session(make_sealed_arena(tmp_path, keep={**BAYES, "sigma": 0.02}, limits=limits)) as session:
        run(session, None, scored(3.0, facts={"memory": 90}))
        ended, _ = run(session, x(2.9), *[scored(2.9, facts={"memory": memory})] * 3)
        assert str(ended.verdict) == verdict
        assert f"memory is {memory}, above its limit of 100" in ended.reason


def test_a_fork_is_what_later_candidates_are_held_against(session):
    baseline(session)
    run(session, x(1.0), scored(1.0))
    run(session, x(4.0), scored(4.0))
    session.ledger.fork(3)
    ended, _ = run(session, x(3.5), scored(3.5))
    assert (ended.base, ended.verdict) == (3, Verdict.KEEP)


def test_a_judge_that_starts_anew_is_told_of_the_last_iterations_only(session, monkeypatch):
    monkeypatch.setattr("autoloop_kernel.rulings.WINDOW", 8)
    baseline(session)
    loop = Loop(session, noisy(7))
    for number in range(14):
        loop.iterate(Scripted(x(2.999 - number / 1000)))
    rulings = Rulings(session)
    ended, champion = session.iteration(session.ledger.last_number()), session.champion()
    ruling = rulings.rule(session.arena, ended, [scored(0.5)], champion, session.units(ended.number))
    assert ruling.verdict is Verdict.KEEP
    assert rulings._judge is not None
    assert len(rulings._judge.to_json()["calls"]) <= 8 + 3


def test_a_replicate_that_is_asked_for_is_what_the_judge_knows_next(session):
    baseline(session)
    loop = Loop(session, Machine())
    run(session, x(2.0), *map(scored, (2.0, 2.0, 2.0)), loop=loop)
    session.ledger.queue_replicate(2)
    loop.executor = Machine(scored(3.2))
    loop.replicate()
    assert [a.kind for a in session.iteration(2).attempts][-1] is Kind.REPLICATE
    ended, _ = run(session, x(2.1), scored(2.1), loop=loop)
    assert ended.verdict is Verdict.KEEP, "the champion is believed to be about 2.6 by now"


def test_what_still_runs_takes_no_place_among_the_last_that_a_new_judge_is_told_of(session, monkeypatch):
    monkeypatch.setattr(rulings, "WINDOW", 4)
    champion, loop = baseline(session), Loop(session, noisy(1))
    for value in (3.2, 3.1, 3.3, 3.4):
        loop.iterate(Scripted(x(value)))

    def told():
        judge = Judge()
        rulings._tell(judge, session, champion.epoch, champion)
        return judge.to_json()["calls"]

    before = told()
    for nth in range(6):
        proposal = Proposal(f"runs {nth}", x(4.0 + nth), "", "scripted", 1, f"running{nth}")
        session.ledger.propose(proposal, champion.epoch)
        session.ledger.begin(proposal.id, 1, champion.epoch, champion.game, f"key{nth}")
    assert told() == before
    assert len([call for call in before if "settle" in call]) == 4
