"""The next proposals, made while an iteration runs, so that the trainer does not wait for an agent that thinks."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from autoloop_kernel.agents.base import Agent
from autoloop_kernel.arena.game import game, hardware_class
from autoloop_kernel.arena.notebook import Arena, ArenaError
from autoloop_kernel.gaps import expected_wait_s
from autoloop_kernel.loop import NotYet, Stopped
from autoloop_kernel.plan import DEPTH
from autoloop_kernel.proposing import Checked, Manner, NothingToRun, Refused, ask, check, on_line, rebased
from autoloop_kernel.records import AutoloopError, Iteration
from autoloop_kernel.session import Session, reopen

LOOK_S = 0.05
"""How often somebody who waits looks whether to go on."""

CEASES_S = 0.5
"""How often somebody who waits asks whether anything is to be begun at all: that takes a few queries."""

REMEMBERED = 9
"""Of how many proposals of an agent it is remembered how long they took."""

LEAVE_S = 5.0
"""How long an agent that was told to stop is waited for; its thread ends with the process at the latest."""


@dataclass(frozen=True)
class Among:
    """What differs where several take proposals, each for a slot of its own.

    Agents are asked by `askers` threads at once; `aside()` brackets every wait in `take`, so that others can go on; and
    `hardware` gives the class of the slots for an arena's clock.
    """

    askers: int = 1
    aside: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    hardware: Callable[[str], str] = lambda clock: hardware_class()


class Ahead:
    """Asks agents in threads of its own and keeps up to `depth` proposals ready, each checked before its turn.

    `pick()` says whom to ask next (None: nobody), who must not be one of those `asked` already. `room()` is how many
    proposals may still be needed besides those awaited, None without a bound. `halted()` is asked while somebody waits
    in `take`, which then raises `Stopped`; so are `ceases()`, whether nothing is to be begun for now, and
    `gap(wait_s)`, whether something else is to be done for the seconds that the wait will probably take: it then raises
    `NotYet`. `manner` is how agents are asked. Whoever opens it closes it; what is still ready then stays `pending` in
    the ledger, and runs first at the next start.
    """

    def __init__(
        self,
        pick: Callable[[], Agent | None],
        depth: int = DEPTH,
        room: Callable[[], int | None] = lambda: None,
        halted: Callable[[], bool] = lambda: False,
        manner: Manner | None = None,
        gap: Callable[[float], bool] = lambda wait_s: False,
        among: Among | None = None,
        ceases: Callable[[], bool] = lambda: False,
    ) -> None:
        self._pick, self._depth, self._room, self._halted, self._gap = pick, depth, room, halted, gap
        self._tryout = (manner or Manner()).tryout
        self._manner = replace(
            manner or Manner(), thinking=self._thinking, tryout=self._tried, aside=lambda: not self._awaited
        )
        self._ready: deque[Checked | AutoloopError] = deque()
        self._change = threading.Condition()
        self._closing = False
        self._awaited = 0
        self._among, self._ceases = among or Among(), ceases
        self._trying = threading.Lock()
        self._arena: Arena | None = None
        self._game = ""
        self._asked: dict[threading.Thread, tuple[Agent, float]] = {}
        self._thoughts: dict[str, deque[float]] = {}
        self._threads = [self._made() for _ in range(self._among.askers)]

    @property
    def ready(self) -> bool:
        """Whether the next `take` need not wait."""
        with self._change:
            return bool(self._ready)

    @property
    def has_one(self) -> bool:
        """Whether a proposal is ready."""
        with self._change:
            return any(isinstance(each, Checked) for each in self._ready)

    @property
    def is_thinking(self) -> bool:
        """Whether the next `take` would wait for an agent that is at work."""
        with self._change:
            return not self._ready and bool(self._asked)

    @property
    def asked(self) -> tuple[Agent, ...]:
        """Those who are being asked now."""
        with self._change:
            return tuple(agent for agent, _ in self._asked.values())

    def aim(self, arena: Arena, identity: str) -> None:
        """Ask for proposals for `arena`, whose game is `identity`, from now on; the first time, begin to ask."""
        with self._change:
            self._arena, self._game = arena, identity
            self._change.notify_all()
            for place, thread in enumerate(self._threads):
                if not thread.is_alive():
                    self._threads[place] = self._made()
                    self._threads[place].start()

    def take(self, session: Session, arena: Arena, epoch: int, champion: Iteration) -> Checked:
        """Give the oldest proposal that may still run, as an edit of `champion`; waits where there is none yet.

        One made for an earlier champion, also of an earlier epoch, is rebased, or refused with the reason; what became
        the champion while this waited counts. Raises `NothingToRun` where an agent had nothing to offer, whatever else
        ended its asking, `Stopped` once `halted()`, and `NotYet` in a `gap`, or where a new epoch began meanwhile.
        """
        while True:
            found = self._next(session)
            if isinstance(found, AutoloopError):
                raise found
            if session.ledger.current_epoch() != epoch:
                with self._change:
                    self._ready.appendleft(found)
                raise NotYet
            now = on_line(session, epoch, found.proposal.island, session.ledger.champion(epoch) or champion)
            try:
                if found.base == now.number:
                    fresh = check(session, arena, epoch, found.proposal)
                else:
                    fresh = rebased(session, arena, epoch, now, found.proposal)
            except Refused as error:
                session.ledger.refuse(found.proposal.id, error.status, str(error))
                continue
            return replace(fresh, thought_s=found.thought_s)

    def close(self) -> None:
        """Ask nobody any more; an agent that is thinking is told to stop, where it can be."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        for agent in self.asked:
            stop = getattr(agent, "stop", None)
            if callable(stop):
                with contextlib.suppress(Exception):
                    stop()
        until = time.monotonic() + LEAVE_S
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def _next(self, session: Session) -> Checked | AutoloopError:
        """Take the oldest of what is ready, once there is something."""
        asked = self.asked
        if asked and not self.ready:
            session.ledger.emit("propose.start", agent=asked[0].name)
        self._await(1)
        asked_at = -CEASES_S
        try:
            while True:
                if self.ready or time.monotonic() - asked_at >= CEASES_S:
                    if self._ceases():
                        raise NotYet
                    if (found := self._oldest()) is not None:
                        return found
                    asked_at = time.monotonic()
                if self._halted():
                    raise Stopped
                if (wait_s := self._wait_s()) is not None and self._gap(wait_s):
                    raise NotYet
                with self._among.aside(), self._change:
                    if not self._ready:
                        self._change.wait(LOOK_S)
        finally:
            self._await(-1)

    def _await(self, more: int) -> None:
        with self._change:
            self._awaited += more
            self._change.notify_all()

    def _oldest(self) -> Checked | AutoloopError | None:
        with self._change:
            return self._ready.popleft() if self._ready else None

    def _wait_s(self) -> float | None:
        """For how long whoever is asked now will probably think, the first of several; None where nobody is."""
        with self._change:
            asked, now = list(self._asked.values()), time.monotonic()
        waits = (expected_wait_s(self._thoughts.get(agent.name, ()), now - since) for agent, since in asked)
        return min(waits, default=None)

    # -- the threads that ask

    def _made(self) -> threading.Thread:
        return threading.Thread(target=self._work, name="autoloop-ahead", daemon=True)

    def _work(self) -> None:
        """Ask until closed. Where that breaks, whoever takes is told; the next `aim` begins anew."""
        assert self._arena is not None
        try:
            with reopen(self._arena) as session:
                self._go_on(session)
        except Exception as error:  # a thread has nobody else to tell
            with self._change:
                self._ready.append(_failed(error))
                self._change.notify_all()

    def _go_on(self, session: Session) -> None:
        while True:
            with self._change:
                while not self._closing and not self._is_wanted():
                    self._change.wait(LOOK_S)
                if self._closing:
                    return
            found = None
            try:
                found = self._ask(session)
            finally:
                with self._change:
                    self._asked.pop(threading.current_thread(), None)
                    self._ready.extend([found] if found is not None else [])
                    self._change.notify_all()
                    if found is None:
                        self._change.wait(LOOK_S)

    def _is_wanted(self) -> bool:
        """Whether one more is to be made ready; after an agent that had nothing to offer, whoever takes decides."""
        room = self._room()
        # One that somebody waits for is needed beside those that the room counts, and those made ahead.
        most = max(self._depth if room is None else min(self._depth, room + self._awaited), self._awaited)
        return len(self._ready) + len(self._asked) < most and not any(
            isinstance(each, AutoloopError) for each in self._ready
        )

    def _ask(self, session: Session) -> Checked | AutoloopError | None:
        """One proposal that passed the checks, or why there is none; None where there is nothing to propose for yet."""
        try:
            standing = self._standing(session)
            if standing is None:
                return None
            arena, epoch, champion = standing
            began = time.monotonic()
            with self._change:
                agent = self._pick() if self._is_wanted() else None
                if agent is None:
                    return None
                self._asked[threading.current_thread()] = (agent, began)
            found = ask(session, arena, epoch, champion, agent, self._manner)
            thought_s = time.monotonic() - began
            self._thoughts.setdefault(agent.name, deque(maxlen=REMEMBERED)).append(thought_s)
            return replace(found, thought_s=thought_s)
        except Stopped:
            return None
        except AutoloopError as error:
            return error

    def _tried(self, arena: Arena, units: Mapping[str, str]) -> str:
        """What a trial of a draft found; none is made beside a run whose clock a busy machine disturbs."""
        beside = not self._awaited or self._among.askers > 1
        if arena.rules.clock == "wall" and beside:
            return ""
        with self._trying:
            return self._tryout(arena, units)

    @contextlib.contextmanager
    def _thinking(self) -> Iterator[None]:
        """Bracket a call into an agent: one that was told to stop is not asked once more."""
        if self._closing:
            raise Stopped
        yield

    def _standing(self, session: Session) -> tuple[Arena, int, Iteration] | None:
        """The arena as it is now, its epoch and champion; None until the loop has caught up with a changed arena."""
        try:
            arena = session.reread()
        except ArenaError:
            return None  # a person is in the middle of an edit; the loop says so where it lasts
        epoch, champion = session.ledger.current_epoch(), session.champion()
        if epoch is None or champion is None or game(arena, self._among.hardware(arena.rules.clock)) != self._game:
            return None
        return arena, epoch, champion


def _failed(error: Exception) -> NothingToRun:
    return NothingToRun(f"asking ahead failed with {type(error).__name__}: {' '.join(str(error).split())}")
