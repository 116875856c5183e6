"""The simulated swarm of tests/benchmarks/swarm.py obeys what is known of it without a simulation."""

import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from autoloop_kernel.judging import Judge
from autoloop_kernel.records import Verdict
from autoloop_kernel.session import open_session

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
worlds = pytest.importorskip("keeping.worlds")
costs = pytest.importorskip("swarming.costs")
figures = pytest.importorskip("swarming.figures")
simulation = pytest.importorskip("swarming.simulation")

REGIMES = {one.name: one for one in worlds.REGIMES}
SLOW = costs.Costs(
    *(0.04, 0.03, 3e-4, 5e-5, 0.02, 0.007, 7e-4, 1e-3),
    *(5e-3, 2e-3, 0.1, 2e-4),
    *(9, 26_500, 27_000),
)


def swarm(workers, hours=1.0, seed=0, spent=None, regime="even", **changes):
    setting = simulation.Setting(workers, hours=hours, **changes)
    return simulation.Swarm(setting, REGIMES[regime], seed, spent)


def at_once(found):
    """The most evaluations of one code that ran at one time."""
    moments = defaultdict(list)
    for one in found.evaluations:
        moments[one.code] += [(one.began, 1, one.number), (one.ended, -1, one.number)]
    most = 0
    for changes in moments.values():
        running = 0
        for _, change, _ in sorted(changes, key=lambda change: (change[0], change[1])):
            running += change
            most = max(most, running)
    return most


@pytest.mark.parametrize("regime", ["even", "clear"])
def test_one_worker_decides_as_the_judge_does_call_by_call(regime):
    made = swarm(1, hours=8.0, regime=regime)
    scores = list(next(iter(made.lines[0].memory.rows.values())).attempts)
    found = made.run()
    judge = Judge()
    judge.baseline([attempt.score for attempt in scores])
    for told, verdict in found.decisions:
        for count in range(1, len(told)):
            assert judge.decide(told[:count]).action == "replicate"
        assert judge.decide(told).action == str(verdict)
        judge.settle(told, verdict is Verdict.KEEP)
    assert len(found.decisions) > 60
    assert {verdict for _, verdict in found.decisions} == {Verdict.KEEP, Verdict.DISCARD}
    assert found.overtaken == found.combinations == 0


@pytest.mark.parametrize("changes", [{}, {"gather": False, "lasting": False}, {"islands": 5, "exchange_s": 900.0}])
def test_every_evaluation_ends_once_and_no_code_runs_twice_at_once(changes):
    made = swarm(30, hours=2.0, spent=SLOW, **changes)
    found = made.run()
    assert (
        found.evaluated
        == len(found.evaluations)
        == sum(len(told) for told, _ in found.decisions)
        + sum(Counter(one.number for one in found.evaluations)[number] for number in made.board.running)
    )
    assert found.iterations == len(found.decisions)
    assert at_once(found) == 1
    shifts = defaultdict(list)
    for one in found.evaluations:
        shifts[one.worker].append((one.began, one.ended))
    assert len(shifts) == 30
    for times in shifts.values():
        assert all(before[1] <= after[0] for before, after in zip(sorted(times), sorted(times)[1:], strict=False))
    ends = Counter(row.verdict for line in made.lines for row in line.memory.rows.values())
    assert ends[Verdict.KEEP] == found.keeps + len(made.lines)
    assert ends[None] == len(made.board.running)
    assert found.overtaken > 0


def test_the_same_seed_gives_the_same_swarm_and_another_salt_another():
    once, again = swarm(12, spent=SLOW).run(), swarm(12, spent=SLOW).run()
    assert once == again
    setting = simulation.Setting(12, hours=1.0)
    other = simulation.Swarm(setting, REGIMES["even"], 0, SLOW, salt=1).run()
    assert other.evaluations != once.evaluations


def test_a_driver_and_agents_that_take_no_time_leave_no_worker_idle():
    found = swarm(20, hours=4.0, think_s=1e-3).run()
    lost = 310 / found.seconds  # each worker's last run is still under way
    assert figures.utilisation(found) > 1 - 1.5 * lost
    assert found.busy_s == found.longest_s == 0


def test_one_agent_at_a_time_feeds_no_more_workers_than_its_thoughts_allow():
    found = swarm(20, hours=6.0, agents=1, think_s=100.0).run()
    assert found.iterations == pytest.approx(found.seconds / 100, rel=0.15)


def test_a_driver_that_takes_longer_than_its_share_is_what_limits_the_swarm():
    slow = replace(SLOW, check=0.0, begin=10.0, end=10.0, running=0.0, waiting=0.0, retell=0.0, idle=1e-9)
    found = swarm(100, hours=2.0, spent=slow, curves=False).run()
    assert figures.wanted(found, slow) > 0.95
    assert found.iterations < found.seconds / 20
    assert figures.utilisation(found) < 0.3
    driver = next(limit for limit in figures.limits(slow, found.setting) if limit.what.endswith("iterations alone"))
    assert driver.workers == pytest.approx((310 + 20) / 20)


@pytest.mark.parametrize("gather", [True, False])
def test_an_overtaken_keep_runs_again_with_what_overtook_it(gather):
    made = swarm(40, hours=2.0, regime="clear", gather=gather)
    found = made.run()
    once = found.combinations - found.together if gather else found.combinations
    assert found.overtaken >= once > 0
    assert (found.together > 0) == gather
    (line,) = made.lines
    for number in line.memory.overtaken():
        assert line.memory.rows[number].verdict is Verdict.DISCARD
    best = line.codes[line.champion]
    assert best.value == pytest.approx(sum(made.ideas.effects[idea] for idea in best.ideas.values()))
    assert found.gain == best.value > 0


def test_the_costs_are_those_of_the_real_loop(tmp_path):
    found = costs.measure(tmp_path, 12, repeats=8)
    assert found.writes == 9
    assert all(getattr(found, name) > 0 for name in ("begin", "check", "end", "attempt", "points", "commit", "rule"))
    with open_session(tmp_path / "12" / "gpt_pretrain.ipynb", create=False) as session:
        ended = [it for it in session.ledger.iterations() if it.verdict is not None]
        assert session.lineage.numbers()[: len(ended)] == [it.number for it in ended]
        assert {it.agent for it in ended} == {"baseline", "search", "editor"}
    bill = figures.bill(found)
    assert bill.cache_write > found.prompt / 4
    assert bill.dollars > 0
