"""A fresh run of an exported notebook under plain papermill, and the score that it then shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from autoloop_kernel.execution.tree import end_descendants
from autoloop_kernel.records import AutoloopError, Rules

MIME = "application/vnd.autoloop.score+json"
LOOK_S = 0.2
"""How often it is asked meanwhile whether anybody still waits."""

PRINTED = re.compile(r"^score (\S+)", re.MULTILINE)


class VerifyFailed(AutoloopError):
    """The export did not run to a score; the text says why."""


def run(notebook: Path, files: Path | None, rules: Rules, over: Callable[[], bool]) -> dict[str, Any]:
    """Run a copy of `notebook` (with its `files` folder) under plain papermill; gives the executed notebook's JSON.

    Raises `VerifyFailed` where it fails, takes longer than any honest run of it would, or is `over()` before its end.
    """
    limit = 120 + 6 * rules.deadline_s + 2 * rules.score_timeout_s
    with tempfile.TemporaryDirectory(prefix="autoloop-verify-") as name:
        folder = Path(name)
        shutil.copyfile(notebook, folder / notebook.name)
        if files is not None:
            shutil.copytree(files, folder / files.name)
        target = folder / f"executed-{notebook.name}"
        command = [sys.executable, "-m", "papermill", notebook.name, target.name, "--no-progress-bar", "--cwd", name]
        with (folder / "papermill.log").open("wb") as log, _child(command, folder, log) as process:
            status = _waited(process, limit, over)
        said = (folder / "papermill.log").read_text(encoding="utf-8", errors="replace")
        executed: dict[str, Any] = _read(target)
    if status != 0:
        raise VerifyFailed(f"the export fails when it is run afresh: {_failure(executed, said)}")
    return executed


def _waited(process: subprocess.Popen[bytes], limit: float, over: Callable[[], bool]) -> int:
    """Its exit status; raises `VerifyFailed` where it does not come within `limit` seconds, or is not waited for."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=LOOK_S)
        if over():
            raise VerifyFailed("the export was not run to its end: whoever asked for that has stopped")
    raise VerifyFailed(f"the export did not finish within {limit:.0f} s when it was run afresh")


@contextmanager
def _child(command: list[str], folder: Path, log: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process without our Python path; neither it nor what it starts outlives the body."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSTARTUP", "JPY_SESSION_NAME")}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            end_descendants(process.pid)  # the kernel has a group of its own
            process.kill()
            process.wait()


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _failure(executed: dict[str, Any], said: str) -> str:
    """Why a run failed, on one line: the error of the cell that failed, else the last line that papermill wrote."""
    for cell in executed.get("cells", []):
        for output in cell.get("outputs", []):
            if output.get("output_type") == "error":
                text = f"{output.get('ename')}: {output.get('evalue')}"
                return " ".join(f"{text} (cell {cell.get('id', '?')})".split())[:400]
    lines = [line for line in said.splitlines() if line.strip()]
    return " ".join(lines[-1].split())[:400] if lines else "papermill said nothing"


def score_of(executed: dict[str, Any]) -> float:
    """The score that the score cells of an executed notebook showed; raises `VerifyFailed` where there is none."""
    found: float | None = None
    for cell in executed.get("cells", []):
        if "score" not in cell.get("metadata", {}).get("tags", []):
            continue
        for output in cell.get("outputs", []):
            value = _value(output)
            found = value if value is not None else found
    if found is None:
        raise VerifyFailed("the export ran, but its score cells showed no score")
    return found


def _value(output: dict[str, Any]) -> float | None:
    """The score in one output: as data where the cell shows it so, else as the printed line."""
    data = output.get("data", {}).get(MIME)
    if isinstance(data, dict) and isinstance(data.get("value"), (int, float)):
        return float(data["value"])
    text = output.get("text", "")
    printed = PRINTED.findall("".join(text)) if output.get("output_type") == "stream" else []
    try:
        return float(printed[-1]) if printed else None
    except ValueError:
        return None
