"""Virtual time: events in their order, and the driver that does one thing at a time for whoever asked first."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

Then = Callable[[], None]
Work = Callable[[], tuple[float, Then]]
"""What the driver is asked for: called when its turn has come; gives how long it takes, and what is so after that."""


class Clock:
    """Events at their virtual times (seconds); those of the same time come in the order in which they were set."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Then]] = []
        self._set = 0

    def after(self, seconds: float, then: Then) -> None:
        """Call `then` once so many seconds have gone by."""
        self._set += 1
        heapq.heappush(self._events, (self.now + seconds, self._set, then))

    def run(self, until: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until then, or until it is enough."""
        while self._events and self._events[0][0] <= until and not enough():
            self.now, _, then = heapq.heappop(self._events)
            then()
        self.now = self.now if enough() else until


class Driver:
    """Who holds the baton: one at a time, in the order of asking. `busy` counts the seconds that it was held."""

    def __init__(self, clock: Clock) -> None:
        self.busy = 0.0
        self.waited, self.longest, self.served = 0.0, 0.0, 0
        self._clock = clock
        self._queue: deque[tuple[float, Work]] = deque()
        self._held = False

    def ask(self, work: Work, later: float = 0.0) -> None:
        """Have something done as soon as it is its turn; it gets in line `later` seconds from now."""
        if later > 0:
            self._clock.after(later, lambda: self.ask(work))
            return
        self._queue.append((self._clock.now, work))
        if not self._held:
            self._next()

    def _next(self) -> None:
        asked, work = self._queue.popleft()
        self._held = True
        self.served += 1
        self.waited += self._clock.now - asked
        self.longest = max(self.longest, self._clock.now - asked)
        seconds, then = work()
        self.busy += seconds
        self._clock.after(seconds, lambda: self._done(then))

    def _done(self, then: Then) -> None:
        then()
        self._held = False
        if self._queue:
            self._next()
