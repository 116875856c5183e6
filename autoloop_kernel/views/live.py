"""The live display: a thread that follows the ledger while the driver works, and shows what happens.

With a terminal there is a panel below the lines; without one (a pipe, a log file) the lines alone. It only reads.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.constrain import Constrain
from rich.live import Live

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import AutoloopError, Event
from autoloop_kernel.views.scene import Scene

POLL_S = 0.15
WIDEST = 100


@contextlib.contextmanager
def following(
    ledger: Path, scene: Scene, console: Console, after: int = 0, panel: bool | None = None
) -> Iterator[None]:
    """Show what happens in `ledger` after event number `after` for as long as the body runs; the rest when it ends.

    `panel`: whether to keep a panel below the lines (default: on a terminal).
    """
    follower = Follower(ledger, scene, console, after, console.is_terminal if panel is None else panel)
    follower.start()
    try:
        yield
    finally:
        follower.close()


class Follower(threading.Thread):
    """The thread; it has a ledger connection of its own, since connections belong to threads."""

    def __init__(self, ledger: Path, scene: Scene, console: Console, after: int, panel: bool) -> None:
        super().__init__(name="autoloop-live", daemon=True)
        self._ledger, self._scene, self._console, self._after = ledger, scene, console, after
        self._panel, self._over = panel, threading.Event()

    def close(self) -> None:
        """Show what is still to show, and end."""
        self._over.set()
        self.join(timeout=10)

    def run(self) -> None:
        """Follow until closed. A display that fails must not end the work that it shows: it falls silent."""
        with contextlib.suppress(AutoloopError, OSError, ValueError):
            reader = Ledger.open(self._ledger, create=False)
            try:
                if self._panel:
                    # Room for the ^C that a terminal echoes: a line that wraps would leave a trace of the panel.
                    width = max(20, min(WIDEST, self._console.width - 4))
                    with Live(console=self._console, auto_refresh=False, transient=True) as live:
                        self._loop(reader, lambda: live.update(Constrain(self._scene.panel(), width), refresh=True))
                else:
                    self._loop(reader, lambda: None)
            finally:
                reader.close()

    def _loop(self, reader: Ledger, refresh: Callable[[], None]) -> None:
        over = False
        while not over:
            over = self._over.wait(POLL_S)
            self._drain(reader.events(after=self._after))
            refresh()

    def _drain(self, events: list[Event]) -> None:
        for event in events:
            self._after = event.seq
            for line in self._scene.apply(event):
                self._console.print(line, soft_wrap=True, highlight=False)
