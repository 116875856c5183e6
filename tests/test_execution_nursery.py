"""The processes of executions: forked ones are like fresh ones, which take over where none can be forked."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from arenas import HONEST, arena
from execution_kit import Kit, assert_no_process, processes_of

from autoloop_kernel.execution import births, warm
from autoloop_kernel.execution.births import Birth, Nursery
from autoloop_kernel.execution.forked import ended
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.warm import forks

pytestmark = pytest.mark.skipif(not forks(), reason="this machine has no safe way to fork")

HERE = str(Path(__file__).parent)


class Asked:
    """One process that a test asks for, with its pipes."""

    def __init__(self, folder: Path, nursery: Nursery | None, **env: str) -> None:
        heard, orders = os.pipe()
        said, says = os.pipe()
        self.orders, self.said = os.fdopen(orders, "wb"), os.fdopen(said, "rb")
        errors = os.open(folder / "errors.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        handles = [heard, says, errors, os.open(os.devnull, os.O_RDONLY)]
        self.birth = Birth("born", folder, {**base(), "AUTOLOOP_RUN": "test-born:1", **env}, handles, "PASSED")
        nursery.bear(self.birth) if nursery else self.birth.afresh()

    def look(self) -> dict:
        """What it says of itself."""
        return json.loads(self.said.readline())

    def end(self, status: int | None = None) -> int | None:
        """Have it end with `status`, or by itself when nobody listens any more; what is heard of that."""
        if status is not None:
            self.orders.write(b"%d\n" % status)
        with contextlib.suppress(BrokenPipeError):
            self.orders.close()
        self.said.close()
        return self.birth.process.wait(60)


def base() -> dict[str, str]:
    """The environment that a nursery and its births share."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOLOOP_")}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(Path(HERE).parent), HERE])}


@pytest.fixture(scope="module")
def nursery():
    made = Nursery(base())
    yield made
    made.close()
    assert made.process.poll() is not None


def test_a_forked_process_is_what_a_fresh_one_is(tmp_path, nursery):
    forked, fresh = Asked(tmp_path, nursery, EXTRA="1"), Asked(tmp_path, None, EXTRA="1")
    looks = [forked.look(), fresh.look()]
    assert looks[0] == looks[1]
    assert looks[0]["argv"] == [str(tmp_path)]
    assert looks[0]["shown"][1:] == ["-m", "born", str(tmp_path)]
    assert looks[0]["mark"] == "AUTOLOOP_RUN=test-born:1"
    assert psutil.Process(forked.birth.process.pid).ppid() == nursery.process.pid
    assert [forked.end(3), fresh.end(4)] == [3, 4]
    assert (tmp_path / "errors.txt").read_text() == "to stderr\n"


def test_siblings_know_nothing_of_each_other_and_are_not_confused(tmp_path, nursery):
    several = [Asked(tmp_path, nursery, WHO=str(who)) for who in range(12)]
    looks = [one.look() for one in several]
    assert [one["env"]["WHO"] for one in looks] == [str(who) for who in range(12)]
    assert len({one["descriptors"] for one in looks}) == 1
    assert len({one.birth.process.pid for one in several}) == 12
    several[5].birth.process.kill()
    assert several[5].end() == -signal.SIGKILL
    assert several[5].birth.gone
    assert [one.end(who) for who, one in enumerate(several) if who != 5] == [who for who in range(12) if who != 5]


def test_one_that_is_let_go_of_ends(tmp_path, nursery):
    one, other = Asked(tmp_path, nursery), Asked(tmp_path, nursery)
    one.look()
    other.look()
    assert one.end() == 0
    assert other.birth.process.poll() is None
    assert other.end() == 0


@pytest.mark.parametrize("value", [{"OMP_NUM_THREADS": "3"}, {"BIG": "x" * 120_000, "BIGGER": "x" * 120_000}])
def test_what_cannot_be_forked_is_started_afresh(tmp_path, nursery, value):
    asked = Asked(tmp_path, nursery, **value)
    assert value.items() <= asked.look()["env"].items()
    assert psutil.Process(asked.birth.process.pid).ppid() == os.getpid()
    assert asked.end(5) == 5
    assert not nursery.fault


