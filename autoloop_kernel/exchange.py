"""Sharing while a driver runs: a thread of its own that sends what ended and takes in what others learnt.

It never holds the loop up. A remote that fails or hangs is told of once and tried again; whoever stops waits a few
seconds at most for a git that is under way.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoloop_kernel.arena.notebook import Arena, ArenaError
from autoloop_kernel.memory.remote import AGAIN, Leash, RemoteFailed, Unwanted, checked, shown
from autoloop_kernel.memory.shared import SHARING
from autoloop_kernel.memory.sharing import Failures, Pulled, arena_id, listed, pull, push
from autoloop_kernel.offering import offer
from autoloop_kernel.plan import Plan
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.session import Session, reopen

ANSWER_S = 15.0
"""For how long a remote is waited for before a driver starts, and for what others shared before its first proposal."""

TRANSFER_S = 300.0
"""For how long one transfer may hang before it is tried again."""

FAREWELL_S, LEAVE_S = 30.0, 5.0
"""For how long the last push is waited for: where the plan is done, and where somebody stopped the driver."""

LOOK_S = 0.05


@dataclass(frozen=True)
class Exchanged:
    """What one exchange brought: iterations `pushed` and `pulled`, from how many `origins`, and what is `offered`."""

    pushed: int = 0
    pulled: int = 0
    origins: int = 0
    offered: str | None = None

    @property
    def text(self) -> str:
        """It in words; empty where nothing moved."""
        parts = [f"{_plural(self.pushed, 'iteration')} sent"] if self.pushed else []
        whose = _plural(self.origins, "other")
        parts += [f"{_plural(self.pulled, 'iteration')} taken in from {whose}"] if self.pulled else []
        return "; ".join([*parts, *([f"to be tried next: {self.offered}"] if self.offered else [])])


def may_share(path: Path, plan: Plan) -> None:
    """Raise `RemoteFailed` in one line where the plan's remote is no git repository; one that hangs may answer later.

    Nothing happens without a remote in the plan.
    """
    if plan.share is None:
        return
    until = time.monotonic() + ANSWER_S
    try:
        listed(path.parent, checked(plan.share), "refs/autoloop/*", Leash(halted=lambda: time.monotonic() > until))
    except Unwanted:
        return
    except RemoteFailed as error:
        why, mend = str(error).removesuffix(AGAIN), "give a git repository, such as one made by: git init --bare FOLDER"
        raise RemoteFailed(f"--share {shown(plan.share)}: {why} — {mend}") from None


def placed(given: str | Path, below: Path) -> str:
    """A remote as a driver is given it, which works in a folder of its own: a folder by its whole path.

    One that is no address is looked for below `below`.
    """
    text = str(given).strip()
    folder = below / Path(text).expanduser() if text and text.isprintable() else below / text
    with contextlib.suppress(OSError, ValueError):
        return str(folder.resolve()) if text and folder.is_dir() else text
    return text


def told(plan: Plan) -> dict[str, Any]:
    """What a driver's start tells of sharing; nothing without it."""
    return {} if plan.share is None else {"share": shown(plan.share), "share_every": plan.share_every}


@contextlib.contextmanager
def exchanging(session: Session, plan: Plan, halted: Callable[[], bool]) -> Iterator[None]:
    """Share as the plan says while the block runs: first of all, every few minutes, and once more at its end.

    `halted()` is whether somebody stops the driver, who does not wait for others then. Nothing happens without a
    remote in the plan.
    """
    if plan.share is None:
        yield
        return
    thread = Exchange(session.arena, plan.share, 60 * plan.share_every, session.mark)
    thread.start(halted)
    patience_s = LEAVE_S
    try:
        yield
        patience_s = FAREWELL_S
    finally:
        thread.close(patience_s, halted)


def _never() -> bool:
    return False


