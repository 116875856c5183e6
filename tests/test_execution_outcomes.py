"""What becomes of candidates that fail, cheat or misbehave: a verdict, a reason in plain words, no process left."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from arenas import HONEST, IMPORTS, SCORE, arena, notebook, status, texts
from execution_kit import assert_no_process, processes_of

from autoloop_kernel.execution import local
from autoloop_kernel.records import HARNESS, Kind, Verdict


def test_an_honest_candidate_is_scored(run_notebook):
    run = run_notebook(arena("print('hello')\nreport(1, loss=2.5)\nfacts(width=64)", HONEST))
    assert (run.outcome.verdict, run.outcome.score, run.outcome.reason) == (Verdict.SCORED, 0.0, "")
    assert run.outcome.extra == {"asked": 1}
    assert run.outcome.facts == {"width": 64}
    assert [point.numbers for point in run.outcome.curve] == [{"loss": 2.5}]
    assert [data["phase"] for kind, data in run.messages if kind == "phase"] == ["starting", "running", "scoring"]
    assert "hello" in texts(run.notebook, "e0")
    assert "score 0" in texts(run.notebook, "score")
    assert status(run.notebook, "score") == ("completed", False)
    result = run.notebook.metadata.autoloop.result
    assert (result.verdict, result.score, result.seed, result.attempt, result.kind) == ("scored", 0.0, 7, 1, "screen")
    assert "nonce" not in str(run.notebook)
    assert "SEED = 7" in str(run.notebook)
    seconds = run.outcome.seconds
    assert seconds.start > 0
    assert seconds.total == pytest.approx(seconds.start + seconds.run + seconds.score, abs=0.1)


def test_only_the_referee_learns_that_a_run_is_scored_on_the_holdout(run_notebook):
    shared = IMPORTS + "from autoloop_kernel.cells import held_out\n"
    told = "import os\nfacts(told=held_out(), environment=sorted(os.environ))"
    ask = "ask(x=np.arange(4.0))\nscore(2.0 if held_out() else 1.0)"
    nb = arena(told, HONEST, shared=shared, score=ask)
    search, held_out = run_notebook(nb), run_notebook(nb, kind=Kind.HOLDOUT)
    assert [search.outcome.score, held_out.outcome.score] == [1.0, 2.0]
    assert search.outcome.facts == held_out.outcome.facts
    assert held_out.outcome.facts["told"] is False


def test_a_cell_that_raises(run_notebook):
    run = run_notebook(arena("1 / 0", HONEST))
    assert run.outcome.verdict is Verdict.CRASH
    assert run.outcome.reason == "cell 'e0' raised ZeroDivisionError: division by zero"
    assert run.outcome.cell == "e0"
    assert status(run.notebook, "e0") == ("failed", True)
    assert status(run.notebook, "e1") == ("pending", None)
    assert status(run.notebook, "score") == ("pending", None)
    assert run.notebook.metadata.papermill.exception is True
    assert "ZeroDivisionError" in texts(run.notebook, "e0")
    assert not [cell for cell in run.notebook.cells if "papermill-error-cell-tag" in cell.metadata.get("tags", [])]
    assert run.notebook.metadata.autoloop.result.verdict == "crash"


def test_a_cell_that_hangs_is_killed_and_said_to_have_failed(run_notebook):
    run = run_notebook(arena("import time\ntime.sleep(600)", HONEST), budget_s=0.5)
    assert run.outcome.verdict is Verdict.TIMEOUT
    assert "the budget is 0.5 s" in run.outcome.reason
    assert run.outcome.seconds.run > 2.4
    assert status(run.notebook, "e0") == ("failed", True)
    assert status(run.notebook, "score") == ("pending", None)


DEAF = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
while True:
    try:
        time.sleep(1)
    except BaseException:
        pass
"""


def test_a_cell_that_ignores_every_signal_is_killed_in_time(run_notebook):
    run = run_notebook(arena(DEAF, HONEST), budget_s=0.5)
    assert run.outcome.verdict is Verdict.TIMEOUT
    assert run.outcome.seconds.run < 30


FORKS = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(599)  # {mark}"], {{}})
    os._exit(0)
