"""The process in which one execution runs: `python -m autoloop_kernel.execution.child ROOT`, or a fork that becomes it.

It imports papermill, unless it was forked with it, while it waits for its job, one line of JSON on stdin. It answers
with lines of JSON on what was its stdout: messages, and last the outcome. A line {"prune": REASON} ends the candidate
before its budget; a line "stop", or the end of stdin (the
driver is gone), ends everything below it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from autoloop_kernel.quickly import leave_out_grammar

leave_out_grammar()  # a second of every execution; it has to be said before anything imports nbformat

from autoloop_kernel.durable import in_words, write_atomic  # noqa: E402
from autoloop_kernel.execution import scratch  # noqa: E402
from autoloop_kernel.execution.log import Log  # noqa: E402
from autoloop_kernel.execution.pair import Hint, ground_of  # noqa: E402
from autoloop_kernel.execution.tree import MARK, adopt_orphans, end_descendants, sweep  # noqa: E402
from autoloop_kernel.execution.warm import WARM, Guardian  # noqa: E402
from autoloop_kernel.held import hold, remove  # noqa: E402
from autoloop_kernel.records import Job, Kind, Outcome, Seconds, Verdict, job_from_json, to_json  # noqa: E402

STOP_S = 5.0


class Line:
    """The line to the driver: one JSON object a line, from any thread."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = threading.Lock()

    def say(self, kind: str, data: Mapping[str, Any]) -> None:
        """Send one message; a driver that no longer listens is no error here."""
        raw = json.dumps({"kind": kind, "data": data}).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._file.write(raw)
            self._file.flush()


def main() -> None:
    """Start the kernels, import papermill, take the one job and run it.

    Where kernels are forked, all else comes first: there is nothing to start before the job is known.
    """
    root, mark = Path(sys.argv[1]), os.environ.get(MARK, "")
    hold(root)
    guardian = _guardian()
    household = Household(root, guardian)
    _drop_own_path()
    line = Line(os.fdopen(os.dup(1), "wb"))
    _point_at(os.devnull, 1)
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: household.vanish())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = Orders(household)
    threading.Thread(target=orders.obey, name="orders", daemon=True).start()
    execution = Execution(household, line, orders)
    if guardian is not None:
        _import_papermill()
        household.furnish()
    first = orders.next()
    if "job" in first:
        job = execution.took(first)
        with contextlib.suppress(OSError):  # the seal has to know the folder of the runs; a full disk is told later
            job.target.mkdir(parents=True, exist_ok=True)
        execution.launch(ground_of(job), job.run_id)
    else:
        hint = Hint(**first["warm"])
        execution.launch(hint, mark)
    _import_papermill()
    if "job" not in first:
        execution.warm(hint)
        order = orders.next()
        job = execution.took(order)
    household.job = job
    outcome = execution.run(job)
    household.end_guarded()
    line.say("outcome", to_json(outcome))
    household.end()
    os._exit(0)


def _guardian() -> Guardian | None:
    """The guardian that the driver has asked for, on a connection that no other process is given."""
    handle = os.environ.pop(WARM, "")
    return Guardian(socket.socket(fileno=int(handle))) if handle else None


class Household:
    """The processes and the folder of this execution, and how to leave nothing of them."""

    def __init__(self, root: Path, guardian: Guardian | None) -> None:
        self.root, self.guardian = root, guardian
        self.job: Job | None = None
        self._building = threading.Lock()

    def furnish(self) -> None:
        """Lay out the rooms of both kernels, before it is known what they are for."""
        with self._building:
            for role in ("candidate", "referee"):
                scratch.Room(self.root / role).furnish()

    def end(self) -> None:
        """End every process below this one and below the guardian."""
        guarded = self.guardian.pid if self.guardian is not None else 0
        end_descendants(os.getpid(), *filter(None, [guarded]))

    def end_guarded(self) -> None:
        """End the guardian and all below it, before the driver is told the outcome: it ends this process then."""
        if self.guardian is not None and self.guardian.pid:
            alive = self.guardian.alive()
            self.end()
            self.guardian.end()
            if not alive and self.job is not None:  # a candidate may have killed it to get away from here
                sweep(self.job.run_id)

    def vanish(self) -> None:
        """End every process, remove the folder and a notebook that is half written, and end."""
        self.end()
        if self.guardian is not None:
            self.guardian.end()
        self._building.acquire(timeout=1.0)  # and nobody builds any more what is being removed
        remove(self.root)
        if self.job is not None:
            _clear(self.job)
        os._exit(1)


class Orders:
    """What the driver says, read in a thread of its own from the first moment to the last."""

    def __init__(self, household: Household) -> None:
        self.household = household
        self.stopped = threading.Event()
        self.pruned = ""
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def next(self) -> dict[str, Any]:
        """The next order, waited for."""
        return self._waiting.get()

    def obey(self) -> None:
        """Pass on orders; on "stop" end the kernels and let the notebook be written; at the driver's end vanish."""
        for order in sys.stdin.buffer:
            if order.strip() == b"stop":
                self.stopped.set()
                deadline = time.monotonic() + STOP_S
                while time.monotonic() < deadline:
                    self.household.end()
                    time.sleep(0.02)
                break
            told = json.loads(order)
            if "prune" in told:
                self.pruned = told["prune"]
            else:
                self._waiting.put(told)
        self.household.vanish()


def _drop_own_path() -> None:
    """The first entry of PYTHONPATH brought this package here; it is not for the kernels."""
    rest = os.environ.get("PYTHONPATH", "").split(os.pathsep)[1:]
    if rest:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    else:
        os.environ.pop("PYTHONPATH", None)