class Exchange:
    """Pulls, offers and pushes every `every_s` seconds; see `exchanging`. `mark` is what its processes are known by."""

    def __init__(self, arena: Arena, remote: str, every_s: float, mark: str) -> None:
        self._arena, self._remote, self._every_s = arena, remote, every_s
        self._over, self._first, self._cut = threading.Event(), threading.Event(), threading.Event()
        self._failures = Failures()
        self._leash = Leash(TRANSFER_S, self._cut.is_set, f"{mark}:share")
        self._thread = threading.Thread(target=self._work, name="autoloop-exchange", daemon=True)

    def start(self, halted: Callable[[], bool] = _never) -> None:
        """Begin; returns once the first exchange is over, `halted()`, or the remote takes long to answer."""
        self._thread.start()
        until = time.monotonic() + ANSWER_S
        while not self._first.wait(LOOK_S) and not halted() and time.monotonic() < until:
            pass

    def close(self, patience_s: float, halted: Callable[[], bool] = _never) -> None:
        """Exchange once more and end; what takes longer than `patience_s` is ended, and goes on at the next start.

        It is `LEAVE_S` at most once `halted()`.
        """
        self._over.set()
        until = time.monotonic() + patience_s
        while self._thread.is_alive() and time.monotonic() < until:
            if halted():
                until = min(until, time.monotonic() + LEAVE_S)
                halted = _never
            self._thread.join(LOOK_S)
        self._cut.set()
        self._thread.join(LEAVE_S)

    def _work(self) -> None:
        last = False
        while not last:
            last = self._over.is_set()
            # A ledger that is locked or a disk that is full for a while ends no sharing.
            with contextlib.suppress(AutoloopError), reopen(self._arena) as session:
                self._once(session, last)
            self._first.set()
            self._over.wait(0 if last else self._every_s)

    def _once(self, session: Session, last: bool) -> None:
        """One exchange and what is to be told of it; in the `last` one nothing more is offered to be tried."""
        try:
            done, there = exchange(session, self._remote, self._leash, last, self._failures)
        except RemoteFailed as error:
            _failed(session, self._remote, str(error))
        except Exception as error:  # a thread has nobody else to tell
            _failed(session, self._remote, f"sharing failed with {type(error).__name__}: {error}")
        else:
            _went(session, self._remote, done, there)


def exchange(
    session: Session, remote: str, leash: Leash, last: bool = False, failures: Failures | None = None
) -> tuple[Exchanged, int]:
    """Pull, offer what others confirmed, push; gives what that brought, and how many own iterations are there now.

    For the `last` time the push comes first, since it is waited for, and nothing is offered. Raises `RemoteFailed`;
    what was done before that stands.
    """
    with contextlib.suppress(ArenaError):  # a person is in the middle of an edit: as it was before
        session.reread()
    arena = _id(session.arena)
    sent = push(session.lineage, arena, remote, leash) if last else None
    broken, pulled = None, Pulled()
    try:
        pulled = pull(session.ledger, session.lineage, arena, remote, leash, failures)
    except Unwanted:
        raise
    except RemoteFailed as error:
        broken = error  # somebody else's, perhaps: that keeps nobody from sending
    offered = None if last else offer(session)
    pushed, there = sent or push(session.lineage, arena, remote, leash)
    if broken is not None:
        raise broken
    return Exchanged(pushed, pulled.new, pulled.origins, offered), there


def _went(session: Session, remote: str, done: Exchanged, there: int) -> None:
    """Keep how sharing stands; what moved, and a remote that answers again, is an event."""
    ledger, now = session.ledger, time.time()
    before = ledger.get(SHARING, {})
    again = "the remote answers again" if before.get("trouble") else ""
    text = "; ".join(part for part in (again, done.text) if part)
    kept = {"remote": shown(remote), "at": now, "pushed": there, "trouble": ""}
    kept["pushed_at"] = now if done.pushed else before.get("pushed_at")
    kept["pulled_at"] = now if done.pulled else before.get("pulled_at")
    ledger.set(SHARING, kept)
    if text:
        data = {"pushed": done.pushed, "pulled": done.pulled, "origins": done.origins, "offered": done.offered}
        ledger.emit("share", remote=shown(remote), text=f"shared: {text}", **data)


def _failed(session: Session, remote: str, why: str) -> None:
    """Keep why nothing can be shared; told once, until it works again."""
    ledger = session.ledger
    before = ledger.get(SHARING, {})
    ledger.set(SHARING, {**before, "remote": shown(remote), "trouble": why})
    if not before.get("trouble"):
        text = f"not shared for now: {why}"
        ledger.emit("share", remote=shown(remote), text=text, pushed=0, pulled=0, origins=0, trouble=why)


def _id(arena: Arena) -> str:
    return arena_id(arena.name, arena.rules.metric)


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


__all__ = ["Exchange", "Exchanged", "exchange", "exchanging", "may_share", "placed", "told"]
