"""What a process is made of that forks others: its imports, its words with its owner, its children and their marks.

Standard library alone: `zygote.py` is run as a file by an interpreter that may know nothing of Autoloop, and loads this
one from beside it. `nursery.py` is made of it, too.

/proc/PID/environ of a fork would show the environment of the process that forked it; so a placeholder of fixed width
stands there for a run's mark, and every fork writes its own over it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import json
import math
import os
import select
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from typing import Any

MARK = "AUTOLOOP_RUN"
MARK_WIDTH = 240
PACKET = 1 << 20

BEFORE_FORK = (
    *("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "GLIBC_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_"),
    *("NUMEXPR_", "VECLIB_", "NPY_", "TORCH_", "PYTORCH_", "ATEN_", "XLA_", "TF_", "JAX_", "MPLBACKEND", "MATPLOTLIB"),
)
"""How variables begin that are read once, when a process or a library starts: another value needs a fresh process."""

LATER = ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE")
"""Variables that begin so and may differ: forks are given the import path, and IPython looks for the start-up file."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_ARGUMENTS, _ENVIRONMENT = 48, 50


class Refused(Exception):
    """A kernel cannot be forked as ordered; the text says why."""


def die_with(parent: int) -> None:
    """Have this process killed when the thread that made it ends; at once where `parent` is gone already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _stretch(first: int) -> tuple[int, int]:
    """Where a part of this process's memory begins and ends that /proc shows: fields `first` and next of its stat."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return int(fields[first - 3]), int(fields[first - 2])


def show_command(words: Iterable[str]) -> None:
    """Let /proc/self/cmdline say `words`, as many as find room where this process's own arguments stand."""
    start, end = _stretch(_ARGUMENTS)
    raw = b"\0".join(os.fsencode(word) for word in words)[: end - start - 1]
    ctypes.memmove(start, raw.ljust(end - start - 1) + b"\0", end - start)


class Mark:
    """Where the placeholder lies in this process's first environment, and in that of every fork."""

    def __init__(self) -> None:
        start, end = _stretch(_ENVIRONMENT)
        shown, name = ctypes.string_at(start, end - start), MARK.encode() + b"="
        at = 0 if shown.startswith(name) else shown.index(b"\0" + name) + 1
        self._address = start + at + len(name)
        if shown.index(b"\0", at) - at - len(name) != MARK_WIDTH:
            raise Refused("its environment holds no place for a run's mark")

    def write(self, mark: str) -> None:
        """Let /proc/self/environ say that this process belongs to the run `mark`."""
        raw = mark.encode()
        if len(raw) > MARK_WIDTH:
            raise Refused(f"a run's mark may take {MARK_WIDTH} bytes, this one takes {len(raw)}")
        ctypes.memmove(self._address, raw.ljust(MARK_WIDTH), MARK_WIDTH)


def say(line: socket.socket, **message: Any) -> None:
    """Send one message; who no longer listens needs none."""
    with contextlib.suppress(OSError):
        line.sendall(json.dumps(message).encode())


def hear(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and the descriptors that came with it; None at the end of the connection."""
    try:
        raw, handles, _, _ = socket.recv_fds(line, PACKET, 8)
    except ConnectionError:
        return None, []
    return (json.loads(raw), handles) if raw else (None, [])


def readable(*files: Any, seconds: float | None = None) -> list[Any]:
    """Those of `files` (or descriptors) that can be read from, or have ended, once one can; none after `seconds`.

    By `poll`, since `select` takes no descriptor beyond 1023, and a server or a notebook may have that many open.
    """
    poll = select.poll()
    numbers = {file if isinstance(file, int) else file.fileno(): file for file in files}
    for number in numbers:
        poll.register(number, select.POLLIN)
    ready = poll.poll(None if seconds is None else math.ceil(1000 * max(0.0, seconds)))
    return [numbers[number] for number, _ in ready]


def import_ahead(modules: Iterable[str], without: Iterable[str]) -> None:
    """Import `modules`, never one that lies below a folder of `without`; what fails shows when a cell imports it.

    What is installed for this interpreter is none of such a folder's, though the environment may lie in it.
    """
    barred = [os.path.realpath(folder) + os.sep for folder in without if folder]
    own = os.path.realpath(sys.prefix) + os.sep
    for name in modules:
        with contextlib.suppress(Exception):
            spec = importlib.util.find_spec(name.partition(".")[0])
            places = [spec.origin or "", *(spec.submodule_search_locations or [])] if spec else []
            real = [os.path.realpath(place) for place in places]
            if places and not any(_of(one, place, own) for place in real for one in barred):
                importlib.import_module(name)


def _of(folder: str, place: str, own: str) -> bool:
    return place.startswith(folder) and not (own.startswith(folder) and place.startswith(own))


def unsafe() -> str:
    """Why a fork of this process might not work, "" where nothing speaks against it."""
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        return f"an import started the thread {others[0]!r}"
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is not None and cuda.is_initialized():
        return "an import initialised CUDA"
    return ""


def check(order: dict[str, Any], base: dict[str, str]) -> None:
    """Refuse an order whose environment differs in what was read when this process started."""
    env = order["env"]
    for name in sorted({*env, *base}):
        if name.startswith(BEFORE_FORK) and name not in LATER:
            if env.get(name, base.get(name)) != base.get(name):
                raise Refused(f"{name} has another value")
            if name not in env and name != "MPLBACKEND":
                raise Refused(f"{name} is not set")
    if not joined(env).endswith(joined(base)):
        raise Refused("PYTHONPATH has another end")


def joined(env: dict[str, str]) -> str:
    """The import path of an environment, with a separator before each entry."""
    return "".join(os.pathsep + entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry)


def fresh_path(env: dict[str, str]) -> list[str]:
    """The entries that an environment which was not refused puts before this process's own import path."""
    whole = joined(env)
    return [one for one in whole[: len(whole) - len(joined(dict(os.environ)))].split(os.pathsep) if one]


def family(root: int) -> set[int]:
    """The living descendants of the process `root`."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{int(name)}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                children.setdefault(int(fields[1]), []).append(int(name))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        new = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found |= set(new)
        waiting += new
    return found


def end_below(spared: Iterable[int] = ()) -> None:
    """Kill every descendant of this process but the families of `spared`; stopped first, so that none forks on."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        halted: set[int] = set()
        kept = set(spared).union(*(family(pid) for pid in spared))
        while fresh := family(os.getpid()) - kept - halted:
            _signal(fresh, signal.SIGSTOP)
            halted |= fresh
        if not halted:
            return
        _signal(halted, signal.SIGKILL)
        time.sleep(0.002)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


class Children:
    """Forks, and hears through a pipe when one of them ends."""

    def __init__(self) -> None:
        self._alarm, self._bell = os.pipe()
        for handle in (self._alarm, self._bell):
            os.set_blocking(handle, False)
        signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def fork(self) -> int:
        """0 in the child, which hears of no process any more."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for handle in (self._alarm, self._bell):
                os.close(handle)
        return pid

    def wait(self, line: socket.socket) -> bool:
        """Wait for a message or the end of a child; says whether there is a message."""
        ready = readable(line, self._alarm)
        with contextlib.suppress(BlockingIOError):
            os.read(self._alarm, 4096)
        return line in ready

    def ended(self) -> Iterable[tuple[int, int]]:
        """The children that have ended since, each with its exit status."""
        with contextlib.suppress(ChildProcessError):
            while (one := os.waitpid(-1, os.WNOHANG))[0]:
                yield one[0], os.waitstatus_to_exitcode(one[1])
