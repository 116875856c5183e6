"""The parts of a report as a notebook shows them: figures, pictures and tables. All text of agents is escaped.

Each function takes a `Report` and gives what a cell displays: HTML that reads without style, and plain text beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from autoloop_kernel.reporting.report import Open, Report
from autoloop_kernel.views import report_pictures, report_words, words
from autoloop_kernel.views.audit import Shown
from autoloop_kernel.views.audit_words import plural
from autoloop_kernel.views.html import page

WIDE = 840
"""How wide pictures are shown, in CSS pixels."""
ROWS = 60
"""How many rows a table shows: the last."""
OPEN = 30
"""A longer table is folded."""
NAMES = 10


def champion(report: Report) -> Shown:
    """The champion against the baseline in figures, and the progress."""
    parts: list[str] = []
    plain: list[str] = []
    if report.baseline is not None and report.champion is not None:
        items = _figures(report)
        parts.append(page.figures([(page.esc(value), label) for value, label in items]))
        plain += [f"{label}: {value}" for value, label in items]
    alt = "The score of every iteration, the best so far, and the noise of one run round it"
    parts.append(page.picture(report_pictures.progress_png(report), alt, WIDE))
    return Shown({"text/html": page.block(*parts), "text/plain": page.visible("\n".join([*plain, alt]))})


def _figures(report: Report) -> list[tuple[str, str]]:
    """The large figures: value and label."""
    digits, first, last = report_words.places(report), report.baseline, report.champion
    if first is None or last is None:
        return []
    items = [(words.number(first.score, digits), f"baseline {words.shorten(report.metric.name, 40)}")]
    if not report.steps:
        return items
    items.append((words.number(last.score, digits), f"champion, iteration {last.number}"))
    items.append((report_words.size(report, report.screened), "gain as judged"))
    if report.fresh is not None:
        low, high = report.fresh.low, report.fresh.high
        spread = f" ({report_words.size(report, low)} … {report_words.size(report, high)})" if low != high else ""
        items.append((report_words.size(report, report.fresh.mean), f"gain by fresh runs{spread}"))
    if report.held_out is not None:
        spread = f"{report_words.size(report, report.held_out.low)} … {report_words.size(report, report.held_out.high)}"
        items.append((report_words.size(report, report.held_out.mean), f"gain on the holdout ({spread})"))
    if (luck := report_words.luck(report)) is not None:
        items.append((report_words.size(report, luck), "optimism of the judged gain"))
    return items


def kept(report: Report) -> Shown:
    """What each kept step is worth: as a picture, and as a table with what tells it."""
    steps = report.steps[-ROWS:]
    image = ""
    if any(step.effect is not None for step in steps):
        alt = "What each kept step is worth, with its 90 % interval"
        image = page.picture(report_pictures.gains_png(report), alt, WIDE)
    digits = report_words.places(report)
    heads = ["", "state", "what changed", "worth (90 %)", "told by", "as judged", "score", "agent"]
    kinds = ["al-num", "al-sign", "al-wide", "al-num", "al-sign", "al-num", "al-num", ""]
    rows, plain = [], []
    for step in steps:
        look = words.look("keep", step.state)
        row = [
            str(step.number),
            f"{look.sign} {step.state}",
            step.title,
            report_words.worth(report, step),
            report_words.told_by(step),
            report_words.size(report, step.screened),
            words.number(step.score, digits),
            step.agent,
        ]
        plain.append(row)
        coloured = f'<span class="{page.CLASSES.get(look.colour, "al-rest")}">{page.esc(row[1])}</span>'
        rows.append([page.line(cell) if place != 1 else coloured for place, cell in enumerate(row)])
    said = [f"The latest {len(steps):,} of {report.line:,} steps."] if len(steps) < report.line else []
    if report.refuted:
        said.append(f"Fresh runs refuted {plural(len(report.refuted), 'keep')}: {_listed(report.refuted)}.")
    table = page.table(heads, rows, kinds)
    if len(rows) > OPEN:
        table = page.fold(f"{len(rows)} steps", table)
    return _shown([image, table, *map(page.note, said)], heads, plain, said)


def failed(report: Report) -> Shown:
    """Failures by what went wrong."""
    heads = ["", "what went wrong", "how often", "time", "iterations", "for example"]
    kinds = ["al-sign", "", "al-num", "al-num", "", "al-wide"]
    rows, plain = [], []
    for group in report.failures:
        look = words.look(group.verdict)
        more = f" and {group.count - len(group.numbers)} more" if group.count > len(group.numbers) else ""
        row = [
            look.sign,
            group.what,
            f"{group.count:,}",
            words.duration(group.seconds),
            ", ".join(map(str, group.numbers)) + more,
            group.example,
        ]
        plain.append(row)
        mark = f'<span class="{page.CLASSES.get(look.colour, "al-rest")}">{page.esc(look.sign)}</span>'
        rows.append([mark, *(page.line(cell) for cell in row[1:])])
    return _shown([page.table(heads, rows, kinds)], heads, plain)


def touched(report: Report) -> Shown:
    """What was changed, and what came of it, by the names whose code changed."""
    heads = ["what was changed", "tried", "kept", "discarded", "failed", "best gain over its base"]
    kinds = ["al-wide", "al-num", "al-num", "al-num", "al-num", "al-num"]
    rows = [
        [
            one.name,
            f"{one.tried:,}",
            f"{one.kept:,}" if one.kept else "",
            f"{one.discarded:,}" if one.discarded else "",
            f"{one.failed:,}" if one.failed else "",
            report_words.size(report, one.best),
        ]
        for one in report.touched[:NAMES]
    ]
    html = [[page.line(cell) for cell in row] for row in rows]
    said = []
    if report.looked < len(report.rows) - 1:
        said.append(f"Of the latest {report.looked:,} iterations; one that changes several names counts for each.")
    return _shown([page.table(heads, html, kinds), *map(page.note, said)], heads, rows, said)


def still_open(report: Report) -> Shown:
    """What the last word is not said about: provisional keeps, near misses, proposals that wait, what is queued."""
    said = []
    if report.unconfirmed:
        named = report_words.numbers([step.number for step in report.unconfirmed])
        said.append(f"Provisional on the kept line: {named}.")
    if report.waiting:
        said.append(f"Proposals that wait for you: {'; '.join(report.waiting[:NAMES])}.")
    if report.queued:
        when = "" if report.running else " for the next start"
        said.append(f"{plural(report.queued, 'request')} queued{when}.")
    if report.running:
        said.append("A driver is at work: this is how things stood when the report was made.")
    if not report.near:
        return Shown({"text/html": page.block(*map(page.note, said)), "text/plain": page.visible("\n".join(said))})
    said.append("Discards whose score lies within the noise of the champion's, the best first:")
    heads = ["", "what was tried", "against the champion", "runs"]
    rows = [
        [str(one.number), one.title, report_words.size(report, one.gain), f"{one.runs:,}"]
        for one in report.near[:NAMES]
    ]
    html = [[page.line(cell) for cell in row] for row in rows]
    table = page.table(heads, html, ["al-num", "al-wide", "al-num", "al-num"])
    return _shown([*map(page.note, said), table], heads, rows, said)


def spent(report: Report) -> Shown:
    """Where the time went, and the money, by agent."""
    whole, parts = report_pictures.total(report.spent), []
    rows = [
        (word, words.duration(seconds), report_pictures.share(seconds, whole))
        for name, word, _ in report_pictures.PARTS
        if whole and (seconds := getattr(report.spent, name)) > 0
    ]
    alt = "Where the time went: " + ", ".join(f"{word} {length} ({part})" for word, length, part in rows)
    if rows:
        parts.append(page.picture(report_pictures.time_png(report.spent), alt, WIDE))
    said = _beside(report)
    parts += [page.note(one) for one in said]
    plain = [alt] * bool(rows) + said
    if report.agents:
        heads = ["agent", "runs", "keeps", "failed", "training and scoring", "dollars"]
        paid = any(one.dollars for one in report.agents)
        body = [
            [
                one.name,
                f"{one.runs:,}",
                f"{one.keeps:,}",
                f"{one.failed:,}" if one.failed else "",
                words.duration(one.seconds),
                words.dollars(one.dollars) if one.dollars else "",
            ][: 6 if paid else 5]
            for one in report.agents[:NAMES]
        ]
        heads, kinds = heads[: 6 if paid else 5], ["al-wide", *["al-num"] * 5][: 6 if paid else 5]
        parts.append(page.table(heads, [[page.line(cell) for cell in row] for row in body], kinds))
        return _shown(parts, heads, body, plain)
    return Shown({"text/html": page.block(*parts), "text/plain": page.visible("\n".join(plain))})


def _beside(report: Report) -> list[str]:
    """What is to be known beside the bar."""
    said = []
    if report.spent.fresh:
        said.append(f"{words.duration(report.spent.fresh)} of it went into fresh runs that confirm.")
    if report.spent.thought >= 1:
        said.append(f"Agents thought for {words.duration(report.spent.thought)}, beside runs wherever they could.")
    if money := words.money(report.cost):
        said.append(f"Their requests cost {money}.")
    return said


def next_steps(report: Report) -> Shown:
    """What to try next, with what to type for it."""
    items, plain = [], []
    for one in report_words.advice(report):
        command = f'<br><code class="al-path">$ {page.esc(one.command)}</code>' if one.command else ""
        items.append(f"<li>{page.marked(one.said)}{command}</li>")
        plain.append(f"- {one.said.replace('`', '')}" + (f"\n    $ {one.command}" if one.command else ""))
    listed = f'<ol class="al-list">{"".join(items)}</ol>'
    return Shown({"text/html": page.block(listed), "text/plain": page.visible("\n".join(plain))})


def _listed(several: Sequence[Open]) -> str:
    """Iterations by number with their titles."""
    named = [f"{one.number} {words.shorten(one.title, 60)}" for one in several[:NAMES]]
    return "; ".join(named) + (f" and {len(several) - NAMES} more" if len(several) > NAMES else "")


def _shown(
    parts: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]], said: Sequence[str] = ()
) -> Shown:
    """Fragments as HTML, and a table with sentences as plain text beside it."""
    grid = Table(*heads, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        grid.add_row(*(Text(words.shorten(cell, 60)) for cell in row))
    plain = "\n".join([*said, page.text(grid)])
    return Shown({"text/html": page.block(*parts), "text/plain": page.visible(plain)})