time.sleep({seconds})
"""


@pytest.mark.parametrize(("seconds", "verdict"), [(0, Verdict.SCORED), (600, Verdict.TIMEOUT)])
def test_no_descendant_outlives_the_run(run_notebook, seconds, verdict):
    mark = f"leftover-{os.getpid()}-{seconds}"
    run = run_notebook(arena(FORKS.format(seconds=seconds, mark=mark), HONEST), budget_s=0.5)
    assert run.outcome.verdict is verdict
    # The double fork threw its environment away, so that only its command line tells it.
    left = subprocess.run(["pgrep", "-f", f"sleep.599.*{mark}"], capture_output=True, text=True, check=False).stdout
    assert not left.strip()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import os; os._exit(0)", "ended by itself with status 0 in cell 'e0'"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
        ("import sys; sys.exit(0)", "cell 'e0' called sys.exit"),
        ("exit()", "cell 'e0' called sys.exit or exit"),
        ("raise KeyboardInterrupt", "cell 'e0' raised KeyboardInterrupt"),
        ("input()", "cell 'e0' raised StdinNotImplementedError"),
    ],
)
def test_a_candidate_that_leaves_is_noticed_at_once(run_notebook, source, words):
    run = run_notebook(arena(source, HONEST), budget_s=30)
    assert run.outcome.verdict is Verdict.CRASH
    assert words in run.outcome.reason
    assert run.outcome.seconds.run < 20
    assert status(run.notebook, "e0") == ("failed", True)
    assert status(run.notebook, "score") == ("pending", None)


def test_two_hundred_megabytes_of_prints_do_no_harm(run_notebook):
    source = "line = 'x' * 999\nfor _ in range(200_000):\n    print(line)\nprint('the end')"
    run = run_notebook(arena(source, HONEST), budget_s=60)
    assert run.outcome.verdict is Verdict.SCORED
    path = run.job.target / "iteration.ipynb"
    assert path.stat().st_size < 600_000
    shown = texts(run.notebook, "e0")
    assert "characters are left out here" in shown
    assert shown.rstrip().endswith("the end")
    log = run.job.target / "log.txt"
    assert 60e6 < log.stat().st_size < 70e6
    assert "MB more were printed" in run.log[-300:]


def test_an_error_of_twenty_megabytes_does_no_harm(run_notebook):
    run = run_notebook(arena("raise ValueError('x' * 20_000_000 + ' the end')", HONEST), budget_s=60)
    assert run.outcome.verdict is Verdict.CRASH
    assert (run.job.target / "iteration.ipynb").stat().st_size < 1_200_000
    (error,) = [out for cell in run.notebook.cells for out in cell.get("outputs", []) if out.output_type == "error"]
    for shown in (error.evalue, "\n".join(error.traceback)):
        assert "characters are left out here" in shown
        assert shown.rstrip().endswith(" the end")


def test_what_a_cell_raised_is_in_the_log_as_plain_text(run_notebook):
    run = run_notebook(arena("def half(x):\n    return x / 0\n\n\nhalf(1)", HONEST))
    assert run.outcome.verdict is Verdict.CRASH
    log = (run.job.target / "log.txt").read_text(encoding="utf-8")
    told = log[log.index("candidate: cell e0") :]
    assert "Traceback (most recent call last)" in told
    assert "return x / 0" in told
    assert "ZeroDivisionError: division by zero" in told
    assert "\x1b" not in told


def test_many_small_prints_are_one_output(run_notebook):
    run = run_notebook(arena("for i in range(5_000):\n    print(i, flush=True)", HONEST), budget_s=60)
    assert run.outcome.verdict is Verdict.SCORED
    outputs = next(cell for cell in run.notebook.cells if cell.id == "e0").outputs
    assert len(outputs) == 1
    assert outputs[0].text.split() == [str(number) for number in range(5_000)]


def test_memory_past_the_limit_is_a_crash(run_notebook):
    source = "hold = []\nimport time\nwhile True:\n    hold.append(np.ones(1_000_000))\n    time.sleep(0.005)"
    run = run_notebook(arena(source, HONEST), memory_mb=400, budget_s=20)
    assert run.outcome.verdict is Verdict.CRASH
    assert "MB of memory; the limit is 400 MB" in run.outcome.reason


def test_memory_within_the_limit_is_fine(run_notebook):
    seen = run_notebook(arena(HONEST), memory_mb=800, limits={"peak_memory_mb": {"max": 800}}).outcome
    assert seen.verdict is Verdict.SCORED
    assert 10 < seen.facts[HARNESS]["peak_memory_mb"] < 800, "measured where it is limited"


def test_a_locked_loop_that_calls_edited_functions_is_billed(run_notebook):
    cells = [
        ("shared:imports", "import numpy as np, time\nfrom autoloop_kernel.cells import ask, score, submit"),
        ("editable:step", "def step():\n    time.sleep(600)"),
        ("locked:loop", "step()"),
        ("locked:end", HONEST),
        ("score:score", SCORE),
    ]
    run = run_notebook(notebook(cells), budget_s=0.5)
    assert run.outcome.verdict is Verdict.TIMEOUT
    assert run.outcome.cell == "loop"


def test_locked_cells_before_the_first_editable_one_are_not_billed(run_notebook):
    cells = [
        ("locked:slow", "import time; time.sleep(3.0)"),
        ("shared:imports", "import numpy as np\nfrom autoloop_kernel.cells import ask, budget, score, submit"),
        ("editable:e", "assert budget.spent() < 0.5, budget.spent()\n" + HONEST),
        ("score:score", SCORE),
    ]
    run = run_notebook(notebook(cells), budget_s=0.5)
    assert run.outcome.verdict is Verdict.SCORED, run.outcome.reason
    assert run.outcome.seconds.run < 20


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("submit(lambda x: x * np.nan)", "not four finite numbers"),
        ("submit(lambda x: x[:2])", "not four finite numbers"),
        ("submit(lambda x: x.astype(int))", "not four finite numbers"),
        ("submit(lambda x: x.astype(object))", "the answer has the dtype object"),
        ("submit(lambda x: x.astype(complex))", "the answer has the dtype complex128"),
        ("submit(lambda x: None)", "the answer function returned None"),
        ("submit(lambda x: [1.0, 2.0])", "the answer is a list, not an array"),
        ("submit(lambda x: {'a': 'b', 1: x})", "an array named 1"),
        ("submit(lambda x: x.no_such)", "the answer function raised AttributeError"),
        ("submit(lambda x: __import__('sys').exit(0))", "the answer function raised SystemExit"),
        ("submit(lambda x: __import__('os')._exit(0))", "ended by itself with status 0 while it answered"),
        ("pass", "the candidate never called submit"),
        ("submit(3)", "submit() takes the function"),
        ("submit(lambda x: x)\nsubmit(lambda x: 2 * x)", "submit() was called twice"),
    ],
)
def test_an_answer_that_is_none(run_notebook, answer, words):
    run = run_notebook(arena(answer))
    assert run.outcome.verdict is Verdict.CRASH
    assert words in run.outcome.reason
    assert run.outcome.score is None
    assert "\n" not in run.outcome.reason


def test_silence_is_a_timeout_that_names_the_candidate(run_notebook):
    run = run_notebook(arena("import time\nsubmit(lambda x: time.sleep(600))"), score_timeout_s=1.0)
    assert run.outcome.verdict is Verdict.TIMEOUT
    assert "was waiting for the candidate" in run.outcome.reason
    assert status(run.notebook, "score") == ("failed", True)


def test_a_slow_score_cell_is_a_timeout_that_does_not(run_notebook):
    run = run_notebook(arena(HONEST, score="import time\ntime.sleep(600)"), score_timeout_s=0.5)
    assert run.outcome.verdict is Verdict.TIMEOUT
    assert "no answer was being waited for" in run.outcome.reason
    assert status(run.notebook, "score") == ("failed", True)


FORGED = """
from IPython.display import display
print("score 0.0")
for nonce in ("", "0" * 32, None):
    data = {"value": -1e9, "extra": {}, "nonce": nonce}
    display({"application/vnd.autoloop.score+json": data, "text/plain": "score -1e9"}, raw=True)
