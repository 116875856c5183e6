"""What an execution says while it runs, on its way into the ledger."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Point
from autoloop_kernel.session import Session

POINTS_EVERY_S = 0.5
"""How often the points of learning curves are written to the ledger: one transaction for all runs since the last."""


class Curves:
    """What the curves of all runs of one session have gained since it was written last, by iteration and attempt.

    Each transaction waits for the disk, so that one for all costs hardly more than one for each of them.
    """

    def __init__(self) -> None:
        self._points: dict[tuple[int, int], list[Point]] = {}
        self._flushed = 0.0

    def begin(self, number: int, attempt: int) -> None:
        """Begin the curve of an attempt: what was said of it before a stop is not its own."""
        self._points.pop((number, attempt), None)

    def add(self, ledger: Ledger, number: int, attempt: int, point: Point) -> None:
        """Take one point, and write what has gathered where it is time."""
        self._points.setdefault((number, attempt), []).append(point)
        if time.monotonic() - self._flushed >= POINTS_EVERY_S:
            self.flush(ledger)

    def flush(self, ledger: Ledger) -> None:
        """Write what has gathered: the points to the curves, the latest of each as an event that faces see."""
        self._flushed = time.monotonic()
        if self._points:
            ledger.add_points(self._points)
            self._points = {}


class Messages:
    """Takes what one attempt says into the ledger; call it with each message. `curves` is shared with other runs."""

    def __init__(self, session: Session, curves: Curves, number: int, attempt: int) -> None:
        self._ledger, self._curves, self._number, self._attempt = session.ledger, curves, number, attempt
        curves.begin(number, attempt)

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take one message: a point of the curve, or what becomes an event of its kind."""
        if kind != "report":
            self._ledger.emit(kind, self._number, self._attempt, **data)
            return
        point = Point(data["step"], data["seconds"], data["numbers"])
        self._curves.add(self._ledger, self._number, self._attempt, point)

    def flush(self) -> None:
        """Write what has gathered."""
        self._curves.flush(self._ledger)
