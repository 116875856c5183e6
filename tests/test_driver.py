"""The driver as a process: one at a time, steered from outside, stopped cleanly, at home after a crash."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from arenas import arena, write_quick_arena
from execution_kit import assert_no_process
from story import assert_same_story

from autoloop_kernel.driver import Busy, Plan, busy, detach, drive, open_session, send
from autoloop_kernel.held import tidy
from autoloop_kernel.memory.ledger import Holder
from autoloop_kernel.records import AutoloopError, Proposal
from autoloop_kernel.session import run_mark

SLOW = "import time\nX = 3.0  # -5..5\nwhile budget.spent() < 2.5:\n    time.sleep(0.05)"


def slow_arena(folder: Path) -> Path:
    nb = arena(SLOW, "submit(lambda x: 2.0 * x + X)", budget_s=10)
    path = folder / "slow.ipynb"
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    return path


def start(path: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "autoloop_kernel", str(path), "--agent", "search", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(path: Path, kind: str, within_s: float = 30.0, **data) -> None:
    """Wait until the ledger has an event of this kind with these values."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if (path.parent / f"{path.stem}_runs" / "ledger.sqlite").exists():
            with open_session(path, create=False) as session:
                events = session.ledger.events(kinds=[kind])
                if any(all(e.data.get(k) == v for k, v in data.items()) for e in events):
                    return
        time.sleep(0.1)
    pytest.fail(f"no event {kind} {data} within {within_s} s")


def test_a_plan_that_runs_nothing_is_refused_in_one_line():
    for wrong in ({"iterations": 0}, {"hours": -1.0}, {"hours": float("nan")}, {"until": float("inf")}):
        with pytest.raises(AutoloopError, match="give"):
            Plan(**wrong)


def test_it_stops_once_the_score_is_as_good_as_wanted(tmp_path):
    path = write_quick_arena(tmp_path)
    ended = drive(path, ["search"], Plan(iterations=20, until=1000.0))
    assert (ended.ran, ended.failed) == (1, False)
    assert "has reached 1000" in ended.reason


def test_hours_bound_it_and_the_iteration_under_way_is_finished(tmp_path):
    path = write_quick_arena(tmp_path)
    ended = drive(path, ["search"], Plan(hours=0.1 / 3600))
    assert ended.ran == 1
    assert assert_same_story(path) == ["keep"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_kills_the_run_and_the_next_start_runs_it_again(tmp_path, number):
    path = slow_arena(tmp_path)
    process = start(path, "--iterations=3")
    wait_for(path, "phase", phase="running")
    began = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "stopped" in output
    assert time.monotonic() - began < 40
    assert_no_process(run_mark(tmp_path / "slow_runs"))
    assert busy(path) is None
    assert drive(path, ["search"], Plan(iterations=1)).ran == 1
    assert assert_same_story(path) == ["keep"]
    with open_session(path, create=False) as session:
        assert [str(a.verdict) for a in session.ledger.iteration(1).attempts] == ["interrupted", "scored"]


def test_a_second_driver_is_told_who_holds_the_arena_and_others_can_steer_it(tmp_path):
    path = slow_arena(tmp_path)
    process = start(path)
    wait_for(path, "phase", phase="running")
    with pytest.raises(Busy, match=f"process {process.pid}"):
        drive(path, ["search"], Plan(iterations=1))
    assert "pauses after this iteration" in send(path, "pause")
    wait_for(path, "iteration.end")
    time.sleep(1.0)
    with open_session(path, create=False) as session:
        assert session.ledger.last_number() == 1, "it went on though paused"
    assert "unknown verb" in send(path, "dance")
    assert "goes on" in send(path, "resume")
    wait_for(path, "iteration.start", base=1)
    assert "stops after this iteration" in send(path, "stop")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert len(assert_same_story(path)) == 2
    with pytest.raises(AutoloopError, match="nothing is running"):
        send(path, "stop")


class Thinker:
    """An agent that thinks for a minute, so that only an interrupt ends it."""

    name = "thinker"

    def propose(self, context) -> Proposal:
        time.sleep(60)
        raise AssertionError("nobody stopped it")


def test_stop_now_reaches_into_an_agent_that_thinks(tmp_path):
    path = write_quick_arena(tmp_path)
    drive(path, ["search"], Plan(iterations=1))
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path;"
        "from autoloop_kernel.driver import drive; from test_driver import Thinker;"
        "ended = drive(Path(sys.argv[1]), [Thinker()]); print(ended.reason)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    wait_for(path, "propose.start", agent="thinker")
    began = time.monotonic()
    send(path, "stop-now")
    output, _ = process.communicate(timeout=60)
    assert time.monotonic() - began < 40
    assert output.strip() == "stopped"
    assert assert_same_story(path) == ["keep"]


def test_processes_that_a_killed_driver_left_are_ended_at_the_next_start(tmp_path):
    path = write_quick_arena(tmp_path)
    mark = run_mark(tmp_path / "quick_runs")
    orphan = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env={**os.environ, "AUTOLOOP_RUN": f"{mark}:9:dead"},
        start_new_session=True,
    )
    drive(path, ["search"], Plan(iterations=1))
    assert orphan.wait(timeout=5) == -signal.SIGKILL
    with open_session(path, create=False) as session:
        said = [e.data["text"] for e in session.ledger.events(kinds=["recovered"])]
    assert any("1 process that an earlier driver left behind" in line for line in said)


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """Where temporary folders of this process and those that it starts are made."""
    place = tmp_path / "rooms"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    return place


