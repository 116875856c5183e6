"""A driver's workers on a Ray cluster: joining it, looking at its machines, placing workers and finding them again.

Imported in the process of `cluster_link` alone: Ray ends the process that has lost its cluster.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies

import ray
from ray.exceptions import GetTimeoutError, RayError, TaskUnschedulableError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import autoloop_kernel
from autoloop_kernel.execution import cluster_probe
from autoloop_kernel.execution.cluster_nodes import Fit, Node, count_of, fit, nodes_of, room_on, share_of
from autoloop_kernel.execution.cluster_worker import Worker
from autoloop_kernel.execution.tree import end_descendants
from autoloop_kernel.records import AutoloopError

NAMESPACE = "autoloop"
GIVEN = {"namespace": NAMESPACE, "log_to_driver": False, "configure_logging": False}
PROBE_S = 60.0
ANSWER_S = 10.0
LOST_S = 25.0
"""How long a cluster's head may take to miss a machine: Ray asks each five times, every three seconds."""

STORE = 256 << 20
"""Bytes of shared memory for the objects of a cluster that is started here: files travel in pieces of 16 MB."""

Tell = Callable[..., None]


@dataclass
class Seat:
    """A slot as the hub sees it: its name and the worker in it, None where one has to be placed first."""

    name: str
    actor: Any = None
    node: str = ""
    key: str = ""
    busy: bool = False


