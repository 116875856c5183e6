"""A notebook without a browser: what is displayed and filled again is kept, place by place."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import ipywidgets
import pytest

from autoloop_kernel.widgets import show

VIEW = "application/vnd.jupyter.widget-view+json"


class Screen:
    """The outputs of one cell; `places` maps a display id to the bundles shown there, oldest first."""

    kernel = "some"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.execution_count, self.cell_id = 1, "cell-a"
        self.places: dict[str, list[dict[str, Any]]] = {}
        self.widgets: list[Any] = []
        monkeypatch.setattr(show, "shell", lambda: self)
        for module in ("live", "control"):
            monkeypatch.setattr(f"autoloop_kernel.widgets.{module}.shell", lambda: self)
        monkeypatch.setattr("IPython.display.display", self._display)

    def get_parent(self) -> dict[str, Any]:
        return {"metadata": {"cellId": self.cell_id}}

    def _display(self, shown: Any, raw: bool = False, display_id: str = "", update: bool = False) -> None:
        assert raw, "what is displayed is a bundle that a later one may take the place of"
        if VIEW in shown:
            self.widgets.append(
                ipywidgets.widget_serialization["from_json"](f"IPY_MODEL_{shown[VIEW]['model_id']}", None)
            )
        assert update is (display_id in self.places), "a place is made once, then filled again"
        self.places.setdefault(display_id, []).append(shown)

    def now(self) -> list[dict[str, Any]]:
        """What each place shows, in the order in which they were made."""
        return [shown[-1] for shown in self.places.values()]

    def text(self) -> str:
        """What a reader sees now, without tags."""
        return bare("\n".join(place.get("text/html", "") for place in self.now()))

    def past(self) -> str:
        """All that a reader has ever seen, without tags."""
        return bare("\n".join(each.get("text/html", "") for shown in self.places.values() for each in shown))


def bare(html: str) -> str:
    """HTML without its style and tags, white space run together."""
    without = re.sub(r"<style>.*?</style>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", without).split())


def until(condition: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    """Wait for a condition; fails where it does not come within a time that no healthy run needs."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)
