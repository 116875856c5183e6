"""A quick trial: what crashes is told with its traceback, all else is stopped early, and nothing is left."""

import os
import tempfile
import time
import uuid

import pytest
from arenas import HONEST, arena
from arenas import job as make_job
from execution_kit import assert_no_process

from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.tryout import SHOWN, START_S, Tryout
from autoloop_kernel.records import Outcome, Verdict


@pytest.fixture
def tried(tmp_path, monkeypatch):
    """Tries a notebook; checks that no file and no process is left."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "arena").mkdir()
    mark = f"test-try-{uuid.uuid4().hex[:12]}"
    executor = LocalExecutor(mark)

    def run(nb, seconds=10.0, stopped=lambda: False, sources=None, **rules):
        job = make_job(nb, tmp_path / "arena", sources, run_id=f"{mark}:try:1", **rules)
        said = executor.tryout(job, stopped, seconds)
        assert_no_process(mark)
        assert list((tmp_path / "tmp").iterdir()) == []
        assert list((tmp_path / "arena").iterdir()) == []
        return said

    return run


def test_a_crash_is_told_with_the_end_of_its_traceback(tried):
    said = tried(arena("def f(a):\n    return a @ np.ones(3)", "f(np.ones(2))\n" + HONEST)).splitlines()
    assert said[0].startswith("cell 'e1' raised ValueError: matmul")
    assert any("return a @ np.ones(3)" in line for line in said[1:])
    assert said[-1].startswith("ValueError: matmul")
    assert len(said) <= SHOWN + 1
    assert "\x1b" not in "".join(said)


def test_what_ends_well_is_empty_and_what_never_submits_is_not(tried):
    assert tried(arena("X = BUDGET_S", HONEST)) == ""
    assert tried(arena("X = 1")) == "the candidate never called submit(...)"
    assert "raised ValueError: the answer is not four finite numbers" in tried(arena("submit(lambda x: x[:2])"))


def test_it_goes_on_to_the_first_report_not_to_the_end_of_the_budget(tried):
    loop = "import time\nwhile True:\n    report(1, loss=1.0)\n    time.sleep(0.05)"
    began = time.monotonic()
    assert tried(arena(loop, HONEST), seconds=40.0, budget_s=60.0) == ""
    assert time.monotonic() - began < 40


def test_what_it_did_until_its_time_was_over_is_fine(tried):
    assert tried(arena("import time\ntime.sleep(600)\n1 / 0", HONEST), seconds=1.0) == ""


def test_the_budget_it_sees_is_smaller_so_that_it_comes_to_its_end(tried):
    said = tried(arena("import time\nwhile budget.remaining():\n    time.sleep(0.05)\nraise ValueError(BUDGET_S)"), 4.0)
    assert said.splitlines()[0] == "cell 'e0' raised ValueError: 2.0"


def test_files_are_tried_too_and_processes_that_were_left_are_ended(tried):
    said = tried(arena("import lib"), sources={"lib.py": "import subprocess\nsubprocess.Popen(['sleep', '60'])\n1 / 0"})
    assert "ZeroDivisionError" in said.splitlines()[0]
    assert any("lib.py" in line for line in said.splitlines())


def test_it_can_be_stopped(tried):
    until = time.monotonic() + 1.0
    loop = "import time\ntime.sleep(600)"
    assert tried(arena(loop), 600.0, lambda: time.monotonic() > until).startswith("it could not be tried: stopped")


def test_it_steps_back_behind_what_is_run(tried):
    assert tried(arena(f"import os\nassert os.nice(0) == {os.nice(0)}", HONEST)).startswith("cell 'e0' raised Assert")


def test_a_trial_that_shows_nothing_says_so_and_waits_for_a_slow_start(tmp_path):
    trial = Tryout(make_job(arena(), tmp_path), tmp_path)
    assert trial.job.rules.deadline_s < 10.0
    assert trial._end - time.monotonic() > START_S - 5
    lost = Outcome(Verdict.INTERRUPTED, "the process of the execution\nwas killed")
    assert trial.told(lost) == "it could not be tried: the process of the execution was killed"
    assert trial.told(Outcome(Verdict.CRASH, "out of memory", cell="gone")) == "out of memory"
    assert trial.told(Outcome(Verdict.TIMEOUT, "killed")) == ""
