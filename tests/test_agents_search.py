import importlib.util
import random
import re
import statistics
import time
from pathlib import Path

import pytest

from autoloop_kernel.agents.base import Context, NoProposal
from autoloop_kernel.agents.constants import constants, find
from autoloop_kernel.agents.search import SearchAgent
from autoloop_kernel.records import Direction, Iteration, Metric, Proposal, Rules, Verdict

BENCHMARK = Path(__file__).parent / "benchmarks" / "search_agent.py"
CELL = 'LR = 3e-4  # 1e-5..1e-2 log\nDEPTH = 4  # 2..8\nWIDTH = 64\nACT = "gelu"  # gelu | relu\n'
CELL += "USE = True\nDROPOUT = 0.1\n"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("search_agent_benchmark", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class World:
    """A loop around an agent: proposals are scored by a function of the constants, better ones kept."""

    def __init__(self, source, score, direction=Direction.MIN, files=()):
        self.units = source if isinstance(source, dict) else {"model": source}
        self.score, self.files = score, frozenset(files)
        self.rules = Rules(Metric("m", direction), 10.0)
        self.history, self.sources, self.base, self.refused = [], {}, None, ()
        self.run(self.units, None)

    def values(self, units):
        return {name: constant.value for (_, name), constant in constants(units, self.files).items()}

    def run(self, units, base, title="baseline"):
        number, score = len(self.history) + 1, self.score(self.values(units))
        champion = self.history[self.base - 1].score if self.base else None
        keep = score is not None and (champion is None or self.rules.metric.direction.better(score, champion))
        verdict = Verdict.CRASH if score is None else Verdict.KEEP if keep else Verdict.DISCARD
        self.history.append(Iteration(number, 1, f"p{number}", title, "", base, verdict=verdict, score=score))
        self.sources[number] = dict(units)
        if keep:
            self.base = number

    def context(self):
        ran = {tuple(sorted(units.items())): number for number, units in self.sources.items()}
        return Context(
            strategy="",
            metric=self.rules.metric,
            rules=self.rules,
            base=self.base,
            units=self.sources[self.base],
            files=self.files,
            history=tuple(self.history),
            sources=self.sources.__getitem__,
            refused=self.refused,
            proposal_id="id-1",
            is_known=lambda units: ran.get(tuple(sorted(units.items()))),
        )

    def step(self, agent=None):
        proposal = (agent or SearchAgent()).propose(self.context())
        self.run({**self.sources[self.base], **proposal.units}, self.base, proposal.title)
        return proposal


def bowl(values):
    return (values["LR"] - 2e-3) ** 2 * 1e4 + (values["DEPTH"] - 6) ** 2 * 0.01 + values["DROPOUT"]


def bowl_of_two(values):
    return (values["X"] - 3) ** 2 + (values["Y"] - 2) ** 2


def test_the_first_proposal_changes_one_constant_and_says_so():
    world = World(CELL, bowl)
    proposal = world.step()
    assert proposal.title == "LR 3e-4 → 6e-4"
    assert dict(proposal.units) == {"model": CELL.replace("3e-4", "6e-4")}
    assert (proposal.base, proposal.agent, proposal.id) == (1, "search", "id-1")
    following = world.step()
    assert following.title == "LR 6e-4 → 1.2e-3"
    assert re.fullmatch(r"LR 6e-4 gained 0\.\d+ in iteration 2; further in that direction\.", following.hypothesis)


def test_every_constant_is_tried_and_nothing_twice():
    world = World(CELL, bowl)
    proposals = [world.step() for _ in range(40)]
    touched = {name for proposal in proposals for name in re.findall(r"[A-Z]+(?= \S+ →)", proposal.title)}
    assert touched == {"LR", "DEPTH", "WIDTH", "ACT", "USE", "DROPOUT"}
    assert len({tuple(units.items()) for units in world.sources.values()}) == 41
    assert any(", " in proposal.title for proposal in proposals)
    for units in world.sources.values():
        found = world.values(units)
        assert 1e-5 <= found["LR"] <= 1e-2
        assert 2 <= found["DEPTH"] <= 8
        assert found["WIDTH"] & (found["WIDTH"] - 1) == 0
        assert [type(value) for value in found.values()] == [float, int, int, str, bool, float]
        assert re.sub(r"= \S+", "=", units["model"]) == re.sub(r"= \S+", "=", CELL)


def test_the_same_context_gives_the_same_proposal_and_seeds_differ():
    world = World(CELL, bowl)
    for _ in range(12):
        first, again = SearchAgent().propose(world.context()), SearchAgent().propose(world.context())
        assert first == again
        world.step()
    fresh = World("X = 1.0\nY = 1.0", bowl_of_two)
    assert len({SearchAgent(seed).propose(fresh.context()).title for seed in range(8)}) > 1


def test_max_is_climbed_too():
    world = World("X = 1.0", lambda values: -((values["X"] - 9.0) ** 2), Direction.MAX)
    for _ in range(8):
        world.step()
    assert world.history[world.base - 1].score > -1.0


def test_refused_proposals_are_not_made_again():
    world = World(CELL, bowl)
    seen = set()
    for _ in range(10):
        proposal = SearchAgent().propose(world.context())
        assert proposal.title not in seen
        seen.add(proposal.title)
        world.refused = (*world.refused, proposal)


def test_crashes_are_survived_and_left_behind():
    world = World("LR = 1.0\nY = 1.0", lambda v: None if v["LR"] > 1.5 else (v["LR"] - 0.4) ** 2 + (v["Y"] - 3) ** 2)
    for _ in range(25):
        world.step()
    crashed = [iteration.verdict is Verdict.CRASH for iteration in world.history]
    assert 0 < sum(crashed) < 8
    assert world.history[world.base - 1].score < 0.1


def test_a_baseline_that_crashed_is_no_obstacle():
    world = World("X = 1.0", lambda values: values["X"])
    world.history[0] = Iteration(1, 1, "p1", "baseline", "", verdict=Verdict.CRASH)
    assert SearchAgent().propose(world.context()).title.startswith("X 1.0 → ")


def test_before_any_iteration():
    rules = Rules(Metric("m", Direction.MIN), 1.0)
    assert SearchAgent().propose(Context("", rules.metric, rules, None, {"model": CELL})).title == "LR 3e-4 → 6e-4"


def test_constants_that_came_and_went_are_no_obstacle():
    world = World("X = 1.0\nY = 2.0", lambda values: values["X"])
    world.run({"model": "X = 0.5\nZ = 4\nprint('new code')"}, 1, "rewritten")
    world.run({"model": "no python ("}, 2, "broken") if world.score({"X": 1}) is None else None
    for _ in range(15):
        assert "Y" not in world.step().title


PIECES = [
    "A = 0.0", "A = 0", "A = -3", "A = -2.5e-7", "A = 1e14", "A = 'x'  # x | y", "A = 0.999", "A = 64  # 64..64",
    "A = 9  # 2..8", "A = 8 # 4 | 8 | 9", "A = 0.5  # 0..1 log", "A = 5  # 1..1e300", "A = True", "B: float = 1.",
    "B = 2 # 2..3", "B = 1_000", "B = 0x40", "B = 1e-90  # 0..1", "B = 1.0  # -1e308..1e308", "B = 7  # 0.2..0.8",
    "C = 8  # 7..9", "C = 1.0  # 1..1.0001", "C = 'a'", "C = 0.97  # 0..1", "C = 16  # 8..20 log", "C = f()",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_odd_constants_and_odd_histories_never_break_it(seed):
    rng = random.Random(seed)
    world = World("\n".join(rng.sample(PIECES, 4)), lambda values: rng.choice((None, rng.random(), 0.5, 1e300, 3)))
    if world.base is None:
        world.base = 1
    for _ in range(12):
        if rng.random() < 0.3:  # another agent rewrites the cell
            world.run({"model": "\n".join(rng.sample(PIECES, rng.randrange(5)))}, world.base, "other")
        try:
            proposal = world.step()
        except NoProposal:
            continue
        for (unit, name), constant in constants(proposal.units).items():
            bounds, before = constant.range, constants({unit: world.sources[proposal.base][unit]})[unit, name]
            assert type(constant.value) is type(before.value)
            if bounds.stated and constant.value != before.value:
                inside = constant.value in bounds.choices or bounds.low <= constant.value <= bounds.high
                assert inside, proposal.title


def test_the_end_of_a_small_space():
    world = World("DEPTH = 2  # 2..4\nUSE = True", lambda values: values["DEPTH"])
    for _ in range(5):
        world.step()
    assert len({tuple(units.items()) for units in world.sources.values()}) == 6
    with pytest.raises(NoProposal, match=r"every value .* widen the ranges"):
        world.step()


@pytest.mark.parametrize("source", ["x = 3", "SEED = 3", "", "broken (", "%%bash\nLR=3", 'A = "text"'])
def test_nothing_to_tune(source):
    with pytest.raises(NoProposal, match="add top-level UPPER_CASE constants, such as LR = 1e-3"):
        SearchAgent().propose(World(source, lambda values: 1.0).context())


def test_several_units_files_and_equal_names():
    units = {"model": "LR = 1e-3", "train.py": "LR = 1e-2\nN = 4", "notes.txt": "N = 4"}
    world = World(units, lambda values: values["LR"], files=["train.py", "notes.txt"])
    titles = " ".join(world.step().title for _ in range(12))
    assert "model.LR" in titles
    assert "train.py.LR" in titles
    assert "notes" not in titles
    assert all(units["notes.txt"] == "N = 4" for units in world.sources.values())


def test_it_is_quick_after_a_hundred_iterations():
    source = "\n".join(f"NAME_{index} = {index + 1}.5" for index in range(6)) + "\n" + CELL + "x = [1, 2, 3]\n" * 100
    world = World(source, lambda values: sum(v for v in values.values() if isinstance(v, float)))
    while len(world.history) < 100:  # at a multiple of four it is the sampler's turn
        world.step()
    find.cache_clear()  # as in a new process
    began = time.process_time()
    proposal = SearchAgent().propose(world.context())
    assert time.process_time() - began < 1.0  # about 0.1 s on an idle core
    assert proposal.hypothesis.startswith("Optuna's sampler, from 100 scored iterations")


def test_twelve_iterations_gain_clearly_and_more_than_random_ones(benchmark):
    found = benchmark.compare(evaluations=11, noise=0.006, seeds=8)
    assert len(found) >= 4
    for baseline, gains in found.items():
        assert statistics.mean(gains["search"]) > 0.1, baseline
        assert statistics.mean(value > 0.03 for value in gains["search"]) >= 0.85, baseline
    totals = {agent: statistics.mean(v for gains in found.values() for v in gains[agent]) for agent in found["timid"]}
    assert totals["search"] > 1.15 * totals["random, all"]
    assert totals["search"] > 1.6 * totals["random, one"]


def test_the_base_is_always_the_champion(benchmark):
    world = World(CELL, bowl)
    for _ in range(15):
        proposal = SearchAgent().propose(world.context())
        assert isinstance(proposal, Proposal)
        assert proposal.base == world.base
        world.step()
    assert world.base > 1
