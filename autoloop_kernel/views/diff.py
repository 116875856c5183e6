"""What changed between two iterations, one unified diff a unit; it reads by `+` and `-`, with colour or without."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from rich.text import Text

CONTEXT = 3
STYLES = (("+++", "bold"), ("---", "bold"), ("@@", "cyan"), ("+", "green"), ("-", "red"))


def unified(
    before: Mapping[str, str], after: Mapping[str, str], old: str = "before", new: str = "after", context: int = CONTEXT
) -> str:
    """The unified diff from `before` to `after` (sources by unit name), unit by unit; empty where nothing changed.

    `old` and `new` say what the two are (`iteration 3`); they stand behind the unit's name in the head of each part.
    """
    parts: list[str] = []
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        if a == b:
            continue
        lines = difflib.unified_diff(
            (a or "").splitlines(),
            (b or "").splitlines(),
            f"{name}\t{old}" if a is not None else "/dev/null",
            f"{name}\t{new}" if b is not None else "/dev/null",
            lineterm="",
            n=context,
        )
        parts += list(lines)
    return "\n".join(parts) + "\n" if parts else ""


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[int, int]:
    """How many lines a change adds and removes."""
    lines = unified(before, after, context=0).splitlines()
    added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    return added, removed


def coloured(diff: str) -> Text:
    """A unified diff for a terminal: green and red lines that keep their `+` and `-`.

    Control characters are shown, not sent: the sources come from agents.
    """
    text = Text()
    for line in diff.splitlines():
        style = next((style for start, style in STYLES if line.startswith(start)), "")
        text.append(visible(line) + "\n", style=style)
    text.rstrip()
    return text


def visible(line: str) -> str:
    """`line` with every control character but the tab written out, such as `\\x1b`."""
    return re.sub(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", lambda found: f"\\x{ord(found.group()):02x}", line)