"""


def test_a_forged_score_is_ignored(run_notebook):
    run = run_notebook(arena(FORGED, "submit(lambda x: x)"))
    assert (run.outcome.verdict, run.outcome.score) == (Verdict.SCORED, 6.0)


def test_a_candidate_that_replaces_the_cells_module_changes_nothing_in_the_referee(run_notebook):
    source = (
        "import autoloop_kernel.cells as cells\ncells.score = cells.ask = lambda *a, **k: 0.0\nnp.abs = lambda x: x * 0"
    )
    run = run_notebook(arena(source, "submit(lambda x: x)"))
    assert (run.outcome.verdict, run.outcome.score) == (Verdict.SCORED, 6.0)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise ValueError('bad\\nanswer')", "score cell 'score' raised ValueError: bad answer"),
        ("ask(x=np.ones(1))", "without calling score"),
        ("score(1.0)\nimport sys; sys.exit(0)", "score cell 'score' called sys.exit"),
        ("score(1.0)\nexit()", "score cell 'score' called sys.exit"),
        ("score(1.0)\nscore(2.0)", "score() was called twice"),
        ("score(1.0)\n1 / 0", "score cell 'score' raised ZeroDivisionError"),
        ("score(float('nan'))", "it must be a finite number"),
        ("score('low')", "the score is a str, not a number"),
        ("score(1.0)\nimport os; os._exit(0)", "ended by itself with status 0 in score cell"),
        ("submit(lambda x: x)", "submit() belongs in a candidate's cell"),
    ],
)
def test_a_score_cell_that_does_not_end_well_scores_nothing(run_notebook, source, words):
    run = run_notebook(arena(HONEST, score=source))
    assert run.outcome.verdict is Verdict.CRASH
    assert words in run.outcome.reason
    assert run.outcome.score is None


@pytest.mark.parametrize("tag", ["skip-execution", "raises-exception"])
def test_tags_that_papermill_honours_do_not_let_a_cell_pass(run_notebook, tag):
    nb = arena("1 / 0", HONEST)
    next(cell for cell in nb.cells if cell.id == "e0").metadata.tags.append(tag)
    run = run_notebook(nb)
    assert run.outcome.verdict is Verdict.CRASH
    assert "ZeroDivisionError" in run.outcome.reason


def test_a_skipped_score_cell_is_run_all_the_same(run_notebook):
    nb = arena("submit(lambda x: x)")
    nb.cells[-1].metadata.tags.append("skip-execution")
    assert run_notebook(nb).outcome.score == 6.0


def test_outputs_that_are_not_valid_in_a_notebook_are_left_out(run_notebook):
    source = (
        "from IPython.display import display\n"
        "display({'text/plain': 12, 'application/json': {'a': float('nan')}}, raw=True)\n"
        "display({'application/json': {'a': float('inf')}}, raw=True)"
    )
    run = run_notebook(arena(source, HONEST))
    assert run.outcome.verdict is Verdict.SCORED
    assert "was left out" in texts(run.notebook, "e0")


SENDS = """
kernel = get_ipython().kernel
session, parent = kernel.session, kernel.get_parent()
def send(kind, content, of=parent, signed=True):
    raw = [session.pack(session.msg_header(kind)), session.pack(of), b"{}", content]
    signature = session.sign(raw) if signed else b"nonsense"
    kernel.iopub_socket.send_multipart([b"x", b"<IDS|MSG>", signature, *raw])
