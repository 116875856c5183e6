"""Two iterations side by side: their numbers, their learning curves in one picture, and what changed between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.records import to_json
from autoloop_kernel.views import fresh, words
from autoloop_kernel.views.curves import Curve
from autoloop_kernel.views.detail import Detail
from autoloop_kernel.views.diff import coloured, unified
from autoloop_kernel.views.html import page
from autoloop_kernel.views.html.diff import diff
from autoloop_kernel.views.html.iteration import curves, last_value
from autoloop_kernel.views.html.record import changes, compared

MIME = "application/vnd.autoloop.comparison+json"


def bundle(a: Detail, b: Detail) -> dict[str, Any]:
    """The mimebundle of a comparison from iteration `a` to iteration `b` of one arena: JSON, HTML and plain text."""
    return {MIME: data(a, b), "text/html": page.block(*fragments(a, b)), "text/plain": plain(a, b)}


def difference(a: Detail, b: Detail) -> float | None:
    """The score of `b` less that of `a`; None where one has no number, or they are of different epochs."""
    x, y = words.finite(a.iteration.score), words.finite(b.iteration.score)
    return y - x if x is not None and y is not None and a.iteration.epoch == b.iteration.epoch else None


def data(a: Detail, b: Detail) -> dict[str, Any]:
    """Both rows with facts and curves, the score's difference (b less a), whether scores compare, and what changed."""
    found = {
        "arena": b.arena,
        "metric": to_json(b.rules.metric),
        "a": compared(a),
        "b": compared(b),
        "comparable": a.iteration.epoch == b.iteration.epoch,
        "difference": difference(a, b),
        "changes": [] if _gone(a, b) else changes(a.after, b.after),
    }
    return dict(page.tidy(found))


def _facts(detail: Detail) -> Mapping[str, Any]:
    attempts = detail.iteration.attempts
    return attempts[-1].facts if attempts else {}


def _gone(a: Detail, b: Detail) -> str:
    """Why there is no diff to show, as a sentence; empty where there is one."""
    lacking = [detail.iteration.number for detail in (a, b) if not detail.after]
    if lacking:
        return f"No diff: the sources of iteration {lacking[0]} are not in the lineage."
    return "" if dict(a.after) != dict(b.after) else f"The sources of {_pair(a, b)} are the same."


def _pair(a: Detail, b: Detail) -> str:
    return f"iterations {a.iteration.number} and {b.iteration.number}"


def _epochs(a: Detail, b: Detail) -> str:
    """A sentence where the scores do not compare."""
    if a.iteration.epoch == b.iteration.epoch:
        return ""
    x, y = a.iteration.epoch, b.iteration.epoch
    return f"They are of different epochs ({x} and {y}): their scores do not compare."


def lines(a: Detail, b: Detail) -> list[tuple[str, str, str, str]]:
    """The numbers as plain text: name, of a, of b, and b less a where that says something."""
    places = words.decimals([a.iteration.score, b.iteration.score])
    x, y = a.iteration, b.iteration

    def based(base: int | None) -> str:
        return "none: a baseline" if base is None else str(base)

    found = [
        ("title", words.shorten(x.title, 200), words.shorten(y.title, 200), ""),
        ("verdict", _verdict(a), _verdict(b), ""),
        (
            b.rules.metric.name,
            words.number(x.score, places),
            words.number(y.score, places),
            words.signed(difference(a, b), places) if difference(a, b) is not None else "",
        ),
        *_fresh(a, b, places),
        ("base", based(x.base), based(y.base), ""),
        ("agent", words.shorten(x.agent, 40), words.shorten(y.agent, 40), ""),
        ("attempts", str(len(x.attempts)), str(len(y.attempts)), ""),
        ("time in all", words.duration(x.seconds.total or None), words.duration(y.seconds.total or None), ""),
    ]
    facts = dict.fromkeys([*_facts(a), *_facts(b)])
    if facts:
        found.append(("facts", "", "", ""))
    found += [(name, *_numbers(_facts(a).get(name), _facts(b).get(name))) for name in list(facts)[: page.PAIRS]]
    return found


