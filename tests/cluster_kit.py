"""Ray clusters for tests: scenes that are played in a network of their own, which has nothing but 127.0.0.1."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import importlib
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import cgroup_kit
import nbformat
import psutil
import pytest
from arenas import arena, job
from fault_kit import fill

from autoloop_kernel.execution import tree
from autoloop_kernel.execution.cluster import Cluster, open_cluster
from autoloop_kernel.execution.workers import Slot
from autoloop_kernel.records import Job, Outcome

ALONE = ["unshare", "-n"] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["unshare", "-rn"]
UP = 'ip link set lo up && exec "$@"'
STORE = 80 << 20
OVER = "== over"
CLIENT = 10001
LONG_S = 240.0
"""For how long is waited for what has to come about; nothing but a test that fails takes as long."""

SCENE_S = 600
"""How long a scene may take until it counts as hanging."""


@functools.cache
def lacks() -> str:
    """Why this machine cannot give a test a network of its own; empty where it can."""
    try:
        tried = subprocess.run([*ALONE, "sh", "-c", "ip link set lo up"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        return f"this machine has no unshare: {error}"
    return "" if tried.returncode == 0 else f"this machine has no networks of one's own: {tried.stderr.strip()}"


class Theatre:
    """Plays scenes on stages that stay from scene to scene. One that fails ends its stage: the next has a fresh one."""

    def __init__(self) -> None:
        self._stages: dict[int, Stage] = {}

    def play(self, scene: Callable[[Path, Any], None], folder: Path, nodes: int = 2) -> list[str]:
        """Play a scene on a cluster of so many nodes, or on none; as `Stage.play`."""
        if nodes not in self._stages:
            self.close()  # one at a time: a small machine is slow enough with one
        stage = self._stages.pop(nodes, None) or Stage(nodes)
        try:
            lines = stage.play(scene.__module__, scene.__name__, folder)
        except BaseException:
            stage.end()
            raise
        self._stages[nodes] = stage
        return lines

    def close(self) -> None:
        """End the stages; fails where a process of one is left."""
        while self._stages:
            self._stages.popitem()[1].close()


class Stage:
    """A process in a network of its own that plays scenes: functions of a folder and of `Nodes`.

    All its processes are known by a variable that they inherit; none may be left when it is closed.
    """

    def __init__(self, nodes: int) -> None:
        if why := lacks():
            pytest.skip(why)
        self.short = tempfile.mkdtemp(prefix="ral-", dir="/tmp")  # Ray's sockets lie there: their paths may not be long
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "RAY_TMPDIR": self.short, "TMPDIR": self.short}
        env |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "AUTOLOOP_SCENE": self.short}
        env["RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S"] = "180"  # 30 is too little beside others
        env.pop("RAY_ADDRESS", None)
        command = [*ALONE, "sh", "-c", UP, "sh", sys.executable, "-c", f"import cluster_kit; cluster_kit.act({nodes})"]
        self._process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def play(self, *scene: object) -> list[str]:
        """Play a scene (its module, its name, its folder); the lines that it printed.

        Fails where it raises, or leaves a worker behind.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(one) for one in scene]) + "\n")
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
        try:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait(120)
            left = of_scene(self.short, 10.0)
            assert not left, [one.cmdline() for one in left]
        finally:
            self.end()

    def end(self) -> None:
        """Leave nothing of it, whatever it is at."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        while left := of_scene(self.short, 0):
            for one in left:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            psutil.wait_procs(left, 5)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        shutil.rmtree(self.short, ignore_errors=True)


def act(count: int) -> None:
    """The other end of a `Stage`, whose first scene that fails is its last."""
    rare = Path(os.environ["AUTOLOOP_SCENE"], "rare")  # a module that not every node will have
    rare.mkdir()
    (rare / "autoloop_rare.py").write_text("")
    os.environ["PYTHONPATH"] = f"{rare}:{os.environ['PYTHONPATH']}"
    began = time.monotonic()
    nodes = Nodes(count) if count else None
    print(f"{count} nodes after {time.monotonic() - began:.0f} s", flush=True)
    for line in sys.stdin:
        module, name, folder = json.loads(line)
        print(f"== {name}", time.strftime("%H:%M:%S"), flush=True)
        faulthandler.dump_traceback_later(SCENE_S, exit=True)
        began = time.monotonic()
        try:
            getattr(importlib.import_module(module), name)(Path(folder), nodes)
            until(lambda: not workers_left())
            print(f"it took {time.monotonic() - began:.0f} s", flush=True)
            print(OVER, flush=True)
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            print("left:", workers_left(), flush=True)
            print(OVER, "it failed", flush=True)
            return  # who plays it ends all that is left
        faulthandler.cancel_dump_traceback_later()
    if nodes is not None:
        nodes.rays.shutdown()


def workers_left() -> list[list[str]]:
    """The commands of workers and of their kernels that are left of this stage."""
    short = os.environ["AUTOLOOP_SCENE"]
    found = []
    for process in of_scene(short, 0):
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            found.append(list(filter(None, process.cmdline())))
    return [
        one for one in found if any(word in " ".join(one) for word in ("ray::Worker", "autoloop_kernel", "ipykernel"))
    ]


def kernels() -> list[psutil.Process]:
    """The processes of candidates and referees that run on workers of this stage."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            env = process.environ()
            mark = env.get("AUTOLOOP_RUN", "")
            if mark.startswith("autoloop-ray-") and ":next-" not in mark and process.status() != "zombie":
                found.append(process)
    return found


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
        self.apart: dict[str, tuple[int, str]] = {}
        self.rays = patiently(lambda: self._head(**node))
        for _ in range(count - 1):
            self.add()
        os.environ["RAY_ADDRESS"] = self.rays.address

    def _head(self, **node: Any) -> Any:
        from ray.cluster_utils import Cluster as Rays

        asked = {"num_cpus": 1, "object_store_memory": STORE, "ray_client_server_port": CLIENT}
        asked |= {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True, **node}  # unused here
        try:
            return Rays(initialize_head=True, head_node_args=asked)
        except BaseException:
            tree.end_descendants(os.getpid())  # what has started of it has its ports
            raise

    def add(self, **node: Any) -> Any:
        return patiently(lambda: self.rays.add_node(**{"num_cpus": 1, "object_store_memory": STORE, **node}))

    def kill(self, node: Any) -> None:
        """Kill a node as a power cut does."""
        self.rays.remove_node(node, allow_graceful=False)

    @contextlib.contextmanager
    def started(self, hidden: Path | None = None, small: bool = False, **environment: str) -> Iterator[str]:
        """A node with an environment of its own, that does not see the folder `hidden`; the head of its id.

        Its temporary folder may lie on a `small` disk. `self.apart` has the process above it and that folder.
        """
        tmp = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
        own = f"own-{Path(tmp).name}"
        start = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--address={self.rays.address}", "--block"]
        start += ["--num-cpus=1", f"--object-store-memory={STORE}", "--resources", json.dumps({own: 1})]
        mounts = [f'mount -t tmpfs tmpfs "{hidden}" &&'] if hidden is not None else []
        mounts += [f'mount -t tmpfs -o size=32m tmpfs "{tmp}" &&'] if small else []
        if mounts:
            start = ["unshare", "-m", "sh", "-c", " ".join([*mounts, 'exec "$@"']), "sh", *start]
        env = {**os.environ, "TMPDIR": tmp, **environment}

        def begun() -> subprocess.Popen[bytes]:
            with open(f"{tmp}/log", "wb") as log:
                process = subprocess.Popen(start, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            until(lambda: process.poll() is not None or self._with(own))
            if process.poll() is not None:
                raise RuntimeError(Path(tmp, "log").read_text())
            return process

        process = patiently(begun)
        try:
            self.apart[self._with(own)] = process.pid, tmp
            yield self._with(own)
        finally:
            tree.end_descendants(process.pid)
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def started_together(self, *nodes: Mapping[str, Any]) -> Iterator[list[str]]:
        """Several such nodes, started two at a time: more of them get in the way of each other."""
        with contextlib.ExitStack() as stack:
            with ThreadPoolExecutor(2) as pool:
                names = list(pool.map(lambda node: stack.enter_context(self.started(**node)), nodes))
            yield names

    def fill(self, name: str) -> None:
        """Fill the disk of a node's temporary folder."""
        process, tmp = self.apart[name]
        fill(Path(f"/proc/{process}/root{tmp}"))

    def _with(self, own: str) -> str:
        """The head of the id of the living node that has this resource, "" where there is none."""
        rows = self.rays.global_state.node_table()
        return next((str(row["NodeID"])[:6] for row in rows if row["Alive"] and own in row["Resources"]), "")


def patiently(start: Callable[[], Any]) -> Any:
    """Start something of Ray's, which has 30 seconds for it; on a machine that others use that can be too little."""
    for _ in range(5):
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


def opened(spec: str = "ray", told: Told | None = None) -> contextlib.closing[Cluster]:
    """A driver's workers, as of one and the same arena, until the end of the block."""
    mark = f"autoloop-test-cluster-{os.environ['AUTOLOOP_SCENE']}"  # another stage's workers are another arena's
    return contextlib.closing(open_cluster(spec, mark, told or Told()))


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

    def reached(self, phase: str, within_s: float = LONG_S) -> None:
        """Wait until the run has said that it is in this phase."""
        until(lambda: ("phase", {"phase": phase}) in self.said or self.outcome is not None, within_s)
        assert ("phase", {"phase": phase}) in self.said, (self.outcome, self.fault)

    def ended(self, within_s: float = LONG_S) -> Outcome:
        self.join(within_s)
        assert self.fault is None, self.fault
        assert self.outcome is not None, "it has not ended"
        return self.outcome


def until(true: Callable[[], Any], within_s: float = LONG_S) -> float:
    """Wait until `true()`; how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, "it has not come about"
        time.sleep(0.02)
    return time.monotonic() - began


FEEDS = """\
import os, sys, ray
ray.init(address=os.environ["RAY_ADDRESS"], namespace="autoloop", log_to_driver=False)
worker = ray.get_actor(sys.argv[1])
ray.get(worker.take.remote("fed", bytes(48 << 20), 0, False))
"""


def starved(worker: psutil.Process, kernel: psutil.Process) -> None:
    """Have the kernel end a worker, above `kernel`: it may take 24 MB more, and is sent a piece of a file of 48."""
    name = kernel.environ()["AUTOLOOP_RUN"].partition(":")[0]
    with cgroup_kit.memory(24) as group:
        group.add(worker.pid)
        subprocess.run([sys.executable, "-c", FEEDS, name], check=False, stderr=subprocess.DEVNULL)
        until(group.ended)
        assert group.ended() == 1


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
    made = job(arena(*(cells or (SEEDED,)), **parts), folder, **{"budget_s": 120, "score_timeout_s": 120, **changes})
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


def same(found: Any, expected: Any) -> None:
    """Fails where these differ, and prints both."""
    assert found == expected, f"\n{found!r}\nis not\n{expected!r}"


def kill(process: psutil.Process | int) -> None:
    os.kill(process if isinstance(process, int) else process.pid, signal.SIGKILL)
