"""Wrong requests: one line that says what and how to mend it, status 2, never a traceback."""

import subprocess
import sys

import pytest
from played import make_arena

from autoloop_kernel import __version__, cli
from autoloop_kernel.commands import looking


@pytest.fixture
def called(capsys):
    def call(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return call


WRONG = [
    (["frobnicate"], "No such command 'frobnicate'"),
    (["log"], "Missing argument 'ARENA'"),
    (["log", "none.ipynb"], "none.ipynb"),
    (["log", "{folder}"], ""),
    (["log", "{arena}", "--frob"], "No such option: --frob"),
    (["show", "{arena}"], "has no iterations yet"),
    (["show", "{arena}", "0"], "Invalid value"),
    (["show", "{arena}", "x"], "Invalid value"),
    (["diff", "{arena}"], "has no iterations yet"),
    (["plot", "{arena}"], "has no iterations yet"),
    (["export", "{arena}", "-o", "{folder}/w.ipynb"], "has no iterations yet"),
    (["export", "{arena}"], "Missing option"),
    (["apply", "{arena}"], "has no iterations yet"),
    (["pause", "{arena}"], "nothing is running on game.ipynb"),
    (["stop", "{arena}", "--now"], "nothing is running on game.ipynb"),
    (["auto", "{arena}", "--iterations", "0"], "--iterations 0"),
    (["auto", "{arena}", "--iterations", "-3"], "--iterations -3"),
    (["auto", "{arena}", "--iterations", "2.5"], "Invalid value"),
    (["auto", "{arena}", "--hours", "nan"], "--hours nan"),
    (["auto", "{arena}", "--hours", "-1"], "--hours -1"),
    (["auto", "{arena}", "--until", "inf"], "--until inf"),
    (["auto", "{arena}", "--agent", "nobody"], "there is no agent 'nobody'"),
    (["auto", "{arena}", "--agent", "nobody", "--detach"], "there is no agent 'nobody'"),
    (["step", "{arena}", "--agent", "command:"], "names no command"),
    (["step", "{arena}", "--review"], "--review asks at a terminal"),
    (["step", "{folder}/broken.ipynb"], "broken.ipynb"),
    (["new", "no_such_template", "{folder}/x"], "there is no template 'no_such_template'"),
    (["new", "tour", "{folder}/x", "--budget", "5"], "--budget is for an arena, and the tour is none"),
    (["new", "mine", "{folder}/x", "--blank"], "--blank takes one folder"),
    (["check", "{arena}", "--runs", "5"], "--runs 5 goes with --deep"),
    (["auto", "{arena}", "--share-every", "5"], "--share-every 5 goes with --share"),
    (["demo", "{folder}/x", "--template", "nothing"], "there is no template 'nothing'"),
    (["demo", "{folder}/x", "--iterations", "0"], "--iterations 0"),
]


@pytest.mark.parametrize(
    ("arguments", "why"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_wrong_request_is_one_line_and_status_2(called, tmp_path, arguments, why):
    arena = make_arena(tmp_path)
    (tmp_path / "broken.ipynb").write_text('{"cells": [', encoding="utf-8")
    status, out, err = called(*(part.format(arena=arena, folder=tmp_path) for part in arguments))
    assert status == 2, err
    assert err.count("\n") == 1
    assert err.startswith("autoloop: ")
    assert why in err
    assert "Traceback" not in err
    assert out == ""
    assert not (tmp_path / "x").exists()


def test_looking_at_an_arena_that_has_not_run_makes_nothing(called, tmp_path):
    arena = make_arena(tmp_path)
    assert called("log", arena, "--json") == (0, "[]\n", "")
    assert called("log", arena)[1].startswith("game.ipynb has no iterations yet")
    assert "idle" in called("status", arena)[1]
    assert [path.name for path in tmp_path.iterdir()] == ["game.ipynb"]


def test_help_and_version(called):
    assert called("--version") == (0, f"autoloop {__version__}\n", "")
    status, out, _ = called()
    assert status == 0
    words = ["demo", "new", "templates", "check", "step", "auto", "pause", "resume", "stop", "status", "log", "show"]
    for command in [*words, "diff", "plot", "apply", "export"]:
        assert f"\n  {command} " in out
        assert called(command, "--help")[0] == 0


def test_a_fault_of_our_own_is_one_line_too(called, tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "glance", lambda path: 1 / 0)
    status, _, err = called("status", make_arena(tmp_path))
    assert status == 1
    assert (
        err
        == "autoloop: ZeroDivisionError: division by zero (a fault of Autoloop's own; AUTOLOOP_DEBUG=1 shows where)\n"
    )
    monkeypatch.setenv("AUTOLOOP_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["status", str(tmp_path / "game.ipynb")])


def test_ctrl_c_is_a_line_and_a_status_of_its_own(called, monkeypatch):
    def stopped(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(looking, "glance", stopped)
    assert called("status", "any.ipynb") == (130, "", "autoloop: stopped\n")


def test_the_command_starts_without_the_heavy_libraries(tmp_path):
    program = (
        "import sys; from autoloop_kernel.cli import main; main(['status', sys.argv[1]]); main(['log', sys.argv[1]]);"
        "heavy = {'torch', 'optuna', 'matplotlib', 'nbformat', 'papermill', 'pygit2'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    arena = make_arena(tmp_path)
    ran = subprocess.run([sys.executable, "-c", program, str(arena)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_signs_that_a_terminal_cannot_show_are_no_traceback(tmp_path):
    program = "import sys; from autoloop_kernel.cli import main; sys.exit(main(['status', sys.argv[1]]))"
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(
        [sys.executable, "-c", program, str(make_arena(tmp_path))], capture_output=True, env=environment, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_reader_that_goes_away_is_no_traceback(tmp_path):
    program = (
        "import sys; from autoloop_kernel import cli; from autoloop_kernel.commands import common\n"
        "sys.stdin.read(1); sys.exit(cli.main(['templates']))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdout.close()
    child.stdout = None  # its end of the pipe is gone: there is nothing to collect
    _, err = child.communicate(b"x", timeout=60)
    assert b"Traceback" not in err
    assert child.returncode == 1
