"""The next proposals, made while an iteration runs, so that the trainer does not wait for an agent that thinks."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from autoloop_kernel.agents.base import Agent
from autoloop_kernel.arena.game import game, hardware_class
from autoloop_kernel.arena.notebook import Arena, ArenaError
from autoloop_kernel.gaps import NotYet, expected_wait_s
from autoloop_kernel.loop import Stopped
from autoloop_kernel.plan import DEPTH
from autoloop_kernel.proposing import Checked, Manner, NothingToRun, Refused, ask, check, rebased
from autoloop_kernel.records import AutoloopError, Iteration
from autoloop_kernel.session import Session, reopen

LOOK_S = 0.05
"""How often somebody who waits looks whether to go on."""

REMEMBERED = 9
"""Of how many proposals of an agent it is remembered how long they took."""

LEAVE_S = 5.0
"""How long an agent that was told to stop is waited for; its thread ends with the process at the latest."""


class Ahead:
    """Asks agents in a thread of its own and keeps up to `depth` proposals ready, each checked before its turn.

    `pick()` says whom to ask next (None: nobody). `room()` is how many proposals may still be needed, None without a
    bound. `halted()` is asked while somebody waits in `take`, which then raises `Stopped`; so is `gap(wait_s)`, whether
    something else is to be done for the seconds that the wait will probably take: it then raises `NotYet`. `manner` is
    how agents are asked. Whoever opens it closes it; what is still ready then stays `pending` in the ledger, and runs
    first at the next start.
    """

    def __init__(
        self,
        pick: Callable[[], Agent | None],
        depth: int = DEPTH,
        room: Callable[[], int | None] = lambda: None,
        halted: Callable[[], bool] = lambda: False,
        manner: Manner | None = None,
        gap: Callable[[float], bool] = lambda wait_s: False,
    ) -> None:
        self._pick, self._depth, self._room, self._halted, self._gap = pick, depth, room, halted, gap
        self._tryout = (manner or Manner()).tryout
        self._manner = replace(
            manner or Manner(), thinking=self._thinking, tryout=self._tried, aside=lambda: not self._awaited
        )
        self._ready: deque[Checked | AutoloopError] = deque()
        self._change = threading.Condition()
        self._closing = False
        self._awaited = False
        self._arena: Arena | None = None
        self._game = ""
        self._asked: Agent | None = None
        self._asked_at = 0.0
        self._thoughts: dict[str, deque[float]] = {}
        self._thread = self._made()

    @property
    def ready(self) -> bool:
        """Whether the next `take` need not wait."""
        with self._change:
            return bool(self._ready)

    @property
    def is_thinking(self) -> bool:
        """Whether the next `take` would wait for an agent that is at work."""
        with self._change:
            return not self._ready and self._asked is not None

    def aim(self, arena: Arena, identity: str) -> None:
        """Ask for proposals for `arena`, whose game is `identity`, from now on; the first time, begin to ask."""
        with self._change:
            self._arena, self._game = arena, identity
            self._change.notify_all()
        if not self._thread.is_alive():
            self._thread = self._made()
            self._thread.start()

    def take(self, session: Session, arena: Arena, epoch: int, champion: Iteration) -> Checked:
        """Give the oldest proposal that may still run, as an edit of `champion`; waits where there is none yet.

        One made for an earlier champion, also of an earlier epoch, is rebased, or refused with the reason. Raises
        `NothingToRun` where an agent had nothing to offer, whatever else ended its asking, `Stopped` once `halted()`,
        and `NotYet` in a `gap`.
        """
        while True:
            found = self._next(session)
            if isinstance(found, AutoloopError):
                raise found
            try:
                if found.base == champion.number:
                    fresh = check(session, arena, epoch, found.proposal)
                else:
                    fresh = rebased(session, arena, epoch, champion, found.proposal)
            except Refused as error:
                session.ledger.refuse(found.proposal.id, error.status, str(error))
                continue
            return replace(fresh, thought_s=found.thought_s)

    def close(self) -> None:
        """Ask nobody any more; an agent that is thinking is told to stop, where it can be."""
        with self._change:
            self._closing = True
            self._change.notify_all()
            asked = self._asked
        stop = getattr(asked, "stop", None)
        if callable(stop):
            with contextlib.suppress(Exception):
                stop()
        if self._thread.is_alive():
            self._thread.join(LEAVE_S)

    def _next(self, session: Session) -> Checked | AutoloopError:
        """Take the oldest of what is ready, once there is something."""
        with self._change:
            if not self._ready and self._asked is not None:
                session.ledger.emit("propose.start", agent=self._asked.name)
            self._awaited = True
            try:
                while not self._ready:
                    if self._halted():
                        raise Stopped
                    if self._asked is not None and self._gap(self._wait_s(self._asked)):
                        raise NotYet
                    self._change.wait(LOOK_S)
            finally:
                self._awaited = False
            found = self._ready.popleft()
            self._change.notify_all()
            return found

    def _wait_s(self, asked: Agent) -> float:
        return expected_wait_s(self._thoughts.get(asked.name, ()), time.monotonic() - self._asked_at)

    # -- the thread that asks

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
            found = self._ask(session)
            with self._change:
                if found is None:
                    self._change.wait(LOOK_S)
                else:
                    self._ready.append(found)
                    self._change.notify_all()

    def _is_wanted(self) -> bool:
        """Whether one more is to be made ready; after an agent that had nothing to offer, whoever takes decides."""
        room = self._room()
        # One that somebody waits for is needed beside those that the room counts.
        most = self._depth if room is None else min(self._depth, room + self._awaited)
        return len(self._ready) < most and not any(isinstance(each, AutoloopError) for each in self._ready)

    def _ask(self, session: Session) -> Checked | AutoloopError | None:
        """One proposal that passed the checks, or why there is none; None where there is nothing to propose for yet."""
        try:
            standing = self._standing(session)
            if standing is None:
                return None
            arena, epoch, champion = standing
            agent = self._pick()
            if agent is None:
                return None
            self._asked_at, self._asked = time.monotonic(), agent
            found = ask(session, arena, epoch, champion, agent, self._manner)
            thought_s = time.monotonic() - self._asked_at
            self._thoughts.setdefault(agent.name, deque(maxlen=REMEMBERED)).append(thought_s)
            return replace(found, thought_s=thought_s)
        except Stopped:
            return None
        except AutoloopError as error:
            return error
        finally:
            self._asked = None

    def _tried(self, arena: Arena, units: Mapping[str, str]) -> str:
        """What a trial of a draft found; none is made beside a run whose clock a busy machine disturbs."""
        return "" if arena.rules.clock == "wall" and not self._awaited else self._tryout(arena, units)

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
        if epoch is None or champion is None or game(arena, hardware_class()) != self._game:
            return None
        return arena, epoch, champion


def _failed(error: Exception) -> NothingToRun:
    return NothingToRun(f"asking ahead failed with {type(error).__name__}: {' '.join(str(error).split())}")
