"""The executor on this machine: children prepared ahead, messages, files, and children that die."""

import json
import os
import signal
import time

import cgroup_kit
import psutil
import pytest
from arenas import HONEST, SCORE, arena, job, notebook, status
from execution_kit import assert_no_process, processes_of

from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.pair import Hint, hint_of
from autoloop_kernel.execution.tree import CHILD
from autoloop_kernel.records import Verdict


def is_child(process):
    """Whether it is an execution; other tests' processes that have ended may still stand in the process table."""
    return process.status() != psutil.STATUS_ZOMBIE and CHILD in process.cmdline()


def test_prepared_kernels_run_the_next_job_and_know_nothing_of_the_last(run_notebook):
    first = run_notebook(arena("left_over = 1", HONEST))
    run_notebook.executor.prepare()
    time.sleep(0.5)
    second = run_notebook(arena("assert 'left_over' not in globals()", HONEST), attempt=2)
    assert (first.outcome.score, second.outcome.score) == (0.0, 0.0), second.outcome.reason
    assert (second.job.target / "attempt-2.ipynb").exists()
    assert (second.job.target / "iteration.ipynb").exists()
    counts = [cell.execution_count for cell in second.notebook.cells if cell.cell_type == "code"]
    assert counts[0] == 1
    assert "=== iteration 1, attempt 1" in second.log
    assert "=== iteration 1, attempt 2" in second.log


@pytest.mark.parametrize(("warm", "waiting"), [(False, 3), (True, 1)])
def test_what_waits_is_found_by_its_mark_and_ended_by_close(tmp_path, warm, waiting):
    executor = LocalExecutor(f"test-waits-{os.getpid()}", warm)
    executor._hint = Hint(folder=str(tmp_path))
    executor.prepare()
    until = time.monotonic() + 60
    while len(processes_of(f"test-waits-{os.getpid()}")) < waiting and time.monotonic() < until:
        time.sleep(0.1)
    assert len(processes_of(f"test-waits-{os.getpid()}")) >= waiting
    executor.close()
    assert_no_process(f"test-waits-{os.getpid()}")


def test_a_prepared_child_that_died_is_replaced(run_notebook):
    run_notebook.executor.prepare()
    os.kill(run_notebook.executor._next.process.pid, signal.SIGKILL)
    run_notebook.executor._next.process.wait()
    assert run_notebook(arena(HONEST)).outcome.score == 0.0


def test_a_hint_names_only_what_is_imported_before_the_clock(run_notebook):
    (run_notebook.folder / "beside.py").write_text("")
    cells = [
        ("shared:imports", "import numpy as np, beside\nfrom math import pi\nif True:\n    import csv"),
        ("locked:early", "import decimal\n%time 1"),
        ("editable:e", "import fractions\n" + HONEST),
        ("locked:late", "import bisect"),
        ("score:score", "import statistics\n" + SCORE),
    ]
    job = run_notebook(notebook(cells)).job
    assert hint_of(job) == Hint(
        "python3", ("numpy", "math", "decimal"), ("numpy", "math"), str(job.folder), job.rules.sealed
    )


def test_points_are_thinned_and_the_last_one_is_kept(run_notebook):
    source = "for step in range(5000):\n    report(step, loss=1.0 / (step + 1), bad=float('nan'))"
    run = run_notebook(arena(source, HONEST))
    curve = run.outcome.curve
    assert curve[0].step == 0
    assert curve[-1].step == 4999
    assert 2 <= len(curve) < 100
    assert [point.seconds for point in curve] == sorted(point.seconds for point in curve)
    assert set(curve[0].numbers) == {"loss"}
    assert run.outcome.facts == {"not_finite": {"bad": 0.0}}
    reports = [data for kind, data in run.messages if kind == "report"]
    assert reports[-1]["step"] == 4999
    json.dumps(reports, allow_nan=False)
    outputs = next(cell for cell in run.notebook.cells if cell.id == "e0").outputs
    assert len(outputs) == 1
    assert outputs[0].data["text/plain"].startswith("step 4999")


def test_the_facts_of_later_cells_are_added(run_notebook):
    run = run_notebook(arena("facts(a=1, b=2)", "facts(b=3)", HONEST))
    assert run.outcome.facts == {"a": 1, "b": 3}


def test_facts_are_bounded(run_notebook):
    run = run_notebook(arena("for i in range(200):\n    facts(**{f'f{i}': 'x' * 2000})", HONEST))
    assert run.outcome.facts["left_out"] == "facts beyond 64 KiB"
    assert len(json.dumps(run.outcome.facts)) < 70_000


def test_an_execution_that_is_killed_is_interrupted(run_notebook):
    def kill(kind, data):
        if data.get("phase") == "running":
            [child] = [p for p in psutil.Process().children(recursive=True) if is_child(p)]
            child.kill()

    nb = arena("import time; time.sleep(600)", HONEST)
    job_id = f"test-child-{os.getpid()}:1"
    with pytest.raises(FileNotFoundError):
        _ = run_notebook(nb, on_message=kill, run_id=job_id, budget_s=30).notebook
    assert_no_process(job_id)


