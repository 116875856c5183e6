"""Text that others wrote, shown to a model as data: trimmed, plain, and behind a fence that it cannot forge."""

from __future__ import annotations

import hashlib
import re

from autoloop_kernel.escapes import without_escapes

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> str:
    """The text without colours, control characters and marks of direction."""
    return _UNSEEN.sub("", without_escapes(text.replace("\r\n", "\n")))


def line(text: str, length: int = 240) -> str:
    """The text as one plain line of at most `length` characters."""
    flat = " ".join(plain(text).split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def clip(text: str, length: int) -> str:
    """The beginning and the end of a text that is longer than `length` characters, with how much was left out."""
    if len(text) <= length:
        return text
    head, tail = length // 3, length - length // 3
    return f"{text[:head]}\n[… {len(text) - length} characters left out …]\n{text[-tail:]}"


def fenced(what: str, text: str, length: int = 6000) -> str:
    """`text` between two lines that hold a mark which the text does not: a hash of the text itself.

    The same text is fenced in the same way each time, so that a prompt's beginning stays what a cache holds.
    """
    body, salt = clip(plain(text), length), 0
    while True:
        mark = hashlib.sha256(f"{salt}\0{body}".encode("utf-8", "replace")).hexdigest()[:16]
        if mark not in body:
            return f'<data mark="{mark}" what="{line(what, 80)}">\n{body}\n</data mark="{mark}">'
        salt += 1
