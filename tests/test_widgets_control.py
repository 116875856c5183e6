"""The control of a running driver: what it shows while a real driver runs, how it steers, and what stays of it."""

import json

import nbclient
import pytest
from arenas import write_quick_arena
from nbformat.v4 import new_code_cell, new_notebook
from played import make_arena, play, scored
from screen_kit import Screen, until
from test_driver import slow_arena
from test_views_driving import start, stop

from autoloop_kernel import driver
from autoloop_kernel.driver import Plan, detach, drive
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.session import open_session
from autoloop_kernel.views.html.live import DRIVER
from autoloop_kernel.widgets.control import Control


@pytest.fixture
def screen(monkeypatch):
    return Screen(monkeypatch)


@pytest.fixture
def running(tmp_path):
    """An arena whose iterations take seconds, with a driver of its own; ended when the test ends."""
    path = slow_arena(tmp_path)
    detach(path, ["search"], Plan(iterations=50))
    yield path
    if driver.busy(path) is not None:
        driver.send(path, "stop-now")
        Control(path).wait()


def shown(control):
    control._ipython_display_()
    return control


def buttons(screen):
    return {one.description: one for one in screen.widgets[-1].children[0].children}


def test_it_shows_a_running_driver_steers_it_and_keeps_the_record(running, screen):
    control = shown(Control(running))
    assert "slow ● running · 0 of 50" in screen.text()
    until(lambda: "1 · running" in screen.text(), "the run under way")
    assert "of 10 s" in screen.text()
    assert not buttons(screen)["Pause"].disabled
    buttons(screen)["Pause"].click()
    until(lambda: "Pauses after this iteration." in screen.text(), "the word of it")
    until(lambda: "‖ paused · 1 of 50" in screen.text(), "the pause")
    until(lambda: "Paused: resume it here" in screen.text(), "what to do now")
    until(lambda: "progress of slow" in screen.now()[2]["text/html"], "the progress after the first iteration")
    assert buttons(screen)["Pause"].disabled
    assert "goes on" in control.resume()
    until(lambda: "2 · " in screen.text(), "the next one")
    assert "stops after" in control.stop()
    assert control.wait(60)
    assert "■ ended · 2 of 50" in screen.text()
    assert "Stopped." in screen.text()
    assert all(one.disabled for one in buttons(screen).values())
    state = screen.now()[0]
    assert state[DRIVER]["ended"] == "stopped"
    assert json.dumps(state[DRIVER], allow_nan=False)
    assert screen.now()[-1] == {"text/html": "", "text/plain": ""}
    assert not control._follower.is_alive()


def test_several_controls_follow_one_driver_and_each_may_end_it(running, screen):
    one, two = shown(Control(running)), Control(running)
    screen.execution_count, screen.cell_id = 2, "cell-b"
    shown(two)
    assert two.stop(now=True).startswith("stops at once")
    assert one.wait(60)
    assert two.wait(60)
    assert screen.text().count("■ ended · 0 of 50") == 2


def test_waiting_gives_up_in_time_and_leaves_the_driver_alone(running):
    assert not Control(running).wait(0.1)
    assert driver.busy(running) is not None


def test_a_cell_that_is_run_again_replaces_its_own_control(running, screen):
    first = shown(Control(running))
    screen.execution_count = 2
    second = shown(Control(running))
    assert not first._follower.is_alive()
    assert second._follower.is_alive()
    screen.execution_count, screen.cell_id = 3, "cell-b"
    third = shown(Control(running))
    assert second._follower.is_alive()
    for each in (second, third):
        each.close()


def test_in_one_cell_it_shows_itself_once(tmp_path, screen):
    path = write_quick_arena(tmp_path)
    drive(path, ["search"], Plan(iterations=1))
    control = shown(Control(path))
    places = len(screen.places)
    shown(control)
    assert len(screen.places) == places
    screen.execution_count = 2
    shown(control)
    assert len(screen.places) == 2 * places


def test_of_a_driver_that_has_ended_it_shows_the_record_and_follows_nothing(tmp_path, screen):
    path = write_quick_arena(tmp_path)
    drive(path, ["search"], Plan(iterations=1))
    control = shown(Control(path))
    assert "■ ended · 1 of 1" in screen.text()
    assert "1 iteration done." in screen.text()
    assert control._follower is None
    assert control.wait(0)
    with pytest.raises(AutoloopError, match="nothing is running"):
        control.pause()


def test_a_driver_that_was_killed_is_told_from_one_that_runs(tmp_path, screen):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        token, _ = start(session.ledger)
        shown(Control(path))
        assert "● running · 0 done" in screen.text()
        session.ledger.release(token)
        until(lambda: "Ended without a word (killed?)" in screen.text(), "its end is seen")


def test_a_later_driver_is_another_controls(tmp_path, screen):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        token, _ = start(session.ledger)
        first = shown(Control(path))
        stop(session.ledger, token, "stopped")
        start(session.ledger, iterations=7)
        assert first.wait(60)
        assert "■ ended · 0 done" in screen.text()
        screen.execution_count = 2
        second = shown(Control(path))
        assert "● running · 0 of 7" in screen.text()
        second.close()


def test_where_nothing_was_ever_started_it_says_how_to(tmp_path):
    path = make_arena(tmp_path)
    with pytest.raises(AutoloopError, match="no iterations yet"):
        Control(path)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
    with pytest.raises(AutoloopError, match=r"nothing was ever started on game\.ipynb"):
        Control(path)


def test_without_a_notebook_it_is_a_few_lines(tmp_path, capsys):
    path = write_quick_arena(tmp_path)
    drive(path, ["search"], Plan(iterations=1))
    control = Control(path)
    control._ipython_display_()
    out = capsys.readouterr().out
    assert out == f"{control!r}\n"
    assert out.startswith("quick: ended, 1 of 1 done: 1 iteration done\nbest loss 6.250, iteration 1\n")


def test_in_a_real_kernel_it_is_filled_again_in_place(tmp_path):
    write_quick_arena(tmp_path)
    cells = [
        "from pathlib import Path\n"
        "from autoloop_kernel.driver import Plan, detach\n"
        "from autoloop_kernel.widgets.control import Control\n"
        "path = Path('quick.ipynb')\n"
        "pid = detach(path, ['search'], Plan(iterations=2))\n"
        "control = Control(path)\n"
        "control",
        "control.wait()",
    ]
    book = new_notebook(cells=[new_code_cell(source) for source in cells])
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    state, steering, plot, now = (output["data"] for output in book.cells[0].outputs)
    assert state[DRIVER]["ended"] == "2 iterations done"
    assert state["text/plain"].startswith("quick: ended, 2 of 2 done")
    assert steering == {"text/html": "", "text/plain": ""}, "buttons of a driver that has ended stayed"
    assert "progress of quick" in plot["text/html"]
    assert now == {"text/html": "", "text/plain": ""}
    assert book.cells[1].outputs[0]["data"]["text/plain"] == "True"
