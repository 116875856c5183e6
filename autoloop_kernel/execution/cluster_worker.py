"""A worker of a cluster: one process that runs a driver's attempts, one at a time, by the local executor.

Nothing here needs Ray, which makes an actor of `Worker` and calls its methods from threads of its own. A worker
outlives its driver: it keeps what a run said and brought until the next one starts, so that a driver that comes back
takes up the same run. One that hears of no driver for the time of its lease ends what it runs, and itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from autoloop_kernel import held
from autoloop_kernel.arena.game import hardware_class
from autoloop_kernel.durable import unwritable
from autoloop_kernel.execution import cluster_files as files
from autoloop_kernel.execution.cluster_hold import Hold, tidy
from autoloop_kernel.execution.cluster_probe import missing
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.pair import hint_of
from autoloop_kernel.execution.tree import sweep
from autoloop_kernel.execution.warm import NoFork, command_of
from autoloop_kernel.records import HARNESS, LOST, AutoloopError, Job, Outcome, Verdict, job_from_json, to_json

LOOK_S = 0.5

UNFIT = "unfit"
"""The harness's fact that says why this machine, and no candidate, is what a run has failed for."""


def key_of(mark: str, job: Job) -> str:
    """What names an attempt of a cluster: the arena's `mark`, iteration, attempt, and a digest of the rest."""
    data = {name: value for name, value in to_json(job).items() if name != "run_id"}
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
    return f"{mark}:{job.iteration}:{job.attempt}:{digest}"


def modules_of(job: Job) -> list[str]:
    """The modules that a job's cells import before the clock starts, but for those that lie beside the arena."""
    with contextlib.suppress(ValueError):
        hint = hint_of(job)
        return sorted({*hint.candidate, *hint.referee})
    return []


class Run:
    """One attempt on this worker, what it has said so far and, once it has ended, what came of it."""

    def __init__(self, key: str, job: Job, driver: str = "") -> None:
        self.key, self.job, self.driver = key, job, driver
        self.said: list[tuple[str, Mapping[str, Any]]] = []
        self.outcome: Outcome | None = None
        self.size = 0
        self.stop = threading.Event()
        self.news = threading.Condition()
        self.thread: threading.Thread | None = None

    def serves(self, driver: str) -> bool:
        """Whether its outcome, which may be yet to come, is what `driver` asks for now; it is that driver's then."""
        with self.news:
            if self.outcome is not None and (driver == self.driver or self.outcome.verdict in LOST):
                return False
            self.driver = driver
            return True

    def hear(self, kind: str, data: Mapping[str, Any]) -> None:
        """Keep a message for whoever asks."""
        with self.news:
            self.said.append((kind, dict(data)))
            self.news.notify_all()

    def end(self, outcome: Outcome, size: int) -> None:
        """It has ended; its bundle has `size` bytes."""
        with self.news:
            self.outcome, self.size = outcome, size
            self.news.notify_all()

    def since(self, number: int, seconds: float) -> dict[str, Any]:
        """What it said from message `number` on, waited for at most `seconds`, and the outcome if it has ended."""
        with self.news:
            self.news.wait_for(lambda: len(self.said) > number or self.outcome is not None, seconds)
            told = to_json(self.outcome) if self.outcome is not None else None
            return {"said": self.said[number:], "outcome": told, "size": self.size}


