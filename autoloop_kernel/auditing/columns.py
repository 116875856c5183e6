"""Which column of a log is which: by its header where there is one, and by what stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from autoloop_kernel.auditing import vocabulary
from autoloop_kernel.auditing.log import number

Row = Sequence[str]

HASH = re.compile(r"[0-9a-f]{4,64}", re.ASCII | re.IGNORECASE)
BLANK = ("", "-", "--", "–", "—", "n/a", "na", "none", "null", "?", "pending")
COVERED = 0.3
"""What share of the rows a score has to have a number in."""
SAMPLE = 400
"""How many rows are looked at to tell what a column holds."""


@dataclass(frozen=True)
class Columns:
    """The places of the columns, from 0; None for one that the log lacks. `names`: the header's, empty without one."""

    score: int
    commit: int | None = None
    status: int | None = None
    description: int | None = None
    names: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """What the score is called; `score` where no header says it."""
        named = self.score < len(self.names) and self.names[self.score].strip()
        return named or "score"

    def told(self) -> str:
        """Which column was taken for what, in words."""
        places = {"score": self.score, "commit": self.commit, "status": self.status, "description": self.description}
        said = [
            f"{role}: column {place + 1}{self._named(place)}" for role, place in places.items() if place is not None
        ]
        lacking = [role for role, place in places.items() if place is None]
        return "; ".join(said) + (f"; no {' and no '.join(lacking)}" if lacking else "")

    def _named(self, place: int) -> str:
        return f" ({self.names[place].strip()})" if place < len(self.names) else ""


def is_header(row: Row) -> bool:
    """Whether a row names columns: at least two names that logs use, and no number."""
    known = {*vocabulary.COMMIT, *vocabulary.STATUS, *vocabulary.DESCRIPTION, *vocabulary.SCORE}
    names = [vocabulary.plain_name(cell) for cell in row]
    return len(known & set(names)) >= 2 and not any(number(cell) is not None for cell in row)


def find(header: Row | None, rows: Sequence[Row], score: str | None = None) -> Columns | None:
    """The columns of a log with these rows; None where none of them holds a score. `score` names the score's column."""
    sample = rows[:: max(1, len(rows) // SAMPLE)]
    width = max([len(row) for row in sample] + [len(header or ())], default=0)
    cells = [[row[place].strip() for row in sample if place < len(row)] for place in range(width)]
    names = [vocabulary.plain_name(name) for name in header] if header else []
    names += [""] * (width - len(names))
    commit = _best(range(width), names, vocabulary.COMMIT, [_hashes(own) for own in cells], 0.5)
    left = [place for place in range(width) if place != commit]
    words = [_share(own, lambda cell: vocabulary.verdict(cell) is not None and len(cell) <= 40) for own in cells]
    status = _best(left, names, vocabulary.STATUS, words, 0.5)
    left = [place for place in left if place != status]
    found = _score(left, names, cells, score, bool(header))
    if found is None:
        return None
    left = [place for place in left if place != found]
    text = [0.0 if _share(own, _is_number) > 0.5 else fmean(map(len, own)) if own else 0.0 for own in cells]
    description = _best(left, names, vocabulary.DESCRIPTION, text, 1.0)
    return Columns(found, commit, status, description, tuple(header or ()))


def _best(
    places: Sequence[int], names: Sequence[str], known: Sequence[str], weights: Sequence[float], least: float
) -> int | None:
    """The place whose name is known, the likeliest name first; else the one that holds most of what is looked for."""
    by_name = [place for place in places if names[place] in known]
    full = [place for place in by_name if weights[place] >= least]
    if by_name:
        return min(full or by_name, key=lambda place: known.index(names[place]))
    return max((place for place in places if weights[place] >= least), key=lambda place: weights[place], default=None)


def _score(
    places: Sequence[int], names: Sequence[str], cells: Sequence[Row], wanted: str | None, named: bool
) -> int | None:
    """The score's column: the one that is asked for, else by its whole name, a word of it, or what stands in it."""
    if wanted is not None:
        asked = vocabulary.plain_name(wanted)
        by_place = int(wanted) - 1 if wanted.isdecimal() else None
        return next((place for place in places if names[place] == asked or place == by_place), None)
    able = [place for place in places if _covered(cells[place]) >= COVERED and _share(cells[place], _is_number) >= 0.5]
    numeric = [place for place in places if _share(cells[place], _is_number) >= 0.5]
    known = [place for place in able or numeric if names[place] in vocabulary.SCORE]
    if known:
        return min(known, key=lambda place: vocabulary.SCORE.index(names[place]))
    worded = [place for place in able if vocabulary.SCORE_WORDS & set(names[place].split("_"))]
    worded = [place for place in worded if not names[place].startswith("train")] or worded
    if named and not worded:
        able = [place for place in able if not vocabulary.NO_SCORE.search(names[place])] or able
    val = [place for place in worded or able if names[place].startswith("val")]
    # Without a name: counters and seeds are whole numbers, settings are the same on every line.
    broken = [place for place in able if any("." in cell for cell in cells[place])]
    moving = [place for place in broken if len(set(cells[place])) > max(1, 0.2 * len(cells[place]))]
    return next(iter(val or worded or moving or broken or able), None)


def _covered(cells: Row) -> float:
    """What share of the rows has a number here: failed runs have none."""
    return sum(map(_is_number, cells)) / len(cells) if cells else 0.0


def _share(cells: Row, test: Callable[[str], bool]) -> float:
    """What share of the cells that are not blank pass the test; 0 where all are blank."""
    full = [cell for cell in cells if cell.casefold() not in BLANK]
    return sum(map(test, full)) / len(full) if full else 0.0


def _is_number(cell: str) -> bool:
    return number(cell) is not None


def _hashes(cells: Row) -> float:
    """What share of the cells looks like commits; 0 where hardly any has a letter, as in counts and dates."""
    found = _share(cells, lambda cell: bool(HASH.fullmatch(cell)) and len(cell) >= 6)
    return found if _share(cells, lambda cell: bool(re.search("[a-f]", cell.lower()))) >= 0.3 else 0.0
