"""The run of one proposal, wherever its driver lives: phase, budget and curve in one place, until it has a verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Event, Iteration
from autoloop_kernel.session import open_session
from autoloop_kernel.views import driving
from autoloop_kernel.views.curves import LiveCurve
from autoloop_kernel.views.html import live as html
from autoloop_kernel.views.scene import Scene
from autoloop_kernel.widgets.show import EMPTY, Handle

CURVE_S = 0.5
"""How long a curve stands at least before it is drawn again; the first point is drawn at once."""

SHARE = 10
"""Of so many seconds, at most one is spent on drawing: a long curve is drawn less often."""


class LiveTrial:
    """Follows the arena at `path` and shows in `handle` how the run of a proposal goes, and nothing while it does not.

    `take` is called with the events that a follower brings, `proposal` is the proposal's id.
    """

    def __init__(self, path: Path, handle: Handle) -> None:
        with open_session(path) as session:
            champion, rules = session.champion(), session.arena.rules
            held = driving.curve(session.ledger, champion)
            score, number = (champion.score, champion.number) if champion else (None, None)
            self._scene = Scene(session.arena.name, rules, score, number, 1)
        self._held, self._handle = held, handle
        self._curve: LiveCurve | None = None
        self._png: bytes | None = None
        self._fresh, self._next = False, 0.0

    def take(self, ledger: Ledger, events: Sequence[Event], proposal: str) -> None:
        """Take in what happened, and show how it stands now."""
        for event in events:
            self._scene.apply(event)
            self._fresh |= event.kind == "report"
        number = self._scene.number
        it = None if number is None else ledger.iteration(number)
        if it is None or it.proposal != proposal or it.verdict is not None:
            self._curve, self._png = None, None
            self._handle.show(EMPTY, passing=True)
            return
        self._draw(ledger, it)
        now = time.time()
        card = html.block(html.watched(self._scene, now, self._png))
        self._handle.show({"text/html": card, "text/plain": html.going(self._scene, now)}, passing=True)

    def _draw(self, ledger: Ledger, it: Iteration) -> None:
        """Draw the curve anew where there are new points, and the last picture has stood for a while."""
        now = time.monotonic()
        if self._curve is None:
            rules = self._scene.rules
            self._curve, self._next = LiveCurve(rules.budget_s, rules.clock, self._held, f"iteration {it.number}"), 0.0
        if self._fresh and now >= self._next:
            self._fresh = False
            self._png = self._curve.png(driving.curve(ledger, it))
            self._next = now + max(CURVE_S, SHARE * (time.monotonic() - now))
