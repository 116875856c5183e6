"""The notebook metadata `autoloop`: from whatever stands there to `Rules`, or to what is wrong with it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from autoloop_kernel.arena.load import Problem
from autoloop_kernel.records import EMPTY, SEALED, SELF_REPORTED, Direction, Metric, Rules

EXAMPLE = '{"metric": {"name": "loss", "direction": "min"}, "budget_s": 10}'
KEYS = (
    *("metric", "budget_s", "clock", "kill_s", "score_timeout_s", "answer_s", "memory_mb"),
    *("artifacts", "files", "sealed", "locked", "keep", "limits", "prune", "contention", "grade"),
    *("template", "result"),
)
METRIC_KEYS = ("name", "direction", "unit", "target")
PRUNE_KEYS = ("curve", "direction", "warmup", "bound")
KEEP_KEYS = ("policy", "max_attempts", "sigma", "complexity", "confirm", "recheck")
POLICIES = ("bayes", "greedy")
GRADES = (SEALED, SELF_REPORTED)
CONTENTION = Rules.contention


def problems_of(metadata: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with the notebook metadata's `autoloop` and kernelspec, whatever JSON they hold."""
    settings = metadata.get("autoloop")
    if not isinstance(settings, dict):
        what = "is missing" if settings is None else "is no object"
        return [Problem("metadata.autoloop", what, f"add it to the notebook's metadata, such as {EXAMPLE}")]
    problems = _unknown("metadata.autoloop", settings, KEYS)
    problems += _metric(settings.get("metric"))
    problems += _times(settings)
    for key in ("artifacts", "files", "sealed", "locked"):
        value = settings.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            problems.append(_wrong(key, value, 'write a list of globs, such as ["*.py"]'))
    problems += _keep(settings.get("keep", {})) + _limits(settings.get("limits", {}))
    problems += _prune(settings.get("prune", {}))
    if settings.get("grade", SEALED) not in GRADES:
        mend = 'write "sealed" where the referee finds the score, "self-reported" where the candidate states its own'
        problems.append(_wrong("grade", settings["grade"], mend))
    share = settings.get("contention", CONTENTION)
    if not is_number(share) or not 0 < share <= 1:
        mend = "write the share of the machine that others may take from a run, such as 0.2; 1 never runs one again"
        problems.append(_wrong("contention", share, mend))
    return problems


def rules_of(metadata: Mapping[str, Any]) -> Rules:
    """The `Rules` of notebook metadata in which `problems_of` found no error."""
    settings = metadata["autoloop"]
    metric = settings["metric"]
    target = metric.get("target")
    given = {key: settings.get(key) for key in ("kill_s", "memory_mb", "answer_s")}
    optional = {key: None if value is None else float(value) for key, value in given.items()}
    return Rules(
        metric=Metric(
            name=metric["name"],
            direction=Direction(metric["direction"]),
            unit=metric.get("unit") or "",
            target=None if target is None else float(target),
            grade=settings.get("grade", SEALED),
        ),
        budget_s=float(settings["budget_s"]),
        clock=settings.get("clock", "wall"),
        kill_s=optional["kill_s"],
        score_timeout_s=float(settings.get("score_timeout_s", 60.0)),
        memory_mb=optional["memory_mb"],
        artifacts=tuple(settings.get("artifacts", ())),
        files=tuple(settings.get("files", ())),
        sealed=tuple(settings.get("sealed", ())),
        locked=tuple(settings.get("locked", ())),
        keep=settings.get("keep", EMPTY),
        limits=settings.get("limits", EMPTY),
        prune=settings.get("prune", EMPTY),
        kernel=kernel_of(metadata) or "python3",
        contention=float(settings.get("contention", CONTENTION)),
        answer_s=optional["answer_s"],
    )


def kernel_of(metadata: Mapping[str, Any]) -> str | None:
    """The name of the kernelspec that the notebook asks for, None where it asks for none."""
    spec = metadata.get("kernelspec")
    name = spec.get("name") if isinstance(spec, dict) else None
    return name if isinstance(name, str) and name else None


