"""The live control of a driver: how it stands, its progress as a picture, and buttons that steer it."""

from __future__ import annotations

import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from autoloop_kernel import driver
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import AutoloopError, Event
from autoloop_kernel.session import LEDGER, open_session
from autoloop_kernel.views import driving
from autoloop_kernel.views.driving import Drive, Driving
from autoloop_kernel.views.follow import Follower
from autoloop_kernel.views.html import live as html
from autoloop_kernel.widgets.show import EMPTY, Handle, Shown, place, shell

if TYPE_CHECKING:
    from autoloop_kernel.widgets.buttons import Steering
    from autoloop_kernel.widgets.drawing import Drawing

CLOCK_S = 1.0
"""How often the clocks move on, and how long a picture stands at least."""

SHARE = 10
"""Of so many seconds, at most one is spent on drawing: a long curve or history is drawn less often."""

WAIT_S = 0.2
DPI = 110

_following: weakref.WeakValueDictionary[tuple[str, Path], Control] = weakref.WeakValueDictionary()
"""The controls that follow, by notebook cell: a cell that is run again replaces its own."""

_steering: weakref.WeakSet[Control] = weakref.WeakSet()
_over: list[Control] = []
"""The controls that have buttons, and those of drivers that have ended, which leave their room to them."""

_leaving = threading.Lock()


