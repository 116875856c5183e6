"""What every agent is: an object that is asked for the next proposal, and what it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from autoloop_kernel.records import AutoloopError, Finding, Iteration, Metric, Proposal, Rules


class NoProposal(AutoloopError):
    """The agent has nothing to offer; the text is the reason, in one line."""


class NothingNew(NoProposal):
    """Asked again for this iteration, the agent would say the same."""


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


def _unknown(units: Mapping[str, str]) -> int | None:
    return None


def _unheard(line: str) -> None:
    return None


def _unchecked(units: Mapping[str, str]) -> str:
    return ""


def _no_sources(number: int) -> Mapping[str, str]:
    raise KeyError(number)


@dataclass(frozen=True)
class Context:
    """What an agent may know when it is asked.

    `strategy` is the person's brief (Markdown); `metric` and `rules` are the arena's. `base` is the champion's number
    (None before the baseline), `units` its complete sources by unit name (cell name, or file path) and `files` which of
    those names are files. `locked` holds the read-only cells by name. `history` is this epoch's iterations, oldest
    first; `sources(n)` the units of iteration n. `findings` is what past iterations taught. `refusal` is why the last
    proposal was refused, `refused` the proposals refused since the last run, and those of this epoch that a person
    skipped or has still to look at. `is_known(units)` gives the number of the
    iteration that already ran these full units, or None. `emit(line)` shows a line in the faces. `own()` is the arena
    as the person has it. `check(units)` says why a proposal of these units would be refused, or how it crashed when it
    was run for a few seconds, the traceback's end below the reason; empty where nothing is wrong with it.
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
    findings: tuple[Finding, ...] = ()
    refusal: str | None = None
    refused: tuple[Proposal, ...] = ()
    proposal_id: str = ""
    is_known: Callable[[Mapping[str, str]], int | None] = _unknown
    emit: Callable[[str], None] = _unheard
    own: Callable[[], Own] = Own
    check: Callable[[Mapping[str, str]], str] = _unchecked


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
