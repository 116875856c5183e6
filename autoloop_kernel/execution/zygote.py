"""A process that has imported what kernels import, and forks them: `python zygote.py HANDLE`, standard library only.

It is run as a file, by the interpreter of the kernelspec, which may know nothing of Autoloop. HANDLE is one end of a
socketpair (sequential packets of JSON); the end of that connection, or of the thread that started this process, ends
everything. Its first message says what to import. Every later one carries one end of another socketpair: for each, a
guardian is forked, the reaper of all that will run below it. A guardian forks a kernel for every order that it gets.

A guardian's and a kernel's /proc/PID/environ would show this process's environment; so a placeholder of fixed width
stands there for the run's mark, and every fork writes its own over it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MARK = "AUTOLOOP_RUN"
MARK_WIDTH = 240
PACKET = 1 << 20
CHUNK = 400
SEAL_S = 20.0

BEFORE_FORK = (
    *("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "GLIBC_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_"),
    *("NUMEXPR_", "VECLIB_", "NPY_", "TORCH_", "PYTORCH_", "ATEN_", "XLA_", "TF_", "JAX_", "MPLBACKEND", "MATPLOTLIB"),
)
"""How variables begin that are read once, when a process or a library starts: another value needs a fresh process."""

KERNEL_NEEDS = (
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.datapub", "ipykernel.comm.manager"),
    *("IPython.core.completerlib", "IPython.core.magics", "IPython.extensions.storemagic", "IPython.core.profileapp"),
    *("zmq.eventloop.zmqstream", "matplotlib_inline.backend_inline", "matplotlib_inline.config", "debugpy", "psutil"),
    *(
        "concurrent.futures.thread",
        "curses",
        "stack_data",
        "pygments.formatters.terminal256",
        "tornado.platform.asyncio",
    ),
    *("pygments.styles.default", "unicodedata", "sqlite3", "pdb", "asyncio", "jupyter_client.session"),
)
"""What every IPython kernel imports before its first cell, or soon; what is not there is left out."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Refused(Exception):
    """A kernel cannot be forked as ordered; the text says why."""


def die_with(parent: int) -> None:
    """Have this process killed when the thread that made it ends; at once where `parent` is gone already."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Mark:
    """Where the placeholder lies in this process's first environment, and in that of every fork."""

    def __init__(self) -> None:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        start, end = int(fields[47]), int(fields[48])
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


def import_ahead(modules: Iterable[str], without: Iterable[str]) -> None:
    """Import `modules`, never one that lies below a folder of `without`; what fails shows when a cell imports it."""
    barred = [os.path.realpath(folder) + os.sep for folder in without if folder]
    for name in modules:
        with contextlib.suppress(Exception):
            spec = importlib.util.find_spec(name.partition(".")[0])
            places = [spec.origin or "", *(spec.submodule_search_locations or [])] if spec else []
            if places and not any(os.path.realpath(place).startswith(one) for place in places for one in barred):
                importlib.import_module(name)


def unsafe() -> str:
    """Why a fork of this process might not work, "" where nothing speaks against it."""
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        return f"an import started the thread {others[0]!r}"
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is not None and cuda.is_initialized():
        return "an import initialised CUDA"
    return ""


