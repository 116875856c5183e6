"""Runs jobs on a Ray cluster, behind the executor's protocol. Ray itself is imported in another process alone.

That process (`cluster_link`) is watched: where it hears of no head any more, or has ended, each attempt in flight comes
back as lost, and a new one joins the cluster again, or starts a fresh one where there is none to join.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import autoloop_kernel
from autoloop_kernel.execution.cluster_pace import Pace
from autoloop_kernel.execution.secrets import unsecret
from autoloop_kernel.execution.tree import end_descendants
from autoloop_kernel.execution.tryout import SECONDS
from autoloop_kernel.execution.workers import Slot, shared
from autoloop_kernel.records import HARNESS, AutoloopError, Job, Outcome, Verdict, outcome_from_json, to_json

POLL_S = 0.05
PATIENCE_S = 30.0
"""How long a run that was told to stop is waited for; the process that speaks with Ray ends its worker before."""

HEAD_S = 15.0
"""How long a cluster's head may be silent until it counts as lost."""

HALTED_S = 1.0
JOIN_S = 180.0
CLOSE_S = 60.0
AGAIN_S = (1.0, 2.0, 5.0, 10.0)
"""Pauses between attempts to join a cluster again; the last one from then on."""

LEASE_S = 300.0
"""How long a worker runs on that hears of no driver; the variable AUTOLOOP_LEASE_S states another time."""

NEEDS = "--workers {} needs Ray: pip install 'autoloop-kernel[ray]'"
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop()); from autoloop_kernel.execution.cluster_link import main; main()"
)

Tell = Callable[..., None]
Hear = Callable[[str, Mapping[str, Any]], str | None]


def open_cluster(spec: str, mark: str, tell: Tell) -> Cluster:
    """The workers that `spec` names: `ray`, `ray:N` (N slots), `ray://HOST:PORT`; `mark` names the arena.

    `tell("worker", name=, where=, state=, text=, hardware=)` is called from other threads, too. Raises `AutoloopError`
    where Ray is not installed, nothing can be joined or started, or no machine is fit.
    """
    address, slots = parsed(spec)
    if importlib.util.find_spec("ray") is None:
        raise AutoloopError(NEEDS.format(spec))
    return Cluster(address, slots, mark, tell)


def parsed(spec: str) -> tuple[str, int | None]:
    """The address ("" for this machine's) and the number of slots (None: as many as there are) that `spec` asks for."""
    if spec == "ray":
        return "", None
    if (asked := re.fullmatch(r"ray:(\d+)", spec)) and int(asked[1]) > 0:
        return "", int(asked[1])
    if re.fullmatch(r"ray://[^/:\s]+:\d+", spec) or re.fullmatch(r"ray://\[[0-9a-fA-F:]+\]:\d+", spec):
        return spec, None
    raise AutoloopError(f"--workers {spec}: say ray, ray:N (N slots), or ray://HOST:PORT (10001 as a rule)")