def test_folders_whose_driver_and_execution_were_killed_go_at_the_next_start(tmp_path, rooms):
    path = slow_arena(tmp_path)
    driver = start(path, "--iterations=1")
    wait_for(path, "phase", phase="running")
    for process in [*psutil.Process(driver.pid).children(recursive=True), driver]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    driver.communicate()
    left = list(rooms.glob("autoloop-run-*"))
    assert left
    for folder in left:
        os.utime(folder, (0, 0))  # they are there for longer than one that is being made
    assert drive(path, ["search"], Plan(iterations=1)).ran == 1
    with open_session(path, create=False) as session:
        said = [event.data["text"] for event in session.ledger.events(kinds=["recovered"])]
    assert any(line.startswith(f"removed {len(left)} temporary folder") for line in said), said
    assert not any(folder.exists() for folder in left)


def test_a_command_that_a_killed_driver_was_asking_is_ended_at_the_next_start_with_its_folder(tmp_path, rooms):
    path, told = write_quick_arena(tmp_path), tmp_path / "pid"
    agent = f"command:echo $$ > {told}.part; mv {told}.part {told}; sleep 600"
    killed = subprocess.Popen([sys.executable, "-m", "autoloop_kernel", str(path), "--agent", agent])
    try:
        until = time.monotonic() + 60
        while not told.exists() and time.monotonic() < until:
            time.sleep(0.05)
        command = psutil.Process(int(told.read_text()))
        left = Path(command.cwd())
        os.utime(left, (0, 0))  # it is there for longer than one that is being made
        tidy()
        assert (left / "STRATEGY.md").exists(), "its driver is alive"
    finally:
        killed.kill()
        killed.wait()
    try:
        drive(path, ["search"], Plan(iterations=1))
        command.wait(timeout=5)  # whomever it belongs to now
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
    assert left.parent == rooms
    assert not left.exists()
    with open_session(path, create=False) as session:
        said = [e.data["text"] for e in session.ledger.events(kinds=["recovered"])]
    assert any("that an earlier driver left behind" in line for line in said)
    assert any(line.startswith("removed 1 temporary folder of ") for line in said), said


