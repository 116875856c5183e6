"""The Ralph loop, by the real command line: the same prompt every time, memory only outside, and bad runs that heal."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from execution_kit import assert_no_process
from story import assert_same_story

from autoloop_kernel.arena.templates import new
from autoloop_kernel.session import open_session, run_mark

HERE = Path(__file__).parent
PLAN = ["work", "exit", "hang", "delete", "break", "overreach", "several"]
"""What the agent does, call by call; after that its work."""


def test_a_clumsy_agent_reaches_the_target_and_every_bad_day_is_told_to_it(tmp_path):
    arena, memory, scratch = (tmp_path / name for name in ("arena", "memory", "tmp"))
    notebook = new("ralph", arena)
    own = {path.name: path.read_text() for path in (arena / "tool").glob("*.py")}
    memory.mkdir()
    scratch.mkdir()
    (memory / "plan").write_text("\n".join(PLAN))
    agent = shlex.join([sys.executable, str(HERE / "ralph.py"), str(memory)])
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "autoloop_kernel.cli",
            "auto",
            str(notebook),
            "--ahead",
            "0",
            "--agent",
            f"command:{agent}",
        ],
        env={**os.environ, "TMPDIR": str(scratch), "AUTOLOOP_COMMAND_TIMEOUT_S": "6"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "passed 1 has reached 1" in ended.stdout
    assert list(scratch.iterdir()) == [], "a scratch folder is left"
    _assert_nothing_lives(memory, arena)

    done = (memory / "done").read_text().split()
    assert done[: len(PLAN)] == PLAN
    with open_session(notebook, create=False) as session:
        its = session.ledger.iterations()
        reasons = [event.data["reason"] for event in session.ledger.events(kinds=["refused"])]
        spoken = [event.data["text"] for event in session.ledger.events(kinds=["agent"])]
    kept = [it for it in its if str(it.verdict) == "keep"]
    assert [it.base for it in kept[1:]] == [it.number for it in kept[:-1]], "each goes on from the one before"
    assert [it.score for it in kept] == sorted(it.score for it in kept)
    assert (kept[0].score, kept[-1].score) == (pytest.approx(13 / 94), 1.0)
    assert kept[-1].title == "find the nth weekday of a month, and the last"
    (crash,) = (it for it in its if str(it.verdict) == "crash")
    assert "RuntimeError: a bad day" in crash.reason
    assert kept[1].title == "begin after the start, and count Monday as 1"
    assert "\x1b" not in "".join(spoken)
    assert sum("thinking about" in line for line in spoken) >= 300
    for part in (
        "ended with status 1; its last line: Error: the model is overloaded",
        "ran past its 6 s and was killed; its last line: waiting for an answer",
        "the folder that the command was to edit is gone",
        "STRATEGY.md is read-only, and it was changed",
    ):
        assert any(part in reason for reason in reasons), (part, reasons)
    _assert_it_was_told(memory)
    assert assert_same_story(notebook) == [str(it.verdict) for it in its]
    assert {path.name: path.read_text() for path in (arena / "tool").glob("*.py")} == own, "applied by nobody"


def _assert_it_was_told(memory: Path) -> None:
    """Call by call: the same strategy, and what went wrong the time before."""
    calls = range(1, len((memory / "done").read_text().split()) + 1)
    strategies = [(memory / f"{n}-STRATEGY.md").read_text() for n in calls]
    assert len({text.partition("\n## The last proposal was refused")[0].strip() for text in strategies}) == 1
    assert "ended with status 1" in strategies[PLAN.index("exit") + 1]
    assert "ran past its 6 s" in strategies[PLAN.index("hang") + 1]
    after = (memory / f"{PLAN.index('break') + 2}-FINDINGS.md").read_text()
    assert "crash, score none" in after
    assert "a bad day" in after
    champions = [(memory / f"{n}-CHAMPION.md").read_text() for n in calls]
    assert "score 0.138298" in champions[0]
    assert "names 0, wrapped 0" in champions[0], "which groups fail is told"
    assert "nth 0, errors 1" in champions[-1]


def _assert_nothing_lives(memory: Path, arena: Path) -> None:
    pids = [int(pid) for pid in (memory / "hung").read_text().split()]
    assert len(pids) == 2
    alive = [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert alive == []
    assert_no_process(run_mark(arena / "ralph_runs"))
