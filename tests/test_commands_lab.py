"""`autoloop lab`: which arena it opens, and what JupyterLab is told."""

import json
from pathlib import Path

import pytest
from played import history, make_arena

from autoloop_kernel.arena.templates import new
from autoloop_kernel.commands import lab
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.session import open_session


def started(monkeypatch, *arguments: str, verb: str = "lab") -> list[str]:
    """What the process would have become."""
    from autoloop_kernel.cli import main

    became: list[list[str]] = []
    monkeypatch.setattr(lab.os, "execv", lambda program, argv: became.append([program, *argv]))
    assert main([verb, *arguments]) == 0
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


def test_an_iteration_is_opened_where_it_can_be_run_by_hand(tmp_path, monkeypatch, capsys):
    from autoloop_kernel.cli import main

    path = make_arena(tmp_path, "my game.ipynb")
    history(path)
    with open_session(path) as session:
        executed = session.arena.runs / "0003" / "iteration.ipynb"
        executed.parent.mkdir(parents=True, exist_ok=True)
        executed.write_text(path.read_text())
    argv = started(monkeypatch, str(path), "3", "--no-browser", verb="open")
    assert argv[1:3] == ["-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={tmp_path}" in argv
    assert "--LabApp.default_url=/lab/tree/my%20game_runs/0003/open/my%20game-3.ipynb" in argv
    assert argv[-1] == "--no-browser"
    assert main(["open", str(path), "3", "--path"]) == 0
    assert capsys.readouterr().out.strip().endswith("my game_runs/0003/open/my game-3.ipynb")
    assert main(["open", str(path), "99"]) == 2
    assert "there is no iteration 99" in capsys.readouterr().err


def test_a_file_is_no_folder(tmp_path):
    from typer import Context
    from typer.main import get_command

    from autoloop_kernel.cli import app

    path = tmp_path / "notes.txt"
    path.write_text("")
    with pytest.raises(AutoloopError, match="is no folder: name the one that JupyterLab is to show"):
        lab.lab(Context(get_command(app)), path)
