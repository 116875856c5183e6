"""From an arena's memory to a report: each thing is read once, and what could be many is bounded."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from autoloop_kernel.agents.constants import constants
from autoloop_kernel.barring import barred
from autoloop_kernel.figures import figures
from autoloop_kernel.judging.noise import freedom, pooled
from autoloop_kernel.memory.spending import Ran
from autoloop_kernel.records import LOST, MEASURED, AutoloopError, Iteration, Kind, Metric, Verdict
from autoloop_kernel.reporting.effects import Noise, effect, worth
from autoloop_kernel.reporting.failures import FAILED, GROUPS, changed_names, failures, touched
from autoloop_kernel.reporting.report import Agent, Mark, Open, Report, Spent, Step, Touched, gain
from autoloop_kernel.session import Session
from autoloop_kernel.views import words

LOOKED = 400
"""Of how many of the latest iterations it is found out what they changed: each costs two reads of the lineage."""
ROUNDING = 1e-12
NEAR = 8
"""How many near misses are told of."""
STEPS = 200
"""How many steps of the line are told of, the latest."""


def gather(session: Session, path: str, since: float | None = None) -> Report:
    """Read what a report says of the arena's current epoch; `path` is how commands name it.

    What was run, failed, spent and paid is that of the time from `since` (seconds since 1970) on; the line, the
    champion and what is open are as they stand.
    """
    ledger, metric = session.ledger, session.arena.rules.metric
    epoch = ledger.current_epoch()
    own = [] if epoch is None else ledger.iterations(epoch)
    ended = [it for it in own if it.verdict is not None]
    mine = [it for it in ended if since is None or it.time >= since]
    after = max(since or 0.0, _began(own) if ledger.epoch_count() > 1 else 0.0)
    known = {it.number: it for it in own}
    champion = None if epoch is None else ledger.champion(epoch)
    baseline = None if epoch is None else ledger.baseline(epoch)
    groups = [] if epoch is None else list(ledger.repeated(epoch).values())
    noise = Noise(_sigma(groups), freedom(groups))
    line = [it for it in lineage_of(known, champion) if it.base in known]
    steps = _steps(session, known, line[-STEPS:], noise, since)
    old = [step for step in steps if not step.new]
    changes = _changes(session, known, ended[-LOOKED:])
    free = _constants(session, champion)
    told = None if champion is None else figures(ledger, metric.direction, champion)
    tried = {name for _, names in changes for name in names}
    return Report(
        arena=session.arena.name,
        path=path,
        metric=metric,
        made=time.time(),
        since=since,
        epoch=epoch,
        epochs=ledger.epoch_count(),
        rows=tuple(_row(it) for it in ended),
        counts=words.counts(mine),
        began=min((it.time for it in mine if it.time), default=None),
        noise=noise.sigma,
        repeats=noise.freedom,
        baseline=_mark(baseline),
        start=_mark(known[old[-1].number] if old else baseline),
        champion=_mark(champion),
        fresh=None if told is None else effect(told.total, "fresh"),
        held_out=None if told is None else effect(told.held_out, "holdout"),
        steps=steps,
        line=len(line),
        refuted=tuple(_open(it, known.get(it.base or 0), metric) for it in mine if it.state == "refuted")[-STEPS:],
        failures=failures(mine),
        touched=_touched(session, known, changes, since),
        looked=len(changes),
        untouched=tuple(name for name in free if name not in tried),
        names=len(free),
        near=_near(session, champion, ended, noise),
        waiting=tuple(words.shorten(row.proposal.title, 100) for row in ledger.proposals("waiting", LOOKED)),
        queued=len(ledger.replicates()) + len(ledger.confirms()) + len(ledger.proposals("accepted")),
        running=ledger.holder() is not None,
        failing=_failing(ended),
        ablated=any(it.agent == MEASURED for it in ended),
        spent=_spent(session, epoch, after, mine),
        agents=_agents(session, mine, after),
        cost=ledger.spent(after=ledger.seq_at(after)),
    )


def _began(own: Sequence[Iteration]) -> float:
    """When the first of an epoch's iterations began; what was spent before that was spent on others."""
    return min((it.time for it in own if it.time), default=0.0)


def _constants(session: Session, champion: Iteration | None) -> list[str]:
    """The names of the champion's constants; none where its sources are not on record."""
    try:
        return [name for _, name in constants(session.units(champion.number))] if champion is not None else []
    except AutoloopError:
        return []


def _sigma(groups: Sequence[Sequence[float]]) -> float | None:
    """The pooled noise; 0 where it is no more than how floating-point numbers are rounded."""
    sigma = pooled(groups)
    largest = max((abs(score) for scores in groups for score in scores), default=0.0)
    return 0.0 if sigma is not None and sigma <= ROUNDING * largest else sigma


def _steps(
    session: Session,
    known: Mapping[int, Iteration],
    line: Sequence[Iteration],
    noise: Noise,
    since: float | None,
) -> tuple[Step, ...]:
    """The kept steps of the line, with what each is worth."""
    found = {one.iteration: one.numbers for one in session.ledger.findings()} if line else {}
    metric, steps = session.arena.rules.metric, []
    for it in line:
        base = known[it.base or 0]
        steps.append(
            Step(
                it.number,
                base.number,
                words.shorten(it.title, 200),
                it.agent,
                it.state or "provisional",
                words.finite(it.score),
                gain(words.finite(it.score), words.finite(base.score), metric),
                worth(it, base, metric, noise, found.get(it.number, {})),
                since is None or it.time >= since,
            )
        )
    return tuple(steps)


