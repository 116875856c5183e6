"""Text and JSON made fit for storage: one line where one line is meant, and JSON that every reader accepts."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from autoloop_kernel.records import EMPTY, to_json

_REPLACEMENT = "\ufffd"


def plain(text: str) -> str:
    """`text` with Unix line ends, and with what UTF-8, SQLite or git cannot hold (surrogates, controls) replaced.

    Line feeds and tabs stay.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if lines.isascii() and lines.replace("\n", "").replace("\t", "").isprintable():
        return lines
    return "".join(
        _REPLACEMENT if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs") else character
        for character in lines
    )


def one_line(text: str) -> str:
    """`text` as one line: every run of white space (line and paragraph separators too) becomes one blank."""
    return plain(" ".join(text.split()))


def dumps(value: Any) -> str:
    """`value` (records and mappings included) as strict JSON; NaN and infinities become null, unknown objects text."""
    data = to_json(value)
    try:
        return json.dumps(data, allow_nan=False)
    except (TypeError, ValueError):
        return json.dumps(_finite(data), allow_nan=False, default=str)


def loads_map(text: str | None) -> Mapping[str, Any]:
    """The mapping that `dumps` wrote; an empty one for null, for empty text and for anything that is no object."""
    if not text or text == "{}":
        return EMPTY
    value = json.loads(text)
    return value if isinstance(value, dict) else EMPTY


def _finite(value: Any) -> Any:
    """A copy of plain data in which numbers that JSON has no word for are None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
