"""The run of one proposal, wherever its driver lives: phase, budget and curve in one place, until it has a verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Event
from autoloop_kernel.session import open_session
from autoloop_kernel.views import driving
from autoloop_kernel.views.html import live as html
from autoloop_kernel.views.scene import Scene
from autoloop_kernel.widgets.drawing import Drawing
from autoloop_kernel.widgets.show import EMPTY, Handle

CURVE_S = 0.5
"""How long a curve stands at least before it is drawn again; the first point is drawn at once."""


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
        self._drawing: Drawing | None = None
        self._fresh = False

    def take(self, ledger: Ledger, events: Sequence[Event], proposal: str) -> None:
        """Take in what happened, and show how it stands now."""
        for event in events:
            self._scene.apply(event)
            self._fresh |= event.kind == "report"
        number = self._scene.lane.number
        it = None if number is None else ledger.iteration(number)
        if it is None or it.proposal != proposal or it.verdict is not None:
            self._drawing = None
            self._handle.show(EMPTY, passing=True)
            return
        if self._drawing is None:
            self._drawing = Drawing(it.number, self._scene.rules, self._held, CURVE_S)
        if self._fresh:
            self._fresh = not self._drawing.draw(lambda: driving.curve(ledger, it))
        now = time.time()
        card = html.block(html.watched(self._scene, now, self._drawing.png))
        self._handle.show({"text/html": card, "text/plain": html.going(self._scene, now)}, passing=True)