def garble_replies(plain=session.send):
    session.send = lambda stream, kind, content=None, *others, **more: plain(
        stream, kind, b"[1]" if kind == "execute_reply" else content, *others, **more)
def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value
"""


@pytest.mark.parametrize(
    "source",
    [
        "send('stream', b'[1]')",
        "send('display_data', b'[1]')",
        "send('status', b'{}')",
        "from IPython.display import display\ndisplay({'application/json': deep(900)}, raw=True)",
        "from IPython.display import display\ndisplay({'text/plain': 'x'}, metadata={'a': deep(900)}, raw=True)",
        "from autoloop_kernel.cells import _publish\n_publish('facts', {'a': deep(600)}, '')",
        "facts(not_finite='none')\nreport(1, loss=float('nan'))",
    ],
)
def test_what_a_candidate_sends_does_not_end_the_harness(run_notebook, source):
    """An attempt that the harness loses is run again with a fresh seed: a candidate could ask for one."""
    run = run_notebook(arena(SENDS + source, HONEST))
    assert (run.outcome.verdict, run.outcome.score) == (Verdict.SCORED, 0.0), run.outcome.reason
    assert run.notebook.cells


GARBLED = "'e0' its kernel sent what is no message of a kernel's"


@pytest.mark.parametrize(
    "source",
    [
        "send('stream', b'{}', of=[1])",
        "send('stream', b'{}', signed=False)",
        "send('stream', b'no json')",
        "garble_replies()",
    ],
)
def test_a_candidate_that_garbles_its_messages_is_a_crash(run_notebook, source):
    outcome = run_notebook(arena(SENDS + source, HONEST)).outcome
    assert outcome.verdict is Verdict.CRASH, outcome
    assert GARBLED in outcome.reason


def test_a_candidate_that_garbles_its_word_on_its_answers_is_a_crash(run_notebook):
    """Its last cell is fine; what comes then is the harness's own request to answer, which it does not meet."""
    source = SENDS + "from autoloop_kernel import cells\ncells._serve = garble_replies"
    outcome = run_notebook(arena(source, HONEST)).outcome
    assert outcome.verdict is Verdict.CRASH, outcome
    assert "sent what is no message of a kernel's" in outcome.reason
    assert "when its answers were asked for" in outcome.reason


