"""A quick look at an arena's ledger: nothing but the standard library reads the notebook, so that it costs no time.

`status` and `log` are asked often, also by programs; opening the arena in full would cost them their half a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoloop_kernel.records import SEALED, AutoloopError, Direction, Metric

if TYPE_CHECKING:
    from autoloop_kernel.memory.ledger import Ledger


@dataclass(frozen=True)
class Glance:
    """An arena's name and metric, and its ledger (None where it has not run)."""

    path: Path
    name: str
    metric: Metric
    ledger: Ledger | None


@contextmanager
def glance(path: Path) -> Iterator[Glance]:
    """Look at the arena at `path`. Where the quick way fails, the arena is opened in full: that mends a lost ledger,
    and says in plain words what is wrong. Raises `AutoloopError` as that does.
    """
    from autoloop_kernel.commands.common import has_run, opened
    from autoloop_kernel.memory.ledger import Ledger

    metric = metric_of(path)
    if metric is not None and not has_run(path):
        yield Glance(path, path.stem, metric, None)
        return
    ledger = None
    if metric is not None:
        try:
            ledger = Ledger.open(path.parent / f"{path.stem}_runs" / "ledger.sqlite", create=False)
        except AutoloopError:
            ledger = None
    if metric is not None and ledger is not None:
        try:
            yield Glance(path, path.stem, metric, ledger)
        finally:
            ledger.close()
        return
    if not has_run(path):
        from autoloop_kernel.arena.notebook import read

        yield Glance(path, path.stem, read(path, kernel=False).rules.metric, None)
        return
    with opened(path) as session:
        yield Glance(path, session.arena.name, session.arena.rules.metric, session.ledger)


def metric_of(path: Path) -> Metric | None:
    """The metric that a notebook states; None where it cannot be read so simply."""
    try:
        settings: Any = json.loads(path.read_text(encoding="utf-8"))["metadata"]["autoloop"]
        metric, grade = settings["metric"], settings.get("grade", SEALED)
        name, unit, target = metric["name"], metric.get("unit", ""), metric.get("target")
        if not isinstance(name, str) or not isinstance(unit, str) or not isinstance(grade, str):
            return None
        target = target if isinstance(target, (int, float)) else None
        return Metric(name, Direction(metric["direction"]), unit, target, grade)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
