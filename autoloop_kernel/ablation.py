"""Which of the kept steps matter: the champion without each of them, and the baseline with each of them alone.

A variant is an iteration on record like any other, by the agent `ablate`. It is measured, no candidate: whatever it
scores, it is never kept and never the champion (docs/ablate.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autoloop_kernel.agents.base import Context, NothingNew
from autoloop_kernel.arena.merge import merge_units
from autoloop_kernel.arena.source import code_key
from autoloop_kernel.confirming import FAILURES, failed
from autoloop_kernel.figures import between, fresh
from autoloop_kernel.judging.confirm import careful
from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.judging.noise import freedom, pooled
from autoloop_kernel.loop import Loop, NotAgain
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.records import MEASURED, AutoloopError, Iteration, Kind, Proposal, Verdict
from autoloop_kernel.rulings import scores_of
from autoloop_kernel.session import Session

RUNS = 3
"""How many fresh runs of each version there are, unless somebody asks for more."""

Units = dict[str, str]


@dataclass(frozen=True)
class Variant:
    """A version to be measured: what it is called, and its complete sources; None where they cannot be made: `why`."""

    title: str
    units: Units | None
    why: str = ""

    @property
    def key(self) -> str:
        """The normalised hash of its code."""
        return code_key(self.units or {})


@dataclass
class Ablation:
    """What is measured of one champion: its kept `steps`, oldest first, and what each is with and without.

    Steps that changed the same lines go together. `without` and `alone` have a variant for each; `only` is the champion
    with just those that matter, once asked for. `given_up` says by code why a variant cannot be run.
    """

    champion: Iteration
    baseline: Iteration
    steps: tuple[tuple[Iteration, ...], ...]
    without: tuple[Variant, ...]
    alone: tuple[Variant, ...]
    only: Variant | None = None
    given_up: dict[str, str] = field(default_factory=dict)

    @property
    def variants(self) -> list[Variant]:
        """All that can be run, each code once."""
        several = [*self.without, *self.alone, *([self.only] if self.only else [])]
        distinct = {one.key: one for one in several if one.units is not None}
        return [one for key, one in distinct.items() if key not in self.given_up]


@dataclass(frozen=True)
class Result:
    """What a step is worth, or several that go together: in the champion, and alone on the baseline.

    With 90 % intervals, positive where it helps. `apart` is the first less the second; `why` says what could not be
    measured.
    """

    steps: tuple[Iteration, ...]
    without: Gain | None
    alone: Gain | None
    apart: Gain | None
    why: str = ""

    @property
    def matters(self) -> bool | None:
        """Whether the champion is better for it; False where it is worse, None where that cannot be told."""
        if self.without is None or self.without.low <= 0 <= self.without.high:
            return None
        return self.without.low > 0

    @property
    def interacts(self) -> bool:
        """Whether it is worth another thing in the champion than alone, beyond the noise."""
        return self.apart is not None and not self.apart.low <= 0 <= self.apart.high


def ablation(session: Session, number: int | None = None) -> Ablation:
    """Plan what is to be measured of iteration `number` (None: the champion).

    Raises `AutoloopError` where fewer than two kept steps lead to it, or it is of another epoch.
    """
    champion = session.champion() if number is None else session.iteration(number)
    epoch = session.ledger.current_epoch()
    if champion is None or champion.epoch != epoch:
        raise AutoloopError(f"nothing to ablate on {session.path.name}: no champion of this epoch has a score")
    line = [champion]
    while (base := line[0].base) is not None and base < line[0].number:
        line.insert(0, session.iteration(base))
    if len(line) < 3:
        few = "no kept step" if len(line) < 2 else "one kept step, whose worth autoloop confirm tells"
        raise AutoloopError(f"nothing to ablate on {session.path.name}: {few}; it takes two at least")
    sources = [session.units(it.number) for it in line]
    groups = _groups(sources)
    if len(groups) < 2:
        raise AutoloopError(f"nothing to ablate on {session.path.name}: all steps changed the same lines, and are one")
    steps = tuple(tuple(line[place] for place in group) for group in groups)
    without = [_without(sources, group, f"without {named(one)}") for group, one in zip(groups, steps, strict=True)]
    alone = [_alone(sources, group, f"{named(one)} alone") for group, one in zip(groups, steps, strict=True)]
    return Ablation(champion, line[0], steps, tuple(without), tuple(alone))


def named(several: Sequence[Iteration]) -> str:
    """Steps that go together, by number and title: `5 (X 0.5 → 1.5)`, `2 (Y 0.5 → -0.5) and 12 (Y -0.5 → -0.9)`."""
    return " and ".join(f"{it.number} ({it.title})" for it in several)


def _groups(sources: Sequence[Units]) -> list[list[int]]:
    """The places (1 for the first) of steps that can be taken out or put in by themselves, or only together.

    A step goes together with the nearest one that changed the same lines: a constant that was tuned in three steps is
    one thing to leave out. `sources` are those of the baseline and of each step after it.
    """
    places = range(1, len(sources))
    group = {place: place for place in places}
    for place in places:
        before, after = sources[place - 1], sources[place]
        later = (other for other in range(place + 1, len(sources)) if merge_units(after, sources[other], before)[1])
        back = range(place - 1, 0, -1)
        earlier = (other for other in back if merge_units(before, sources[other - 1], after)[1])
        for other in (next(later, place), next(earlier, place)):
            both = {group[place], group[other]}
            group = {one: min(both) if first in both else first for one, first in group.items()}
    return [[place for place in places if group[place] == first] for first in dict.fromkeys(group.values())]


def _without(sources: Sequence[Units], group: Sequence[int], title: str) -> Variant:
    """The last version without these steps, the latest taken out first."""
    return _laid(title, sources[-1], [(sources[place], sources[place - 1]) for place in reversed(group)])


def _alone(sources: Sequence[Units], group: Sequence[int], title: str) -> Variant:
    """The first version with these steps, in their order."""
    return _laid(title, sources[0], [(sources[place - 1], sources[place]) for place in group])


def _laid(title: str, units: Units, edits: Iterable[tuple[Units, Units]]) -> Variant:
    """A version with edits (before, after) laid over it one by one."""
    units = dict(units)
    for before, after in edits:
        merged, conflicts = merge_units(before, units, after)
        if conflicts:
            return Variant(title, None, f"other steps changed the same lines of {', '.join(conflicts)}")
        units |= merged
    return Variant(title, units)


@dataclass
class _Given:
    """An agent that has one variant to propose."""

    variant: Variant
    name: str = MEASURED
    quick: bool = True

    def propose(self, context: Context) -> Proposal:
        if context.refusal is not None:
            raise NothingNew(context.refusal)
        units = self.variant.units or {}
        changed = {name: text for name, text in units.items() if text != context.units.get(name)}
        why = "Measured to tell which kept steps matter; no candidate."
        return Proposal(self.variant.title, changed, why, self.name, context.base, context.proposal_id)


def advance(loop: Loop, plan: Ablation, runs: int = RUNS) -> bool:
    """Make one run that is missing: of a variant that has none, else of the version that has the fewest.

    False where there is none to make. Code that ran before is not run as new: its fresh runs count, and are made up to
    `runs`. All that is known is on record, so that one who is stopped goes on where it stood. Raises as `Loop.iterate`.
    """
    ledger = loop.session.ledger
    if any(it.number not in loop.board.running for it in ledger.in_flight()):
        return loop.iterate_queued() is not None
    for variant in plan.variants:
        if ledger.find_code(plan.champion.epoch, variant.key) is None:
            try:
                loop.iterate(_Given(variant))
            except NothingToRun as error:
                plan.given_up[variant.key] = str(error)
            return True
    versions = [found for found in _versions(loop.session, plan) if found.score is not None]
    missing = [it for it in versions if len(measured(it)) < runs and failed(it) < FAILURES]
    if not missing:
        return False
    chosen = min(missing, key=lambda it: len(measured(it)))
    try:
        loop.run_again(chosen.number, Kind.CONFIRM)
    except NotAgain as error:
        raise AutoloopError(f"iteration {chosen.number} cannot be run again: {error}") from None
    return True


def _versions(session: Session, plan: Ablation) -> list[Iteration]:
    """The iterations that are measured: champion, baseline, and those that ran the code of a variant."""
    numbers = {plan.champion.number: None, plan.baseline.number: None}
    for variant in plan.variants:
        if (number := session.ledger.find_code(plan.champion.epoch, variant.key)) is not None:
            numbers[number] = None
    return [session.iteration(number) for number in numbers]


def measured(it: Iteration) -> list[float]:
    """The scores of its runs by which nothing was chosen: the fresh ones, and all of a variant's."""
    return scores_of(it) if it.agent == MEASURED else fresh(it)


