"""Syntax colours: Pygments' tokens as a few classes, in the colours of the notebook's own editor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers import PythonLexer, get_lexer_for_filename
from pygments.token import Comment, Keyword, Name, Number, Operator, String
from pygments.util import ClassNotFound

Piece = tuple[str, str]
"""A stretch of one line: its class (empty: plain) and its text."""

MOST_TOKENS, MOST_WIDTH = 80_000, 2_000
"""Behind so many tokens a source stays plain, one with so long a line does altogether: colours would take too long."""

CLASSES: tuple[tuple[Any, str], ...] = (
    (Comment, "al-c"),
    (Keyword, "al-k"),
    (Operator.Word, "al-k"),
    (Operator, "al-o"),
    (Number, "al-m"),
    (String.Interpol, ""),
    (String, "al-s"),
    (Name.Decorator, "al-o"),
    (Name.Builtin.Pseudo, ""),
    (Name.Builtin, "al-b"),
    (Name.Exception, "al-b"),
    (Name.Function, "al-f"),
    (Name.Class, "al-f"),
    (Name.Tag, "al-k"),
    (Name.Attribute, "al-f"),
)
"""The first that holds a token decides; all others are plain."""

COLOURS = {
    "al-k": "keyword-color, var(--al-key)",
    "al-b": "builtin-color, var(--al-key)",
    "al-s": "string-color, var(--al-text)",
    "al-m": "number-color, var(--al-num)",
    "al-o": "operator-color, var(--al-op)",
    "al-f": "def-color, var(--al-def)",
    "al-c": "comment-color, var(--al-note)",
}
"""The editor's colour of each class, and the diff's own for where there is no Jupyter."""

# A little ink in every colour keeps the paler ones readable on a tint; browsers that cannot mix take them as they are.
STYLE = "".join(
    f".al-diff .{name} {{ color: var(--jp-mirror-editor-{colour}); "
    f"color: color-mix(in srgb, var(--jp-mirror-editor-{colour}) 82%, var(--al-ink)); }}\n"
    for name, colour in COLOURS.items()
)
STYLE += ".al-diff .al-k { font-weight: 600; }\n.al-diff .al-c { font-style: italic; }\n"
"""The rules of the classes."""


def highlight(name: str, lines: Sequence[str]) -> list[list[Piece]]:
    """The pieces of every line of unit `name`: by the file's extension, as Python where it is a cell.

    `lines` hold no line ends. The pieces of a line joined are that line, whatever the lexer made of it.
    """
    lexer = _lexer(name)
    if lexer is None or max(map(len, lines), default=0) > MOST_WIDTH:
        return [_plain(line) for line in lines]
    found: list[list[Piece]] = [[]]
    for token, value in islice(lexer.get_tokens("\n".join(lines)), MOST_TOKENS):
        kind = "" if value == "." else _class(token)  # a dot is an operator to Pygments, but to no reader
        for at, text in enumerate(value.split("\n")):
            if at:
                found.append([])
            if text:
                _add(found[-1], kind, text)
    found += [[] for _ in range(len(lines) - len(found))]
    return [
        pieces if "".join(text for _, text in pieces) == line else _plain(line)
        for pieces, line in zip(found, lines, strict=False)
    ]


def _plain(line: str) -> list[Piece]:
    return [("", line)] if line else []


def _add(pieces: list[Piece], kind: str, text: str) -> None:
    """Put `text` behind a line's pieces; one of the same class grows, and white space goes with what it follows."""
    if pieces and (pieces[-1][0] == kind or text.isspace()):
        pieces[-1] = (pieces[-1][0], pieces[-1][1] + text)
    else:
        pieces.append((kind, text))


@cache
def _class(token: Any) -> str:
    return next((name for kind, name in CLASSES if token in kind), "")


def _lexer(name: str) -> Lexer | None:
    options = {"stripnl": False, "ensurenl": False}
    if "." not in name.rsplit("/", 1)[-1]:
        return PythonLexer(**options)
    try:
        return get_lexer_for_filename(name, **options)
    except ClassNotFound:
        return None
