from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pygit2
import pytest

from autoloop_kernel import durable
from autoloop_kernel.memory import lineage as memory
from autoloop_kernel.memory.lineage import Lineage, LineageBroken
from autoloop_kernel.memory.restore import Lost
from autoloop_kernel.memory.trailers import message_of, parse
from autoloop_kernel.records import Attempt, AutoloopError, Finding, Iteration, Kind, Seconds, Verdict

TREE = {"cells/model.py": "x = 1\n", "files/a/b/c.txt": "é\r\n", "arena.ipynb": "{}"}
ATTEMPTS = (
    Attempt(1, 42, Kind.SCREEN, Verdict.INTERRUPTED, None, "killed"),
    Attempt(1, 42, Kind.SCREEN, Verdict.SCORED, 0.1 + 0.2),
)
ONE = Iteration(
    number=7,
    epoch=2,
    proposal="p7",
    title="LR 3e-4 → 6e-4",
    agent="search",
    base=3,
    hypothesis="A larger step.\n\nIt has paid before.",
    verdict=Verdict.KEEP,
    state="provisional",
    score=0.1 + 0.2,
    attempts=ATTEMPTS,
    seconds=Seconds(0.1, 0.2, 0.3, 0.4, 1.0),
    game="abc",
    time=1234567890.25,
)


@pytest.fixture
def lineage(tmp_path: Path) -> Lineage:
    return Lineage.open(tmp_path / "a_runs" / "lineage.git")