def results(session: Session, plan: Ablation) -> list[Result]:
    """What the runs so far say of each step."""
    return [
        _result(session, plan, steps, *pair) for steps, *pair in zip(plan.steps, plan.without, plan.alone, strict=True)
    ]


def _result(session: Session, plan: Ablation, steps: tuple[Iteration, ...], without: Variant, alone: Variant) -> Result:
    champion, baseline = session.iteration(plan.champion.number), session.iteration(plan.baseline.number)
    left, why = _run_of(session, plan, without)
    added, other = _run_of(session, plan, alone)
    inside = None if left is None else worth(session, champion, left)
    outside = None if added is None else worth(session, added, baseline)
    said = [f"not without it: {why}"] if why else []
    said += [f"not alone: {other}"] if other else []
    return Result(steps, inside, outside, _apart(inside, outside), "; ".join(said))


def _run_of(session: Session, plan: Ablation, variant: Variant) -> tuple[Iteration | None, str]:
    """The iteration that ran a variant's code with a score; else None, and why there is none."""
    if variant.units is None or variant.key in plan.given_up:
        return None, variant.why or plan.given_up[variant.key]
    number = session.ledger.find_code(plan.champion.epoch, variant.key)
    it = None if number is None else session.iteration(number)
    if it is None or it.verdict is None:
        return None, "it has not run yet"
    if it.score is None or it.verdict not in (Verdict.KEEP, Verdict.DISCARD):
        return None, f"iteration {it.number} ended in {it.verdict}"
    return it, ""


