"""Runs a training script that prints its own score, as it is, and reads the number that it printed.

For arenas whose score is self-reported: the script measures itself, and whoever may edit it may edit its number too.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)\b"
_SUMMARY = re.compile(rf"\s*([A-Za-z][\w ./%()-]{{0,40}}?)\s*[:=]\s*({NUMBER})\s*[A-Za-z%/]{{0,12}}\s*", re.IGNORECASE)
_STEP = re.compile(r"\b(?:step|iter(?:ation)?|epoch)s?\W{0,3}(\d+)", re.IGNORECASE)
_LOSS = re.compile(rf"\b(\w*loss)\b[\s:=]*({NUMBER})", re.IGNORECASE)
_ERROR = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)\b.*")
FROM_HERE = "import os, runpy, sys; del sys.argv[0]; sys.path[0] = os.getcwd(); "
FROM_HERE += "runpy.run_path(sys.argv[0], run_name='__main__')"
"""Runs a script that is a link (a locked one is) with the modules of this folder, not of that which it leads to."""
MOST_NUMBERS = 40
"""Of so many numbers of a script's summary a receipt is kept."""
LAST_LINES = 400
"""Of so many of a script's last lines the reason for its end is looked for."""


class ScriptFailed(RuntimeError):
    """The script did not come to its end, or never printed its score; the text says which in plain words."""


class Report(Protocol):
    """What draws a point of a learning curve: `autoloop_kernel.cells.report`."""

    def __call__(self, step: float, **numbers: float) -> None:
        """Report the named numbers at a step."""


@dataclass(frozen=True)
class Printed:
    """What a script printed: its score, and the other numbers of its `name: value` lines, the last of each."""

    score: float
    numbers: Mapping[str, float]


def run(
    arguments: Sequence[str],
    name: str,
    report: Report | None = None,
    environment: Mapping[str, object] | None = None,
    show: Callable[[str], None] | None = None,
) -> Printed:
    """Run `python ARGUMENTS` in the current folder, its output shown as it comes, and return what it printed.

    `name` is what stands before the score, as `val_bpb` in `val_bpb: 0.9979`: of several such numbers the last counts.
    `report` is given what lines such as `step 20 | loss: 3.1` say, `environment` is added to this process's, and `show`
    takes the text (default: standard output). Raises `ScriptFailed`.
    """
    told: list[str] = []
    numbers: dict[str, float] = {}
    score: list[float] = []
    wanted = pattern(name)
    status = 0
    for line in _lines(arguments, environment or {}, show or _show):
        if isinstance(line, int):
            status = line
            continue
        told = [*told[1 - LAST_LINES :], line] if line.strip() else told
        score = [float(found) for found in wanted.findall(line)] or score
        if (summed := _SUMMARY.fullmatch(line)) and (summed[1] in numbers or len(numbers) < MOST_NUMBERS):
            numbers[summed[1]] = float(summed[2])
        _draw(line, report)
    if status:
        raise ScriptFailed(f"{arguments[0]} {_ended(status)}{_because(told)}")
    if not score:
        last = f"; its last line was: {told[-1].strip()[:200]}" if told else "; it printed nothing"
        raise ScriptFailed(f"{arguments[0]} came to its end and printed no line `{name}: NUMBER`{last}")
    return Printed(score[-1], {key: value for key, value in numbers.items() if key != name})


def pattern(name: str) -> re.Pattern[str]:
    """Finds the number that is printed behind `name`: after blanks, a colon, an equals sign or a quote."""
    words = r"\s+".join(re.escape(word) for word in name.split())
    return re.compile(rf"(?<![\w.]){words}(?!\w)[\s\"':=]*({NUMBER})")


def link_home(*places: str) -> None:
    """Make folders of the person's home, such as `.cache/data`, appear in a sealed candidate's.

    A link to each lies beside the arena, named `home.cache.data`. One that is there already stays.
    """
    for place in places:
        beside, inside = Path("home" + "." * (place[0] != ".") + place.replace("/", ".")), Path.home() / place
        if beside.exists() and not os.path.lexists(inside):
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.symlink_to(beside.resolve())


def _lines(
    arguments: Sequence[str], environment: Mapping[str, object], show: Callable[[str], None]
) -> Iterator[str | int]:
    """The lines that the script prints, carriage returns ending them as well; at the end its status, as an int."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", **{key: str(value) for key, value in environment.items()}}
    command = [sys.executable, *(["-c", FROM_HERE] if Path(arguments[0]).is_symlink() else []), *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=variables,
    ) as process:
        for line in process.stdout or ():
            show(line)
            yield line.rstrip("\n")
    yield process.returncode


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _draw(line: str, report: Report | None) -> None:
    step, losses = _STEP.search(line), _LOSS.findall(line)
    if report is not None and step is not None and losses:
        report(float(step[1]), **{found: float(value) for found, value in losses})


def _ended(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _because(told: Sequence[str]) -> str:
    """The last line that names an error, else the last line; as the end of a sentence."""
    errors = [line.strip() for line in told if _ERROR.match(line)]
    last = (errors or [line.strip() for line in told] or [""])[-1]
    return f": {last[:300]}" if last else ", and printed nothing"
