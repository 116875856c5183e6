"""The Jupyter kernel provisioner `autoloop-provisioner`: kernels that a zygote forks, else fresh processes.

An execution's kernels are given their guardian. For a person's kernels (kernelspec `autoloop`) the server's process
keeps a zygote of its own: the first start is a fresh process while that one imports, later ones and restarts are forks.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Mapping
from typing import Any

from autoloop_kernel.execution.launcher import SealedProvisioner
from autoloop_kernel.execution.warm import Guardian, NoFork, Recipe, Zygote, forks, interpreter_of

NAME = "autoloop-provisioner"
_zygotes: dict[tuple[str, ...], Zygote] = {}


class AutoloopProvisioner(SealedProvisioner):
    """Forks the kernel where it can, sealed by `policy` as a fresh one would be. `cold` says why it could not."""

    guardian: Guardian | None = None
    own: Guardian | None = None
    cold = ""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork the kernel that `cmd` would start, or start it afresh; takes what `subprocess.Popen` takes."""
        try:
            forked = self._forked(cmd, kwargs)
        except NoFork as refusal:
            self.cold = str(refusal)
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self._lacks = forked, forked.lacks
        self.pid = self.pgid = forked.pid
        self.cwd = kwargs.get("cwd") or os.getcwd()  # noqa: PTH109
        return self.connection_info

    def _forked(self, cmd: list[str], kwargs: Mapping[str, Any]) -> Any:
        interpreter, arguments = interpreter_of(cmd)
        env = dict(kwargs.get("env") or os.environ)
        guardian = self.guardian or self._own_guardian(interpreter, env)
        order = {
            "arguments": arguments,
            "env": env,
            "cwd": str(kwargs.get("cwd") or os.getcwd()),  # noqa: PTH109
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
            "policy": self.policy,
        }
        with contextlib.ExitStack() as opened:
            return guardian.fork(order, _descriptors(kwargs, opened))

    def _own_guardian(self, interpreter: list[str], env: Mapping[str, str]) -> Guardian:
        """A guardian for this kernel alone, of the zygote that this process keeps for the interpreter."""
        if not forks():
            raise NoFork("this system cannot fork kernels safely")
        key, zygote = tuple(interpreter), _zygotes.get(tuple(interpreter))
        if zygote is None or not zygote.alive or zygote.outdated():
            if zygote is not None:
                zygote.close()
            _zygotes[key] = Zygote(Recipe(self.kernel_spec.name or "autoloop"), (interpreter, {}, ""))
            raise NoFork("nothing is imported yet")
        if not zygote.settled.is_set():
            raise NoFork("nothing is imported yet")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        zygote.guard(theirs, env.get("AUTOLOOP_RUN", ""))
        theirs.close()
        self._let_go()
        self.own = Guardian(ours)
        return self.own

    async def cleanup(self, restart: bool = False) -> None:
        """Let go of the guardian of a person's kernel, which ends what that kernel has left."""
        self._let_go()
        await super().cleanup(restart)

    def _let_go(self) -> None:
        if self.own is not None:
            self.own.close()
            self.own = None


def _descriptors(kwargs: Mapping[str, Any], opened: contextlib.ExitStack) -> list[int]:
    """The three descriptors that `subprocess.Popen` would give the process; its stdin is always empty."""
    null = os.open(os.devnull, os.O_RDWR)
    opened.callback(os.close, null)
    found: list[int] = []
    for name, inherited in (("stdin", null), ("stdout", 1), ("stderr", 2)):
        given = kwargs.get(name)
        if given == subprocess.PIPE:
            if name != "stdin":
                raise NoFork(f"its {name} is to be a pipe")
            given = None
        if given is None:
            found.append(inherited)
        elif given == subprocess.STDOUT:
            found.append(found[1])
        else:
            found.append(null if given == subprocess.DEVNULL else given if isinstance(given, int) else given.fileno())
    return found


__all__ = ["NAME", "AutoloopProvisioner"]
