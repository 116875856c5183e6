"""The embedded agent: it tunes the constants of the editable units, needs no key, and remembers nothing itself.

Every call reads the ledger's history again, so that what it knows survives a restart. Single steps come first (further
where a step paid, the other way where it did not), then pairs, then Optuna's sampler over several constants.
"""

from __future__ import annotations

import itertools
import math
import warnings
import zlib
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from autoloop_kernel.agents.base import Context, NoProposal
from autoloop_kernel.agents.constants import Constant, Key, Value, constants, rewrite, show
from autoloop_kernel.agents.moves import Move, Step, importance, moves, stride
from autoloop_kernel.agents.ranges import Range
from autoloop_kernel.agents.roles import Role
from autoloop_kernel.agents.trials import Trial, trials
from autoloop_kernel.records import Proposal

SAMPLED = 0.3
RANDOM_TRIES, GRID = 200, 1024


class SearchAgent:
    """Proposes new values for tunable constants; `seed` and the context\'s `variety` vary what it tries first.

    In a role it tries first what fits that: what was never changed (explore), steps on from what was tried (refine),
    several constants at once (combine), smaller numbers and what can be switched off (simplify).
    """

    name = "search"
    quick = True

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def propose(self, context: Context) -> Proposal:
        """Give the weightiest change of constants that has not run yet; the same context gives the same proposal.

        Raises `NoProposal` where no editable unit has a tunable constant, or everything in reach has been tried.
        """
        space = constants(context.units, context.files)
        if not space:
            raise NoProposal(
                "search found no tunable constant — add top-level UPPER_CASE constants, such as LR = 1e-3, "
                "to an editable cell"
            )
        rng = Random(zlib.crc32(f"{self.seed}{context.variety}/{len(context.history)}/{len(context.refused)}".encode()))
        past = trials(context)
        refused = [{**context.units, **proposal.units} for proposal in context.refused]
        for move in self._candidates(space, past, rng, context.role):
            values = {key: value for key, value in move.values.items() if value != space[key].value}
            units = rewrite(context.units, values)
            full = {**context.units, **units}
            if units and full not in refused and context.is_known(full) is None:
                title = _title(space, values)
                return Proposal(title, units, f"{move.why}.", self.name, context.base, context.proposal_id)
        raise NoProposal(
            "search has tried every value in reach — widen the ranges, or add constants to an editable cell"
        )

    def _candidates(
        self, space: Mapping[Key, Constant], past: list[Trial], rng: Random, role: Role | None
    ) -> Iterator[Move]:
        """Moves, most promising first: steps that outweigh the sampler, the sampler's, the other steps, then any.

        Those that fit the role come before all others.
        """
        listed, scored = moves(space, past, rng), sum(trial.merit is not None for trial in past)
        bar = SAMPLED * scored / (scored + 8)  # with few trials the sampler knows little
        if scored >= 8 and len(past) % 4 == 0:
            bar = 1.0  # but it has its turn, so that several constants move together before every single one is done
        if role is not None:
            yield from (move for move in listed if _fits(role, move, space))
            more = sampled(space, past, rng) if role.name == "combine" else ()
            yield from (move for move in more if _fits(role, move, space))
        yield from (move for move in listed if move.weight > bar)
        yield from sampled(space, past, rng)
        yield from (move for move in listed if move.weight <= bar)
        yield from _anything(space, rng)


_STEPS = {"explore": Step.NEW, "refine": Step.ON, "combine": Step.SEVERAL}


def _fits(role: Role, move: Move, space: Mapping[Key, Constant]) -> bool:
    """Whether a move is what this role looks for."""
    if role.name in _STEPS:
        return move.kind is _STEPS[role.name] and (len(move.values) > 1) == (role.name == "combine")
    return role.name == "simplify" and all(_is_less(space[key].value, value) for key, value in move.values.items())


def _is_less(before: Value, after: Value) -> bool:
    """Whether a value leaves a program less to do: a number nearer to nought, a switch turned off."""
    return not isinstance(before, str) and not isinstance(after, str) and abs(after) < abs(before)


def _title(space: Mapping[Key, Constant], values: Mapping[Key, Value]) -> str:
    """ "LR 3e-4 → 6e-4, DEPTH 4 → 5"; a name that stands in two units carries its unit."""
    names = [name for _, name in space]
    parts = []
    for (unit, name), value in values.items():
        label = name if names.count(name) == 1 else f"{unit}.{name}"
        parts.append(f"{label} {show(space[unit, name].value)} → {show(value)}")
    return ", ".join(parts)


