"""Whether ledger, git refs and notebooks of an arena tell the same story, and nothing of its runs is still alive."""

import json
import time
from pathlib import Path

import nbformat
from execution_kit import assert_no_process

from autoloop_kernel.driver import open_session
from autoloop_kernel.records import Verdict


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
        until = time.monotonic() + 60
        while session.ledger.holder() is not None and time.monotonic() < until:
            time.sleep(0.05)  # a driver lets go after it has said that it ends
        assert session.ledger.holder() is None
        assert not list(session.arena.runs.rglob("*.tmp"))
        assert_no_process(session.mark, within_s=5.0)
        return [str(i.verdict) for i in iterations]


def _assert_notebook(path: Path, row) -> None:
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    result = notebook.metadata["autoloop"]["result"]
    assert result["iteration"] == row.number
    assert row.verdict in (Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED)
    if row.score is not None:
        counted = [attempt.score for attempt in row.attempts if attempt.score is not None]
        assert result["score"] == (counted[0] if counted else row.score), "the notebook is that of the first attempt"
        assert result["verdict"] == "scored"
    json.dumps(result, allow_nan=False)
