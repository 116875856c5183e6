"""Places in a cell's output that are filled again in place; plain text where there is no notebook."""

from __future__ import annotations

import importlib
import sys
import threading
import uuid
from collections.abc import Mapping
from typing import Any

EMPTY: dict[str, Any] = {"text/html": "", "text/plain": ""}
"""What leaves a place empty: a notebook has no way to take it back."""


def shell() -> Any:
    """The IPython shell whose front end can fill a place again, None in a terminal or a plain Python."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython is not None else None
    return found if getattr(found, "kernel", None) is not None else None


def cell() -> int | None:
    """The number of the cell that runs now (`In [7]`), None outside a notebook."""
    found = shell()
    return None if found is None else int(found.execution_count)


def place() -> str | None:
    """The id of the notebook cell that runs now, the same each time it is run; None where the front end tells none."""
    found = shell()
    told = found.get_parent() if found is not None and hasattr(found, "get_parent") else None
    name = (told or {}).get("metadata", {}).get("cellId")
    return name if isinstance(name, str) else None


class Shown:
    """Whether an object has shown itself in the cell that runs now, so that `Out[7]` need not show it again."""

    def __init__(self) -> None:
        self._cell: int | None = None

    def mark(self) -> None:
        """It has, just now."""
        self._cell = cell()

    def here(self) -> bool:
        """Whether it has; never so outside a notebook."""
        return self._cell is not None and self._cell == cell()


class Handle:
    """One place in the output of the cell in which `show` was first called; later calls fill it again, in place.

    The first call belongs into the cell's own thread, later ones may come from any, also when the cell has ended.
    Without a notebook `text/plain` is printed, once for each text that differs from the last.
    """

    def __init__(self) -> None:
        self._id: str | None = None
        self._last: dict[str, Any] | None = None
        self._lock = threading.Lock()

    @property
    def used(self) -> bool:
        """Whether anything was shown yet."""
        return self._last is not None

    def show(self, bundle: Mapping[str, Any], passing: bool = False) -> None:
        """Show a mimebundle; what is shown already is not sent again.

        `passing` is for states that come and go: they are not printed where there is no notebook.
        """
        now = dict(bundle)
        with self._lock:
            if now == self._last:
                return
            if shell() is not None:
                self._send(now)
            elif not passing:
                self._print(now)
            self._last = now

    def _send(self, bundle: dict[str, Any]) -> None:
        display: Any = importlib.import_module("IPython.display").display  # carries no types
        update = self._id is not None
        self._id = self._id or f"autoloop-{uuid.uuid4().hex}"
        display(bundle, raw=True, display_id=self._id, update=update)

    def _print(self, bundle: dict[str, Any]) -> None:
        text = str(bundle.get("text/plain", ""))
        if text and (self._last is None or text != self._last.get("text/plain")):
            sys.stdout.write(text.rstrip("\n") + "\n")
            sys.stdout.flush()