class Control:
    """The driver that was started last on the arena at `path`, by whomever; it shows itself, live until it has ended.

    Any number of them, in any notebooks, may show and steer one driver. What it showed last stays as the record.
    Raises `AutoloopError` where nothing was ever started there.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        with open_session(self._path, create=False) as session:
            start = session.ledger.last_event("driver.start")
            if start is None:
                raise AutoloopError(f"nothing was ever started on {self._path.name} — run: autoloop auto {self._path}")
            self._ledger = session.arena.runs.resolve() / LEDGER
            self._drive = Drive(session.arena.name, session.arena.rules, start)
            self._after = self._drive.catch_up(session.ledger)
        self._lock = threading.Lock()
        self._shown = Shown()
        self._follower: Follower | None = None
        self._open()

    def _open(self) -> None:
        """Places and pictures, all still empty."""
        self._state, self._steering, self._plot, self._now = Handle(), Handle(), Handle(), Handle()
        self._buttons: Steering | None = None
        self._drawing: Drawing | None = None
        self._ticked, self._next_plot, self._drawn = 0.0, 0.0, -1
        self._curves: bool | None = None
        self._card = ""

    def pause(self) -> str:
        """Let the driver pause once what runs has its verdict; gives its reply. All three raise as `driver.send`."""
        return driver.send(self._path, "pause")

    def resume(self) -> str:
        """Let a paused driver go on; gives its reply."""
        return driver.send(self._path, "resume")

    def stop(self, now: bool = False) -> str:
        """Let the driver end once what runs has its verdict, or at once with `now`; gives its reply."""
        return driver.send(self._path, "stop-now" if now else "stop")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the driver has ended, at most `timeout` seconds; whether it has. An interrupt ends the waiting."""
        until = None if timeout is None else time.monotonic() + timeout
        with Ledger.open(self._ledger, create=False, read_only=True) as ledger:
            while True:
                with self._lock:
                    ended = self._drive.look(ledger).ended is not None
                if ended or (until is not None and time.monotonic() >= until):
                    self._refresh(ledger)
                    return ended
                time.sleep(WAIT_S)

    def close(self) -> None:
        """Follow no longer; what is shown stays as it is. The driver is not touched."""
        if self._follower is not None:
            self._follower.close()
        _left(self)

    def __repr__(self) -> str:
        """How the driver stands now, in a few plain lines."""
        with Ledger.open(self._ledger, create=False, read_only=True) as ledger, self._lock:
            return driving.text(self._drive.look(ledger), time.time())

    def _ipython_display_(self) -> None:
        """Show it, unless it stands in this cell already; the place where it stood before is followed no longer."""
        if shell() is None:
            print(self)  # noqa: T201  # that is what displaying means here
            return
        if self._shown.here():
            return
        self._shown.mark()
        self.close()
        self._take_place()
        self._open()
        with Ledger.open(self._ledger, create=False, read_only=True) as ledger:
            self._after = max(self._after, self._caught_up(ledger))
            self._begin(ledger)

    def _caught_up(self, ledger: Ledger) -> int:
        with self._lock:
            return self._drive.catch_up(ledger)

    def _take_place(self) -> None:
        """A cell that is run again shows a new control: its old one need not go on drawing for nobody."""
        cell = place()
        if cell is None:
            return
        before = _following.get((cell, self._ledger))
        if before is not None and before is not self:
            before.close()
        _following[cell, self._ledger] = self

    def _begin(self, ledger: Ledger) -> None:
        """Fill the places for the first time, in the cell's own thread, and follow from there."""
        from autoloop_kernel.widgets.buttons import Steering

        stands = self._look(ledger)
        self._state.show(html.bundle(stands, time.time()))
        self._buttons = Steering(lambda verb: driver.send(self._path, verb))
        self._buttons.fit(stands.state, len(stands.status.flights))
        self._steering.show(self._buttons._repr_mimebundle_() if stands.ended is None else EMPTY)
        self._plot.show(html.no_progress() if stands.ended is None else EMPTY)
        self._now.show(EMPTY)
        if stands.ended is None:
            _steering.add(self)
        self._refresh(ledger)
        if stands.ended is None:
            self._follower = Follower(self._ledger, self._listen, self._after)
            self._follower.start()

    def _look(self, ledger: Ledger) -> Driving:
        with self._lock:
            return self._drive.look(ledger)

    def _listen(self, ledger: Ledger, events: list[Event]) -> None:
        """Take in what happened, in the follower's thread; points and clocks alone are shown once a second."""
        with self._lock:
            self._drive.take(events)
        if any(event.kind != "report" for event in events) or time.monotonic() >= self._ticked + CLOCK_S:
            self._refresh(ledger)

    def _refresh(self, ledger: Ledger) -> None:
        """Bring every place up to date, where it is shown at all."""
        if self._buttons is None:
            return
        with self._lock:
            self._ticked = time.monotonic()
            stands, now = self._drive.look(ledger), time.time()
            png = self._draw_curve(ledger, stands)
            self._state.show(html.bundle(stands, now))
            self._buttons.fit(stands.state, len(stands.status.flights))
            if stands.ended is None:
                self._card = html.under_way(stands, now, png, self._expected(ledger, stands, png))
                self._now.show({"text/html": html.block(self._card), "text/plain": ""})
            self._draw_plot(ledger, stands)
        if stands.ended is not None:
            self._end()

    def _expected(self, ledger: Ledger, stands: Driving, png: bytes | None) -> bool:
        """Whether runs here have learning curves, as far as is known by now."""
        if png is not None:
            self._curves = True
        elif self._curves is None and stands.status.champion is not None:
            self._curves = bool(driving.curve(ledger, stands.status.champion))
        return self._curves is not False

    def _end(self) -> None:
        """Follow no longer; the buttons and what ran go once no other control can be moved by that."""
        if self in _steering:
            self._now.show({"text/html": html.block(html.unseen(self._card)), "text/plain": ""})
            _left(self, over=True)
        if self._follower is not None:
            self._follower.close()

    def shrink(self) -> None:
        """Leave no more than the record."""
        self._steering.show(EMPTY)  # a view without its widget would be an error in the saved notebook
        self._now.show(EMPTY)
        if not self._drawn > 0:
            self._plot.show(EMPTY)

    def _draw_curve(self, ledger: Ledger, stands: Driving) -> bytes | None:
        """The learning curve of the iteration under way, beside the champion's; None without points."""
        it = stands.flying
        if it is None or not stands.scene.lane.curve:
            return None
        from autoloop_kernel.widgets.drawing import Drawing

        if self._drawing is None or self._drawing.number != it.number:
            held = driving.curve(ledger, stands.status.champion)
            self._drawing = Drawing(it.number, self._drive.scene.rules, held, CLOCK_S)
        self._drawing.draw(lambda: driving.curve(ledger, it))
        return self._drawing.png

    def _draw_plot(self, ledger: Ledger, stands: Driving) -> None:
        """The progress of the epoch, drawn anew after each iteration."""
        from autoloop_kernel.views import picture, progress

        began, ended = time.monotonic(), sum(stands.status.counts.values())
        if ended in (0, self._drawn) or (began < self._next_plot and stands.ended is None):
            return
        iterations = ledger.iterations(epoch=stands.status.epoch)
        title = progress.headline([it for it in iterations if it.verdict is not None], stands.status.metric)
        png = picture.png(progress.draw(iterations, stands.status.metric, title), DPI)
        self._plot.show(html.progress(png, stands.status.arena, title))
        self._drawn, self._next_plot = ended, began + SHARE * (time.monotonic() - began)


def _left(control: Control, over: bool = False) -> None:
    """A control steers no longer: with the last, those whose drivers are `over` shrink: no button is moved."""
    with _leaving:
        _steering.discard(control)
        if over and control not in _over:
            _over.append(control)
        while _over and not _steering:
            _over.pop().shrink()
