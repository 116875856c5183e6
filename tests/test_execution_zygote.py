"""Forked kernels: the same as fresh ones, found and ended like them, and replaced by them where a fork will not do."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from arenas import HONEST, IMPORTS, arena
from execution_kit import Kit, assert_no_process, processes_of

from autoloop_kernel import execution
from autoloop_kernel.execution.forking import import_ahead
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.warm import Guardian, Recipe, Zygote, forks
from autoloop_kernel.execution.zygote import BACKLOG
from autoloop_kernel.records import Verdict

pytestmark = pytest.mark.skipif(not forks(), reason="this machine has no safe way to fork kernels")

LOOK = """
import json, random, signal, threading, os, sys, resource
np.random.seed(SEED)
random.seed(SEED)
facts(
    argv=[os.path.basename(one) for one in sys.argv], path=sys.path, env=dict(os.environ), cwd=os.getcwd(),
    threads=sorted(thread.name for thread in threading.enumerate()), session=os.getsid(0) == os.getpid(),
    handlers=[str(signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    drawn=[random.random(), float(np.random.rand())], encoding=[sys.__stdout__.encoding, sys.stdin is None],
    sockets=sum(os.readlink(f'/proc/self/fd/{fd}').startswith('socket:') for fd in os.listdir('/proc/self/fd')
                if os.path.islink(f'/proc/self/fd/{fd}')),
    flags=str(sys.flags), main=sys.modules['__main__'].__dict__ is globals(), umask=os.umask(0o022),
    warm=b'zygote.py' in open('/proc/self/cmdline', 'rb').read())
"""
OWN = ("JPY_PARENT_PID", "AUTOLOOP_RUN")


@pytest.fixture
def own(tmp_path):
    """A kit whose executor has a zygote of its own."""
    kit = Kit(tmp_path / "arena")
    kit.executor = LocalExecutor(kit.mark)
    kit.folder.mkdir()
    yield kit
    kit.executor.close()


def zygote_of(kit) -> Zygote:
    zygote = kit.executor._warmth._zygote
    assert zygote is not None
    return zygote


@pytest.fixture
def many_open():
    """More files are open than `select` has numbers for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    null = os.open(os.devnull, os.O_RDONLY)
    handles = [null, *(os.dup(null) for _ in range(1100))]
    yield
    for handle in handles:
        os.close(handle)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_with_more_than_a_thousand_open_files_runs_all_the_same(many_open, own):
    """A server with many notebooks, a driver with many workers: each run has some descriptors of its own."""
    for attempt in (1, 2):
        run = own(arena(HONEST), attempt=attempt)
        assert run.outcome.score == 0.0, run.outcome.reason
        assert "note" not in [kind for kind, _ in run.messages], "its kernels were not forked"
        own.executor.prepare()
    assert own.executor._warmth._nursery.was_ready


def seen(run) -> dict:
    facts = dict(run.outcome.facts)
    assert run.outcome.score == 0.0, run.outcome.reason
    for name in OWN:
        assert facts["env"].pop(name)
    return facts


def test_a_forked_kernel_is_like_a_fresh_one(own):
    nb = arena(LOOK, HONEST)
    warm = own(nb)
    cold_executor, own.executor = own.executor, LocalExecutor(own.mark, False)
    try:
        cold = own(nb)
    finally:
        own.executor = cold_executor
    forked, fresh = seen(warm), seen(cold)
    assert (forked.pop("warm"), fresh.pop("warm")) == (True, False)
    rooms = [run["cwd"].removesuffix("/candidate/work") for run in (forked, fresh)]
    assert json.dumps(forked, sort_keys=True).replace(rooms[0], "R") == json.dumps(fresh, sort_keys=True).replace(
        rooms[1], "R"
    )
    for one in (warm, cold):
        assert next(cell.execution_count for cell in one.notebook.cells if cell.cell_type == "code") == 1


def test_a_forked_kernel_keeps_more_outputs_than_zeromq_would(own):
    """A machine that is busy with others takes them late; of 5,000 lines, 47 were lost so."""
    look = "import zmq\nfacts(room=get_ipython().kernel.iopub_thread.socket.getsockopt(zmq.SNDHWM))"
    assert own(arena(look, HONEST)).outcome.facts["room"] == BACKLOG


def test_what_is_forked_is_found_by_its_mark_and_ended_with_the_execution(run_notebook):
    found = []

    def look(kind, data):
        if data.get("phase") == "running":
            found.extend(process.cmdline() for process in processes_of(f"{run_notebook.mark}:1"))

    assert run_notebook(arena("import time; time.sleep(1)", HONEST), on_message=look).outcome.score == 0.0
    forked = [one for one in found if any(part.endswith("zygote.py") for part in one)]
    assert len(forked) == 3, found  # the guardian and two kernels


ESCAPE = """
import ctypes, os, signal, time
def let_go():
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
let_go()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ.clear()
        let_go()
        time.sleep(600)
    os._exit(0)
os.wait()
facts(away=1)
time.sleep(600)
"""


def test_what_a_killed_guardian_leaves_does_not_get_away(own):
    def kill(kind, data):
        if kind == "facts":
            zygote = zygote_of(own).process.pid
            [guardian] = [one for one in processes_of(f"{own.mark}:1") if one.ppid() == zygote]
            guardian.kill()

    outcome = own(arena(ESCAPE, HONEST), on_message=kill, budget_s=60).outcome
    assert outcome.verdict is Verdict.INTERRUPTED
    assert "forked its kernels was killed" in outcome.reason
    process, until = psutil.Process(zygote_of(own).process.pid), time.monotonic() + 20
    while process.children(recursive=True) and time.monotonic() < until:
        time.sleep(0.05)
    assert process.children(recursive=True) == []
    assert_no_process(own.mark)


def test_a_zygote_that_dies_in_a_run_is_replaced(own):
    def kill(kind, data):
        if data.get("phase") == "running":
            zygote_of(own).process.kill()

    lost = own(arena("import time; time.sleep(600)", HONEST), on_message=kill, budget_s=60).outcome
    assert lost.verdict is Verdict.INTERRUPTED
    assert_no_process(own.mark)
    again = own(arena(LOOK, HONEST))
    assert again.outcome.facts["warm"], again.messages


def test_another_hint_or_a_changed_file_brings_another_zygote(own):
    assert own(arena(HONEST)).outcome.score == 0.0
    first = zygote_of(own)
    assert own(arena(HONEST)).outcome.score == 0.0
    assert zygote_of(own) is first
    path = next(path for path in first._stamps if "numpy" in path)
    first._stamps[path] -= 1
    assert own(arena(HONEST)).outcome.score == 0.0
    second = zygote_of(own)
    assert second is not first
    assert first.process.poll() is not None
    assert own(arena(HONEST, shared="import statistics\n" + IMPORTS)).outcome.score == 0.0
    assert zygote_of(own) is not second


def test_another_value_of_what_is_read_before_a_fork_brings_another_zygote(own, monkeypatch):
    for value in ("3", "2", None):
        if value is None:
            monkeypatch.delenv("OMP_NUM_THREADS")
        else:
            monkeypatch.setenv("OMP_NUM_THREADS", value)
        run = own(arena(LOOK, HONEST))
        assert run.outcome.facts["env"].get("OMP_NUM_THREADS") == value
        assert run.outcome.facts["warm"], run.messages


def test_a_value_that_the_zygote_never_read_gives_a_fresh_process_and_one_note(own, monkeypatch):
    assert own(arena(HONEST)).outcome.score == 0.0
    monkeypatch.setattr("autoloop_kernel.execution.warm.read_at_start", lambda: zygote_of(own)._environment)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    for expected in (1, 0):
        run = own(arena(LOOK, HONEST))
        assert run.outcome.facts["env"]["OMP_NUM_THREADS"] == "3"
        assert not run.outcome.facts["warm"]
        assert len([data for kind, data in run.messages if kind == "note"]) == expected


def test_a_kernel_that_cannot_be_forked_is_told_once():
    zygote = Zygote(Recipe("no such kernel"))
    assert zygote.settled.wait(60)
    assert zygote.fault == "the kernel 'no such kernel' is not installed"
    assert not zygote.alive


def test_nothing_below_the_folder_of_an_arena_is_imported(tmp_path, monkeypatch):
    for place in ("arena", "elsewhere"):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"lies_{place}.py").write_text("")
        monkeypatch.syspath_prepend(str(tmp_path / place))
    import_ahead(["lies_arena", "lies_elsewhere", "no_such_module"], [str(tmp_path / "arena")])
    assert "lies_arena" not in sys.modules
    assert sys.modules.pop("lies_elsewhere")


def test_an_environment_that_lies_below_the_arena_is_no_part_of_it(tmp_path, monkeypatch):
    """`python -m venv .venv` beside the arena: its modules are imported ahead, those of the arena are not."""
    for place in (".venv", "package"):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"installed_in_{place.strip('.')}.py").write_text("")
        monkeypatch.syspath_prepend(str(tmp_path / place))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    import_ahead(["installed_in_venv", "installed_in_package"], [str(tmp_path)])
    assert sys.modules.pop("installed_in_venv")
    assert "installed_in_package" not in sys.modules


