"""A change as cards, one a unit, unified and side by side.

It reads by its text alone: numbers, `+` and `-`, `<ins>` and `<del>` stand in `<pre>`, so that signs, columns and
indentation survive where styles are taken away. Styles only add colour, folding needs no script, and what is selected
and copied leaves numbers and signs out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from autoloop_kernel.views import words
from autoloop_kernel.views.diff import lines, visible
from autoloop_kernel.views.html.diffstyle import STYLE
from autoloop_kernel.views.html.lines import Block, Span, blocks, fold
from autoloop_kernel.views.html.lines import words as changed_words
from autoloop_kernel.views.html.syntax import Piece, highlight

__all__ = ["STYLE", "diff"]

LONG_RUN, OPEN_LINES = 120, 40
"""From how many lines on a run that was added or removed is folded, and how many of them stay open."""

PLAIN_FOLD = 300
"""A longer folded run has no syntax colours and is carried once only, so that the notebook stays small."""

SPLIT_LINES = 1_000
"""A larger change is shown unified only: side by side it would be carried twice."""

SHOWN = 4_000
"""How many characters of a line are shown; there are minified files."""

ALONE = 1_500
"""Of a longer old source only the changed lines get syntax colours, each block by itself."""

SIGNS = {"same": " ", "old": "-", "new": "+"}
CLASSES = {"same": "al-l", "old": "al-l al-old", "new": "al-l al-new"}
MARKS = {"old": "del", "new": "ins"}


def diff(before: Mapping[str, str], after: Mapping[str, str], old: str, new: str) -> str:
    """The change from `before` to `after` (sources by unit name) as an HTML fragment, which `STYLE` makes good-looking.

    One card a changed unit, in the order of `before`, then the new ones; a sentence where nothing differs. `old` and
    `new` say what the two are (`iteration 3`). All text is escaped, what cannot be seen is written out.
    """
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    if not names:
        return (
            f'<div class="al-diff"><p class="al-note">Nothing differs between {_text(old)} and {_text(new)}.</p></div>'
        )
    cards = (_card(name, before.get(name), after.get(name), (_text(old), _text(new))) for name in names)
    return '<div class="al-diff">' + "\n".join(cards) + "</div>"


@dataclass(frozen=True)
class _Change:
    """One unit's change, ready to be drawn: the new lines as they are shown, what colours the lines of both sides, the
    blocks, and which words went from old and came to new lines; all by index.
    """

    new: Sequence[str]
    old_pieces: Mapping[int, list[Piece]]
    new_pieces: Sequence[list[Piece]]
    blocks: Sequence[Block]
    gone: Mapping[int, tuple[Span, ...]]
    came: Mapping[int, tuple[Span, ...]]
    width: int


def _card(name: str, before: str | None, after: str | None, sides: tuple[str, str]) -> str:
    a, b = lines(before or ""), lines(after or "")
    found = blocks(a, b)
    removed = sum(len(block.old) for block in found if not block.same)
    added = sum(len(block.new) for block in found if not block.same)
    change = _change(name, [_shown(line) for line in a], [_shown(line) for line in b], found)
    parts = [_head(name, before, after, (added, removed), sides)]
    if added or removed:
        parts.append(f'<div class="al-unified"><div class="al-sheet">{_unified(change)}</div></div>')
    if note := _note(before, after, bool(added or removed)):
        parts.append(f'<p class="al-note">{note}</p>')
    if before is not None and after is not None and 0 < added + removed <= SPLIT_LINES:
        parts.append(f'<details class="al-split"><summary>Side by side</summary>{_split(change, sides)}</details>')
    return '<div class="al-unit">' + "\n".join(parts) + "</div>"


def _shown(line: str) -> str:
    """A line as it is shown: what cannot be seen is written out, the end of a very long one left out."""
    rest = len(line) - SHOWN
    return visible(line) if rest <= 0 else f"{visible(line[:SHOWN])} … {rest:,} more characters"


def _change(name: str, a: list[str], b: list[str], found: Sequence[Block]) -> _Change:
    pieces: dict[int, list[Piece]] = {}
    if len(a) <= ALONE:
        pieces = dict(enumerate(highlight(name, a)))
    else:
        for block in found:
            if not block.same:
                pieces.update(zip(block.old, highlight(name, [a[i] for i in block.old]), strict=True))
    width = max(4, len(str(max(len(a), len(b)))))
    marks = [(i, j, *changed_words(a[i], b[j])) for block in found for i, j in block.edits]
    gone, came = {i: gone for i, _, gone, _ in marks}, {j: came for _, j, _, came in marks}
    return _Change(b, pieces, highlight(name, b), fold(found), gone, came, width)


def _head(name: str, before: str | None, after: str | None, count: tuple[int, int], sides: tuple[str, str]) -> str:
    kind = "file" if "." in name or "/" in name else "cell"  # a cell's name has neither
    state = "new" if before is None else "removed" if after is None else ""
    shown = [f'<span class="al-name">{kind} <b>{_text(name)}</b></span>']
    if state:
        shown.append(f'<span class="al-state">{state}</span>')
    if count[0]:
        shown.append(f'<span class="al-plus">+{count[0]}</span>')
    if count[1]:
        shown.append(f'<span class="al-minus">{words.MINUS}{count[1]}</span>')
    shown.append(f'<span class="al-sides">{sides[0]} {words.ARROW} {sides[1]}</span>')
    return f'<div class="al-head">{" ".join(shown)}</div>'


def _note(before: str | None, after: str | None, changed: bool) -> str:
    """What a change has besides its lines: an empty source, other line ends, a newline at the end."""
    if before is None or after is None:
        return "" if changed else "It has no lines."
    ends = [_ends(text) for text in (before, after)]
    if ends[0] != ends[1] and all(ends):
        return f"Line ends: {ends[0]} {words.ARROW} {ends[1]}."
    if changed:
        return ""
    if before.rstrip("\r\n") == after.rstrip("\r\n"):
        return "Only the newline at its end differs."
    return "Only line ends differ."


def _ends(text: str) -> str:
    """How the lines of a text end: LF, CR LF, CR, or several of them; empty for a single line."""
    crlf = text.count("\r\n")
    found = {"CR LF": crlf, "LF": text.count("\n") - crlf, "CR": text.count("\r") - crlf}
    return " and ".join(name for name, count in found.items() if count)


def _unified(change: _Change) -> str:
    """The lines of both sides in one column: in a changed block first those that went, then those that came."""
    parts: list[str] = []
    for block in change.blocks:
        if block.folded:
            parts.append(_folded(change, block))
        elif block.same:
            parts.append(_pre(_same(change, i, j) for i, j in zip(block.old, block.new, strict=True)))
        else:
            parts.append(_run([_old(change, i) for i in block.old], "removed"))
            parts.append(_run([_new(change, j) for j in block.new], "added"))
    # Neighbours become one <pre>, which without styles would stand apart.
    return "".join(parts).replace('</pre><pre class="al-p">', "")


def _split(change: _Change, sides: tuple[str, str]) -> str:
    """Both sides in two columns, which wrap; a row holds a run of lines, or two lines of which one became the other."""
    rows: list[str] = []
    for block in change.blocks:
        if block.folded:
            rows.append(f'<tr class="al-r"><td class="al-x" colspan="2">{_folded(change, block, again=True)}</td></tr>')
        elif block.same:
            left = _pre(_same(change, i, j, i) for i, j in zip(block.old, block.new, strict=True))
            right = _pre(_same(change, i, j) for i, j in zip(block.old, block.new, strict=True))
            rows.append(_row(left, right))
        else:
            rows += _changed_rows(change, block)
    head = f'<tr class="al-r"><th class="al-x">{sides[0]}</th><th class="al-x">{sides[1]}</th></tr>'
    return f'<table class="al-two"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


def _changed_rows(change: _Change, block: Block) -> list[str]:
    rows: list[str] = []
    i, j = block.old.start, block.new.start
    for old, new in [*block.edits, (block.old.stop, block.new.stop)]:
        if i < old or j < new:
            left = _run([_old(change, at) for at in range(i, old)], "removed")
            right = _run([_new(change, at) for at in range(j, new)], "added")
            rows.append(_row(left, right))
        if old < block.old.stop and new < block.new.stop:
            rows.append(_row(_pre([_old(change, old)]), _pre([_new(change, new)])))
        i, j = old + 1, new + 1
    return rows


def _row(left: str, right: str) -> str:
    cells = (f'<td class="al-x">{side}</td>' if side else '<td class="al-x al-void"></td>' for side in (left, right))
    return f'<tr class="al-r">{"".join(cells)}</tr>\n'


def _folded(change: _Change, block: Block, again: bool = False) -> str:
    """A folded run that can be opened; a long one that is carried already (`again`) is only counted."""
    long = len(block.old) > PLAIN_FOLD
    summary = f"… {_several(len(block.old), 'unchanged')}"
    if long and again:
        return f'<div class="al-gap">{summary}</div>'
    return _details(summary, _pre(_same(change, i, j, plain=long) for i, j in zip(block.old, block.new, strict=True)))


def _run(drawn: Sequence[str], what: str) -> str:
    """Lines that were removed or added; of very many the first few, the others folded. Empty for none."""
    if len(drawn) <= LONG_RUN:
        return _pre(drawn) if drawn else ""
    rest = drawn[OPEN_LINES:]
    return _pre(drawn[:OPEN_LINES]) + _details(f"… {_several(len(rest), f'more {what}')}", _pre(rest))


def _several(count: int, what: str) -> str:
    return f"{count:,} {what} {'line' if count == 1 else 'lines'}"


def _details(summary: str, shown: str) -> str:
    return f'<details class="al-more"><summary>{summary}</summary>{shown}</details>'


def _pre(drawn: Iterable[str]) -> str:
    return f'<pre class="al-p">{"".join(drawn)}</pre>'


def _same(change: _Change, old: int, new: int, number: int | None = None, plain: bool = False) -> str:
    """An unchanged line, under its new number unless another index is given as `number`."""
    text = change.new[new]
    pieces = [("", text)] if plain else change.new_pieces[new]
    return _line("same", change.width, new if number is None else number, pieces)


def _old(change: _Change, at: int) -> str:
    return _line("old", change.width, at, change.old_pieces[at], change.gone.get(at, ()))


def _new(change: _Change, at: int) -> str:
    return _line("new", change.width, at, change.new_pieces[at], change.came.get(at, ()))


def _line(kind: str, width: int, at: int, pieces: Sequence[Piece], marks: Sequence[Span] = ()) -> str:
    """One line: its number (from 1) and sign, which cannot be selected, and its code with the marked words."""
    sign = f"<b>{SIGNS[kind]}</b>" if kind in MARKS else SIGNS[kind]
    gutter = f'<span class="al-g">{at + 1:>{width}} {sign}  </span>'
    code = _marked(pieces, marks, MARKS[kind]) if marks else "".join(_piece(*piece) for piece in pieces)
    return f'<span class="{CLASSES[kind]}">{gutter}{code}\n</span>'


def _marked(pieces: Sequence[Piece], marks: Sequence[Span], tag: str) -> str:
    """The pieces of a line with the characters of `marks` in `<ins>` or `<del>`, which are of one colour."""
    parts: list[str] = []
    text = "".join(piece for _, piece in pieces)
    at = 0
    for start, end in marks:
        parts += _between(pieces, at, start)
        parts.append(f"<{tag}>{escape(text[start:end])}</{tag}>")
        at = end
    parts += _between(pieces, at, len(text))
    return "".join(parts)


def _between(pieces: Sequence[Piece], start: int, end: int) -> list[str]:
    """The pieces of a line from character `start` to `end`, those at the borders cut."""
    parts: list[str] = []
    at = 0
    for kind, text in pieces:
        cut = text[max(0, start - at) : max(0, end - at)]
        if cut:
            parts.append(_piece(kind, cut))
        at += len(text)
    return parts


def _piece(kind: str, text: str) -> str:
    return f'<span class="{kind}">{escape(text)}</span>' if kind else escape(text)


def _text(text: str) -> str:
    """A short text of anybody's on one line, escaped."""
    return escape(visible(words.plain(text)))