def test_a_candidate_may_listen_as_late_as_its_answers_may_take(run_notebook):
    """The score's own time begins when it is asked: what comes before is billed to its answers, and no more."""
    late = "import time\nfrom autoloop_kernel import cells\nplain = cells._serve\n"
    late += "cells._serve = lambda: (time.sleep(6.0), plain())"
    outcome = run_notebook(arena(late, HONEST), score_timeout_s=5.0, answer_s=60.0).outcome
    assert (outcome.verdict, outcome.score) == (Verdict.SCORED, 0.0), outcome.reason


def test_text_that_is_no_text_does_not_spoil_the_notebook(run_notebook):
    run = run_notebook(arena("print('\\ud800')", HONEST))
    # ipykernel can wait for the stream that this breaks until the budget is over: which of the two is a race in it
    assert run.outcome.verdict in (Verdict.SCORED, Verdict.TIMEOUT)
    assert run.notebook.cells


def test_a_stop_interrupts(run_notebook):
    began = time.monotonic()
    run = run_notebook(
        arena("import time\ntime.sleep(600)"), stopped=lambda: time.monotonic() - began > 3.0, budget_s=60
    )
    assert run.outcome.verdict is Verdict.INTERRUPTED
    assert run.took < 30
    assert run.notebook.metadata.autoloop.result.verdict == "interrupted"


def test_a_listener_can_give_a_candidate_up(run_notebook):
    nb = arena("report(1, loss=2.5)\nimport time\ntime.sleep(600)", HONEST)
    run = run_notebook(nb, on_message=lambda kind, data: "too slow" if kind == "report" else None, budget_s=30)
    assert (run.outcome.verdict, run.outcome.score, run.outcome.reason) == (Verdict.PRUNED, None, "too slow")
    assert (run.outcome.cell, len(run.outcome.curve)) == ("e0", 1)
    assert status(run.notebook, "e0")[1]
    assert run.notebook.metadata.autoloop.result.verdict == "pruned"


def test_what_has_trained_to_its_end_is_scored_all_the_same(run_notebook):
    run = run_notebook(arena(HONEST), on_message=lambda kind, data: "late" if data.get("phase") == "scoring" else None)
    assert (run.outcome.verdict, run.outcome.score) == (Verdict.SCORED, 0.0)


def test_a_failing_listener_ends_the_run(run_notebook):
    def fail(kind, data):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        run_notebook(arena("import time\ntime.sleep(600)"), on_message=fail, run_id="test-listener:1")
    assert_no_process("test-listener:1")


LATE = """
import itertools, threading
thread, after = get_ipython().kernel.iopub_thread, itertools.count(4)
def late(*what, plain=thread._really_send, **how):
    send = lambda: thread.schedule(lambda: plain(*what, **how))
    threading.Timer(next(after), send).start()
thread._really_send = late
"""


