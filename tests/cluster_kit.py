"""Ray clusters for tests: scenes that are played in a network of their own, which has nothing but 127.0.0.1."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from arenas import arena, job

from autoloop_kernel.execution import tree
from autoloop_kernel.execution.cluster import Cluster, open_cluster
from autoloop_kernel.execution.workers import Slot
from autoloop_kernel.records import Job, Outcome

ALONE = ["unshare", "-n"] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["unshare", "-rn"]
UP = 'ip link set lo up && exec "$@"'
STORE = 80 << 20
MARK = "autoloop-test-cluster"
OVER = "== over"
CLIENT = 10001
SCENE_S = 150
"""How long a scene may take until it counts as hanging."""


@functools.cache
def lacks() -> str:
    """Why this machine cannot give a test a network of its own; empty where it can."""
    try:
        tried = subprocess.run([*ALONE, "sh", "-c", "ip link set lo up"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        return f"this machine has no unshare: {error}"
    return "" if tried.returncode == 0 else f"this machine has no networks of one's own: {tried.stderr.strip()}"


class Stage:
    """A process in a network of its own that plays scenes: functions of a module, of a folder and of `Nodes`.

    All its processes are known by a variable that they inherit; none may be left when it is closed.
    """

    def __init__(self, file: str, nodes: int) -> None:
        if why := lacks():
            pytest.skip(why)
        self.short = tempfile.mkdtemp(prefix="ral-", dir="/tmp")  # Ray's sockets lie there: their paths may not be long
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "RAY_TMPDIR": self.short, "TMPDIR": self.short}
        env |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "AUTOLOOP_SCENE": self.short}
        env.pop("RAY_ADDRESS", None)
        code = f"import cluster_kit, {Path(file).stem} as scenes; cluster_kit.act(scenes, {nodes})"
        command = [*ALONE, "sh", "-c", UP, "sh", sys.executable, "-c", code]
        self._process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def play(self, scene: str, folder: Path) -> list[str]:
        """Play a scene; the lines that it printed. Fails where it raises, or leaves a worker behind."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([scene, str(folder)]) + "\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            print(line, end="")
            if line.startswith(OVER):
                assert line == OVER + "\n", "".join(lines)
                return lines
            lines.append(line)
        raise AssertionError(f"the stage ended with {self._process.wait(60)}: " + "".join(lines))

    def close(self) -> None:
        """End it; fails where a process of it is left."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(60)
            left = of_scene(self.short)
            assert not left, [one.cmdline() for one in left]
        finally:
            self._process.stdout.close()
            for one in of_scene(self.short, 0):
                one.kill()
            shutil.rmtree(self.short, ignore_errors=True)


def act(scenes: Any, count: int) -> None:
    """The other end of a `Stage`."""
    rare = Path(os.environ["AUTOLOOP_SCENE"], "rare")  # a module that not every node will have
    rare.mkdir()
    (rare / "autoloop_rare.py").write_text("")
    os.environ["PYTHONPATH"] = f"{rare}:{os.environ['PYTHONPATH']}"
    nodes = Nodes(count) if count else None
    for line in sys.stdin:
        name, folder = json.loads(line)
        print(f"== {name}", time.strftime("%H:%M:%S"), flush=True)
        faulthandler.dump_traceback_later(SCENE_S, exit=True)
        try:
            getattr(scenes, name)(Path(folder), nodes)
            until(lambda: not workers_left(), 60)
            print(OVER, flush=True)
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            print("left:", workers_left(), flush=True)
            for one in OPENED:
                one.close()
            print(OVER, "it failed", flush=True)
        OPENED.clear()
    if nodes is not None:
        nodes.rays.shutdown()


def workers_left() -> list[list[str]]:
    """The commands of workers and of their kernels that are left of this stage."""
    short = os.environ["AUTOLOOP_SCENE"]
    found = [list(filter(None, one.cmdline())) for one in of_scene(short, 0)]
    return [
        one for one in found if any(word in " ".join(one) for word in ("ray::Worker", "autoloop_kernel", "ipykernel"))
    ]


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
        self.rays = patiently(lambda: self._head(**node))
        for _ in range(count - 1):
            self.add()
        os.environ["RAY_ADDRESS"] = self.rays.address

    def _head(self, **node: Any) -> Any:
        from ray.cluster_utils import Cluster as Rays

        asked = {"num_cpus": 1, "object_store_memory": STORE, "ray_client_server_port": CLIENT, **node}
        return Rays(initialize_head=True, head_node_args=asked)

    def add(self, **node: Any) -> Any:
        return patiently(lambda: self.rays.add_node(**{"num_cpus": 1, "object_store_memory": STORE, **node}))

    def kill(self, node: Any) -> None:
        """Kill a node as a power cut does."""
        self.rays.remove_node(node, allow_graceful=False)

    @contextlib.contextmanager
    def started(self, hidden: Path | None = None, **environment: str) -> Iterator[str]:
        """A node with an environment of its own, that does not see the folder `hidden`; the head of its id."""
        before, tmp = self._alive(), tempfile.mkdtemp(dir=os.environ["TMPDIR"])
        start = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--address={self.rays.address}", "--block"]
        start += ["--num-cpus=1", f"--object-store-memory={STORE}"]
        if hidden is not None:
            start = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs tmpfs "{hidden}" && exec "$@"', "sh", *start]
        env = {**os.environ, "TMPDIR": tmp, **environment}

        def begun() -> subprocess.Popen[bytes]:
            with open(f"{tmp}/log", "wb") as log:
                process = subprocess.Popen(start, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            until(lambda: process.poll() is not None or self._alive() - before)
            if process.poll() is not None:
                raise RuntimeError(Path(tmp, "log").read_text())
            return process

        process = patiently(begun)
        try:
            yield next(iter(self._alive() - before))[:6]
        finally:
            tree.end_descendants(process.pid)
            process.kill()
            process.wait()

    def _alive(self) -> set[str]:
        return {row["NodeID"] for row in self.rays.global_state.node_table() if row["Alive"]}


def patiently(start: Callable[[], Any]) -> Any:
    """Start something of Ray's, which has 30 seconds for it; on a machine that others use that can be too little."""
    for _ in range(3):
        try:
            return start()
        except Exception as error:
            if "timed out during startup" not in str(error):
                raise
            print("Ray has not started within its 30 seconds: once more", flush=True)
    return start()


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


OPENED: list[Cluster] = []


def opened(spec: str = "ray", told: Told | None = None) -> Cluster:
    """A driver's workers, as of one and the same arena; what a scene leaves open is closed for it."""
    OPENED.append(open_cluster(spec, MARK, told or Told()))
    return OPENED[-1]


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
import os, random
print(sorted(name for name in os.environ), os.environ.get("OMP_NUM_THREADS"))
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
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: changes.pop(name) for name in ("score", "shared") if name in changes}
    made = job(arena(*(cells or (SEEDED,)), **parts), folder, **changes)
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