def near(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` is probably a slip for, None where none is near."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.75)
    return found[0] if found else None


def _wrong(key: str, value: Any, mend: str) -> Problem:
    return Problem(f"metadata.autoloop.{key}", f"is {_shown(value)}", mend)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _unknown(place: str, settings: Mapping[str, Any], known: Iterable[str]) -> list[Problem]:
    """A key that is a slip for a known one is an error, since its value would be silently ignored; others are notes."""
    problems = []
    for key in settings:
        if key not in known:
            meant = near(key, known)
            mend = f"did you mean {meant!r}?" if meant else f"remove it; known are {', '.join(known)}"
            problems.append(Problem(place, f"has the unknown key {key!r}", mend, "error" if meant else "note"))
    return problems


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether `value` is a finite int or float (a bool is not)."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an int beyond what a float can hold
        return False


def _metric(metric: Any) -> list[Problem]:
    mend = 'write {"name": "loss", "direction": "min"}'
    if metric is None:
        return [Problem("metadata.autoloop.metric", "is missing", mend)]
    if not isinstance(metric, dict):
        return [_wrong("metric", metric, mend)]
    problems = _unknown("metadata.autoloop.metric", metric, METRIC_KEYS)
    name, direction, target = metric.get("name"), metric.get("direction"), metric.get("target")
    if not isinstance(name, str) or not name.strip():
        what = "is missing" if name is None else f"is {_shown(name)}"
        problems.append(Problem("metadata.autoloop.metric.name", what, 'give the score a name, such as "loss"'))
    if direction not in ("min", "max"):
        what = "is missing" if direction is None else f"is {_shown(direction)}"
        mend = 'write "min" where a lower score is better, "max" where a higher one is'
        problems.append(Problem("metadata.autoloop.metric.direction", what, mend))
    if not isinstance(metric.get("unit") or "", str):
        problems.append(_wrong("metric.unit", metric["unit"], 'write a text, such as "bits", or leave it out'))
    if target is not None and not is_number(target):
        problems.append(_wrong("metric.target", target, "write the score at which the loop may stop, or null"))
    return problems


def _times(settings: Mapping[str, Any]) -> list[Problem]:
    problems = []
    budget = settings.get("budget_s")
    if not is_number(budget) or budget <= 0:
        what = "is missing" if "budget_s" not in settings else f"is {_shown(budget)}"
        mend = "write how many seconds a candidate may run: a number above 0, such as 10"
        problems.append(Problem("metadata.autoloop.budget_s", what, mend))
        budget = None
    if settings.get("clock", "wall") not in ("wall", "cpu"):
        problems.append(_wrong("clock", settings["clock"], 'write "wall" or "cpu"'))
    in_seconds = dict.fromkeys(("kill_s", "score_timeout_s", "answer_s"), "seconds")
    for key, unit in {**in_seconds, "memory_mb": "MiB"}.items():
        value = settings.get(key)
        if value is None and (key != "score_timeout_s" or key not in settings):
            continue
        if not is_number(value) or value <= 0:
            problems.append(_wrong(key, value, f"write a number of {unit} above 0, or leave it out"))
        elif key == "kill_s" and budget is not None and value < budget:
            problems.append(_wrong(key, value, f"write at least the budget ({budget:g} s), or leave it out"))
        elif key == "answer_s" and is_number(limit := settings.get("score_timeout_s", 60.0)) and value > limit:
            problems.append(_wrong(key, value, f"write at most score_timeout_s ({limit:g} s), or raise that"))
    return problems


def _keep(keep: Any) -> list[Problem]:
    mend = 'write {"policy": "bayes"} or {"policy": "greedy"}, or leave it out'
    if not isinstance(keep, dict):
        return [_wrong("keep", keep, mend)]
    problems = _unknown("metadata.autoloop.keep", keep, KEEP_KEYS)
    if keep.get("policy", "bayes") not in POLICIES:
        problems.append(_wrong("keep.policy", keep["policy"], mend))
    most, sigma, complexity = keep.get("max_attempts", 3), keep.get("sigma"), keep.get("complexity", 1.0)
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        problems.append(_wrong("keep.max_attempts", most, "write how often one candidate may be run, such as 3"))
    if sigma is not None and not (is_number(sigma) and sigma >= 0):
        mend = "write how much one run's score varies (a standard deviation, 0 for not at all), or leave it out"
        problems.append(_wrong("keep.sigma", sigma, mend))
    if not is_number(complexity) or complexity < 0:
        mend = "write by how many times the noise doubled code has to improve the score, such as 1; 0 for nothing"
        problems.append(_wrong("keep.complexity", complexity, mend))
    share, every = keep.get("confirm", 0), keep.get("recheck", 0)
    if not is_number(share) or not 0 <= share < 1:
        mend = "write how many fresh runs auto may make at its end for each iteration, such as 0.2; 0 for none"
        problems.append(_wrong("keep.confirm", share, mend))
    if not isinstance(every, int) or isinstance(every, bool) or every < 0:
        mend = "write after how many iterations the champion is run again, such as 20; 0 for never"
        problems.append(_wrong("keep.recheck", every, mend))
    return problems


def _limits(limits: Any) -> list[Problem]:
    mend = 'write bounds on named facts, such as {"peak_memory_mb": {"max": 8000}}'
    if not isinstance(limits, dict):
        return [_wrong("limits", limits, mend)]
    return [
        _wrong(f"limits.{name}", bound, mend)
        for name, bound in limits.items()
        if not isinstance(bound, dict)
        or not {"min", "max"} & set(bound)
        or not set(bound) <= {"min", "max", "soft"}
        or not all(is_number(value) for key, value in bound.items() if key != "soft")
        or not isinstance(bound.get("soft", False), bool)
    ]


def _prune(prune: Any) -> list[Problem]:
    mend = 'write {"curve": "loss"}, the name of the number that the cells report, or leave it out'
    if not isinstance(prune, dict):
        return [_wrong("prune", prune, mend)]
    if not prune:
        return []
    problems = _unknown("metadata.autoloop.prune", prune, PRUNE_KEYS)
    curve, direction = prune.get("curve"), prune.get("direction", "min")
    if not isinstance(curve, str) or not curve.strip():
        what = "is missing" if curve is None else f"is {_shown(curve)}"
        problems.append(Problem("metadata.autoloop.prune.curve", what, mend))
    if direction not in ("min", "max"):
        mend = 'write "min" where a lower value is better, "max" where a higher one is, or leave it out: the metric\'s'
        problems.append(_wrong("prune.direction", direction, mend))
    for key, most, what in (
        ("warmup", 0.9, "write the share of the budget in which nothing is given up, 0 to 0.9, such as 0.25"),
        ("bound", 1.0, "write the share of true improvements that may be lost, 0 to 1, such as 0.05"),
    ):
        share = prune.get(key, 0.0)
        if not is_number(share) or not 0 <= share <= most:
            problems.append(_wrong(f"prune.{key}", share, what))
    return problems
