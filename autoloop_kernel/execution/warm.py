"""The owner's side of the zygote: starting it, replacing it when it is outdated, and asking it for kernels.

`Warmth` belongs to an executor (or to a Jupyter server), `Guardian` to the process that an execution runs in.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoloop_kernel.execution.births import Nursery
from autoloop_kernel.execution.forked import LAST_WORD_S, Forked, ended
from autoloop_kernel.execution.forking import BEFORE_FORK, MARK, MARK_WIDTH, PACKET, readable
from autoloop_kernel.execution.policy import FAMILIES, KEPT
from autoloop_kernel.execution.secrets import unsecret
from autoloop_kernel.records import AutoloopError

WARM_S = 120.0
"""How long imports may take before kernels are started afresh instead."""

WARM = "AUTOLOOP_WARM"
"""The variable that tells an execution's process which descriptor leads to its guardian."""

FORK_S = 30.0
TRIES = 2
"""How many nurseries may end before they are ready until no other is tried."""

LAUNCHER = ["-m", "ipykernel_launcher"]


class NoFork(AutoloopError):
    """A kernel cannot be forked; the text says why. It can be started afresh."""


def forks() -> bool:
    """Whether this system can fork kernels: elsewhere than on Linux a fork of a process with libraries is not safe."""
    return sys.platform.startswith("linux") and hasattr(os, "pidfd_open") and hasattr(socket, "SOCK_SEQPACKET")


@dataclass(frozen=True)
class Recipe:
    """What a zygote is: the kernelspec's name, the modules to import, and the folder none of them may come from.

    One that was made for another folder serves as well, as long as it has imported nothing from this one.
    """

    spec: str
    modules: tuple[str, ...] = ()
    folder: str = field(default="", compare=False)


