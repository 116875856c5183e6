"""The clock that decides: wall or CPU seconds, of all of the candidate's processes; what `budget` shows of it."""

import time

import pytest
from arenas import HONEST, arena

from autoloop_kernel.execution import clock as clock_module
from autoloop_kernel.execution.clock import Watch
from autoloop_kernel.execution.tree import Process
from autoloop_kernel.records import Direction, Metric, Rules, Verdict

SLEEP = "import time\ntime.sleep(1.2)"
SPIN = "import time\nend = time.monotonic() + {}\nwhile time.monotonic() < end:\n    pass"


def test_a_sleeper_is_within_a_cpu_budget_but_not_within_a_wall_budget(run_notebook):
    nb = arena(SLEEP, HONEST)
    assert run_notebook(nb, clock="cpu", budget_s=0.5, kill_s=0.8).outcome.verdict is Verdict.SCORED
    wall = run_notebook(nb, clock="wall", budget_s=0.5, kill_s=0.8).outcome
    assert wall.verdict is Verdict.TIMEOUT
    assert "killed after 0.8 s; the budget is 0.5 s" in wall.reason


def test_a_spinner_is_killed_at_its_cpu_budget(run_notebook):
    outcome = run_notebook(arena(SPIN.format(60), HONEST), clock="cpu", budget_s=5, kill_s=0.5).outcome
    assert outcome.verdict is Verdict.TIMEOUT
    assert "s of CPU; the budget is 5 s" in outcome.reason


def test_a_sleeper_on_a_cpu_clock_meets_the_wall_ceiling(run_notebook):
    outcome = run_notebook(arena("import time\ntime.sleep(600)"), clock="cpu", budget_s=0.3).outcome
    assert outcome.verdict is Verdict.TIMEOUT
    assert "of wall clock, 4 times the budget of 0.3 s of CPU" in outcome.reason
    assert outcome.seconds.run >= 1.2


CHILDREN = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN if {ignored} else signal.SIG_DFL)
for _ in range(200):
    if os.fork() == 0:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        os._exit(0)
    time.sleep(0.25)
    if not {ignored}:
        os.waitpid(-1, 0)
"""


@pytest.mark.parametrize("ignored", [False, True])
def test_work_done_in_children_that_ended_is_billed(run_notebook, ignored):
    nb = arena(CHILDREN.format(ignored=ignored), HONEST)
    outcome = run_notebook(nb, clock="cpu", budget_s=30, kill_s=0.8).outcome
    assert outcome.verdict is Verdict.TIMEOUT
    assert "s of CPU" in outcome.reason
    assert outcome.seconds.run < 60


def test_the_budget_that_the_candidate_sees_is_the_harness_clock(run_notebook):
    source = SPIN.format(0.5) + "\nfacts(spent=budget.spent(), left=budget.remaining(), all=budget.seconds)"
    outcome = run_notebook(arena(SLEEP, source, HONEST), clock="cpu", budget_s=8).outcome
    assert outcome.verdict is Verdict.SCORED
    assert 0.1 < outcome.facts["spent"] < 1.0
    assert outcome.facts["left"] == pytest.approx(8 - outcome.facts["spent"], abs=0.1)
    assert outcome.facts["all"] == 8
    outcome = run_notebook(arena(SLEEP, source, HONEST), budget_s=8).outcome
    assert outcome.facts["spent"] > 1.2


def watch(**rules) -> Watch:
    return Watch(Rules(Metric("loss", Direction.MIN), **rules))


def test_what_a_candidate_computes_between_its_answers_is_bounded_on_a_wall_clock(monkeypatch):
    monkeypatch.setattr(clock_module, "_processors", lambda: 4)
    clock = watch(budget_s=0.0, answer_s=3.0)
    monkeypatch.setattr(clock, "used", lambda: 0.0)
    assert clock.answering() == 3.0
    assert clock._judge({1: process(1, 11.9)}) == (None, "")
    verdict, reason = clock._judge({1: process(1, 11.0), 2: process(2, 1.1)})
    assert verdict is Verdict.CRASH
    assert "more than 3 s on each of 4 processors" in reason


def test_where_more_runs_than_processors_share_them_cpu_seconds_may_take_longer(monkeypatch):
    monkeypatch.setattr(clock_module, "_processors", lambda: 2)
    monkeypatch.setattr(clock_module.Watch, "wall", lambda self: 12.1)
    rules = Rules(Metric("loss", Direction.MIN), clock="cpu", budget_s=1.0, answer_s=3.0)
    for at_once, ceiling in ((1, 4.0), (2, 4.0), (6, 12.0), (7, 14.0)):
        clock = Watch(rules, at_once=at_once)
        monkeypatch.setattr(clock, "used", lambda: 0.0)
        verdict, reason = clock._judge_time({1: process(1, 0.1)})
        assert (verdict, clock.met_ceiling) == ((None, False) if at_once == 7 else (Verdict.TIMEOUT, True))
        assert reason == "" or f"wall clock, {ceiling:g} times the budget of 1 s of CPU" in reason
        assert clock.answering() == ceiling * (3.0 + 1.0)


def test_a_clock_whose_thread_was_kept_from_looking_is_looked_at_when_it_stops():
    clock = watch(budget_s=0.01, kill_s=0.02)
    clock.begin()  # whoever stops a process stops its threads: here none has been started
    time.sleep(0.1)
    clock.stop()
    assert clock.verdict is Verdict.TIMEOUT
    assert clock.reason.endswith("the budget is 0.01 s")


def process(pid: int, cpu: float, children: float = 0.0) -> Process:
    return Process(pid, 1, 1.0, cpu, children, 0, False)


def test_a_clock_that_cannot_look_for_a_while_goes_on(monkeypatch):
    """As where no more files can be opened, which candidates can bring about: `/proc` cannot be listed then."""
    clock = watch(budget_s=0.1, kill_s=0.2)
    for deed in ("kill_candidate", "_reap"):
        monkeypatch.setattr(clock, deed, lambda *family: None)
    looks, members = [], clock._family.members

    def fails_at_first():
        looks.append(1)
        if 1 < len(looks) < 5:
            raise OSError(23, "Too many open files in system")
        return members()

    monkeypatch.setattr(clock._family, "members", fails_at_first)
    clock.begin()
    clock.watch(0, 0)
    until = time.monotonic() + 60
    while clock.verdict is None and clock.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    clock.finish()
    assert clock.verdict is Verdict.TIMEOUT


def test_cpu_seconds_never_go_back_when_processes_end():
    clock = watch(budget_s=10, clock="cpu")
    assert clock._cpu({1: process(1, 1.0), 2: process(2, 3.0)}) == 4.0
    assert clock._cpu({1: process(1, 1.0)}) == 4.0
    assert clock._cpu({1: process(1, 1.5, children=3.2)}) == pytest.approx(4.7)


def test_with_cuda_in_use_the_clock_is_wall():
    clock = watch(budget_s=10, clock="cpu")
    assert clock.on_cpu
    clock.cuda = True
    assert not clock.on_cpu
    clock.begin()
    assert clock.spent() == pytest.approx(clock.wall(), abs=0.1)


def test_the_deadline_is_the_budget_and_a_grace():
    assert watch(budget_s=10).rules.deadline_s == 12.0
    assert watch(budget_s=1000).rules.deadline_s == 1020.0
    assert watch(budget_s=10, kill_s=11).rules.deadline_s == 11
