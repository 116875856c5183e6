"""Process trees: found whole, ended whole, swept by their mark; bystanders are left alone."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from autoloop_kernel.execution.tree import Family, below, end_descendants, sweep

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
NEST = f"import subprocess, time; subprocess.Popen({SLEEP!r}, start_new_session=True); time.sleep(60)"


def started(source: list[str], mark: str = "") -> subprocess.Popen:
    return subprocess.Popen(source, env={**os.environ, **({"AUTOLOOP_RUN": mark} if mark else {})})


def settled(process: subprocess.Popen, count: int) -> list[psutil.Process]:
    until = time.monotonic() + 20
    while len(found := psutil.Process(process.pid).children(recursive=True)) < count and time.monotonic() < until:
        time.sleep(0.02)
    return found


def gone(processes) -> bool:
    return not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_descendants_are_ended_and_the_root_is_not():
    root = started([sys.executable, "-c", NEST])
    try:
        children = settled(root, 1)
        assert set(Family(root.pid).members()) == {one.pid for one in children}
        assert end_descendants(root.pid) == [one.pid for one in children]
        assert gone(children)
        assert root.poll() is None
    finally:
        root.kill()
        root.wait()


def test_a_sweep_takes_the_marked_and_their_trees_and_nobody_else():
    mark = f"test-sweep-{os.getpid()}"
    marked, other = started([sys.executable, "-c", NEST], f"{mark}:3:1"), started(SLEEP, "somebody-else:1")
    try:
        children = settled(marked, 1)
        swept = sweep(mark)
        assert {marked.pid, *(one.pid for one in children)} == set(swept)
        assert marked.wait(5) == -9
        assert gone(children)
        assert other.poll() is None
        assert sweep(mark) == []
    finally:
        for process in (marked, other):
            process.kill()
            process.wait()


def test_a_sweep_without_a_prefix_is_refused():
    with pytest.raises(ValueError, match="not empty"):
        sweep("")


def test_figures_of_a_process():
    source = "import time; hold = bytearray(50 << 20)\nwhile time.process_time() < 0.7: pass\ntime.sleep(60)"
    process = started([sys.executable, "-c", source])
    try:
        until, family = time.monotonic() + 20, Family(os.getpid())
        while (one := family.members()[process.pid]).cpu < 0.5 and time.monotonic() < until:
            time.sleep(0.05)
        assert one.cpu == pytest.approx(0.6, abs=0.3)
        assert one.resident > 50 << 20
        assert one.parent == os.getpid()
        assert set(below(process.pid, family.members())) == {process.pid}
    finally:
        process.kill()
        process.wait()
