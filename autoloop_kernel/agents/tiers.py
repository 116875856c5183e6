"""How much of what was learnt an agent is given to read: tiers that share a bound in tokens."""

from __future__ import annotations

from collections.abc import Sequence

from autoloop_kernel.records import Finding

TOKENS = 4000
"""How many tokens all that was learnt may take."""

A_TOKEN = 3
"""How many characters count as one token: English prose has about four, code, numbers and names fewer."""

CHARACTERS = TOKENS * A_TOKEN

LESSONS, NEIGHBOURS, SKIPPED, OTHERS = 0.25, 0.25, 0.1, 0.2
"""The share of it that each tier may take at most; the log takes what is left."""


def within(lines: Sequence[str], characters: int) -> list[str]:
    """The first of these lines that fit, and how many were left out where some were."""
    shown: list[str] = []
    room = characters
    for line in lines:
        if len(line) + 1 > room:
            break
        shown.append(line)
        room -= len(line) + 1
    left = len(lines) - len(shown)
    return [*shown, f"({left} more {'is' if left == 1 else 'are'} left out)"] if left and shown else shown


def named(finding: Finding) -> str:
    """Whose finding it is: an iteration's number, with the origin where that is another, or `skipped`."""
    if finding.iteration is None:
        return "skipped"
    return f"{finding.iteration} of {finding.origin}" if finding.origin else str(finding.iteration)


def told(finding: Finding) -> str:
    """What a finding says; first of all, where that is so, why it may no longer hold."""
    return f"[expired: {finding.expired}] {finding.text}" if finding.expired else finding.text