class Worker:
    """The actor. `name` says whose it is and is unlike any other's; what starts with `kin` are workers it succeeds.
    `node` is the cluster's id of its machine.

    `shares` says that other workers of the same driver are on this machine: they are no neighbours of a run's, of which
    `at_once` share its CPUs.
    """

    def __init__(self, name: str, kin: str, node: str, lease_s: float, shares: bool = False, at_once: int = 1) -> None:
        _undo_ray()
        sweep(f"{kin}-")
        tidy()
        held.tidy()
        self.name, self._node, self._lease_s = name, node, lease_s
        self._hold = Hold(name)
        self._hold.folder.mkdir(mode=0o700)
        self._arenas: dict[str, Hold] = {}
        self._executor = LocalExecutor(name, at_once=at_once)
        if shares:
            self._executor.house = os.getppid()
        self._one = threading.Lock()
        self._run: Run | None = None
        self._tryouts: dict[str, Run] = {}
        self._heard = time.monotonic()
        self._executor.prepare()
        threading.Thread(target=self._watch, name="lease", daemon=True).start()

    def hello(self) -> dict[str, Any]:
        """Who this is, and which attempt it holds ("" for none)."""
        self._heard = time.monotonic()
        key = self._run.key if self._run is not None else ""
        return {"name": self.name, "pid": os.getpid(), "node": self._node, "hardware": hardware_class(), "key": key}

    def heed(self) -> None:
        """The driver is there."""
        self._heard = time.monotonic()

    def lacks(self, kernel: str, modules: Collection[str]) -> str:
        """What this machine lacks for a run, and how to mend it, in one line without the machine's name."""
        self._heard = time.monotonic()
        try:
            command, env, _ = command_of(kernel)
        except NoFork as refusal:
            return f"lacks something: {refusal}" if "not installed" in str(refusal) else ""
        gone = missing(modules, command, {**os.environ, **env})
        what = f"{', '.join(gone)}: pip install {' '.join(gone)} there"
        return f"lacks module{'s' if len(gone) > 1 else ''} {what}" if gone else ""

    def sees(self, folder: str, manifest: str) -> bool:
        """Whether the driver's `folder` is here the very same: a shared file system, or the same machine."""
        return files.manifest(Path(folder)) == manifest

    def has(self, digest: str) -> bool:
        """Whether the arena's content `digest` is here; it is kept here from now on."""
        if digest not in self._arenas:
            self._arenas[digest] = Hold(f"arena-{digest}")
        return self._arenas[digest].folder.is_dir()

    def take(self, digest: str, piece: bytes, number: int, last: bool) -> None:
        """Piece `number` of the arena's content, as a tar file; with the last one it is unpacked."""
        self._heard = time.monotonic()
        tar = self._hold.folder / f"{digest}.tar"
        with tar.open("wb" if number == 0 else "ab") as file:
            file.write(piece)
        if last:
            files.unpacked(tar, self._arenas[digest].folder)
            tar.unlink()

    def start(self, key: str, job: Mapping[str, Any], digest: str, driver: str) -> bool:
        """Begin an attempt, unless it is the one that is held; another that still runs is ended first.

        One that has ended is run again when it says nothing of the candidate, or when this very `driver` asks again,
        which has had its outcome. `digest` names the arena's content if it was sent, "" where the driver's own folder
        is read. Says whether it is begun now.
        """
        with self._one:
            self._heard = time.monotonic()
            if self._run is not None:
                if self._run.key == key and self._run.serves(driver):
                    return False
                self._finish(self._run)
            self._run = Run(key, self._here(job_from_json(job), digest), driver)
            self._begin(self._run, self._work)
            return True

    def start_tryout(self, key: str, job: Mapping[str, Any], digest: str) -> None:
        """Begin a trial of a few seconds, beside what runs."""
        run = Run(key, self._here(job_from_json(job), digest))
        self._tryouts[key] = run
        self._begin(run, self._try)

    def _begin(self, run: Run, work: Any) -> None:
        run.thread = threading.Thread(target=work, args=(run,), name="run", daemon=True)
        run.thread.start()

    def _finish(self, run: Run) -> None:
        run.stop.set()
        if run.thread is not None:
            run.thread.join()
        self._bundle(run).unlink(missing_ok=True)

    def _here(self, job: Job, digest: str) -> Job:
        """The job as it is to run here: its folders, and a mark of this worker's own."""
        target = Path(tempfile.mkdtemp(dir=self._hold.folder, prefix="out-")) / job.target.name
        target.mkdir()
        run_id = f"{self.name}:{job.iteration}:{uuid.uuid4().hex[:8]}"
        folder = self._arenas[digest].folder if digest else job.folder
        return replace(job, folder=folder, target=target, run_id=run_id)

    def _work(self, run: Run) -> None:
        def hear(kind: str, data: Mapping[str, Any]) -> None:
            run.hear(kind, data)
            if kind == "phase" and data.get("phase") == "scoring":
                self._executor.prepare()

        try:
            outcome = self._executor.run(run.job, hear, run.stop.is_set)
            size = files.bundled(run.job.target, self._bundle(run))
        except Exception as error:  # a full disk, no process to be had: no fault of the candidate's
            outcome, size = Outcome(Verdict.INTERRUPTED, f"the worker failed: {error}"), 0
        if outcome.verdict is Verdict.INTERRUPTED and (why := unwritable(self._hold.folder)):
            outcome = replace(outcome, facts={**outcome.facts, HARNESS: {UNFIT: why}})
        held.remove(run.job.target.parent)
        run.end(outcome, size)
        with contextlib.suppress(OSError):
            self._executor.prepare()

    def _try(self, run: Run) -> None:
        try:
            text = self._executor.tryout(run.job, run.stop.is_set)
        except Exception as error:
            text = f"it could not be tried: {error}"
        held.remove(run.job.target.parent)
        run.end(Outcome(Verdict.SCORED, text), 0)

    def _bundle(self, run: Run) -> Path:
        return self._hold.folder / f"{hashlib.sha256(run.key.encode()).hexdigest()[:16]}.tar"

    def _held(self, key: str) -> Run:
        run = self._tryouts.get(key) or self._run
        if run is None or run.key != key:
            raise AutoloopError(f"this worker does not hold the attempt {key}")
        return run

    def hear(self, key: str, since: int, seconds: float) -> dict[str, Any]:
        """As `Run.since`, of the attempt `key`."""
        self._heard = time.monotonic()
        told = self._held(key).since(since, seconds)
        self._heard = time.monotonic()
        if told["outcome"] is not None:
            self._tryouts.pop(key, None)
        return told

    def order(self, key: str, order: Mapping[str, Any]) -> None:
        """{"stop": true} ends the attempt `key`, {"prune": REASON} its candidate."""
        self._heard = time.monotonic()
        with contextlib.suppress(AutoloopError):
            run = self._held(key)
            if order.get("stop"):
                run.stop.set()
            elif order.get("prune") and run is self._run:
                self._executor.prune(str(order["prune"]))

    def piece(self, key: str, offset: int) -> bytes:
        """The bundle of an attempt that has ended, from `offset` on, as much as travels at once."""
        self._heard = time.monotonic()
        with self._bundle(self._held(key)).open("rb") as file:
            file.seek(offset)
            return file.read(files.PIECE)

    def close(self) -> None:
        """End what runs; nothing of this worker is left but its process, which is the cluster's to end."""
        for run in [*self._tryouts.values(), *filter(None, [self._run])]:
            run.stop.set()
        for run in [*self._tryouts.values(), *filter(None, [self._run])]:
            if run.thread is not None:
                run.thread.join(20)
        self._executor.close()
        sweep(self.name)
        for hold in (self._hold, *self._arenas.values()):
            hold.drop()
        self._arenas.clear()

    def _watch(self) -> None:
        """End with the lease: no driver is left that would."""
        while time.monotonic() - self._heard < self._lease_s:
            time.sleep(min(LOOK_S, self._lease_s / 4))
        self.close()
        os._exit(0)


def _undo_ray() -> None:
    """Take back what Ray put into this process's environment: kernels are to have what they would have without it.

    The cards that it assigned stay: `CUDA_VISIBLE_DEVICES` and the like.
    """
    try:
        raw = Path("/proc/self/environ").read_bytes().decode("utf-8", "surrogateescape")
        first = dict(entry.partition("=")[::2] for entry in raw.split("\0") if "=" in entry)
    except OSError:
        first = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    for name in list(os.environ):
        if name.startswith("RAY_") or (name not in first and not name.endswith("_VISIBLE_DEVICES")):
            del os.environ[name]
