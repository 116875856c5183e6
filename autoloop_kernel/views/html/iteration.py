"""One iteration as a mimebundle: what was tried, why, what changed, how it learnt, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autoloop_kernel.records import Attempt, Iteration, Point
from autoloop_kernel.views import company, fresh, picture, tables, words
from autoloop_kernel.views.curves import Curve, draw
from autoloop_kernel.views.detail import Detail
from autoloop_kernel.views.html import page
from autoloop_kernel.views.html.diff import diff
from autoloop_kernel.views.html.record import data, missing, unified_diff

MIME = "application/vnd.autoloop.iteration+json"
PLOT = 760
"""How wide a plot is shown, in CSS pixels; it is drawn half as large again, for fine screens."""
OPEN_ATTEMPTS = 8
"""A longer table of attempts is folded."""


def bundle(detail: Detail, champion: int | None = None) -> dict[str, Any]:
    """The mimebundle of an iteration: JSON, HTML and plain text; `champion` is the champion's number, where known."""
    return {
        MIME: data(detail),
        "text/html": page.block(*fragments(detail, champion)),
        "text/plain": plain(detail),
    }


def brief(detail: Detail, champion: int | None = None) -> dict[str, Any]:
    """The same JSON with one line of text, for where the full record stands above in the same cell."""
    it, metric = detail.iteration, detail.rules.metric
    seen = words.look_of(it)
    parts = [f"{it.number} · {words.shorten(it.title, 60)}: {seen.sign} {seen.word}"]
    if it.score is not None:
        parts.append(f"{metric.name} {words.number(it.score)}")
    gain = difference(detail)
    if gain is not None:
        parts.append(f"{words.signed(gain, words.decimals([it.score]))} against {it.base}")
    if it.number == champion:
        parts.append("the champion")
    return {MIME: data(detail), "text/plain": page.visible(words.plain(", ".join(parts)))}


def plain(detail: Detail) -> str:
    """What `autoloop show` prints, without colours."""
    it = detail.iteration
    changed = unified_diff(detail) or missing(detail)
    return page.text(
        tables.show(it, detail.rules.metric, detail.base, changed, detail.curve, "", detail.cost, _fresh(detail))
    )


def difference(detail: Detail) -> float | None:
    """Its score less its base's; None where one has no number, or they are of different epochs."""
    base = [detail.base] if detail.base is not None else []
    return words.differences([*base, detail.iteration]).get(detail.iteration.number)


def fragments(detail: Detail, champion: int | None = None) -> list[str]:
    """The parts of an iteration's HTML, for a frame."""
    it = detail.iteration
    gone = missing(detail)
    changed = page.note(gone) if gone else diff(detail.before, detail.after, f"iteration {it.base}", _name(it.number))
    return [
        page.head(f"{it.number} · {words.plain(it.title)}", _origin(detail, champion)),
        _result(detail, champion),
        _why(detail),
        page.prose(it.hypothesis),
        changed,
        _curve(detail),
        facts(it, detail.base),
        _attempts(it.attempts),
        _about(detail),
        _log(detail),
    ]


def _name(number: int) -> str:
    return f"iteration {number}"


def _origin(detail: Detail, champion: int | None) -> list[str]:
    """Who proposed it, on what, where and when."""
    it = detail.iteration
    base = "a baseline" if it.base is None else f"on {it.base}{' (champion)' if it.base == champion else ''}"
    return [
        f"by {words.shorten(it.agent, 40)}" if it.agent and it.agent != "baseline" else "",
        base,
        company.whose(it),
        f"island {words.shorten(it.island, 40)}" if it.island else "",
        words.shorten(detail.arena, 60),
        words.moment(it.time) if it.time else "",
        words.bill(detail.cost),
    ]


def _result(detail: Detail, champion: int | None) -> str:
    """Verdict, score, difference and time as large figures."""
    it, metric = detail.iteration, detail.rules.metric
    standing = [it.state or "", "the champion" if it.number == champion else ""]
    items = [(page.sign(words.look_of(it)), ", ".join(part for part in standing if part) or "verdict")]
    if it.score is not None:
        items.append((page.esc(words.number(it.score)), words.goal(metric)))
    gain = difference(detail)
    if gain is not None and detail.base is not None and it.score is not None:
        share = words.share(it.score, detail.base.score)
        better = metric.direction.better(gain, 0.0)
        mark = ' class="al-keep"' if better else ""
        items.append(
            (
                f"<span{mark}>{page.esc(words.signed(gain, words.decimals([it.score])))}</span>",
                f"{'better' if better else 'worse' if gain else 'the same as'} {'than ' if gain else ''}"
                f"{detail.base.number} ({words.number(detail.base.score)}{'; ' + share if share else ''})",
            )
        )
    if it.seconds.total:
        items.append((page.esc(words.duration(it.seconds.total)), "in all"))
    return page.figures(items)


