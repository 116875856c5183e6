"""A process that has imported what an execution needs, and forks its process: `python -m … HANDLE PLACEHOLDER`.

HANDLE is one end of a socketpair (sequential packets of JSON), the other end of which `births` holds. It says `ready`
once all is imported; each order that comes then brings the descriptors of a process to be: it is forked at once, knows
nothing of its siblings, and becomes what `python -m MODULE` would have become, a second earlier. The nursery ends with
its connection or with the thread that started it. Its forks do not: each ends when its own owner lets go of it.
"""

from __future__ import annotations

from autoloop_kernel.quickly import leave_out_grammar

leave_out_grammar()  # a second of every start; it has to be said before anything imports nbformat

import contextlib  # noqa: E402
import gc  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import runpy  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from autoloop_kernel.execution import forking  # noqa: E402

NEEDS = (
    *("papermill.execute", "papermill.engines", "papermill.exceptions", "nbformat", "autoloop_kernel.execution.engine"),
    *("autoloop_kernel.execution.contention", "autoloop_kernel.execution.receipt", "autoloop_kernel.execution.course"),
    *("autoloop_kernel.execution.pair", "autoloop_kernel.execution.scratch", "autoloop_kernel.execution.warm"),
    *("zmq.asyncio", "jupyter_client.asynchronous", "jupyter_client.ioloop", "jupyter_client.provisioning.factory"),
    *("IPython", "ipykernel.kernelspec"),  # by which jupyter_client finds the kernelspecs
)
"""What the process of an execution imports from its start to its end, as far as it is installed."""


def rehearse() -> None:
    """Have compiled and looked up, once for all forks, what each would do anew: the notebooks' schema, provisioners."""
    import nbformat
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()]))
    KernelProvisionerFactory.instance()


def serve(line: socket.socket, mark: forking.Mark, base: dict[str, str]) -> dict[str, Any]:
    """Fork a process for every order: returns in each with its order, never in the nursery itself."""
    children, numbers = forking.Children(), dict[int, int]()
    while True:
        heard = children.wait(line)
        for pid, status in children.ended():
            forking.say(line, ended=pid, status=status, number=numbers.pop(pid))
        if not heard:
            continue
        order, handles = forking.hear(line)
        if order is None:
            os._exit(0)
        try:
            forking.check(order, base)
        except forking.Refused as refusal:
            forking.say(line, refused=str(refusal), number=order["number"])
        else:
            pid = children.fork()
            if pid == 0:
                settle(order, handles, mark)
                # said by itself: who hears the end of the connection has heard of all that there are
                forking.say(line, born=os.getpid(), number=order["number"])
                line.close()
                return order
            numbers[pid] = order["number"]
        for handle in handles:
            os.close(handle)


def settle(order: dict[str, Any], handles: list[int], mark: forking.Mark) -> None:
    """Make this fork the process that was ordered: session, descriptors, environment, folder, and what `ps` shows."""
    os.setsid()
    for target, handle in enumerate(handles[:3]):
        os.dup2(handle, target)
        os.close(handle)
    env = order["env"]
    if len(handles) > 3:
        env[order["passed"]] = str(handles[3])
    mark.write(env.get(forking.MARK, ""))
    forking.show_command([sys.executable, "-m", order["module"], order["root"]])
    first = [] if getattr(sys.flags, "safe_path", False) else [order["root"]]  # `-m` puts the current folder there
    sys.path[: len(first)] = [*first, *forking.fresh_path(env)]
    os.environ.clear()
    os.environ.update(env)
    Path(order["root"]).mkdir(mode=0o700, exist_ok=True)  # not before: nobody would remove it, were its owner killed
    os.chdir(order["root"])
    tempfile.tempdir = None
    random.seed()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main() -> None:
    """Import, say so, and fork until the owner is gone."""
    forking.die_with(os.getppid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = socket.socket(fileno=int(sys.argv[1]))
    mark = forking.Mark()
    base = {name: value for name, value in os.environ.items() if name != forking.MARK}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forking.import_ahead(NEEDS, ())
        with contextlib.suppress(Exception):  # what fails here fails, and is told, where it is needed
            rehearse()
    why = forking.unsafe()
    gc.collect()
    gc.freeze()
    forking.say(line, ready=not why, why=why)
    if why:
        os._exit(0)
    order = serve(line, mark, base)
    sys.argv[:] = [order["module"], order["root"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
