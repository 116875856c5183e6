"""All that a face needs to show one iteration, read from ledger, lineage and runs folder at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autoloop_kernel.figures import Figures, figures
from autoloop_kernel.records import Cost, Iteration, Point, Rules
from autoloop_kernel.session import Session

LOG_LINES = 30
"""How many of the last lines of a log are shown."""


@dataclass(frozen=True)
class Detail:
    """One iteration with what it is held against; plain values, so that it may be shown from any thread, at any time.

    `base` is the iteration that it edits (None for a baseline), `before` and `after` the complete sources by unit name
    (`before` is empty for a baseline, both where the lineage has none), `curve` and `base_curve` the learning curves of
    the last attempts, `log` the tail of its log file, `notebook` its executed notebook's absolute path (None without),
    `cost` what the requests for its proposal took, `figures` what fresh runs say of it.
    """

    arena: str
    rules: Rules
    iteration: Iteration
    base: Iteration | None
    before: Mapping[str, str]
    after: Mapping[str, str]
    curve: tuple[Point, ...]
    base_curve: tuple[Point, ...]
    log: str
    notebook: Path | None
    cost: Cost
    figures: Figures


def gather(session: Session, number: int) -> Detail:
    """Read iteration `number`; raises `AutoloopError` with the numbers that there are where it is none of them."""
    it = session.iteration(number)
    base = session.ledger.iteration(it.base) if it.base is not None else None
    runs = session.arena.runs.resolve()
    notebook = runs / f"{number:04d}" / "iteration.ipynb"
    return Detail(
        arena=session.arena.name,
        rules=session.arena.rules,
        iteration=it,
        base=base,
        before=_units(session, base),
        after=_units(session, it),
        curve=_curve(session, it),
        base_curve=_curve(session, base),
        log=_tail(runs / f"{number:04d}" / "log.txt"),
        notebook=notebook if notebook.exists() else None,
        cost=session.ledger.spent(proposal=it.proposal),
        figures=figures(session.ledger, session.arena.rules.metric.direction, it),
    )


def _units(session: Session, it: Iteration | None) -> dict[str, str]:
    if it is None or session.lineage.commit_of(it.number) is None:
        return {}
    return session.units(it.number)


def _curve(session: Session, it: Iteration | None) -> tuple[Point, ...]:
    if it is None:
        return ()
    attempt = it.attempts[-1].attempt if it.attempts else 1
    return tuple(session.ledger.curve(it.number, attempt))


def _tail(path: Path) -> str:
    """The last lines of a log, read from its end: a log may be long."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 200 * LOG_LINES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-LOG_LINES:])
