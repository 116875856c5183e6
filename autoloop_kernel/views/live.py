"""The live display of a terminal: what happens while the driver works, line by line.

With a terminal there is a panel below the lines; without one (a pipe, a log file) the lines alone. It only reads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.constrain import Constrain
from rich.live import Live

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Event
from autoloop_kernel.views.follow import Follower
from autoloop_kernel.views.scene import Scene

WIDEST = 100


@contextlib.contextmanager
def following(
    ledger: Path, scene: Scene, console: Console, after: int = 0, panel: bool | None = None
) -> Iterator[None]:
    """Show what happens in `ledger` after event number `after` for as long as the body runs; the rest when it ends.

    `panel`: whether to keep a panel below the lines (default: on a terminal).
    """
    with _panel(scene, console, console.is_terminal if panel is None else panel) as refresh:

        def show(_: Ledger, events: list[Event]) -> None:
            for event in events:
                for line in scene.apply(event):
                    # A terminal would break a long line within a word; in a file each stays one line.
                    console.print(line, soft_wrap=not console.is_terminal, highlight=False)
            refresh()

        follower = Follower(ledger, show, after)
        follower.start()
        try:
            yield
        finally:
            follower.close()


@contextlib.contextmanager
def _panel(scene: Scene, console: Console, wanted: bool) -> Iterator[Callable[[], None]]:
    """Gives what draws the panel anew; nothing is drawn where none is wanted."""
    if not wanted:
        yield lambda: None
        return
    # Room for the ^C that a terminal echoes: a line that wraps would leave a trace of the panel.
    width = max(20, min(WIDEST, console.width - 4))
    live = Live(console=console, auto_refresh=False, transient=True)
    live.start()
    try:
        yield lambda: live.update(Constrain(scene.panel(), width), refresh=True)
    finally:
        with contextlib.suppress(OSError, ValueError):  # a terminal that is gone must not end the work
            live.stop()
