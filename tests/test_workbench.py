"""The workbench from plain Python: what it runs, what it gives back, and one clear line for what cannot be done."""

import os
import sys
import time

import matplotlib.image
import pygit2
import pytest
from arenas import arena, write_quick_arena
from played import history as played_history
from played import make_arena, reopen_epoch
from screen_kit import until
from story import assert_same_story
from test_driver import slow_arena, start, wait_for

from autoloop_kernel import driver
from autoloop_kernel.records import AutoloopError, Proposal
from autoloop_kernel.session import open_session
from autoloop_kernel.workbench import Workbench


@pytest.fixture
def bench(tmp_path):
    """An arena with five iterations played into its memory; nothing was run."""
    path = make_arena(tmp_path)
    played_history(path)
    return Workbench(path)


class Halves:
    """An agent that is an object: it halves X."""

    name = "halves"

    def propose(self, context):
        x = float(context.units["e0"].split("=")[1].split("#")[0])
        return Proposal(f"X to {x / 2}", {"e0": context.units["e0"].replace(repr(x), repr(x / 2))}, "Less is more.")


def test_an_iteration_is_there_by_its_number_with_all_that_is_known(bench):
    it = bench[4]
    assert (it.number, it.base, it.verdict, it.state, it.score) == (4, 1, "keep", "provisional", 1.0)
    assert it.difference == -2.0
    assert it.facts == {"steps": 12}
    assert len(it.curve) == 5
    assert "X = 1.0" in it.sources["model"]
    assert repr(it) == "4 · X to 1.0: ○ keep, loss 1.000, −2.000 against 1"
    assert bench[-1].number == 5
    assert len(bench) == 5
    assert [one.number for one in bench] == [1, 2, 3, 4, 5]
    assert (bench.best.number, bench.champion.number) == (5, 5)


def test_history_is_a_frame_that_shows_itself_as_the_table(bench):
    frame = bench.history
    assert list(frame.index) == [1, 2, 3, 4, 5]
    assert frame.loc[4, "difference"] == -2.0
    assert "<table" in frame._repr_html_()
    assert "X far off" in frame._repr_html_()


