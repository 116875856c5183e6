"""The bundled arena `screening`: a fair ranking that is far better, an unfair one that is not kept, and cheats."""

import io
import json
import re

import numpy as np
import pytest
from exploit_kit import Scripted
from template_kit import SECRET, assert_constants_say_where_they_go, assert_far_better, copy_of, foreseen

from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.scoring import AnswerRefused, applicants
from autoloop_kernel.scoring.rows import ask_rows

CONSTRAINED = """\
FAIR = True

apart = known[second].mean(axis=0) - known[~second].mean(axis=0)
inputs = np.concatenate([np.ones((len(known), 1)), known], axis=1)
condition = np.concatenate([[0.0], apart if FAIR else 0 * apart])
fitted = np.zeros(inputs.shape[1])
for _ in range(20):  # Newton's method, under the condition that the groups' mean rankings are the same
    chance = 1 / (1 + np.exp(-inputs @ fitted))
    slope = inputs.T @ (rated - chance) - fitted
    bend = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + np.eye(len(fitted))
    free = np.linalg.solve(bend, slope)
    if FAIR:
        away = np.linalg.solve(bend, condition)
        free -= away * (condition @ (fitted + free)) / (condition @ away)
    fitted = fitted + free
weights = fitted[1:]
"""
UNFAIR = CONSTRAINED.replace("FAIR = True", "FAIR = False")
LIMIT = 0.8


__all__ = ["foreseen"]  # a fixture of every test here


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    yield from copy_of("screening", tmp_path_factory.mktemp("screening"))


@pytest.fixture(scope="module")
def pool():
    return applicants.unseen(SECRET, 20_000, "search", 1)


def selected(answer, pool):
    return applicants.select(ask_rows(lambda known: answer(known), {"known": pool.known}), pool, SECRET)


def test_a_regression_with_the_groups_alike_beats_the_sum_within_the_limit(copy):
    assert_constants_say_where_they_go(copy)
    assert copy.arena.rules.limits == {"impact_ratio": {"min": LIMIT}}
    runs = [copy({"weights": CONSTRAINED}, seed) for seed in (1, 2)]
    assert min(run.extra["impact_ratio"] for run in runs) > LIMIT
    assert_far_better([run.score for run in runs], copy.scores())


def test_a_ranking_that_is_better_and_unfair_costs_more_than_it_brings_and_is_not_kept(copy):
    raw = json.loads(copy.arena.path.read_text())
    raw["metadata"]["autoloop"] |= {
        "keep": {"policy": "greedy"},
        "contention": 1,
    }  # one run each, on a busy machine too
    copy.arena.path.write_text(json.dumps(raw))
    ended = drive(copy.arena.path, [Scripted({"weights": UNFAIR})], Plan(iterations=2, ahead=0))
    assert (ended.ran, ended.failed) == (2, False)
    with open_session(copy.arena.path, create=False) as session:
        baseline, unfair = session.ledger.iterations()
        champion = session.champion()
    wells = [iteration.attempts[0].extra["well"] for iteration in (baseline, unfair)]
    assert wells[1] > wells[0] + 2, "it ranks by what the ratings say, and that is worth something"
    assert unfair.score < baseline.score - 10
    assert (baseline.verdict, unfair.verdict, champion.number) == ("keep", "discard", 1)
    assert re.search(r"impact_ratio is 0\.[1-5]\d+, below its limit of 0\.8", unfair.reason)


def test_cheats_crash_with_their_reason_in_a_real_run(copy):
    secret = "secret = open('sealed/screening_seed.txt').read()"
    assert "sealed/screening_seed.txt" in copy.refusal({"rank": secret})
    quota = "submit(lambda known: (known @ weights).argsort().argsort() + 0.0)"
    assert "each row has to be answered by itself" in copy.refusal({"rank": quota})


@pytest.mark.parametrize(
    "cheat",
    [
        lambda known: np.arange(len(known)),
        lambda known: known[:, 0] / known[:, 0].std(),
        lambda known: known[:, 0] + (known[:, 6].argsort().argsort() < 3_000),
    ],
    ids=["place", "spread of all", "quota"],
)
def test_what_ranks_by_the_others_is_refused(pool, cheat):
    with pytest.raises(AnswerRefused, match="by itself"):
        selected(cheat, pool)


def test_equal_numbers_are_drawn_by_lot(pool):
    same = selected(lambda known: np.zeros(len(known)), pool)
    assert same.well == pytest.approx(100 * pool.well.mean(), abs=2)
    sorted_pool = applicants.Applicants(*(array[pool.well.argsort()[::-1]] for array in vars(pool).values()))
    assert selected(lambda known: np.zeros(len(known)), sorted_pool).well == pytest.approx(
        100 * pool.well.mean(), abs=2
    )


def test_fair_at_one_depth_is_not_enough_and_either_group_may_be_the_one_that_is_wronged(pool):
    at_a_fifth = 10.0 * (pool.well > np.quantile(pool.well, 0.8)) - pool.second
    first, last = pool.second + 0.5 * pool.well, 0.5 * pool.well - pool.second
    rates = [np.zeros(len(first)), pool.well, at_a_fifth, first, last]
    none, fair, fifth, first, last = (applicants.select(rank, pool, SECRET) for rank in rates)
    assert min(none.impact_ratio, fair.impact_ratio) > 0.85
    assert fifth.impact_ratio == 0.0
    assert first.impact_ratio == last.impact_ratio == 0.0
    assert (first.second_share, last.second_share) == (1.0, 0.0)
    assert (first.first_well, last.second_well) == (0.0, 0.0)


def test_the_ratings_wrong_the_second_group_and_the_truth_does_not():
    past = applicants.draw(applicants.world(SECRET), 100_000, np.random.default_rng(1))
    assert past.well[past.second].mean() == pytest.approx(past.well[~past.second].mean(), abs=0.01)
    files = applicants.data(SECRET)
    assert files == applicants.data(SECRET)
    assert files != applicants.data("1" + SECRET[1:])
    seen = np.load(io.BytesIO(files[applicants.FILE]))
    assert sorted(seen.files) == ["known", "rated_well", "second"]
    assert seen["rated_well"][seen["second"]].mean() < seen["rated_well"][~seen["second"]].mean() - 0.03
    other = [applicants.unseen(SECRET, 50, part, seed) for part, seed in (("search", 1), ("search", 2), ("holdout", 1))]
    assert len({one.known.tobytes() for one in other}) == 3


def test_the_first_thing_that_the_notebook_says_is_what_it_must_not_be_used_for(copy):
    strategy = next(cell.source for cell in copy.arena.notebook.cells if "strategy" in cell.metadata.get("tags", []))
    assert strategy.splitlines()[2].startswith("> **This score must not decide about people.**")
