"""The picture of a learning curve under way: drawn at once for its first point, then no more often than is cheap."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from autoloop_kernel.records import Point, Rules
from autoloop_kernel.views.curves import LiveCurve

SHARE = 10
"""Of so many seconds, at most one is spent on drawing: a long curve is drawn less often."""


class Drawing:
    """The curve of iteration `number` beside `held`, that of the champion; `png` is what was drawn last.

    None before there is anything to show. A picture stands for `every_s` seconds at least.
    """

    def __init__(self, number: int, rules: Rules, held: Sequence[Point], every_s: float) -> None:
        self.number = number
        self._curve = LiveCurve(rules.budget_s, rules.clock, held, f"iteration {number}")
        empty = self._curve.png(())  # the first picture costs most: it is drawn before the first point comes
        self.png: bytes | None = empty if held else None
        self._empty, self._every_s, self._next = self.png, every_s, 0.0

    def clear(self) -> None:
        """Forget the points, as another attempt begins."""
        self.png, self._next = self._empty, 0.0

    def draw(self, points: Callable[[], Sequence[Point]]) -> bool:
        """Draw the curve through `points()`, unless the last picture is too young: then False."""
        now = time.monotonic()
        if now < self._next:
            return False
        self.png = self._curve.png(points())
        self._next = now + max(self._every_s, SHARE * (time.monotonic() - now))
        return True