def test_a_score_that_arrives_late_counts(run_notebook):
    """On a busy machine a kernel's reply can be seconds ahead of what it shows, and the score is shown."""
    outcome = run_notebook(arena(HONEST, score=LATE + SCORE), score_timeout_s=60.0).outcome
    assert (outcome.verdict, outcome.score) == (Verdict.SCORED, 0.0), outcome.reason


FAILS = """
import os, runpy, sys
if "candidate" in os.getcwd():
    sys.exit("no memory is left")
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""


def test_a_kernel_that_fails_before_any_code_of_an_agent_says_nothing_of_the_idea(run_notebook, monkeypatch, tmp_path):
    """As where the machine has no memory or no process left for it: the attempt is run again."""
    spec = tmp_path / "share" / "kernels" / "fails"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", FAILS, "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "fails", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    outcome = run_notebook(arena(HONEST), kernel="fails").outcome
    assert outcome.verdict is Verdict.INTERRUPTED
    assert outcome.reason == "the candidate's kernel 'fails' ended while it started: no memory is left"


def test_a_kernel_that_is_not_installed(run_notebook):
    run = run_notebook(arena(HONEST), kernel="no-such-kernel")
    assert run.outcome.verdict is Verdict.CRASH
    assert "'no-such-kernel' is not installed" in run.outcome.reason
    assert status(run.notebook, "e0") == ("pending", None)


DRIVER = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from arenas import arena, job
from autoloop_kernel.execution.local import LocalExecutor
work = job(arena("import time; time.sleep(600)"), Path({folder!r}), budget_s=60, run_id={run_id!r})
LocalExecutor().run(work, lambda kind, data: print(kind, data, flush=True), lambda: False)
"""


def test_a_driver_that_is_killed_leaves_no_process_and_no_half_notebook(tmp_path):
    run_id = f"test-killed-{os.getpid()}:1:1"
    path = [str(entry) for entry in sys.path if entry]
    code = DRIVER.format(path=path, folder=str(tmp_path), run_id=run_id)
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    for line in driver.stdout:
        if "running" in line:
            break
    assert len(processes_of(run_id)) >= 2
    driver.kill()
    driver.wait()
    driver.stdout.close()
    assert_no_process(run_id, within_s=3.0)
    assert not list((tmp_path / "arena_runs" / "0001").glob("*.ipynb"))


@pytest.mark.parametrize("warm", [True, False])
def test_what_is_swept_up_leaves_no_folder(tmp_path, monkeypatch, warm):
    """The driver is killed, and the next one comes before the execution has tidied up: here it cannot at all."""
    mark, rooms = f"test-swept-{os.getpid()}-{warm}", tmp_path / "rooms"
    rooms.mkdir()
    (tmp_path / "arena").mkdir()
    monkeypatch.setenv("TMPDIR", str(rooms))
    path = [str(entry) for entry in sys.path if entry]
    code = DRIVER.format(path=path, folder=str(tmp_path / "arena"), run_id=f"{mark}:1:1")
    driver = subprocess.Popen(
        [sys.executable, "-c", code.replace("LocalExecutor()", f"LocalExecutor({mark!r}, {warm})")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout is not None
    for line in driver.stdout:
        if "running" in line:
            break
    [child] = [process for process in processes_of(mark) if local.CHILD in process.cmdline()]
    child.suspend()
    driver.kill()
    driver.wait()
    driver.stdout.close()
    assert len(list(rooms.iterdir())) == 1
    assert child.pid in local.sweep(mark)
    assert_no_process(mark, within_s=3.0)
    assert not list(rooms.iterdir())


def test_a_candidate_that_kills_the_harness_gains_nothing(run_notebook, monkeypatch):
    monkeypatch.setattr(local, "CHILD", "open_child")  # a sandbox would hold the signals back
    monkeypatch.setenv("OPEN_SANDBOX", "signals")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    run_notebook.executor.prepare()
    job = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    run = run_notebook(arena(job, HONEST))
    assert (run.outcome.verdict, run.outcome.score) == (Verdict.INTERRUPTED, None)
    run = run_notebook(arena("import os, signal\nos.kill(os.getppid(), signal.SIGTERM)\nimport time; time.sleep(60)"))
    assert run.outcome.verdict is Verdict.INTERRUPTED
    assert run.outcome.score is None
