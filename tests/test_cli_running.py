"""step, auto, pause, resume, stop and demo, with the real driver underneath."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from arenas import write_quick_arena
from played import history, make_arena

from autoloop_kernel import cli
from autoloop_kernel.commands import running
from autoloop_kernel.driver import busy, send
from autoloop_kernel.memory.ledger import Holder
from autoloop_kernel.records import AutoloopError, Proposal
from autoloop_kernel.session import open_session

UNSEEN = Path(__file__).parent / "notebooks" / "unseen"


@pytest.fixture
def called(capsys):
    def call(*arguments, status=0):
        assert cli.main([str(argument) for argument in arguments]) == status, capsys.readouterr()
        return capsys.readouterr()

    return call


def test_an_arena_that_nobody_here_has_seen_goes_through_it_all(called, tmp_path):
    shutil.copytree(UNSEEN, tmp_path / "u")
    arena = tmp_path / "u" / "arena.ipynb"
    assert "2 editable cells, 1 editable file, 2 score cells, accuracy (max), 5 s" in called("check", arena).out
    lines = called("step", arena).out.splitlines()
    assert lines[0].startswith("iteration 1 · baseline")
    assert any(line.startswith("  ○ keep 0.") for line in lines)
    text = called("auto", arena, "--iterations", 1).out
    assert "iteration 2 · " in text
    assert "1 iteration done: best accuracy" in text
    rows = json.loads(called("log", arena, "--json").out)
    assert [row["number"] for row in rows] == [1, 2]
    champion = json.loads(called("status", arena, "--json").out)["champion"]
    winner = tmp_path / "winner.ipynb"
    text = called("export", arena, "-o", winner, "--verify").out
    assert "(+0.0000)" in text, "the same seed and no clock in it: the same score"
    nbformat.validate(nbformat.reads(winner.read_text(encoding="utf-8"), as_version=4))
    held = {path.relative_to(tmp_path / "winner_files").as_posix() for path in (tmp_path / "winner_files").rglob("*.*")}
    assert held == {"data.csv", "features.py", "sealed/holdout.csv"}
    exported = json.loads(winner.read_text(encoding="utf-8"))["metadata"]["autoloop"]["export"]
    assert exported["verified_score"] == pytest.approx(champion["score"])


def test_the_persons_own_edit_is_run_and_without_one_it_says_what_to_do(called, tmp_path):
    arena = write_quick_arena(tmp_path)
    called("step", arena)
    assert "human: quick.ipynb holds no edit of yours" in called("step", arena, "--agent", "human", status=1).err
    text = arena.read_text(encoding="utf-8")
    arena.write_text(text.replace("Y = -2.0", "Y = -1.0"), encoding="utf-8")
    lines = called("step", arena, "--agent", "human").out.splitlines()
    assert lines[0] == "iteration 2 · e0 by hand (+1 −1)"
    assert lines[1].startswith("  ○ keep 4.25")
    row = json.loads(called("log", arena, "--json").out)[-1]
    assert (row["agent"], row["base"]) == ("human", 1)
    assert "holds no edit of yours since iteration 2" in called("step", arena, "--agent", "human", status=1).err
    called("apply", arena, "-i", 1)
    assert "since iteration 1: change" in called("step", arena, "--agent", "human", status=1).err


def test_a_keep_is_held_against_fresh_runs_of_its_base(called, tmp_path):
    arena = write_quick_arena(tmp_path)
    called("step", arena)
    assert "no provisional keep of quick.ipynb stands" in called("confirm", arena, status=2).err
    arena.write_text(arena.read_text(encoding="utf-8").replace("Y = -2.0", "Y = -1.0"), encoding="utf-8")
    called("step", arena, "--agent", "human")
    text = called("confirm", arena).out
    assert "● iteration 2 is confirmed: holds up: +" in text
    assert text.splitlines()[-1].startswith("● confirmed   2 ")
    assert json.loads(called("log", arena, "--json").out)[-1]["state"] == "confirmed"
    assert "only a keep is held against its base" in called("confirm", arena, "-i", 1, status=2).err


def test_where_a_driver_runs_it_is_asked_to_confirm(called, tmp_path):
    arena = make_arena(tmp_path)
    with open_session(arena) as session:
        history(session.path)
        assert session.ledger.acquire(Holder.mine()) is None
        kept = session.champion().number
        assert "leave --pairs out" in called("confirm", arena, "--pairs", 2, status=2).err
        assert session.ledger.confirms() == []
        assert f"before its next proposal: {kept}" in called("confirm", arena).out
        assert kept in session.ledger.confirms()
        assert "only a keep" in called("confirm", arena, "-i", 1, status=2).err


def test_work_that_fails_is_status_1_with_the_reason(called, tmp_path):
    arena = make_arena(tmp_path)
    notebook = json.loads(arena.read_text(encoding="utf-8"))
    next(cell for cell in notebook["cells"] if cell["id"] == "model")["source"] = "raise ValueError('no')"
    arena.write_text(json.dumps(notebook), encoding="utf-8")
    found = called("step", arena, status=1)
    assert "  × crash" in found.out
    assert found.err.count("\n") == 1
    assert "the baseline has no score" in found.err
    assert called("step", arena, "--agent", "command:true", status=1).err


def test_detach_pause_resume_stop(called, tmp_path):
    arena = make_arena(tmp_path)
    out = called("auto", arena, "--detach").out
    pid = int(out.split("process ")[1].split()[0])
    try:
        assert busy(arena).pid == pid
        refused = called("auto", arena, status=2).err
        assert f"process {pid}" in refused
        assert refused.count("\n") == 1
        assert "pauses" in called("pause", arena).out
        assert json.loads(called("status", arena, "--json").out)["state"] == "paused"
        assert "goes on" in called("resume", arena).out
        assert "stops" in called("stop", arena, "--now").out
        until = time.monotonic() + 30
        while busy(arena) is not None and time.monotonic() < until:
            time.sleep(0.1)
        assert busy(arena) is None
        assert "nothing is running" in called("stop", arena, status=2).err
    finally:
        if busy(arena) is not None:
            send(arena, "stop-now")


def test_an_error_after_the_start_is_a_failure_of_the_work(called, tmp_path, monkeypatch):
    arena = make_arena(tmp_path)

    def broken(path, agents, plan):
        with open_session(path) as session:
            session.ledger.emit("driver.start", agents=["search"])
        raise AutoloopError("game.ipynb: no score cell: add one")

    monkeypatch.setattr("autoloop_kernel.driver.drive", broken)
    assert called("auto", arena, status=1).err == "game.ipynb: no score cell: add one\n"


def test_the_demo_ends_with_a_plot_and_a_winner_and_may_be_repeated(called, tmp_path):
    folder = tmp_path / "demo"
    text = called("demo", folder, "--template", "function_min", "--iterations", 1).out
    assert "a fresh copy of the bundled arena" in text
    assert "no problem found" in text
    assert (folder / "progress.png").read_bytes().startswith(b"\x89PNG")
    for number in (1,):
        executed = folder / "function_min_runs" / f"{number:04d}" / "iteration.ipynb"
        nbformat.validate(nbformat.reads(executed.read_text(encoding="utf-8"), as_version=4))
    assert "run afresh" in text
    assert "champion" in text
    places = text.split("where it lies")[1]
    for name in ("function_min.ipynb", "progress.png", "winner.ipynb", "function_min_runs"):
        assert str(folder / name) in "".join(places.split())
    again = called("demo", folder, "--template", "function_min", "--iterations", 1).out
    assert "1 iteration is there already: nothing is left to run" in again
    assert len(json.loads(called("log", folder / "function_min.ipynb", "--json").out)) == 1


# -- the person's review


def asked(monkeypatch, *answers):
    said = iter(answers)

    def answer(prompt=""):
        try:
            return next(said)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    return running.asking(Proposal("X up", {"model": "X = 2\n"}, "It helps.", "search"), {"model": "X = 1\n"})


def test_a_review_shows_the_diff_and_takes_an_answer(monkeypatch, capsys):
    assert asked(monkeypatch, "a") == running.ACCEPT
    text = capsys.readouterr().out
    assert "X up" in text
    assert "It helps." in text
    assert "-X = 1\n+X = 2" in text
    assert asked(monkeypatch, "what?", "skip", "too slow") == "too slow"
    assert asked(monkeypatch, "s", "") == "skipped by the person"
    assert asked(monkeypatch) is None


def test_step_review_at_a_terminal(tmp_path):
    arena = make_arena(tmp_path)
    assert cli.main(["step", str(arena)]) == 0
    own, theirs = pty.openpty()
    command = [sys.executable, "-m", "autoloop_kernel.cli", "step", str(arena), "--review"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    text = _until(own, "or [s]kip: ")
    assert "-X = 3.0" in text.replace("\x1b[31m", "")
    os.write(own, b"s\n")
    _until(own, "why not? ")
    os.write(own, b"too bold\n")
    text = _until(own, "or [s]kip: ")
    os.write(own, b"a\n")
    text += _until(own, None)
    os.close(own)
    assert child.wait(timeout=60) == 0
    assert "iteration 2" in text
    with open_session(arena, create=False) as session:
        (skipped,) = session.ledger.proposals("skipped")
        assert skipped.reason == "too bold"
        assert session.ledger.proposal(session.ledger.iteration(2).proposal).proposal.units != skipped.proposal.units
    rows = subprocess.run(
        [*command[:3], "log", str(arena), "--json"], capture_output=True, text=True, check=True
    ).stdout
    assert len(json.loads(rows)) == 2


def _until(handle, mark, seconds=60.0):
    """What a terminal shows until `mark` (None: until it is closed)."""
    text, end = "", time.monotonic() + seconds
    while (mark is None or mark not in text) and time.monotonic() < end:
        if not select.select([handle], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(handle, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        text += data.decode("utf-8", "replace")
    return text