def stamps() -> list[tuple[str, int]]:
    """The files that the imported modules came from, with their times: when one changes, this process is outdated."""
    files = {str(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    found = []
    for file in sorted(files):
        with contextlib.suppress(OSError):
            found.append((file, Path(file).stat().st_mtime_ns))
    return found


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
        watched: list[Any] = [line, self._alarm]
        ready, _, _ = select.select(watched, [], [])
        with contextlib.suppress(BlockingIOError):
            os.read(self._alarm, 4096)
        return line in ready

    def ended(self) -> Iterable[tuple[int, int]]:
        """The children that have ended since, each with its exit status."""
        with contextlib.suppress(ChildProcessError):
            while (one := os.waitpid(-1, os.WNOHANG))[0]:
                yield one[0], os.waitstatus_to_exitcode(one[1])


def guard(line: socket.socket, mark: Mark, run: str, base: dict[str, str]) -> dict[str, Any]:
    """Be the guardian of one execution: returns in a kernel that was forked, with its order; never in the guardian.

    It is a process of a session of its own and adopts every orphan below it; when whoever asked for it is gone,
    everything below it ends, and it too.
    """
    os.setsid()
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    mark.write(run)
    children = Children()
    kernels: set[int] = set()
    say(line, guardian=os.getpid())
    while True:
        heard = children.wait(line)
        for pid, status in children.ended():
            if pid in kernels:
                say(line, ended=pid, status=status)
        if not heard:
            continue
        order, handles = hear(line)
        if order is None:
            end_below()
            os._exit(0)
        try:
            check(order, base)
        except Refused as refusal:
            say(line, refused=str(refusal))
        else:
            reader, writer = os.pipe()
            me = os.getpid()
            pid = children.fork()
            if pid == 0:
                die_with(me)
                os.close(reader)
                line.close()
                settle(order, handles, mark, writer, me)
                return order
            os.close(writer)
            kernels.add(pid)
            say(line, **told(reader), kernel=pid)
        for handle in handles:
            os.close(handle)


def told(reader: int) -> dict[str, Any]:
    """What a fork says of itself before it becomes a kernel."""
    with os.fdopen(reader, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], SEAL_S)
        raw = pipe.read() if ready else b""
    if not raw:
        return {"refused": "the fork did not get ready"}
    said: dict[str, Any] = json.loads(raw)
    return said


def check(order: dict[str, Any], base: dict[str, str]) -> None:
    """Refuse an order whose environment differs in what was read when this process started."""
    env = order["env"]
    for name in sorted({*env, *base}):
        if name.startswith(BEFORE_FORK) and name != "PYTHONPATH" and env.get(name, base.get(name)) != base.get(name):
            raise Refused(f"{name} has another value")
        if name.startswith(BEFORE_FORK) and name not in env and name != "MPLBACKEND" and name != "PYTHONPATH":
            raise Refused(f"{name} is not set")
    if not joined(env).endswith(joined(base)):
        raise Refused("PYTHONPATH has another end")


def joined(env: dict[str, str]) -> str:
    """The import path of an environment, with a separator before each entry."""
    return "".join(os.pathsep + entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry)


def settle(order: dict[str, Any], handles: list[int], mark: Mark, writer: int, parent: int) -> None:
    """Make this fork the process that was ordered: session, descriptors, environment, folder, seal; then say so."""
    os.setsid()
    for target, handle in enumerate(handles):
        os.dup2(handle, target)
    for handle in handles:
        os.close(handle)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=os.isatty(stream.fileno()))  # type: ignore[union-attr]
    mark.write(order["env"].get(MARK, ""))
    before = len(joined(dict(os.environ)))
    fresh = [entry for entry in joined(order["env"])[: len(joined(order["env"])) - before].split(os.pathsep) if entry]
    os.environ.clear()
    os.environ.update(order["env"], JPY_PARENT_PID=str(parent))
    sys.path[:0] = fresh
    os.chdir(order["cwd"])
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, order["nice"])
    tempfile.tempdir = None
    random.seed()
    if (numpy := sys.modules.get("numpy.random")) is not None:
        numpy.seed()
    lacks = seal(order["policy"]) if order.get("policy") is not None else ()
    die_with(parent)  # new rights may have undone it
    os.write(writer, json.dumps({"lacks": lacks}).encode())
    os.close(writer)


def seal(policy: dict[str, Any]) -> tuple[str, ...]:
    """Shut this process in, by the sandbox that lies beside this file; returns what the machine could not give."""
    spec = importlib.util.spec_from_file_location("_autoloop_sandbox", HERE / "sandbox.py")
    assert spec is not None
    assert spec.loader is not None
    sandbox = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = sandbox
    spec.loader.exec_module(sandbox)
    lacks: tuple[str, ...] = sandbox.seal(sandbox.Policy.from_json(policy))
    return lacks


def warm_up(line: socket.socket) -> bool:
    """Import what the first message names and say that this is done; False where nothing is to be forked."""
    order, _ = hear(line)
    if order is None:
        return False
    import_ahead(KERNEL_NEEDS, ())
    import_ahead(order["modules"], order["without"])
    why = unsafe()
    known = stamps()
    for first in range(0, len(known), CHUNK):
        say(line, stamps=known[first : first + CHUNK])
    gc.collect()
    gc.freeze()
    say(line, ready=not why, why=why)
    while (
        why and order is not None
    ):  # whoever asks is refused, and our last word is not cut off by what we did not hear
        order, handles = hear(line)
        for handle in handles:
            os.close(handle)
    return not why


def serve(line: socket.socket, mark: Mark, base: dict[str, str]) -> dict[str, Any] | None:
    """Fork a guardian for every message; returns in a kernel with its order, and in this process at the end."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    children, guardians = Children(), set[int]()
    while True:
        heard = children.wait(line)
        gone = {pid for pid, _ in children.ended()} & guardians
        if gone:  # whatever it was guarding is ours now, and nobody's run any more
            guardians -= gone
            end_below(guardians)
        if not heard:
            continue
        message, handles = hear(line)
        if message is None:
            end_below()
            return None
        me = os.getpid()
        pid = children.fork()
        if pid == 0:
            die_with(me)
            line.close()
            return guard(socket.socket(fileno=handles[0]), mark, message["guard"], base)
        guardians.add(pid)
        os.close(handles[0])


def prepare(handle: int) -> dict[str, Any] | None:
    """All that comes before a kernel; returns its order in a fork that is to be one, None in the process itself."""
    die_with(os.getppid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != HERE]
    line = socket.socket(fileno=handle)
    try:
        mark = Mark()
    except (OSError, Refused, ValueError) as error:
        say(line, ready=False, why=str(error))
        return None
    base = {name: value for name, value in os.environ.items() if name != MARK}
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    return serve(line, mark, base) if warm_up(line) else None


def become(order: dict[str, Any]) -> None:
    """Be the kernel of `order`, as `python -m ipykernel_launcher` would be."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    launcher = importlib.util.find_spec("ipykernel_launcher")
    sys.argv[:] = [launcher.origin if launcher and launcher.origin else "", *order["arguments"]]
    from ipykernel import kernelapp

    # The parent's id was read from the environment when the module was imported, and there was none.
    kernelapp.launch_new_instance(parent_handle=int(os.environ["JPY_PARENT_PID"]))


if __name__ == "__main__":
    _order = prepare(int(sys.argv[1]))
    if _order is None:
        os._exit(0)
    become(_order)
