"""The end of an iteration on disk.

The order of the durable writes is what makes a kill at any instant harmless: the executed notebook, then the git
commit, then one ledger transaction. What a kill leaves behind is rolled forward or run again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat

from autoloop_kernel.arena.edit import candidate, tree
from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.attempts import show_counted
from autoloop_kernel.durable import sync_tree, write_atomic
from autoloop_kernel.proposing import Checked
from autoloop_kernel.records import EMPTY, MEASURED, Iteration, Outcome, Verdict
from autoloop_kernel.session import Session
from autoloop_kernel.teaching import finding


def record(
    session: Session,
    arena: Arena,
    ended: Iteration,
    checked: Checked,
    outcome: Outcome,
    believed: Mapping[str, Any] = EMPTY,
) -> tuple[Iteration, bool]:
    """Make a verdict durable; gives the iteration as the ledger has it now, and whether it leads its line.

    `outcome` is that of its first attempt, `believed` what the judge believes of it.
    """
    ledger, lineage = session.ledger, session.lineage
    target = arena.runs / f"{ended.number:04d}"
    kept = ended.verdict is Verdict.KEEP
    if not kept:
        shutil.rmtree(target / "artifacts", ignore_errors=True)
    sync_tree(target / "artifacts")
    executed, known = target / "iteration.ipynb", ledger.iteration(ended.number)
    show_counted(target, known)
    if not executed.exists():
        _write_unexecuted(executed, arena, ended, checked.units)
    notebook = executed.relative_to(arena.folder).as_posix()
    base = None if ended.base is None else lineage.commit_of(ended.base)
    ended = replace(ended, notebook=notebook, attempts=known.attempts if known else ())
    noticed = session.noticed(ended.epoch, ended.base, checked.units) if ended.agent != MEASURED else None
    hardware = ledger.epoch_parts(ended.epoch).get("hardware", "")
    taught = finding(ended, outcome, believed, noticed, ledger.spent(proposal=ended.proposal).dollars, hardware)
    leads = kept and ledger.leads(ended.number) and ledger.current_epoch() == ended.epoch
    source = ledger.exchanged(ended.proposal)
    other = None if source is None else lineage.commit_of(source)
    event = ledger.last_event("overtaken", ended.number)
    late = EMPTY if event is None else event.data
    sources = tree(arena, checked.units)
    parts = ledger.gathered(ended.proposal)
    commit = lineage.record(
        ended, sources, base, checked.key, taught, champion=leads, source=other, overtaken=late, gathered=parts
    )
    ledger.finish(replace(ended, commit=commit), taught, leads, noticed)
    return ledger.iteration(ended.number) or ended, leads


def _write_unexecuted(path: Path, arena: Arena, ended: Iteration, units: Mapping[str, str]) -> None:
    """Write the notebook of an iteration whose execution was lost before it could write one, so that it can be run."""
    notebook = candidate(arena, units)
    result = {"iteration": ended.number, "verdict": str(ended.verdict), "score": None, "reason": ended.reason}
    notebook.metadata.setdefault("autoloop", {})["result"] = result
    write_atomic(path, str(nbformat.writes(notebook)))


__all__ = ["record"]
