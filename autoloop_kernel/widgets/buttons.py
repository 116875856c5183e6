"""The buttons that steer a driver; which of them may be pressed follows its state."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from autoloop_kernel.widgets import parts

BUTTONS = (
    ("pause", "Pause", "Pause after this iteration", ("running",)),
    ("resume", "Resume", "Go on", ("paused",)),
    ("stop", "Stop after this one", "End the driver once this iteration has its verdict", ("running", "paused")),
    (
        "stop-now",
        "Stop now",
        "End the driver at once; the iteration in flight is run again at the next start",
        ("running", "paused", "stopping"),
    ),
)
"""Verb, label, tooltip, and the states in which it means something."""


class Steering(widgets.VBox):  # type: ignore[misc]  # ipywidgets carries no types
    """Pause, resume, stop after this one, stop now. `send(verb)` gives the driver's reply, which a line shows."""

    def __init__(self, send: Callable[[str], str]) -> None:
        self._send, self._state = send, ""
        self._line = parts.Line()
        self._buttons = {verb: self._button(verb, label, tip) for verb, label, tip, _ in BUTTONS}
        whole = parts.column(parts.row(*self._buttons.values()), self._line)
        super().__init__(whole.children, layout=whole.layout)

    def __repr__(self) -> str:
        """What a saved notebook shows in their place."""
        return "controls of a driver: they live while this notebook's kernel runs"

    def fit(self, state: str) -> None:
        """Enable what means something in `state` (running, paused, stopping, ended); from any thread."""
        if state == self._state:
            return
        self._state = state
        self._line.clear()
        for verb, _, _, states in BUTTONS:
            self._buttons[verb].disabled = state not in states

    def _button(self, verb: str, label: str, tip: str) -> widgets.Button:
        return parts.button(label, tip, lambda: self._line.say(self._send(verb)), self._line)
