"""The course of one execution: two kernels, the candidate's cells under the clock, then the referee's score cells.

Whatever happens ends in an `Outcome`; why a run failed is taken from what the harness itself saw and did, never from
papermill's metadata.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from autoloop_kernel.arena.load import name_of
from autoloop_kernel.arena.roles import Role, in_candidate, in_referee, role_of
from autoloop_kernel.execution.cellclient import GARBLED, CellClient, CellFailed
from autoloop_kernel.execution.clock import Watch
from autoloop_kernel.execution.contention import Witness
from autoloop_kernel.execution.kernels import Kernel, KernelFault, NoKernel
from autoloop_kernel.execution.log import Log
from autoloop_kernel.execution.pair import Pair, together
from autoloop_kernel.execution.receipts import Receipts
from autoloop_kernel.records import HARNESS, Outcome, Rules, Seconds, Verdict

BEFORE_CLOCK_S = 600.0
SCORE_GRACE_S = 1.0
SERVE = "__import__('autoloop_kernel.cells', fromlist=['_'])._serve()"


MEMORY = "peak_memory_mb"
"""The fact that the harness measures where an arena limits it: resident memory of the candidate's processes, in MiB."""


@dataclass
class Setting:
    """What one execution needs besides its notebook.

    `pair` is its two kernels, launched on `loop`; `has_files` says whether the arena has editable files (agent code
    may then run from the first locked cell on, and the clock with it); `tell` takes messages. `witness` sees what
    others do meanwhile: too much of it ends the run as CONTENDED, unless it `counts`. `held_out` has it scored on the
    holdout; `pruned()` gives the reason once it is to be given up; `at_once` is as in `Watch`. The engine leaves the
    executed notebook in `nb` and what became of it in `outcome`.
    """

    rules: Rules
    pair: Pair
    loop: asyncio.AbstractEventLoop
    log: Log
    run_id: str
    has_files: bool = False
    tell: Callable[[str, Mapping[str, Any]], None] = lambda kind, data: None
    witness: Witness = field(default_factory=Witness)
    counts: bool = False
    held_out: bool = False
    at_once: int = 1
    asked: float = field(default_factory=time.monotonic)
    stopped: threading.Event = field(default_factory=threading.Event)
    pruned: Callable[[], str] = str
    nb: NotebookNode | None = None
    outcome: Outcome | None = None


class End(Exception):
    """The execution is over without a score."""

    def __init__(self, verdict: Verdict, reason: str, cell: str | None = None) -> None:
        super().__init__(reason)
        self.verdict, self.reason, self.cell = verdict, reason, cell