class Hub:
    """The connection to a cluster. `mark` names the arena; `tell` reports on workers, as `workers.open_workers` says.

    `driver` is unlike any other driver's; `hardware` is the class of its earlier runs, where there were any: other
    machines are refused then.
    """

    def __init__(self, mark: str, driver: str, lease_s: float, tell: Tell, hardware: str = "") -> None:
        self._kin = f"autoloop-ray-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
        self.driver, self._lease_s, self._tell = driver, lease_s, tell
        self._lock = threading.RLock()
        self._free = threading.Condition(self._lock)
        self._waiting: list[str] = []
        self._looking = threading.Lock()
        self._per_node = 1
        self._barred: set[str] = set()
        self.fit = Fit((), hardware, {})
        self._probed: dict[str, Node] = {}
        self.seats: dict[str, Seat] = {}
        self.fits: set[tuple[str, ...]] = set()
        """What was found to be there: a node's id, a kernel's name and the modules that it was asked for."""

    def join(self, address: str) -> None:
        """Connect to the cluster at `address`; "": to one that runs on this machine, else to a fresh one.

        Raises `AutoloopError` where there is none.
        """
        ray.cloudpickle.register_pickle_by_value(cluster_probe)
        address = address or running()
        if not address:
            _start()
            return
        os.environ.pop("RAY_ADDRESS", None)  # it would count for more than what was asked for
        if address.startswith("ray://") and not getproxies():
            _must_answer(address)
        try:
            ray.init(address=address, **GIVEN)
        except Exception as error:  # of many kinds, and gRPC's own
            raise AutoloopError(f"the Ray cluster at {address} cannot be joined: {line_of(error)}") from None

    def survey(self) -> None:
        """Look at every machine that has not been looked at, and say which are refused."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        nodes = [node for node in nodes_of(ray.nodes()) if node.id not in self._barred]
        self._probe([node for node in nodes if node.id not in self._probed])
        ours = {"python": "{}.{}".format(*sys.version_info[:2]), "autoloop": autoloop_kernel.__version__}
        found, before = fit([self._probed[node.id] for node in nodes], ours, self.fit.hardware), self.fit.refused
        self.fit = Fit(found.nodes, found.hardware, {**before, **found.refused})
        for name, why in found.refused.items():
            if before.get(name) != why:
                self._tell("worker", name="", where=name, state="refused", text=why, hardware=self.fit.hardware)

    def _probe(self, nodes: list[Node]) -> None:
        task = ray.remote(cluster_probe.probe)
        asked = {node.id: task.options(num_cpus=0, max_retries=0, **_at(node.id)).remote() for node in nodes}
        until = time.monotonic() + PROBE_S
        for node in nodes:
            try:
                facts = ray.get(asked[node.id], timeout=max(0.1, until - time.monotonic()))
            except TaskUnschedulableError:
                facts = {"gone": True}  # it had just died, and the head did not know it yet
            except RayError as error:
                facts = {"lost": line_of(error)}
            self._probed[node.id] = Node(node.id, node.name, node.cpus, node.gpus, facts)

    def seat(self, asked: int | None) -> None:
        """Lay out the slots, and put the workers in them that an earlier driver of this arena left.

        Raises `AutoloopError` where no machine is fit.
        """
        self._must_have_nodes()
        count = count_of(self.fit.nodes, asked)
        self._per_node = -(-count // len(self.fit.nodes))
        if asked is not None and count < asked:
            text = f"{asked} slots were asked for, and the cluster has {count} GPUs: one slot a GPU"
            self._tell("worker", name="", where="", state="refused", text=text, hardware=self.fit.hardware)
        self.seats = {f"w{number}": Seat(f"w{number}") for number in range(1, count + 1)}
        for name in _names(self._kin):
            self._adopt(name)
        for seat in self.seats.values():
            if seat.actor is None:
                self._fill(seat)

    def _must_have_nodes(self) -> None:
        if not self.fit.nodes and self.fit.refused:
            raise AutoloopError(f"no machine of the Ray cluster can run attempts: {[*self.fit.refused.values()][-1]}")

    def _adopt(self, name: str) -> None:
        """Put the worker `name` back into its slot; one whose slot there is no more is ended."""
        seat = self.seats.get(name.removeprefix(f"{self._kin}-").partition("-")[0])
        with contextlib.suppress(RayError, ValueError):
            actor = ray.get_actor(name, namespace=NAMESPACE)
            told = ray.get(actor.hello.remote(), timeout=ANSWER_S)
            node = told["node"]
            if seat is not None and seat.actor is None and node in {one.id for one in self.fit.nodes}:
                seat.actor, seat.node, seat.key = actor, node, told["key"]
                self.report(seat, "up", f"taken up again{' at its work' if told['key'] else ''}")
            else:
                ray.kill(actor)

    def _fill(self, seat: Seat) -> bool:
        """Place a worker for `seat` on the machine with the most room; says whether there was one."""
        with self._lock:
            taken = Counter(one.node for one in self.seats.values() if one.actor is not None)
            alive = {str(row["NodeID"]) for row in ray.nodes() if row["Alive"]}
            nodes = [node for node in self.fit.nodes if node.id in alive]
            for node in room_on(nodes, taken, self._per_node):
                kin = f"{self._kin}-{seat.name}"
                name = f"{kin}-{uuid.uuid4().hex[:8]}"
                asks = {**share_of(node, self._per_node), **_at(node.id)}
                asks |= {"max_restarts": 0, "max_task_retries": 0, "max_concurrency": 16}
                options = ray.remote(Worker).options(name=name, lifetime="detached", namespace=NAMESPACE, **asks)
                shares = self._per_node > 1 or node.gpus > 1
                seat.actor = options.remote(name, kin, node.id, self._lease_s, shares, self._per_node)
                seat.node, seat.key = node.id, ""
                self.report(seat, "up", "")
                return True
        return False

    def report(self, seat: Seat, state: str, text: str, where: str = "") -> None:
        """Say how it is with a slot's worker."""
        place = where or self.where(seat)
        self._tell("worker", name=seat.name, where=place, state=state, text=text, hardware=self.fit.hardware)

    def hardware_of(self, seat: Seat) -> str:
        """The class of the machine that a slot's worker is on."""
        return next((node.hardware for node in self.fit.nodes if node.id == seat.node), self.fit.hardware)

    def where(self, seat: Seat) -> str:
        """The name of the machine that a slot's worker is on."""
        return next((node.name for node in self.fit.nodes if node.id == seat.node), "")

    def staffed(self, name: str, key: str, given_up: Callable[[], bool], claim: bool = True) -> Seat | None:
        """The slot `name` with a worker in it, that which holds the attempt `key` if there is one; None: given up.

        With `claim` the slot is busy with the attempt until `release`. Where no machine has room for one more worker it
        takes that of an idle slot, or the first that gets idle: runs never share what was one slot's. Says so once;
        raises `AutoloopError` where no machine is fit.
        """
        told = False
        while not given_up():
            with self._free:
                seat = self.seats[name]
                if self._take(seat, key):
                    self._waiting = [other for other in self._waiting if other != name]
                    if claim:
                        seat.busy, seat.key = True, key
                    return seat
                self._must_have_nodes()
                if name not in self._waiting:
                    self._waiting.append(name)
                if not told:
                    self.report(seat, "lost", "no machine of the cluster has room for its worker: waiting for one")
                    told = True
                self._free.wait(1.0)
            self.survey()
        return None

    def _take(self, seat: Seat, key: str) -> bool:
        """Find a worker for `seat`: the idle one that holds `key`, its own, a new one, another slot's that is idle."""
        idle = [other for other in self.seats.values() if other is not seat and not other.busy and other.actor]
        if holder := next((other for other in idle if other.key == key), None):
            _swap(seat, holder)
        elif seat.actor is None and not self._fill(seat):
            if not idle:
                return False
            _swap(seat, idle[0])
            self.report(seat, "up", "with the worker of a slot that is idle")
        return True

    def release(self, seat: Seat) -> None:
        """The run in a slot has ended: its worker goes to the slot that has waited longest for one, if any."""
        with self._free:
            seat.busy = False
            while self._waiting and seat.actor is not None:
                other = self.seats[self._waiting.pop(0)]
                if other.actor is None:
                    _swap(seat, other)
                    self.report(other, "up", "")
            self._free.notify_all()

    def dismiss(self, seat: Seat) -> None:
        """Let go of a worker that is lost, or does not do as it is told."""
        with self._lock:
            actor, seat.actor, seat.key = seat.actor, None, ""
        with contextlib.suppress(Exception):
            ray.kill(actor)

    def refuse(self, seat: Seat, lacks: str) -> None:
        """Use the machine of a slot's worker no more, for what it `lacks`."""
        where, text = self.where(seat), f"node {self.where(seat)} {lacks}"
        self._barred.add(seat.node)
        left = tuple(node for node in self.fit.nodes if node.id != seat.node)
        self.fit = Fit(left, self.fit.hardware, {**self.fit.refused, where: text})
        for other in self.seats.values():
            if other.node == seat.node and other.actor is not None and (other is seat or not other.busy):
                with contextlib.suppress(RayError):
                    ray.wait([other.actor.close.remote()], timeout=ANSWER_S)
                self.dismiss(other)
        self.report(seat, "refused", text, where)

    def has(self, node: str) -> bool:
        """Whether the machine belongs to the cluster, as far as its head knows. Blocks where the head is gone."""
        return any(row["Alive"] and row["NodeID"] == node for row in ray.nodes())

    def lost(self, node: str) -> bool:
        """Whether the machine is gone; asked when a worker on it has died, which its head may hear of later.

        A process that starts there says that it is not, and so does the head that has missed nothing for `LOST_S`: a
        machine at its limits may take longer to start one. Blocks where the head is gone.
        """
        task = ray.remote(cluster_probe.missing).options(num_cpus=0, max_retries=0, **_at(node))
        until, asked = time.monotonic() + LOST_S, None
        while self.has(node) and time.monotonic() < until:
            try:
                asked = asked or task.remote([])
                ray.get(asked, timeout=1.0)
                break
            except GetTimeoutError:
                continue
            except RayError:
                asked = None
                time.sleep(0.5)
        return not self.has(node)

    def beat(self) -> None:
        """Ask the head, and let every worker hear of its driver. Blocks where the head is gone."""
        ray.nodes()
        for seat in list(self.seats.values()):
            if seat.actor is not None and not seat.busy:
                seat.actor.heed.remote()

    def close(self) -> None:
        """End the workers, and the cluster where it was started here."""
        actors = [seat.actor for seat in self.seats.values() if seat.actor is not None]
        with contextlib.suppress(RayError):
            ray.wait(
                [actor.close.remote() for actor in actors], num_returns=len(actors), timeout=30
            ) if actors else None
        for actor in actors:
            with contextlib.suppress(Exception):
                ray.kill(actor)
        ray.shutdown()