def _why(detail: Detail) -> str:
    """The judge's reason, and why there is no difference where a reader would look for one."""
    it, base = detail.iteration, detail.base
    said = it.reason.strip() not in ("", it.title.strip())  # a baseline's reason is that it is one
    parts = [f'<p class="al-why">{page.line(it.reason, 1000)}</p>'] if said else []
    parts += [f'<p class="al-why">{page.line(told, 1000)}</p>' for told in _fresh(detail)]
    if base is not None and base.epoch != it.epoch:
        parts.append(page.note(f"Its base, iteration {base.number}, is of another epoch: their scores do not compare."))
    return "\n".join(parts)


def _fresh(detail: Detail) -> list[str]:
    """What fresh runs say of it, in sentences."""
    return fresh.lines(detail.figures, words.decimals([detail.iteration.score]))


def facts(it: Iteration, base: Iteration | None) -> str:
    """The last attempt's receipt, each number with its change against the base's, and what the referee recorded."""
    own = it.attempts[-1] if it.attempts else None
    if own is None:
        return ""
    then = base.attempts[-1].facts if base is not None and base.attempts else {}
    held = {key: page.value(new) + _change(then.get(key), new) for key, new in own.facts.items()}
    return "\n".join(part for part in (page.pairs(held, "facts"), page.pairs(own.extra, "recorded")) if part)


def _change(old: Any, new: Any) -> str:
    """` (+4)` where both are ordinary numbers that differ."""
    change = page.moved(old, new)
    return f" ({change})" if change else ""


def curves(held: Sequence[Curve], detail: Detail, alt: str) -> str:
    """Learning curves in one picture; empty where none has a point to draw."""
    drawn = [curve for curve in held if last_value(curve.points) is not None]
    if not drawn:
        return ""
    figure = draw(drawn, clock=detail.rules.clock, budget_s=detail.rules.budget_s)
    return page.picture(picture.png(figure, dpi=1.5 * PLOT / figure.get_figwidth()), alt, PLOT)


def last_value(points: Sequence[Point]) -> tuple[str, float, float] | None:
    """The first reported number's last ordinary value: its name, where it began, where it ended; None without."""
    for name in dict.fromkeys(name for point in points for name in point.numbers):
        values = [v for point in points if (v := words.finite(point.numbers.get(name))) is not None]
        if values:
            return name, values[0], values[-1]
    return None


def _curve(detail: Detail) -> str:
    it, found = detail.iteration, last_value(detail.curve)
    if found is None:
        return ""
    name, first, last = found
    held = [Curve(f"iteration {it.number}", detail.curve)]
    beside = ""
    if last_value(detail.base_curve) is not None:
        held.insert(0, Curve(f"its base, {it.base}", detail.base_curve, words.CHAMPION, 1.3))
        beside = f", beside iteration {it.base}"
    ends = f"{name} {words.number(first)} {words.ARROW} {words.number(last)}"
    return curves(held, detail, f"learning curve of iteration {it.number}{beside}: {ends}")


def _attempts(attempts: Sequence[Attempt]) -> str:
    """Every attempt as a small table where there are several; a long one is folded."""
    if len(attempts) < 2:
        return ""
    body = []
    for each in attempts:
        total = words.number(each.seconds.total, 1) if each.seconds.total else ""
        score = words.number(each.score) if each.score is not None else ""
        seen = page.sign(words.look(each.verdict))
        cells = (f"{each.attempt} {each.kind}", str(each.seed), score, total)
        body.append([*(page.esc(cell) for cell in cells), seen, page.line(each.reason)])
    kinds = ["", "al-num", "al-num", "al-num", "", "al-wide"]
    inner = page.table(["attempt", "seed", "score", "seconds", "verdict", "reason"], body, kinds)
    return page.fold(f"{len(attempts)} attempts", inner, shown=len(attempts) <= OPEN_ATTEMPTS)


def _about(detail: Detail) -> str:
    """Where the time went, with which seed, and where the record lies."""
    it, s = detail.iteration, detail.iteration.seconds
    spent = {"propose": s.propose, "start": s.start, "run": s.run, "score": s.score}
    times = {key: words.duration(seconds) for key, seconds in spent.items()} if s.total else {}
    record: dict[str, Any] = {"epoch": it.epoch}
    if len(it.attempts) == 1:
        record["seed"] = str(it.attempts[0].seed)
    if it.commit:
        record["commit"] = it.commit[:10]
    paid = words.money(detail.cost)
    lines = [
        page.pairs(times, "time"),
        page.pairs({"agent": paid} if paid else {}, "cost"),
        page.pairs(record, "record"),
    ]
    if detail.notebook is not None and it.notebook:
        path = f'<code class="al-path">{page.line(it.notebook)}</code>'
        lines.append(f'<p class="al-pairs"><span class="al-label">notebook</span> {path}</p>')
    return "\n".join(part for part in lines if part)


def _log(detail: Detail) -> str:
    """The tail of its log, folded."""
    if not detail.log.strip():
        return ""
    lines = detail.log.count("\n") + 1
    head = f"log, the last {lines} lines" if lines > 1 else "log, the last line"
    return page.fold(head, f'<pre class="al-log">{page.console(detail.log)}</pre>')
