"""Drivers that share while they run: real ones in processes of their own, over real bare repositories."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pygit2
import pytest
from exchange_kit import events, told, until
from execution_kit import assert_no_process
from exploit_kit import Scripted
from fault_kit import autoloop, better, played_by, refused
from loop_kit import make_sealed_arena, x
from story import assert_same_story

from autoloop_kernel import exchange
from autoloop_kernel.driver import Plan, detach, drive, send
from autoloop_kernel.memory.sharing import arena_id, origin_of
from autoloop_kernel.plan import arguments
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.session import open_session, run_mark

OFTEN = 0.005
"""Every how many minutes the drivers of these tests share."""

KEEP = {"policy": "bayes", "confirm": 0.9}

HANGING = """#!/bin/sh
# Stands for ssh: runs here what it is to run there. While the file `hang` is there it never ends, before or after that.
shift
at=$(cat "{0}/hang" 2>/dev/null)
case "$at$1" in before*{1}*) echo >"{0}/hung"; exec sleep 600;; esac
sh -c "$1"
case "$at$1" in after*{1}*) echo >"{0}/hung"; exec sleep 600;; esac
"""


@pytest.fixture
def hub(tmp_path):
    pygit2.init_repository(str(tmp_path / "hub.git"), bare=True)
    return tmp_path / "hub.git"


def made(tmp_path, name, **settings):
    (tmp_path / name).mkdir()
    return make_sealed_arena(tmp_path / name, **settings)


def start(path: Path, agent: str, hub: Path | str, *options: str) -> subprocess.Popen:
    """A driver in a process of its own, with an agent of `exchange_kit`."""
    command = [sys.executable, "-m", "autoloop_kernel", str(path), "--agent", f"exchange_kit:{agent}"]
    command += ["--share", str(hub), f"--share-every={OFTEN}", *options]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "EXCHANGE_ARENA": str(path)}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextlib.contextmanager
def started(*several: tuple):
    """Several drivers at once; whatever is left of them is ended."""
    processes = [start(*one) for one in several]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(*processes: subprocess.Popen) -> None:
    """Wait until these have ended as they should."""
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output


def ran(path: Path):
    with open_session(path, create=False) as session:
        return session.ledger.iterations()


def whose(path: Path) -> str:
    with open_session(path, create=False) as session:
        return origin_of(session.lineage)


def sound(*repositories: Path) -> None:
    for repository in repositories:
        subprocess.run(["git", f"--git-dir={repository}", "fsck", "--strict"], check=True, capture_output=True)


def test_two_drivers_share_what_failed_and_what_is_confirmed_while_they_run(tmp_path, hub):
    one, two = made(tmp_path, "one", keep=KEEP), made(tmp_path, "two", keep=KEEP)
    with started((one, "finder", hub, "--iterations=3"), (two, "follower", hub, "--iterations=4")) as both:
        ended(*both)
    origin = whose(one)
    duplicates = [event.data for event in events(two, "refused") if event.data["status"] == "duplicate"]
    assert duplicates[0]["reason"] == f"this code ran elsewhere, as iteration 2 of {origin[:8]} (by finder): crash"
    assert [str(it.verdict) for it in ran(one)] == ["keep", "crash", "keep"]
    assert "crash" not in [str(it.verdict) for it in ran(two)], "a failure that one found was tried by the other"
    taken = next(it for it in ran(two) if it.agent == "others")
    assert taken.title == f"what {origin[:8]} keeps as 3: {ran(one)[2].title}"
    assert (str(taken.verdict), taken.score) == ("keep", 1.0), "judged by the own rule, with own runs"
    assert_same_story(one)
    assert_same_story(two)
    assert_attributed(two, taken, origin)
    assert not [it for it in ran(one) if it.agent == "others"], "what is one's own is nobody else's"
    sound(hub)


def assert_attributed(path: Path, taken, origin: str) -> None:
    """Commit, command line and a ledger made anew say whose it was; a third, who pulls from both, is told so, too."""
    with open_session(path, create=False) as session:
        message = session.lineage._git[taken.commit].message
        assert f"\nOrigin: {origin}/3\n" in message
    status, said = autoloop("log", path, "--json")
    assert (status, json.loads(said)[taken.number - 1]["origin"]) == (0, f"{origin}/3")
    assert f"{origin}/3" in autoloop("show", path, taken.number)[1]
    (path.parent / "game_runs" / "ledger.sqlite").unlink()
    with open_session(path) as rebuilt:
        assert rebuilt.iteration(taken.number).proposal == taken.proposal
    fresh = made(path.parent.parent, "fresh", keep=KEEP)
    with played_by(better()):
        drive(fresh, [Scripted()], Plan(iterations=1, share=str(path.parent.parent / "hub.git")))
    with open_session(fresh) as session:
        (told_of, *_) = session.others(1)
        assert (told_of.origin, told_of.number) == (origin, 3), "who took it over is not who had it first"


def test_three_drivers_spare_each_other_what_failed(tmp_path, hub):
    paths = [made(tmp_path, name) for name in ("one", "two", "three")]
    agents = ("first", "second", "last")
    with started(*((path, agent, hub, "--iterations=3") for path, agent in zip(paths, agents, strict=True))) as all_:
        ended(*all_)
    for path in paths:
        assert [it.verdict.value for it in ran(path)][1] == "crash"
        reasons = [event.data["reason"] for event in events(path, "refused") if event.data["status"] == "duplicate"]
        others = {whose(other)[:8] for other in paths if other is not path}
        assert {reason.split(" of ")[1].split(" ")[0] for reason in reasons} == others, reasons
        assert len([it for it in ran(path) if it.verdict.value == "crash"]) == 1
        assert_same_story(path)
    sound(hub)


class Steps:
    """An agent that plays proposals, and calls functions on its way."""

    name = "steps"

    def __init__(self, *steps):
        self.steps = list(steps)

    def propose(self, context):
        while callable(self.steps[0]):
            self.steps.pop(0)(context)
        return Scripted(self.steps.pop(0)).propose(context)


def test_a_remote_that_goes_away_is_told_of_once_and_tried_again(tmp_path, hub):
    path = made(tmp_path, "one")
    agent = Steps(
        lambda context: hub.rename(tmp_path / "away.git"),
        lambda context: until(lambda: len(troubles(path)) == 1, "told of"),
        x(2.5),
        lambda context: (tmp_path / "away.git").rename(hub),
        lambda context: until(lambda: any("answers again" in e.data["text"] for e in events(path, "share")), "back"),
        x(2.0),
        lambda context: hub.rename(tmp_path / "gone.git"),
        lambda context: until(lambda: len(troubles(path)) == 2, "told of again"),
        x(1.5),
    )
    with played_by(better()):
        done = drive(path, [agent], Plan(iterations=4, ahead=0, share=str(hub), share_every=OFTEN / 10))
    assert (done.reason, done.failed) == ("4 iterations done", False)
    assert len(troubles(path)) == 2, "an outage is told of once, however often it was tried meanwhile"
    assert "does not appear to be a git repository" in troubles(path)[0]
    assert "git ls-remote failed" in " ".join(autoloop("status", path)[1].split())


def troubles(path):
    return [event.data["trouble"] for event in events(path, "share") if event.data.get("trouble")]


@pytest.fixture
def hanging(tmp_path, hub, monkeypatch):
    """The hub by an address whose server hangs once a test says so: `hanging(when, what)`."""

    def serve(what: str) -> str:
        script = tmp_path / "ssh.sh"
        script.write_text(HANGING.format(tmp_path, what))
        script.chmod(0o755)
        monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
        monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
        return f"ssh://me:hunter2@nowhere{hub}"

    yield serve
    (tmp_path / "hang").unlink(missing_ok=True)


def test_nobody_waits_long_for_a_remote_that_hangs_and_no_process_of_it_is_left(tmp_path, hanging, monkeypatch):
    path, remote = made(tmp_path, "one"), hanging("git-")
    monkeypatch.setattr(exchange, "FAREWELL_S", 0.2)
    agent = Steps(
        lambda context: (tmp_path / "hang").write_text("before"),
        lambda context: until((tmp_path / "hung").exists, "git waits for a server"),
        x(2.5),
        x(2.0),
    )
    with played_by(better()):
        done = drive(path, [agent], Plan(iterations=3, ahead=0, share=remote, share_every=OFTEN / 10))
    assert (done.reason, done.failed) == ("3 iterations done", False)
    assert "was ended before it was done" in troubles(path)[-1]
    assert_no_process(run_mark(path.parent / "game_runs"))
    assert len(assert_same_story(path)) == 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_driver_that_is_killed_while_it_pushes_leaves_all_sound(tmp_path, hub, hanging, when):
    path, remote = made(tmp_path, "one"), hanging("git-receive-pack")
    mark = run_mark(path.parent / "game_runs")
    (tmp_path / "hang").write_text(when)
    with started((path, "pusher", remote, "--iterations=3")) as (process,):
        until((tmp_path / "hung").exists, "it pushes")
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    sound(hub, path.parent / "game_runs" / "lineage.git")
    (tmp_path / "hang").unlink()
    with started((path, "pusher", remote, "--iterations=3")) as (process,):
        ended(process)
    assert any("an earlier driver left behind" in event.data["text"] for event in events(path, "recovered"))
    assert_no_process(mark)
    assert_same_story(path)
    sound(hub, path.parent / "game_runs" / "lineage.git")
    with open_session(path, create=False) as session:
        prefix = f"refs/autoloop/{arena_id('game', session.arena.rules.metric)}/{origin_of(session.lineage)}"
        there = pygit2.Repository(str(hub)).references
        for it in session.ledger.iterations():
            assert str(there[f"{prefix}/{it.number:04d}"].target) == it.commit


def test_no_secret_of_an_address_is_written_down(tmp_path, hanging):
    path, remote = made(tmp_path, "one"), hanging("nothing")
    with played_by(better()):
        drive(path, [Scripted(x(2.5))], Plan(iterations=2, ahead=0, share=remote))
    assert "hunter2" in remote
    for file in path.parent.rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes(), file
    assert "hunter2" not in autoloop("status", path)[1]
    (begun,) = events(path, "driver.start")
    assert begun.data["plan"]["share"] == remote.replace("me:hunter2@", "")
    assert begun.data["plan"]["share_every"] == 3.0


def test_a_driver_that_runs_behind_shares_as_it_was_told(tmp_path, hub):
    path = made(tmp_path, "one")
    detach(path, ["search"], Plan(iterations=2, share=str(hub), share_every=OFTEN))
    until(lambda: told(path, "driver.stop", failed=False), "it ends")
    assert events(path, "driver.start")[0].data["plan"]["share"] == str(hub)
    assert sum(event.data["pushed"] for event in events(path, "share")) == 2
    assert events(path, "driver.stop")[0].data["reason"] == "2 iterations done"


@pytest.mark.parametrize("remote", ["nowhere.git", "", "--upload-pack=touch x", "https://a:b@127.0.0.1:1/x.git"])
def test_what_is_no_repository_is_refused_before_anything_runs(tmp_path, remote):
    path = made(tmp_path, "one")
    for more in ([], ["--detach"]):
        said = refused("auto", path, f"--share={remote}", "--iterations=1", *more)
        assert said.startswith("autoloop: ")
        assert "git init --bare" in said
        assert "a:b" not in said
    assert events(path, "driver.start") == []


def test_a_plan_says_how_often_to_share():
    with pytest.raises(AutoloopError, match="--share-every 0 is no time"):
        Plan(share_every=0)
    assert {"--share=x.git", "--share-every=0.5"} <= set(arguments(["a"], Plan(share="x.git", share_every=0.5)))
    assert not any(argument.startswith("--share=") for argument in arguments(["a"], Plan()))


def test_a_stop_waits_no_longer_for_what_others_shared(tmp_path, hanging, monkeypatch):
    path, remote = made(tmp_path, "one"), hanging("git-")
    monkeypatch.setattr(exchange, "ANSWER_S", 0.2)
    monkeypatch.setattr(exchange, "LEAVE_S", 0.2)
    (tmp_path / "hang").write_text("before")
    agent = Steps(lambda context: send(path, "stop"), x(2.5))
    with played_by(better()):
        done = drive(path, [agent], Plan(ahead=0, share=remote))
    assert done.reason == "stopped", "a remote that hangs at the start is none that is refused"
    assert len(assert_same_story(path)) == 2
