"""A process that has imported what kernels import, and forks them: `python zygote.py HANDLE`, standard library only.

It is run as a file, by the interpreter of the kernelspec, which may know nothing of Autoloop. HANDLE is one end of a
socketpair (sequential packets of JSON); the end of that connection, or of the thread that started this process, ends
everything. Its first message says what to import. Every later one carries one end of another socketpair: for each, a
guardian is forked, the reaper of all that will run below it. A guardian forks a kernel for every order that it gets.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import random
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent


def beside(name: str) -> Any:
    """The module `name` that lies beside this file, under a name of its own: this process may not know the package."""
    spec = importlib.util.spec_from_file_location(f"_autoloop_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks for its module there
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


if TYPE_CHECKING or __name__ != "__main__":
    from autoloop_kernel.execution import forking
else:
    forking = beside("forking")

CHUNK = 400
SEAL_S = 20.0
BACKLOG = 20_000
"""How many outputs may wait in a kernel to be taken."""

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


def stamps() -> list[tuple[str, int]]:
    """The files that the imported modules came from, with their times: when one changes, this process is outdated."""
    files = {str(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    found = []
    for file in sorted(files):
        with contextlib.suppress(OSError):
            found.append((file, Path(file).stat().st_mtime_ns))
    return found


def guard(line: socket.socket, mark: forking.Mark, run: str, base: dict[str, str]) -> dict[str, Any]:
    """Be the guardian of one execution: returns in a kernel that was forked, with its order; never in the guardian.

    It is a process of a session of its own and adopts every orphan below it; when whoever asked for it is gone,
    everything below it ends, and it too.
    """
    os.setsid()
    forking.adopt_orphans()
    mark.write(run)
    children = forking.Children()
    kernels: set[int] = set()
    forking.say(line, guardian=os.getpid())
    while True:
        heard = children.wait(line)
        for pid, status in children.ended():
            if pid in kernels:
                forking.say(line, ended=pid, status=status)
        if not heard:
            continue
        order, handles = forking.hear(line)
        if order is None:
            forking.end_below()
            os._exit(0)
        try:
            forking.check(order, base)
        except forking.Refused as refusal:
            forking.say(line, refused=str(refusal))
        else:
            reader, writer = os.pipe()
            me = os.getpid()
            pid = children.fork()
            if pid == 0:
                forking.die_with(me)
                os.close(reader)
                line.close()
                settle(order, handles, mark, writer, me)
                return order
            os.close(writer)
            kernels.add(pid)
            forking.say(line, **told(reader), kernel=pid)
        for handle in handles:
            os.close(handle)


def told(reader: int) -> dict[str, Any]:
    """What a fork says of itself before it becomes a kernel."""
    with os.fdopen(reader, "rb") as pipe:
        ready = forking.readable(pipe, seconds=SEAL_S)
        raw = pipe.read() if ready else b""
    if not raw:
        return {"refused": "the fork did not get ready"}
    said: dict[str, Any] = json.loads(raw)
    return said


def settle(order: dict[str, Any], handles: list[int], mark: forking.Mark, writer: int, parent: int) -> None:
    """Make this fork the process that was ordered: session, descriptors, environment, folder, seal; then say so."""
    os.setsid()
    for target, handle in enumerate(handles):
        os.dup2(handle, target)
    for handle in handles:
        os.close(handle)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=os.isatty(stream.fileno()))  # type: ignore[union-attr]
    mark.write(order["env"].get(forking.MARK, ""))
    fresh = forking.fresh_path(order["env"])
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
    forking.die_with(parent)  # new rights may have undone it
    os.write(writer, json.dumps({"lacks": lacks}).encode())
    os.close(writer)


def seal(policy: dict[str, Any]) -> tuple[str, ...]:
    """Shut this process in, by the sandbox that lies beside this file; returns what the machine could not give."""
    sandbox = beside("sandbox")
    lacks: tuple[str, ...] = sandbox.seal(sandbox.Policy.from_json(policy))
    return lacks


def warm_up(line: socket.socket) -> bool:
    """Import what the first message names and say that this is done; False where nothing is to be forked."""
    order, _ = forking.hear(line)
    if order is None:
        return False
    forking.import_ahead(KERNEL_NEEDS, ())
    forking.import_ahead(order["modules"], order["without"])
    why = forking.unsafe()
    forking.say(line, prefix=sys.prefix)
    known = stamps()
    for first in range(0, len(known), CHUNK):
        forking.say(line, stamps=known[first : first + CHUNK])
    gc.collect()
    gc.freeze()
    forking.say(line, ready=not why, why=why)
    while (
        why and order is not None
    ):  # whoever asks is refused, and our last word is not cut off by what we did not hear
        order, handles = forking.hear(line)
        for handle in handles:
            os.close(handle)
    return not why


def serve(line: socket.socket, mark: forking.Mark, base: dict[str, str]) -> dict[str, Any] | None:
    """Fork a guardian for every message; returns in a kernel with its order, and in this process at the end."""
    forking.adopt_orphans()
    children, guardians = forking.Children(), set[int]()
    while True:
        heard = children.wait(line)
        gone = {pid for pid, _ in children.ended()} & guardians
        if gone:  # whatever it was guarding is ours now, and nobody's run any more
            guardians -= gone
            forking.end_below(guardians)
        if not heard:
            continue
        message, handles = forking.hear(line)
        if message is None:
            forking.end_below()
            return None
        me = os.getpid()
        pid = children.fork()
        if pid == 0:
            forking.die_with(me)
            line.close()
            return guard(socket.socket(fileno=handles[0]), mark, message["guard"], base)
        guardians.add(pid)
        os.close(handles[0])


def prepare(handle: int) -> dict[str, Any] | None:
    """All that comes before a kernel; returns its order in a fork that is to be one, None in the process itself."""
    forking.die_with(os.getppid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != HERE]
    line = socket.socket(fileno=handle)
    try:
        mark = forking.Mark()
    except (OSError, forking.Refused, ValueError) as error:
        forking.say(line, ready=False, why=str(error))
        return None
    base = {name: value for name, value in os.environ.items() if name != forking.MARK}
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    return serve(line, mark, base) if warm_up(line) else None


def become(order: dict[str, Any]) -> None:
    """Be the kernel of `order`, as `python -m ipykernel_launcher` would be."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    launcher = importlib.util.find_spec("ipykernel_launcher")
    sys.argv[:] = [launcher.origin if launcher and launcher.origin else "", *order["arguments"]]
    import zmq
    from ipykernel.kernelapp import IPKernelApp

    class Patient(IPKernelApp):
        """The kernel's application; what it prints waits where a busy machine cannot take it yet."""

        def init_iopub(self, context: Any) -> None:
            """Give the socket of the outputs more room than ZeroMQ's 1,000 messages, beyond which they are lost."""
            context.setsockopt(zmq.SNDHWM, BACKLOG)
            super().init_iopub(context)  # type: ignore[no-untyped-call]

    # The parent's id was read from the environment when the module was imported, and there was none.
    Patient.launch_instance(parent_handle=int(os.environ["JPY_PARENT_PID"]))


if __name__ == "__main__":
    _order = prepare(int(sys.argv[1]))
    if _order is None:
        os._exit(0)
    become(_order)
