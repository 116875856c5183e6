"""Attempts that others spoilt are run again, twice at most, and tell nobody anything about the idea."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from arenas import arena, job
from exploit_kit import Scripted
from loop_kit import Machine, play, scored, x
from played import make_arena
from recorded import Machine as Counters
from recorded import One

from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.loop import Loop, seed_of
from autoloop_kernel.memory.recover import recover
from autoloop_kernel.records import HARNESS, Job, Kind, Outcome, Verdict
from autoloop_kernel.session import open_session

NEIGHBOUR = "other processes used 60 % of the CPU that this run may use"
SPOILT = Outcome(Verdict.CONTENDED, NEIGHBOUR, facts={"steps": 3, HARNESS: {"contended": NEIGHBOUR}})


@pytest.fixture
def session(tmp_path):
    with open_session(make_arena(tmp_path, contention=0.2)) as opened:
        yield opened


def test_the_third_attempt_counts_and_says_so(session):
    play(session, (None, scored(3.0)))
    machine = Machine(SPOILT, SPOILT, scored(1.0, facts={"steps": 3, HARNESS: {"contended": NEIGHBOUR}}))
    ended = Loop(session, machine).iterate(Scripted(x(1.0)))
    assert [(job.contention, job.counts) for job in machine.jobs] == [(0.2, False), (0.2, False), (0.2, True)]
    assert (ended.verdict, ended.score) == (Verdict.KEEP, 1.0)
    assert ended.reason.endswith(f"; {NEIGHBOUR}, as in 2 attempts before it, so that it counts all the same")
    assert [str(attempt.verdict) for attempt in ended.attempts] == ["contended", "contended", "scored"]
    finding = session.ledger.findings()[-1]
    assert finding.numbers["facts"] == {"steps": 3}


def test_one_that_was_alone_at_last_has_nothing_to_explain(session):
    play(session, (None, scored(3.0)))
    machine = Machine(SPOILT, scored(1.0))
    ended = Loop(session, machine).iterate(Scripted(x(1.0)))
    assert ended.verdict is Verdict.KEEP
    assert "other processes" not in ended.reason + session.ledger.findings()[-1].text
    told = [event.data["reason"] for event in session.ledger.events(kinds=["attempt.end"])]
    assert told == ["", NEIGHBOUR, ""]


def test_an_interruption_does_not_use_up_a_rerun_nor_a_rerun_an_interruption(session):
    play(session, (None, scored(3.0)))
    died = Outcome(Verdict.INTERRUPTED, "the process of the execution was killed by SIGKILL")
    machine = Machine(SPOILT, died, died, SPOILT, scored(1.0))
    ended = Loop(session, machine).iterate(Scripted(x(1.0)))
    assert [job.counts for job in machine.jobs] == [False, False, False, False, True]
    assert ended.verdict is Verdict.KEEP


@pytest.mark.parametrize("spoilt", [1, 2])
def test_a_driver_that_was_killed_goes_on_counting(session, spoilt):
    play(session, (None, scored(3.0)))

    def killed(job: Job) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Loop(session, Machine(*[SPOILT] * spoilt, killed)).iterate(Scripted(x(1.0)))
    told = [found.text for found in recover(session.ledger, session.lineage, session.arena.runs)]
    assert told == ["iteration 2 was running when the driver was stopped: it is run again"]
    machine = Machine(*[SPOILT] * (2 - spoilt), scored(1.0))
    ended = Loop(session, machine).iterate(Scripted())
    assert [job.counts for job in machine.jobs] == [*[False] * (2 - spoilt), True]
    assert [a.attempt for a in ended.attempts if a.verdict is Verdict.CONTENDED] == [1, 2]
    assert ended.verdict is Verdict.KEEP


def test_one_killed_between_a_spoilt_attempt_and_the_next_is_run_again(session, monkeypatch):
    play(session, (None, scored(3.0)))
    begin, begun = session.ledger.begin_attempt, []

    def once(*given):
        if begun:
            raise KeyboardInterrupt
        begun.append(begin(*given))
        return begun[0]

    monkeypatch.setattr(session.ledger, "begin_attempt", once)
    with pytest.raises(KeyboardInterrupt):
        Loop(session, Machine(SPOILT)).iterate(Scripted(x(1.0)))
    told = [found.text for found in recover(session.ledger, session.lineage, session.arena.runs)]
    assert told == ["iteration 2 has no verdict yet: it is run again"]


def test_a_replicate_is_run_again_too_and_has_its_own_count(session):
    play(session, (None, scored(3.0)))
    session.ledger.queue_replicate(1)
    machine = Machine(SPOILT, SPOILT, scored(3.1))
    assert Loop(session, machine).replicate()
    assert [(job.kind, job.counts) for job in machine.jobs] == [(Kind.REPLICATE, each) for each in (False, False, True)]
    assert session.ledger.replicates() == []
    session.ledger.queue_replicate(1)
    again = Machine(scored(3.2))
    assert Loop(session, again).replicate()
    assert again.jobs[0].counts is False


@pytest.mark.parametrize(("setting", "looked_at"), [({"contention": 1}, None), ({"contention": 0.5}, 0.5), ({}, 0.2)])
def test_an_arena_says_how_much_others_may_take(tmp_path, setting, looked_at):
    path = make_arena(tmp_path, **setting)
    if not setting:
        path.write_text(path.read_text().replace('"contention": 1', '"artifacts": []'))
    with open_session(path) as session:
        machine = Machine(scored(3.0))
        Loop(session, machine).iterate(Scripted())
        assert machine.jobs[0].contention == looked_at


QUIET = Counters(processes={1: One(0), 900: One()})
BUSY = Counters(1020.0, (120.0, 120.0), processes={1: One(0), 900: One(used=24.0)})


class Shared(LocalExecutor):
    """Runs where the counters are a test's own: quiet ones at first, once a clock runs and while it is asked busy ones.

    The time since the machine started is a pipe: whoever reads the counters waits until they are there.
    """

    def __init__(self, mark: str, root: Path) -> None:
        super().__init__(mark)
        self.root = root
        (root / "proc").mkdir(parents=True)
        os.mkfifo(root / "proc" / "uptime")

    def run(self, job, on_message, stopped):
        def hear(kind, data):
            if kind == "phase" and data["phase"] in ("running", "scoring"):
                threading.Thread(target=BUSY.write, args=(self.root,), daemon=True).start()
            on_message(kind, data)

        threading.Thread(target=QUIET.write, args=(self.root,), daemon=True).start()
        return super().run(replace(job, system=self.root), hear, stopped)


@pytest.fixture
def shared(session, tmp_path):
    executor = Shared(session.mark, tmp_path / "system")
    yield executor
    executor.close()


def test_a_neighbour_on_the_machine_spoils_real_attempts(session, shared):
    cell = "from autoloop_kernel.cells import facts\nfacts(harness='mine')\n" + x(1.0)["model"]
    play(session, (None, scored(3.0)))
    ended = Loop(session, shared).iterate(Scripted({"model": cell}))
    assert [str(attempt.verdict) for attempt in ended.attempts] == ["contended", "contended", "scored"]
    assert ended.attempts[0].reason.startswith("other processes used ")
    assert [attempt.score for attempt in ended.attempts] == [None, None, 1.0]
    assert (ended.verdict, ended.score) == (Verdict.KEEP, 1.0)
    assert ended.reason.endswith("as in 2 attempts before it, so that it counts all the same")
    assert ended.attempts[2].facts == {"candidate's harness": "mine", HARNESS: {"contended": ended.attempts[0].reason}}
    shown = nbformat.read(session.arena.runs / "0002" / "iteration.ipynb", as_version=4).metadata.autoloop.result
    assert (shown.attempt, shown.verdict, shown.seed) == (3, "scored", seed_of("game", 2, 3))


def test_one_that_ran_out_of_time_beside_a_neighbour_is_no_timeout(session, shared, run_notebook):
    sleeps = job(arena("import time\ntime.sleep(600)"), run_notebook.folder, budget_s=0.2, kill_s=0.3)
    outcome = shared.run(replace(sleeps, contention=0.2), lambda kind, data: None, lambda: False)
    assert (outcome.verdict, outcome.score) == (Verdict.CONTENDED, None)
    counted = shared.run(replace(sleeps, contention=0.2, counts=True), lambda kind, data: None, lambda: False)
    assert counted.verdict is Verdict.TIMEOUT
    assert counted.facts == {HARNESS: {"contended": outcome.reason}}


class SharedLater(Shared):
    """The same, but quiet while a clock runs: busy ones once a score cell has made the file `scoring` beside them."""

    def run(self, job, on_message, stopped):
        def hear(kind, data):
            if kind == "phase" and data["phase"] in ("running", "scoring"):
                threading.Thread(target=self.count, args=(data["phase"],), daemon=True).start()
            return on_message(kind, data)

        threading.Thread(target=self.count, daemon=True).start()
        return LocalExecutor.run(self, replace(job, system=self.root), hear, stopped)

    def count(self, phase=""):
        QUIET.write(self.root)
        if phase == "scoring":
            while not (self.root / "scoring").exists():
                time.sleep(0.01)
            BUSY.write(self.root)


ASKS = "from autoloop_kernel.cells import ask, score\nscore(float(ask(x=np.zeros(1))[0]))"
COMPUTES = "import time\ntime.sleep(600)"


@pytest.mark.parametrize(("answer", "cell"), [("__import__('time').sleep(600)", ASKS), ("2.0 * x", COMPUTES)])
def test_a_score_that_took_too_long_beside_a_neighbour_is_no_timeout(tmp_path, run_notebook, answer, cell):
    for counts, verdict in ((False, Verdict.CONTENDED), (True, Verdict.TIMEOUT)):
        executor = SharedLater("", tmp_path / f"system-{counts}")
        nb = arena(
            f"submit(lambda x: {answer})", score=f"open({str(executor.root / 'scoring')!r}, 'w').close()\n{cell}"
        )
        late = job(nb, run_notebook.folder, kill_s=60.0, score_timeout_s=1.0)
        try:
            outcome = executor.run(replace(late, contention=0.2, counts=counts), lambda *told: None, lambda: False)
        finally:
            executor.close()
        assert outcome.verdict is verdict, outcome
