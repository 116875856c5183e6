"""What the night brought, as an executed notebook and as a page: made from an arena's memory, which it only reads.

The notebook carries the figures as data and draws everything from them, so that it can be run again without the arena.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autoloop_kernel import __version__, executed
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.reporting.gather import gather
from autoloop_kernel.reporting.report import Report, to_data
from autoloop_kernel.session import Session
from autoloop_kernel.views import report as views
from autoloop_kernel.views import report_pictures, report_words
from autoloop_kernel.views.audit_words import code
from autoloop_kernel.views.html.document import document

_new_code: Any = new_code_cell
_new_markdown: Any = new_markdown_cell

KIND = "report"
LONGEST_H = 1e6
LAST = "last"
"""What says that a report is of the time since the last driver started."""


@dataclass(frozen=True)
class Section:
    """A part: the function of `views.report` that shows it, what stands above, and whether there is anything."""

    name: str
    heading: str
    below: str
    holds: Callable[[Report], bool]


SECTIONS = (
    Section("champion", "Champion against baseline", "", lambda report: bool(report.rows)),
    Section(
        "kept",
        "What each kept step is worth",
        "Positive is better. Fresh runs are made afterwards, and nothing was chosen by them; what else is shown was "
        "chosen because it looked good, and the keep rule's belief allows for that.",
        lambda report: bool(report.steps),
    ),
    Section("failed", "What failed", "", lambda report: bool(report.failures)),
    Section(
        "touched",
        "What was tried",
        "By the names whose code changed.",
        lambda report: bool(report.touched),
    ),
    Section(
        "still_open",
        "What is still open",
        "",
        lambda report: bool(report.unconfirmed or report.near or report.waiting or report.queued or report.running),
    ),
    Section("spent", "Where the time went", "", lambda report: report_pictures.total(report.spent) > 0),
    Section("next_steps", "What to try next", "", lambda report: True),
)


@dataclass(frozen=True)
class Reported:
    """What was written, and the report in one line of plain text."""

    paths: tuple[Path, ...]
    headline: str


def report(
    session: Session,
    out: Path | None = None,
    since: str | float | None = None,
    html: bool = False,
    force: bool = False,
    path: str = "",
) -> Reported:
    """Write the report of an arena to `out`, a notebook (with `html` a page beside it too) or a page (`.html`).

    Without `out` it lies beside the arena, as NAME_report.ipynb. `since`: of the last so many hours, or since the
    `"last"` start of a driver (None: all of the epoch); `path` is how commands name the arena. What lies there is
    replaced only where it is a report, or by `force`. Raises `AutoloopError` for a request that cannot be met.
    """
    out = session.path.with_name(f"{session.path.stem}_report.ipynb") if out is None else out
    outs = [out, *([out.with_suffix(".html")] if html and out.suffix != ".html" else [])]
    for each in outs:
        _may_write(session, each, force)
    found = gather(session, path or session.path.name, _moment(session, since))
    for each in outs:
        if each.suffix == ".html":
            write_atomic(each, _page(found))
        else:
            notebook = _notebook(found)
            executed.run(notebook, KIND)
            executed.write(notebook, each)
    return Reported(tuple(outs), report_words.headline(found).replace("`", ""))


def _moment(session: Session, since: str | float | None) -> float | None:
    """From which moment on a report is (seconds since 1970)."""
    if since is None:
        return None
    said = str(since).strip().lower()
    if said == LAST:
        started = session.ledger.last_event("driver.start")
        if started is None:
            raise AutoloopError(f"no driver has run on {session.path.name}: leave --since out")
        return started.time
    try:
        hours = float(said.removesuffix("h"))
    except ValueError:
        hours = -1.0
    if not 0 < hours < LONGEST_H:
        raise AutoloopError(f"--since is {since!r}: give hours, as 8, or {LAST} for when the last driver started")
    return time.time() - 3600 * hours


def _may_write(session: Session, out: Path, force: bool) -> None:
    executed.may_write(out, KIND, force, (".ipynb", ".html"))
    if out.resolve() == session.arena.path.resolve():
        raise AutoloopError(f"{out} is the arena itself: name another file")
    if session.arena.runs.resolve() in out.resolve().parents:
        raise AutoloopError(f"{out} lies in the runs folder, which is the driver's: name a place outside it")


def _title(found: Report) -> str:
    day = time.localtime(found.made)
    return f"Report on {code(found.arena)}, {day.tm_mday} {time.strftime('%B %Y', day)}"


def _ending(found: Report) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.made))
    return f"Made at {when} by Autoloop {__version__} from the ledger of {code(found.path)}."


def _notebook(found: Report) -> NotebookNode:
    """The notebook, not yet run: what it comes to, the figures as data, then part by part."""
    said = "\n".join(f"- {one}" for one in report_words.verdict(found))
    again = "All that is below is drawn by this notebook from the figures that it carries."
    top = f"# {_title(found)}\n\n**{report_words.headline(found)}.**\n\n{said}\n\n{_ending(found)} {again}"
    cells = [
        _new_markdown(top, id="report-header"),
        _new_code(executed.data_cell("REPORT", to_data(found), "what the ledger held"), id="report-data"),
        _new_code(
            "from autoloop_kernel.reporting.report import from_data\n"
            "from autoloop_kernel.views import report as show\n\n"
            "report = from_data(REPORT)",
            id="report-read",
        ),
    ]
    for cell in cells[1:]:
        cell.metadata["jupyter"] = {"source_hidden": True}
    for section in SECTIONS:
        if section.holds(found):
            name = section.name.replace("_", "-")
            below = f"\n\n{section.below}" if section.below else ""
            cells.append(_new_markdown(f"## {section.heading}{below}", id=f"report-about-{name}"))
            cells.append(_new_code(f"show.{section.name}(report)", id=f"report-{name}"))
    facts = {"arena": found.arena, "version": __version__, "time": found.made, "since": found.since}
    return executed.made(cells, KIND, facts)


def _page(found: Report) -> str:
    """The report as a page of its own."""
    parts = [
        (section.heading, section.below, getattr(views, section.name)(found).bundle["text/html"])
        for section in SECTIONS
        if section.holds(found)
    ]
    lead = f"{report_words.headline(found)}."
    return document(KIND, _title(found), lead, report_words.verdict(found), parts, _ending(found))


__all__ = ["Reported", "report"]
