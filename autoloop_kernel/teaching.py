"""What an iteration taught, put into words and numbers when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoloop_kernel.arena.game import hardware_class
from autoloop_kernel.memory.edits import Noticed
from autoloop_kernel.records import EMPTY, HARNESS, Finding, Iteration, Outcome


def finding(
    ended: Iteration,
    outcome: Outcome,
    believed: Mapping[str, Any] = EMPTY,
    noticed: Noticed | None = None,
    dollars: float | None = None,
    hardware: str = "",
) -> Finding:
    """What the iteration taught: one line of words, and its numbers.

    `outcome` is that of its first attempt, `believed` what the judge believes of its effect, `noticed` its edit with
    what was known of it, `dollars` what its agent's requests cost (None: nothing was paid, or no price is known). Among
    the numbers are `seconds`, the trainer's time that all attempts took, and `hardware`, the class of what it ran on
    (empty: this machine's).
    """
    hardware = hardware or hardware_class()
    score = "" if ended.score is None else f" at {ended.score:.6g}"
    seconds = ended.seconds.run + ended.seconds.score
    units = () if noticed is None else noticed.edit.units
    said = [f"{ended.title}: {ended.verdict}{score} ({ended.reason})"]
    if ended.base is not None:
        said.append(f"an edit of {ended.base}" + (f" in {', '.join(units)}" if units else ""))
    if "gain" in believed:
        mean, low, high = believed["gain"]
        said.append(f"gain {mean:.3g}" + (f", 90 % between {low:.3g} and {high:.3g}" if low < high else ""))
    said.append(f"{seconds:.3g} s{f' and ${dollars:.3g}' if dollars else ''} on {hardware}")
    said += () if noticed is None else noticed.notes()
    facts = {name: value for name, value in outcome.facts.items() if name != HARNESS}
    numbers: dict[str, Any] = {"score": ended.score, "base": ended.base, "facts": facts, "extra": dict(outcome.extra)}
    names = () if noticed is None else noticed.edit.names
    numbers |= {
        "units": list(units),
        "names": list(names),
        "seconds": seconds,
        "dollars": dollars,
        "hardware": hardware,
    }
    numbers |= {"effect": dict(believed)} if believed else {}
    if noticed is not None and (noticed.near is not None or noticed.again):
        numbers["memory"] = {"near": noticed.near, "again": sorted(noticed.again)}
    return Finding(ended.number, "; ".join(said), numbers)
