"""Between the ledger's rows and the records that pass between rooms."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoloop_kernel.memory.text import dumps, loads_map
from autoloop_kernel.records import (
    Attempt,
    Command,
    Event,
    Finding,
    Iteration,
    Kind,
    Outcome,
    Point,
    Proposal,
    Seconds,
    Verdict,
)

ITERATION = (
    "number, epoch, proposal, title, agent, base, hypothesis, verdict, state, score, reason, notebook, commit_id, "
    "game, time, propose_s, start_s, run_s, score_s, total_s, island"
)
ATTEMPT = (
    "iteration, attempt, seed, kind, verdict, score, reason, extra, facts, propose_s, start_s, run_s, score_s, total_s"
)
PROPOSAL = "id, epoch, title, hypothesis, agent, base, units, status, reason, time, iteration, island"
EVENT = "seq, time, kind, iteration, attempt, json"
COMMAND = "id, time, verb, args, reply"

_VERDICTS: Mapping[str | None, Verdict | None] = {None: None, **{verdict.value: verdict for verdict in Verdict}}
_KINDS: Mapping[str, Kind] = {kind.value: kind for kind in Kind}
_NO_SECONDS = Seconds()


@dataclass(frozen=True)
class ProposalRow:
    """A proposal as the ledger keeps it.

    `status` is `pending` (on its way to a run), `waiting` (for a person's review), `accepted` (by one: it runs next),
    `ran` (then `iteration` is its number), `invalid`, `duplicate` or `skipped` (then `reason` says why); `time` is when
    it came in, seconds since 1970.
    """

    id: str
    proposal: Proposal
    status: str
    reason: str
    time: float
    epoch: int
    iteration: int | None = None


def iteration_of(row: tuple[Any, ...], attempts: tuple[Attempt, ...], runs: str) -> Iteration:
    """The iteration in a row of the columns `ITERATION`; what says the same in many of them is one object.

    `runs` is what the runs folder is called now: a person may have renamed it, with the arena, since it was written.
    """
    return Iteration(
        number=row[0],
        epoch=row[1],
        proposal=row[2],
        title=row[3],
        agent=sys.intern(row[4]),
        base=row[5],
        hypothesis=row[6],
        verdict=_VERDICTS[row[7]],
        state=row[8],
        score=row[9],
        reason=row[10],
        attempts=attempts,
        seconds=_seconds_of(row[15:20]),
        notebook=row[11] and f"{runs}/{row[11].partition('/')[2]}",
        commit=row[12],
        game=sys.intern(row[13]),
        time=row[14],
        island=sys.intern(row[20]),
    )


def attempts_of(rows: Sequence[tuple[Any, ...]]) -> dict[int, tuple[Attempt, ...]]:
    """The attempts in rows of the columns `ATTEMPT`, in their order, by iteration number."""
    # One parse of all the JSON is several times faster than 20,000 small ones.
    extras = json.loads(f"[{','.join([row[7] for row in rows])}]")
    facts = json.loads(f"[{','.join([row[8] for row in rows])}]")
    found: dict[int, list[Attempt]] = {}
    for row, extra, fact in zip(rows, extras, facts, strict=True):
        attempt = Attempt(
            attempt=row[1],
            seed=row[2],
            kind=_KINDS[row[3]],
            verdict=_VERDICTS[row[4]],
            score=row[5],
            reason=row[6],
            extra=extra,
            facts=fact,
            seconds=_seconds_of(row[9:14]),
        )
        found.setdefault(row[0], []).append(attempt)
    return {number: tuple(attempts) for number, attempts in found.items()}


def proposal_of(row: tuple[Any, ...]) -> ProposalRow:
    """The proposal in a row of the columns `PROPOSAL`."""
    proposal = Proposal(row[2], json.loads(row[6]), row[3], row[4], row[5], row[0], island=row[11])
    return ProposalRow(row[0], proposal, row[7], row[8], row[9], row[1], row[10])


def event_of(row: tuple[Any, ...]) -> Event:
    """The event in a row of the columns `EVENT`."""
    return Event(seq=row[0], time=row[1], kind=row[2], iteration=row[3], attempt=row[4], data=loads_map(row[5]))


def command_of(row: tuple[Any, ...]) -> Command:
    """The command in a row of the columns `COMMAND`."""
    return Command(id=row[0], time=row[1], verb=row[2], args=loads_map(row[3]), reply=row[4])


def finding_of(row: tuple[Any, ...]) -> Finding:
    """The finding in a row of (iteration, text, numbers)."""
    return Finding(iteration=row[0], text=row[1], numbers=dict(loads_map(row[2])))


def point_of(row: tuple[Any, ...]) -> Point:
    """The curve point in a row of (step, seconds, numbers); what JSON has no word for comes back as NaN."""
    numbers = {name: float("nan") if value is None else value for name, value in loads_map(row[2]).items()}
    return Point(step=row[0], seconds=row[1], numbers=numbers)


def point_rows(number: int, attempt: int, points: Iterable[Point]) -> list[tuple[int, int, float, float, str]]:
    """Rows (iteration, attempt, step, seconds, numbers) for the points of one attempt."""
    return [(number, attempt, point.step, point.seconds, dumps(point.numbers)) for point in points]


def seconds_row(seconds: Seconds) -> tuple[float, float, float, float, float]:
    """The five columns that end both the iterations' and the attempts' rows."""
    return (seconds.propose, seconds.start, seconds.run, seconds.score, seconds.total)


def attempt_of_outcome(attempt: int, seed: int, kind: Kind, outcome: Outcome) -> Attempt:
    """The attempt that an outcome ends."""
    return Attempt(
        attempt=attempt,
        seed=seed,
        kind=kind,
        verdict=outcome.verdict,
        score=outcome.score,
        reason=outcome.reason,
        extra=outcome.extra,
        facts=outcome.facts,
        seconds=outcome.seconds,
    )


def _seconds_of(columns: tuple[float, ...]) -> Seconds:
    """The times in five columns."""
    return Seconds(*columns) if any(columns) else _NO_SECONDS
