"""What went wrong, as the one line and the status that a client gets."""

from __future__ import annotations

import re
from pathlib import Path

from autoloop_kernel.records import AutoloopError

LINE = 500
"""How many characters of a line are told: an agent's text, which may be in it, has no bound."""


class Refused(AutoloopError):
    """A request that is not met; `status` is the HTTP status that says of what kind the reason is."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def status_of(error: AutoloopError) -> int:
    """The HTTP status of an error of the house: 409, since it tells how things stand, where it does not say."""
    return error.status if isinstance(error, Refused) else 409


_ABSOLUTE = re.compile(r"""(?<![\w/.<:])(?:/[^\s/:;,()'"]+)+(/[^\s/:;,()'"]+)""")
"""An absolute path of several parts, and the last of them."""


def one_line(text: object, root: Path) -> str:
    """`text` as one printable line in which paths below the server's `root` are relative to it; others lose folders."""
    told = str(text)
    for prefix in sorted({str(root), str(root.resolve())}, key=len, reverse=True):
        if prefix != "/":
            told = told.replace(f"{prefix}/", "").replace(prefix, "the server's folder")
    told = _ABSOLUTE.sub(lambda found: found[1][1:], told)
    told = " ".join("".join(c if c.isprintable() else " " for c in told).split())
    return told if len(told) <= LINE else f"{told[: LINE - 1]}…"
