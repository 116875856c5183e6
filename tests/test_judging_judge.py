import json
import math
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from autoloop_kernel.judging import Decision, Judge
from autoloop_kernel.judging.greedy import decide as upstream
from autoloop_kernel.records import Direction, Verdict


class Arena:
    """Noisy runs of versions whose true scores are known; a lower score is better unless `sign` is −1."""

    def __init__(self, seed, sigma=1e-3, sign=1.0, tails=None):
        self.rng = np.random.default_rng(seed)
        self.sigma, self.sign, self.tails, self.runs = sigma, sign, tails, 0

    def run(self, true):
        self.runs += 1
        noise = self.rng.normal() if self.tails is None else self.rng.standard_t(self.tails)
        return self.sign * (1.0 + true + self.sigma * noise)


def play(judge, arena, effects, runs):
    """The calling loop of the contract: (true gain, false keeps, decisions) of `effects` within `runs`."""
    true, false, log = 0.0, 0, []
    b = [arena.run(true)]
    while judge.baseline(b).action == "replicate":
        b.append(arena.run(true))
    for effect in effects:
        if arena.runs >= runs:
            break
        c = [arena.run(true - effect)]
        while (d := judge.decide(c)).action == "replicate" and arena.runs < runs:
            c.append(arena.run(true - effect))
        judge.settle(c, d.action == "keep")
        log.append((d, effect, len(c)))
        if d.action == "keep":
            true, false = true - effect, false + (effect <= 0)
    return -true, false, log


def proposals(seed, helpful=0.15, gain=1e-3, harm=1e-3, count=125):
    rng = np.random.default_rng([seed, 7])
    good = rng.random(count) < helpful
    return np.where(good, rng.exponential(gain, count), -rng.exponential(harm, count))


def ready(baseline=(1.0, 1.001, 0.999), **settings):
    judge = Judge(**settings)
    assert judge.baseline(list(baseline)).action == "keep"
    return judge


def test_the_loop_of_the_contract_runs_and_says_what_it_believes():
    gain, _, log = play(Judge(), Arena(1), proposals(1), 60)
    assert log
    assert gain > -1e-2
    for decision, _, attempts in log:
        assert isinstance(decision, Decision)
        assert 1 <= attempts <= 3
        assert 0 <= decision.p_better <= 1
        assert decision.gain.low <= decision.gain.mean <= decision.gain.high
        assert 1e-4 < decision.sigma < 1e-2
        assert decision.reason


def test_a_baseline_may_begin_without_any_attempt():
    judge = Judge()
    assert judge.baseline([]).action == "replicate"
    assert judge.baseline([1.0, 1.1]).action == "replicate"
    assert judge.baseline([1.0, 1.1, 0.9]).action == "keep"


@pytest.mark.parametrize("known", [None, 1e-3])
def test_both_directions_are_mirror_images(known):
    lower = play(Judge("min", sigma=known), Arena(5), proposals(5), 80)
    higher = play(Judge("max", sigma=known), Arena(5, sign=-1.0), proposals(5), 80)
    assert [d.action for d, _, _ in lower[2]] == [d.action for d, _, _ in higher[2]]
    assert [d.gain for d, _, _ in lower[2]] == [d.gain for d, _, _ in higher[2]]


def test_a_clear_gain_is_kept_at_once_and_a_clear_loss_discarded_in_either_direction():
    for direction, better, worse in (("min", 0.9, 1.1), ("max", 1.1, 0.9)):
        judge = ready(direction=direction)
        kept, lost = judge.decide([better]), judge.decide([worse])
        assert (kept.action, lost.action) == ("keep", "discard")
        assert kept.gain.mean == pytest.approx(0.1, rel=0.05)
        assert lost.gain.mean == pytest.approx(-0.1, rel=0.05)
        assert kept.p_better > 0.99
        assert lost.p_better < 0.01


def test_what_cannot_be_told_is_run_again_but_not_more_often_than_allowed():
    judge = ready()
    assert judge.decide([0.998]).action == "replicate"
    assert judge.decide([0.998] * 3).action in {"keep", "discard"}
    assert ready(max_attempts=1).decide([0.998]).action in {"keep", "discard"}


def test_equal_calls_give_equal_decisions():
    first, second = (play(Judge(seed=3), Arena(9), proposals(9), 70) for _ in range(2))
    assert first == second