def interpreter_of(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """A kernel's command as the interpreter with its options, and the arguments. `NoFork` where it is no IPython's."""
    for at in range(1, len(argv) - 1):
        if list(argv[at : at + 2]) == LAUNCHER:
            return list(argv[:at]), list(argv[at + 2 :])
    raise NoFork("its command is not `python -m ipykernel_launcher`")


def command_of(spec: str) -> tuple[list[str], dict[str, str], str]:
    """The interpreter with its options, the environment and the folder of an installed kernelspec."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        found = KernelSpecManager().get_kernel_spec(spec)
    except NoSuchKernel:
        raise NoFork(f"the kernel {spec!r} is not installed") from None
    command, _ = interpreter_of(found.argv)
    names = {"python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}"}
    if command[0] in names:
        command[0] = sys.executable
    return command, dict(found.env), found.resource_dir


def read_at_start() -> dict[str, str]:
    """What of this process's environment a zygote's interpreter and libraries read once, when they start."""
    return {name: value for name, value in os.environ.items() if name.startswith(BEFORE_FORK)}


def import_path(environment: Mapping[str, str]) -> list[str]:
    """The entries of `PYTHONPATH`, as they are meant here: processes that are started work in other folders."""
    entries = environment.get("PYTHONPATH", "").split(os.pathsep)
    return [os.path.abspath(entry) for entry in entries if entry]  # noqa: PTH100


class Zygote:
    """One zygote process. It dies with the thread that starts it, which therefore lives as long as it does."""

    def __init__(self, recipe: Recipe, command: tuple[list[str], dict[str, str], str] | None = None) -> None:
        self.recipe = recipe
        self.fault = ""
        self.settled = threading.Event()
        self._told = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self._command = command
        self._stamps: dict[str, int] = {}
        self._prefix = ""
        self._environment = read_at_start()
        self._line, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._thread = threading.Thread(target=self._keep, name="zygote", daemon=True)
        self._thread.start()
        threading.Thread(target=self._hurry, name="zygote-limit", daemon=True).start()

    def _keep(self) -> None:
        try:
            self._start()
            self._told.set()
            while raw := self._line.recv(PACKET):
                self._hear(json.loads(raw))
        except NoFork as refusal:
            self.fault = str(refusal)
        except OSError as error:
            self.fault = self.fault or f"the zygote could not be started: {error}"
        finally:
            self._theirs.close()
            if self.process is not None:
                status = self.process.wait()
                self.fault = self.fault or f"the zygote ended with status {status}"
            self.fault = self.fault or "the zygote ended"
            self._line.close()
            self._told.set()
            self.settled.set()

    def _start(self) -> None:
        command, env, folder = self._command or command_of(self.recipe.spec)
        base = unsecret({**os.environ, **env})
        base = {name: value for name, value in base.items() if name in (*KEPT, "HOME") or name.startswith(FAMILIES)}
        base |= {"PYDEVD_DISABLE_FILE_VALIDATION": "1", MARK: " " * MARK_WIDTH}
        base.pop("IPYTHONDIR", None)
        own = import_path(base)
        base |= {"PYTHONPATH": os.pathsep.join(own)} if own else {}
        file = Path(__file__).with_name("zygote.py")
        handle = self._theirs.fileno()
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(
            [*command, str(file), str(handle)],
            stdin=null,
            stdout=null,
            stderr=null,
            cwd="/",
            env=base,
            pass_fds=[handle],
            start_new_session=True,
        )
        self._theirs.close()
        for path in filter(Path.exists, [Path(folder, "kernel.json")] if folder else []):
            self._stamps[str(path)] = path.stat().st_mtime_ns
        without = [self.recipe.folder, *own]
        self._line.sendall(json.dumps({"modules": self.recipe.modules, "without": without}).encode())

    def _hear(self, message: Mapping[str, Any]) -> None:
        self._stamps |= dict(message.get("stamps", ()))
        self._prefix = message.get("prefix", self._prefix)
        if "ready" in message:
            self.fault = "" if message["ready"] else f"not safe to fork: {message['why']}"
            self.settled.set()

    def _hurry(self) -> None:
        """End it when its imports take too long: whoever waits for a fork is told, and starts afresh."""
        if not self.settled.wait(WARM_S):
            self.fault = f"its imports took longer than {WARM_S:g} s"
            self.close()

    @property
    def alive(self) -> bool:
        """Whether it can still be asked: it is importing, or ready."""
        return not self.fault and self._thread.is_alive() and not (self.process and ended(self.process.pid))

    def outdated(self) -> bool:
        """Whether a file has changed that it has imported, or the environment that it was started in."""
        if self._environment != read_at_start():
            return True
        if not self.settled.is_set():
            return False
        for path, stamp in self._stamps.items():
            try:
                if Path(path).stat().st_mtime_ns != stamp:
                    return True
            except OSError:
                return True
        return False

    def took_from(self, folder: str) -> bool:
        """Whether it has imported a file that lies below `folder`; none of what lies there may be in a kernel.

        But for what is installed for its interpreter, or is of this package, where those lie below the folder as well.
        """
        inside = f"{folder}{os.sep}"
        own = [f"{one}{os.sep}" for one in (self._prefix, Path(__file__).parent)]
        spared = tuple(one for one in own if one.startswith(inside))
        return bool(folder) and any(path.startswith(inside) and not path.startswith(spared) for path in self._stamps)

    def guard(self, theirs: socket.socket, mark: str) -> None:
        """Have a guardian forked that speaks on `theirs` and carries `mark`; what fails shows on the other end."""
        self._told.wait()  # its first message says what to import, and only the later ones are for guardians
        with contextlib.suppress(OSError, ValueError):
            if self.process is not None:
                self.process.send_signal(signal.SIGCONT)
            socket.send_fds(self._line, [json.dumps({"guard": mark}).encode()], [theirs.fileno()])

    def close(self) -> None:
        """End it and all that it has forked; it is gone when this returns."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(LAST_WORD_S)
            self.process.kill()
        if threading.current_thread() is not self._thread:
            self._thread.join(LAST_WORD_S)


class Warmth:
    """The zygote that fits what is to be run, made anew when that changes, and the nursery of what runs it.

    May be asked from any thread.
    """

    def __init__(self) -> None:
        self._zygote: Zygote | None = None
        self._nursery: Nursery | None = None
        self._stillborn = 0
        self._cold: dict[Recipe, str] = {}
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def zygote(self, recipe: Recipe, may_replace: bool = True) -> Zygote | None:
        """A zygote for `recipe`, perhaps still importing; None where there is none: kernels start afresh then."""
        with self._lock:
            have = self._zygote
            if have is not None and have.recipe == recipe and have.alive and not have.outdated():
                return None if have.took_from(recipe.folder) else have
            if not may_replace or recipe in self._cold:
                return None
            if have is not None:
                if have.recipe == recipe and have.fault and not have._stamps:
                    self._cold[recipe] = have.fault  # it never got ready: it would not the next time either
                have.close()
            self._zygote = None if recipe in self._cold else Zygote(recipe)
            return self._zygote

    def nursery(self, env: Mapping[str, str]) -> Nursery | None:
        """A nursery for processes with the environment `env`, perhaps still importing; None where none gets ready."""
        with self._lock:
            have = self._nursery
            if have is None or not have.alive:
                self._stillborn += have is not None and not have.was_ready
                if self._stillborn < TRIES:
                    self._nursery = Nursery(env)
            return self._nursery if self._nursery is not None and self._nursery.alive else None

    @property
    def barren(self) -> str:
        """Why no nursery is tried any more, "" where one is."""
        return self._nursery.fault if self._nursery is not None and self._stillborn >= TRIES else ""

    def gave_up(self, recipe: Recipe) -> bool:
        """Whether a zygote for `recipe` never got ready: kernels start afresh."""
        return recipe in self._cold

    def news(self, reason: str, what: str = "kernels are") -> str:
        """A line for the person on why `what` started cold, the first time that this reason comes up; else ""."""
        if not reason or reason in self._said:
            return ""
        self._said.add(reason)
        return f"{what} started afresh, not forked warm: {reason}"

    def close(self) -> None:
        """End the zygote and the nursery."""
        with self._lock:
            for one in (self._zygote, self._nursery):
                if one is not None:
                    one.close()
            self._zygote = self._nursery = None


class Guardian:
    """The process that guards one execution's kernels, seen from who asked for it. `pid` is 0 until it has spoken."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.pid = 0
        self._handle = -1
        self._ended: dict[int, int] = {}

    def greet(self) -> None:
        """Wait for its first word, which comes when the zygote has imported all; `NoFork` where none comes."""
        if not self.pid:
            said = self._next(WARM_S + FORK_S)
            if said is None or "guardian" not in said:
                raise NoFork("the zygote has ended, or never got ready")
            self.pid = said["guardian"]
            with contextlib.suppress(OSError):
                self._handle = os.pidfd_open(self.pid)

    def fork(self, order: Mapping[str, Any], handles: Sequence[int]) -> Forked:
        """A kernel as `order` says (arguments, env, cwd, nice, policy), on three descriptors. `NoFork` on refusal."""
        self.greet()
        try:
            socket.send_fds(self._line, [json.dumps(order).encode()], list(handles))
        except OSError as error:
            raise NoFork(f"the zygote could not be asked: {error}") from None
        deadline = time.monotonic() + FORK_S
        while (left := deadline - time.monotonic()) > 0 and (said := self._next(left)) is not None:
            if "refused" in said:
                raise NoFork(said["refused"])
            if "kernel" in said:
                return Forked(self, said["kernel"], tuple(said["lacks"]))
        raise NoFork("the zygote's fork gave no sign of life")

    def _next(self, seconds: float) -> dict[str, Any] | None:
        """The next message that is no news of an end; None at the end of the connection or of `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            ready = readable(self._line, seconds=deadline - time.monotonic())
            try:
                raw = self._line.recv(PACKET) if ready else b""
            except OSError:
                raw = b""
            if not raw:
                return None
            said: dict[str, Any] = json.loads(raw)
            if "ended" not in said:
                return said
            self._ended[said["ended"]] = said["status"]

    def status(self, pid: int, seconds: float) -> int | None:
        """The exit status of a kernel that has ended; waits at most `seconds` for the word."""
        deadline = time.monotonic() + seconds
        while pid not in self._ended:
            ready = readable(self._line, seconds=deadline - time.monotonic())
            if not ready or (self._next(0.0) is None and pid not in self._ended):
                break
        return self._ended.get(pid)

    def alive(self) -> bool:
        """Whether the process is there."""
        return self._handle >= 0 and not readable(self._handle, seconds=0)

    def end(self) -> None:
        """Kill it; what it guarded should have been ended before, and ends with it otherwise."""
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                readable(self._handle, seconds=LAST_WORD_S)

    def close(self) -> None:
        """Let go of it: it ends everything that it guards, and itself."""
        self._line.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