def test_a_detached_driver_that_has_ended_is_off_the_process_table(tmp_path):
    pid = detach(write_quick_arena(tmp_path), ["search"], Plan(iterations=1))
    until = time.monotonic() + 60
    while psutil.pid_exists(pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert not psutil.pid_exists(pid), "it is left behind as a zombie"


def test_a_detached_driver_that_dies_without_a_word_is_not_told_of_by_an_earlier_ones(tmp_path, monkeypatch):
    path = write_quick_arena(tmp_path)
    log = tmp_path / "quick_runs" / "driver.log"
    log.parent.mkdir()
    log.write_text("12 iterations done\n")
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(AutoloopError, match=r"the driver did not start — see .*driver\.log"):
        detach(path, ["search"], Plan(iterations=1))


def test_who_does_not_wait_for_a_detached_driver_to_start_leaves_none_behind(tmp_path, monkeypatch):
    program = tmp_path / "slow"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/part\nmv {tmp_path}/part {tmp_path}/pid\nexec sleep 600\n")
    program.chmod(0o755)

    def interrupted(seconds):
        if (tmp_path / "pid").exists():
            raise KeyboardInterrupt

    path = write_quick_arena(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(program))
        patch.setattr("autoloop_kernel.driver.time.sleep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            detach(path, ["search"], Plan(iterations=1))
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int((tmp_path / "pid").read_text())).wait(timeout=30)


class Careful:
    """An agent that tries a draft that crashes, and one that does not, before it proposes."""

    name = "careful"

    def __init__(self):
        self.said = []

    def propose(self, context) -> Proposal:
        drafts = [{"e0": "X = 1.0\nY = 1 / 0"}, {"e0": "X = 1.0\nY = -1.0"}]
        self.said += [context.check(units) for units in drafts]
        return Proposal("checked", drafts[1])


def test_a_draft_is_tried_in_a_real_kernel_and_leaves_no_trace(tmp_path):
    path, agent = write_quick_arena(tmp_path), Careful()
    assert drive(path, [agent], Plan(iterations=2)).ran == 2
    first, second = agent.said
    assert first.startswith("cell 'e0' raised ZeroDivisionError: division by zero\n")
    assert "Y = 1 / 0" in first
    assert second == ""
    assert assert_same_story(path) == ["keep", "keep"]
    assert sorted(p.name for p in (tmp_path / "quick_runs").iterdir() if p.is_dir()) == ["0001", "0002", "lineage.git"]
    assert_no_process(run_mark(tmp_path / "quick_runs"))


@pytest.mark.parametrize("last_words", [True, False])
def test_a_driver_that_is_about_to_let_go_is_waited_for_and_no_other(tmp_path, last_words):
    path = write_quick_arena(tmp_path)
    with open_session(path) as session:
        holder = Holder.mine()
        assert session.ledger.acquire(holder) is None
        session.ledger.emit("driver.start", pid=os.getpid(), plan={"queued": not last_words})
        if last_words:
            assert busy(path, 60.0).token == holder.token, "it has not said that it ends"
            session.ledger.emit("driver.stop", reason="1 iteration done", failed=False)

        def let_go():
            with open_session(path) as own:
                own.ledger.release(holder.token)

        assert busy(path).token == holder.token, "without patience nobody is waited for"
        later = threading.Timer(0.3, let_go)
        later.start()
        assert busy(path, 60.0) is None
        later.join()


def test_a_new_driver_waits_for_one_that_is_about_to_let_go(tmp_path):
    path = write_quick_arena(tmp_path)
    with open_session(path) as session:
        holder = Holder.mine()
        assert session.ledger.acquire(holder) is None
        session.ledger.emit("driver.start", pid=os.getpid(), plan={"queued": True})

        def let_go():
            with open_session(path) as own:
                own.ledger.release(holder.token)

        later = threading.Timer(0.5, let_go)
        later.start()
        pid = detach(path, ["search"], Plan(iterations=1))
        later.join()
        assert pid != os.getpid()
        until = time.monotonic() + 120
        while busy(path) is not None and time.monotonic() < until:
            time.sleep(0.1)
        assert [str(it.verdict) for it in session.ledger.iterations()] == ["keep"]