def test_a_judge_restores_through_json_and_by_replaying_a_ledger():
    judge = Judge("min", max_attempts=2)
    effects = proposals(2, count=25)
    play(judge, Arena(2), effects, 40)
    judge.remember(7)
    judge.settle([0.99], kept=True)
    judge.settle([0.995], kept=False, base=7)
    restored = Judge.from_json(json.loads(json.dumps(judge.to_json())))
    replayed = Judge("min", max_attempts=2)
    for call in judge.to_json()["calls"]:
        if "baseline" in call:
            replayed.baseline(call["baseline"])
        elif "settle" in call:
            replayed.settle(call["settle"], call["kept"], call["base"])
        else:
            replayed.remember(call["remember"])
    for score in (0.985, 0.99, 0.9945, 1.0):
        for base in (None, 7):
            expected = judge.decide([score], base=base)
            assert restored.decide([score], base=base) == expected == replayed.decide([score], base=base)


def test_the_champion_becomes_the_candidate_that_was_kept():
    judge = ready()
    judge.settle([0.9, 0.9], kept=True)
    assert judge.decide([0.95]).action == "discard"
    assert judge.decide([0.8]).action == "keep"


def test_results_out_of_order_are_judged_against_their_own_base():
    judge = ready()
    judge.remember("start")
    judge.settle([0.9], kept=True, base="start")
    judge.remember(2)
    late = judge.decide([0.95], base="start")
    assert late.action == "keep"
    assert late.gain.mean == pytest.approx(0.05, rel=0.1)
    assert judge.decide([0.95], base=2).action == judge.decide([0.95]).action == "discard"
    judge.settle([1.1], kept=False, base="start")
    assert judge.decide([0.95]).action == "discard"


def test_a_base_that_is_named_for_the_first_time_is_the_champion():
    judge = ready()
    judge.settle([1.1], kept=False, base=4)
    judge.settle([0.9], kept=True, base=4)
    assert judge.decide([0.95], base=4).action == "keep"
    assert judge.decide([0.95], base=9).action == "discard"


def test_discards_correct_a_champion_that_was_lucky():
    judge = ready(baseline=(0.997, 0.9971, 0.9985), sigma=1e-3)
    before = judge.decide([0.9985]).p_better
    for _ in range(15):
        judge.settle([1.0005, 1.0005], kept=False)
    assert judge.decide([0.9985]).p_better > before + 0.02


def test_where_runs_do_not_differ_any_gain_is_real_and_ties_go_to_the_simpler():
    judge = Judge()
    assert judge.baseline([0.5, 0.5]).action == "keep"
    assert judge.decide([0.5]).action == "discard"
    assert judge.decide([0.5, 0.5], complexity_delta=-0.2).action == "keep"
    assert "simpler" in judge.decide([0.5, 0.5], complexity_delta=-0.2).reason
    replicates = 0
    for step in range(6):
        better = 0.5 - 0.001 * (step + 1)
        c = [better]
        while (d := judge.decide(c)).action == "replicate":
            c.append(better)
            replicates += 1
        assert d.action == "keep"
        judge.settle(c, True)
    assert replicates == 2


def test_noise_that_hid_behind_a_tie_is_found():
    judge = Judge("max")
    judge.baseline([0.85, 0.85])
    assert judge.decide([0.86]).action == "replicate"
    judge.settle([0.86, 0.85], kept=False)
    assert judge.decide([0.86]).sigma > 0.002


def test_sigma_zero_never_replicates():
    judge = ready(baseline=[1.0], sigma=0.0)
    assert judge.decide([0.999999]).action == "keep"
    assert judge.decide([1.0]).action == "discard"


def test_simpler_code_wins_where_scores_cannot_be_told_apart_and_added_code_has_to_pay():
    judge = ready(sigma=1e-3)
    assert judge.decide([1.0, 1.0, 1.0]).action == "discard"
    simpler = judge.decide([1.0, 1.0, 1.0], complexity_delta=-0.2)
    assert simpler.action == "keep"
    assert simpler.reason.startswith("simpler")
    assert judge.decide([1.01, 1.01, 1.01], complexity_delta=-0.9).action == "discard"
    assert judge.decide([0.998] * 3).action == "keep"
    assert judge.decide([0.998] * 3, complexity_delta=4.0).action == "discard"


def test_large_effects_over_tiny_noise_cost_no_replicates():
    effects = proposals(4, gain=1.0, harm=1.0)
    _, false, log = play(Judge(), Arena(4, sigma=1e-3), effects, 125)
    assert sum(attempts - 1 for _, _, attempts in log) <= 6
    assert sum(d.action == "keep" for d, _, _ in log) >= 0.8 * (effects[: len(log)] > 0).sum()
    assert false <= 1


