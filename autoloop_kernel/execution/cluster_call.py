"""One attempt on a cluster, as the process that speaks with Ray sees it: from the files it needs to those it made."""

from __future__ import annotations

import secrets
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayTaskError

from autoloop_kernel.durable import in_words
from autoloop_kernel.execution import cluster_files as files
from autoloop_kernel.execution.cluster_hold import Hold, tidy
from autoloop_kernel.execution.cluster_hub import Hub, Seat, line_of
from autoloop_kernel.execution.cluster_nodes import comparable
from autoloop_kernel.execution.cluster_worker import UNFIT, modules_of
from autoloop_kernel.records import HARNESS, Job, Outcome, Verdict, to_json

WAIT_S = 2.0
"""How long a worker is waited for to say something, before it is asked again."""

SILENT_S = 25.0
"""How long a worker may leave a question unanswered until it counts as lost."""

STARTING_S = 15.0
"""How long a new worker may take, until a person is told that the cluster has no room yet."""

STOP_S = 15.0
"""How long a run may take to end when it is told to, before its worker is ended."""

LINGER_S = 2.0
"""How long after the processes of a run its machine may go, and still count as what has ended them."""

STOPPED = "stopped before it ended"


class Stopped(Exception):
    """The run was told to stop, and its worker did not end it in time."""


class Shipper:
    """Brings arenas' folders to workers, each content once a machine."""

    def __init__(self) -> None:
        tidy()
        self._hold = Hold(f"ship-{secrets.token_hex(8)}")
        self._hold.folder.mkdir(mode=0o700)
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[str, str]] = {}

    def packed(self, folder: Path, seen: str) -> tuple[str, Path]:
        """The folder's content, whose manifest is `seen`, as a tar file, with its digest."""
        with self._lock:
            have = self._known.get(folder)
            if have is None or have[0] != seen:
                fresh = self._hold.folder / "new.tar"
                digest = files.packed(folder, fresh)
                fresh.rename(self._hold.folder / f"{digest}.tar")
                have = self._known[folder] = (seen, digest)
        return have[1], self._hold.folder / f"{have[1]}.tar"

    def close(self) -> None:
        """Leave no file behind."""
        self._hold.drop()


