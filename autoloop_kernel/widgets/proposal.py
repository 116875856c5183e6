"""A proposal that waits for a person, in a notebook: it shows itself with its controls, and follows what becomes of it.

The proposal waits in the ledger. This is only a face on it: closing the notebook or killing the kernel changes nothing.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets

from autoloop_kernel import driver, reviewing
from autoloop_kernel.arena.notebook import read
from autoloop_kernel.memory.ledger import Ledger, ProposalRow
from autoloop_kernel.records import AutoloopError, Event
from autoloop_kernel.session import LEDGER, Session, open_session, reopen
from autoloop_kernel.views import detail
from autoloop_kernel.views.follow import Follower
from autoloop_kernel.views.html import iteration as iteration_html
from autoloop_kernel.views.html import proposal as html
from autoloop_kernel.widgets.results import IterationView, told
from autoloop_kernel.widgets.review import ReviewControls
from autoloop_kernel.widgets.show import EMPTY, Handle, Shown
from autoloop_kernel.widgets.trial import LiveTrial

POLL_S = 0.2
OVER = ("invalid", "duplicate", "skipped")
STARTS = 2
"""How often a wait starts a driver for what was accepted: one that somebody stops is not started for ever."""


def ask_behind(path: Path, agent: str) -> str:
    """Have a proposal made in a process that outlives this one; gives its id once it waits for review.

    Where such a process is at work already, its proposal is waited for. Raises `AutoloopError` with the reason when
    there comes none, `Busy` where another driver holds the arena.
    """
    with open_session(path) as session:
        last = session.ledger.last_event("driver.start")
        asking = last is not None and bool(last.data.get("plan", {}).get("review"))
        after = session.ledger.last_event()
        seq = last.seq if asking and last is not None and session.ledger.holder() is not None else None
    if seq is None:
        seq = after.seq if after is not None else 0
        driver.detach(path, [agent], driver.Plan(review=True))
    with Ledger.open(path.parent / f"{path.stem}_runs" / LEDGER, create=False, read_only=True) as ledger:
        while True:
            alive = ledger.holder() is not None  # asked first: what it says last is on record before it lets go
            for event in ledger.events(after=seq, kinds=["waiting", "driver.stop"]):
                if event.kind == "waiting":
                    return str(event.data["id"])
                raise AutoloopError(str(event.data.get("reason") or "the driver ended without a proposal"))
            if not alive:
                raise AutoloopError(f"the driver was killed before it had a proposal: see {path.stem}_runs/driver.log")
            time.sleep(POLL_S)


class _Controls(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets carries no types
    def __repr__(self) -> str:
        return "Controls of a proposal: they live while this notebook's kernel runs."


class ProposalView:
    """A proposal of the arena at `path`: `accept()`, `skip(reason)` or `take_over(units)`, then `wait()`.

    Made with the id of one that is there, or with `make`, which asks an agent and gives the id: that is called in a
    thread, and whatever needs the proposal waits for it.
    """

    def __init__(self, path: Path, id: str = "", make: Callable[[], str] | None = None, maker: str = "") -> None:
        self.path, self._arena = path, read(path, kernel=False)
        self._id, self._maker, self._error = id, maker, ""
        self._there = threading.Event()
        self._deciding, self._looking = threading.Lock(), threading.Lock()
        self._what, self._controls, self._how, self._shown = Handle(), Handle(), Handle(), Shown()
        self._box: Any = None
        self._trial: LiveTrial | None = None
        self._follower: Follower | None = None
        if make is None:
            self._there.set()
        else:
            threading.Thread(target=self._make, args=(make,), name="autoloop-propose", daemon=True).start()

    # -- what it is

    @property
    def id(self) -> str:
        """The proposal's id in the ledger; waits for the agent. Raises `AutoloopError` when it proposed nothing."""
        self._there.wait()
        if self._error:
            raise AutoloopError(self._error)
        return self._id

    @property
    def ready(self) -> bool:
        """Whether the agent has answered."""
        return self._there.is_set()

    @property
    def status(self) -> str:
        """`thinking`, `failed`, `waiting`, `accepted`, `ran`, `invalid`, `duplicate` or `skipped`."""
        if not self.ready:
            return "thinking"
        return "failed" if self._error else self._row().status

    @property
    def title(self) -> str:
        """What it would try; an agent's words."""
        return self._row().proposal.title

    @property
    def hypothesis(self) -> str:
        """Why; an agent's words."""
        return self._row().proposal.hypothesis

    @property
    def agent(self) -> str:
        """Who proposed it; after a take-over the person, and after whom."""
        return self._row().proposal.agent

    @property
    def sources(self) -> dict[str, str]:
        """The proposed sources by cell name or file path, complete, of those that it changes."""
        return dict(self._row().proposal.units)

    # -- what a person decides

    def accept(self) -> ProposalView:
        """Run it next: in a driver of its own that outlives the kernel, or in the one that is running."""
        return self._decide(lambda session: reviewing.accept(session, self.id))

    def skip(self, reason: str = "") -> ProposalView:
        """Never run it; the reason is a finding for every agent that is asked later."""
        return self._decide(lambda session: reviewing.skip(session, self.id, reason))

    def take_over(self, units: Mapping[str, str]) -> ProposalView:
        """Run your sources (cell or file name → complete source) instead; attribution says that they are yours."""

        def decide(session: Session) -> None:
            self._id = reviewing.take_over(session, self.id, units)

        return self._decide(decide)

    def wait(self, timeout: float | None = None) -> IterationView | None:
        """Wait for its verdict (and, where it is not decided yet, for the decision); None where it will not run.

        Raises `AutoloopError` after `timeout` seconds, and where the driver ended without running it.
        """
        until = None if timeout is None else time.monotonic() + timeout
        starts = 0
        while True:
            proposal = self.id
            with reopen(self._arena) as session:
                held = session.ledger.holder() is not None  # asked first: a driver lets go only after the verdict
                found = reviewing.row(session, proposal)
                ended = session.ledger.iteration(found.iteration) if found.iteration is not None else None
                if ended is not None and ended.verdict is not None:
                    return self._ended(session, ended.number)
            if found.status in OVER:
                self._look()
                return None
            if until is not None and time.monotonic() > until:
                raise AutoloopError(f"no verdict within {timeout:g} s: it {html.status(found)}")
            if not held and found.status == "accepted" and starts < STARTS:
                starts += 1
                self._run()
            elif not held and found.status != "waiting":
                raise AutoloopError(f"the driver was stopped before {self.title!r} had a verdict: wb.step() goes on")
            time.sleep(POLL_S)

    # -- how it shows itself

    def __repr__(self) -> str:
        if not self.ready:
            return f"{self._maker} is thinking"
        return self._error or f"{self.title}, by {self.agent}: {html.status(self._row())}"

    def _ipython_display_(self) -> None:
        """Show the proposal, and its controls below; later changes go to the same place."""
        if self._shown.here():
            return
        self._shown.mark()
        self._close()
        self._what, self._controls, self._how, self._box = Handle(), Handle(), Handle(), _Controls([])
        self._what.show(self._bundle())
        self._controls.show(EMPTY)
        self._how.show(EMPTY)
        self._trial = LiveTrial(self.path, self._how)
        with open_session(self.path) as session:
            last = session.ledger.last_event()
            ledger = session.arena.runs.resolve() / LEDGER
        self._follower = Follower(ledger, self._listen, last.seq if last else 0)
        self._look()
        self._follower.start()

    def _close(self) -> None:
        """Follow no longer for the place that it was shown in before."""
        if self._follower is not None:
            self._follower.close()

    def _make(self, make: Callable[[], str]) -> None:
        try:
            self._id = make()
        except AutoloopError as error:
            self._error = str(error)
        except Exception as error:
            self._error = f"asking {self._maker} failed with {type(error).__name__}: {error}"
        finally:
            self._there.set()
            self._look()

    def _row(self) -> ProposalRow:
        proposal = self.id
        with reopen(self._arena) as session:
            return reviewing.row(session, proposal)

    def _decide(self, decision: Callable[[Session], None]) -> ProposalView:
        self.id  # noqa: B018  # waits for the agent, and for the ledger of an arena that has never run
        with open_session(self.path, create=False) as session:
            decision(session)
        self._decided(self._id)
        return self

    def _decided(self, proposal: str) -> None:
        """Act on a decision, made here or by the controls: run what was accepted, and show how it stands."""
        self._id = proposal
        if self._row().status == "accepted":
            self._run()
        self._look()

    def _run(self) -> None:
        """Have what is accepted run, unless a driver is there that will do so."""
        with self._deciding, contextlib.suppress(driver.Busy):
            driver.detach(self.path, ["search"], driver.Plan(queued=True))

    def _listen(self, ledger: Ledger, events: list[Event]) -> None:
        """Follow what becomes of it, in the follower's thread."""
        if self._trial is not None:
            self._trial.take(ledger, events, self._id)
        if self.ready and any(event.kind in ("waiting", "accepted", "refused", "iteration.end") for event in events):
            self._look()

    def _look(self) -> None:
        """Bring what is shown up to date."""
        if self._box is None:
            return
        with self._looking:
            self._fit()

    def _fit(self) -> None:
        self._what.show(self._bundle())
        waits = self.status == "waiting"
        if waits and not self._box.children:
            self._box.children = (ReviewControls(self.path, self._id, self._decided),)
            self._controls.show(self._box._repr_mimebundle_())
        elif not waits and self._box.children:
            controls, self._box.children = self._box.children, ()
            self._controls.show(EMPTY)  # a view without its widget would be an error in the saved notebook
            for one in controls:
                one.close()

    def _bundle(self) -> dict[str, Any]:
        if not self.ready:
            return told([f"{self._maker} is thinking. Its proposal will wait here for your review."])
        if self._error:
            return told([self._error])
        with reopen(self._arena) as session:
            found = reviewing.row(session, self._id)
            number = found.iteration
            ended = session.ledger.iteration(number) if number is not None else None
            champion = session.champion()
            if ended is not None and ended.verdict is not None:
                return iteration_html.bundle(
                    detail.gather(session, ended.number), champion.number if champion else None
                )
            base = session.units(found.proposal.base) if found.proposal.base is not None else {}
            return html.bundle(found, base, session.arena.name, number, champion.number if champion else None)

    def _ended(self, session: Session, number: int) -> IterationView:
        champion = session.champion()
        view = IterationView(detail.gather(session, number), champion.number if champion else None)
        self._look()
        if self._shown.here():
            view.shown.mark()
        return view
