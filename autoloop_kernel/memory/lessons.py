"""What kinds of edits helped or harmed, in a few lines of words: from what ran, was upheld, or failed repeatedly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from autoloop_kernel.memory.remembering import Try
from autoloop_kernel.records import Verdict

SHOWN = 12
"""How many kinds of edits are told of."""

SETTLED = 4
"""How many of the last confirmed, and of the last refuted keeps are told of."""

_FAILED = (Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED)
_NUMBERS = re.compile(r"\d+(?:\.\d+)?")


def lessons(tries: Sequence[Try]) -> list[str]:
    """What these edits taught, a line each, the most telling first; they come oldest first."""
    return [*_kinds(tries), *_settled(tries), *_failures(tries), *_memory(tries)]


def _kinds(tries: Sequence[Try]) -> list[str]:
    """By what was changed: how often it was tried, and what came of it. A kind tried once and not kept is no lesson."""
    kinds: dict[str, list[Try]] = {}
    for one in tries:
        names = [f"{name} in {', '.join(one.units)}" for name in one.names] or list(one.units)
        for name in names:
            kinds.setdefault(name, []).append(one)
    worth = [(name, found) for name, found in kinds.items() if len(found) > 1 or _stands(found[0])]
    worth.sort(key=lambda kind: (-sum(map(_stands, kind[1])), -len(kind[1]), -kind[1][-1].number))
    return [f"{name}: {_told(found)}" for name, found in worth[:SHOWN]]


def _told(found: Sequence[Try]) -> str:
    kept = [one for one in found if one.verdict is Verdict.KEEP]
    states = [f"{n} {state}" for state in ("confirmed", "refuted") if (n := sum(o.state == state for o in kept))]
    parts = [f"{len(found)} tr{'y' if len(found) == 1 else 'ies'}, {len(kept) or 'none'} kept"]
    parts[0] += f" ({', '.join(states)})" if states else ""
    best = max((one for one in kept if _stands(one) and one.gain is not None), key=_gain, default=None)
    if best is not None:
        parts.append(f"best gain {best.gain:.4g} (iteration {best.number})")
    worse = [-_gain(one) for one in found if one.verdict is Verdict.DISCARD and one.gain is not None]
    if worse:
        mean = sum(worse) / len(worse)
        parts.append(f"{len(worse)} discarded, {'worse' if mean >= 0 else 'better'} by {abs(mean):.4g} on average")
    failed = sum(one.verdict in _FAILED for one in found)
    return "; ".join([*parts, *([f"{failed} failed"] if failed else [])])


def _settled(tries: Sequence[Try]) -> list[str]:
    """What fresh seeds said of keeps."""
    said = {"confirmed": "upheld by fresh seeds", "refuted": "looked better once and was not: refuted by fresh seeds"}
    return [
        f"{words}: {'; '.join(f'{one.number} {one.title[:80]}' for one in found)}"
        for state, words in said.items()
        if (found := [one for one in tries if one.state == state][-SETTLED:])
    ]


def _failures(tries: Sequence[Try]) -> list[str]:
    """Reasons for which several failed, numbers in them aside."""
    groups: dict[str, list[Try]] = {}
    for one in tries:
        if one.verdict in _FAILED:
            groups.setdefault(_NUMBERS.sub("#", one.reason)[:120], []).append(one)
    often = sorted((found for found in groups.values() if len(found) > 1), key=len, reverse=True)
    return [
        f"failed {len(found)} times: {' '.join(found[-1].reason.split())[:120]} (iterations {_numbers(found)})"
        for found in often[:3]
    ]


def _memory(tries: Sequence[Try]) -> list[str]:
    """What became of edits that the memory had warned of."""
    kinds: tuple[tuple[str, Callable[[Try], bool]], ...] = (
        ("added lines again that a kept step had taken out", lambda one: one.again > 0),
        ("were nearly the same as an earlier one", lambda one: one.near is not None),
    )
    return [
        f"{len(found)} of the last {len(tries)} edits {words}: {sum(map(_stands, found)) or 'none'} of them stood"
        for words, meant in kinds
        if len(found := [one for one in tries if meant(one)]) > 1
    ]


def _stands(one: Try) -> bool:
    return one.verdict is Verdict.KEEP and one.state != "refuted"


def _gain(one: Try) -> float:
    return one.gain or 0.0


def _numbers(found: Iterable[Try]) -> str:
    numbers = [str(one.number) for one in found]
    return ", ".join(numbers if len(numbers) < 6 else [*numbers[:2], "…", *numbers[-2:]])
