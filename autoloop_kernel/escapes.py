"""What a program sends to steer a terminal, taken out of text that is kept, shown elsewhere or given to a model."""

from __future__ import annotations

import re

# From an OSC that nothing ends on its line only the opening goes: what follows may be words.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|\Z)|\](?:[^\x07\x1b\n]*(?:\x07|\x1b\\|\x1b\Z))?|\Z)")


def without_escapes(text: str) -> str:
    """`text` without colours and cursor moves (CSI), titles and links (OSC), and what of one is cut off at its end.

    Other controls stay.
    """
    return _ESCAPE.sub("", text)