def _start() -> None:
    """Start a cluster of this machine, which listens on 127.0.0.1 alone, as Ray does where it spans no machines.

    Ray gives its own processes 30 seconds, which a machine at work may exceed with cold disks: it is tried twice.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
    for last in (False, True):
        try:
            ray.init(address="local", include_dashboard=False, object_store_memory=STORE, **GIVEN)
            return
        except Exception as error:
            ray.shutdown()
            end_descendants(os.getpid())
            if last:
                raise AutoloopError(f"Ray could not be started: {line_of(error)}") from None


def running() -> str:
    """The address of the cluster that runs on this machine: `RAY_ADDRESS`, or where `ray start` put one that answers.

    Others that happen to run, as another program's own, are not looked for.
    """
    if address := os.environ.get("RAY_ADDRESS", ""):
        return address
    from ray._private.utils import read_ray_address

    address = read_ray_address() or ""
    try:
        _knock(address, 2.0)
    except (OSError, ValueError):
        return ""
    return str(address)


def _must_answer(address: str) -> None:
    """Raise `AutoloopError` where nothing listens at ray://HOST:PORT: Ray would try it for half a minute first."""
    try:
        _knock(address.removeprefix("ray://"), ANSWER_S)
    except OSError as error:
        port = address.rpartition(":")[2]
        start = f"start its head there with: ray start --head --ray-client-server-port={port}"
        raise AutoloopError(
            f"the Ray cluster at {address} cannot be joined: {error.strerror or error}; {start}"
        ) from None


def _knock(address: str, within_s: float) -> None:
    """Raise OSError where nothing takes connections at HOST:PORT, ValueError where that is no such address."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=within_s).close()


def _swap(one: Seat, other: Seat) -> None:
    """Exchange the workers of two slots."""
    mine = (one.actor, one.node, one.key)
    one.actor, one.node, one.key = other.actor, other.node, other.key
    other.actor, other.node, other.key = mine


def _names(kin: str) -> list[str]:
    found = ray.util.list_named_actors()
    return sorted(str(name) for name in found if str(name).startswith(f"{kin}-"))


def _at(node: str) -> dict[str, Any]:
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}


def line_of(error: BaseException) -> str:
    """What an error says in a line: its first one, and the last where that only announces more."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        lines[0] += f" {lines[-1]}"
    return lines[0][:300] if lines else type(error).__name__