def test_the_outcome_of_an_execution_that_was_killed_says_so(run_notebook):
    def kill(kind, data):
        [child] = [p for p in psutil.Process().children(recursive=True) if is_child(p)]
        child.kill()

    outcome = run_notebook(arena(HONEST), on_message=kill).outcome
    assert outcome.verdict is Verdict.INTERRUPTED
    assert outcome.reason == "the process of the execution was killed by SIGKILL"


def test_a_candidate_for_which_the_kernel_has_no_memory_left_is_a_crash_that_says_so(run_notebook):
    with cgroup_kit.memory(64) as group:

        def starve(kind, data):
            if data.get("phase") == "running":
                for process in processes_of(f"{run_notebook.mark}:1:1"):
                    group.add(process.pid)

        outcome = run_notebook(arena(cgroup_kit.HOARDS, HONEST), on_message=starve, budget_s=60).outcome
        assert group.ended() == 1, "the kernel has killed the candidate alone"
    assert (outcome.verdict, outcome.cell) == (Verdict.CRASH, "e0")
    how = "was killed by SIGKILL (by itself, or the machine ran out of memory)"
    assert outcome.reason == f"the candidate's process {how} in cell 'e0'"
    assert run_notebook(arena(HONEST), attempt=2).outcome.score == 0.0


@pytest.mark.parametrize("at", [1, 2])
def test_a_kill_beside_the_write_leaves_a_whole_notebook_or_none(run_notebook, monkeypatch, at):
    monkeypatch.setenv("AUTOLOOP_KILL_CHILD_AT", str(at))
    run = run_notebook(arena(HONEST))
    assert run.outcome.verdict is Verdict.INTERRUPTED
    path = run.job.target / "iteration.ipynb"
    assert path.exists() == (at == 2)
    if path.exists():
        assert run.notebook.metadata.autoloop.result.score == 0.0
    monkeypatch.delenv("AUTOLOOP_KILL_CHILD_AT")
    again = run_notebook(arena(HONEST))
    assert again.outcome.score == 0.0
    assert not list(run.job.target.glob("*.tmp")) + list(run.job.target.glob(".*.tmp"))


def test_temporary_folders_are_removed(run_notebook, monkeypatch, tmp_path):
    scratch = tmp_path / "t"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    run_notebook(arena(HONEST))
    run_notebook(arena("import time; time.sleep(60)"), budget_s=0.1)
    assert not list(scratch.iterdir())


HIJACK = """
import autoloop_kernel.wire as wire
def serve(listener, token, answer, send_back):
    sock, _ = listener.accept()
    wire.receive(sock)
    wire.receive(sock)
    {act}
    import time; time.sleep(600)
wire.serve = serve
"""


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("sock.sendall(b'\\\\x80\\\\x04cos\\\\nsystem' * 10)", "malformed: it is not in the wire format"),
        ("sock.close(); listener.close()", "ended or closed its connection"),
        ("sock.sendall(b'autoloop' + b'\\\\x02\\\\0\\\\0\\\\0{}')", "malformed: its header lists no arrays"),
    ],
)
def test_a_candidate_that_speaks_the_wire_itself_can_only_crash(run_notebook, act, words):
    source = HIJACK.replace("{act}", act.replace("\\\\", "\\"))
    outcome = run_notebook(arena(source, HONEST)).outcome
    assert outcome.verdict is Verdict.CRASH
    assert words in outcome.reason


def test_a_secret_in_the_environment_stays_out(run_notebook, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("CUDA_HARMLESS", "seen")
    source = "import os\nfacts(seen=os.environ.get('CUDA_HARMLESS'), key=os.environ.get('ANTHROPIC_API_KEY'))"
    assert run_notebook(arena(source, HONEST)).outcome.facts == {"seen": "seen", "key": None}


@pytest.mark.parametrize("warm", [True, False])
def test_an_import_path_is_meant_as_it_is_where_the_driver_runs(tmp_path, monkeypatch, warm):
    """`PYTHONPATH=src autoloop auto …`: a run works in a folder of its own, where there is no src."""
    for name in ("src", "arena"):
        (tmp_path / name).mkdir()
    (tmp_path / "src" / "beside_the_arena.py").write_text("value = 7")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "src")
    executor, said = LocalExecutor("", warm), []
    nb = arena("import beside_the_arena\nfacts(value=beside_the_arena.value)", HONEST)
    try:
        outcome = executor.run(job(nb, tmp_path / "arena"), lambda kind, data: said.append(kind), lambda: False)
    finally:
        executor.close()
    assert (outcome.score, outcome.facts) == (0.0, {"value": 7}), outcome.reason
    assert "note" not in said, "its kernels were not forked"


def test_start_up_files_of_the_person_do_not_run(run_notebook, monkeypatch, tmp_path):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "evil.py").write_text("evil = 1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(startup / "evil.py"))
    score = "assert 'evil' not in globals()\n" + SCORE
    run = run_notebook(arena("assert 'evil' not in globals()", HONEST, score=score))
    assert run.outcome.score == 0.0, run.outcome.reason
    assert "note" not in [kind for kind, _ in run.messages], "its kernels were not forked"


def test_a_broken_shared_cell_is_the_arenas_fault(run_notebook):
    run = run_notebook(arena(HONEST, shared="import numpy as np\nopen('no such file')"))
    assert run.outcome.verdict is Verdict.CRASH
    assert "'imports' raised FileNotFoundError" in run.outcome.reason
    assert status(run.notebook, "e0") == ("pending", None)