def worth(session: Session, new: Iteration, old: Iteration) -> Gain | None:
    """By how much `new` improves on `old` by the runs that nothing was chosen by; None where one has none."""
    groups = list(session.ledger.repeated(new.epoch).values())
    sigma = careful(pooled(groups) or 0.0, freedom(groups))
    return between(measured(new), measured(old), session.arena.rules.metric.direction, sigma)


def _apart(inside: Gain | None, outside: Gain | None) -> Gain | None:
    if inside is None or outside is None:
        return None
    mean = inside.mean - outside.mean
    radius = math.hypot(inside.high - inside.mean, outside.high - outside.mean)
    return Gain(mean, mean - radius, mean + radius)


def only_what_matters(session: Session, plan: Ablation, told: Sequence[Result]) -> list[Iteration]:
    """Make the version with just the steps that matter one more to be measured; gives the steps that it leaves out.

    Steps that cannot be taken out stay, and so do those whose loss could not be measured.
    """
    found = Variant("", session.units(plan.champion.number))
    left_out: list[Iteration] = []
    for result in reversed(told):
        if result.matters or result.without is None:
            continue
        edits = [
            (session.units(step.number), session.units(step.base))
            for step in reversed(result.steps)
            if step.base is not None
        ]
        trimmed = _laid("", found.units or {}, edits)
        if trimmed.units is not None:
            found, left_out = trimmed, [*result.steps, *left_out]
    left_out.sort(key=lambda step: step.number)
    numbers = ", ".join(str(step.number) for step in left_out)
    plan.only = Variant(f"only what matters: without {numbers}", found.units) if left_out else None
    return left_out


def ablate_queued(loop: Loop) -> bool:
    """Make one more run for the ablation that a person asked for; False where none is asked for.

    Raises as `Loop.iterate`.
    """
    ledger = loop.session.ledger
    asked = ledger.ablation()
    if asked is None:
        return False
    try:
        if advance(loop, ablation(loop.session, asked["number"]), asked["runs"]):
            return True
        ledger.drop_ablation(f"the ablation of iteration {asked['number']} is done: see autoloop ablate")
    except AutoloopError as error:
        ledger.drop_ablation(f"the ablation of iteration {asked['number']} is given up: {error}")
    return True


__all__ = [
    "RUNS",
    "Ablation",
    "Result",
    "ablate_queued",
    "ablation",
    "advance",
    "only_what_matters",
    "results",
    "worth",
]
