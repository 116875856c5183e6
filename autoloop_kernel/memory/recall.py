"""What past iterations printed, found again for whoever proposes next."""

from __future__ import annotations

import json
from pathlib import Path

from autoloop_kernel.escapes import without_escapes

LOG_BYTES, LOG_LINES = 16_384, 60
"""How much of the end of a log is read, and how many of its last lines are given."""


def log_tail(folder: Path) -> str:
    """The end of the log in an iteration's folder, and the traceback in its executed notebook, where there is one.

    Without colours; empty where the iteration left neither.
    """
    parts = [_tail(folder / "log.txt"), _traceback(folder / "iteration.ipynb")]
    return "\n\n".join(part for part in parts if part)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(without_escapes(text).splitlines()[-LOG_LINES:]).strip()


def _traceback(path: Path) -> str:
    """The last error that a cell of the notebook ended with."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        errors = [out for cell in cells for out in cell.get("outputs", []) if out.get("output_type") == "error"]
        lines = [str(line) for line in errors[-1]["traceback"]] if errors else []
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return ""
    return without_escapes("\n".join(lines)).strip()
