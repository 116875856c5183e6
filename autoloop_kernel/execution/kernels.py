"""The two kernels of an execution: started, spoken to in silence, watched for their death, ended."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import os
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from queue import Empty
from typing import Any

import zmq
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager

from autoloop_kernel.execution.launcher import SealedProvisioner
from autoloop_kernel.execution.log import Log
from autoloop_kernel.execution.policy import furnish_home, scrubbed
from autoloop_kernel.execution.provisioner import NAME, AutoloopProvisioner
from autoloop_kernel.execution.sandbox import Policy
from autoloop_kernel.execution.scratch import Room
from autoloop_kernel.execution.secrets import unsecret
from autoloop_kernel.execution.tree import MARK
from autoloop_kernel.execution.warm import Guardian
from autoloop_kernel.records import AutoloopError

START_S = 120.0
IOPUB_BACKLOG = 200_000
"""Messages that may wait here before a kernel has to throw some away."""

SOCKET_PATH = 100
"""Longest path of a Unix socket that every system takes, with room for a suffix."""


FAR = "the network is within reach: the path of the temporary folder is too long for sockets (set TMPDIR)"


class KernelFault(AutoloopError):
    """A kernel could not be started, or no longer answers."""


class NoKernel(KernelFault):
    """There is no such kernel, and to try again would not bring it."""


class Kernel:
    """One kernel process and the client that speaks to it. `role` is "candidate" or "referee".

    It is sealed where it is given a `policy`; `lacks` says, once it answers, what its seal lacks. It is forked by
    `guardian` where there is one and it can; `cold` says afterwards why it was started afresh instead.
    """

    def __init__(
        self,
        role: str,
        spec: str,
        room: Room,
        log: Log,
        mark: str,
        policy: Policy | None = None,
        guardian: Guardian | None = None,
    ) -> None:
        self.role, self.spec, self.room, self.policy = role, spec, room, policy
        self._log, self._mark, self._guardian = log, mark, guardian
        self.lacks: tuple[str, ...] = ()
        self.cold = ""
        self.manager: Any = None
        self.client: Any = None
        self.info: Mapping[str, Any] = {}
        self.pid = 0
        self.dead = asyncio.Event()

    async def launch(self) -> None:
        """Start the process. Raises `KernelFault` with plain words when that cannot be done."""
        connection = self.room.link / "c.json"
        where: dict[str, Any] = {"transport": "tcp", "ip": "127.0.0.1"}
        if hasattr(os, "fork") and len(os.fsencode(self.room.link / "k-1")) < SOCKET_PATH:
            where = {"transport": "ipc", "ip": str(self.room.link / "k")}
        self.manager = AsyncKernelManager(kernel_name=self.spec, connection_file=str(connection), **where)
        near = where["transport"] == "ipc"
        reader, writer = os.pipe()
        self._log.drain(reader)
        env = environment(self.room, self._mark)
        try:
            env = self._provision(env, near)
            await self.manager.start_kernel(
                cwd=str(self.room.work),
                env=env,
                extra_arguments=["--HistoryManager.enabled=False"] if self.manager.ipykernel else [],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
            )
        except NoSuchKernel:
            raise NoKernel(f"the kernel {self.spec!r} is not installed: see `jupyter kernelspec list`") from None
        except (OSError, RuntimeError) as error:
            raise KernelFault(f"the {self.role}'s kernel {self.spec!r} could not be started: {error}") from None
        finally:
            os.close(writer)
        self.pid = self.manager.provisioner.pid
        self.cold = getattr(self.manager.provisioner, "cold", "")
        self._watch_death()

    def _provision(self, env: dict[str, str], near: bool) -> dict[str, str]:
        """Have the process made here, and sealed, unless the kernelspec has its own way; returns its environment."""
        manager = self.manager
        named = manager.kernel_spec.metadata.get("kernel_provisioner", {}).get("provisioner_name", NAME)
        if named not in (NAME, "local-provisioner"):
            if self.policy is not None:
                self.lacks = (f"the kernel {self.spec!r} is started by {named}, which seals nothing",)
            return env
        manager.kernel_id = str(uuid.uuid4())
        kind = SealedProvisioner if self._guardian is None else AutoloopProvisioner
        provisioner: Any = kind(kernel_id=manager.kernel_id, kernel_spec=manager.kernel_spec, parent=manager)
        provisioner.guardian = self._guardian
        manager.provisioner = provisioner
        if self.policy is None:
            return env
        provisioner.policy = replace(self.policy, network=self.policy.network or not near).to_json()
        provisioner.papers = self.room.top.parent
        self.lacks = () if near else (FAR,)
        furnish_home(self.room, os.environ)
        return scrubbed(env, self.room)

    async def connect(self) -> None:
        """Wait until the process answers; at once where it already has. Raises `KernelFault` when it does not."""
        if self.info:
            return
        self.client = self.manager.client()
        self.client.context.setsockopt(zmq.RCVHWM, IOPUB_BACKLOG)
        self.client.start_channels(stdin=False, hb=False)
        await self._ready()
        if isinstance(self.manager.provisioner, SealedProvisioner):
            self.lacks = (*self.manager.provisioner.lacks(), *self.lacks)
        (self.room.link / "c.json").unlink(missing_ok=True)

    async def _ready(self) -> None:
        """Wait for a kernel_info reply and a first word on iopub, without the pauses of `wait_for_ready`."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self.client.kernel_info()
            answered = await self._first(self.client.shell_channel, 1.0)
            if self.dead.is_set():
                why = self._log.last_line()
                raise KernelFault(f"the {self.role}'s kernel {self.spec!r} ended while it started: {why}")
            if answered is None or answered["msg_type"] != "kernel_info_reply":
                continue
            if await self._first(self.client.iopub_channel, 0.5) is not None:
                self.info = answered["content"]
                return
        raise KernelFault(f"the {self.role}'s kernel {self.spec!r} did not answer within {START_S:g} s")

    async def _first(self, channel: Any, seconds: float) -> Any:
        get = asyncio.ensure_future(channel.get_msg(timeout=seconds))
        gone = asyncio.ensure_future(self.dead.wait())
        await asyncio.wait({get, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not get.done():
            get.cancel()
            return None
        with contextlib.suppress(Empty):
            return get.result()
        return None

    def _watch_death(self) -> None:
        """Set `dead` at the instant when the process ends: no poll where the system has process descriptors."""
        loop = asyncio.get_running_loop()
        try:
            handle = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            self._poller = asyncio.ensure_future(self._poll_death())
            return

        def ended() -> None:
            loop.remove_reader(handle)
            os.close(handle)
            self.dead.set()

        loop.add_reader(handle, ended)

    async def _poll_death(self) -> None:
        while await self.manager.is_alive():
            await asyncio.sleep(0.05)
        self.dead.set()

    async def call(self, function: str, order: Mapping[str, Any] | None = None, seconds: float = 60.0) -> Any:
        """Call a private function of `cells` in the kernel, in silence; returns its result as JSON brings it back.

        Raises `KernelFault` when the function raises, the kernel dies or `seconds` pass without a reply.
        """
        argument = "" if order is None else repr(json.dumps(order))
        module = "__import__('autoloop_kernel.cells', fromlist=['_'])"
        expression = f"__import__('json').dumps({module}.{function}({argument}))"
        message = self.client.execute(
            "", silent=True, store_history=False, user_expressions={"r": expression}, allow_stdin=False
        )
        reply = await self.reply(message, seconds)
        result = reply.get("user_expressions", {}).get("r", {})
        if result.get("status") != "ok":
            raise KernelFault(f"the {self.role}'s kernel {self.spec!r} refused: {_error(result or reply)}")
        return json.loads(_literal(result["data"]["text/plain"]))

    async def reply(self, message: str, seconds: float) -> Mapping[str, Any]:
        """The reply to the request `message`; `KernelFault` when the kernel dies or `seconds` pass first."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.dead.is_set():
            try:
                reply = await self._first(self.client.shell_channel, max(0.01, deadline - time.monotonic()))
                if reply is not None and reply["parent_header"].get("msg_id") == message:
                    content: Mapping[str, Any] = dict(reply["content"])
                    return content
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise KernelFault(f"the {self.role}'s kernel sent what is no message of a kernel's: {error}") from None
        what = "died" if self.dead.is_set() else f"did not reply within {seconds:g} s"
        raise KernelFault(f"the {self.role}'s kernel {what}")

    def exit_status(self) -> int | None:
        """The process's exit status, negative for a signal; None while it runs or where it cannot be known."""
        process = getattr(self.manager.provisioner, "process", None)
        return process.poll() if process is not None else None

    async def close(self) -> None:
        """Let go of a kernel whose process has been killed."""
        if self.client is not None:
            self.client.stop_channels()
        if self.manager is not None and self.manager.has_kernel:
            with contextlib.suppress(Exception):
                self.exit_status()
                self.manager.cleanup_connection_file()
                self.manager.cleanup_ipc_files()


def environment(room: Room, mark: str) -> dict[str, str]:
    """The environment of a kernel: the run's mark, the travelling package at the head of the path, no secrets.

    Nor the file that the person has Python run when it starts, which IPython would run as a cell.
    """
    kept = {name: value for name, value in unsecret(os.environ).items() if not name.startswith("AUTOLOOP_")}
    path = [str(room.lib), *filter(None, [kept.get("PYTHONPATH", "")])]
    kept |= {MARK: mark, "PYTHONPATH": os.pathsep.join(path), "IPYTHONDIR": str(room.ipython)}
    kept.pop("PYTHONSTARTUP", None)
    kept["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    return kept


def _literal(text: str) -> str:
    value = ast.literal_eval(text)
    return value if isinstance(value, str) else "null"


def _error(content: Mapping[str, Any]) -> str:
    return f"{content.get('ename', 'an error')}: {content.get('evalue', '')}"
