"""Somebody's log, as it lies on their disk, into experiments; whatever cannot be used is said by its line number.

Nothing here fails for what a log holds: other separators, status words and numbers of columns, no header or several,
blank hashes, comments, broken lines, marks of a merge, CRLF, a byte order mark, bytes that are no text.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from autoloop_kernel.auditing import columns, vocabulary
from autoloop_kernel.auditing.columns import Columns
from autoloop_kernel.auditing.log import FAILED, Entry, Log, Problem, number
from autoloop_kernel.records import AutoloopError, Direction, Verdict

MOST_LINES = 50_000
LONGEST = 600
"""How many characters of a description are kept."""
SHARED = 3
"""A commit that more descriptions share than this does not name an experiment."""
SEPARATORS = {"\t": "tabs", "|": "bars", ";": "semicolons", ",": "commas"}
CONFLICT = re.compile(r"(<{7}|>{7}|\|{7})( |$)|={7}$")
COMMENT = re.compile(r"(#(?!\d)|//|--\s|%|<!--)")
RULE = re.compile(r"[\s|:+=_-]+")
MARKED = re.compile(r"`(?P<code>[^`]*)`|\*\*(?P<bold>[^*]*)\*\*|\[(?P<link>[^\]]*)\]\([^)\s]*\)")
FENCE = re.compile(r"(```|~~~)\w*")


@dataclass(frozen=True)
class Line:
    """A line that holds cells, and its number in the file."""

    number: int
    cells: tuple[str, ...]


@dataclass
class Sorted:
    """The lines of a file by what they are: with cells, unusable, blank (how many), comments (their numbers)."""

    lines: list[Line]
    problems: list[Problem]
    blank: int = 0
    comments: list[int] = field(default_factory=list)


def read(raw: bytes, name: str, direction: Direction = Direction.MIN, score: str | None = None) -> Log:
    """The log in these bytes. `name` is what it is called, `score` the name or number (from 1) of the score's column.

    Raises `AutoloopError` where `score` names no column, and for more lines than `MOST_LINES`; a log of which no line
    can be used has no entries, and its problems say why.
    """
    text, notes = _text(raw)
    lines = re.split(r"\r\n|\r|\n", text)
    if len(lines) > MOST_LINES:
        raise AutoloopError(f"{name} has {len(lines):,} lines: at most {MOST_LINES:,} are read, so audit it in parts")
    separator = _separator(lines)
    sorted_ = _sorted(lines, separator)
    notes.append(f"{_count(len(lines) - (lines[-1] == ''), 'line')}, separated by {SEPARATORS[separator]}")
    if sorted_.blank or sorted_.comments:
        notes.append(f"left out: {_count(sorted_.blank, 'blank line')}, {_comments(sorted_.comments)}")
    entries: list[Entry] = []
    metric = ""
    for header, part in _parts(sorted_.lines):
        found = columns.find(header, [line.cells for line in part], score)
        if found is None:
            if score is not None and part:
                raise AutoloopError(f"{name} has no column {score!r}: --score takes a name of its header, or a number")
            sorted_.problems += [Problem(line.number, "no column of the log holds scores") for line in part]
            continue
        metric = metric or found.metric
        notes.append(found.told())
        for line in part:
            what = _entry(line, found)
            if isinstance(what, Entry):
                entries.append(what)
            else:
                sorted_.problems.append(what)
    entries, more = _inferred(entries, direction)
    entries, shared = _without_shared_commits(entries)
    odd = _odd_direction(entries, metric, direction)
    notes += more + shared + ([odd] if odd else [])
    problems = tuple(sorted(sorted_.problems, key=lambda problem: problem.line))
    return Log(name, metric or "score", direction, tuple(entries), problems, tuple(notes), odd=bool(odd))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def _comments(lines: Sequence[int]) -> str:
    """How many comments there are, and on which lines the first of them stand."""
    named = ", ".join(map(str, lines[:20])) + (" …" if len(lines) > 20 else "")
    return _count(len(lines), "comment") + (f" ({'line' if len(lines) == 1 else 'lines'} {named})" if lines else "")


def _text(raw: bytes) -> tuple[str, list[str]]:
    """The text of a file, and what was odd about its bytes."""
    for mark, coding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if raw.startswith(mark):
            return raw.decode(coding, errors="replace").replace("\0", ""), ["it begins with a byte order mark"]
    text = raw.decode("utf-8", errors="replace").replace("\0", "")
    lost = text.count("\N{REPLACEMENT CHARACTER}")
    return text, [f"{_count(lost, 'character')} could not be read as UTF-8"] if lost else []


def _separator(lines: Sequence[str]) -> str:
    """Tabs where as many lines as not have one, else what splits most lines into the same number of cells."""
    full = [line for line in lines[:2000] if line.strip()]
    if 2 * sum("\t" in line for line in full) >= len(full):
        return "\t"
    alike = {mark: Counter(line.count(mark) for line in full if mark in line) for mark in SEPARATORS}
    return max(alike, key=lambda mark: max(alike[mark].values(), default=0))


def _sorted(lines: Sequence[str], separator: str) -> Sorted:
    found = Sorted([], [])
    for place, text in enumerate(lines, 1):
        bare = text.strip()
        if not bare or (RULE.fullmatch(bare) and not CONFLICT.match(bare)):
            found.blank += place < len(lines) or bool(bare)
        elif CONFLICT.match(bare):
            found.problems.append(Problem(place, "a mark of a git merge that was never resolved"))
        elif _is_comment(bare, separator):
            found.comments.append(place)
        elif separator not in (bare.strip("|") if separator == "|" else text):
            found.problems.append(Problem(place, f"one cell only: no {SEPARATORS[separator].removesuffix('s')} in it"))
        else:
            bare_header = bare.lstrip("#/% ") if COMMENT.match(bare) else text.strip("\r\n")
            found.lines.append(Line(place, tuple(_cells(bare_header, separator))))
    return found


def _is_comment(bare: str, separator: str) -> bool:
    """Whether a line is a comment, or the fence round a table; a header may be written as a comment, too."""
    if FENCE.fullmatch(bare):
        return True
    return bool(COMMENT.match(bare)) and not columns.is_header(_cells(bare.lstrip("#/% "), separator))


def _cells(text: str, separator: str) -> list[str]:
    """The cells of a line; only commas and semicolons are quoted as CSV is, and an open quote is a plain character."""
    if separator in ",;" and '"' in text:
        try:
            return next(csv.reader([text], delimiter=separator, strict=True), [])
        except csv.Error:
            return text.split(separator)
    if separator == "|":
        return [_bare(cell) for cell in text.strip().removeprefix("|").removesuffix("|").split("|")]
    return text.split(separator)


def _bare(cell: str) -> str:
    """A cell of a Markdown table without what sets all of it as code, in bold, or as a link."""
    marked = MARKED.fullmatch(cell.strip())
    return _bare(next(part for part in marked.group("code", "bold", "link") if part is not None)) if marked else cell


def _parts(lines: Sequence[Line]) -> Iterator[tuple[tuple[str, ...] | None, list[Line]]]:
    """The log in parts, each with its header: one may begin anew in the middle, with other columns."""
    header: tuple[str, ...] | None = None
    part: list[Line] = []
    for line in lines:
        if columns.is_header(line.cells):
            if line.cells == header:
                continue
            if part:
                yield header, part
            header, part = line.cells, []
        else:
            part.append(line)
    if part:
        yield header, part


def _entry(line: Line, where: Columns) -> Entry | Problem:
    """The experiment of a line, or why it cannot be used."""
    cells = [cell.strip() for cell in line.cells]
    last = max(place for place in (where.score, where.commit, where.status, where.description) if place is not None)
    if where.description == last and len(cells) > max(last + 1, len(where.names)):
        cells[last:] = ["  ".join(cells[last:])]  # a tab inside the description

    def cell(place: int | None) -> str:
        return cells[place] if place is not None and place < len(cells) else ""

    expected = f"{len(cells)} cells" + (f" where the header has {len(where.names)}" if where.names else "")
    written, commit = cell(where.score), cell(where.commit)
    verdict = vocabulary.verdict(cell(where.status)) if where.status is not None else Verdict.SCORED
    if where.status is not None and where.status >= len(cells):
        return Problem(line.number, f"cut short: {expected}, and no status")
    if number(commit) is not None and not columns.HASH.fullmatch(commit):
        return Problem(line.number, f"its cells are out of place ({expected}): a number stands where the commit should")
    if verdict is None:
        if not cell(where.status):
            return Problem(line.number, "no status")
        said = _short(cell(where.status), 30)
        return Problem(line.number, f"its status {said} says neither kept, nor discarded, nor failed")
    if number(written) is None and verdict not in FAILED:
        if written.casefold() in columns.BLANK:
            return Problem(
                line.number, f"no score, and yet its status is {_short(cell(where.status), 30) or 'not given'}"
            )
        return Problem(line.number, f"its score {_short(written, 30)} is no number")
    commit = "" if commit.casefold() in columns.BLANK else commit[:80]
    return Entry(line.number, commit, written[:40], verdict, cell(where.description)[:LONGEST])


def _short(text: str, width: int) -> str:
    return repr(text if len(text) <= width else text[: width - 1] + "…")


def _inferred(entries: Sequence[Entry], direction: Direction) -> tuple[list[Entry], list[str]]:
    """Where a log only says that something ran, what was better than all before counts as kept, as in such loops."""
    open_ = [entry for entry in entries if entry.verdict is Verdict.SCORED]
    if not open_:
        return list(entries), []
    best: float | None = None
    found = []
    for entry in entries:
        better = entry.score is not None and (best is None or direction.better(entry.score, best))
        if entry.verdict is Verdict.SCORED:
            verdict = Verdict.KEEP if better else Verdict.DISCARD
            entry = replace(entry, verdict=verdict)
        if entry.verdict is Verdict.KEEP and better:
            best = entry.score
        found.append(entry)
    return found, [
        f"{_count(len(open_), 'line')} without a verdict: whatever was better than all before counts as kept"
    ]


def _without_shared_commits(entries: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """Leave out commits that several different experiments name: loops that log before they commit name their base."""
    ideas: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.commit:
            ideas[entry.commit.casefold()].add(entry.description.casefold())
    shared = {commit for commit, said in ideas.items() if len(said) > SHARED}
    if not shared:
        return list(entries), []
    found = [replace(entry, commit="") if entry.commit.casefold() in shared else entry for entry in entries]
    several = _count(len(shared), "commit")
    return found, [f"{several} named by more than {SHARED} different experiments, and left out as naming none of them"]


def _odd_direction(entries: Sequence[Entry], metric: str, direction: Direction) -> str:
    """A warning where the keeps, or the score's name, speak for the other direction."""
    scores = [e.score for e in entries if e.verdict is Verdict.KEEP and e.score is not None]
    other = Direction.MAX if direction is Direction.MIN else Direction.MIN
    pairs = list(pairwise(scores))
    ups, downs = (sum(way.better(new, old) for old, new in pairs) for way in (direction, other))
    word = "lower" if direction is Direction.MIN else "higher"
    if downs > max(2, 2 * ups):
        said = f"most keeps are improvements only where {other.value} is the direction"
    elif direction is Direction.MIN and vocabulary.HIGHER.search(metric) and ups <= downs:
        said = f"the score is called {metric}"
    else:
        return ""
    return f"{word} was taken as better, but {said}: if that is so, audit it with --direction {other.value}"
