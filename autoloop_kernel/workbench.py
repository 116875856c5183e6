"""The workbench: an arena's notebook face. It holds no state of its own: what it starts, every other face sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoloop_kernel import driver, reviewing
from autoloop_kernel.agents.base import Agent
from autoloop_kernel.agents.registry import as_agent, resolve
from autoloop_kernel.arena.notebook import read
from autoloop_kernel.exchange import placed
from autoloop_kernel.plan import SHARE_EVERY
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.session import LEDGER, Session, open_session
from autoloop_kernel.views import detail, words
from autoloop_kernel.widgets.results import Checked, Export, IterationView, Picture, Result, Told

if TYPE_CHECKING:
    from autoloop_kernel.widgets.control import Control
    from autoloop_kernel.widgets.proposal import ProposalView

SEARCH = "search"
LEAVE_S = 30.0


class Workbench:
    """The arena at `arena` (a notebook), and who proposes: a name (`search`, `command:CMD`, `module:attr`), an object
    with `propose(context)`, or a list of these: those that earn more propose more.

    Raises `AutoloopError`, in one line, where there is no such arena, it is unsound, or an agent is not known.
    """

    def __init__(self, arena: str | Path, agent: str | Agent | Sequence[str | Agent] = SEARCH) -> None:
        from autoloop_kernel.commands.common import arena_path

        self.path = arena_path(Path(arena).expanduser())
        self.name = read(self.path, kernel=False).name
        self.path = self.path.resolve()
        many = [agent] if isinstance(agent, str) or not isinstance(agent, Sequence) else list(agent)
        if not many:
            raise AutoloopError("no agent was named: for example Workbench(arena, agent='search')")
        self._agents: list[str | Agent] = many
        self._team = [resolve(one) if isinstance(one, str) else as_agent(one) for one in many]

    @classmethod
    def new(
        cls, template: str, folder: str | Path = ".", agent: str | Agent | Sequence[str | Agent] = SEARCH
    ) -> Workbench:
        """A fresh copy of a bundled arena in `folder`; an arena of that name that lies there already is opened."""
        from autoloop_kernel.arena.templates import TOUR, new, templates

        if template == TOUR:
            raise AutoloopError("the tour is a notebook to read, no arena: copy it with autoloop new tour, and open it")
        there = Path(folder).expanduser() / f"{template}.ipynb"
        known = template in [one.name for one in templates()]
        return cls(there if known and there.is_file() else new(template, Path(folder).expanduser()), agent)

    def __repr__(self) -> str:
        return f"Workbench({self.path.name!r}, agent={', '.join(agent.name for agent in self._team)})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What the game is, and how it stands."""
        from autoloop_kernel.memory.ledger import Ledger
        from autoloop_kernel.views import status
        from autoloop_kernel.views.html import arena as html

        arena = read(self.path, kernel=False)
        agents = "by " + ", ".join(agent.name for agent in self._team)
        ledger = Ledger.open(arena.runs / LEDGER, create=False) if (arena.runs / LEDGER).exists() else None
        try:
            return html.bundle(arena, status.read(ledger, arena.name, arena.rules.metric), agents, time.time())
        finally:
            if ledger is not None:
                ledger.close()

    # -- the arena

    @property
    def strategy(self) -> str:
        """The strategy cell as it stands in the notebook file, Markdown."""
        return read(self.path, kernel=False).strategy

    def rewrite_strategy(self, text: str) -> Told:
        """Put `text` (Markdown) into the strategy cell; it counts from the next proposal on."""
        from autoloop_kernel.arena.strategy import rewrite

        rewrite(self.path, text)
        return Told(
            [f"{self.path.name} has a new strategy: it counts from the next proposal on. Reload it where it is open."]
        )

    def check(self) -> Checked:
        """What is wrong with the arena, in plain words."""
        from autoloop_kernel.arena.check import check
        from autoloop_kernel.commands.arenas import sound, unsealed

        found = [*check(self.path), *unsealed(self.path)]
        errors = [str(one) for one in found if one.level == "error"]
        notes = [str(one) for one in found if one.level != "error"]
        return Checked(errors, notes, "" if errors else sound(self.path))

    def apply(self, iteration: int | None = None) -> Told:
        """Put an iteration's cells (default: the champion's) into the arena notebook and its editable files."""
        chosen = self.champion if iteration is None else self[iteration]
        with open_session(self.path, create=False) as session:
            names = reviewing.apply(session, chosen.number)
        if not names:
            return Told([f"{self.path.name} holds iteration {chosen.number} already: nothing to change"])
        line = f"iteration {chosen.number} is now in {self.path.name}: {', '.join(names)}. Reload it where it is open."
        return Told([line])

    # -- running

    def step(self, review: bool = False, agent: str | Agent | None = None) -> IterationView | ProposalView:
        """Run one iteration here, shown as it happens, and give it back.

        `agent` proposes this once (`"human"`: what you edited). With `review` it returns at once with a proposal that
        waits for you, an earlier one first. Raises `AutoloopError` while another driver runs, and where none passed.
        """
        if review:
            return self._review(agent)
        self._must_be_free()

        def run() -> int:
            agents = self._team if agent is None else [self._turn(agent)[0]]
            ended = driver.drive(self.path, agents, driver.Plan(iterations=1))
            if not ended.ran:
                raise AutoloopError(ended.reason if ended.failed else "stopped: the next step goes on from here")
            with self._opened() as session:
                last = session.ledger.last_event("iteration.end")
                return last.iteration if last is not None and last.iteration else session.ledger.last_number()

        return self._watched(run)

    def auto(
        self,
        iterations: int | None = None,
        hours: float | None = None,
        until: float | None = None,
        workers: int | str = 1,
        share: str | Path | None = None,
        share_every: float = SHARE_EVERY,
        islands: bool = False,
    ) -> Control:
        """Go on by itself, in a driver that outlives this kernel and the browser, until a bound is reached.

        `iterations`: how many; `hours`: start none after so many; `until`: the score to reach. None: no bound.
        `workers`: how many run at once on this machine, or "ray", "ray:N", "ray://HOST:PORT" for a Ray cluster.
        `share`: the git repository (a folder, an address) over which it shares with others, every `share_every`
        minutes. With `islands` each agent has a line of its own. Where a driver is running already, this attaches to
        it. Raises `AutoloopError` for an agent that is an object, and for a repository that is none.
        """
        from autoloop_kernel.widgets.control import Control

        remote = None if share is None else placed(share, Path.cwd())
        plan = driver.Plan(iterations, hours, until, workers=str(workers), share=remote, share_every=share_every)
        plan = replace(plan, islands=islands)
        names = [agent for agent in self._agents if isinstance(agent, str)]
        if len(names) < len(self._agents):
            other = next(agent for agent in self._team if agent.name not in names)
            raise AutoloopError(
                f"auto outlives this kernel, and the object {other.name} does not: name it as module:attr, "
                "or go on with wb.step()"
            )
        try:
            driver.detach(self.path, names, plan)
        except driver.Busy:
            self._say("a driver is running already: attached to it; its own plan stands")
        return self._shown(Control(self.path))

    def attach(self) -> Control:
        """The live control of the driver that is running; of the last one, where none is."""
        from autoloop_kernel.widgets.control import Control

        with self._opened() as session:
            if session.ledger.last_event("driver.start") is None:
                raise AutoloopError(f"nothing has run on {self.path.name} yet: start with wb.auto()")
        return self._shown(Control(self.path))

    def wait(self) -> None:
        """Wait until no driver runs any more."""
        from autoloop_kernel.widgets.control import Control

        if driver.busy(self.path) is not None:
            Control(self.path).wait()

    def pause(self) -> str:
        """Pause the driver once what runs has its verdict; gives its answer."""
        return self._send("pause")

    def resume(self) -> str:
        """Let a paused driver go on; gives its answer."""
        return self._send("resume")

    def stop(self, now: bool = False) -> str:
        """Stop the driver once what runs has its verdict, or at once: then that is run again at the next start."""
        return self._send("stop-now" if now else "stop")

    # -- looking

    @property
    def champion(self) -> IterationView:
        """The iteration that new proposals edit."""
        with self._opened() as session:
            found = session.champion()
            if found is None:
                raise AutoloopError(f"nothing was kept yet on {self.path.name}: run wb.step() or wb.auto()")
            return IterationView(detail.gather(session, found.number), found.number)

    @property
    def best(self) -> IterationView:
        """The standing keep with the best score of the current epoch: the champion, unless you forked."""
        with self._opened() as session:
            epoch = session.ledger.current_epoch()
            direction = session.arena.rules.metric.direction
            found = None if epoch is None else session.ledger.best(epoch, direction)
            if found is None:
                raise AutoloopError(f"nothing was kept yet on {self.path.name}: run wb.step() or wb.auto()")
            return self._view(session, found.number)

    def __getitem__(self, number: int) -> IterationView:
        """Iteration `number`; -1 is the last."""
        if isinstance(number, bool) or not isinstance(number, int):
            raise AutoloopError(f"an iteration has a whole number, not {number!r}: for example wb[3], or wb[-1]")
        with self._opened() as session:
            last = session.ledger.last_number()
            return self._view(session, last + 1 + number if number < 0 else number)

    def __len__(self) -> int:
        """How many iterations there are."""
        if not self._has_run():
            return 0
        with self._opened() as session:
            return session.ledger.last_number()

    def __iter__(self) -> Iterator[IterationView]:
        """Every iteration, oldest first."""
        return (self[number] for number in range(1, len(self) + 1))

    @property
    def pending(self) -> list[ProposalView]:
        """The proposals that wait for your review, oldest first."""
        from autoloop_kernel.widgets.proposal import ProposalView

        if not self._has_run():
            return []
        with self._opened() as session:
            return [ProposalView(self.path, row.id) for row in reviewing.waiting(session)]

    @property
    def history(self) -> Any:
        """Every iteration in a table: a pandas frame where pandas is installed, which shows itself as that table."""
        from autoloop_kernel.views.html import history
        from autoloop_kernel.views.tables import reasons

        with self._opened() as session:
            iterations, champion = session.ledger.iterations(), session.champion()
            metric, why = session.arena.rules.metric, reasons(session.ledger)
        bundle = history.bundle(iterations, metric, champion.number if champion else None, why=why)
        try:
            return history.frame(iterations, bundle["text/html"], bundle[history.MIME])
        except ImportError:
            return Result(lambda: bundle)

    def plot(self) -> Picture:
        """The progress: every iteration by verdict, and the best so far."""
        from autoloop_kernel.views import picture, progress, status

        with self._opened() as session:
            iterations, metric = session.ledger.iterations(with_attempts=False), session.arena.rules.metric
            noise = status.noise(session.ledger)
        title = f"{self.name}: {progress.headline(ended, metric)}" if (ended := _ended(iterations)) else ""
        figure = progress.draw(iterations, metric, title, noise)
        return Picture(picture.png(figure), title)

    def attempts(self) -> Picture:
        """Every attempt's score, with the 95 % interval of the mean where an iteration has several."""
        from autoloop_kernel.views import attempts, picture

        with self._opened() as session:
            iterations, metric = session.ledger.iterations(), session.arena.rules.metric
            champion = session.champion()
        figure = attempts.draw(iterations, metric, champion.number if champion else None)
        return Picture(picture.png(figure), f"{self.name}: the scores of all attempts")

    def compare(self, a: int, b: int) -> Result:
        """Two iterations side by side: numbers, curves, and the diff from `a` to `b`."""
        from autoloop_kernel.views.html import comparison

        first, second = self[a], self[b]
        return Result(partial(comparison.bundle, first._detail, second._detail))

    # -- going on, and bringing home

    def fork(self, number: int) -> Told:
        """Go on from iteration `number`, also a discarded one: the next proposals edit it and are held against it."""
        with self._opened() as session:
            it = reviewing.fork(session, number)
        return Told([f"the next proposals edit iteration {number}, {words.plain(it.title)}, and are held against it"])

    def replicate(self, number: int) -> IterationView | Told:
        """Run iteration `number` once more with a fresh seed, here; where a driver runs, that does it next."""
        with self._opened() as session:
            reviewing.replicate(session, number)
        if driver.busy(self.path) is not None:
            return Told([f"the driver runs iteration {number} once more before its next proposal"])

        return self._queued(number)

    def confirm(self, number: int | None = None) -> IterationView | Told:
        """Hold a keep (default: the champion) against fresh runs of its base, here; where a driver runs, that does."""
        with self._opened() as session:
            champion = session.champion()
            if number is None and champion is None:
                return Told(["there is nothing to confirm yet"])
            chosen = champion.number if number is None and champion is not None else int(number or 0)
            reviewing.confirm(session, chosen)
        if driver.busy(self.path) is not None:
            return Told([f"the driver holds iteration {chosen} against fresh runs before its next proposal"])
        return self._queued(chosen)

    def _queued(self, number: int) -> IterationView | Told:
        """Run what was asked for, and show iteration `number` with what came of it."""

        def run() -> int:
            driver.drive(self.path, [self._turn()[0]], driver.Plan(queued=True))
            return number

        return self._watched(run)

    def export(
        self,
        out: str | Path = "winner.ipynb",
        iteration: int | None = None,
        verify: bool = False,
        force: bool = False,
    ) -> Export:
        """Write an iteration (default: the champion) as a notebook that runs without Autoloop.

        With `verify` it is run afresh and both scores are reported; `force` overwrites what is no export."""
        from autoloop_kernel.export import export

        with self._opened() as session:
            done = export(session, iteration, Path(out).expanduser(), verify, force)
            return Export(done, session.arena.rules.metric)

    def report(self, out: str | Path | None = None, since: str | float | None = None, html: bool = False) -> Told:
        """Write what the runs brought as a notebook, executed (default: NAME_report.ipynb beside the arena).

        `since`: of the last so many hours, or since the `"last"` start; with `html`, or a name that ends so, as a page.
        """
        from autoloop_kernel.report import report

        with self._opened() as session:
            done = report(session, None if out is None else Path(out).expanduser(), since, html)
        return Told([", ".join(path.name for path in done.paths), done.headline])

    # -- within

    def _watched(self, run: Callable[[], int]) -> IterationView:
        """Show what `run` does while it does it; the iteration whose number it gives takes the display's place."""
        from autoloop_kernel.widgets.live import LiveStep

        with LiveStep(self.path) as live:
            view = self[run()]
            live.end(view.bundle())
        view.shown.mark()
        return view

    def _review(self, other: str | Agent | None) -> ProposalView:
        from autoloop_kernel.widgets.proposal import ProposalView, ask_behind

        waiting = self.pending
        if waiting:
            return waiting[0]
        agent, name = self._turn(other)
        if not self._is_asking():
            self._must_be_free()
        if isinstance(name, str):
            return ProposalView(self.path, make=partial(ask_behind, self.path, name), maker=agent.name)
        return ProposalView(self.path, make=partial(driver.propose, self.path, agent), maker=agent.name)

    def _is_asking(self) -> bool:
        """Whether a driver is at work on a proposal for review, as one that outlived a kernel may be."""
        if not self._has_run():
            return False
        with self._opened() as session:
            start = session.ledger.last_event("driver.start")
            asking = start is not None and bool(start.data.get("plan", {}).get("review"))
            return asking and session.ledger.holder() is not None

    def _turn(self, other: str | Agent | None = None) -> tuple[Agent, str | Agent]:
        """Whose turn it is, and how it was named: `other`, else those of a list in turn, across restarts too."""
        if other is not None:
            return (resolve(other) if isinstance(other, str) else as_agent(other)), other
        place = len(self) % len(self._team)
        return self._team[place], self._agents[place]

    def _view(self, session: Session, number: int) -> IterationView:
        champion = session.champion()
        return IterationView(detail.gather(session, number), champion.number if champion else None)

    def _has_run(self) -> bool:
        from autoloop_kernel.commands.common import has_run

        return has_run(self.path)

    @contextmanager
    def _opened(self) -> Iterator[Session]:
        """The arena's memory, for this call and in this thread."""
        if not self._has_run():
            raise AutoloopError(f"{self.path.name} has no iterations yet: run wb.step()")
        with open_session(self.path, create=False) as session:
            for note in session.notes:
                self._say(note)
            yield session

    def _must_be_free(self) -> None:
        """Raise where another driver holds the arena; one that is about to let go is waited for."""
        holder = driver.busy(self.path, LEAVE_S) if self._has_run() else None
        if holder is not None:
            raise driver.Busy(
                f"{self.path.name} is being driven by {holder}: follow it with wb.attach(), or end it with wb.stop()"
            )

    def _send(self, verb: str) -> str:
        if not self._has_run() or driver.busy(self.path) is None:
            raise AutoloopError(f"nothing is running on {self.path.name}: start it with wb.auto()")
        return driver.send(self.path, verb)

    def _shown(self, control: Control) -> Control:
        control._ipython_display_()
        return control

    def _say(self, line: str) -> None:
        from autoloop_kernel.widgets.show import Handle

        Handle().show(Told([line]).bundle())


def _ended(iterations: Sequence[Any]) -> list[Any]:
    return [it for it in iterations if it.verdict is not None]