def test_scores_that_differ_by_rounding_alone_are_handled():
    judge = ready(baseline=(1.0, 1.0 + 2e-16, 1.0))
    assert judge.decide([0.9]).action == "keep"
    assert judge.decide([1.1]).action == "discard"
    judge.settle([1e9], kept=False)
    judge.settle([0.9], kept=True)
    assert all(map(math.isfinite, judge.decide([0.8]).gain))


def test_one_wild_replicate_does_not_inflate_the_noise():
    judge = ready(baseline=(1.0, 1.001, 0.999, 1.0005, 0.9995))
    for _ in range(10):
        judge.settle([1.001, 1.0015, 1.0005], kept=False)
    before = judge.decide([1.0]).sigma
    judge.settle([1.001, 1.0015, 1.1], kept=False)
    assert judge.decide([1.0]).sigma < 2 * before


@pytest.mark.parametrize("wild", [3.0, 1e9, 1e100])
def test_runs_that_diverged_teach_little(wild):
    calm, shaken, rng = ready(), ready(), np.random.default_rng(6)
    for step in range(30):
        score = 1.0 + rng.exponential(2e-3) + 1e-3 * rng.normal()
        for judge in (calm, shaken):
            judge.settle([score], kept=False)
        if step % 10 == 5:
            shaken.settle([wild], kept=False)
    for score in (0.9985, 0.9975, 0.995):
        expected, found = calm.decide([score]), shaken.decide([score])
        assert found.p_better == pytest.approx(expected.p_better, abs=0.2)
        assert found.gain.mean == pytest.approx(expected.gain.mean, abs=1e-3)
    assert shaken.decide([wild]).action == "discard"


def test_rounded_scores_keep_a_noise_that_is_no_smaller_than_their_steps_allow():
    judge, rng = Judge("max"), np.random.default_rng(5)
    judge.baseline([0.85, 0.86, 0.85])
    for _ in range(40):
        judge.settle([round(0.84 + 0.004 * rng.normal(), 2) for _ in range(2)], kept=False)
    assert 1e-3 < judge.decide([0.86]).sigma < 2e-2


def test_noise_that_grows_is_followed():
    judge, rng = ready(), np.random.default_rng(3)
    for _ in range(40):
        judge.settle(list(1.0 + rng.exponential(3e-3) + 1e-3 * rng.normal(size=2)), kept=False)
    calm = judge.decide([1.0]).sigma
    for _ in range(60):
        judge.settle(list(1.0 + rng.exponential(3e-3) + 8e-3 * rng.normal(size=2)), kept=False)
    assert calm < 2e-3 < 4e-3 < judge.decide([1.0]).sigma


def test_a_baseline_that_was_calm_by_luck_is_seen_through():
    judge, rng = ready(baseline=(1.0, 1.000001, 0.999999)), np.random.default_rng(3)
    for _ in range(15):
        judge.settle(list(1.002 + 1e-3 * rng.normal(size=2)), kept=False)
    assert judge.decide([1.0]).sigma > 3e-4


@pytest.mark.parametrize("direction", ["min", "max"])
def test_greedy_is_upstreams_rule(direction):
    judge, rng = Judge(direction, policy="greedy"), np.random.default_rng(8)
    champion = 1.0
    assert judge.baseline([champion]).action == "keep"
    for score in [1.0, *rng.normal(1.0, 0.1, 60).round(2)]:
        expected = upstream(score, champion, Direction(direction)).verdict is Verdict.KEEP
        decision = judge.decide([score])
        assert decision.action == ("keep" if expected else "discard")
        judge.settle([score], expected)
        champion = score if expected else champion


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Judge("down"), "direction"),
        (lambda: Judge(policy="best"), "policy"),
        (lambda: Judge(max_attempts=0), "max_attempts"),
        (lambda: Judge(max_attempts=2.5), "max_attempts"),
        (lambda: Judge(sigma=-1.0), "sigma"),
        (lambda: Judge(sigma=math.nan), "sigma"),
        (lambda: Judge().decide([1.0]), "baseline"),
        (lambda: Judge().settle([1.0], True), "baseline"),
        (lambda: Judge().baseline([math.nan]), "finite"),
        (lambda: ready().decide([]), "empty"),
        (lambda: ready().decide([1.0, math.inf]), "finite"),
        (lambda: ready().decide(["much"]), "numbers"),
        (lambda: ready().decide([None]), "numbers"),
        (lambda: ready().decide(0.5), "numbers"),
        (lambda: ready().settle([], False), "empty"),
        (lambda: ready().settle([1.0], True, base=[3]), "base"),
        (lambda: Judge().baseline(0.5), "numbers"),
        (lambda: ready().decide([1.0], complexity_delta=math.nan), "complexity_delta"),
        (lambda: Judge.from_json({"direction": "min"}), "state of a judge"),
    ],
)
def test_bad_input_gets_one_line(call, says):
    with pytest.raises(ValueError, match=says) as problem:
        call()
    assert "\n" not in str(problem.value)


