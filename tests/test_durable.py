import os
import signal
import subprocess
import sys

import pytest

from autoloop_kernel.durable import write_atomic

WRITE = (
    "from pathlib import Path\nfrom autoloop_kernel.durable import write_atomic\nwrite_atomic(Path('note.txt'), 'new')"
)


def written(folder, **env):
    return subprocess.run([sys.executable, "-c", WRITE], cwd=folder, env={**os.environ, **env}, check=False).returncode


def test_text_and_bytes_arrive_whole(tmp_path):
    write_atomic(tmp_path / "a" / "text.txt", "größer")
    write_atomic(tmp_path / "raw.bin", b"\x00\xff")
    assert (tmp_path / "a" / "text.txt").read_text(encoding="utf-8") == "größer"
    assert (tmp_path / "raw.bin").read_bytes() == b"\x00\xff"


@pytest.mark.parametrize(("nth", "content"), [("1", "old"), ("2", "new")])
def test_a_kill_beside_the_write_leaves_the_old_content_or_the_new(tmp_path, nth, content):
    (tmp_path / "note.txt").write_text("old")
    assert written(tmp_path, AUTOLOOP_KILL_AT=nth) == -signal.SIGKILL
    assert (tmp_path / "note.txt").read_text() == content


def test_the_crossings_are_named_in_order(tmp_path):
    log = tmp_path / "log"
    assert written(tmp_path, AUTOLOOP_CROSSINGS=str(log)) == 0
    assert log.read_text().splitlines() == ["before write note.txt", "after write note.txt"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_atomic(tmp_path / "taken", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
