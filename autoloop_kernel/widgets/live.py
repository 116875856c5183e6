"""A step as it happens: what is tried as a diff, and how it goes, shown anew in place until the record stands there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.lineage import Lineage
from autoloop_kernel.records import AutoloopError, Event, Iteration
from autoloop_kernel.session import LEDGER, LINEAGE, open_session
from autoloop_kernel.views import driving, words
from autoloop_kernel.views.follow import Follower
from autoloop_kernel.views.html import live as html
from autoloop_kernel.views.scene import Scene
from autoloop_kernel.widgets.show import EMPTY, Handle, shell

if TYPE_CHECKING:
    from autoloop_kernel.widgets.drawing import Drawing

CURVE_S = 0.5
"""How long a curve stands at least before it is drawn again; the first point is drawn at once."""

LINES = 12
"""How many of the last words of agents and driver are shown."""

UNSAID = ("iteration.start", "iteration.end")
"""Events whose lines the display itself says."""


class LiveStep:
    """Shows what this process's driver does while it blocks the cell: `with LiveStep(path) as live: drive(path, …)`.

    There are two places: what is tried (title, why, diff), and how it goes (phase, budget, curve, words). Then
    `live.end(bundle)` puts the record into the first, and leaves in the second what agents and driver said, if
    anything. Without a notebook the lines of `autoloop step` are printed instead.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._what, self._how = Handle(), Handle()
        self._trial: html.Attempted | None = None
        self._drawing: Drawing | None = None
        self._fresh, self._attempt = False, 1
        self._told: list[str] = []
        self._mine, self._over = False, False

    def __enter__(self) -> LiveStep:
        """Show the first state in the cell's own thread, then follow. Raises as `open_session` does."""
        with open_session(self._path) as session:
            champion, rules = session.champion(), session.arena.rules
            score, number = (champion.score, champion.number) if champion else (None, None)
            self._scene = Scene(session.arena.name, rules, score, number, 1)
            self._runs, self._told = session.arena.runs.resolve(), list(session.notes)
            latest = session.ledger.last_event()
        self._show()
        self._follower = Follower(self._runs / LEDGER, self._listen, latest.seq if latest is not None else 0)
        self._follower.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop following; where an error passes, say no more than what was tried."""
        if kind is not None:
            self.end()
        self._follower.close()

    def end(self, bundle: Mapping[str, Any] | None = None) -> None:
        """Let the record `bundle` (a mimebundle) take the place; without one, say that what was tried did not end."""
        self._follower.close()
        self._over = True
        if bundle is not None:
            self._what.show(bundle)
        elif self._trial is None:
            self._what.show(EMPTY, passing=True)
        lines = self._told[-LINES:]
        if bundle is None and self._trial is not None and self._scene.lane.phase != "recorded":
            lines.append("stopped before it ended: the next step runs it again")
        self._how.show(_bundle(html.told(lines), "\n".join(lines)) if lines else EMPTY, passing=True)

    def _listen(self, ledger: Ledger, events: list[Event]) -> None:
        """Take in what happened, in the follower's thread; another driver's doings are not shown."""
        for event in events:
            if event.kind == "driver.start":
                self._mine = event.data.get("pid") == os.getpid()
            if self._mine:
                self._take(event)
        if not self._mine or self._over:
            return
        if self._scene.lane.number is None:
            self._trial = None
        elif self._trial is None or self._trial.number != self._scene.lane.number:
            self._begin(ledger, self._scene.lane.number)
        self._draw(ledger)
        self._show()

    def _take(self, event: Event) -> None:
        lines = [line.plain.strip() for line in self._scene.apply(event)]
        if event.kind not in UNSAID:
            self._told += lines
        if shell() is None:
            sys.stdout.writelines(f"{line}\n" for line in lines)
        if event.kind == "attempt.start":
            self._attempt = event.attempt or 1
            if self._drawing is not None:
                self._drawing.clear()
        if event.kind == "report":
            self._fresh = True

    def _begin(self, ledger: Ledger, number: int) -> None:
        """Gather what is tried, show it, and get its curve ready: the first point shall not wait for that."""
        it = ledger.iteration(number)
        if it is None:
            return
        proposal = ledger.proposal(it.proposal)
        units = proposal.proposal.units if proposal is not None else {}
        self._trial = html.of(it, _sources(self._runs, it.base), units)
        self._scene.lane.title = words.plain(it.title)
        if shell() is not None:
            self._what.show(_bundle(html.attempted(self._trial, self._scene.best_number), self._line()), passing=True)
            self._prepare(ledger, it)

    def _prepare(self, ledger: Ledger, it: Iteration) -> None:
        """Make the picture that is drawn again and again; it shows from the start where there is a curve to beat."""
        from autoloop_kernel.widgets.drawing import Drawing

        best = self._scene.best_number
        held = driving.curve(ledger, ledger.iteration(best) if best is not None else None)
        self._drawing = Drawing(it.number, self._scene.rules, held, CURVE_S)

    def _draw(self, ledger: Ledger) -> None:
        """Draw the curve anew where there are new points, and the last picture has stood for a while."""
        number = self._scene.lane.number
        if self._fresh and self._drawing is not None and number is not None:
            self._fresh = not self._drawing.draw(lambda: ledger.curve(number, self._attempt))

    def _show(self) -> None:
        """Show how it goes, and above it whose turn it is while there is nothing to try yet."""
        now = time.time()
        drawing = self._drawing
        png = drawing.png if drawing is not None and drawing.number == self._scene.lane.number else None
        if self._trial is None:
            self._what.show(_bundle(html.thinking(self._scene), self._line()), passing=True)
        fragment = f"{html.watched(self._scene, now, png)}\n{html.told(self._told[-LINES:])}"
        self._how.show(_bundle(fragment, html.going(self._scene, now)), passing=True)

    def _line(self) -> str:
        number = f"{self._scene.lane.number} · " if self._scene.lane.number is not None else ""
        return f"{number}{self._scene.lane.title or 'starting'}"


def _bundle(fragment: str, text: str) -> dict[str, Any]:
    return {"text/html": html.block(fragment), "text/plain": text}


def _sources(runs: Path, number: int | None) -> dict[str, str]:
    """The sources of an iteration; empty where the lineage has none, for a display must not end what it shows."""
    from autoloop_kernel.arena.edit import units_of

    try:
        return {} if number is None else units_of(Lineage.open(runs / LINEAGE).tree(number))
    except AutoloopError:
        return {}