def _import_papermill() -> None:
    """Import what an execution needs besides the kernels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import papermill.execute  # noqa: F401

        import autoloop_kernel.execution.engine  # noqa: F401


def _point_at(path: str, handle: int) -> None:
    """Make the file descriptor `handle` lead to `path`."""
    opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(opened, handle)
    os.close(opened)


def _clear(job: Job) -> None:
    """Remove what a kill in the middle of writing the notebook left."""
    for half in job.target.glob(f".{job.notebook_name}.*.tmp"):
        half.unlink(missing_ok=True)


class Execution:
    """One job, from its kernels and folders to its executed notebook."""

    def __init__(self, household: Household, line: Line, orders: Orders) -> None:
        self.household, self.line, self.orders = household, line, orders
        self.root = household.root
        self.log = Log()
        self.loop = asyncio.new_event_loop()
        self.pair: Any = None
        self.asked = 0.0
        self.driver, self.at_once = 0, 1

    def took(self, order: Mapping[str, Any]) -> Job:
        """The job of an order, which says who gave it, and how many runs share this machine."""
        self.driver, self.at_once = order["house"], order["at_once"]
        return job_from_json(order["job"])

    def launch(self, hint: Hint, mark: str) -> None:
        """Start both kernels; they come up while this process imports papermill."""
        from autoloop_kernel.execution.pair import Pair

        guardian = self.household.guardian
        self.pair = Pair(self.root, hint.spec, self.log, mark, Path(hint.folder), hint.sealed, guardian)
        self.loop.run_until_complete(self.pair.launch())
        if self.pair.cold:
            self.line.say("cold", {"reason": self.pair.cold})

    def warm(self, hint: Hint) -> None:
        """Import ahead in both kernels."""
        self.loop.run_until_complete(self.pair.warm(hint))

    def run(self, job: Job) -> Outcome:
        """Run the job; whatever happens, the executed notebook is written and an outcome returned."""
        from autoloop_kernel.execution.receipt import sealed_text

        self.asked = time.monotonic()
        _clear(job)
        log = self.log
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        log.open(job.target / "log.txt")
        log.write(f"=== iteration {job.iteration}, attempt {job.attempt}, seed {job.seed}, {now}\n")
        self._redirect(log)
        try:
            nb, outcome = self._execute(job)
            try:
                if (
                    outcome.verdict is Verdict.SCORED and job.kind is Kind.SCREEN
                ):  # what is kept is the verdict's own run
                    self.household.end()  # what would go on writing, or lay a link where a file was
                    work = scratch.Room(self.root / "candidate").work
                    scratch.bring_home(work, job.target / "artifacts", job.rules.artifacts)
                write_atomic(job.target / job.notebook_name, sealed_text(nb, job, outcome))
            except OSError as error:  # what has no notebook has not run
                outcome = Outcome(Verdict.INTERRUPTED, in_words(error, job.target), seconds=outcome.seconds)
        finally:
            log.close()
        return outcome

    def _redirect(self, log: Log) -> None:
        reader, writer = os.pipe()
        os.dup2(writer, 2)
        os.close(writer)
        log.drain(reader)

    def _execute(self, job: Job) -> tuple[Any, Outcome]:
        """Run the notebook through papermill; returns it, executed as far as it went, and the outcome."""
        import nbformat
        from papermill.engines import papermill_engines
        from papermill.exceptions import PapermillExecutionError
        from papermill.execute import execute_notebook

        from autoloop_kernel.execution.contention import Witness
        from autoloop_kernel.execution.course import Setting
        from autoloop_kernel.execution.engine import AutoloopEngine

        papermill_engines.register("autoloop", AutoloopEngine)
        if not self.pair.suits(job):
            self.household.end()
            # a manager that is let go of removes its sockets: not once the next kernels have theirs in their place
            self.loop.run_until_complete(self.pair.close())
            remove(self.pair.candidate.room.top)
            self.launch(ground_of(job), job.run_id)
        setting = Setting(job.rules, self.pair, self.loop, self.log, job.run_id, bool(job.files), self.line.say)
        setting.asked, setting.stopped = self.asked, self.orders.stopped
        setting.pruned = lambda: self.orders.pruned
        setting.witness, setting.counts = Witness(job.contention, job.system, self.driver), job.counts
        setting.held_out, setting.at_once = job.kind is Kind.HOLDOUT, self.at_once
        setting.nb = nbformat.reads(job.notebook, as_version=4)
        try:
            scratch.fill(self.pair.candidate.room.work, self.pair.referee.room.work, job)
            execute_notebook(
                setting.nb,
                None,
                parameters={"BUDGET_S": job.rules.budget_s, "SEED": job.seed},
                engine_name="autoloop",
                kernel_name=job.rules.kernel,
                language="python",
                progress_bar=False,
                request_save_on_cell_execute=False,
                autosave_cell_every=0,
                cwd=str(self.root),
                setting=setting,
            )
        except PapermillExecutionError:
            pass  # a cell failed: the outcome says how
        except Exception as error:
            self.log.write(traceback.format_exc())
            setting.outcome = setting.outcome or self._failed(error)
        return setting.nb, setting.outcome or self._failed(RuntimeError("papermill ended without running it"))

    def _failed(self, error: Exception) -> Outcome:
        """An outcome for what is no candidate's fault."""
        reason = (
            "stopped before it ended" if self.orders.stopped.is_set() else f"the harness failed: {error!r}; see log.txt"
        )
        return Outcome(Verdict.INTERRUPTED, reason, seconds=Seconds(total=time.monotonic() - self.asked))


if __name__ == "__main__":
    main()
