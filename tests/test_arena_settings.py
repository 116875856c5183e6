from typing import Any

import pytest
from arena_builder import arena

from autoloop_kernel.arena.settings import problems_of, rules_of
from autoloop_kernel.records import Direction


def with_settings(**settings: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = arena()["metadata"]
    metadata["autoloop"].update(settings)
    return metadata


def test_sound_settings_become_rules() -> None:
    limits = {"peak_memory_mb": {"max": 8000}}
    metadata = with_settings(
        clock="cpu",
        kill_s=9,
        score_timeout_s=5,
        answer_s=4,
        contention=0.5,
        memory_mb=100,
        files=["a.py"],
        sealed=["s/*"],
        artifacts=["*.pt"],
        keep={"policy": "greedy"},
        limits=limits,
        locked=["prepare.py"],
        grade="self-reported",
        prune={"curve": "loss", "direction": "min", "warmup": 0, "bound": 1},
        metric={"name": "acc", "direction": "max", "unit": "%", "target": 99},
    )
    assert problems_of(metadata) == []
    rules = rules_of(metadata)
    assert (rules.metric.name, rules.metric.direction, rules.metric.unit) == ("acc", Direction.MAX, "%")
    assert (rules.metric.target, rules.budget_s, rules.clock, rules.kill_s) == (99.0, 2.0, "cpu", 9.0)
    assert (rules.score_timeout_s, rules.memory_mb, rules.files, rules.sealed) == (5.0, 100.0, ("a.py",), ("s/*",))
    assert (rules.artifacts, rules.keep, rules.limits) == (("*.pt",), {"policy": "greedy"}, limits)
    assert rules.prune == {"curve": "loss", "direction": "min", "warmup": 0, "bound": 1}
    assert (rules.kernel, rules.contention, rules.answering_s) == ("python3", 0.5, 4.0)
    assert (rules.locked, rules.metric.grade, rules.metric.doubt) == (
        ("prepare.py",),
        "self-reported",
        " (self-reported)",
    )


def test_defaults_and_null() -> None:
    metric = {"name": "l", "direction": "min", "target": None}
    metadata = with_settings(metric=metric, kill_s=None, memory_mb=None)
    del metadata["kernelspec"]
    assert problems_of(metadata) == []
    rules = rules_of(metadata)
    assert (rules.kill_s, rules.memory_mb, rules.clock, rules.kernel) == (None, None, "wall", "python3")
    assert rules.contention == 0.2
    assert (rules.metric.grade, rules.metric.doubt) == ("sealed", "")


@pytest.mark.parametrize("settings", [None, [], "x", 3])
def test_no_settings_at_all_is_one_problem_with_an_example(settings: object) -> None:
    (problem,) = problems_of({"autoloop": settings})
    assert '"budget_s": 10' in problem.mend


@pytest.mark.parametrize("budget", [0, -1, True, "10", None, float("nan"), float("inf"), 10**400, [5]])
def test_budget_is_a_positive_number(budget: object) -> None:
    (problem,) = problems_of(with_settings(budget_s=budget))
    assert problem.where == "metadata.autoloop.budget_s"


@pytest.mark.parametrize(
    ("settings", "place", "said"),
    [
        ({"metric": None}, "metric", "is missing"),
        ({"metric": "loss"}, "metric", "'loss'"),
        ({"metric": {"direction": "min"}}, "metric.name", "is missing"),
        ({"metric": {"name": " ", "direction": "min"}}, "metric.name", "' '"),
        ({"metric": {"name": "l"}}, "metric.direction", "is missing"),
        ({"metric": {"name": "l", "direction": "down"}}, "metric.direction", "'down'"),
        ({"metric": {"name": "l", "direction": ["min"]}}, "metric.direction", "['min']"),
        ({"metric": {"name": "l", "direction": "min", "unit": 3}}, "metric.unit", "3"),
        ({"metric": {"name": "l", "direction": "min", "target": "0"}}, "metric.target", "'0'"),
        ({"metric": {"name": "l", "direction": "min", "target": True}}, "metric.target", "True"),
        ({"clock": "gpu"}, "clock", "'gpu'"),
        ({"clock": None}, "clock", "None"),
        ({"kill_s": 1.5}, "kill_s", "1.5"),
        ({"kill_s": "9"}, "kill_s", "'9'"),
        ({"kill_s": False}, "kill_s", "False"),
        ({"memory_mb": 0}, "memory_mb", "0"),
        ({"score_timeout_s": -3}, "score_timeout_s", "-3"),
        ({"score_timeout_s": None}, "score_timeout_s", "None"),
        ({"answer_s": 0}, "answer_s", "0"),
        ({"answer_s": 61}, "answer_s", "61"),
        ({"contention": 0}, "contention", "0"),
        ({"grade": "unsealed"}, "grade", "unsealed"),
        ({"grade": None}, "grade", "None"),
        ({"locked": "prepare.py"}, "locked", "prepare.py"),
        ({"contention": 20}, "contention", "20"),
        ({"contention": None}, "contention", "None"),
        ({"files": "a.py"}, "files", "'a.py'"),
        ({"sealed": [3]}, "sealed", "[3]"),
        ({"artifacts": {}}, "artifacts", "{}"),
        ({"keep": "bayes"}, "keep", "'bayes'"),
        ({"keep": {"policy": "best"}}, "keep.policy", "'best'"),
        ({"keep": {"polizy": "bayes"}}, "keep", "'polizy'"),
        ({"keep": {"max_attempts": 0}}, "keep.max_attempts", "0"),
        ({"keep": {"max_attempts": 2.5}}, "keep.max_attempts", "2.5"),
        ({"keep": {"sigma": -0.1}}, "keep.sigma", "-0.1"),
        ({"keep": {"complexity": "much"}}, "keep.complexity", "'much'"),
        ({"keep": {"confirm": 1.5}}, "keep.confirm", "1.5"),
        ({"keep": {"recheck": 2.5}}, "keep.recheck", "2.5"),
        ({"prune": "loss"}, "prune", "'loss'"),
        ({"prune": None}, "prune", "None"),
        ({"prune": {"warmup": 0.2}}, "prune.curve", "is missing"),
        ({"prune": {"curve": " "}}, "prune.curve", "' '"),
        ({"prune": {"curve": ["loss"]}}, "prune.curve", "['loss']"),
        ({"prune": {"curve": "loss", "curves": "l"}}, "prune", "'curves'"),
        ({"prune": {"curve": "loss", "direction": "down"}}, "prune.direction", "'down'"),
        ({"prune": {"curve": "loss", "direction": ["min"]}}, "prune.direction", "['min']"),
        ({"prune": {"curve": "loss", "warmup": 0.95}}, "prune.warmup", "0.95"),
        ({"prune": {"curve": "loss", "warmup": True}}, "prune.warmup", "True"),
        ({"prune": {"curve": "loss", "bound": 5}}, "prune.bound", "5"),
        ({"prune": {"curve": "loss", "bound": float("nan")}}, "prune.bound", "nan"),
        ({"limits": []}, "limits", "[]"),
        ({"limits": {"m": 5}}, "limits.m", "5"),
        ({"limits": {"m": {"max": "5"}}}, "limits.m", "'5'"),
        ({"limits": {"m": {"maximum": 5}}}, "limits.m", "maximum"),
        ({"limits": {"m": {}}}, "limits.m", "{}"),
        ({"limits": {"m": {"soft": True}}}, "limits.m", "True"),
        ({"limits": {"m": {"max": 5, "soft": 1}}}, "limits.m", "1"),
    ],
)
def test_each_wrong_value_is_named(settings: dict[str, Any], place: str, said: str) -> None:
    (problem,) = problems_of(with_settings(**settings))
    assert problem.where == f"metadata.autoloop.{place}"
    assert said in problem.what
    assert problem.level == "error"
    assert problem.mend


def test_unknown_keys() -> None:
    slip, other = problems_of(with_settings(memory_md=3, colour="red"))
    assert (slip.level, slip.mend) == ("error", "did you mean 'memory_mb'?")
    assert other.level == "note"
    assert "'colour'" in other.what
    (slip,) = problems_of(with_settings(metric={"name": "l", "direction": "min", "targt": 1}))
    assert (slip.where, slip.mend) == ("metadata.autoloop.metric", "did you mean 'target'?")


def test_all_at_once() -> None:
    problems = problems_of({"autoloop": {"metric": {}, "clock": 1, "files": 2, "buget_s": 4}})
    assert [problem.where.removeprefix("metadata.autoloop") for problem in problems] == [
        *("", ".metric.name", ".metric.direction", ".budget_s", ".clock", ".files"),
    ]
