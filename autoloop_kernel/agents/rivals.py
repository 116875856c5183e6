"""What others keep, as an agent reads it: whose it is, what it scored, and how it differs from the champion here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pygit2

from autoloop_kernel.agents import tiers
from autoloop_kernel.agents.base import Context
from autoloop_kernel.records import Other

LINE, DIFF = 160, 1600
"""How many characters of a line of a diff are told, and of one diff."""


def told(context: Context) -> list[str]:
    """One text for each line of others, the best first: a line on what it is, then its diff to the champion.

    The diff is indented, so that nothing in it can be taken for markup; it is empty where scores do not compare.
    """
    return ["\n".join([_head(one), *_diff(context.units, one)]) for one in context.others()]


def _head(one: Other) -> str:
    score = "no score" if one.score is None else f"score {one.score:.6g}"
    state = f" ({one.state})" if one.state else ""
    by = f", by {one.agent}" if one.agent else ""
    head = f"- {one.whose}{by}, {score}{state}: {one.title}"
    if not one.comparable:
        where = f" on {one.hardware}" if one.hardware else ""
        return f"{head} [another game{where}: its score compares with none of yours]"
    return head if one.units else f"{head} [its sources cannot be read]"


def _diff(ours: Mapping[str, str], one: Other) -> Sequence[str]:
    if not one.units:
        return ()
    lines: list[str] = []
    for name in one.units:
        before, after = _lines(ours.get(name, "")), _lines(one.units[name])
        if before == after:
            continue
        # By git: what others wrote may be long, and made so that Python's own takes hours over it.
        patch = pygit2.Patch.create_from(before, after, context_lines=2).text or ""
        found = [line for line in patch.split("\n") if line.startswith(("@@", "+", "-", " "))]
        heads = [f"--- your champion/{name}", f"+++ {one.whose}/{name}"]
        lines += [f"      {_plain(line)}" for line in [*heads, *found[2:]]]
    return tiers.within(lines, DIFF)


def _lines(text: str) -> bytes:
    return "".join(f"{line}\n" for line in text.splitlines()).encode("utf-8", "replace")


def _plain(line: str) -> str:
    """A line of code with nothing in it that hides or turns round, and of bounded length."""
    flat = "".join(c if c.isprintable() else " " for c in line.expandtabs(4)[: 4 * LINE])
    return flat if len(flat) <= LINE else f"{flat[: LINE - 1]}…"
