"""`autoloop lab`: which arena it opens, and what JupyterLab is told."""

import json
from pathlib import Path

import pytest
from played import make_arena

from autoloop_kernel.arena.templates import new
from autoloop_kernel.commands import lab
from autoloop_kernel.records import AutoloopError


def started(monkeypatch, *arguments: str) -> list[str]:
    """What the process would have become."""
    from autoloop_kernel.cli import main

    became: list[list[str]] = []
    monkeypatch.setattr(lab.os, "execv", lambda program, argv: became.append([program, *argv]))
    assert main(["lab", *arguments]) == 0
    return became[0][1:]


def test_an_empty_folder_gets_the_embedded_arena(tmp_path, monkeypatch, capsys):
    argv = started(monkeypatch, str(tmp_path / "work"))
    assert argv[1:3] == ["-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={tmp_path / 'work'}" in argv
    assert "--LabApp.default_url=/autoloop/lab/tiny_lm.ipynb" in argv
    assert json.loads((tmp_path / "work" / "tiny_lm.ipynb").read_text())["metadata"]["autoloop"]["metric"]
    assert "tiny_lm.ipynb" in capsys.readouterr().out


def test_a_folder_that_has_an_arena_keeps_it_and_other_options_go_to_jupyterlab(tmp_path, monkeypatch):
    (tmp_path / "a note.ipynb").write_text("{}")
    make_arena(tmp_path, "my game.ipynb")
    argv = started(monkeypatch, str(tmp_path), "--no-browser", "--port", "9999")
    assert "--LabApp.default_url=/autoloop/lab/my%20game.ipynb" in argv
    assert argv[-3:] == ["--no-browser", "--port", "9999"]
    assert not (tmp_path / "tiny_lm.ipynb").exists()


def test_a_bundled_arena_comes_before_others(tmp_path):
    make_arena(tmp_path, "a.ipynb")
    new("function_min", tmp_path)
    assert lab.arena_in(tmp_path) == "function_min.ipynb"


def test_options_alone_mean_this_folder(tmp_path, monkeypatch):
    make_arena(tmp_path, "game.ipynb")
    monkeypatch.chdir(tmp_path)
    argv = started(monkeypatch, "--no-browser")
    assert f"--ServerApp.root_dir={Path.cwd()}" in argv
    assert argv[-1] == "--no-browser"


def test_a_file_is_no_folder(tmp_path):
    from typer import Context
    from typer.main import get_command

    from autoloop_kernel.cli import app

    path = tmp_path / "notes.txt"
    path.write_text("")
    with pytest.raises(AutoloopError, match="is no folder: name the one that JupyterLab is to show"):
        lab.lab(Context(get_command(app)), path)
