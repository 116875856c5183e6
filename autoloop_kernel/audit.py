"""Somebody's log of experiments as an executed notebook that says what of it holds.

The notebook carries the log as data and finds everything else by itself, so that it can be run again, with another
noise for instance, wherever Autoloop is installed.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autoloop_kernel import __version__
from autoloop_kernel.auditing.log import Log, to_data
from autoloop_kernel.auditing.reading import read
from autoloop_kernel.auditing.repository import look_up
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.records import AutoloopError, Direction, to_json
from autoloop_kernel.views.audit_words import code

_new_code: Any = new_code_cell
_new_markdown: Any = new_markdown_cell
_new_notebook: Any = new_notebook
_nbformat: Any = nbformat

TIMEOUT_S = 300
"""How long a cell may take: far longer than any log of `reading.MOST_LINES` needs."""
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
    _execute(notebook)
    found = _data(notebook.cells[-1])
    _say(notebook.cells[0], log, found["text/markdown"], _picture(notebook))
    _nbformat.validate(notebook)
    write_atomic(out, json.dumps(to_json(notebook), indent=1, ensure_ascii=False, sort_keys=True) + "\n")
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
    if out.suffix != ".ipynb":
        raise AutoloopError(f"an audit is a notebook: {out.name} must end in .ipynb")
    if not out.parent.is_dir():
        raise AutoloopError(f"there is no folder {out.parent}: make it first, or name another")
    if out.resolve() == results.resolve():
        raise AutoloopError(f"{out} is the log itself: name another file to write")
    if out.is_dir():
        raise AutoloopError(f"{out} is a folder: name a file that ends in .ipynb")
    if out.exists() and not force and not _is_audit(out):
        raise AutoloopError(f"{out} exists and is no audit: name another file, or overwrite it with --force")


def _is_audit(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8"))["metadata"]["autoloop"]["audit"], dict)
    except (OSError, ValueError, LookupError, TypeError):
        return False


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
    notebook: NotebookNode = _new_notebook(cells=cells)
    notebook.nbformat_minor = 5
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    facts = {"log": log.name, "version": __version__, "time": time.time()}
    notebook.metadata["autoloop"] = {"audit": facts}
    return notebook


def _setting(sigma: float | None) -> str:
    why = "the noise of one run (one standard deviation, in units of the score) where you know it; 0: there is none"
    return f"# {why}\nSIGMA = {sigma!r}"


def data_source(log: Log) -> str:
    """The cell that holds the log: JSON in a raw string, one line an entry, so that none of its text can be code.

    JSON writes every character but printable ASCII as an escape, and single quotes are made one here.
    """
    data: Mapping[str, Any] = to_data(log)
    parts = []
    for key, value in data.items():
        if isinstance(value, list) and value and isinstance(value[0], list):
            rows = ",\n".join(json.dumps(row) for row in value)
            parts.append(f"{json.dumps(key)}: [\n{rows}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    text = ("{\n" + ",\n".join(parts) + "\n}").replace("'", "\\u0027")
    what = "# the log: line, commit, score as written, verdict, description"
    return f"import json\n\n{what}\nLOG = json.loads(r'''{text}''')"


def _execute(notebook: NotebookNode) -> None:
    """Run the notebook in a fresh kernel, in a folder of its own; its cells hold what they showed afterwards."""
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError

    with tempfile.TemporaryDirectory(prefix="autoloop-audit-") as folder:
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT_S,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=40"],  # its warnings are for whoever runs a server
        )
        try:
            client.execute()
        except NoSuchKernel:
            raise AutoloopError("there is no kernel python3: install one with python -m ipykernel install") from None
        except CellExecutionError as error:
            hint = "; the kernel python3 lacks Autoloop: install it there" * (error.ename == "ModuleNotFoundError")
            raise AutoloopError(f"a cell of the audit failed: {error.ename}: {error.evalue}{hint}") from None
        except (CellControlSignal, DeadKernelError) as error:
            raise AutoloopError(f"the kernel of the audit did not get to its end: {error}") from None
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


def _say(cell: NotebookNode, log: Log, verdict: str, picture: str) -> None:
    """Write the first cell: the verdict and a picture of it, so that the long log below hides neither."""
    image = f"![The chance that each keep is a true gain](attachment:{PICTURE})\n\n" if picture else ""
    cell.source = f"# Audit of {code(log.name)}\n\n{verdict}\n\n{image}{AGAIN}"
    if picture:
        cell["attachments"] = {PICTURE: {"image/png": picture}}


def _picture(notebook: NotebookNode) -> str:
    """The chances of the keeps as the notebook drew them, in base64; empty where there were none."""
    (cell,) = [cell for cell in notebook.cells if cell.id == "audit-keeps"]
    found = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", _data(cell).get("text/html", ""))
    return found.group(1) if found else ""


def _data(cell: Mapping[str, Any]) -> dict[str, str]:
    """What a cell displayed, by mime type."""
    shown: dict[str, Any] = next((output["data"] for output in cell.get("outputs", []) if "data" in output), {})
    return {mime: "".join(text) for mime, text in shown.items() if isinstance(text, str | list)}


__all__ = ["Audited", "audit", "data_source"]