def test_a_refused_call_leaves_the_judge_as_it_was():
    judge = ready()
    before = judge.to_json(), judge.decide([0.9985])
    with pytest.raises(ValueError, match="finite"):
        judge.settle([math.nan], True)
    with pytest.raises(ValueError, match="finite"):
        judge.baseline([math.nan])
    assert (judge.to_json(), judge.decide([0.9985])) == before


def test_fewer_false_keeps_and_no_less_gain_than_greedy():
    totals = {"bayes": [0.0, 0], "greedy": [0.0, 0]}
    for seed in range(5):
        for policy, total in totals.items():
            gain, false, _ = play(Judge(policy=policy), Arena(seed), proposals(seed, gain=2e-3, harm=2e-3), 125)
            total[0] += gain
            total[1] += false
    assert totals["bayes"][0] > 0.8 * totals["greedy"][0]
    assert totals["bayes"][1] < 0.75 * totals["greedy"][1]


def test_hardly_anything_is_kept_where_nothing_helps():
    keeps = 0
    for seed in range(3):
        log = play(Judge(), Arena(seed), proposals(seed, helpful=0.0), 125)[2]
        keeps += sum(d.action == "keep" for d, _, _ in log)
    assert keeps <= 6


def test_intervals_of_keeps_hold_the_truth_mostly():
    inside, kept = 0, 0
    for seed in range(3):
        for d, effect, _ in play(Judge(), Arena(seed), proposals(seed, gain=3e-3), 125)[2]:
            if d.action == "keep":
                inside, kept = inside + (d.gain.low <= effect <= d.gain.high), kept + 1
    assert kept > 8
    assert inside >= 0.55 * kept


def test_heavy_tails_do_not_ruin_it():
    total = 0.0
    for seed in range(4):
        total += play(Judge(), Arena(seed, tails=3), proposals(seed, gain=2e-3), 125)[0]
    assert total > 0


def test_the_rule_is_loaded_only_when_it_is_asked_for():
    code = "import sys, autoloop_kernel.judging.greedy; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_attribute_is_made_up():
    import autoloop_kernel.judging

    with pytest.raises(AttributeError):
        _ = autoloop_kernel.judging.Jury


def test_a_thousand_candidates_take_no_more_each_than_one():
    """A decision costs the same however much is known; only the state to restore grows."""
    judge = ready()
    began = time.process_time()
    for _ in range(300):
        judge.settle([1.01], kept=False)
    assert time.process_time() - began < 30
    assert len(judge.to_json()["calls"]) == 301


def test_the_chance_asked_for_falls_where_gains_are_small_beside_the_noise():
    asked = []
    for gain in (2e-2, 5e-4):
        judge = Judge()
        play(judge, Arena(3), proposals(3, gain=gain, harm=gain), 125)
        asked.append(judge._rule.threshold)
    clear, drowned = asked
    assert 0.59 < clear < 0.62
    assert 0.5 < drowned < 0.56


def test_the_reason_says_how_much_added_code_or_a_soft_limit_asks():
    reason = ready().decide([0.9], complexity_delta=0.5).reason
    assert re.search(r"than the 0\.\d+ that added code or a soft limit asks with a chance of", reason), reason


def test_a_gain_out_of_the_ordinary_is_run_again_where_gains_are_about_the_noise():
    judge = Judge()
    play(judge, Arena(5), proposals(5, gain=1e-3, harm=1e-3), 125)
    rule = judge._rule
    here = float(judge._level(None).mean @ rule.hypotheses.effect(np.array([0.0]), judge._level(None)).noise_share)
    lucky = [-here - 6 * rule.noise]
    decided = judge.decide(lucky)
    assert (decided.action, decided.p_better > 0.9) == ("replicate", True)
    assert decided.reason.endswith("far out of the ordinary")
    assert judge.decide([*lucky, -here + rule.noise]).action == "replicate", "the two lie far apart"
    assert judge.decide([lucky[0], lucky[0] + 1e-4]).action == "keep"
    clear = Judge()
    play(clear, Arena(5), proposals(5, gain=2e-2, harm=2e-2), 125)
    assert clear._rule.hypotheses.clearness > math.log(1.4)
