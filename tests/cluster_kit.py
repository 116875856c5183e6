"""Ray clusters for tests: scenes that are played in a network of their own, which has nothing but 127.0.0.1."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from arenas import arena, job

from autoloop_kernel.execution.cluster import Cluster, open_cluster
from autoloop_kernel.execution.workers import Slot
from autoloop_kernel.records import Job, Outcome

ALONE = ["unshare", "-n"] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["unshare", "-rn"]
UP = 'ip link set lo up && exec "$@"'
STORE = 80 << 20
MARK = "autoloop-test-cluster"


@functools.cache
def lacks() -> str:
    """Why this machine cannot give a test a network of its own; empty where it can."""
    try:
        tried = subprocess.run([*ALONE, "sh", "-c", "ip link set lo up"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        return f"this machine has no unshare: {error}"
    return "" if tried.returncode == 0 else f"this machine has no networks of one's own: {tried.stderr.strip()}"


def play(folder: Path, file: str, scene: str, seconds: float = 240) -> str:
    """Call the function `scene` of the Python `file` with `folder`; what it printed. Fails where it raises.

    Nothing of it may be left then: its processes are known by a variable that all inherit.
    """
    if why := lacks():
        pytest.skip(why)
    short = tempfile.mkdtemp(prefix="ral-", dir="/tmp")  # Ray's sockets lie there: their paths may not be long
    code = f"import {Path(file).stem} as played; from pathlib import Path; played.{scene}(Path({str(folder)!r}))"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "RAY_TMPDIR": short, "TMPDIR": short}
    env |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "AUTOLOOP_SCENE": short}
    env.pop("RAY_ADDRESS", None)
    command = [*ALONE, "sh", "-c", UP, "sh", sys.executable, "-c", code]
    try:
        played = subprocess.run(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
        )
        assert played.returncode == 0, played.stdout
        left = of_scene(short)
        assert not left, [one.cmdline() for one in left]
        return played.stdout
    finally:
        for one in of_scene(short):
            one.kill()
        shutil.rmtree(short, ignore_errors=True)


def of_scene(short: str, within_s: float = 5.0) -> list[psutil.Process]:
    """The processes of a scene that are left, which have `within_s` seconds to end."""
    until = time.monotonic() + within_s
    while True:
        left = [one for one in psutil.process_iter() if _is_of(one, short)]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.1)


def _is_of(process: psutil.Process, short: str) -> bool:
    try:
        return process.environ().get("AUTOLOOP_SCENE") == short and process.status() != "zombie"
    except psutil.Error:
        return False


class Nodes:
    """A Ray cluster of several nodes on this machine, which `ray` means in this process and below it."""

    def __init__(self, count: int = 2, **node: Any) -> None:
        from ray.cluster_utils import Cluster as Rays

        self.rays = Rays(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": STORE, **node})
        for _ in range(count - 1):
            self.add()
        os.environ["RAY_ADDRESS"] = self.rays.address

    def add(self, **node: Any) -> Any:
        return self.rays.add_node(**{"num_cpus": 1, "object_store_memory": STORE, **node})

    def head_process(self) -> psutil.Process:
        """The head's own process, which all others ask."""
        return next(one for one in psutil.Process().children() if "gcs_server" in one.cmdline()[0])


class Told:
    """What a cluster told of its workers."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, kind: str, **data: Any) -> None:
        assert kind == "worker"
        assert {"name", "where", "state", "text", "hardware"} <= set(data)
        print("told:", data, flush=True)
        self.events.append({**data, "time": time.monotonic()})

    def states(self, state: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["state"] == state]


def opened(spec: str = "ray", told: Told | None = None) -> Cluster:
    return open_cluster(spec, MARK, told or Told())


class Running(threading.Thread):
    """A job that runs in a slot, in a thread of its own."""

    def __init__(self, slot: Slot, work: Job) -> None:
        super().__init__(daemon=True)
        self.slot, self.job = slot, work
        self.said: list[tuple[str, Mapping[str, Any]]] = []
        self.stop = threading.Event()
        self.outcome: Outcome | None = None
        self.fault: Exception | None = None
        self.start()

    def run(self) -> None:
        def hear(kind: str, data: Mapping[str, Any]) -> None:
            self.said.append((kind, data))

        try:
            self.outcome = self.slot.executor.run(self.job, hear, self.stop.is_set)
        except Exception as error:
            self.fault = error

    def reached(self, phase: str, within_s: float = 60.0) -> None:
        """Wait until the run has said that it is in this phase."""
        until(lambda: ("phase", {"phase": phase}) in self.said or self.outcome is not None, within_s)
        assert ("phase", {"phase": phase}) in self.said, (self.outcome, self.fault)

    def ended(self, within_s: float = 60.0) -> Outcome:
        self.join(within_s)
        assert self.fault is None, self.fault
        assert self.outcome is not None, "it has not ended"
        return self.outcome


def until(true: Callable[[], Any], within_s: float = 60.0) -> float:
    """Wait until `true()`; how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, "it has not come about"
        time.sleep(0.02)
    return time.monotonic() - began


SEEDED = """\
import random
noise = random.Random(SEED).random()
print("noise", noise)
report(1, loss=noise)
report(2, loss=noise / 2)
submit(lambda x: 2.0 * x + noise)
"""
SLEEPS = """\
import os, time
print("pid", os.getpid())
report(1, loss=1.0)
time.sleep({seconds})
submit(lambda x: 2.0 * x)
"""


def work(folder: Path, *cells: str, iteration: int = 1, **changes: Any) -> Job:
    """A job of an arena in `folder`, each iteration with its own target."""
    from dataclasses import replace

    folder.mkdir(exist_ok=True)
    made = job(arena(*(cells or (SEEDED,))), folder, **changes)
    return replace(made, iteration=iteration, target=folder / "arena_runs" / f"{iteration:04d}")


def told_by(target: Path, name: str = "iteration.ipynb") -> list[tuple[str, Any]]:
    """An executed notebook's cells: sources and outputs, without what differs from run to run."""
    nb = nbformat.reads((target / name).read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(nb)
    return [(cell.source, [shown(output) for output in cell.get("outputs", ())]) for cell in nb.cells]


def shown(output: Mapping[str, Any]) -> Any:
    kept = {key: value for key, value in output.items() if key not in ("execution_count", "metadata")}
    data = kept.get("data")
    if isinstance(data, dict):  # the points of a curve carry the seconds at which they came
        kept["data"] = {mime: value for mime, value in data.items() if mime == "text/plain" and "s" not in str(value)}
    return kept


def kill(process: psutil.Process | int) -> None:
    os.kill(process if isinstance(process, int) else process.pid, signal.SIGKILL)