def test_a_nursery_that_is_killed_leaves_its_forks_and_fresh_ones_follow(tmp_path):
    nursery = Nursery(base())
    early = Asked(tmp_path, nursery)
    while nursery.process is None:
        time.sleep(0.01)
    nursery.process.kill()
    assert early.look()["shown"][2] == "born", "asked of one that was still importing"
    assert early.end(0) == 0

    nursery = Nursery(base())
    forked = Asked(tmp_path, nursery)
    forked.look()
    nursery.process.kill()
    nursery.process.wait()
    asked = Asked(tmp_path, nursery)
    assert asked.look()["env"] == {**base(), "AUTOLOOP_RUN": "test-born:1"}
    assert forked.birth.process.poll() is None
    assert asked.end(0) == 0
    assert forked.end() == -signal.SIGKILL, "nobody is left to tell"
    assert nursery.fault == "the nursery has ended"


def test_what_is_called_off_in_time_never_runs(tmp_path):
    nursery = Nursery(base())
    asked = Asked(tmp_path, nursery)
    assert nursery.call_off(asked.birth)
    assert asked.said.read() == b""
    assert asked.birth.gone
    assert not nursery.call_off(asked.birth)
    nursery.close()
    with pytest.raises(OSError, match="called off"):
        _ = asked.birth.process
    for file in (asked.orders, asked.said):
        file.close()


def test_a_nursery_that_an_import_makes_unsafe_forks_nothing(tmp_path):
    thread = "import threading\nthreading.Thread(target=threading.Event().wait, name='left-over', daemon=True).start()"
    (tmp_path / "usercustomize.py").write_text("")
    (tmp_path / "sitecustomize.py").write_text(thread)
    env = {**base(), "PYTHONPATH": os.pathsep.join([base()["PYTHONPATH"], str(tmp_path)])}
    nursery = Nursery(env)
    asked = Asked(tmp_path, nursery)
    assert asked.look()["shown"][2] == "born"
    assert nursery.fault == "an import started the thread 'left-over'"
    assert not nursery.was_ready
    assert asked.end(7) == 7
    nursery.close()


def test_an_executor_replaces_a_nursery_that_was_killed(tmp_path):
    kit = Kit(tmp_path)
    kit.executor = LocalExecutor(kit.mark)
    nurseries = []

    def look(kind, data):
        if data.get("phase") == "scoring":
            nurseries.append(kit.executor._warmth._nursery.process)

    try:
        for number in range(3):
            assert kit(arena(HONEST), on_message=look).outcome.score == 0.0
            if number == 0:
                nurseries[0].kill()
                while not ended(nurseries[0].pid):
                    time.sleep(0.01)
    finally:
        kit.executor.close()
    assert nurseries[0] is not nurseries[1] is nurseries[2]
    assert ended(nurseries[1].pid)


def test_nurseries_that_never_get_ready_are_given_up_and_that_is_told_once(tmp_path, monkeypatch):
    monkeypatch.setattr(births, "NURSERY", "autoloop_kernel.no_such_module")
    monkeypatch.setattr(warm, "TRIES", 1)
    kit = Kit(tmp_path)
    kit.executor = LocalExecutor(kit.mark)
    try:
        runs = [kit(arena(HONEST)) for _ in range(3)]
    finally:
        kit.executor.close()
    assert [run.outcome.score for run in runs] == [0.0] * 3
    notes = [data["text"] for run in runs for kind, data in run.messages if kind == "note"]
    assert notes == ["the processes of runs are started afresh, not forked warm: the nursery has ended"]


OWNER = """
import time
from autoloop_kernel.execution.local import LocalExecutor
executor = LocalExecutor({mark!r})
executor.prepare()
if {early}:
    while not executor._warmth._nursery.process:
        time.sleep(0.001)
    print(executor._warmth._nursery.process.pid, flush=True)
else:
    print(executor._next.process.pid, executor._warmth._nursery.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("early", [True, False], ids=["importing", "waiting"])
def test_nursery_and_what_waits_die_with_a_driver_that_is_killed(tmp_path, early):
    mark = f"test-owner-{os.getpid()}"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(mark=mark, early=early)],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    both = [psutil.Process(int(word)) for word in owner.stdout.readline().split()]
    if not early:
        assert [one.pid for one in processes_of(mark)] == [both[0].pid]
        assert both[0].ppid() == both[1].pid
    owner.kill()
    owner.wait()
    owner.stdout.close()
    until = time.monotonic() + 60
    while not all(ended(one.pid) for one in both) and time.monotonic() < until:
        time.sleep(0.02)
    assert all(ended(one.pid) for one in both)
    assert_no_process(mark)
    assert list(tmp_path.iterdir()) == []