def git(lineage: Lineage, *arguments: str, given: str | None = None) -> str:
    command = ["git", "-C", str(lineage.path), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


def test_an_iteration_comes_back_whole(lineage: Lineage) -> None:
    finding = Finding(7, "it helps\nmuch", {"delta": -0.1})
    commit = lineage.record(ONE, TREE, None, "key", finding)
    assert lineage.tree(7) == TREE
    assert lineage.commit_of(7) == commit == lineage.champion()
    assert lineage.record_of(7) == Lost(replace(ONE, commit=commit), "key", finding)
    assert lineage.recorded() == [replace(ONE, commit=commit)]
    assert lineage.numbers() == [7]


def test_git_reads_it(lineage: Lineage) -> None:
    first = lineage.record(replace(ONE, number=3, base=None, title="baseline"), TREE, None)
    lineage.record(ONE, {"cells/model.py": "x = 2\n"}, first, "key")
    assert git(lineage, "log", "--format=%s|%an|%at|%P", "champion").splitlines() == [
        f"LR 3e-4 → 6e-4|Autoloop|1234567890|{first}",
        "baseline|Autoloop|1234567890|",
    ]
    message = git(lineage, "log", "-1", "--format=%B", "refs/iterations/0007")
    trailers = git(lineage, "interpret-trailers", "--parse", given=message).splitlines()
    assert trailers[:6] == [
        "Verdict: keep",
        "Score: 0.30000000000000004",
        "Base: 3",
        "Agent: search",
        "Title: LR 3e-4 → 6e-4",
        "Game: abc",
    ]
    assert {"Iteration: 7", "Epoch: 2", "Proposal: p7", "Code-Key: key", "Seed: 42"} < set(trailers)
    assert git(lineage, "show", "champion:cells/model.py") == "x = 2\n"
    assert "A larger step.\n\nIt has paid before." in message
    assert git(lineage, "log", "--format=%s").splitlines()[0] == "LR 3e-4 → 6e-4"
    git(lineage, "fsck", "--strict")


ODD = [
    "one\ntwo\n\nVerdict: keep",
    "  spaced \t out  ",
    "Verdict: crash",
    "\x00\x01\x1b[31mred\x7f",
    "\u2028line\u2029and\x85more\r\n",
    "lone \ud800 surrogate",
    "# a comment",
    "--- ",
    "日本語 🎉 e\u0301",
    "x" * 5000,
    "",
    ":",
    "key: value: more",
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_survives_as_one_line(lineage: Lineage, odd: str) -> None:
    one = replace(ONE, title=odd, agent=odd, reason=odd, hypothesis=f"{odd}\n\nVerdict: crash", proposal="p")
    commit = lineage.record(one, TREE, None, odd, Finding(7, odd, {odd: odd}))
    (found,) = lineage.recorded()
    for text in (found.title, found.agent, found.reason):
        assert len(text.splitlines()) <= 1
        assert text == " ".join(text.split())
    assert (found.verdict, found.score, found.number) == (Verdict.KEEP, ONE.score, 7)
    message = git(lineage, "log", "-1", "--format=%B", commit)
    trailers = git(lineage, "interpret-trailers", "--parse", given=message).splitlines()
    assert [line for line in trailers if line.startswith("Verdict:")] == ["Verdict: keep"]
    assert trailers[0] == "Verdict: keep"
    git(lineage, "fsck", "--strict")


@pytest.mark.parametrize("body", ["", "a\n--- \nb", "---\n ---\n  --- x", "# a\n\n\n\nb", "a: b\nc: d", "\tx\n  y"])
def test_the_hypothesis_is_kept_to_the_letter(lineage: Lineage, body: str) -> None:
    commit = lineage.record(replace(ONE, hypothesis=body), TREE, None)
    assert lineage.recorded()[0].hypothesis == body
    message = git(lineage, "log", "-1", "--format=%B", commit)
    trailers = git(lineage, "interpret-trailers", "--parse", given=message).splitlines()
    assert trailers[0] == "Verdict: keep"
    assert len([line for line in trailers if line.startswith("Title:")]) == 1


def test_a_crash_has_no_score(lineage: Lineage) -> None:
    crash = replace(ONE, verdict=Verdict.CRASH, state=None, score=None, reason="NameError:\n x", base=None, attempts=())
    commit = lineage.record(crash, TREE, None)
    (found,) = lineage.recorded()
    assert found == replace(crash, reason="NameError: x", commit=commit)
    assert lineage.champion() is None
    assert "Score: none\nBase: none\n" in git(lineage, "log", "-1", "--format=%B", commit)


def test_repeating_a_record_doubles_nothing(lineage: Lineage) -> None:
    first = lineage.record(ONE, TREE, None, "k")
    count = len(list((lineage.path / "objects").rglob("*")))
    assert lineage.record(ONE, TREE, None, "k") == first
    assert len(list((lineage.path / "objects").rglob("*"))) == count
    other = lineage.record(replace(ONE, verdict=Verdict.DISCARD), TREE, None, "k")
    assert other != first
    assert (lineage.commit_of(7), lineage.champion(), lineage.numbers()) == (other, first, [7])


def test_the_branch_moves_only_when_it_is_told_to(lineage: Lineage) -> None:
    first = lineage.record(ONE, TREE, None, champion=False)
    assert lineage.champion() is None
    second = lineage.record(replace(ONE, number=8, verdict=Verdict.DISCARD), TREE, first, champion=True)
    assert lineage.champion() == second
    lineage.set_champion(first)
    assert lineage.champion() == first
    with pytest.raises(LineageBroken):
        lineage.set_champion("0" * 40)
    with pytest.raises(LineageBroken):
        lineage.record(ONE, TREE, "0" * 40)


def test_each_write_is_bracketed(lineage: Lineage, monkeypatch: pytest.MonkeyPatch) -> None:
    crossed: list[str] = []
    monkeypatch.setattr(durable, "crossing", crossed.append)
    lineage.record(ONE, TREE, None)
    names = ["lineage commit", "lineage ref", "lineage champion"]
    assert crossed == [f"{when} {name}" for name in names for when in ("before", "after")]


def test_one_that_was_packed_and_checked_out_by_git_is_read(lineage: Lineage) -> None:
    commit = lineage.record(ONE, TREE, None)
    git(lineage, "gc", "--quiet")
    for folder in sorted(lineage.path.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()  # git keeps none that is empty
    assert not (lineage.path / "refs").exists()
    again = Lineage.open(lineage.path)
    assert (again.commit_of(7), again.champion(), again.tree(7)) == (commit, commit, TREE)


def note_often(path: Path, name: str) -> None:
    mine = Lineage.open(path)
    for count in range(12):
        mine.add_note(7, f"{name} {count}")


def test_several_processes_may_add_notes_at_once(lineage: Lineage) -> None:
    lineage.record(ONE, TREE, None)
    context = multiprocessing.get_context("fork")
    several = [context.Process(target=note_often, args=(lineage.path, name)) for name in "abcd"]
    for process in several:
        process.start()
    for process in several:
        process.join(60)
    assert [process.exitcode for process in several] == [0, 0, 0, 0]
    assert len((lineage.note(7) or "").split("\n\n")) == 48


def test_notes_tell_what_came_later(lineage: Lineage) -> None:
    lineage.record(ONE, TREE, None)
    assert lineage.note(7) is None
    lineage.add_note(7, "State: confirmed\nfive fresh seeds")
    lineage.add_note(7, "State: confirmed\nfive fresh seeds")
    assert lineage.note(7) == "State: confirmed\nfive fresh seeds\n"
    assert lineage.recorded()[0].state == "confirmed"
    lineage.add_note(7, "State: refuted")
    assert lineage.recorded()[0].state == "refuted"
    assert "five fresh seeds" in git(lineage, "log", "-1", "refs/iterations/0007")
    with pytest.raises(LineageBroken, match="no iteration 9"):
        lineage.add_note(9, "x")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "", "a//b", "a/.git/hooks", "./a"])
def test_paths_stay_inside(lineage: Lineage, path: str) -> None:
    with pytest.raises(AutoloopError, match="no path"):
        lineage.record(ONE, {path: "x"}, None)
    assert lineage.numbers() == []


def test_a_file_below_a_file_is_refused(lineage: Lineage) -> None:
    with pytest.raises(AutoloopError, match="below a file"):
        lineage.record(ONE, {"a": "x", "a/b": "y"}, None)


def test_what_is_missing_or_damaged_is_said(lineage: Lineage) -> None:
    assert (lineage.commit_of(7), lineage.champion(), lineage.record_of(7)) == (None, None, None)
    assert not lineage.holds("0" * 40)
    with pytest.raises(LineageBroken, match="no iteration 7"):
        lineage.tree(7)
    lineage.record(ONE, TREE, None)
    (lineage.path / "refs" / "iterations" / "0007").write_text("")
    assert lineage.commit_of(7) is None
    assert lineage.sweep() == ["refs/iterations/0007"]
    with pytest.raises(AutoloopError, match="tells of no iteration"):
        parse("a title\n\nSigned-off-by: me\n")
    assert parse(message_of(Lost(ONE))).iteration == ONE


def test_a_commit_of_another_hand_is_left_out(lineage: Lineage) -> None:
    commit = lineage.record(ONE, TREE, None)
    lineage.set_ref(9, commit)
    env = {**os.environ, "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@y"}
    env |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@y"}
    made = subprocess.run(
        ["git", "-C", str(lineage.path), "commit-tree", "-m", "mine", f"{commit}^{{tree}}"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    lineage.set_ref(8, made)
    assert lineage.numbers() == [7, 8, 9]
    assert (lineage.number_of(commit), lineage.number_of(made), lineage.number_of("0" * 40)) == (7, None, None)
    assert [one.number for one in lineage.recorded()] == [7]


def test_it_opens_again_even_without_a_head(lineage: Lineage) -> None:
    commit = lineage.record(ONE, TREE, None)
    (lineage.path / "HEAD").unlink()
    assert Lineage.open(lineage.path).commit_of(7) == commit
    (lineage.path / "HEAD").write_text("")
    assert Lineage.open(lineage.path).champion() == commit


def test_packed_refs_are_read(lineage: Lineage) -> None:
    commit = lineage.record(ONE, TREE, None)
    git(lineage, "gc", "--quiet")
    again = Lineage.open(lineage.path)
    assert (again.numbers(), again.commit_of(7), again.tree(7)) == ([7], commit, TREE)
    assert again.record(replace(ONE, number=8), TREE, commit)
    assert again.numbers() == [7, 8]


def test_what_is_no_repository_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_text("x")
    for name in ("file", "folder"):
        with pytest.raises(LineageBroken, match="move it away") as caught:
            Lineage.open(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_repository_round_it_is_never_touched(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    before = sorted(str(path) for path in (tmp_path / ".git").rglob("*"))
    (tmp_path / "a_runs" / "lineage.git").mkdir(parents=True)
    (tmp_path / "a_runs" / "lineage.git" / "x").write_text("not a repository: git must not look further up")
    with pytest.raises(LineageBroken):
        Lineage.open(tmp_path / "a_runs" / "lineage.git")
    Lineage.open(tmp_path / "b_runs" / "lineage.git").record(ONE, TREE, None)
    assert sorted(str(path) for path in (tmp_path / ".git").rglob("*")) == before


def test_it_needs_no_git_configuration(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from test_memory_lineage import ONE, TREE; "
        "from autoloop_kernel.memory.lineage import Lineage; "
        f"Lineage.open(Path({str(tmp_path / 'l.git')!r})).record(ONE, TREE, None)"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    env = {"HOME": str(tmp_path / "nobody"), "PYTHONPATH": paths, "GIT_DIR": "/nonexistent", "PATH": ""}
    subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, check=True)
    assert Lineage.open(tmp_path / "l.git").numbers() == [7]


def test_git_keeps_a_bounded_number_of_objects_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that runs for weeks records commit after commit: they must not pile up in its process."""
    monkeypatch.setattr(memory, "CACHED", 1024)
    few = Lineage.open(tmp_path / "few.git")
    before, base = pygit2.settings.cached_memory[0], None  # of all repositories that this process has open
    for number in range(1, 13):
        base = few.record(replace(ONE, number=number, base=None), TREE, base)
        assert few.tree(number) == TREE
    held, most = pygit2.settings.cached_memory
    assert most == 1024
    assert held - before <= 2 * 1024
    monkeypatch.undo()
    Lineage.open(tmp_path / "few.git")
    assert pygit2.settings.cached_memory[1] == memory.CACHED


def test_asking_for_a_commit_again_and_again_takes_no_memory(tmp_path):
    lineage = Lineage.open(tmp_path / "lineage.git")
    lineage.record(ONE, TREE, None)
    asked = lambda: [(lineage.commit_of(7), lineage.commit_of(8)) for _ in range(500)]  # noqa: E731
    asked()
    before = sys.getallocatedblocks()
    asked()
    assert sys.getallocatedblocks() - before < 250
