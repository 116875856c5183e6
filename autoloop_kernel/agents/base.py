"""What every agent is: an object that is asked for the next proposal, and what it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from autoloop_kernel.agents.roles import Role
from autoloop_kernel.records import AutoloopError, Cost, Finding, Iteration, Metric, Other, Point, Proposal, Rules


class NoProposal(AutoloopError):
    """The agent has nothing to offer; the text is the reason, in one line."""


class NothingNew(NoProposal):
    """Asked again for this iteration, the agent would say the same."""


class Silent(NoProposal):
    """Whom the agent asks does not answer for now: a server, a network. It has been asked several times already."""


@dataclass(frozen=True)
class Own:
    """The arena as the person has it: the `units` of their `notebook` (its file's name) and its editable files.

    `applied` is the version that these were made of, complete: `iteration`, which was applied last, else the first one;
    None and empty where nobody knows. It was applied when iteration `after` was the last one.
    """

    notebook: str = "the notebook"
    units: Mapping[str, str] = field(default_factory=dict)
    iteration: int | None = None
    applied: Mapping[str, str] = field(default_factory=dict)
    after: int = 0


class CannotPropose(NoProposal):
    """No further asking helps (a refused key, no credit): it ends the driver; the text says why and how to mend it."""


class Unaffordable(CannotPropose):
    """What the run may spend is spent: the driver ends as planned, which is no failure."""


def _unknown(units: Mapping[str, str]) -> int | None:
    return None


def _unheard(line: str) -> None:
    return None


def _unchecked(units: Mapping[str, str]) -> str:
    return ""


def _no_sources(number: int) -> Mapping[str, str]:
    raise KeyError(number)


def _no_log(number: int) -> str:
    return ""


def _no_curve(number: int) -> Sequence[Point]:
    return ()


def _nothing_found(text: str) -> Sequence[Finding]:
    return ()


def _unnoticed(units: Mapping[str, str]) -> Sequence[str]:
    return ()


def _unbarred(it: Iteration) -> bool:
    return False


def _unrefused(units: Mapping[str, str]) -> str | None:
    return None


def _uncharged(cost: Cost) -> None:
    return None


def _unlimited() -> float | None:
    return None


@dataclass(frozen=True)
class Context:
    """What an agent may know when it is asked.

    `strategy` is the person's brief (Markdown); `metric` and `rules` are the arena's. `base` is the champion's number
    (None before the baseline), `units` its complete sources by unit name (cell name, or file path) and `files` which of
    those names are files. `locked` holds the read-only cells by name. `history` is this epoch's iterations, oldest
    first; `sources(n)` the units of iteration n. What was learnt comes in three tiers: `lessons()`, lines on which
    kinds of edits helped or harmed; `neighbours()`, findings about what is at hand; `findings`, the latest, oldest
    first. `refusal` is why the last proposal was refused, `refused` the proposals refused since the last run, and those
    of this epoch that a person skipped or has still to look at. `is_known(units)` gives the number of the iteration
    that already ran these full units, 0 where somebody else's did to no avail, or None. `emit(line)` shows a line in
    the faces. `own()` is the arena as the person has it.

    `log(n)` is the end of what iteration n printed, with its traceback where it crashed; `curve(n)` its learning curve;
    `search(text)` the findings that are about `text`, the closest first; those with `expired` set may no longer hold.
    `noticed(units)` are lines on what the memory knows of a proposal of these units: whether it is nearly the same as
    an earlier one, and which deleted lines it adds again. `barred(it)` says whether a run of that iteration broke a
    hard limit, which no score makes up for. `refuses(units)` says why a proposal of these units would be refused
    (None: it would not); `check(units)` that too, or how it crashed when it was run for a few
    seconds, the traceback's end below the reason; empty where nothing is wrong with it. `charge(cost)` books what the
    agent has spent, `left()` is how many dollars the run may still spend (None: any). `others()` is where the lines of
    others stand who share this arena, as comparable as each says. `role` is what an agent of several is asked to look
    for (None: anything). `variety` is another text for each of those who share, empty for one alone: an agent that
    draws numbers mixes it in, or all would try the same at once. `mark` is how the environment variable AUTOLOOP_RUN
    begins in the processes of this arena (empty: unknown): what a killed driver left of those, the next one ends.
    """

    strategy: str
    metric: Metric
    rules: Rules
    base: int | None
    units: Mapping[str, str]
    files: frozenset[str] = frozenset()
    locked: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Iteration, ...] = ()
    sources: Callable[[int], Mapping[str, str]] = _no_sources
    lessons: Callable[[], Sequence[str]] = tuple
    neighbours: Callable[[], Sequence[Finding]] = tuple
    findings: tuple[Finding, ...] = ()
    refusal: str | None = None
    refused: tuple[Proposal, ...] = ()
    proposal_id: str = ""
    is_known: Callable[[Mapping[str, str]], int | None] = _unknown
    emit: Callable[[str], None] = _unheard
    own: Callable[[], Own] = Own
    log: Callable[[int], str] = _no_log
    curve: Callable[[int], Sequence[Point]] = _no_curve
    search: Callable[[str], Sequence[Finding]] = _nothing_found
    noticed: Callable[[Mapping[str, str]], Sequence[str]] = _unnoticed
    barred: Callable[[Iteration], bool] = _unbarred
    refuses: Callable[[Mapping[str, str]], str | None] = _unrefused
    check: Callable[[Mapping[str, str]], str] = _unchecked
    charge: Callable[[Cost], None] = _uncharged
    left: Callable[[], float | None] = _unlimited
    others: Callable[[], Sequence[Other]] = tuple
    role: Role | None = None
    variety: str = ""
    mark: str = ""


@runtime_checkable
class Agent(Protocol):
    """Anything with a `name` that turns a context into a proposal.

    One that thinks in no time may say so by an attribute `quick`, true: it is asked when its turn comes, knowing all
    that has run, and never beforehand. One that can be told to stop thinking has a method `stop`.
    """

    name: str

    def propose(self, context: Context) -> Proposal:
        """Give the next proposal; raise `NoProposal` with the reason when there is none."""
        ...
