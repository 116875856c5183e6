"""The parts of an audit as a notebook shows them: tables, pictures and changes. All text of the log is escaped.

Each function takes an `Audit` and gives what a cell displays: HTML that reads without style, and plain text beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from autoloop_kernel.auditing.audit import Audit
from autoloop_kernel.auditing.chances import Chance
from autoloop_kernel.auditing.findings import Doubt
from autoloop_kernel.auditing.log import Entry
from autoloop_kernel.records import Verdict
from autoloop_kernel.views import audit_pictures, audit_words, words
from autoloop_kernel.views.html import page

ROWS = 400
"""How many rows a table shows."""
PLAIN = 60
"""How many of them the plain text has, which hardly anybody sees."""
OPEN = 30
"""A longer table is folded."""


@dataclass(frozen=True)
class Shown:
    """What a cell displays, by mime type."""

    bundle: dict[str, str]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.bundle


def verdict(audit: Audit) -> Shown:
    """The verdict in plain words."""
    said = audit_words.verdict(audit)
    markdown = f"**{audit_words.headline(audit)}.**\n\n" + "\n".join(f"- {one}" for one in said)
    return Shown({"text/markdown": markdown, "text/plain": "\n".join([audit_words.headline(audit), *said])})


def progress(audit: Audit) -> Shown:
    """The score of every experiment, what was kept, and the noise as a band round the best so far."""
    if not audit.log.entries:
        return _note("There is nothing to draw: no line of the log could be used.")
    alt = "The score of every experiment by its line, the best so far, and the noise of one run round it"
    return Shown({"text/html": page.block(page.picture(audit_pictures.progress_png(audit), alt)), "text/plain": alt})


def noise(audit: Audit) -> Shown:
    """How noisy a run is, and the repeats that say so."""
    found, digits = audit.noise, audit_words.places(audit)
    said = audit_words.noise(found).replace("`", "")
    if not found.repeats:
        return _note(said)
    rows = [
        [_lines(repeat.lines), ", ".join(words.number(score, digits) for score in repeat.scores), repeat.why]
        for repeat in found.repeats
    ]
    spread = words.number(found.spread, digits + 1)
    return _table(
        [said, f"The repeats alone, pooled: {spread}."], ["lines", "scores", "why they are one"], rows, ["", "", ""]
    )


def keeps(audit: Audit) -> Shown:
    """The chance that each keep is real: as a picture, and as a table with what each is believed to have gained."""
    if not audit.keeps:
        return _note("There is no keep after the baseline whose chance could be told.")
    image = page.picture(audit_pictures.chances_png(audit), audit_pictures.counted(audit.keeps))
    return _chances(audit, audit.keeps, image, [audit_pictures.counted(audit.keeps) + "."])


def retests(audit: Audit) -> Shown:
    """The discards that lie within the noise, the likeliest gain first: each is worth one more run."""
    if not audit.retests:
        return _note("No discard lies within the noise.")
    return _chances(
        audit, audit.retests, "", ["Discards within the noise of the best before them, the likeliest gain first."]
    )


def contradictions(audit: Audit) -> Shown:
    """Verdicts that the log's own scores speak against."""
    return _doubts(audit, audit.contradictions, "No verdict contradicts the scores.")


def unimproving(audit: Audit) -> Shown:
    """Keeps that were no better than the best before them."""
    return _doubts(audit, audit.unimproving, "Every keep was better than the best before it.")


def duplicates(audit: Audit) -> Shown:
    """Lines with the same commit or description, and experiments whose scores agree to the last digit."""
    found = [*audit.duplicates, *audit.equal_scores]
    said = f"By chance, {audit.by_chance:.1f} pairs of equal scores were to be expected." if audit.equal_scores else ""
    return _doubts(audit, found, "No commit, description or score occurs twice.", said)


def false_minima(audit: Audit) -> Shown:
    """Numbers that nobody measured: zeros of crashes, NaN, infinities. They were left out of everything above."""
    return _doubts(audit, audit.false_minima, "No failure was logged as a record.")


def missing(audit: Audit) -> Shown:
    """Lines whose commit the repository lacks."""
    if not audit.log.repository:
        return _note("No repository was looked at: audit with --repo DIR for missing commits and each keep's change.")
    return _doubts(audit, audit.missing, "No commit is missing.", audit.log.repository + ".")


def unread(audit: Audit) -> Shown:
    """How the log was read, and every line that could not be used."""
    said = [f"{note}." for note in audit.log.notes]
    rows = [[str(problem.line), problem.why] for problem in audit.log.problems]
    return _table(said, ["line", "why it cannot be used"], rows, ["al-num", "al-wide"]) if rows else _note(*said)


