"""How the process of an execution comes to be: forked by a nursery that has imported all it needs, else started afresh.

A `Birth` is a process that was asked for. Nobody waits for it until somebody has to know that it is there.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import autoloop_kernel
from autoloop_kernel.execution.forked import LAST_WORD_S, Forked, ended
from autoloop_kernel.execution.forking import MARK, MARK_WIDTH, PACKET

NURSERY = "autoloop_kernel.execution.nursery"
READY_S = 120.0
"""How long its imports may take before processes are started afresh instead."""

ROOM = 400
"""How many characters `ps` may show of a process that was forked."""

Process = subprocess.Popen[bytes] | Forked


class Birth:
    """A process `python -m MODULE ROOT` that is to be, in the folder ROOT, which is made with it.

    `handles` are its stdin, stdout, stderr and perhaps one more, whose number the variable `passed` tells it; they are
    let go of here once the process has them.
    """

    def __init__(self, module: str, root: Path, env: Mapping[str, str], handles: Sequence[int], passed: str) -> None:
        self.module, self.root, self.env, self.passed = module, root, dict(env), passed
        self.handles = list(handles)
        self._there = threading.Event()
        self._process: Process | None = None
        self._fault: OSError | None = None

    @property
    def process(self) -> Process:
        """The process, waited for. Raises `OSError` where the system starts none, or it was called off."""
        self._there.wait()
        if self._process is None:
            raise self._fault or OSError("the process was called off")
        return self._process

    @property
    def gone(self) -> bool:
        """Whether it has ended, or could not be started."""
        return self._there.is_set() and (self._process is None or self._process.poll() is not None)

    def order(self) -> dict[str, Any]:
        """What a nursery is told of it; the descriptors travel with that."""
        return {"module": self.module, "root": str(self.root), "env": self.env, "passed": self.passed}

    def born(self, process: Process | None) -> None:
        """It is there; None: it never will be."""
        self._process = process
        for handle in self.handles:
            os.close(handle)
        self._there.set()

    def afresh(self) -> None:
        """Start it as a process that imports everything itself."""
        more = self.handles[3:]
        process = None
        try:
            self.root.mkdir(mode=0o700, exist_ok=True)
            process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(self.root)],
                stdin=self.handles[0],
                stdout=self.handles[1],
                stderr=self.handles[2],
                cwd=self.root,
                env={**self.env, **({self.passed: str(more[0])} if more else {})},
                pass_fds=more,
                start_new_session=True,
            )
        except OSError as error:
            self._fault = error
        self.born(process)


class Nursery:
    """One nursery process with the environment `env`. It dies with the thread that starts it, which waits for its end.

    `fault` says why nothing can be forked by it (any more); what it is asked for then is started afresh.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self.fault = ""
        self.was_ready = self._closed = False
        self.process: subprocess.Popen[bytes] | None = None
        self._env = {**env, MARK: " " * MARK_WIDTH}
        self._line, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._news = threading.Condition(threading.RLock())
        self._waiting: deque[Birth] = deque()
        self._ordered: dict[int, Birth] = {}
        self._numbers = itertools.count()
        self._ended: dict[int, int] = {}
        self._limit = threading.Timer(READY_S, self._too_slow)
        self._limit.daemon = True
        self._limit.start()
        self._thread = threading.Thread(target=self._keep, name="nursery", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it can still be asked: it is importing, or ready."""
        return not self.fault and not (self.process and ended(self.process.pid))

    def bear(self, birth: Birth) -> None:
        """Have a process forked as soon as this may be; where it may not, it is started afresh."""
        with self._news:
            if self.fault:
                birth.afresh()
            elif self.was_ready:
                self._order(birth)
            else:
                self._waiting.append(birth)

    def call_off(self, birth: Birth) -> bool:
        """Take back what has not been begun; says whether that was in time."""
        with self._news:
            if birth not in self._waiting:
                return False
            self._waiting.remove(birth)
        birth.born(None)
        return True

    def status(self, pid: int, seconds: float) -> int | None:
        """As `forked.Parent` says; a nursery that has ended leaves no word."""
        with self._news:
            self._news.wait_for(lambda: pid in self._ended or bool(self.fault), seconds)
            return self._ended.pop(pid, None)

    def close(self) -> None:
        """End it; what it has forked goes on until it is ended by itself."""
        with self._news:
            self._closed = True
            if self.process is not None:
                self.process.kill()
        if threading.current_thread() is not self._thread:
            self._thread.join(LAST_WORD_S)

    def _keep(self) -> None:
        try:
            self._start()
            while raw := self._line.recv(PACKET):
                with self._news:
                    self._hear(json.loads(raw))
                    self._news.notify_all()
        except OSError as error:
            self.fault = self.fault or f"the nursery could not be started: {error}"
        finally:
            self._over()

    def _start(self) -> None:
        handle, null = self._theirs.fileno(), subprocess.DEVNULL
        with self._news:
            if not self._closed:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", NURSERY, str(handle), " " * ROOM],
                    stdin=null,
                    stdout=null,
                    stderr=null,
                    cwd=Path(autoloop_kernel.__file__).parent.parent,
                    env=self._env,
                    pass_fds=[handle],
                    start_new_session=True,
                )
            self._theirs.close()

    def _hear(self, said: Mapping[str, Any]) -> None:
        if "ready" in said:
            self._limit.cancel()
            self.was_ready = said["ready"]
            self.fault = said["why"]
            while self._waiting and self.was_ready:
                self._order(self._waiting.popleft())
        elif "born" in said:
            self._ordered.pop(said["number"]).born(Forked(self, said["born"]))
        elif (unborn := self._ordered.pop(said["number"], None)) is not None:
            unborn.afresh()  # it was refused, or it died before it could say that it was there
        else:
            self._ended[said["ended"]] = said["status"]

    def _order(self, birth: Birth) -> None:
        number = next(self._numbers)
        try:
            if self.process is not None:
                self.process.send_signal(signal.SIGCONT)
            socket.send_fds(self._line, [json.dumps({**birth.order(), "number": number}).encode()], birth.handles)
        except OSError:  # too large an environment, or it has just ended
            birth.afresh()
        else:
            self._ordered[number] = birth

    def _over(self) -> None:
        """It has ended: what it was still asked for cannot be there, since a fork holds the connection until it is."""
        self._limit.cancel()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        with self._news:
            self.fault = self.fault or "the nursery has ended"
            self._theirs.close()
            self._line.close()
            left = [*self._ordered.values(), *self._waiting]
            self._ordered.clear()
            self._waiting.clear()
            for birth in left:
                birth.afresh()
            self._news.notify_all()

    def _too_slow(self) -> None:
        self.fault = self.fault or f"its imports took longer than {READY_S:g} s"
        self.close()


__all__ = ["Birth", "Nursery"]
