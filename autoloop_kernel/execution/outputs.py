"""What a cell leaves in the notebook: its outputs, capped, and readable renderings of what it told the harness."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

STREAM_HEAD = 192 << 10
STREAM_TAIL = 64 << 10
RICH_LIMIT = 8 << 20
RICH_COUNT = 500
DEEPEST = 100
"""How deep what a candidate sends may be nested: Python gives up on far deeper, wherever it is then written."""

PREFIX, SUFFIX = "application/vnd.autoloop.", "+json"


class Stream:
    """One cell's stdout or stderr: its beginning and its end, whatever its length."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: list[str] = []
        self._head_size = self._tail_size = self._dropped = 0

    def add(self, text: str) -> None:
        """Take in more text."""
        room = STREAM_HEAD - self._head_size
        if room > 0:
            self._head.append(text[:room])
            self._head_size += len(self._head[-1])
            text = text[room:]
        if text:
            self._tail.append(text)
            self._tail_size += len(text)
            while self._tail_size - len(self._tail[0]) >= STREAM_TAIL:
                gone = len(self._tail.pop(0))
                self._tail_size -= gone
                self._dropped += gone

    def text(self) -> str:
        """All of it where it fits, else beginning and end with a line between that says how much is missing."""
        tail = "".join(self._tail)
        cut = max(0, len(tail) - STREAM_TAIL)
        dropped = self._dropped + cut
        missing = f"\n[autoloop] {dropped:,} characters are left out here; see log.txt\n" if dropped else ""
        return settled("".join(self._head) + missing + tail[cut:])


def settled(text: str) -> str:
    """`text` as a terminal would show it in the end: a line that was drawn again and again counts once."""
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _shortened(text: str) -> str:
    """A text as long as a stream's may be: an error's message may hold a whole array, or a whole file."""
    stream = Stream()
    stream.add(text)
    return stream.text()


class CellOutputs:
    """Gathers one cell's outputs while it runs; `settle` writes the streams into the cell."""

    def __init__(self, cell: NotebookNode) -> None:
        self.cell = cell
        self._streams: dict[str, tuple[Stream, NotebookNode]] = {}
        self._rich = 0
        self._count = 0
        self._notes: dict[str, Any] = {}

    def stream(self, name: str, text: str) -> None:
        """Text on stdout or stderr: one output for each, where it first appeared."""
        if name not in self._streams:
            self._streams[name] = (Stream(), new_output("stream", name=name, text=""))
            self.cell.outputs.append(self._streams[name][1])
        self._streams[name][0].add(text)

    def takes(self, data: Any) -> bool:
        """Whether there is room for a rich output; says so once in the cell when there is no more."""
        self._count += 1
        self._rich += len(json.dumps(data, default=str)) if self._count <= RICH_COUNT else 0
        if self._count <= RICH_COUNT and self._rich <= RICH_LIMIT:
            return True
        self.note("more", {}, "[autoloop] further displays of this cell are left out: there are too many, or too large")
        return False

    def renews(self, data: Any) -> bool:
        """Whether a display may be renewed in place with `data`: any number of times, if it is not too large."""
        return len(json.dumps(data, default=str)) <= RICH_LIMIT

    def note(self, kind: str, data: Mapping[str, Any], text: str) -> None:
        """Show what the cell told the harness: one output a kind, renewed in place."""
        bundle: dict[str, Any] = {"text/plain": text}
        if data:
            bundle[f"{PREFIX}{kind}{SUFFIX}"] = dict(data)
        if kind not in self._notes:
            self._notes[kind] = new_output("display_data")
            self.cell.outputs.append(self._notes[kind])
        output: Any = self._notes[kind]
        output["data"] = bundle

    def cleared(self) -> None:
        """The cell's outputs were cleared: what is gathered goes with them, the notes come back."""
        self._streams.clear()
        self.cell.outputs.extend(self._notes.values())

    def settle(self) -> None:
        """Write the gathered streams into the cell's outputs, and shorten what it raised."""
        for error in (output for output in self.cell.outputs if output.output_type == "error"):
            error["evalue"] = _shortened(str(error["evalue"]))
            error["traceback"] = _shortened("\n".join(map(str, error["traceback"]))).split("\n")
        for stream, output in self._streams.values():
            output["text"] = stream.text()


def is_flat(value: Any) -> bool:
    """Whether a JSON value is nested at most `DEEPEST` deep."""
    inside = [value]
    for _ in range(DEEPEST):
        inside = [
            inner
            for one in inside
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not inside:
            return True
    return False


def message_of(content: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Kind and data of a display that is meant for the harness; None for any other."""
    data = content.get("data")
    if not isinstance(data, dict):
        return None
    for mime in data:
        if isinstance(mime, str) and mime.startswith(PREFIX) and mime.endswith(SUFFIX):
            payload = data[mime]
            return mime[len(PREFIX) : -len(SUFFIX)], payload if isinstance(payload, dict) else {}
    return None


def one_line(text: Any, limit: int = 500) -> str:
    """`text` as one line of printable characters, cut at `limit`."""
    line = "".join(char if char.isprintable() else "?" for char in " ".join(str(text).split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def finite(value: Any) -> float | None:
    """`value` as a finite float, None where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return None


def words(numbers: Mapping[str, Any]) -> str:
    """Named values in one line."""
    return "  ".join(
        f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}" for name, value in numbers.items()
    )
