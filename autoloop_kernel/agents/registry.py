"""How an agent is found by its name.

Light on purpose: an agent's own module, with what it imports, is loaded only once that agent is asked for.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from autoloop_kernel.agents.base import Agent, Context
from autoloop_kernel.agents.roles import InRole, parted
from autoloop_kernel.records import AutoloopError, Proposal

GROUP = "autoloop.agents"

ROLELESS = ("human", "rescue")
"""The agents that have a task of their own."""


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
    installed = {point.name for point in entry_points(group=GROUP)} - {"search", "claude", "human", "rescue"}
    return ["search", "claude", "human", "rescue", "command:CMD", "module:attr", *sorted(installed)]


def resolve(spec: str) -> Agent:
    """Find an agent by name.

    `search`, `claude`, `human`, `rescue`, `command:CMD`, `module:attr`, or an `autoloop.agents` entry. `claude` takes a
    model and options: `claude:MODEL,effort=high,max_cost=5`. `attr` may be an instance, or a class or factory that is
    called without arguments. `NAME@ROLE` gives it a role. Raises `AutoloopError`, in one line, where there is none of
    that name, no such role, or it cannot be imported, made or used.
    """
    name, role = parted(spec.strip())
    if role is None:
        return _resolved(name)
    if name in ROLELESS:
        raise AutoloopError(f"{name} has a task of its own and takes no role — write --agent {name}")
    return InRole(_resolved(name), role)


def _resolved(spec: str) -> Agent:
    """The agent of this name, without a role."""
    head, colon, rest = spec.partition(":")
    if spec == "search":
        from autoloop_kernel.agents.search import SearchAgent

        return SearchAgent()
    if head == "claude":
        from autoloop_kernel.agents.claude.agent import claude

        return claude(spec)
    if spec == "human":
        from autoloop_kernel.agents.human import HumanAgent

        return HumanAgent()
    if spec == "rescue":
        from autoloop_kernel.agents.rescue import RescueAgent

        return RescueAgent()
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
    except AutoloopError:
        raise  # its one line already says what is wrong, such as a missing key, and how to mend it
    except (Exception, SystemExit) as error:  # a script without a guard ends the process when it is imported
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise AutoloopError(
            f"the agent {spec!r} cannot be loaded ({why}) — mend it, or use one of: {', '.join(names())}"
        ) from error
    return as_agent(found, spec)
