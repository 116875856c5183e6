"""The bundled arena `email_campaign`: estimates that are right, a far better policy, and cheats that win nothing."""

import io

import numpy as np
import pytest
from template_kit import SECRET, assert_constants_say_where_they_go, assert_far_better, copy_of, foreseen

from autoloop_kernel.scoring import AnswerRefused, mailing

RIDGE = """\
RIDGE = 100.0


def inputs(recipients):
    \"\"\"One, every number, and every product of two.\"\"\"
    first, second = np.triu_indices(recipients.shape[1])
    products = recipients[:, first] * recipients[:, second]
    return np.concatenate([np.ones((len(recipients), 1)), recipients, products], axis=1)


known, mean = inputs(recipients), ordered.mean()
slopes = np.empty((known.shape[1], VARIANTS))
for variant in range(VARIANTS):
    x, y = known[variants == variant], ordered[variants == variant] - mean
    slopes[:, variant] = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)


def expected_orders(recipients):
    \"\"\"What each variant is expected to bring from each of `recipients`, by ridge regression for each.\"\"\"
    return mean + inputs(recipients) @ slopes
"""
SHARP = ("SHARPNESS = 50.0", "SHARPNESS = 500.0")


__all__ = ["foreseen"]  # a fixture of every test here


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    yield from copy_of("email_campaign", tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="module")
def log():
    return mailing.sealed(SECRET, 40_000, "search", 1)


def asked(answer, log):
    return mailing.policy_of(lambda recipient: answer(recipient), log.recipient[:2000])


def test_a_model_of_the_orders_beats_the_table(copy):
    assert_constants_say_where_they_go(copy)
    better = copy.scores({"constants": copy.source("constants", SHARP), "learn": RIDGE}, seeds=2)
    assert_far_better(better, copy.scores())


def test_cheats_crash_with_their_reason_in_a_real_run(copy):
    everything = "submit(lambda recipient: np.ones((len(recipient), VARIANTS)))"
    assert "sum to 1, but in one row the least is 1 and the sum 5" in copy.refusal({"choose": everything})
    secret = "secret = open('sealed/email_campaign_seed.txt').read()"
    assert "sealed/email_campaign_seed.txt" in copy.refusal({"choose": secret})


def rows(*row):
    return lambda recipient: np.tile(np.array(row), (len(recipient), 1))


def ranked(recipient):
    place = recipient[:, 0].argsort().argsort() / len(recipient)
    return np.stack([place, 1 - place, *[0 * place] * 3], axis=1)


@pytest.mark.parametrize(
    ("cheat", "says"),
    [
        (rows(1.0, 1.0, 1.0, 1.0, 1.0), "the sum 5"),
        (rows(3.0, -2.0, 0.0, 0.0, 0.0), "the least is -2 and the sum 1"),
        (rows(0.0, 0.0, 0.0, 0.0, 0.0), "the sum 0"),
        (rows(0.5, 0.5, 0.0, 0.0, np.nan), "NaN"),
        (rows(1.0, 0.0, 0.0), "of the shape"),
        (ranked, "by itself"),
        (lambda recipient: np.random.default_rng().dirichlet(np.ones(5), len(recipient)), "by itself"),
    ],
    ids=["all", "negative", "none", "nan", "shape", "neighbours", "dice"],
)
def test_what_is_no_policy_is_refused(log, cheat, says):
    with pytest.raises(AnswerRefused, match=says):
        asked(cheat, log)


def test_float32_from_a_softmax_is_a_policy(log):
    def soft(recipient):
        raised = np.exp(recipient[:, :5].astype(np.float32))
        return raised / raised.sum(axis=1, keepdims=True)

    assert asked(soft, log).sum(axis=1) == pytest.approx(1, abs=1e-12)


def test_the_estimates_are_right_and_no_mail_weighs_too_much(log):
    world = mailing.world(SECRET)
    chances = mailing.chances(world, log.recipient)
    assert log.propensity.min() >= mailing.FLOOR / mailing.VARIANTS
    best, worst = (np.eye(5)[pick] for pick in (chances.argmax(axis=1), chances.argmin(axis=1)))
    uniform = np.full(chances.shape, 0.2)
    for policy in (best, worst, uniform):
        truth = 100 * (policy * chances).sum(axis=1).mean()
        worth = mailing.worth(policy, log)
        for estimate in (worth.doubly_robust, worth.snips, worth.ips):
            assert abs(estimate - truth) < 4 * worth.stderr, (worth, truth)
        assert worth.effective > len(log.variant) / 17
    assert mailing.worth(best, log).doubly_robust > mailing.worth(uniform, log).doubly_robust + 5
    repeated = [mailing.worth(uniform[:10_000], mailing.sealed(SECRET, 10_000, "search", seed)) for seed in range(24)]
    scatter = np.std([worth.doubly_robust for worth in repeated], ddof=1)
    assert scatter == pytest.approx(repeated[0].stderr, rel=0.5)


def test_the_log_that_is_seen_is_not_the_one_that_judges():
    files = mailing.data(SECRET)
    assert files == mailing.data(SECRET)
    assert files != mailing.data("1" + SECRET[1:])
    seen = np.load(io.BytesIO(files[mailing.FILE]))
    assert sorted(seen.files) == ["ordered", "propensity", "recipient", "variant"]
    assert len(seen["ordered"]) == mailing.HISTORY
    other = [mailing.sealed(SECRET, 100, part, seed) for part, seed in (("search", 1), ("search", 2), ("holdout", 1))]
    assert len({one.recipient.tobytes() for one in other}) == 3
    assert not (seen["recipient"][:100] == other[0].recipient).all()