class Course:
    """Runs the notebook of `manager` (papermill's, whose `cell_start`, `cell_exception`, `cell_complete` it calls)."""

    def __init__(self, manager: Any, setting: Setting) -> None:
        self.manager, self.setting = manager, setting
        self.nb: NotebookNode = manager.nb
        self.watch = Watch(setting.rules, setting.pruned, setting.at_once)
        self.receipts = Receipts(setting.tell, self.watch.spent, secrets.token_hex(16))
        self._nonce = self.receipts.nonce
        self._token = secrets.token_hex(16)
        self.candidate, self.referee = setting.pair.candidate, setting.pair.referee
        self._address: Any = None
        self._marks: dict[str, float] = {}
        self._seen: dict[str, Any] = {}
        self._last = next((cell for cell in reversed(self.nb.cells) if in_candidate(role_of(cell))), None)

    async def run(self) -> Outcome:
        """Run to the end, whatever it is. The kernels' processes are still there afterwards: the caller ends them."""
        end = End(Verdict.SCORED, "")
        try:
            await self._start()
            await self._before_clock()
            await self._under_clock()
            await self._score()
        except End as ended:
            end = ended
        except KernelFault as fault:
            # Neither a referee that dies nor a kernel that fails before any agent's code runs says much of the idea.
            lost = self.referee.dead.is_set() or ("run" not in self._marks and not isinstance(fault, NoKernel))
            end = self._explained(End(Verdict.INTERRUPTED if lost else Verdict.CRASH, str(fault)))
        finally:
            self.watch.finish()
            self._mark("end")
        if end.verdict in (Verdict.TIMEOUT, Verdict.PRUNED) and (why := self._contended()):
            end = End(Verdict.CONTENDED, why)
        for kernel in (self.candidate, self.referee):
            await kernel.close()
        return self._outcome(end)

    def _mark(self, name: str) -> None:
        self._marks.setdefault(name, time.monotonic())

    def _outcome(self, end: End) -> Outcome:
        scored = end.verdict is Verdict.SCORED
        seen = {**self._seen, **({"answers": self.receipts.answers} if self.receipts.answers else {})}
        if MEMORY in self.setting.rules.limits:
            seen[MEMORY] = round(self.watch.peak_mb, 1)
        facts = {**self.receipts.facts, **({HARNESS: seen} if seen else {})}
        return Outcome(
            verdict=end.verdict,
            reason=end.reason,
            score=self.receipts.score if scored else None,
            extra={**(self.receipts.extra if scored else {}), **self._unsealed()},
            facts=facts,
            curve=tuple(self.receipts.curve),
            seconds=self._seconds(),
            cell=end.cell,
        )

    def _unsealed(self) -> dict[str, str]:
        """What the candidate's seal lacked: the harness's own word, which nothing that cells record can replace."""
        lacking = self.setting.pair.lacks
        return {"unsealed": "; ".join(lacking)} if lacking else {}

    def _seconds(self) -> Seconds:
        """Where the time went, of the phases that were reached."""
        marks, asked = self._marks, self.setting.asked
        end = marks["end"]
        run, score = marks.get("run", end), marks.get("score", end)
        return Seconds(start=run - asked, run=score - run, score=end - score, total=end - asked)

    async def _start(self) -> None:
        """Both kernels, at once; each learns what it is for before any cell runs."""
        self.setting.tell("phase", {"phase": "starting"})
        await self.setting.pair.connect()
        self.watch.watch(self.candidate.pid, self.referee.pid, self.setting.pair.guarded_by)
        self.nb.metadata["language_info"] = dict(self.candidate.info.get("language_info", {"name": "python"}))
        self._runs = CellClient(self.nb, self.candidate, self.setting.log, self.receipts.candidate)
        copied = copy.deepcopy(self.nb)
        self._scores = CellClient(copied, self.referee, self.setting.log, self.receipts.referee)
        rules = self.setting.rules
        order = {"budget_s": rules.budget_s, "clock": rules.clock, "token": self._token, "run": self.setting.run_id}
        socket = str(self.candidate.room.link / "q")
        self._address, _ = await together(
            self.candidate.call("_enter", {**order, "role": "candidate", "socket": socket}),
            self.referee.call("_enter", {**order, "role": "referee", "nonce": self._nonce}),
        )

    def _candidate_cells(self) -> tuple[list[NotebookNode], list[NotebookNode]]:
        """The candidate's cells before the clock starts, and those under it."""
        cells = [cell for cell in self.nb.cells if in_candidate(role_of(cell))]
        agents = {Role.EDITABLE, Role.LOCKED} if self.setting.has_files else {Role.EDITABLE}
        if not any(role_of(cell) in agents for cell in cells):
            agents = {Role.LOCKED}
        first = next((i for i, cell in enumerate(cells) if role_of(cell) in agents), len(cells))
        return cells[:first], cells[first:]

    def _referee_cells(self) -> tuple[list[NotebookNode], list[NotebookNode]]:
        """The referee's cells up to its first score cell, and the rest."""
        cells = [cell for cell in self._scores.nb.cells if in_referee(role_of(cell))]
        first = next((i for i, cell in enumerate(cells) if role_of(cell) is Role.SCORE), len(cells))
        return cells[:first], cells[first:]

    async def _before_clock(self) -> None:
        """Imports and constants, in both kernels at once, so that none of it competes with training."""
        try:
            work = together(
                self._run_candidate(self._candidate_cells()[0]), self._run_referee(self._referee_cells()[0])
            )
            await asyncio.wait_for(work, BEFORE_CLOCK_S)
        except asyncio.TimeoutError:
            reason = f"the cells before the clock starts took longer than {BEFORE_CLOCK_S:g} s"
            raise End(Verdict.TIMEOUT, reason) from None

    async def _under_clock(self) -> None:
        """The rest of the candidate's cells."""
        self.setting.witness.begin(self.watch)
        await self.candidate.call("_begin")
        self.setting.tell("phase", {"phase": "running"})
        self.watch.begin()
        self._mark("run")
        try:
            await self._run_candidate(self._candidate_cells()[1])
        finally:
            self.watch.stop()
            self._mark("score")
            self._seen |= self.setting.witness.end(self.watch)
        if self.watch.verdict is not None:
            raise End(self.watch.verdict, self.watch.reason)
        if why := self._contended():
            raise End(Verdict.CONTENDED, why)

    def _contended(self) -> str:
        """Why this attempt says nothing about the idea, in plain words; empty where it does, or counts all the same."""
        return "" if self.setting.counts else str(self._seen.get("contended", ""))

    async def _run_candidate(self, cells: list[NotebookNode]) -> None:
        for cell in cells:
            self.manager.cell_start(cell)
            # What is billed ends with the last cell's reply: how long its outputs take to arrive is nobody's training.
            self._runs.on_reply = self.watch.stop if cell is self._last else lambda: None
            try:
                await self._runs.run_cell(cell)
            except CellFailed as failure:
                self.manager.cell_exception(cell, exception=failure)
                raise self._explained(self._failed(failure, self.candidate, "cell")) from None
            except BaseException as cut:
                self.manager.cell_exception(cell, exception=cut)
                raise
            finally:
                self.manager.cell_complete(cell)

    async def _run_referee(self, cells: list[NotebookNode]) -> None:
        """Run cells of the referee's copy; of these, only a score cell's outputs go into the notebook."""
        for cell in cells:
            shown = next(one for one in self.nb.cells if one.get("id") == cell.get("id"))
            scoring = role_of(cell) is Role.SCORE
            if scoring:
                self.manager.cell_start(shown)
            try:
                await self._scores.run_cell(cell)
            except CellFailed as failure:
                if scoring:
                    self.manager.cell_exception(shown, exception=failure)
                raise self._explained(self._failed_in_referee(failure, scoring)) from None
            except BaseException as cut:
                if scoring:
                    self.manager.cell_exception(shown, exception=cut)
                raise
            finally:
                if scoring:
                    shown["outputs"], shown["execution_count"] = cell.outputs, cell.execution_count
                    self.manager.cell_complete(shown)

    async def _score(self) -> None:
        """The candidate answers, the referee asks; the score counts once every score cell has run to its end."""
        self.setting.tell("phase", {"phase": "scoring"})
        limit = self.setting.rules.score_timeout_s
        hearing = asyncio.ensure_future(self._runs.listen())
        try:
            self.setting.witness.asks(self.watch)
            granted = self.watch.answering()
            waited = await self._serve(limit, granted)
            order = {"address": self._address, "seconds": limit, "answering": granted, "waited": waited}
            await self.referee.call("_open", {**order, "held_out": self.setting.held_out})
            await asyncio.wait_for(self._run_referee(self._referee_cells()[1]), limit + SCORE_GRACE_S)
        except asyncio.TimeoutError:
            reason = f"the score cell took longer than score_timeout_s = {limit:g} s; no answer was being waited for"
            raise self._explained(self._too_late(End(Verdict.TIMEOUT, reason))) from None
        finally:
            hearing.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await hearing
        if self.watch.verdict is not None:
            raise End(self.watch.verdict, self.watch.reason)
        if self.receipts.score is None:
            raise End(Verdict.CRASH, "the score cells ran to their end without calling score(...)")

    async def _serve(self, limit: float, granted: float) -> float:
        """Let the candidate's kernel answer, and wait for its word that it does.

        Returns the seconds until then: they are billed as its answers are, of which it has `granted` seconds, or
        whoever is late to listen could go on learning.
        """
        began = time.monotonic()
        serving = asyncio.Event()
        self.receipts.serving = serving.set
        message = self.candidate.client.execute(SERVE, silent=True, store_history=False, allow_stdin=False)
        reply = asyncio.ensure_future(self.candidate.reply(message, granted + limit + 2 * SCORE_GRACE_S))
        ready = asyncio.ensure_future(serving.wait())
        await asyncio.wait({reply, ready}, timeout=granted, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            self._hold = reply
            return time.monotonic() - began
        ready.cancel()
        if not reply.done():
            from autoloop_kernel.wire import too_long  # imports numpy, which this process seldom needs

            reply.cancel()
            raise self._explained(self._too_late(End(Verdict.CRASH, too_long(granted))))
        try:
            refusal = reply.result()
        except KernelFault as fault:
            raise self._explained(End(Verdict.CRASH, f"{fault} when its answers were asked for")) from None
        if "nothing was submitted" in str(refusal.get("evalue", "")):
            raise End(Verdict.CRASH, "the candidate never called submit(...)")
        raise End(Verdict.CRASH, f"the candidate's kernel could not answer: {refusal.get('evalue') or 'it stopped'}")

    def _explained(self, end: End) -> End:
        """What the harness itself did comes before what followed from it."""
        if self.setting.stopped.is_set():
            return End(Verdict.INTERRUPTED, "stopped before it ended", end.cell)
        if self.watch.verdict is not None:
            return End(self.watch.verdict, self.watch.reason, end.cell)
        if self.setting.pair.abandoned:
            return End(Verdict.INTERRUPTED, "the process that had forked its kernels was killed", end.cell)
        return end

    def _failed(self, failure: CellFailed, kernel: Kernel, what: str) -> End:
        name = name_of(failure.cell)
        if not failure.ename:
            return End(Verdict.CRASH, f"the {kernel.role}'s process {_ended(kernel)} in {what} {name!r}", name)
        if failure.ename == GARBLED:
            garbled = f"in {what} {name!r} its kernel sent what is no message of a kernel's: {failure.evalue}"
            return End(Verdict.CRASH, garbled, name)
        if failure.ename == "SystemExit":
            return End(
                Verdict.CRASH, f"{what} {name!r} called sys.exit or exit ({failure.evalue or 'no status'})", name
            )
        return End(Verdict.CRASH, f"{what} {name!r} raised {failure.ename}: {failure.evalue}", name)

    def _too_late(self, end: End) -> End:
        """The end of a candidate that was too late with its answers, unless others kept it from being in time."""
        if not self.setting.counts and (why := self.setting.witness.late(self.watch)):
            return End(Verdict.CONTENDED, why, end.cell)
        return end

    def _failed_in_referee(self, failure: CellFailed, scoring: bool) -> End:
        name, limit = name_of(failure.cell), self.setting.rules.score_timeout_s
        if not scoring:
            end = self._failed(failure, self.referee, "shared cell")
            return End(Verdict.CRASH, f"in the referee, {end.reason} (the arena's own cell, not the candidate's)", name)
        if failure.ename == "AnswerTimeout":
            reason = (
                f"no answer within score_timeout_s = {limit:g} s: score cell {name!r} was waiting for the candidate"
            )
            return self._too_late(End(Verdict.TIMEOUT, reason, name))
        if failure.ename in ("AnswerError", "AnswerTooLong"):
            if self.candidate.dead.is_set():
                return End(Verdict.CRASH, f"the candidate's process {_ended(self.candidate)} while it answered", name)
            end = End(Verdict.CRASH, failure.evalue, name)
            return self._too_late(end) if failure.ename == "AnswerTooLong" else end
        end = self._failed(failure, self.referee, "score cell")
        killed = not failure.ename and self.referee.exit_status() in (-signal.SIGKILL, -signal.SIGTERM)
        return End(Verdict.INTERRUPTED, end.reason, name) if killed else end


def _ended(kernel: Kernel) -> str:
    """How a kernel's process ended, in words."""
    status = kernel.exit_status()
    if status is None:
        return "ended"
    if status < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-status).name
            hint = " (by itself, or the machine ran out of memory)" if -status == signal.SIGKILL else ""
            return f"was killed by {name}{hint}"
        return f"was killed by signal {-status}"
    return f"ended by itself with status {status}"
