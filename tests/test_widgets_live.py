"""A step as it happens: what it shows while a real driver runs, what stays when it has ended or failed."""

import base64
import re
import threading

import nbclient
import nbformat
import pytest
from arenas import arena, write_quick_arena
from nbformat.v4 import new_code_cell, new_notebook
from played import make_arena, play, scored
from screen_kit import Screen, bare, until

from autoloop_kernel.agents.base import NoProposal
from autoloop_kernel.driver import Busy, Plan, drive
from autoloop_kernel.records import AutoloopError, Proposal
from autoloop_kernel.session import open_session
from autoloop_kernel.widgets.live import LiveStep

CURVE = """\
X = 3.0  # -5..5
import time
for k in range(20):
    report(k, loss=abs(X) + 3.0 / (k + 1))
    time.sleep(0.1)
"""
RECORD = {"text/html": "<p>the record</p>", "text/plain": "the record"}


def curvy_arena(folder, **settings):
    nb = arena(CURVE, "submit(lambda x: 2.0 * x + X)", **{"budget_s": 5, **settings})
    path = folder / "curvy.ipynb"
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    return path


class Once:
    """An agent that says a word, is refused once, and then proposes X = 1."""

    name = "once"

    def __init__(self, seen=lambda: True):
        self._seen = seen

    def propose(self, context):
        until(self._seen, "it is shown that the agent thinks")
        context.emit("looking at <b>X</b>")
        if context.refusal is None:
            raise NoProposal("no idea yet")
        return Proposal("X to 1", {"e0": CURVE.replace("3.0  #", "1.0  #")}, "Less is more.")


@pytest.fixture
def screen(monkeypatch):
    return Screen(monkeypatch)


def step(path, agent="search"):
    with LiveStep(path) as live:
        ended = drive(path, [agent], Plan(iterations=1))
        live.end(RECORD)
    return ended


def test_a_baseline_then_an_iteration_with_its_diff_its_curve_and_the_champions(tmp_path, screen):
    path = curvy_arena(tmp_path)
    step(path)
    past = screen.past()
    for part in ("1 · baseline", "run once unchanged", "running", "of 5 s", "starting"):
        assert part in past, past
    assert screen.text() == "the record"
    screen.places.clear()
    step(path, Once(lambda: "once is thinking" in screen.past()))
    what, how = list(screen.places.values())
    seen = bare(what[-2]["text/html"])
    for part in ("2 · X to 1", "by once · on 1 (champion)", "Less is more.", "X = 1.0", "X = 3.0"):
        assert part in seen, seen
    assert "best loss 12.00, iteration 1" in bare(how[0]["text/html"])
    pictures = {base64.b64decode(p) for each in how for p in re.findall(r"base64,([^\"]+)", each["text/html"])}
    assert pictures
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert what[-1] == RECORD
    heard = "once: looking at &lt;b&gt;X&lt;/b&gt;"
    assert bare(how[-1]["text/html"]) == f"{heard} – no proposal: once: no idea yet {heard}"


def test_all_but_the_first_filling_comes_from_one_other_thread_and_it_ends(tmp_path, screen):
    before = set(threading.enumerate())
    step(write_quick_arena(tmp_path))
    assert not [one for one in set(threading.enumerate()) - before if one.name == "autoloop-follow"]


def test_where_the_driver_cannot_start_nothing_stays_and_the_error_passes(tmp_path, screen):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
    with pytest.raises(AutoloopError, match="no agent"):
        step(path, "nobody")
    assert screen.text() == ""
    with pytest.raises(Busy), LiveStep(path):
        raise Busy("another drives it")
    assert screen.text() == ""


def test_what_another_driver_does_is_not_shown(tmp_path, screen):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        with LiveStep(path) as live:
            session.ledger.emit("driver.start", pid=-1, plan={})
            play(session, 1.0, scored(1.0), 1, "somebody else's")
            live.end()
    assert "somebody" not in screen.past()
    assert screen.text() == ""


def test_a_step_that_is_stopped_says_that_it_will_run_again(tmp_path, screen):
    path = curvy_arena(tmp_path)

    def stop():
        until(lambda: "running" in screen.past(), "it runs")
        with open_session(path, create=False) as session:
            session.ledger.ask("stop-now")

    def stopped():
        with LiveStep(path):
            assert drive(path, ["search"], Plan(iterations=1)).reason == "stopped"
            raise AutoloopError("stopped")

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(AutoloopError, match="stopped"):
        stopped()
    thread.join()
    assert "1 · baseline" in screen.text()
    assert "stopped before it ended: the next step runs it again" in screen.text()
    screen.places.clear()
    step(path)
    assert "1 · baseline" in screen.past(), "it is taken up under its title"


def test_without_a_notebook_it_prints_what_the_command_line_prints(tmp_path, capsys):
    path = curvy_arena(tmp_path)
    step(path)
    step(path, Once())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "iteration 1 · baseline"
    assert lines[1].startswith("○ keep 12.00")
    assert lines[2] == "the record"
    assert lines[3:7] == [
        "once: looking at <b>X</b>",
        "– no proposal: once: no idea yet",
        "once: looking at <b>X</b>",
        "iteration 2 · X to 1",
    ]
    assert lines[-1] == "the record"


def test_in_a_real_kernel_the_record_takes_the_place(tmp_path):
    curvy_arena(tmp_path)
    cells = [
        "from pathlib import Path\n"
        "from autoloop_kernel.driver import Plan, drive\n"
        "from autoloop_kernel.widgets.live import LiveStep\n"
        "path = Path('curvy.ipynb')\n"
        "with LiveStep(path) as live:\n"
        "    drive(path, ['search'], Plan(iterations=1))\n",
        f"with LiveStep(path) as live:\n    drive(path, ['search'], Plan(iterations=1))\n    live.end({RECORD!r})\n",
    ]
    book = new_notebook(cells=[new_code_cell(source) for source in cells])
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    live, ended = ([output["data"] for output in cell.outputs] for cell in book.cells)
    assert [data["text/plain"] for data in live] == ["1 · baseline", "recorded: in ledger, git and notebook"]
    assert "base64," in live[1]["text/html"]
    assert ended == [RECORD, {"text/html": "", "text/plain": ""}]