def test_a_zygote_whose_environment_lies_below_the_arena_serves_it():
    zygote = Zygote(Recipe("python3"))
    try:
        assert zygote.settled.wait(120)
        installed = [path for path in zygote._stamps if path.startswith(zygote._prefix + os.sep)]
        assert not zygote.took_from(str(Path(zygote._prefix).parent))
        assert zygote.took_from(str(Path(installed[0]).parent)), "an arena among what is installed"
    finally:
        zygote.close()


THREADS = """
import sys, threading
sys.path.insert(0, sys.argv[1])
import forking
assert forking.unsafe() == ""
threading.Thread(target=threading.Event().wait, name="left-over", daemon=True).start()
print(forking.unsafe())
"""


def test_an_import_that_leaves_a_thread_is_not_safe_to_fork():
    folder = str(Path(execution.__file__).parent)
    ran = subprocess.run([sys.executable, "-c", THREADS, folder], capture_output=True, text=True, check=True)
    assert ran.stdout == "an import started the thread 'left-over'\n"


OWNER = """
import time
from autoloop_kernel.execution.warm import Recipe, Zygote
zygote = Zygote(Recipe("python3"))
zygote.settled.wait(60)
print(zygote.process.pid, flush=True)
time.sleep(600)
"""


def test_a_zygote_dies_with_its_owner():
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE)
    zygote = psutil.Process(int(owner.stdout.readline()))
    assert zygote.is_running()
    owner.kill()
    owner.wait()
    owner.stdout.close()
    psutil.wait_procs([zygote], 20)
    assert not zygote.is_running() or zygote.status() == psutil.STATUS_ZOMBIE


def test_a_guardian_refuses_and_reports_and_ends():
    zygote = Zygote(Recipe("python3"))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        zygote.guard(theirs, "test-guardian:1")
        theirs.close()
        guardian = Guardian(ours)
        guardian.greet()
        assert {process.pid for process in processes_of("test-guardian:1")} == {guardian.pid}
        null = os.open(os.devnull, os.O_RDWR)
        env = {name: value for name, value in os.environ.items() if not name.startswith("AUTOLOOP_")}
        order = {"arguments": ["--no-such-flag"], "env": env, "cwd": "/", "nice": 0, "policy": None}
        kernel = guardian.fork(order, [null, null, null])
        assert kernel.wait(60) is not None
        assert kernel.poll() == kernel.returncode >= 0
        os.close(null)
        guardian.end()
        assert not guardian.alive()
        guardian.close()
    finally:
        zygote.close()
    assert zygote.process.poll() in (0, -signal.SIGKILL)
