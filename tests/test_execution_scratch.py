"""The folders of the two kernels: what is in them, as what, and what is not."""

import sys
from pathlib import Path

import pytest
from arenas import HONEST, arena, job, notebook
from test_held import nest

from autoloop_kernel.execution import scratch
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.policy import policy_for
from autoloop_kernel.held import remove


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for name in ("data/train.txt", "data/val.txt", ".hidden", ".git/config", "arena_runs/0001/log.txt", "helper.py"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    (home / "model.py").write_text("OLD = 1")
    (home / "also_val.txt").symlink_to(home / "data" / "val.txt")
    return home


def laid_out(folder: Path, tmp_path: Path, **changes) -> tuple[Path, Path]:
    work = job(arena(), folder, {"model.py": "NEW = 1\n"}, sealed=("data/val.txt",), files=("model.py",), **changes)
    candidate, referee = tmp_path / "candidate", tmp_path / "referee"
    candidate.mkdir()
    referee.mkdir()
    scratch.fill(candidate, referee, work)
    return candidate, referee


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def test_the_candidate_sees_links_without_what_is_sealed(folder, tmp_path):
    candidate, _ = laid_out(folder, tmp_path)
    assert files(candidate) == {"data/train.txt", "helper.py", "model.py"}
    assert (candidate / "data/train.txt").is_symlink()
    assert not (candidate / "data").is_symlink()
    assert not (candidate / "model.py").is_symlink()
    assert (candidate / "model.py").read_text() == "NEW = 1\n"
    assert (folder / "model.py").read_text() == "OLD = 1"
    assert (folder / "data/train.txt").stat().st_nlink == 1


def test_a_link_beside_the_arena_leads_to_its_end(folder, tmp_path):
    """A sealed candidate is shown what a link leads to; the arena's folder with the link in it, it is not."""
    (tmp_path / "data").mkdir()
    (tmp_path / "one.txt").write_text("1")
    (folder / "more").symlink_to(tmp_path / "data")
    (folder / "one.txt").symlink_to(tmp_path / "one.txt")
    candidate, _ = laid_out(folder, tmp_path)
    assert (candidate / "more").readlink() == tmp_path / "data"
    assert (candidate / "one.txt").readlink() == tmp_path / "one.txt"


def test_the_referee_sees_what_is_sealed_and_nothing_editable(folder, tmp_path):
    _, referee = laid_out(folder, tmp_path)
    assert files(referee) == {"data/train.txt", "data/val.txt", "also_val.txt", "helper.py"}


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
def test_an_environment_beside_the_arena_is_not_laid_out(folder, tmp_path, mark):
    """A kernel has what is installed by its interpreter's own path; thousands of links would be made for each run."""
    for name in (mark, "lib/python3/site-packages/torch.py"):
        (folder / "venv" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "venv" / name).write_text("x")
    for room in laid_out(folder, tmp_path):
        assert not (room / "venv").exists()
        assert (room / "helper.py").exists()
    room = scratch.Room(tmp_path / "room")
    room.furnish()
    read = policy_for(room, folder, ()).read
    assert str(folder / "helper.py") in read
    assert not [path for path in read if path == str(folder) or "venv" in path]


def test_an_editable_file_in_a_linked_directory_is_the_runs_own(folder, tmp_path):
    """What an agent proposes never goes through a link into the person's file, nor does the referee see it."""
    (tmp_path / "lib" / "deep").mkdir(parents=True)
    for name in ("net.py", "other.py", "deep/more.py"):
        (tmp_path / "lib" / name).write_text("MINE = 1")
    (folder / "nets").symlink_to(tmp_path / "lib")
    work = job(arena(), folder, {"nets/net.py": "NEW = 1\n"}, files=("nets/net.py",))
    candidate, referee = tmp_path / "candidate", tmp_path / "referee"
    candidate.mkdir()
    referee.mkdir()
    scratch.fill(candidate, referee, work)
    assert (tmp_path / "lib" / "net.py").read_text() == "MINE = 1"
    assert (candidate / "nets/net.py").read_text() == "NEW = 1\n"
    assert (candidate / "nets/other.py").resolve() == tmp_path / "lib/other.py"
    assert (candidate / "nets/deep/more.py").read_text() == "MINE = 1"
    assert (referee / "nets/other.py").exists()
    assert not (referee / "nets/net.py").exists()


def test_a_linked_directory_that_holds_a_sealed_file_stays_out(folder, tmp_path):
    (folder / "shortcut").symlink_to(folder / "data")
    candidate, referee = laid_out(folder, tmp_path)
    assert not (candidate / "shortcut").exists()
    assert (referee / "shortcut").exists()


@pytest.mark.parametrize("warm", [True, False])
def test_an_arena_may_lie_above_the_temporary_folder(tmp_path, monkeypatch, warm):
    """What its runs are made of there is nothing of the arena's; a sealed candidate cannot reach the referee's part."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "data.txt").write_text("data")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    look = "import os\nfacts(holds=sorted(os.listdir()), tmp=os.listdir('tmp'), data=open('data.txt').read())\n"
    look += "try:\n    facts(referee=os.listdir('../../referee/k'))\nexcept OSError:\n    facts(referee=None)"
    executor = LocalExecutor("", warm)
    try:
        outcome = executor.run(job(arena(look, HONEST), tmp_path), lambda kind, data: None, lambda: False)
    finally:
        executor.close()
    assert outcome.score == 0.0, outcome.reason
    assert outcome.facts == {"holds": ["data.txt", "tmp"], "tmp": [], "data": "data", "referee": None}
    assert not list((tmp_path / "tmp").iterdir())


def test_only_real_files_are_brought_home(tmp_path):
    work, home, outside = tmp_path / "work", tmp_path / "home", tmp_path / "outside"
    for path in (work / "out", outside):
        path.mkdir(parents=True)
    (outside / "secret.bin").write_text("secret")
    (work / "out" / "weights.bin").write_text("weights")
    (work / "stolen.bin").symlink_to(outside / "secret.bin")
    (work / "link").symlink_to(outside)
    assert scratch.bring_home(work, home, ("**/*.bin", "*.bin", "link")) == ["out/weights.bin"]
    assert files(home) == {"out/weights.bin"}


def test_what_travels_is_the_cells_and_no_more(tmp_path):
    scratch.pack(tmp_path)
    names = {path.relative_to(tmp_path / "autoloop_kernel").parts[0] for path in tmp_path.rglob("*.py")}
    assert {"__init__.py", "cells.py", "wire.py", "card.py", "lending.py", "scoring"} == names


def test_what_travels_has_been_compiled_once(tmp_path, monkeypatch):
    """A kernel keeps no bytecode: what nobody but kernels imports, each of them would compile again."""
    module = tmp_path / "here" / "module.py"
    module.parent.mkdir()
    module.write_text("x = 1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    scratch._carry(module, tmp_path / "a" / "module.py")
    assert files(tmp_path / "a") == {"module.py"}
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    compiled = f"__pycache__/module.{sys.implementation.cache_tag}.pyc"
    scratch._carry(module, tmp_path / "b" / "module.py")
    assert files(tmp_path / "b") == {"module.py", compiled}
    written = (tmp_path / "here" / compiled).stat().st_mtime_ns
    scratch._carry(module, tmp_path / "c" / "module.py")
    assert files(tmp_path / "c") == {"module.py", compiled}
    assert (tmp_path / "here" / compiled).stat().st_mtime_ns == written


def test_nothing_is_brought_home_from_folders_without_end(tmp_path):
    nest(tmp_path / "work", 3000)
    assert scratch.bring_home(tmp_path / "work", tmp_path / "home", ("**/*.bin",)) == []
    remove(tmp_path / "work")


KEEPS_WRITING = """
import os
def write(number, name):
    open(name + '.new', 'w').write(str(number))
    os.replace(name + '.new', name)
for name in [f'm{n}.bin' for n in range(200)]:
    write(0, name)
if os.fork() == 0:
    number = 0
    while True:
        number += 1
        write(number, 'a.bin')
        write(number, 'z.bin')
while not os.path.exists('z.bin'):
    pass
"""


def test_what_is_brought_home_is_of_one_moment(run_notebook):
    """The candidate is ended first: it could put a link in a file's place, which the harness would follow."""
    run = run_notebook(arena(KEEPS_WRITING, HONEST), artifacts=("*.bin",), answer_s=10.0)
    assert run.outcome.score == 0.0, run.outcome.reason
    first, last = (int((run.job.target / "artifacts" / name).read_text()) for name in ("a.bin", "z.bin"))
    assert first - last in (0, 1)


FILES = [
    ("shared:imports", "import numpy as np\nfrom autoloop_kernel.cells import ask, facts, score, submit"),
    ("editable:e", "from helper import factor\n__import__('os').mkdir('made')"),
    ("locked:end", "open('made/out.bin', 'w').write('weights')\nfacts(cwd_holds=sorted(__import__('os').listdir()))"),
    ("locked:last", "submit(lambda x: factor * x)"),
    ("score:score", "import os\nx = np.ones(3)\nassert open('sealed.txt').read() == 'truth'\n"
     "score(float(ask(x=x).sum()), holds=sorted(os.listdir()))"),
]  # fmt: skip


def test_a_run_with_files_sealed_files_and_artifacts(run_notebook):
    (run_notebook.folder / "sealed.txt").write_text("truth")
    (run_notebook.folder / "helper.py").write_text("factor = 1.0")
    run = run_notebook(
        notebook(FILES),
        sources={"helper.py": "factor = 3.0"},
        files=("helper.py",),
        sealed=("sealed.txt",),
        artifacts=("made/*.bin",),
    )
    assert run.outcome.score == 9.0, run.outcome.reason
    assert run.outcome.facts["cwd_holds"] == ["helper.py", "made"]
    assert run.outcome.extra["holds"] == ["sealed.txt"]
    assert (run.job.target / "artifacts/made/out.bin").read_text() == "weights"