def lineage_of(known: Mapping[int, Iteration], champion: Iteration | None) -> list[Iteration]:
    """The iterations that led to `champion`, base by base, itself included, the oldest first."""
    found: list[Iteration] = []
    it = champion
    while it is not None:
        found.append(it)
        it = known.get(it.base) if it.base is not None and it.base < it.number else None
    return found[::-1]


def _row(it: Iteration) -> tuple[int, str, str | None, float | None, str]:
    title = words.shorten(it.title, 100) if it.verdict is Verdict.KEEP else ""
    return it.number, str(it.verdict), it.state, words.finite(it.score), title


def _mark(it: Iteration | None) -> Mark | None:
    return None if it is None else Mark(it.number, words.finite(it.score), words.shorten(it.title, 200))


def _open(it: Iteration, other: Iteration | None, metric: Metric) -> Open:
    """An iteration with its gain over `other`."""
    gained = gain(words.finite(it.score), words.finite(other.score) if other else None, metric)
    return Open(it.number, words.shorten(it.title, 200), gained, len(it.attempts))


def _changes(
    session: Session, known: Mapping[int, Iteration], iterations: Sequence[Iteration]
) -> list[tuple[Iteration, frozenset[str]]]:
    """Which names each iteration changed over its base; those whose sources are not on record are left out."""
    sources: dict[int, Mapping[str, str]] = {}
    found = []
    for it in iterations:
        if it.base is None or it.agent == MEASURED:
            continue
        try:
            for number in (it.base, it.number):
                if number not in sources:
                    sources[number] = session.units(number)
        except AutoloopError:
            continue
        found.append((it, changed_names(sources[it.base], sources[it.number])))
    return found


def _touched(
    session: Session,
    known: Mapping[int, Iteration],
    changes: Sequence[tuple[Iteration, frozenset[str]]],
    since: float | None,
) -> tuple[Touched, ...]:
    metric, told = session.arena.rules.metric, []
    for it, names in changes:
        if since is None or it.time >= since:
            base = known.get(it.base or 0)
            gained = gain(words.finite(it.score), words.finite(base.score) if base else None, metric)
            told.append((it, names, gained))
    return touched(told)[:GROUPS]


def _near(session: Session, champion: Iteration | None, ended: Sequence[Iteration], noise: Noise) -> tuple[Open, ...]:
    """The discards whose score lies within the noise of the champion's, the best first: see `judging.retest`.

    Where runs do not differ there are none: what is equal stays equal.
    """
    if champion is None or not noise.sigma or words.finite(champion.score) is None:
        return ()
    rules, metric = session.arena.rules, session.arena.rules.metric
    discards = [it for it in ended if it.verdict is Verdict.DISCARD and it.agent != MEASURED and not barred(rules, it)]
    found = [_open(it, champion, metric) for it in discards if it.score is not None]
    near = [one for one in found if one.gain is not None and one.gain >= -noise.sigma]
    return tuple(sorted(near, key=lambda one: (-(one.gain or 0.0), one.number))[:NEAR])


def _failing(ended: Sequence[Iteration]) -> int:
    """How many of the last iterations failed one after the other."""
    found = 0
    for it in reversed(ended):
        if it.verdict not in FAILED:
            break
        found += 1
    return found


def _spent(session: Session, epoch: int | None, after: float, mine: Sequence[Iteration]) -> Spent:
    """Where the time went from `after` on, every attempt in one place by what became of it.

    In an epoch that was gone back to, what ran of others meanwhile is no time of this one.
    """
    ran = [] if epoch is None else session.ledger.ran(epoch, after)
    lost = [one for one in ran if one.verdict in {str(verdict) for verdict in LOST}]
    bad = {str(verdict) for verdict in FAILED}
    failed = [one for one in ran if one not in lost and (one.verdict in bad or one.iteration in bad)]
    good = [one for one in ran if one not in lost and one not in failed and one.verdict is not None]
    driven, busy = sum(end - max(begin, after) for begin, end in session.ledger.driven(after)), _total(ran)
    driven = max(0.0, driven - (_total(session.ledger.ran(None, after)) - busy))
    return Spent(
        train=sum(one.run for one in good),
        score=sum(one.score for one in good),
        harness=sum(max(0.0, one.total - one.run - one.score) for one in good),
        failed=sum(one.total for one in failed),
        lost=sum(one.total for one in lost),
        between=max(0.0, driven - busy),
        fresh=sum(one.total for one in ran if one.kind in (str(Kind.CONFIRM), str(Kind.HOLDOUT))),
        thought=sum(it.seconds.propose for it in mine if it.base is not None),
        driven=driven,
    )


def _total(ran: Sequence[Ran]) -> float:
    return sum(one.total for one in ran)


def _agents(session: Session, mine: Sequence[Iteration], after: float) -> tuple[Agent, ...]:
    """What came of each agent's proposals, those that ran most first; baselines are nobody's."""
    paid = session.ledger.paid(session.ledger.seq_at(after))
    groups: dict[str, list[Iteration]] = {name: [] for name in paid}
    for it in mine:
        if it.base is not None:
            groups.setdefault(it.agent, []).append(it)
    found = [
        Agent(
            words.shorten(name, 60),
            len(several),
            sum(words.standing(it) for it in several),
            sum(it.verdict in FAILED for it in several),
            sum(it.seconds.run + it.seconds.score for it in several),
            paid.get(name),
        )
        for name, several in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.runs, one.name)))


__all__ = ["gather", "lineage_of"]