def test_history_without_pandas_is_the_table(bench, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    shown = bench.history._repr_mimebundle_()
    assert "X far off" in shown["text/html"]
    assert "X far off" in repr(bench.history)


def test_plots_are_pictures(bench, tmp_path):
    for picture in (bench.plot(), bench.attempts()):
        shown = picture._repr_mimebundle_()
        assert shown["image/png"] == picture.png
        assert '<img class="al-plot"' in shown["text/html"]
        assert matplotlib.image.imread(picture.save(tmp_path / "p.png")).shape[1] > 600
    assert bench.plot()._repr_mimebundle_()["text/plain"].startswith("game: loss 3.000 → 0.500")


def test_a_comparison_holds_both_and_the_diff(bench):
    shown = bench.compare(2, 4)._repr_mimebundle_()
    assert "-X = 4.0" in shown["text/plain"]
    assert "+X = 1.0" in shown["text/plain"]


def test_a_fork_makes_any_iteration_the_champion_and_the_best_stays(bench):
    assert repr(bench.fork(2)) == "the next proposals edit iteration 2, X to 4.0, and are held against it"
    assert bench.champion.number == 2
    assert bench.best.number == 5


def test_an_export_and_an_apply(bench, tmp_path, monkeypatch):
    done = bench.export(tmp_path / "winner.ipynb")
    assert done.path.is_file()
    assert repr(done) == f"{tmp_path / 'winner.ipynb'}: iteration 5"
    monkeypatch.chdir(tmp_path)
    assert '<a href="winner.ipynb">winner.ipynb</a>: iteration 5' in bench.export("winner.ipynb").bundle()["text/html"]
    assert "iteration 5 is now in game.ipynb: model" in repr(bench.apply())
    assert repr(bench.apply()) == "game.ipynb holds iteration 5 already: nothing to change"
    assert "X = 0.5" in bench.path.read_text(encoding="utf-8")


def test_check_and_strategy(tmp_path):
    bench = Workbench(make_arena(tmp_path))
    assert bench.check().problems == []
    assert "no problem found" in repr(bench.check())
    bench.rewrite_strategy("# Be bold\n\nLarge steps.")
    assert bench.strategy == "# Be bold\n\nLarge steps."
    bench.path.write_text(bench.path.read_text(encoding="utf-8").replace('"score"', '"scores"'), encoding="utf-8")
    assert any("score" in problem for problem in bench.check().problems)


def test_a_new_arena_is_a_copy_and_an_old_one_is_opened(tmp_path):
    first = Workbench.new("function_min", tmp_path / "tour")
    first.rewrite_strategy("mine")
    assert Workbench.new("function_min", tmp_path / "tour").strategy == "mine"
    assert repr(first) == "Workbench('function_min.ipynb', agent=search)"


def test_the_plot_of_two_epochs_names_the_last(bench):
    reopen_epoch(bench.path)
    assert "0.001" in repr(bench.plot())
    with pytest.raises(AutoloopError, match="iteration 2 is of epoch 1, whose scores do not compare"):
        bench.fork(2)


# -- running


def test_a_step_runs_one_iteration_and_an_object_may_propose(tmp_path, capsys):
    bench = Workbench(write_quick_arena(tmp_path), [Halves(), "search"])
    first = bench.step()
    assert (first.number, first.verdict, first.agent) == (1, "keep", "baseline")
    second = bench.step()
    assert (second.agent, second.title) == ("halves", "X to 1.5")
    assert bench.step().agent == "search"  # each has a turn first, in their order
    assert "X to 1.5" in capsys.readouterr().out
    with pytest.raises(AutoloopError, match=r"quick\.ipynb holds no edit of yours since iteration 1: change"):
        bench.step(agent="human")
    text = bench.path.read_text(encoding="utf-8")
    bench.path.write_text(text.replace("Y = -2.0", "Y = -1.0"), encoding="utf-8")
    mine = bench.step(agent="human")
    assert (mine.number, mine.agent, mine.title) == (4, "human", "e0 by hand (+1 −1)")
    assert len(assert_same_story(bench.path)) == 4


def test_a_step_shows_a_baseline_that_crashed_and_gives_it_back(tmp_path):
    import nbformat

    path = tmp_path / "broken.ipynb"
    path.write_text(nbformat.writes(arena("raise ValueError('no such shape')", "submit(lambda x: x)")), "utf-8")
    it = Workbench(path).step()
    assert (it.verdict, it.score) == ("crash", None)
    assert "no such shape" in it.reason


def test_a_proposal_waits_and_what_a_person_decides_is_done(tmp_path):
    bench = Workbench(write_quick_arena(tmp_path), Halves())
    waiting = bench.step(review=True)
    assert waiting.title == "X to 1.5"
    assert (waiting.status, waiting.agent) == ("waiting", "halves")
    assert [one.id for one in bench.pending] == [waiting.id]
    again = Workbench(bench.path).step(review=True)
    assert again.id == waiting.id, "another notebook was not shown the proposal that waits"
    first = again.accept().wait(60)
    assert (first.number, first.verdict, first.agent) == (2, "keep", "halves")
    assert waiting.status == "ran"
    skipped = bench.step(review=True).skip("too  small")
    assert skipped.wait(60) is None
    assert repr(skipped).endswith("skipped: too small")
    mine = bench.step(review=True)
    ended = mine.take_over({"e0": "X = 0.25  # -5..5"}).wait(60)
    assert (ended.agent, ended.sources["e0"]) == ("human, after halves", "X = 0.25  # -5..5")
    assert mine.agent == "human, after halves"
    assert len(assert_same_story(bench.path)) == 3


def test_a_take_over_that_may_not_run_decides_nothing(tmp_path):
    bench = Workbench(write_quick_arena(tmp_path), Halves())
    waiting = bench.step(review=True)
    with pytest.raises(AutoloopError, match="never closed"):
        waiting.take_over({"e0": "X = ("})
    assert waiting.status == "waiting"
    with pytest.raises(AutoloopError, match=r"no verdict within 0\.1 s: it waits for review"):
        waiting.wait(0.1)


def test_an_agent_that_proposes_nothing_is_one_line(tmp_path):
    bench = Workbench(write_quick_arena(tmp_path), "command:false")
    waiting = bench.step(review=True)
    with pytest.raises(AutoloopError, match="command"):
        waiting.wait()
    assert waiting.status == "failed"
    with pytest.raises(AutoloopError, match="no proposal passed"):
        bench.step()


def test_an_agent_that_is_asked_goes_on_when_its_notebook_is_gone(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text("import time, pathlib\ntime.sleep(6)\npathlib.Path('e0.py').write_text('X = 0.125\\n')\n")
    bench = Workbench(write_quick_arena(tmp_path), f"command:{sys.executable} {script}")
    first = bench.step(review=True)
    wait_for(bench.path, "propose.start")
    with open_session(bench.path, create=False) as session:
        assert session.ledger.holder().pid != os.getpid()
    second = Workbench(bench.path, f"command:{sys.executable} {script}").step(review=True)
    assert second.id == first.id, "the agent was asked twice"
    assert second.sources == {"e0": "X = 0.125\n"}


def test_auto_outlives_this_process_and_is_seen_by_every_face(tmp_path):
    bench = Workbench(slow_arena(tmp_path))
    control = bench.auto(iterations=3)
    holder = driver.busy(bench.path)
    assert holder is not None
    assert holder.pid != os.getpid()
    with pytest.raises(driver.Busy, match=r"slow\.ipynb is being driven by .*: follow it with wb\.attach\(\), or end"):
        bench.step()
    with pytest.raises(driver.Busy):
        bench.step(review=True)
    other = Workbench(bench.path).auto(iterations=99)
    assert driver.busy(bench.path).pid == holder.pid, "a second driver was started"
    assert bench.pause() == "pauses after this iteration"
    assert bench.resume() == "goes on"
    assert bench.stop() == "stops after this iteration"
    control.wait(60)
    other.wait(60)
    assert driver.busy(bench.path) is None
    assert 1 <= len(assert_same_story(bench.path)) <= 2
    bench.attach().wait(10)


def test_auto_with_workers_runs_several_at_once_and_shows_them(tmp_path):
    bench = Workbench(slow_arena(tmp_path))
    with pytest.raises(AutoloopError, match="--workers '0' names no workers"):
        bench.auto(workers=0)
    control = bench.auto(iterations=5, workers=2)
    until(lambda: repr(control).count("◐ w") == 2, "two run at once")
    bench.stop()
    control.wait(60)
    with open_session(bench.path, create=False) as session:
        started = session.ledger.last_event("driver.start")
        assert started.data["plan"]["workers"] == "2"
        assert set(session.ledger.worked(started.seq)) == {"w1", "w2"}
    assert_same_story(bench.path)


def test_auto_shares_over_a_folder_and_gives_each_agent_a_line(tmp_path, monkeypatch):
    """A folder is meant as it is seen from here; what is none is refused in the words of the command line."""
    monkeypatch.chdir(tmp_path)
    bench = Workbench(write_quick_arena(tmp_path), ["search", "search@refine"])
    for share, every, line in (
        ("none.git", 3, r"--share none\.git: .* — give a git repository, such as one made by: git init --bare FOLDER"),
        ("ext::sh -c true", 3, "--share ext::sh -c true: .* is no remote"),
        ("hub.git", 0, r"--share-every 0 is no time — give minutes above 0"),
    ):
        with pytest.raises(AutoloopError, match=line) as refused:
            bench.auto(share=share, share_every=every)
        assert "\n" not in str(refused.value)
    assert not bench._has_run() or driver.busy(bench.path) is None
    pygit2.init_repository("hub.git", bare=True)
    control = bench.auto(iterations=3, share="hub.git", share_every=0.005, islands=True)
    control.wait(120)
    with open_session(bench.path, create=False) as session:
        plan = session.ledger.last_event("driver.start").data["plan"]
        assert (plan["share"], plan["islands"]) == (str((tmp_path / "hub.git").resolve()), True)
        assert set(session.ledger.islands(1)) <= {"search", "search@refine"}
        assert session.ledger.islands(1)
    there = list(pygit2.Repository("hub.git").references)
    assert len([name for name in there if name.startswith("refs/autoloop/")]) >= 3
    assert "shared over " in repr(control)
    assert "island search" in repr(control)


def test_what_is_accepted_while_auto_runs_is_run_by_that_driver(tmp_path):
    bench = Workbench(slow_arena(tmp_path))
    waiting = bench.step(review=True)
    waiting.id  # noqa: B018  # waits for the agent
    bench.auto(iterations=2)
    assert waiting.accept().wait(90).number in (2, 3)
    bench.wait()
    assert len(assert_same_story(bench.path)) == 3
    with open_session(bench.path, create=False) as session:
        plans = [event.data["plan"] for event in session.ledger.events(kinds=["driver.start"])]
    assert len(plans) == 2, "another driver was started beside the one that runs"


def test_a_driver_that_was_killed_leaves_what_was_accepted_to_the_next(tmp_path):
    path = slow_arena(tmp_path)
    bench = Workbench(path)
    waiting = bench.step(review=True)
    waiting.accept()
    wait_for(path, "iteration.start", base=1)
    with open_session(path, create=False) as session:
        pid = session.ledger.holder().pid
    os.kill(pid, 9)
    time.sleep(0.3)
    with pytest.raises(AutoloopError, match=r"the driver was stopped before .* had a verdict: wb\.step\(\) goes on"):
        waiting.wait(60)
    assert bench.step().number == 2
    assert waiting.wait(5).number == 2
    assert_same_story(path)


# -- bad use


WRONG = [
    (lambda b: b[99], r"there is no iteration 99 of game\.ipynb: there are 1 to 5"),
    (lambda b: b[0], r"there is no iteration 0"),
    (lambda b: b[-9], r"there is no iteration"),
    (lambda b: b["x"], r"an iteration has a whole number, not 'x'"),
    (lambda b: b[True], r"an iteration has a whole number, not True"),
    (lambda b: b.compare(1, 99), r"there is no iteration 99"),
    (lambda b: b.fork(99), r"there is no iteration 99"),
    (lambda b: b.export("winner.txt"), r"winner\.txt must end in \.ipynb"),
    (lambda b: b.auto(iterations=0), r"0 runs nothing"),
    (lambda b: b.pause(), r"nothing is running on game\.ipynb"),
    (lambda b: Workbench("nowhere.ipynb"), r"nowhere\.ipynb"),
    (lambda b: Workbench(b.path, "nobody"), r"there is no agent 'nobody'"),
    (lambda b: Workbench(b.path, []), r"no agent was named"),
    (lambda b: Workbench(b.path, object()), r"is no agent: it has no propose"),
    (lambda b: Workbench(b.path, "test_workbench:keyless"), r"no key: set MY_KEY"),
    (lambda b: Workbench(b.path, Halves()).auto(), r"the object halves does not: name it as module:attr"),
    (lambda b: Workbench.new("no_such", b.path.parent), r"there is no template 'no_such'"),
    (lambda b: Workbench.new("tour", b.path.parent), r"the tour is a notebook to read, no arena"),
]


def keyless():
    raise AutoloopError("no key: set MY_KEY, or use --agent search")


@pytest.mark.parametrize(("use", "why"), WRONG, ids=[why for _, why in WRONG])
def test_bad_use_gets_one_clear_line(bench, use, why):
    with pytest.raises(AutoloopError, match=why) as raised:
        use(bench)
    assert "\n" not in str(raised.value)
    assert raised.value._render_traceback_() == [f"AutoloopError: {raised.value}"]


def test_an_arena_without_iterations_says_what_to_run(tmp_path):
    bench = Workbench(make_arena(tmp_path))
    assert len(bench) == 0
    assert bench.pending == []
    for use in (lambda: bench[1], lambda: bench.best, lambda: bench.history, bench.plot, bench.export):
        with pytest.raises(AutoloopError, match=r"game\.ipynb has no iterations yet: run wb\.step\(\)"):
            use()


def test_exporting_when_nothing_was_kept_is_one_line(tmp_path):
    from played import crashed, play

    path = make_arena(tmp_path)
    with open_session(path) as session:
        play(session, 3.0, crashed(), None, "baseline")
    with pytest.raises(AutoloopError, match=r"nothing was kept yet on game\.ipynb"):
        Workbench(path).export(tmp_path / "winner.ipynb")


def test_a_driver_of_another_terminal_is_named(tmp_path):
    path = slow_arena(tmp_path)
    process = start(path, "--iterations=1")
    try:
        wait_for(path, "driver.start")
        with pytest.raises(driver.Busy, match="being driven by"):
            Workbench(path).step()
    finally:
        Workbench(path).stop(now=True)
        process.communicate(timeout=30)
