"""Runs jobs on this machine, each in a child process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

import autoloop_kernel
from autoloop_kernel.execution import gpu
from autoloop_kernel.execution.births import Birth, Nursery, Process
from autoloop_kernel.execution.pair import Hint, hint_of
from autoloop_kernel.execution.secrets import unsecret
from autoloop_kernel.execution.tree import CHILD, MARK, end, end_descendants, sweep
from autoloop_kernel.execution.tryout import SECONDS, Tryout
from autoloop_kernel.execution.warm import WARM, Recipe, Warmth, Zygote, forks, import_path
from autoloop_kernel.held import fresh, made, remove
from autoloop_kernel.records import Job, Outcome, Verdict, outcome_from_json, to_json

POLL_S = 0.05
PATIENCE_S = 8.0
LAST_WORDS = 1 << 20
"""How much of what a process has written to its stderr is looked through for its last line, in bytes."""

POLITE = 10
"""How far what is only tried steps back (a nice value) behind what is run: its score counts, and so does its time."""

__all__ = ["LocalExecutor", "sweep"]


class _Child:
    """One child process and its temporary folder; what it says arrives in `said`, None once it is gone.

    It is forked by `nursery` where there is one. `warm`: its kernels are to be forked, too, as `warm()` will say. Of
    several cards it sees that of `slot`.
    """

    def __init__(self, mark: str, warm: bool = False, nursery: Nursery | None = None, slot: int = 0) -> None:
        self._mark = f"{mark}:next-{uuid.uuid4().hex[:12]}" if mark else ""
        self.zygote: Zygote | None = None
        self.forks = warm
        self.root = fresh("run")
        self.said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        heard, orders = line()
        answers, said = line()
        handles = [heard, said, os.dup(self._errors.fileno())]
        self._orders, self._answers = os.fdopen(orders, "wb"), os.fdopen(answers, "rb")
        self._theirs: socket.socket | None = None
        if warm:
            ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            handles.append(ours.detach())
        self._birth = Birth(CHILD, self.root, _environment(self._mark, slot), handles, WARM)
        self._nursery = nursery
        if nursery is not None:
            nursery.bear(self._birth)
        else:
            self._birth.afresh()
        threading.Thread(target=self._listen, name="execution", daemon=True).start()

    @property
    def process(self) -> Process:
        """The process, waited for; raises `OSError` where the system could start none."""
        return self._birth.process

    @property
    def gone(self) -> bool:
        """Whether it has ended; waits for nothing."""
        return self._birth.gone

    def _listen(self) -> None:
        with self._answers as lines, contextlib.suppress(ValueError):
            for line in lines:
                self.said.put(json.loads(line))
        self.said.put(None)

    def tell(self, order: Mapping[str, Any] | str) -> None:
        """Send one order; a child that is gone is noticed by its silence."""
        text = order if isinstance(order, str) else json.dumps(order)
        with contextlib.suppress(OSError, ValueError):
            self._orders.write(text.encode() + b"\n")
            self._orders.flush()

    def warm(self, zygote: Zygote | None, mark: str) -> None:
        """Have its kernels forked by `zygote`, under a guardian that carries `mark`; None: they start afresh."""
        if self._theirs is not None:
            self.zygote = zygote
            if zygote is not None:
                zygote.guard(self._theirs, mark)
            self._theirs.close()
            self._theirs = None

    def last_words(self) -> str:
        """The last line that the child wrote before its log was open."""
        self._errors.seek(0)
        lines = self._errors.read(LAST_WORDS).decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def end(self, run_id: str = "") -> None:
        """Leave nothing of it: process, descendants, folder; with a run id also whoever escaped when it was killed."""
        if self._theirs is not None:
            self._theirs.close()
        if self._nursery is None or not self._nursery.call_off(self._birth):
            with contextlib.suppress(OSError):
                self._end(self.process)
        with contextlib.suppress(OSError):
            self._orders.close()
        self._errors.close()
        if run_id:
            for mark in filter(None, (run_id, self._mark)):
                sweep(mark)
        remove(self.root)

    def _end(self, process: Process) -> None:
        if process.poll() is None:
            end_descendants(process.pid)
            end(lambda: [process.pid] if process.poll() is None else [])
        process.wait()


class LocalExecutor:
    """Runs one job at a time. What waits for the next carries `mark` in its environment, where `sweep` sees it.

    The process of an execution is forked from a nursery and its kernels from a zygote, which live as long as this
    executor, where the system can do that; else, and where that fails, they are fresh processes. `warm` is False for
    these alone, or a `Warmth` that is shared. Of several cards the runs see that of `slot`; `at_once` runs share the
    CPUs (see `clock.Watch`).
    """

    def __init__(self, mark: str = "", warm: bool | Warmth = True, slot: int = 0, at_once: int = 1) -> None:
        self._mark, self._slot, self._at_once = mark, slot, at_once
        self._next: _Child | None = None
        self._hint = Hint()
        self._recipe: Recipe | None = None
        self._shared = isinstance(warm, Warmth)
        self._warmth = warm if isinstance(warm, Warmth) else Warmth() if warm and forks() else None
        self._running: _Child | None = None
        self.house = os.getpid()
        """The process whose descendants are no neighbours of a run (see `contention`)."""

    def prepare(self) -> None:
        """Have the next child made early: forked, or it imports papermill while the agent thinks.

        Where kernels are started afresh, with a mark and once a job has run, they are started too, and import what
        those of the last job import ahead of the clock. May be called from `on_message` while a job runs.
        """
        self._bury()
        if self._next is None:
            self._next = self._child()
            if self._mark and self._hint.folder and not self._next.forks:
                self._next.tell({"warm": to_json(self._hint)})

    def _child(self) -> _Child:
        """A new child; its kernels will be forked unless that has failed for the last job."""
        cold = self._warmth is None or (self._recipe is not None and self._warmth.gave_up(self._recipe))
        nursery = self._warmth.nursery(_environment("")) if self._warmth is not None else None
        return _Child(self._mark, not cold, nursery, self._slot)

    def _bury(self) -> None:
        """Let go of a child that died while it waited."""
        if self._next is not None and self._next.gone:
            self._next.end()
            self._next = None

    def run(
        self, job: Job, on_message: Callable[[str, Mapping[str, Any]], str | None], stopped: Callable[[], bool]
    ) -> Outcome:
        """Run `job` to its end and return what came of it; no process of it is left then.

        `on_message(kind, data)` takes "phase", "report" and "facts" while it runs; a text that it gives is the reason
        to end the candidate there, as PRUNED. `stopped()` is asked about 20 times a second: once it is true everything
        is killed and the outcome is INTERRUPTED.
        """
        self._bury()
        child, self._next = self._next or self._child(), None
        if self._warmth is not None and (text := self._warmth.news(self._warmth.barren, "the processes of runs are")):
            on_message("note", {"text": text})
        with contextlib.suppress(ValueError):
            self._hint = hint_of(job)
        self._recipe = recipe_of(self._hint, job)
        self._warm(child, job, self._recipe)
        self._running = child
        try:
            return self._finished(child, job, self._hearing(child, on_message), stopped)
        finally:
            self._running = None

    def prune(self, why: str) -> None:
        """End the candidate that runs now, if any, as PRUNED; may be called from any thread."""
        if (child := self._running) is not None:
            child.tell({"prune": why})

    def _warm(self, child: _Child, job: Job, recipe: Recipe, may_replace: bool = True) -> None:
        if self._warmth is not None:
            child.warm(self._warmth.zygote(recipe, may_replace), job.run_id)

    def _hearing(
        self, child: _Child, on_message: Callable[[str, Mapping[str, Any]], str | None]
    ) -> Callable[[str, Mapping[str, Any]], str | None]:
        """`on_message`, which is told once in plain words why kernels were not forked, as a "note"."""

        def hear(kind: str, data: Mapping[str, Any]) -> str | None:
            if kind != "cold":
                return on_message(kind, data)
            if self._warmth is not None:
                fault = child.zygote.fault if child.zygote is not None else ""
                if text := self._warmth.news(fault or data["reason"]):
                    on_message("note", {"text": text})
            return None

        return hear

    def tryout(self, job: Job, stopped: Callable[[], bool] = lambda: False, seconds: float = SECONDS) -> str:
        """Run `job` for at most `seconds` to see whether it crashes; nothing of it is left, in its target neither.

        Gives what `Tryout.told` says: empty where it did not crash. It may be called while another job runs, from
        another thread; it takes a process of its own, which steps back behind others. `stopped` as for `run`.
        """
        with made("try") as folder:
            trial = Tryout(job, folder, seconds)
            child = self._child()
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, child.process.pid, POLITE)
            hint = Hint(job.rules.kernel)
            with contextlib.suppress(ValueError):
                hint = hint_of(job)
            self._warm(child, trial.job, recipe_of(hint, job), self._recipe is None)
            return trial.told(self._finished(child, trial.job, trial.hear, lambda: trial.over() or stopped()))

    def _finished(
        self,
        child: _Child,
        job: Job,
        on_message: Callable[[str, Mapping[str, Any]], str | None],
        stopped: Callable[[], bool],
    ) -> Outcome:
        """Give `job` to `child` and follow it to its end; no process of it is left then."""
        outcome = None
        try:
            child.tell({"job": to_json(job), "house": self.house, "at_once": self._at_once})
            outcome = _follow(child, on_message, stopped)
        finally:
            child.end("" if outcome is not None and outcome.verdict is not Verdict.INTERRUPTED else job.run_id)
        return outcome

    def close(self) -> None:
        """End the child that waits, if any, and the zygote."""
        if self._next is not None:
            self._next.end()
            self._next = None
        if self._warmth is not None and not self._shared:
            self._warmth.close()


def line() -> tuple[int, int]:
    """Two descriptors: what is written into the second can be read from the first.

    Not a pipe where there is a choice: whoever may look at a process could open the other end of its pipes by `/proc`.
    """
    if not hasattr(socket, "AF_UNIX"):
        return os.pipe()
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return reader.detach(), writer.detach()


def recipe_of(hint: Hint, job: Job) -> Recipe:
    """The zygote that fits a job; what travels with a kernel (`cells`, `scoring`) is no part of it."""
    modules = dict.fromkeys([*hint.candidate, *hint.referee])
    kept = tuple(name for name in modules if name.split(".")[0] != autoloop_kernel.__name__)
    return Recipe(hint.spec, kept, str(job.folder.resolve()))


def _follow(
    child: _Child, on_message: Callable[[str, Mapping[str, Any]], str | None], stopped: Callable[[], bool]
) -> Outcome:
    """Pass messages on until the outcome comes, the child dies or it is told to stop and does not in time."""
    told_at: float | None = None
    while True:
        if told_at is None and stopped():
            told_at = time.monotonic()
            child.tell("stop")
        if told_at is not None and time.monotonic() - told_at > PATIENCE_S:
            return Outcome(Verdict.INTERRUPTED, "stopped before it ended")
        try:
            message = child.said.get(timeout=POLL_S)
        except queue.Empty:
            _wake(child.process.pid)
            continue
        if message is None:
            return _died(child, told_at is not None)
        if message["kind"] == "outcome":
            return outcome_from_json(message["data"])
        if told_at is None and (why := on_message(message["kind"], message["data"])):
            child.tell({"prune": why})


def _wake(pid: int) -> None:
    """Let the process go on where a candidate has stopped it: its clock would stand still, and we would wait on."""
    with contextlib.suppress(psutil.Error, OSError):
        if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
            os.kill(pid, signal.SIGCONT)


def _died(child: _Child, told: bool) -> Outcome:
    if told:
        return Outcome(Verdict.INTERRUPTED, "stopped before it ended")
    status = child.process.wait() or 0
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    words = child.last_words()
    return Outcome(Verdict.INTERRUPTED, f"the process of the execution {how}" + (f": {words}" if words else ""))


def _environment(mark: str, slot: int = 0) -> dict[str, str]:
    """The child's environment: this package on its path, no secrets, and the marks of tests kept from it.

    Its kernels are given none either (see `kernels`), and they could read the environment of the process above them.
    """
    env = {name: value for name, value in unsecret(os.environ).items() if name != "AUTOLOOP_KILL_AT"}
    if at := env.pop("AUTOLOOP_KILL_CHILD_AT", ""):
        env["AUTOLOOP_KILL_AT"] = at
    here = str(Path(autoloop_kernel.__file__).parent.parent)
    env["PYTHONPATH"] = os.pathsep.join([here, *import_path(env)])
    env |= gpu.slot(slot, env)
    return {**env, MARK: mark} if mark else env
