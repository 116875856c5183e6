"""What an agent of a team is asked to look for: `claude@refine` is Claude, told to tune what is there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autoloop_kernel.records import AutoloopError, Proposal

if TYPE_CHECKING:
    from autoloop_kernel.agents.base import Agent, Context


@dataclass(frozen=True)
class Role:
    """A role's `name`, and the `brief` that an agent reads."""

    name: str
    brief: str

    def of(self, agent: str) -> str:
        """What an agent of this name is called in this role."""
        return f"{agent}@{self.name}"


_BRIEFS = {
    "explore": """\
Bring a mechanism that is not there yet: another method, structure, objective, order or schedule. Others tune the
constants, so leave them unless your mechanism needs it. Read what was tried, and go where nothing was. A bold idea with
a clear reason is worth more than a safe one; say what you expect it to do to the score, and why.""",
    "refine": """\
Tune what is there. Change one constant or one detail at a time, in small steps: further where a step paid, back where
it cost, between where both sides were worse. Others bring new mechanisms, so add none.""",
    "simplify": """\
Take something out: a mechanism, a branch, a constant or a special case that the score can do without, or what is said
twice. Less code at an equal score is better, and the judge counts it so. Add nothing, and do not tune.""",
    "combine": """\
Put together what others found: near misses, which were hardly worse than their base, what was kept on other lines or by
other people, and findings that speak for the same cause. Choose what acts on different parts of the program, and name
the iterations that you take it from. Invent nothing new.""",
}

ROLES: Mapping[str, Role] = {name: Role(name, brief) for name, brief in _BRIEFS.items()}

_NAMED = re.compile(r"(?P<agent>.*[^\s@])@(?P<role>[\w-]*)", re.DOTALL)


class InRole:
    """An agent with a role, which its context says. It is quick, stops and so on as the agent itself."""

    def __init__(self, inner: Agent, role: Role) -> None:
        self.name, self.role, self.inner = role.of(inner.name), role, inner

    def propose(self, context: Context) -> Proposal:
        """What the agent proposes in its role; raises as the agent does."""
        return self.inner.propose(replace(context, role=self.role))

    def __getattr__(self, name: str) -> Any:
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)


def bare(agent: Agent) -> Agent:
    """The agent itself, whatever its role: one object may have several."""
    return agent.inner if isinstance(agent, InRole) else agent


def parted(spec: str) -> tuple[str, Role | None]:
    """The agent that `NAME@ROLE` names, and the role; None where there is none.

    A command or an address may hold an @ of its own: there only the name of a role counts. Raises `AutoloopError` for
    an unknown role.
    """
    found = _NAMED.fullmatch(spec)
    if found is None:
        return spec, None
    role = ROLES.get(found["role"])
    if role is None:
        if spec.startswith("command:") or "://" in spec:
            return spec, None
        raise AutoloopError(f"there is no role {found['role']!r} — there is {', '.join(ROLES)}, as in search@refine")
    return found["agent"], role


__all__ = ["ROLES", "InRole", "Role", "bare", "parted"]