def diffs(audit: Audit) -> Shown:
    """What each keep changed against the keep before it, folded."""
    entries = {entry.line: entry for entry in audit.log.entries}
    shown = [(entries[line], text) for line, text in audit.log.diffs.items() if line in entries]
    if not shown:
        lacking = "audit with --repo DIR, the repository of the experiments"
        return _note(
            f"No changes to show: {'the repository has none of any keep' if audit.log.repository else lacking}."
        )
    folds = [page.fold(_name(entry), f'<pre class="al-log">{_coloured(text)}</pre>') for entry, text in shown]
    plain = "\n\n".join(f"{_name(entry)}\n{text}" for entry, text in shown)
    return Shown({"text/html": page.block(*folds), "text/plain": page.visible(plain)})


def _name(entry: Entry) -> str:
    return f"line {entry.line}: {words.shorten(entry.description, 100) or 'no description'}"


def _coloured(diff: str) -> str:
    """A unified diff as HTML: its signs stay, colours are added."""
    kinds = {"+": "al-keep", "-": "al-crash", "@": "al-run"}
    lines = [(kinds.get(line[:1], ""), page.esc(line)) for line in diff.split("\n")]
    return "\n".join(f'<span class="{kind}">{line}</span>' if kind else line for kind, line in lines)


def _chances(audit: Audit, found: Sequence[Chance], image: str, said: Sequence[str]) -> Shown:
    digits = audit_words.places(audit)
    heads = [
        "line",
        "commit",
        "score",
        "logged gain",
        "believed gain (90 %)",
        "chance",
        "range",
        "",
        "what",
    ]
    rows = []
    for one in found:
        gain = one.gain
        believed = (
            f"{words.signed(gain.mean, digits)} ({words.signed(gain.low, digits)} … {words.signed(gain.high, digits)})"
        )
        rows.append(
            [
                str(one.entry.line),
                words.shorten(one.entry.commit, 10),
                words.number(one.entry.score, digits),
                words.signed(one.logged, digits),
                "0" if one.luck else believed,
                f"{one.p:.2f}",
                f"{one.low:.2f} … {one.high:.2f}",
                one.word if one.entry.verdict is Verdict.KEEP else "",
                one.entry.description,
            ]
        )
    kinds = ["al-num", "", "al-num", "al-num", "al-num", "al-num", "al-num", "al-sign", "al-wide"]
    return _table(said, heads, rows, kinds, image)


def _doubts(audit: Audit, found: Sequence[Doubt], none: str, said: str = "") -> Shown:
    """A table of what speaks against the log, with the first line's own text."""
    if not found:
        return _note(none, said)
    entries = {entry.line: entry for entry in audit.log.entries}
    rows = []
    for doubt in found:
        entry = entries[doubt.lines[0]]
        status = entry.verdict.value if entry.verdict is not Verdict.SCORED else "ran"
        rows.append(
            [_lines(doubt.lines), doubt.said, entry.written, status, words.shorten(entry.commit, 10), entry.description]
        )
    heads = ["line", "what is odd", "score", "verdict", "commit", "description"]
    return _table([said], heads, rows, ["", "", "al-num", "", "", "al-wide"])


def _lines(lines: Sequence[int]) -> str:
    named = ", ".join(str(line) for line in lines[:8])
    return named + (f" and {len(lines) - 8} more" if len(lines) > 8 else "")


def _note(*said: str) -> Shown:
    told = [one for one in said if one]
    return Shown({"text/html": page.block(*map(page.note, told)), "text/plain": page.visible("\n".join(told))})


def _table(
    said: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[str], image: str = ""
) -> Shown:
    """Sentences, a picture and a table, as HTML and as plain text; long ones are folded."""
    body = page.table(heads, [[page.line(cell) for cell in row] for row in rows[:ROWS]], kinds)
    if len(rows) > OPEN:
        body = page.fold(f"{len(rows):,} rows", body)
    notes = [page.note(one) for one in (*said, _left(rows, ROWS)) if one]
    grid = Table(*heads, box=None, padding=(0, 2, 0, 0))
    for row in rows[:PLAIN]:
        grid.add_row(*(Text(words.shorten(cell, 80)) for cell in row))
    plain = [one for one in (*said, page.text(grid), _left(rows, PLAIN)) if one]
    return Shown({"text/html": page.block(image, *notes, body), "text/plain": page.visible("\n".join(plain))})


def _left(rows: Sequence[Any], most: int) -> str:
    """What to say of the rows that a table leaves out."""
    return f"The first {most:,} of {len(rows):,} rows are shown." if len(rows) > most else ""
