from pathlib import Path

import pytest

from autoloop_kernel.arena.surface import editable_files, escapes, matches


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = ("game.ipynb", "a.py", "b.txt", "src/c.py", "src/deep/d.py", ".hidden/e.py", ".f.py", "game_runs/0001/g.py")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize("pattern", ["", "/etc/passwd", "../x", "a/../../x", "~/x", "C:/x", "a\\..\\b", "x\0"])
def test_globs_that_leave_the_folder(pattern: str, folder: Path) -> None:
    assert escapes(pattern)
    assert matches(folder, [pattern]) == []


@pytest.mark.parametrize("pattern", ["a.py", "*.py", "**/*.py", "sealed/*", "a..b", "./a.py"])
def test_globs_that_stay(pattern: str) -> None:
    assert not escapes(pattern)


def test_matches_are_sorted_files_and_folders_mean_what_lies_below(folder: Path) -> None:
    assert matches(folder, ["src", "a.py", "a.*"]) == ["a.py", "src/c.py", "src/deep/d.py"]
    assert matches(folder, ["src/*"]) == ["src/c.py", "src/deep/d.py"]
    assert matches(folder, ["nothing*", "**x"]) == matches(folder, ["**x"])


def test_editable_files_leave_out_the_arena_hidden_ones_and_runs(folder: Path) -> None:
    assert editable_files(folder, "game.ipynb", ["**/*"]) == ["a.py", "b.txt", "src/c.py", "src/deep/d.py"]
