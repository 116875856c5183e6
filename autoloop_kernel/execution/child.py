"""The process in which one execution runs: `python -m autoloop_kernel.execution.child ROOT`.

It imports papermill while it waits for its job, one line of JSON on stdin. It answers with lines of JSON on what was
its stdout: messages, and last the outcome. A line "stop", or the end of stdin (the driver is gone), ends everything
below it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from autoloop_kernel.durable import write_atomic
from autoloop_kernel.execution import scratch
from autoloop_kernel.execution.log import Log
from autoloop_kernel.execution.tree import adopt_orphans, end_descendants
from autoloop_kernel.records import Job, Outcome, Seconds, Verdict, job_from_json, to_json

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
    """Take the one job and run it."""
    root = Path(sys.argv[1])
    _drop_own_path()
    line = Line(os.fdopen(os.dup(1), "wb"))
    _point_at(os.devnull, 1)
    adopt_orphans()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: _vanish(root))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_papermill()
    request = sys.stdin.buffer.readline()
    if not request.strip():
        _vanish(root)
    job = job_from_json(json.loads(request))
    threading.Thread(target=_obey, args=(stopped, root), name="obey", daemon=True).start()
    outcome = Execution(job, root, line, stopped).run()
    line.say("outcome", to_json(outcome))
    end_descendants(os.getpid())
    os._exit(0)


def _drop_own_path() -> None:
    """The first entry of PYTHONPATH brought this package here; it is not for the kernels."""
    rest = os.environ.get("PYTHONPATH", "").split(os.pathsep)[1:]
    if rest:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    else:
        os.environ.pop("PYTHONPATH", None)


def _import_papermill() -> None:
    """Import what an execution needs, without what takes longest and is not needed.

    jsonschema tries to import a grammar of internationalised addresses, which takes a second to build; notebooks have
    none.
    """
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import papermill.execute  # noqa: F401

        import autoloop_kernel.execution.engine  # noqa: F401


def _point_at(path: str, handle: int) -> None:
    """Make the file descriptor `handle` lead to `path`."""
    opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(opened, handle)
    os.close(opened)


def _obey(stopped: threading.Event, root: Path) -> None:
    """Wait for "stop" (end the kernels, let the notebook be written) or the driver's end (end everything at once)."""
    for word in sys.stdin.buffer:
        if word.strip() == b"stop":
            stopped.set()
            deadline = time.monotonic() + STOP_S
            while time.monotonic() < deadline:
                end_descendants(os.getpid())
                time.sleep(0.02)
            break
    _vanish(root)


def _vanish(root: Path) -> None:
    """End every process below this one, remove the folder, and end."""
    end_descendants(os.getpid())
    scratch.remove(root)
    os._exit(1)


class Execution:
    """One job, from its folders to its executed notebook."""

    def __init__(self, job: Job, root: Path, line: Line, stopped: threading.Event) -> None:
        self.job, self.root, self.line, self.stopped = job, root, line, stopped
        self.asked = time.monotonic()

    def run(self) -> Outcome:
        """Run the job; whatever happens, the executed notebook is written and an outcome returned."""
        from autoloop_kernel.execution.receipt import sealed_text

        job = self.job
        log = Log(job.target / "log.txt")
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        log.write(f"=== iteration {job.iteration}, attempt {job.attempt}, seed {job.seed}, {now}\n")
        self._redirect(log)
        try:
            nb, outcome = self._execute(log)
            if outcome.verdict is Verdict.SCORED:
                work = scratch.Room(self.root / "candidate").work
                scratch.bring_home(work, job.target / "artifacts", job.rules.artifacts)
            write_atomic(job.target / job.notebook_name, sealed_text(nb, job, outcome))
        finally:
            log.close()
        return outcome

    def _redirect(self, log: Log) -> None:
        reader, writer = os.pipe()
        os.dup2(writer, 2)
        os.close(writer)
        log.drain(reader)

    def _execute(self, log: Log) -> tuple[Any, Outcome]:
        """Run the notebook through papermill; returns it, executed as far as it went, and the outcome."""
        import nbformat
        from papermill.engines import papermill_engines
        from papermill.exceptions import PapermillExecutionError
        from papermill.execute import execute_notebook

        from autoloop_kernel.execution.course import Setting
        from autoloop_kernel.execution.engine import AutoloopEngine

        job = self.job
        papermill_engines.register("autoloop", AutoloopEngine)
        setting = Setting(job.rules, job.rules.kernel, self.root, log, job.run_id)
        setting.has_files, setting.tell, setting.asked, setting.stopped = (
            bool(job.files),
            self._tell,
            self.asked,
            self.stopped,
        )
        setting.nb = nbformat.reads(job.notebook, as_version=4)
        try:
            scratch.furnish(self.root, job)
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
            log.write(traceback.format_exc())
            setting.outcome = setting.outcome or self._failed(error)
        return setting.nb, setting.outcome or self._failed(RuntimeError("papermill ended without running it"))

    def _failed(self, error: Exception) -> Outcome:
        """An outcome for what is no candidate's fault."""
        reason = "stopped before it ended" if self.stopped.is_set() else f"the harness failed: {error!r}; see log.txt"
        return Outcome(Verdict.INTERRUPTED, reason, seconds=Seconds(total=time.monotonic() - self.asked))

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        self.line.say(kind, data)


if __name__ == "__main__":
    main()
