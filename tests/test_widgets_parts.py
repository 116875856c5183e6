"""Buttons that say what came of a click, in one line, whatever was in it."""

import errno
import threading

from autoloop_kernel.records import AutoloopError
from autoloop_kernel.widgets import parts


def test_an_error_is_one_escaped_line_and_the_next_click_clears_it():
    line = parts.Line()
    answers = [AutoloopError("<b>no</b>\nmend it"), None]

    def act():
        answer = answers.pop(0)
        if answer:
            raise answer

    button = parts.button("Do", "does it", act, line)
    button.click()
    assert "× &lt;b&gt;no&lt;/b&gt; mend it" in line.value
    assert 'role="alert"' in line.value
    button.click()
    assert line.value == ""


def test_what_the_disk_refuses_is_said_too_and_not_only_in_a_log():
    line = parts.Line()

    def act():
        raise OSError(errno.ENOSPC, "No space left on device", "/work/game_runs/ledger.sqlite")

    parts.button("Skip", "skips it", act, line).click()
    assert "× /work/game_runs/ledger.sqlite cannot be written (No space left on device)" in line.value


def test_a_click_while_it_is_at_work_counts_for_nothing():
    line, inside, go, done = parts.Line(), threading.Event(), threading.Event(), []

    def act():
        inside.set()
        assert go.wait(60)
        done.append(1)

    button = parts.button("Do", "does it", act, line)
    thread = threading.Thread(target=button.click)
    thread.start()
    assert inside.wait(60)
    button.click()
    go.set()
    thread.join()
    assert done == [1]
    button.click()
    assert done == [1, 1]


def test_every_button_has_a_label_and_a_tooltip_and_one_accent_at_most():
    line = parts.Line()
    plain, main = parts.button("Back", "go back", bool, line), parts.button("Go", "go on", bool, line, primary=True)
    assert (plain.description, plain.tooltip, plain.button_style) == ("Back", "go back", "")
    assert main.button_style == "primary"


def test_hiding_keeps_what_was_typed():
    area = parts.editor("x = 1\n" * 100, "model")
    assert area.rows == parts.LINES[1]
    area.value = "mine"
    parts.shown(area, False)
    assert area.layout.display == "none"
    parts.shown(area, True)
    assert (area.layout.display, area.value) == (None, "mine")
    assert "&lt;b&gt;" in parts.caption("<b>").value
