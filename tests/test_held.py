"""Temporary folders: held by their processes, removed once nobody does, however they are made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoloop_kernel import held

HOLDER = """
import sys
from pathlib import Path
from autoloop_kernel import held
held.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["run", "edit", "try"])
def test_a_folder_goes_that_no_process_holds(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    busy, young, elsewhere = held.fresh(kind), held.fresh(kind), tmp_path / f"autoloop-{kind}-of-mine"
    for path in (busy, young, elsewhere, tmp_path / "target"):
        path.mkdir(mode=0o700)
    (tmp_path / f"autoloop-{kind}-0123456789ab").symlink_to(tmp_path / "target")
    (busy / "work").mkdir()
    for path in (busy, elsewhere, tmp_path / "target"):
        os.utime(path, (0, 0))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HOLDER, str(busy)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert held.tidy() == 0
        holder.kill()
        holder.wait()
    assert held.tidy() == 1
    left = {"target", f"autoloop-{kind}-0123456789ab", young.name, elsewhere.name}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_a_folder_that_may_not_be_written_is_removed_all_the_same(tmp_path):
    locked = tmp_path / "root" / "a" / "b"
    locked.mkdir(parents=True)
    (locked / "file").write_text("x")
    locked.chmod(0o500)
    (tmp_path / "root" / "a").chmod(0o000)
    held.remove(tmp_path / "root")
    assert not (tmp_path / "root").exists()


def nest(folder: Path, levels: int) -> None:
    """Folders within folders: so many that neither a path nor Python's stack takes them."""
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)


def test_a_folder_is_removed_however_deep_it_is(tmp_path):
    nest(tmp_path / "root", 3000)
    nest(tmp_path / "root" / "side", 5)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("x")
    (tmp_path / "root" / "d" / "link").symlink_to(tmp_path / "outside")
    held.remove(tmp_path / "root")
    assert not (tmp_path / "root").exists()
    assert (tmp_path / "outside" / "file").exists()
