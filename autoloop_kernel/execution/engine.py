"""The papermill engine `autoloop`: an arena notebook in two kernels, under a clock, with a referee.

The loop uses it with a `Setting`. A person can use it too: `papermill in.ipynb out.ipynb --engine autoloop` runs an
arena by the rules in its metadata and writes an executed notebook whose metadata says what became of it.
"""

from __future__ import annotations

import copy
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from papermill.engines import Engine, NotebookExecutionManager

from autoloop_kernel.arena.roles import INJECTED, Role, tags_of
from autoloop_kernel.arena.settings import problems_of, rules_of
from autoloop_kernel.arena.surface import editable_files
from autoloop_kernel.execution.course import Course, Setting
from autoloop_kernel.records import AutoloopError, Job, Kind, Outcome, Verdict


class TruthfulManager(NotebookExecutionManager):  # type: ignore[misc]
    """papermill's keeper of metadata, which here does not call a cell completed that never ran or was cut short."""

    outcome: Outcome | None = None

    def notebook_complete(self, **kwargs: Any) -> None:
        """Write down how each cell, and the notebook as a whole, ended."""
        self.end_time = self.now()
        papermill = self.nb.metadata.papermill
        papermill["end_time"] = self.end_time.isoformat()
        papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        papermill["exception"] = self.outcome is None or self.outcome.verdict is not Verdict.SCORED
        for cell in self.nb.cells:
            told = cell.metadata.papermill
            if told["status"] == self.RUNNING:
                told["status"], told["exception"] = self.FAILED, True
            elif told["status"] == self.PENDING and cell.cell_type != "code":
                told["status"] = self.COMPLETED
        self.complete_pbar()
        self.cleanup_pbar()
        self.save()


class AutoloopEngine(Engine):  # type: ignore[misc]
    """Executes arena notebooks as `Course` says."""

    @classmethod
    def execute_notebook(
        cls,
        nb: NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **kwargs: Any,
    ) -> NotebookNode:
        """Execute `nb` and return it; papermill's entry into an engine."""
        manager = TruthfulManager(nb, output_path, log_output, progress_bar, autosave_cell_every)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, **kwargs)
        finally:
            manager.notebook_complete()
        executed: NotebookNode = manager.nb
        return executed

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, setting: Setting | None = None, input_path: Any = None, **kwargs: Any
    ) -> None:
        """Run the notebook of `nb_man`: by `setting`, else by a person, with the rules of the notebook's metadata."""
        if setting is not None:
            setting.nb = nb_man.nb
            setting.outcome = nb_man.outcome = setting.loop.run_until_complete(Course(nb_man, setting).run())
        else:
            _by_hand(nb_man, kernel_name, input_path)


def _by_hand(manager: Any, kernel_name: str, input_path: Any) -> None:
    """Run an arena for a person, in a process of its own as the loop does; bring outputs and result home."""
    from autoloop_kernel.execution.local import LocalExecutor

    nb = manager.nb
    if problems := [one for one in problems_of(nb.metadata) if one.level == "error"]:
        raise AutoloopError(f"this notebook is no arena: {problems[0]}")
    folder = Path(input_path).resolve().parent if isinstance(input_path, str) else Path.cwd()
    executor = LocalExecutor()
    with tempfile.TemporaryDirectory(prefix="autoloop-") as name:
        job = _hand_job(nb, kernel_name, folder, Path(name))
        try:
            manager.outcome = executor.run(job, lambda kind, data: None, lambda: False)
        finally:
            executor.close()
        executed = Path(name) / job.notebook_name
        if executed.exists():
            _take_over(nb, nbformat.read(executed, as_version=4))
    failed = any(cell.metadata.papermill["exception"] for cell in nb.cells)
    if manager.outcome.verdict is not Verdict.SCORED and not failed:
        raise AutoloopError(manager.outcome.reason)


def _hand_job(nb: NotebookNode, kernel_name: str, folder: Path, target: Path) -> Job:
    """A person's run as a job. What papermill has injected already stays, as parameters that come later and so win."""
    given, rules = nb.metadata.papermill.get("parameters") or {}, rules_of(nb.metadata)
    rules = replace(rules, budget_s=float(given.get("BUDGET_S", rules.budget_s)), kernel=kernel_name or rules.kernel)
    files = {name: (folder / name).read_text("utf-8") for name in editable_files(folder, "", rules.files)}
    plain = copy.deepcopy(nb)
    for cell in plain.cells:
        if INJECTED in tags_of(cell):
            cell.metadata["tags"] = [Role.PARAMETERS.value]
    seed = int(given.get("SEED", 0))
    run_id = f"hand:{os.getpid()}:{target.name}"
    return Job(0, 1, seed, Kind.SCREEN, nbformat.writes(plain), files, folder, target, rules, run_id)


def _take_over(nb: NotebookNode, executed: NotebookNode) -> None:
    """Bring what became of each cell, and of the notebook, from its executed copy."""
    cells = {cell.get("id"): cell for cell in executed.cells}
    for cell in nb.cells:
        if (done := cells.get(cell.get("id"))) is not None:
            cell.metadata["papermill"] = done.metadata.papermill
            if cell.cell_type == "code":
                cell["outputs"], cell["execution_count"] = done.outputs, done.execution_count
    nb.metadata["autoloop"]["result"] = executed.metadata.autoloop.result
    if "language_info" in executed.metadata:
        nb.metadata["language_info"] = executed.metadata.language_info
