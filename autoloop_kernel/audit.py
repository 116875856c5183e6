"""Somebody's log of experiments as an executed notebook that says what of it holds.

The notebook carries the log as data and finds everything else by itself, so that it can be run again, with another
noise for instance, wherever Autoloop is installed.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autoloop_kernel import __version__, executed
from autoloop_kernel.auditing.log import Log, to_data
from autoloop_kernel.auditing.reading import read
from autoloop_kernel.auditing.repository import look_up
from autoloop_kernel.records import AutoloopError, Direction
from autoloop_kernel.views.audit_words import code

_new_code: Any = new_code_cell
_new_markdown: Any = new_markdown_cell

PICTURE = "chances.png"
HEADER, VERDICT = "audit-verdict", "audit-again"
"""The ids of the cells that say the verdict: the first one, and the one that finds it."""

SECTIONS = (
    (
        "progress",
        "Progress",
        "Every line with a score, what was kept, and one standard deviation of noise round the best.",
    ),
    ("noise", "How noisy one run is", "From runs that were made again, and from how all outcomes scatter."),
    (
        "keeps",
        "Which keeps are real",
        "The chance that a keep is truly better than the champion before it, by Autoloop's keep rule told this noise. "
        "A champion is believed to be somewhat worse than its logged score, since the luckiest of many was taken. The "
        "range is what the chance would be for less and for more noise (10 % and 90 % of what is believed of it).",
    ),
    ("retests", "Discards that may have been gains", "Within the noise of the best before them: worth one more run."),
    ("contradictions", "Contradictions", "Verdicts that the log's own scores speak against."),
    (
        "unimproving",
        "Keeps that gained nothing",
        "No better than the best before them; simpler code may be the reason.",
    ),
    (
        "false_minima",
        "Numbers that nobody measured",
        "Failures that look like records. They are left out of all else here.",
    ),
    ("duplicates", "Duplicates", "The same commit, the same description, or the same score to the last digit."),
    ("missing", "Missing commits", "Commits that the log names and the repository does not have."),
    ("diffs", "What each keep changed", "Against the keep before it."),
    ("unread", "How the log was read", "Which column was taken for what, and every line that could not be used."),
)
"""The parts of the notebook: a function of `views.audit`, a heading, and what stands below it."""


@dataclass(frozen=True)
class Audited:
    """What was written: the notebook and its verdict as plain text; how many experiments, and lines without use."""

    path: Path
    verdict: str
    experiments: int
    unusable: int


def audit(
    results: Path,
    out: Path,
    repository: Path | None = None,
    direction: Direction = Direction.MIN,
    sigma: float | None = None,
    score: str | None = None,
    force: bool = False,
) -> Audited:
    """Audit the log `results` into the notebook `out`, executed.

    `repository` is the git repository of the experiments, `sigma` the noise of one run in units of the score where it
    is known (0: none), `score` the name or number (from 1) of the score's column. What lies at `out` is replaced only
    where it is an audit itself, or by `force`. Raises `AutoloopError` for a request that cannot be met.
    """
    _may_write(results, out, force)
    if sigma is not None and not 0 <= sigma < float("inf"):
        raise AutoloopError(f"--sigma is {sigma:g}: it must be 0 or more, in units of the score")
    log = read(_bytes(results), results.name, direction, score)
    if repository is not None:
        log = look_up(log, repository)
    notebook = _notebook(log, sigma)
    executed.run(notebook, "audit")
    found = executed.shown(notebook.cells[-1])
    _say(notebook.cells[0], log, found["text/markdown"], _picture(notebook))
    executed.write(notebook, out)
    return Audited(out, found["text/plain"], len(log.entries), len(log.problems))


AGAIN = (
    "Everything below is found by this notebook from the log that it carries. With another noise, or on another day: "
    "set `SIGMA` and run all cells again, in a kernel that has `autoloop_kernel`. How it is found: docs/audit.md."
)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise AutoloopError(f"there is no file {path}: name the log, as results.tsv") from None
    except IsADirectoryError:
        raise AutoloopError(f"{path} is a folder: name the log in it, as {path / 'results.tsv'}") from None
    except OSError as error:
        raise AutoloopError(f"{path} cannot be read: {error.strerror}") from None


def _may_write(results: Path, out: Path, force: bool) -> None:
    """Refuse what would overwrite something that is no audit."""
    if out.resolve() == results.resolve() and out.suffix == ".ipynb":
        raise AutoloopError(f"{out} is the log itself: name another file to write")
    executed.may_write(out, "audit", force)


def _notebook(log: Log, sigma: float | None) -> NotebookNode:
    """The notebook, not yet run: the verdict's place, what may be set, the log as data, then part by part."""
    cells = [_new_markdown("", id=HEADER), _new_code(_setting(sigma), id="audit-settings")]
    cells[1].metadata["tags"] = ["parameters"]
    cells.append(_new_code(data_source(log), id="audit-log"))
    cells[2].metadata["jupyter"] = {"source_hidden": True}
    cells.append(
        _new_code(
            "from autoloop_kernel.auditing.audit import audit\n"
            "from autoloop_kernel.views import audit as show\n\n"
            "found = audit(LOG, SIGMA)",
            id="audit-find",
        )
    )
    for name, heading, below in SECTIONS:
        cells.append(_new_markdown(f"## {heading}\n\n{below}", id=f"audit-about-{name}".replace("_", "-")))
        cells.append(_new_code(f"show.{name}(found)", id=f"audit-{name}".replace("_", "-")))
    cells.append(
        _new_markdown("## The verdict again\n\nAs these cells find it, with the `SIGMA` above.", id="audit-about-again")
    )
    cells.append(_new_code("show.verdict(found)", id=VERDICT))
    return executed.made(cells, "audit", {"log": log.name, "version": __version__, "time": time.time()})


def _setting(sigma: float | None) -> str:
    why = "the noise of one run (one standard deviation, in units of the score) where you know it; 0: there is none"
    return f"# {why}\nSIGMA = {sigma!r}"


def data_source(log: Log) -> str:
    """The cell that holds the log, one line an entry."""
    return executed.data_cell("LOG", to_data(log), "the log: line, commit, score as written, verdict, description")


def _say(cell: NotebookNode, log: Log, verdict: str, picture: str) -> None:
    """Write the first cell: the verdict and a picture of it, so that the long log below hides neither."""
    image = f"![The chance that each keep is a true gain](attachment:{PICTURE})\n\n" if picture else ""
    cell.source = f"# Audit of {code(log.name)}\n\n{verdict}\n\n{image}{AGAIN}"
    if picture:
        cell["attachments"] = {PICTURE: {"image/png": picture}}


def _picture(notebook: NotebookNode) -> str:
    """The chances of the keeps as the notebook drew them, in base64; empty where there were none."""
    (cell,) = [cell for cell in notebook.cells if cell.id == "audit-keeps"]
    found = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", executed.shown(cell).get("text/html", ""))
    return found.group(1) if found else ""


__all__ = ["Audited", "audit", "data_source"]
