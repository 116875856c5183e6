"""An agent from outside: any command that edits files in a folder."""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import os
import re
import select
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from autoloop_kernel.agents.base import Context, NoProposal
from autoloop_kernel.agents.scratch import Scratch, edits, scratch
from autoloop_kernel.escapes import without_escapes
from autoloop_kernel.records import AutoloopError, Proposal

MARK = "AUTOLOOP_AGENT_RUN"
RUN = "AUTOLOOP_RUN"
"""The environment variable by which a driver knows what an earlier one of its arena has left running."""
TIMEOUT = "AUTOLOOP_COMMAND_TIMEOUT_S"
"""The environment variable that says how many seconds a command may take, where its agent is made without saying so."""
TIMEOUT_S = 1800.0
LINES_SHOWN, LINE_LENGTH = 2000, 500
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class CommandAgent:
    """Runs `cmd` through the shell in a scratch folder, for at most `timeout_s` seconds: what it edits is the proposal.

    Without `timeout_s` the environment's AUTOLOOP_COMMAND_TIMEOUT_S counts, else half an hour.

    The folder holds each editable cell as NAME.py, the editable files under their own paths, and read-only
    STRATEGY.md, CHAMPION.md, FINDINGS.md, locked/ and, where it has a role, ROLE.md. The command may write
    PROPOSAL.json {title, hypothesis}. It gets this process's environment, with AUTOLOOP_PROPOSAL, the proposal's id,
    added.
    """

    def __init__(self, cmd: str, timeout_s: float | None = None) -> None:
        self.cmd = cmd
        self.timeout_s = _timeout() if timeout_s is None else timeout_s
        self.name = f"command:{cmd}"
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End a `propose` that is under way in another thread: its processes are killed, it raises `NoProposal`."""
        self._stopped.set()

    def propose(self, context: Context) -> Proposal:
        """Run the command and give what it edited.

        Raises `NoProposal` with the reason where it changed nothing, ended with another status than 0, ran past its
        time, or touched what it may not. No process of the command is left when this returns or raises.
        """
        self._stopped.clear()
        with scratch(context) as place:
            said = self._run(context, place)
            units = place.changes()
            if not units:
                raise NoProposal(f"the command changed nothing{said} — it edits the files in its folder in place")
            title, hypothesis = _note(place.note())
        return Proposal(
            title or _default_title(context, units), units, hypothesis, self.name, context.base, context.proposal_id
        )

    def _run(self, context: Context, place: Scratch) -> str:
        """Run the command to its end, its output shown as it comes; what it said last, as the end of a reason.

        Raises `NoProposal` unless it ends with status 0, in time.
        """
        token = uuid.uuid4().hex
        environment = {**os.environ, "AUTOLOOP_PROPOSAL": context.proposal_id or token, MARK: token}
        environment |= {RUN: f"{context.mark}:agent:{token}"} if context.mark else {}
        tail = _Tail(context.emit)
        process = _start(self.cmd, place.folder, environment)
        try:
            ended = self._follow(process, tail)
        finally:
            _kill(process, token, place.folder)
        said = tail.said()
        if not ended:
            why = "was stopped" if self._stopped.is_set() else f"ran past its {self.timeout_s:g} s and was killed"
            raise NoProposal(f"the command {why}{said}")
        if process.returncode < 0:
            raise NoProposal(f"the command was killed by {_signal(-process.returncode)}{said}")
        if process.returncode:
            raise NoProposal(f"the command ended with status {process.returncode}{said}")
        return said

    def _follow(self, process: subprocess.Popen[bytes], tail: _Tail) -> bool:
        """Pass the output on until the command ends (True), or its time is over or `stop` was called (False)."""
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        deadline = time.monotonic() + self.timeout_s
        open_ = True
        while not _ended(process):
            left = deadline - time.monotonic()
            if left <= 0 or self._stopped.is_set():
                return False
            if not open_:
                time.sleep(min(left, 0.02))
            elif select.select([pipe], [], [], min(left, 0.1))[0]:
                open_ = tail.feed(os.read(pipe, 65536))
        drained = time.monotonic() + 1.0  # a process that was left behind may hold the pipe open and go on writing
        while open_ and time.monotonic() < drained and select.select([pipe], [], [], 0)[0]:
            open_ = tail.feed(os.read(pipe, 65536))
        tail.end()
        return True


def _timeout() -> float:
    """The seconds that the environment allows; raises `AutoloopError` where it names none that can be meant."""
    given = os.environ.get(TIMEOUT, "").strip()
    try:
        seconds = float(given or TIMEOUT_S)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise AutoloopError(f"{TIMEOUT}={given} is no time: give seconds above 0, such as {TIMEOUT_S:g}")
    return seconds


class _Tail:
    """Shows the output line by line up to a limit, and keeps the last line that says something."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self.emit = emit
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.part = ""
        self.last = ""
        self.shown = 0

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; False at the end of the output."""
        text = self.part + self.decoder.decode(chunk, final=not chunk)
        *lines, self.part = re.split(r"\r\n|\n|\r", text)
        for line in lines:
            self._line(line)
        self.part = self.part[-8 * LINE_LENGTH :]
        return bool(chunk)

    def end(self) -> None:
        """Take an unfinished last line for a line."""
        self._line(self.part)
        self.part = ""

    def _line(self, line: str) -> None:
        line = _CONTROL.sub("", without_escapes(line[: 4 * LINE_LENGTH])).rstrip()[:LINE_LENGTH]
        if not line:
            return
        self.last = line
        self.shown += 1
        if self.shown <= LINES_SHOWN:
            self.emit(line)
        elif self.shown == LINES_SHOWN + 1:
            self.emit(f"(more than {LINES_SHOWN} lines; the rest is not shown)")

    def said(self) -> str:
        """The last line, as the end of a reason; empty where nothing was said."""
        if self.part:
            self.end()
        last = " ".join(self.last.split())[:200]
        return f"; its last line: {last}" if last else ""


def _note(content: bytes | None) -> tuple[str, str]:
    """Title and hypothesis of a PROPOSAL.json, each empty where it is missing or of the wrong kind."""
    try:
        data = json.loads(content or b"")
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(data, dict):
        return "", ""
    title, hypothesis = data.get("title"), data.get("hypothesis")
    title = " ".join(title.split())[:120] if isinstance(title, str) else ""
    return title, hypothesis.strip()[:4000] if isinstance(hypothesis, str) else ""


def _default_title(context: Context, units: Mapping[str, str]) -> str:
    """ "edit model, train.py (+3 −1)"."""
    counts = edits(context.units, units)
    return f"edit {', '.join(units)}" + (f" (+{counts[0]} −{counts[1]})" if counts else "")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _start(cmd: str, folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            cmd,
            shell=True,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NoProposal(f"the command could not be started: {error}") from error


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the command has ended; it is not reaped yet, so that its id stays its own until all is killed."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(process: subprocess.Popen[bytes], token: str, folder: Path) -> None:
    """Kill the command and all that it started, processes in sessions of their own included; none is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for _ in range(50):
        left = [other for other in psutil.process_iter() if _belongs(other, process.pid, token, folder)]
        if not left:
            break
        for other in left:
            with contextlib.suppress(psutil.Error):
                other.kill()
        psutil.wait_procs(left, timeout=0.2)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def _belongs(other: psutil.Process, session: int, token: str, folder: Path) -> bool:
    """Whether a process came from the command: by its session, the mark in its environment, or where it works."""
    if other.pid == os.getpid():
        return False
    try:
        if other.status() == psutil.STATUS_ZOMBIE:
            return False
        if os.getsid(other.pid) == session or other.environ().get(MARK) == token:
            return True
    except (psutil.Error, OSError):
        pass
    try:
        detached = other.terminal() is None  # a person's own shell that looks on from the folder is not the command's
        return detached and other.uids().real == os.getuid() and Path(other.cwd()).is_relative_to(folder)
    except (psutil.Error, OSError):
        return False
