"""What the candidate tells while it runs, and what the referee states: taken in, checked, bounded.

The curve and the facts are the candidate's own words. The score is the referee's: it counts only with this attempt's
nonce, and the course of the execution accepts it only once the score cell has ended well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from autoloop_kernel.execution.outputs import CellOutputs, finite, is_flat, words
from autoloop_kernel.records import HARNESS, Point

MAX_POINTS = 20_000
MAX_NUMBERS = 50
MAX_FACTS = 64 << 10
BURST, A_SECOND = 100, 20
"""How many messages of a kind are passed on at once, and how many more a second: each costs the driver a write to its
disk. `report` sends ten a second; a candidate may call `facts` at every step. The outcome has all of it."""


class Receipts:
    """Collects curve, facts and score; `tell(kind, data)` passes the first two on at once, but for a flood of them."""

    def __init__(self, tell: Callable[[str, Mapping[str, Any]], None], spent: Callable[[], float], nonce: str) -> None:
        self._tell, self._spent, self.nonce = tell, spent, nonce
        self.curve: list[Point] = []
        self.facts: dict[str, Any] = {}
        self.score: float | None = None
        self.extra: Mapping[str, Any] = {}
        self.answers = ""
        self.serving: Callable[[], None] = lambda: None
        self._points = 0
        self._began = time.monotonic()
        self._passed: dict[str, int] = {}

    def candidate(self, kind: str, data: Mapping[str, Any], outputs: CellOutputs | None) -> None:
        """Take in a message from the candidate's kernel: a report, a receipt, or word that it serves."""
        if kind == "report":
            self._report(data, outputs)
        elif kind == "facts":
            self._facts(data, outputs)
        elif kind == "serving":
            self.serving()

    def referee(self, kind: str, data: Mapping[str, Any], outputs: CellOutputs | None) -> None:
        """Take in a message from the referee's kernel: the score."""
        value = finite(data.get("value"))
        if kind != "score" or data.get("nonce") != self.nonce or value is None:
            return
        extra = data.get("extra")
        self.score, self.extra = value, dict(extra) if isinstance(extra, dict) else {}
        self.answers = str(data.get("answers", ""))
        if outputs is not None:
            text = words({"score": value, **self.extra})
            outputs.note("score", {"value": value, "extra": self.extra}, text)

    def _pass_on(self, kind: str, data: Mapping[str, Any]) -> None:
        passed = self._passed.get(kind, 0)
        if passed < BURST + A_SECOND * (time.monotonic() - self._began):
            self._passed[kind] = passed + 1
            self._tell(kind, data)

    def _report(self, data: Mapping[str, Any], outputs: CellOutputs | None) -> None:
        step, numbers = finite(data.get("step")), data.get("numbers")
        if step is None or not isinstance(numbers, dict):
            return
        named = {str(name)[:100]: finite(number) for name, number in list(numbers.items())[:MAX_NUMBERS]}
        for name, number in named.items():
            noted = self.facts.setdefault("not_finite", {}) if number is None else None  # or a fact that it calls so
            if isinstance(noted, dict) and len(noted) < MAX_NUMBERS:
                noted.setdefault(name, step)
        kept = {name: number for name, number in named.items() if number is not None}
        now, claimed = self._spent(), finite(data.get("seconds"))
        seconds = now if claimed is None else min(now, max(0.0, claimed))
        self._points += 1
        self.curve.append(Point(step, seconds, kept))
        if len(self.curve) > MAX_POINTS:
            self.curve = self.curve[::2]
        self._pass_on("report", {"step": step, "seconds": seconds, "numbers": kept})
        if outputs is not None:
            text = f"step {step:g}  {seconds:.1f} s  {words(kept)}  ({self._points} points)"
            outputs.note("report", {"step": step, "seconds": seconds, "numbers": kept, "points": self._points}, text)

    def _facts(self, data: Mapping[str, Any], outputs: CellOutputs | None) -> None:
        if not is_flat(data):
            return
        facts = {**self.facts, **{_own_name(name): value for name, value in data.items()}}
        try:
            size = len(json.dumps(facts, allow_nan=False))
        except ValueError:
            return
        if size > MAX_FACTS:
            self.facts.setdefault("left_out", "facts beyond 64 KiB")
            return
        self.facts = facts
        self._pass_on("facts", dict(facts))
        if outputs is not None:
            outputs.note("facts", facts, words(facts))


def _own_name(name: Any) -> str:
    """The name of one of the candidate's facts: never that below which the harness's own stand."""
    return f"candidate's {HARNESS}" if str(name) == HARNESS else str(name)[:100]
