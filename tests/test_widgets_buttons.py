"""The buttons of a driver: what each sends, and which may be pressed when."""

import pytest

from autoloop_kernel.records import AutoloopError
from autoloop_kernel.widgets.buttons import Steering


@pytest.mark.parametrize(
    ("state", "enabled"),
    [
        ("running", ["Pause", "Stop after this one", "Stop now"]),
        ("paused", ["Resume", "Stop after this one", "Stop now"]),
        ("stopping", ["Stop now"]),
        ("ended", []),
    ],
)
def test_only_what_means_something_may_be_pressed(state, enabled):
    steering = Steering(str)
    steering.fit(state)
    assert [one.description for one in steering.children[0].children if not one.disabled] == enabled


def test_while_several_run_the_buttons_speak_of_them_all():
    steering = Steering(str)
    steering.fit("running", 3)
    pause, _, stop, _ = steering.children[0].children
    assert (pause.tooltip, stop.description) == ("Pause after these iterations", "Stop after these")
    steering.fit("running", 1)
    assert (pause.tooltip, stop.description) == ("Pause after this iteration", "Stop after this one")


def test_each_sends_its_verb_and_shows_the_reply_until_the_state_changes():
    sent = []
    steering = Steering(lambda verb: sent.append(verb) or f"reply to {verb}")
    steering.fit("running")
    for button in steering.children[0].children:
        button.click()
    assert sent == ["pause", "resume", "stop", "stop-now"]
    assert "reply to stop-now" in steering.children[1].value
    steering.fit("running")
    assert "reply" in steering.children[1].value
    steering.fit("stopping")
    assert steering.children[1].value == ""


def test_a_driver_that_does_not_answer_is_one_line():
    def silent(verb):
        raise AutoloopError("the driver did not answer")

    steering = Steering(silent)
    steering.children[0].children[0].click()
    assert "× the driver did not answer" in steering.children[1].value


def test_in_a_saved_notebook_they_are_a_sentence():
    bundle = Steering(str)._repr_mimebundle_()
    assert bundle["text/plain"] == "controls of a driver: they live while this notebook's kernel runs"
