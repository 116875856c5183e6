"""What the controls are made of: buttons, rows, editors and the line that says what came of a click."""

from __future__ import annotations

import threading
from collections.abc import Callable

import ipywidgets as widgets

from autoloop_kernel.durable import in_words
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.views.html import page

CODE = "var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace)"
EDITOR = f"""<style>
.al-editor textarea{{font-family:{CODE} !important;font-size:12px !important;line-height:1.45 !important;
tab-size:4;white-space:pre !important;overflow-x:auto !important}}
</style>"""
"""Sources are written in the font of code, and their lines do not wrap."""

LINES = (4, 16)
"""How many lines an editor shows at least and at most."""


class Line(widgets.HTML):  # type: ignore[misc]  # ipywidgets carries no types
    """One line below the buttons: nothing, a plain word, or an error."""

    def __init__(self) -> None:
        super().__init__("", layout=widgets.Layout(margin="0 2px", min_height="28px"))

    def clear(self) -> None:
        """Say nothing."""
        self.value = ""

    def say(self, text: str) -> None:
        """Say something plain."""
        self.value = f'<span style="color:var(--jp-content-font-color2, #57606a)">{page.line(text, 400)}</span>'

    def error(self, text: str) -> None:
        """Say what went wrong, and how to mend it."""
        self.value = f'<span role="alert" style="color:var(--jp-error-color1, #b3400e)">× {page.line(text, 400)}</span>'


def button(label: str, tip: str, action: Callable[[], None], line: Line, primary: bool = False) -> widgets.Button:
    """A button that does `action`; what that refuses, or the disk does, shows in `line`.

    A click while it is at work counts for nothing. `primary` is for the one button that a reader most likely wants.
    """
    made = widgets.Button(
        description=label,
        tooltip=tip,
        button_style="primary" if primary else "",
        layout=widgets.Layout(width="auto", margin="2px 6px 2px 2px"),
    )
    at_work = threading.Lock()

    def click(_: widgets.Button) -> None:
        if not at_work.acquire(blocking=False):
            return
        try:
            line.clear()
            action()
        except (AutoloopError, OSError) as error:
            line.error(in_words(error))
        finally:
            at_work.release()

    made.on_click(click)
    return made


def row(*inside: widgets.Widget) -> widgets.HBox:
    """Widgets side by side, wrapped where there is no room."""
    return widgets.HBox(list(inside), layout=widgets.Layout(flex_flow="row wrap", align_items="center"))


def column(*inside: widgets.Widget) -> widgets.VBox:
    """Widgets below each other."""
    return widgets.VBox(list(inside), layout=widgets.Layout(width="100%", max_width="940px"))


def shown(widget: widgets.DOMWidget, is_shown: bool) -> None:
    """Show a widget, or hide it with what was typed into it."""
    widget.layout.display = None if is_shown else "none"


def editor(source: str, name: str) -> widgets.Textarea:
    """A text area for the source called `name`, high enough for it within bounds."""
    lines = min(LINES[1], max(LINES[0], source.count("\n") + 2))
    area = widgets.Textarea(source, rows=lines, tooltip=f"the source of {name}", layout=widgets.Layout(width="auto"))
    area.add_class("al-editor")
    return area


def caption(text: str) -> widgets.HTML:
    """The name of a unit above its editor."""
    name = f"<b>{page.line(text, 80)}</b>"
    return widgets.HTML(f'{EDITOR}<span style="color:var(--jp-content-font-color2, #57606a)">cell {name}</span>')
