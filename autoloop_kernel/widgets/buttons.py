"""The buttons that steer a driver; which of them may be pressed follows its state."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from autoloop_kernel.widgets import parts

BUTTONS = (
    ("pause", "Pause", "Pause after {these}", ("running",)),
    ("resume", "Resume", "Go on", ("paused",)),
    ("stop", "Stop after {this}", "End the driver after {these}", ("running", "paused")),
    (
        "stop-now",
        "Stop now",
        "End the driver at once; what runs is run again at the next start",
        ("running", "paused", "stopping"),
    ),
)
"""Verb, label, tooltip, and the states in which it means something; the texts name what is under way."""

ONE = {"this": "this one", "these": "this iteration"}
MORE = {"this": "these", "these": "these iterations"}


class Steering(widgets.VBox):  # type: ignore[misc]  # ipywidgets carries no types
    """Pause, resume, stop after this one, stop now. `send(verb)` gives the driver's reply, which a line shows."""

    def __init__(self, send: Callable[[str], str]) -> None:
        self._send, self._state = send, ""
        self._line = parts.Line()
        self._buttons = {verb: self._button(verb, *_said(label, tip, 1)) for verb, label, tip, _ in BUTTONS}
        whole = parts.column(parts.row(*self._buttons.values()), self._line)
        super().__init__(whole.children, layout=whole.layout)

    def __repr__(self) -> str:
        """What a saved notebook shows in their place."""
        return "controls of a driver: they live while this notebook's kernel runs"

    def fit(self, state: str, flights: int = 1) -> None:
        """Enable what means something in `state` (running, paused, stopping, ended); from any thread.

        `flights` is how many iterations are under way.
        """
        for verb, label, tip, _ in BUTTONS:
            self._buttons[verb].description, self._buttons[verb].tooltip = _said(label, tip, flights)
        if state == self._state:
            return
        self._state = state
        self._line.clear()
        for verb, _, _, states in BUTTONS:
            self._buttons[verb].disabled = state not in states

    def _button(self, verb: str, label: str, tip: str) -> widgets.Button:
        return parts.button(label, tip, lambda: self._line.say(self._send(verb)), self._line)


def _said(label: str, tip: str, flights: int) -> tuple[str, str]:
    """A label and a tooltip while so many iterations are under way."""
    names = MORE if flights > 1 else ONE
    return label.format(**names), tip.format(**names)
