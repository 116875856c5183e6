"""Whether ledger, git refs and notebooks of an arena tell the same story, and nothing of its runs is still alive."""

import json
import time
from pathlib import Path

import nbformat
import psutil

from autoloop_kernel.driver import open_session
from autoloop_kernel.records import Verdict


def processes_of(mark: str) -> list[psutil.Process]:
    """Every live process whose environment carries the run mark `mark`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("AUTOLOOP_RUN", "").startswith(mark) and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def assert_nothing_left(mark: str, within_s: float = 5.0) -> None:
    """Fail when a process of this mark is still alive after `within_s` seconds."""
    until = time.monotonic() + within_s
    while (left := processes_of(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left, [p.cmdline() for p in left]


def assert_same_story(path: Path) -> list[str]:
    """Compare the three memories of the arena at `path`; give back the verdicts by number."""
    with open_session(path, create=False) as session:
        iterations = session.ledger.iterations()
        assert [i.number for i in iterations] == list(range(1, len(iterations) + 1))
        assert not session.ledger.in_flight()
        recorded = {i.number: i for i in session.lineage.recorded()}
        assert list(recorded) == [i.number for i in iterations]
        for row in iterations:
            ref = recorded[row.number]
            assert (ref.verdict, ref.score, ref.base, ref.commit) == (row.verdict, row.score, row.base, row.commit)
            assert ref.title == row.title
            _assert_notebook(session.arena.folder / row.notebook, row)
        ends = [e.iteration for e in session.ledger.events(kinds=["iteration.end"])]
        assert sorted(ends) == [i.number for i in iterations], "a verdict was lost or doubled"
        champion = session.champion()
        assert session.lineage.champion() == (champion.commit if champion else None)
        assert session.ledger.holder() is None
        assert not list(session.arena.runs.rglob("*.tmp"))
        assert_nothing_left(session.mark)
        return [str(i.verdict) for i in iterations]


def _assert_notebook(path: Path, row) -> None:
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    result = notebook.metadata["autoloop"]["result"]
    assert result["iteration"] == row.number
    assert row.verdict in (Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH, Verdict.TIMEOUT)
    if row.score is not None:
        assert result["score"] == row.score
        assert result["verdict"] == "scored"
    json.dumps(result, allow_nan=False)
