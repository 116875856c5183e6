"""The git program, asked to move refs to and from somewhere else: one plain line where it cannot, and no prompt."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from autoloop_kernel.memory.text import one_line
from autoloop_kernel.records import AutoloopError

TIMEOUT_S = 600.0
"""How long one transfer may take."""

BLOCKS = 1 << 20
"""How large a file may grow that a transfer writes, in the shell's blocks: half a GiB or one, by the shell."""

PRINTED = 1 << 25
"""How many bytes git may print: a ref takes about 120."""

PROTOCOLS = "file:git:http:https:ssh"
"""How a remote may be reached; git's `ext::`, which runs commands, is none of them."""

LOOK_S = 0.1
"""How often it is looked whether a transfer is still wanted."""

LEAVE_S = 1.0
"""How long a git that is told to end has for taking its lock files with it."""

LEFT_S = 60.0
"""How old a lock file is that nobody takes away any more: git holds one for as long as it writes a line."""

MARK = "AUTOLOOP_RUN"
"""The environment variable by which a driver knows what an earlier one of its arena has left running."""

AGAIN = ": look at the remote and try again"
"""How the line ends that says why a transfer failed."""

_SECRET = re.compile(r"(?<=//)(?!(?<=ssh://)[\w.-]+@)[^/\s]+@|\?[^\s'\"]+")
_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
_CAUTION = ("core.hooksPath=/dev/null", "transfer.fsckObjects=true", "core.bigFileThreshold=1m", "gc.auto=0")


class RemoteFailed(AutoloopError):
    """A transfer did not come about; the text says why."""


class Unwanted(RemoteFailed):
    """A transfer was ended because nobody waits for it any more."""


@dataclass(frozen=True)
class Leash:
    """How long a git may run, `halted()` to end it before that, and the `mark` of its environment (empty: none)."""

    timeout_s: float = TIMEOUT_S
    halted: Callable[[], bool] = lambda: False
    mark: str = ""


FREE = Leash()
"""That of a person who waits at a terminal."""


def git(repository: Path, *arguments: str, fed: str = "", leash: Leash = FREE) -> str:
    """Run git in the bare repository at `repository`, with `fed` as its input; returns what it printed.

    It has no terminal, so that it asks nobody for a password; no hook runs. Raises `RemoteFailed`, `Unwanted` where
    the leash's `halted()` ended it.
    """
    program = shutil.which("git")
    if program is None:
        raise RemoteFailed("sharing needs the git program, which is not on the PATH: install git")
    options = [part for setting in _CAUTION for part in ("-c", setting)]
    command = [program, f"--git-dir={repository.absolute()}", *options, *arguments]
    limited = ["sh", "-c", f'ulimit -f {BLOCKS}; exec "$@"', "sh", *command] if shutil.which("sh") else command
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            limited,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=said,
            env=_environment(leash.mark),
            start_new_session=True,
        )
        try:
            _await(process, fed.encode("utf-8", "surrogateescape"), arguments[0], leash)
        finally:
            _end(process)
        if process.returncode:
            raise RemoteFailed(_why(_text(said), arguments[0], process.returncode))
        if out.seek(0, os.SEEK_END) > PRINTED:
            raise RemoteFailed("the remote names more refs than anybody can have: look at it, and try again")
        return _text(out)


def checked(remote: str) -> str:
    """A remote as git takes it: a path, an address; raises `RemoteFailed` for what git would take for an option."""
    if not remote.strip() or remote.startswith("-") or "::" in remote.split("/", 1)[0] or not remote.isprintable():
        raise RemoteFailed(f"{shown(remote)!r} is no remote: neither a folder nor an address such as ssh://host/path")
    return remote


def shown(remote: str) -> str:
    """A remote as it may be told of: on one line, without the password or key that an address may hold.

    A user goes with them, who may be a key; the plain one of an ssh address stays, without whom it is another address.
    """
    return _SECRET.sub("", one_line(remote))


def sweep(repository: Path) -> None:
    """Remove what a transfer that failed has left in the repository."""
    for pattern in ("objects/pack/tmp_*", "objects/pack/.tmp-*", "objects/**/tmp_obj_*"):
        for path in repository.glob(pattern):
            path.unlink(missing_ok=True)
    for folder in repository.glob("objects/*incoming-*"):
        shutil.rmtree(folder, ignore_errors=True)
    for path in [path for path in repository.glob("refs/**/*") if path.is_file()]:
        with contextlib.suppress(OSError):
            found = path.stat()
            left = found.st_mtime < time.time() - LEFT_S if path.suffix == ".lock" else found.st_size < 41
            if left:  # by a git that was killed, or by a power cut
                path.unlink()


def _text(file: IO[bytes]) -> str:
    """The beginning of what was printed into a file."""
    file.seek(0)
    return file.read(PRINTED).decode("utf-8", "replace")


def _environment(mark: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    marked = {MARK: mark} if mark else {}
    return {**kept, **marked, "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": PROTOCOLS, "LC_ALL": "C"}


def _await(process: subprocess.Popen[bytes], fed: bytes, what: str, leash: Leash) -> None:
    """Feed a git and wait until it has ended; raises where it takes too long, or is not wanted any more."""
    until, left = time.monotonic() + leash.timeout_s, fed or None
    while True:
        try:
            process.communicate(left, LOOK_S)
            return
        except subprocess.TimeoutExpired:
            left = None  # it is being fed, and takes it once
            if leash.halted():
                raise Unwanted(f"git {what} was ended before it was done") from None
            if time.monotonic() > until:
                raise RemoteFailed(f"git {what} took longer than {leash.timeout_s:.0f} s{AGAIN}") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a git that still runs, with the programs that it started; it is asked first, for the sake of its locks."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LEAVE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _why(said: str, what: str, status: int) -> str:
    """The line of git's words that says why, without the password that an address may hold."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    signs = ("fatal:", "error:", "! [", "remote:", "ssh:")
    telling = [line for sign in signs for line in lines if line.startswith(sign)] or lines[-1:]
    text = one_line(_SECRET.sub("", telling[0] if telling else f"exit status {status}"))[:300]
    return f"git {what} failed ({text.removeprefix('fatal: ').removeprefix('error: ')}){AGAIN}"
