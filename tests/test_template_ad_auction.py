"""The bundled arena `ad_auction`: a better bidder wins by far more than the noise, and cheats win nothing."""

import io

import numpy as np
import pytest
from template_kit import SECRET, assert_constants_say_where_they_go, assert_far_better, copy_of, foreseen

from autoloop_kernel.scoring import AnswerRefused, auction

LOGISTIC = """\
RIDGE = 1.0
RIDGE_OF_CHANNEL = 20.0


def inputs(channel, hour, visitor):
    \"\"\"Channel, hour as an angle, the visitor, and the visitor once more for each channel.\"\"\"
    one = np.eye(CHANNELS)[channel.astype(int)]
    angle = hour.astype(float)[:, None] / 24 * 2 * np.pi
    of_channel = (one[:, :, None] * visitor[:, None, :]).reshape(len(one), -1)
    return np.concatenate([one, np.cos(angle), np.sin(angle), visitor, of_channel], axis=1)


known = inputs(past["channel"][won], past["hour"][won], past["visitor"][won].astype(float))
sold = past["sold"][won].astype(float)
penalty = np.repeat([0.1, RIDGE, RIDGE_OF_CHANNEL], [CHANNELS, 10, 8 * CHANNELS])
weights = np.zeros(known.shape[1])
weights[:CHANNELS] = np.log(sold.mean())
for _ in range(8):  # Newton's method, in steps of one at most
    chance = 1 / (1 + np.exp(-known @ weights))
    slope = known.T @ (sold - chance) - penalty * weights
    bend = (known * (chance * (1 - chance))[:, None]).T @ known + np.diag(penalty)
    step = np.linalg.solve(bend, slope)
    weights += step / max(1.0, np.abs(step).max())


def chance_of_sale(channel, weekday, hour, visitor):
    \"\"\"The chance that showing the advertisement sells, by logistic regression.\"\"\"
    return 1 / (1 + np.exp(-inputs(channel, hour, visitor) @ weights))
"""
PACED = ("SHARE = 0.6", "SHARE = 0.25"), ("HASTE = 0.5", "HASTE = 2.0")
TABLE = ("dearest=float(chances.max()), cheapest=float(chances.min())", "numbers=weights.size")


__all__ = ["foreseen"]  # a fixture of every test here


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    yield from copy_of("ad_auction", tmp_path_factory.mktemp("ad"))


@pytest.fixture(scope="module")
def baseline(copy):
    return [copy(seed=seed) for seed in (1, 2, 3)]


def play(bidder, days=20):
    return auction.play(lambda **asked: bidder(**asked), auction.unseen(SECRET, days, "search", 1), 80.0)


def test_logistic_regression_and_pacing_beat_the_table(copy, baseline):
    assert_constants_say_where_they_go(copy)
    better = {"constants": copy.source("constants", *PACED), "learn": LOGISTIC, "bid": copy.source("bid", TABLE)}
    assert_far_better(copy.scores(better, seeds=2), [run.score for run in baseline])


def test_a_great_return_on_little_spend_is_no_great_score(copy, baseline):
    picky = copy.source("bid", ("SHARE * VALUE", "0.3 * SHARE * VALUE"))
    outcome = copy({"bid": picky})
    assert outcome.extra["return_on_spend"] > 1.3 * baseline[0].extra["return_on_spend"]
    assert outcome.extra["spent_share"] < 0.3
    assert 0 < outcome.score < min(run.score for run in baseline) / 2
    nothing = play(lambda channel, **others: 0.0 * channel)
    assert (nothing.score, nothing.extra["spent_share"], nothing.extra["return_on_spend"]) == (0.0, 0.0, 0.0)


def test_who_buys_whatever_comes_is_cut_off_at_the_cap(baseline):
    cap = auction.cap(auction.past(SECRET))
    everything = auction.play(
        lambda channel, **others: 1e6 + 0.0 * channel, auction.unseen(SECRET, 100, "search", 1), cap
    )
    assert everything.score < 0.9 * min(run.score for run in baseline)
    assert everything.spent <= everything.cap == 100 * cap
    assert everything.cut > 10_000


def counting(channel, asked=[], **others):  # noqa: B006 the state that it keeps is the cheat
    asked.append(1)
    return len(asked) + 0.0 * channel


@pytest.mark.parametrize(
    ("cheat", "says"),
    [
        (counting, "by itself"),
        (lambda visitor, **others: np.exp(visitor[:, 0] - visitor[:, 0].mean()), "by itself"),
        (lambda channel, **others: -1.0 - 0.0 * channel, "must not be negative"),
        (lambda channel, **others: np.inf + 0.0 * channel, "NaN or infinite"),
        (lambda channel, **others: np.ones((len(channel), 2)), "of the shape"),
        (lambda channel, **others: {"bids": channel}, "must be one array, but holds bids"),
    ],
    ids=["state", "neighbours", "negative", "infinite", "shape", "dict"],
)
def test_answers_that_are_no_bids_are_refused(cheat, says):
    with pytest.raises(AnswerRefused, match=says):
        play(cheat)


def test_cheats_crash_with_their_reason_in_a_real_run(copy):
    state = "asked = []\nsubmit(lambda channel, **others: asked.append(1) or len(asked) + 0.0 * channel)"
    assert "each row has to be answered by itself" in copy.refusal({"bid": state})
    assert "sealed/ad_auction_seed.txt" in copy.refusal({"bid": "secret = open('sealed/ad_auction_seed.txt').read()"})


def test_days_differ_by_attempt_and_part_and_the_log_tells_no_rival_that_it_did_not_beat():
    first, again = (auction.unseen(SECRET, 3, "search", 1) for _ in range(2))
    assert (first.rival == again.rival).all()
    for part, seed in (("search", 2), ("holdout", 1)):
        other = auction.unseen(SECRET, 3, part, seed)
        assert len(other.rival) != len(first.rival) or (other.rival != first.rival).any()
    files = auction.data(SECRET)
    assert files == auction.data(SECRET)
    assert files != auction.data("1" + SECRET[1:])
    seen = np.load(io.BytesIO(files[auction.FILE]))
    assert (np.isnan(seen["price"]) == ~seen["won"]).all()
    assert not seen["sold"][~seen["won"]].any()
    assert (seen["price"][seen["won"]] <= seen["bid"][seen["won"]]).all()
    assert {"chance", "rival"}.isdisjoint(seen.files)


def test_the_cap_of_each_day_holds_and_what_is_earned_is_the_chance_of_a_sale():
    played = auction.unseen(SECRET, 20, "search", 1)
    all_bought = play(lambda channel, **others: 1e3 + 0.0 * channel)
    assert all_bought.spent <= all_bought.cap == 20 * 80.0
    spent = {}

    def bid_early(hour, left, channel, **others):
        spent[int(hour[0])] = float(1 - left.max())
        return np.where(hour < 3, 0.5, 0.0)

    early = play(bid_early)
    mine = (played.hour < 3) & (played.rival < 0.5)
    assert (early.cut, early.won) == (0, mine.sum())
    assert early.spent == pytest.approx(played.rival[mine].sum())
    assert early.earned == pytest.approx(auction.VALUE * played.chance[mine].sum())
    assert spent[0] == 0.0 < spent[3] == spent[23]
