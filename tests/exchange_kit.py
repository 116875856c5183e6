"""Agents for drivers that share, each in a process of its own: they wait for what the ledger says, never for time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from loop_kit import x

from autoloop_kernel.agents.base import Context, NothingNew
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Event, Proposal

WAIT_S = 120.0


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds that another process brings about; fails loudly where it never does."""
    end = time.monotonic() + WAIT_S
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


def events(path: Path, *kinds: str) -> list[Event]:
    """What the ledger beside the arena at `path` tells of these kinds; nothing before there is one."""
    file = path.parent / f"{path.stem}_runs" / "ledger.sqlite"
    if not file.exists():
        return []
    with Ledger.open(file, create=False) as ledger:
        return ledger.events(kinds=kinds)


def told(path: Path, kind: str, **data: object) -> bool:
    """Whether an event of this kind says so."""
    return any(all(one.data.get(name) == value for name, value in data.items()) for one in events(path, kind))


class Player:
    """Plays proposals one after the other; a step that is no proposal but a function is waited for first."""

    def __init__(self, name: str, *steps: Mapping[str, str] | Callable[[Context], None]) -> None:
        self.name, self.steps = name, list(steps)

    def propose(self, context: Context) -> Proposal:
        """Play the next step."""
        while self.steps:
            step = self.steps.pop(0)
            if not callable(step):
                return Proposal(f"{self.name} plays {len(self.steps)}", dict(step))
            step(context)
        raise NothingNew(f"{self.name} has played all")


def broken(value: float) -> dict[str, str]:
    """A unit that crashes, another one for each value."""
    return {"model": f"X = {value!r}\nsubmit(lambda: np.array(float(MISSING)))"}


def known(*plays: Mapping[str, str]) -> Callable[[Context], None]:
    """Wait until all of these are known to have failed elsewhere."""

    def wait(context: Context) -> None:
        until(
            lambda: all(context.is_known({**context.units, **play}) == 0 for play in plays),
            "what others broke is known",
        )

    return wait


def offered(context: Context) -> None:
    """Wait until what somebody else confirmed is to be tried next."""
    path = Path(os.environ["EXCHANGE_ARENA"])
    until(lambda: bool(events(path, "accepted")), "what the other confirmed is to be tried next")


def third(one: float, *others: float) -> Player:
    """One of three, who breaks something, and then tries in vain what the others broke."""
    theirs = [broken(other) for other in others]
    return Player(f"player {one:g}", broken(one), known(*theirs), *theirs, x(one))


finder = Player("finder", broken(1.0), x(1.0))
follower = Player("follower", known(broken(1.0)), broken(1.0), x(2.5), offered, *map(x, (2.4, 2.3, 2.2)))
pusher = Player("pusher", *(x(3.0 - step / 10) for step in range(1, 20)))
first, second, last = third(1.0, 2.0, 2.5), third(2.0, 1.0, 2.5), third(2.5, 1.0, 2.0)