class Link:
    """The process that speaks with Ray, and the line to it. It is gone when `gone` is set."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._numbers = itertools.count(1)
        self._calls: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._lock = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.answer: dict[str, Any] = {}
        self.answered, self.gone = threading.Event(), threading.Event()
        self.heard = 0.0
        here = str(Path(autoloop_kernel.__file__).parent.parent)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, here],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
            start_new_session=True,
        )
        threading.Thread(target=self._listen, name="cluster", daemon=True).start()

    def send(self, order: Mapping[str, Any]) -> None:
        """Send one order; a process that is gone is noticed by its silence."""
        assert self._process.stdin is not None
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def call(self, slot: str, job: Job, tryout: bool) -> tuple[int, queue.SimpleQueue[dict[str, Any] | None]]:
        """Have a job run; gives the call's number, and where what it says arrives: None once this process is gone."""
        number, said = next(self._numbers), queue.SimpleQueue[dict[str, Any] | None]()
        self._calls[number] = said
        if self.gone.is_set():
            said.put(None)
        self.send({"call": number, "slot": slot, "run": to_json(job), "tryout": tryout})
        return number, said

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines, contextlib.suppress(ValueError):
            for line in lines:
                message = json.loads(line)
                self._hear(message["kind"], message["data"])
        self.gone.set()
        self.answered.set()
        for said in list(self._calls.values()):
            said.put(None)

    def _hear(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "beat":
            self.heard = time.monotonic()
        elif kind == "tell":
            self._tell(data.pop("kind"), **data)
        elif kind in ("said", "ended"):
            over = kind == "ended"
            if (said := self._calls.pop(data["call"], None) if over else self._calls.get(data["call"])) is not None:
                said.put({**data, "over": over})
        else:
            self.answer = {kind: data}
            self.answered.set()

    def last_words(self) -> str:
        """The last line that the process wrote to its stderr."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][-300:] if lines else "it said nothing"

    def end(self, patience: float = 0.0) -> None:
        """Leave nothing of it, nor of a cluster that it has started; a clean end has `patience` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        if self._process.poll() is None:
            end_descendants(self._process.pid)
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self.gone.wait(PATIENCE_S)
        self._errors.close()


def silent(link: Link) -> bool:
    """Whether the cluster's head is. A driver that was halted for a while first hears what was said meanwhile."""
    for _ in range(2):
        if time.monotonic() - link.heard < HEAD_S:
            return False
        if link.gone.wait(HALTED_S):
            break
    return True


class Cluster:
    """The slots of a driver on a Ray cluster (see `workers.Workers`), joined again whenever it is lost."""

    def __init__(self, address: str, slots: int | None, mark: str, tell: Tell) -> None:
        self._address, self._mark, self._tell = address, mark, tell
        self._driver = uuid.uuid4().hex
        self._link: Link | None = None
        self._closed = threading.Event()
        self._hardware = ""
        self.pace = Pace()
        link, opened = self._opened(slots)
        self._hardware = opened["hardware"]
        self.slots: Sequence[Slot] = [
            Slot(seat["name"], seat["where"], ClusterExecutor(self, seat["name"])) for seat in opened["slots"]
        ]
        self._link = link
        self._keeper = threading.Thread(target=self._keep, args=(link,), name="cluster-keeper", daemon=True)
        self._keeper.start()

    def _opened(self, slots: int | None) -> tuple[Link, dict[str, Any]]:
        """A process that has joined the cluster, and what it says of it. Raises `AutoloopError` where it cannot."""
        link = Link(self._tell)
        lease_s = float(os.environ.get("AUTOLOOP_LEASE_S") or LEASE_S)
        whose = {"mark": self._mark, "driver": self._driver, "lease_s": lease_s, "hardware": self._hardware}
        link.send({"open": {"address": self._address, "slots": slots, **whose}})
        try:
            if not link.answered.wait(JOIN_S):
                raise AutoloopError(f"the Ray cluster has not answered within {JOIN_S:g} s")
            if "opened" in link.answer:
                return link, link.answer["opened"]
            refusal = link.answer.get("refused", {}).get("text")
            raise AutoloopError(refusal or f"the process that speaks with Ray ended: {link.last_words()}")
        except BaseException:
            link.end()
            raise

    def hardware(self, clock: str) -> str:
        """The class of the machines; several slots of one that has no cards share it, which a wall clock shows."""
        return shared(self._hardware, max(Counter(slot.where for slot in self.slots).values()), clock)

    def link(self) -> Link | None:
        """The connection as it is now, None while there is none."""
        return self._link

    def _keep(self, link: Link) -> None:
        """Watch the connection, and make a new one when it is lost."""
        while True:
            while not link.gone.wait(POLL_S) and not silent(link):
                pass
            if self._closed.is_set():
                return
            self._link = None
            why = f"the cluster's head has not answered for {HEAD_S:g} s" if not link.gone.is_set() else ""
            self._lost(why or f"the process that speaks with Ray ended: {link.last_words()}")
            link.end()
            found = self._again()
            if found is None:
                return
            if self._closed.is_set():
                found.end()
                return
            self._link = link = found

    def _again(self) -> Link | None:
        """A new connection, tried for until there is one; None where this was closed meanwhile."""
        told = ""
        for pause in itertools.chain(AGAIN_S, itertools.repeat(AGAIN_S[-1])):
            try:
                link, _ = self._opened(len(self.slots))
                return link
            except (AutoloopError, OSError) as error:
                if str(error) != told:
                    told = str(error)
                    self._lost(f"{told}; trying again")
            if self._closed.wait(pause):
                return None
        return None

    def _lost(self, text: str) -> None:
        self._tell("worker", name="", where="the cluster", state="lost", text=text, hardware=self._hardware)

    def ended(self, slot: str, outcome: Outcome) -> None:
        """Note how long a run took, and say so once of a worker that is far slower than the others."""
        node = str(outcome.facts.get(HARNESS, {}).get("node", ""))
        if text := self.pace.told(node, outcome):
            self._tell("worker", name=slot, where=node, state="slow", text=text, hardware=self._hardware)

    def close(self) -> None:
        """End the workers, and the cluster where it was started here."""
        self._closed.set()
        if (link := self._link) is not None:
            link.send({"close": True})
            link.end(CLOSE_S)
        self._keeper.join(JOIN_S)


class ClusterExecutor:
    """One slot of a cluster. What it carries between runs is the worker's, which makes ready for the next by itself."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self._name = cluster, name

    def prepare(self) -> None:
        """Nothing: a worker gets ready when its run is being scored."""

    def close(self) -> None:
        """Nothing: the workers end with the cluster's connection."""

    def run(self, job: Job, on_message: Hear, stopped: Callable[[], bool]) -> Outcome:
        """As `LocalExecutor.run`; the facts say which worker it was, and `lost` where its machine was lost.

        Waits while there is no cluster. Raises `AutoloopError` where no machine of it can run the job.
        """
        outcome = self._told(job, False, on_message, stopped)
        self._cluster.ended(self._name, outcome)
        return outcome

    def tryout(self, job: Job, stopped: Callable[[], bool] = lambda: False, seconds: float = SECONDS) -> str:
        """As `LocalExecutor.tryout`, on this slot's worker."""
        return self._told(job, True, lambda kind, data: None, stopped).reason

    def _told(self, job: Job, tryout: bool, on_message: Hear, stopped: Callable[[], bool]) -> Outcome:
        while (link := self._cluster.link()) is None:
            if stopped():
                return Outcome(Verdict.INTERRUPTED, "stopped before it ended")
            time.sleep(POLL_S)
        number, said = link.call(self._name, job, tryout)
        told_at: float | None = None
        while True:
            if told_at is None and stopped():
                told_at = time.monotonic()
                link.send({"call": number, "order": {"stop": True}})
            if told_at is not None and time.monotonic() - told_at > PATIENCE_S:
                return Outcome(Verdict.INTERRUPTED, "stopped before it ended")
            try:
                message = said.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if message is None:
                return self._gone(told_at is not None)
            if message["over"]:
                return _outcome(message)
            if told_at is None and (why := on_message(message["kind"], message["data"])):
                link.send({"call": number, "order": {"prune": why}})

    def _gone(self, told: bool) -> Outcome:
        if told:
            return Outcome(Verdict.INTERRUPTED, "stopped before it ended")
        text = "the cluster was lost while the attempt ran"
        return Outcome(Verdict.INTERRUPTED, text, facts={HARNESS: {"lost": text, "worker": self._name}})


def _outcome(message: Mapping[str, Any]) -> Outcome:
    if "fault" in message:
        raise AutoloopError(message["fault"])
    return outcome_from_json(message["outcome"])


def _environment() -> dict[str, str]:
    """The environment of the process that speaks with Ray, without secrets but for Ray's own token."""
    kept = {name: os.environ[name] for name in ("RAY_AUTH_TOKEN",) if name in os.environ}
    return {**unsecret(os.environ), **kept, "RAY_USAGE_STATS_ENABLED": "0"}