def sampled(space: Mapping[Key, Constant], past: list[Trial], rng: Random, tries: int = 8) -> Iterator[Move]:
    """What Optuna's TPE sampler suggests for several constants at once, given every trial so far."""
    if not any(trial.merit is not None for trial in past):
        return
    ranges = {key: _range(constant, key, past) for key, constant in space.items()}
    study, spaces = _study(ranges, past, rng.randrange(2**31))
    best = max((trial for trial in past if trial.merit is not None), key=lambda trial: trial.merit or 0.0)
    scored = sum(trial.merit is not None for trial in past)
    why = f"Optuna's sampler, from {scored} scored iterations (best: {best.number}), expects more here"
    keys = list(space)
    for _ in range(tries):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            suggested = study.ask(spaces).params
        values = {key: _value(space[key], ranges[key], suggested["/".join(key)]) for key in keys}
        moved = [key for key in keys if _clear(space[key], values[key])]
        if not moved:
            continue
        count = min(len(moved), rng.choice((1, 2, 2, 3)))
        heavy = sorted(moved, key=lambda key: rng.random() ** (1 / importance(space[key])), reverse=True)[:count]
        yield Move({key: values[key] for key in keys if key in heavy}, why, SAMPLED, Step.SEVERAL)


def _clear(constant: Constant, value: Value) -> bool:
    """Whether a suggestion is far enough from the present value to be worth a run: a fifth of a sizeable step."""
    if constant.range.choices or constant.powers or isinstance(value, str) or isinstance(constant.value, str):
        return value != constant.value
    place = constant.range.place
    return abs(place(value) - place(constant.value)) > 0.2 * stride(constant)


def _range(constant: Constant, key: Key, past: list[Trial]) -> Range:
    """The constant's range, wide enough for its value and for every value that has run."""
    bounds = constant.range
    if not bounds.ordered:
        seen = [trial.values[key] for trial in past if key in trial.values]
        choices = tuple(dict.fromkeys((*bounds.choices, constant.value, *seen)))
        return Range(choices=choices, stated=bounds.stated)
    for value in (constant.value, *(trial.values.get(key, constant.value) for trial in past)):
        bounds = bounds.including(float(value)) if not isinstance(value, str) else bounds
    return bounds


def _study(ranges: Mapping[Key, Range], past: list[Trial], seed: int) -> tuple[Any, dict[str, Any]]:
    """An in-memory study that holds the past as trials (failures just below the worst score), and its search space.

    Numbers are sampled as a fraction of their range on its scale; choices by their index.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spaces: dict[str, Any] = {}
    for key, bounds in ranges.items():
        if not bounds.ordered:
            spaces["/".join(key)] = optuna.distributions.CategoricalDistribution(tuple(range(len(bounds.choices))))
        else:
            spaces["/".join(key)] = optuna.distributions.FloatDistribution(0.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=1, n_ei_candidates=48)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        merits = [trial.merit for trial in past if trial.merit is not None]
        bad = min(merits) - 0.1 * (max(merits) - min(merits) or abs(merits[0]) or 1.0)
        for trial in past:
            merit = trial.merit if trial.merit is not None else bad if trial.failed else None
            if merit is None or not set(ranges) <= set(trial.values):
                continue
            params = {"/".join(key): _fraction(bounds, trial.values[key]) for key, bounds in ranges.items()}
            if all(value is not None for value in params.values()):
                study.add_trial(optuna.trial.create_trial(params=params, distributions=spaces, value=merit))
    return study, spaces


def _fraction(bounds: Range, value: Value) -> float | int | None:
    if not bounds.ordered:
        return bounds.choices.index(value) if value in bounds.choices else None
    if isinstance(value, str) or bounds.span <= 0:
        return None
    fraction = (bounds.place(float(value)) - bounds.place(bounds.low)) / bounds.span
    return min(max(fraction, 0.0), 1.0)


def _value(constant: Constant, bounds: Range, suggested: float) -> Value:
    """The sampler's suggestion as a value that the constant may take; its own where the suggestion is not allowed."""
    if not bounds.ordered:
        choice = bounds.choices[int(suggested)]
        return choice if choice in constant.range.choices else constant.value
    return constant.near(bounds.at(bounds.place(bounds.low) + suggested * bounds.span))


def _anything(space: Mapping[Key, Constant], rng: Random) -> Iterator[Move]:
    """The last resort: every combination where there are few, else random values, one constant and then more a time."""
    why = "What the history suggests has run already; this has not been tried"
    grids = [_grid(constant) for constant in space.values()]
    if all(grids) and math.prod(map(len, grids)) <= GRID:
        combinations = list(itertools.product(*grids))
        rng.shuffle(combinations)
        yield from (Move(dict(zip(space, values, strict=True)), why, 0.0, Step.NEW) for values in combinations)
        return
    for attempt in range(RANDOM_TRIES):
        chosen = rng.sample(list(space), min(len(space), 1 + attempt % 3))
        yield Move({key: _random(space[key], rng) for key in chosen}, why, 0.0, Step.NEW)


def _grid(constant: Constant) -> list[Value]:
    """Every value that the constant may take; empty where they are many."""
    bounds = constant.range
    if bounds.choices:
        return list(dict.fromkeys((constant.value, *bounds.choices)))
    if isinstance(constant.value, float) or bounds.high - bounds.low > GRID:
        return []
    numbers = range(int(bounds.low), int(bounds.high) + 1)
    return list(dict.fromkeys([constant.value, *(constant.near(number) for number in numbers)]))


def _random(constant: Constant, rng: Random) -> Value:
    bounds = constant.range
    if bounds.choices:
        return rng.choice(bounds.choices)
    return constant.near(bounds.at(bounds.place(bounds.low) + rng.random() * bounds.span))