class Call:
    """One attempt, or a trial, in the slot `slot`. `order` may be called from another thread."""

    _placing = threading.Lock()

    def __init__(self, hub: Hub, shipper: Shipper, key: str, job: Job, slot: str, tryout: bool) -> None:
        self._hub, self._shipper, self._key, self._job = hub, shipper, key, job
        self._slot, self._tryout = slot, tryout
        self._stopped_at: float | None = None
        self._actor: Any = None
        self._began = False

    def order(self, order: Mapping[str, Any]) -> None:
        """{"stop": true} or {"prune": REASON}, to whatever worker runs it."""
        if order.get("stop") and self._stopped_at is None:
            self._stopped_at = time.monotonic()
        if self._actor is not None:
            self._actor.order.remote(self._key, dict(order))

    def run(self, said: Callable[[str, Mapping[str, Any]], None]) -> dict[str, Any]:
        """Run it to its end, and put what it made into the job's target; the outcome as `to_json` gives it.

        Its messages go to `said`. Raises `AutoloopError` where no machine of the cluster can run it.
        """
        while (seat := self._seated()) is not None:
            try:
                if not self._fits(seat):
                    continue
                return self._finished(seat, said)
            except Stopped:
                self._hub.dismiss(seat)
                break
            except RayTaskError as error:
                if not isinstance(error.cause, OSError):
                    raise
                return self._unfit(seat, str(error.cause))
            except (RayActorError, GetTimeoutError) as error:
                if getattr(error, "actor_init_failed", False):
                    return self._unfit(seat, str(error).strip().splitlines()[-1])
                return self._lost(seat, error)
            finally:
                if not self._tryout:
                    self._hub.release(seat)
        return _interrupted(STOPPED)

    def _seated(self) -> Seat | None:
        return self._hub.staffed(self._slot, self._key, lambda: self._stopped_at is not None, not self._tryout)

    def _fits(self, seat: Seat) -> bool:
        """Whether the worker's machine has what the job's cells import; one that lacks it is refused for good."""
        modules = modules_of(self._job)
        asked = (seat.node, self._job.rules.kernel, *modules)
        if asked in self._hub.fits:
            return True
        why = self._answer(seat.actor.lacks.remote(self._job.rules.kernel, modules), seat, starting=True)
        if why:
            self._hub.refuse(seat, why)
            return False
        self._hub.fits.add(asked)
        return True

    def _finished(self, seat: Seat, said: Callable[[str, Mapping[str, Any]], None]) -> dict[str, Any]:
        actor = seat.actor
        digest = self._ship(seat)
        job = to_json(self._job)
        if self._tryout:
            begun = actor.start_tryout.remote(self._key, job, digest)
        else:
            begun = actor.start.remote(self._key, job, digest, self._hub.driver)
        self._answer(begun, seat, starting=True)
        self._actor = actor
        if self._stopped_at is not None:
            actor.order.remote(self._key, {"stop": True})
        heard = 0
        while True:
            told = self._answer(actor.hear, seat, heard)
            for kind, data in told["said"]:
                said(kind, data)
            heard += len(told["said"])
            if told["outcome"] is not None:
                if why := told["outcome"]["facts"].get(HARNESS, {}).get(UNFIT):
                    return self._unfit(seat, why)
                if self._is_torn(told["outcome"]) and not self._stands(seat):
                    return self._gone(seat)
                return self._home(seat, told["outcome"], told["size"])

    def _ship(self, seat: Seat) -> str:
        """Have the worker see the arena's folder; the digest of what was sent, "" where it reads the folder itself."""
        folder = self._job.folder
        seen = files.manifest(folder)
        if self._answer(seat.actor.sees.remote(str(folder), seen), seat, starting=True):
            return ""
        digest, tar = self._shipper.packed(folder, seen)
        if not self._answer(seat.actor.has.remote(digest), seat):
            left, number = tar.stat().st_size, 0
            with tar.open("rb") as file:
                while left > 0:
                    piece = file.read(files.PIECE)
                    left -= len(piece)
                    self._answer(seat.actor.take.remote(digest, piece, number, left <= 0), seat)
                    number += 1
        return digest

    def _answer(self, asked: Any, seat: Seat, heard: int | None = None, starting: bool = False) -> Any:
        """What a worker answers, asked again where the connection broke. Raises as `ray.get`, and `Stopped`.

        With `heard`, `asked` is the method that gives what was said from that number on. A worker that is `starting`
        may take its time: the cluster may have no room for it yet.
        """
        since, ref, told = time.monotonic(), None, False
        while True:
            if self._stopped_at is not None and time.monotonic() - self._stopped_at > STOP_S:
                raise Stopped
            try:
                if heard is not None:
                    ref = asked.remote(self._key, heard, WAIT_S)
                return ray.get(asked if ref is None else ref, timeout=WAIT_S + 1.0)
            except (GetTimeoutError, ActorUnavailableError):
                waited = time.monotonic() - since
                if waited > SILENT_S and not starting:
                    raise
                if starting and waited > STARTING_S and not told:
                    told = True
                    self._hub.report(seat, "up", "its worker has not started yet: the cluster may have no room for it")
                if heard is not None:
                    time.sleep(0.2)

    def _is_torn(self, outcome: Mapping[str, Any]) -> bool:
        """Whether something from outside may have ended the run: of a machine that goes down all processes are killed.

        Those of the run may be the first of them, and its worker live to tell.
        """
        if self._tryout or self._stopped_at is not None:
            return False
        return outcome["verdict"] == Verdict.INTERRUPTED or " was killed by SIG" in outcome["reason"]

    def _stands(self, seat: Seat) -> bool:
        """Whether worker and machine are still there a moment later; raises as `ray.get` where the worker is not."""
        time.sleep(LINGER_S)
        self._answer(seat.actor.heed.remote(), seat)
        return self._hub.has(seat.node)

    def _home(self, seat: Seat, outcome: dict[str, Any], size: int) -> dict[str, Any]:
        """Bring the files of the run home; the outcome, which says where it ran."""
        if self._tryout:
            return outcome
        hardware = self._hub.hardware_of(seat)
        where = {"worker": seat.name, "node": self._hub.where(seat), "hardware": hardware}
        outcome["facts"] = {**outcome["facts"], HARNESS: {**outcome["facts"].get(HARNESS, {}), **where}}
        if comparable(hardware) != comparable(self._hub.fit.hardware):
            reason = f"it ran on another kind of machine ({hardware}) than the others ({self._hub.fit.hardware})"
            outcome |= {"verdict": Verdict.INTERRUPTED.value, "score": None, "reason": reason}
        try:
            if size:
                self._fetch(seat, size)
        except (OSError, tarfile.TarError) as error:
            outcome |= {"verdict": Verdict.INTERRUPTED.value, "score": None}
            outcome["reason"] = in_words(error, self._job.target)
        return outcome

    def _fetch(self, seat: Seat, size: int) -> None:
        target, mine = self._job.target, f"{files.ARRIVING}{self._job.attempt}-"
        target.mkdir(parents=True, exist_ok=True)
        files.clear(target, mine)
        tar = target / f"{mine}{secrets.token_hex(4)}"
        with tar.open("wb") as file:
            while file.tell() < size:
                piece = self._answer(seat.actor.piece.remote(self._key, file.tell()), seat)
                if not piece:
                    raise OSError("its files came home cut short")
                file.write(piece)
        with self._placing:
            files.put(tar, target, mine)
        tar.unlink()

    def _lost(self, seat: Seat, error: Exception) -> dict[str, Any]:
        """What a worker's end means: a machine that is gone says nothing of the candidate."""
        where, node = self._hub.where(seat), seat.node
        if isinstance(error, GetTimeoutError) or self._hub.lost(node):
            return self._gone(seat)
        self._hub.dismiss(seat)
        text = f"the worker process on node {where} ended while the attempt ran there: {line_of(error)}"
        self._hub.report(seat, "lost", text, where)
        return _interrupted(text, {"worker": seat.name})

    def _unfit(self, seat: Seat, why: str) -> dict[str, Any]:
        """Its machine cannot run attempts, as with a full disk, which says nothing of the candidate: others may."""
        text = f"node {self._hub.where(seat)} cannot run attempts: {why}"
        self._hub.refuse(seat, f"cannot run attempts: {why}")
        return _interrupted(text, {"lost": text, "worker": seat.name})

    def _gone(self, seat: Seat) -> dict[str, Any]:
        where = self._hub.where(seat)
        text = f"node {where} was lost while the attempt ran there"
        self._hub.dismiss(seat)
        self._hub.report(seat, "lost", text, where)
        return _interrupted(text, {"lost": text, "worker": seat.name})


def _interrupted(reason: str, harness: Mapping[str, Any] | None = None) -> dict[str, Any]:
    told: dict[str, Any] = to_json(Outcome(Verdict.INTERRUPTED, reason, facts={HARNESS: harness} if harness else {}))
    return told
