"""Faults of disks for tests: scenes that are played in a namespace of their own, where a folder lies on a bad disk."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from loop_kit import Machine, Played

from autoloop_kernel import cli, driver
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.execution.receipt import sealed_text
from autoloop_kernel.records import Job, Outcome, Verdict

SMALL = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'
"""A shell line that lays a disk of 1 MB over the folder."""
BOUND = 'mount --bind "$0" "$0" && exec "$@"'
"""A shell line after which the folder can be mounted read-only, and writable again."""


@functools.cache
def lacks() -> str:
    """Why this machine cannot mount a disk for a test; empty where it can."""
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError as error:
        return f"no unshare here: {error}"
    return "" if tried.returncode == 0 else f"no mounts in a namespace of one's own here: {tried.stderr.strip()}"


def play_on(disk: str, folder: Path, file: str, scene: str) -> None:
    """Call the function `scene` of the Python `file` with `folder`, which lies on that disk; fails where it raises."""
    if why := lacks():
        pytest.skip(why)
    folder.mkdir(exist_ok=True)
    code = f"import {Path(file).stem} as played; from pathlib import Path; played.{scene}(Path({str(folder)!r}))"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = ["unshare", "-rm", "sh", "-c", disk, str(folder), sys.executable, "-c", code]
    played = subprocess.run(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )
    assert played.returncode == 0, played.stdout


def remount(folder: Path, how: str) -> None:
    """Mount the disk of `folder` anew: `ro`, `rw`, or with a `size=`."""
    bind = [] if how.startswith("size") else ["bind"]
    subprocess.run(["mount", "-o", ",".join(["remount", *bind, how]), str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Fill the disk of `folder` with one file, `leave` bytes excepted."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    if leave:
        os.truncate(ballast, max(0, ballast.stat().st_size - leave))
    return ballast


def autoloop(*arguments: object) -> tuple[int, str]:
    """What the command line gives: its exit status and all that it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = cli.main([str(one) for one in arguments])
    return status, said.getvalue()


def refused(*arguments: object) -> str:
    """The one plain line by which the command line refuses; fails where it is more, or a traceback."""
    status, said = autoloop(*arguments)
    assert status in (1, 2), said
    assert "Traceback" not in said
    assert "Error(" not in said
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("iteration ", "  "))]
    assert len(lines) == 1, said
    return lines[0]


class Writer(Machine):
    """A machine that writes the notebook, too, as an execution does."""

    def __init__(self, *outcomes: Outcome | Callable[[Job], Outcome]) -> None:
        super().__init__(*outcomes)
        self.before: Callable[[Job], None] = lambda job: None

    def run(
        self, job: Job, on_message: Callable[[str, Mapping[str, Any]], None], stopped: Callable[[], bool]
    ) -> Outcome:
        """Play the next outcome."""
        outcome = super().run(job, on_message, stopped)
        self.before(job)
        write_atomic(job.target / job.notebook_name, sealed_text(nbformat.reads(job.notebook, 4), job, outcome))
        return outcome

    def close(self) -> None:
        """Nothing waits."""


@contextlib.contextmanager
def played_by(machine: Machine) -> Iterator[None]:
    """Let `machine` run what drivers of this process want to have run."""
    real = driver.open_workers
    driver.open_workers = lambda spec, mark, tell: Played(machine)  # type: ignore[assignment]
    try:
        yield
    finally:
        driver.open_workers = real


def better(number: int = 20) -> Writer:
    """A machine whose scores get better from one run to the next."""
    return Writer(*(Outcome(Verdict.SCORED, score=3.0 - 0.1 * n) for n in range(number)))