def _fresh(a: Detail, b: Detail, places: int) -> list[tuple[str, str, str, str]]:
    """What fresh runs say of both, with 90 % intervals, where they say something."""
    held = (
        ("gain over its base, fresh runs", a.figures.gain, b.figures.gain),
        ("gain over the baseline, fresh runs", a.figures.total, b.figures.total),
        ("the same on the holdout", a.figures.held_out, b.figures.held_out),
    )
    return [(name, _gain(x, places), _gain(y, places), "") for name, x, y in held if x is not None or y is not None]


def _gain(found: Gain | None, places: int) -> str:
    return "" if found is None else fresh.gain(found, places, level=False)


def _verdict(detail: Detail) -> str:
    seen, state = words.look_of(detail.iteration), detail.iteration.state
    return f"{seen.sign} {seen.word}" + (f" ({state})" if state else "")


def _numbers(old: Any, new: Any) -> tuple[str, str, str]:
    """Two facts as text with the second less the first, where both are numbers."""
    both = [words.DASH if each is None else page.value(each) for each in (old, new)]
    return both[0], both[1], page.moved(old, new)


def fragments(a: Detail, b: Detail) -> list[str]:
    """The parts of a comparison's HTML, for a frame."""
    x, y, gain, gone = a.iteration, b.iteration, difference(a, b), _gone(a, b)
    body = [
        [page.line(name, 60), page.line(one), page.line(two), page.esc(less)] for name, one, two, less in lines(a, b)
    ]
    body = [[f"<b>{row[0]}</b>", *row[1:]] if row[1:] == ["", "", ""] else row for row in body]
    if gain is not None and b.rules.metric.direction.better(gain, 0.0):
        body[2][3] = f'<b class="al-keep">{body[2][3]}</b>'
    body[1][1:3] = [page.sign(words.look_of(it)) + (f" ({page.esc(it.state)})" if it.state else "") for it in (x, y)]
    names = f"iteration {x.number}", f"iteration {y.number}"
    return [
        page.head(f"{x.number} and {y.number}, side by side", [words.shorten(b.arena, 60), words.goal(b.rules.metric)]),
        page.table(["", *names, f"{y.number} less {x.number}"], body, ["al-key", "al-fact", "al-fact", "al-num"]),
        page.note(_epochs(a, b)) if _epochs(a, b) else "",
        _curves(a, b),
        page.note(gone) if gone else diff(a.after, b.after, *names),
    ]


def _curves(a: Detail, b: Detail) -> str:
    held = [
        Curve(f"iteration {detail.iteration.number}", detail.curve, colour, width)
        for detail, colour, width in ((a, words.CHAMPION, 1.3), (b, words.KEEP, 1.6))
    ]
    ends = []
    for detail in (a, b):
        found = last_value(detail.curve)
        if found is not None:
            ends.append(f"{detail.iteration.number}: {found[0]} {words.number(found[1])} to {words.number(found[2])}")
    return curves(held, b, f"learning curves of {_pair(a, b)}; {', '.join(ends)}")


def plain(a: Detail, b: Detail) -> str:
    """The same as plain text."""
    x, y = a.iteration.number, b.iteration.number
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("")
    for head in (f"iteration {x}", f"iteration {y}"):
        table.add_column(head, overflow="fold")
    table.add_column(f"{y} less {x}", justify="right", no_wrap=True)
    for cells in lines(a, b):
        table.add_row(*(Text(words.plain(cell)) for cell in cells))
    parts: list[RenderableType] = [Text(f"{x} and {y}, side by side · {words.plain(b.arena)}"), "", table]
    if _epochs(a, b):
        parts += ["", Text(_epochs(a, b))]
    gone = _gone(a, b)
    changed = Text(gone) if gone else coloured(unified(a.after, b.after, f"iteration {x}", f"iteration {y}"))
    return page.text(Group(*parts, "", changed))
