"""Places in a cell's output, and plain text where there is no notebook."""

import threading

from screen_kit import Screen

from autoloop_kernel.widgets.show import Handle, Shown, cell, place, shell


def test_outside_a_notebook_the_text_is_printed_once_for_each_that_differs(capsys):
    assert shell() is None
    assert cell() is None
    assert place() is None
    handle = Handle()
    assert not handle.used
    handle.show({"text/plain": "one\n", "text/html": "<b>one</b>"})
    handle.show({"text/plain": "one\n", "text/html": "<i>one</i>"})
    handle.show({"text/plain": "passing"}, passing=True)
    handle.show({"text/plain": "two"})
    assert capsys.readouterr().out == "one\ntwo\n"
    assert handle.used


def test_in_a_notebook_a_place_is_made_once_and_then_filled_again_from_any_thread(monkeypatch):
    screen = Screen(monkeypatch)
    one, two = Handle(), Handle()
    one.show({"text/plain": "a", "text/html": "a"})
    two.show({"text/plain": "x", "text/html": "x"}, passing=True)
    thread = threading.Thread(target=lambda: one.show({"text/plain": "b", "text/html": "b"}))
    thread.start()
    thread.join()
    one.show({"text/plain": "b", "text/html": "b"})
    assert [[each["text/plain"] for each in shown] for shown in screen.places.values()] == [["a", "b"], ["x"]]


def test_what_was_shown_in_this_cell_is_known_until_the_next_one(monkeypatch):
    screen = Screen(monkeypatch)
    shown = Shown()
    assert not shown.here()
    shown.mark()
    assert shown.here()
    screen.execution_count += 1
    assert not shown.here()
    assert place() == "cell-a"


def test_outside_a_notebook_nothing_counts_as_shown():
    shown = Shown()
    shown.mark()
    assert not shown.here()
