"""The controls of a waiting proposal: they decide in the ledger, and say so when somebody else did."""

import html
import threading

import pytest
from arena_builder import named
from loop_kit import Machine, change, make_sealed_arena, scored, x
from loop_kit import play as iterate
from screen_kit import bare, until

from autoloop_kernel import reviewing
from autoloop_kernel.loop import Loop
from autoloop_kernel.records import Proposal
from autoloop_kernel.session import open_session
from autoloop_kernel.widgets.review import ReviewControls

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def path(tmp_path):
    """An arena with a baseline, and a proposal `p1` that waits."""
    made = make_sealed_arena(tmp_path)
    with open_session(made) as session:
        iterate(session, (None, scored(3.0)))
        propose(session, "p1", 2.0)
    return made


@pytest.fixture
def controls(path):
    made = Controls(path)
    yield made
    made.widget.close()


def propose(session, name, value):
    session.ledger.propose(Proposal(f"X to {value}", x(value), "It may help.", "plays", 1, name), 1, review=True)


def row(path, name="p1"):
    with open_session(path, create=False) as session:
        return reviewing.row(session, name)


class Controls:
    """The controls as a person meets them: by the labels of what is to be seen."""

    def __init__(self, path, name="p1"):
        self.changes = []
        self.widget = ReviewControls(path, name, self.changes.append)

    def seen(self, kind):
        def walk(widget):
            if widget.layout is not None and widget.layout.display == "none":
                return
            yield widget
            for child in getattr(widget, "children", ()):
                yield from walk(child)

        return [one for one in walk(self.widget) if type(one).__name__ == kind]

    def buttons(self):
        return {one.description: one for one in self.seen("Button")}

    def press(self, label):
        self.buttons()[label].click()

    @property
    def said(self):
        return html.unescape(bare(self.widget.children[-1].value))


def test_accept_lets_it_run_next(path, controls):
    assert list(controls.buttons()) == ["Accept and run", "Take over…", "Skip with reason…"]
    assert all(one.tooltip and not one.disabled for one in controls.buttons().values())
    controls.press("Accept and run")
    assert row(path).status == "accepted"
    assert controls.changes == ["p1"]
    assert controls.said == "Accepted: it runs next."
    assert all(one.disabled for one in controls.buttons().values())


def test_skip_asks_for_the_reason_and_back_keeps_it(path, controls):
    controls.press("Skip with reason…")
    assert list(controls.buttons()) == ["Skip", "Back"]
    controls.seen("Text")[0].value = "too\nwide"
    controls.press("Back")
    assert list(controls.buttons()) == ["Accept and run", "Take over…", "Skip with reason…"]
    controls.press("Skip with reason…")
    assert controls.seen("Text")[0].value
    controls.press("Skip")
    assert (row(path).status, row(path).reason) == ("skipped", "too wide")
    assert controls.said == "Skipped: too wide"
    assert controls.changes == ["p1"]


def test_take_over_runs_the_persons_version(path, controls):
    controls.press("Take over…")
    (area,) = controls.seen("Textarea")
    assert area.value == x(2.0)["model"]
    area.value = x(1.5)["model"]
    controls.press("Run my version")
    assert controls.said == "Taken over: your version runs next."
    (mine,) = controls.changes
    assert mine != "p1"
    taken = row(path, mine)
    assert (taken.status, taken.proposal.agent, taken.proposal.units) == ("accepted", "human, after plays", x(1.5))


def test_an_unchanged_version_accepts_it_as_it_is(path, controls):
    controls.press("Take over…")
    controls.press("Run my version")
    assert row(path).status == "accepted"
    assert controls.changes == ["p1"]


def test_what_does_not_parse_is_one_red_line_and_nothing_is_lost(path, controls):
    controls.press("Take over…")
    (area,) = controls.seen("Textarea")
    area.value = "def broken(:"
    controls.press("Run my version")
    assert controls.said.startswith("× model:")
    assert "does not parse" in controls.said
    assert controls.seen("Textarea")[0].value == "def broken(:"
    assert row(path).status == "waiting"
    assert controls.changes == []
    area.value = x(1.0)["model"]
    controls.press("Run my version")
    assert row(path).status == "skipped"
    assert len(controls.changes) == 1


def test_a_decision_elsewhere_shows_and_what_was_typed_stays(path, controls):
    controls.press("Take over…")
    controls.seen("Textarea")[0].value = "mine"
    with open_session(path, create=False) as session:
        reviewing.skip(session, "p1", f"no: {HOSTILE}")
    until(lambda: controls.changes == ["p1"], "the decision is seen")
    assert controls.said == f"Skipped: no: {HOSTILE}"
    assert HOSTILE not in controls.widget.children[-1].value, "it is shown, not run"
    assert controls.buttons()["Run my version"].disabled
    assert controls.seen("Textarea")[0].value == "mine"
    until(lambda: not controls.widget._follower.is_alive(), "nothing is left to follow")


def test_what_was_accepted_says_when_it_begins(path, controls):
    controls.press("Accept and run")
    with open_session(path) as session:
        Loop(session, Machine(scored(2.0))).iterate_queued()
    until(lambda: controls.said == "It has begun, as iteration 2.", "the run is seen")
    assert controls.changes == ["p1", "p1"]


def test_a_click_after_a_decision_elsewhere_is_a_line_not_an_error(path, monkeypatch):
    monkeypatch.setattr(ReviewControls, "_look", lambda *_: None)  # the click comes before the news
    controls = Controls(path)
    with open_session(path, create=False) as session:
        reviewing.skip(session, "p1", "no")
    controls.press("Accept and run")
    assert controls.said == "× 'X to 2.0' no longer waits for review: it was skipped"
    assert controls.changes == []
    controls.widget.close()


def test_callbacks_may_come_from_any_thread(path, controls):
    thread = threading.Thread(target=lambda: controls.press("Accept and run"))
    thread.start()
    thread.join()
    assert row(path).status == "accepted"


def test_one_that_was_decided_before_says_so_from_the_start(path):
    with open_session(path, create=False) as session:
        reviewing.skip(session, "p1", "no")
    controls = Controls(path)
    assert controls.said == "Skipped: no"
    assert all(one.disabled for one in controls.buttons().values())
    assert not controls.widget._follower.is_alive()


def test_units_that_it_leaves_alone_wait_behind_a_fold(tmp_path):
    path = make_sealed_arena(tmp_path)

    def second(notebook):
        cell = dict(named(notebook, "model"), id="more", source="Y = 1.0", metadata={"tags": ["editable"]})
        notebook["cells"].insert(notebook["cells"].index(named(notebook, "model")), cell)

    change(path, second)
    with open_session(path) as session:
        iterate(session, (None, scored(3.0)))
        propose(session, "p1", 2.0)
    controls = Controls(path)
    controls.press("Take over…")
    (fold,) = controls.seen("Accordion")
    assert (fold.titles, fold.selected_index) == (("more",), None)
    fold.children[0].value = "Y = 2.0"
    controls.press("Run my version")
    (mine,) = controls.changes
    assert row(path, mine).proposal.units == {**x(2.0), "more": "Y = 2.0"}
    controls.widget.close()


def test_in_a_saved_notebook_they_are_a_sentence(controls):
    shown = controls.widget._repr_mimebundle_()
    assert shown["text/plain"] == "controls of a proposal: they live while this notebook's kernel runs"
