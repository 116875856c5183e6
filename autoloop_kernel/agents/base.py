"""What every agent is: an object that is asked for the next proposal, and how one is found by its name.

This module is light (no Optuna, no LibCST), so that whoever only passes agents about does not pay for them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from autoloop_kernel.records import AutoloopError, Finding, Iteration, Metric, Proposal, Rules

GROUP = "autoloop.agents"


class NoProposal(AutoloopError):
    """The agent has nothing to offer; the text is the reason, in one line."""


def _unknown(units: Mapping[str, str]) -> int | None:
    return None


def _unheard(line: str) -> None:
    return None


def _no_sources(number: int) -> Mapping[str, str]:
    raise KeyError(number)


@dataclass(frozen=True)
class Context:
    """What an agent may know when it is asked.

    `strategy` is the person's brief (Markdown); `metric` and `rules` are the arena's. `base` is the champion's number
    (None before the baseline), `units` its complete sources by unit name (cell name, or file path) and `files` which of
    those names are files. `locked` holds the read-only cells by name. `history` is this epoch's iterations, oldest
    first; `sources(n)` the units of iteration n. `findings` is what past iterations taught. `refusal` is why the last
    proposal was refused, `refused` the proposals refused since the last run. `is_known(units)` gives the number of the
    iteration that already ran these full units, or None. `emit(line)` shows a line in the faces.
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


@runtime_checkable
class Agent(Protocol):
    """Anything with a `name` that turns a context into a proposal."""

    name: str

    def propose(self, context: Context) -> Proposal:
        """Give the next proposal; raise `NoProposal` with the reason when there is none."""
        ...


@dataclass
class _Named:
    """An agent that brought no name of its own, under the name it was called by."""

    name: str
    inner: Any

    def propose(self, context: Context) -> Proposal:
        proposal: Proposal = self.inner.propose(context)
        return proposal


def as_agent(thing: Any, name: str = "") -> Agent:
    """Make an `Agent` of any object with `propose(context)`; one without a name of its own is called `name`.

    Raises `AutoloopError` where the object has no `propose` that can be called.
    """
    if isinstance(thing, type) or not callable(getattr(thing, "propose", None)):
        what = name or repr(thing)
        raise AutoloopError(f"{what} is no agent: it has no propose(context) — give an object that has one")
    own = getattr(thing, "name", None)
    if isinstance(own, str) and own:
        agent: Agent = thing
        return agent
    return _Named(name or type(thing).__name__, thing)


def names() -> list[str]:
    """The agents that can be named on this machine: the built-in forms, and the installed entry points."""
    installed = {point.name for point in entry_points(group=GROUP)} - {"search"}
    return ["search", "command:CMD", "module:attr", *sorted(installed)]


def resolve(spec: str) -> Agent:
    """Find an agent by name: `search`, `command:CMD`, `module:attr`, or an entry point of the group `autoloop.agents`.

    `attr` may be an instance, or a class or factory that is called without arguments. Raises `AutoloopError`, in one
    line, where there is none of that name, or it cannot be imported, made or used.
    """
    spec = spec.strip()
    head, colon, rest = spec.partition(":")
    if spec == "search":
        from autoloop_kernel.agents.search import SearchAgent

        return SearchAgent()
    if head == "command" and colon:
        from autoloop_kernel.agents.command import CommandAgent

        if not rest.strip():
            raise AutoloopError("command: names no command — write for example --agent 'command:python my_agent.py'")
        return CommandAgent(rest.strip())
    if colon and head and rest:
        return _made(spec, lambda: _attribute(head, rest))
    for point in entry_points(group=GROUP):
        if point.name == spec:
            return _made(spec, point.load)
    raise AutoloopError(f"there is no agent {spec!r} — there is {', '.join(names())}")


def _attribute(module: str, path: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # an installed command has its own folder first, not the user's
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _made(spec: str, load: Callable[[], Any]) -> Agent:
    """The agent that `load` finds: an instance as it is, a class or a factory called."""
    try:
        found = load()
        if isinstance(found, type) or (callable(found) and not hasattr(found, "propose")):
            found = found()
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise AutoloopError(
            f"the agent {spec!r} cannot be loaded ({why}) — mend it, or use one of: {', '.join(names())}"
        ) from error
    return as_agent(found, spec)
