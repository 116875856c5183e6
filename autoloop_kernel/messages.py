"""What an execution says while it runs, on its way into the ledger."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from autoloop_kernel.records import Point
from autoloop_kernel.session import Session

POINTS_EVERY_S = 0.5
"""How often the points of a learning curve are written to the ledger: one transaction for all since the last."""


class Messages:
    """Takes what one attempt says into the ledger, the curve in batches; call it with each message."""

    def __init__(self, session: Session, number: int, attempt: int) -> None:
        self._ledger, self._number, self._attempt = session.ledger, number, attempt
        self._points: list[Point] = []
        self._flushed = 0.0

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take one message: a point of the curve, or what becomes an event of its kind."""
        if kind != "report":
            self._ledger.emit(kind, self._number, self._attempt, **data)
            return
        self._points.append(Point(data["step"], data["seconds"], data["numbers"]))
        if time.monotonic() - self._flushed >= POINTS_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered: the points to the curve, the latest of them as an event that faces see."""
        self._flushed = time.monotonic()
        if not self._points:
            return
        last = self._points[-1]
        self._ledger.add_points(self._number, self._attempt, self._points)
        self._ledger.emit(
            "report", self._number, self._attempt, step=last.step, seconds=last.seconds, numbers=dict(last.numbers)
        )
        self._points = []
