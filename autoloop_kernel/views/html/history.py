"""Many iterations as a table: rich HTML, plain text, and a pandas frame where pandas is there."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from autoloop_kernel.records import Iteration, Metric, Verdict, to_json
from autoloop_kernel.views import rows, tables, words
from autoloop_kernel.views.html import page
from autoloop_kernel.views.tables import Unrun

MIME = "application/vnd.autoloop.history+json"
SHOWN, HELD = 200, 1000
"""How many of the latest iterations the table shows and the JSON holds."""
KINDS = ("al-num al-mine", "", "al-num al-mine", "al-num", "al-wide", "", "al-num", "")


def bundle(
    iterations: Sequence[Iteration],
    metric: Metric,
    champion: int | None = None,
    unrun: Sequence[Unrun] = (),
    why: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """The mimebundle of a history, oldest first: JSON, HTML and plain text; the arguments are those of `tables.log`."""
    latest = iterations[-HELD:]
    found = {
        "metric": to_json(metric),
        "champion": champion,
        "total": len(iterations),
        "rows": [rows.iteration_row(it) for it in latest],
        "unrun": [rows.unrun_row(row) for row in unrun[-HELD:]],
    }
    return {
        MIME: page.tidy(found),
        "text/html": html(iterations, metric, champion, unrun, why),
        "text/plain": page.text(tables.log(iterations, metric, champion, unrun[-SHOWN:], why, SHOWN)),
    }


def html(
    iterations: Sequence[Iteration],
    metric: Metric,
    champion: int | None = None,
    unrun: Sequence[Unrun] = (),
    why: Mapping[int, str] | None = None,
) -> str:
    """The rich table: one an epoch, newest last, of the latest `SHOWN` iterations and the proposals among them."""
    shown = iterations[-SHOWN:]
    left_out = len(iterations) - len(shown)
    if left_out:
        unrun = [row for row in unrun if row.time >= shown[0].time]
    unrun = unrun[-SHOWN:]
    gains, spans = words.differences(iterations), words.epochs(shown)
    parts = []
    if left_out:
        parts.append(page.note(f"The first {left_out:,} iterations are left out here; these are the latest {SHOWN}."))
    homeless = [row for row in unrun if row.epoch not in spans]
    for epoch in spans:
        if len(spans) > 1:
            parts.append(_epoch(epoch, (why or {}).get(epoch, "")))
        mine = [row for row in unrun if row.epoch == epoch] + (homeless if epoch == spans[-1] else [])
        parts.append(_table([it for it in shown if it.epoch == epoch], metric, gains, champion, mine))
    if not spans and unrun:
        parts.append(_table([], metric, {}, None, unrun))
    summary = tables.summary(iterations, metric).plain
    return page.block(*parts, f'<p class="al-note">{page.esc(summary)}</p>')


def _epoch(epoch: int, why: str) -> str:
    reason = f": {page.line(why)}" if why else ""
    return f'<p class="al-epoch"><strong>epoch {epoch}</strong>{reason}</p>'


def _table(
    iterations: Sequence[Iteration],
    metric: Metric,
    gains: Mapping[int, float],
    champion: int | None,
    unrun: Sequence[Unrun],
) -> str:
    """One epoch's table, proposals that never ran among the iterations by time."""
    places = words.decimals([it.score for it in iterations])
    entries: list[tuple[float, list[str], str]] = []
    last = 0.0  # iterations in flight and rebuilt ones may have no time: they keep their place
    for it in iterations:
        last, mine = max(last, it.time), it.number == champion
        entries.append((last, _row(it, metric, places, gains, mine), "al-champion" if mine else ""))
    entries += [(row.time, _unrun_row(row), "") for row in unrun]
    entries.sort(key=lambda entry: entry[0])
    heads = ["", "verdict", words.shorten(metric.name, 30), "± base", "what changed", "agent", "seconds"]
    heads += ["island"] if any(it.island for it in iterations) else []
    cells = [row[: len(heads)] for _, row, _ in entries]
    return page.table(heads, cells, KINDS[: len(heads)], [mark for _, _, mark in entries])


def _row(it: Iteration, metric: Metric, places: int, gains: Mapping[int, float], champion: bool) -> list[str]:
    """The cells of one iteration, its island last; a failure's reason stands behind its title."""
    title = page.line(it.title, 200)
    if champion:
        title = f'<strong>{title}</strong> <span class="al-mine">◂ champion</span>'
    if it.verdict in (Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED) and it.reason.strip():
        title += f' <span class="al-key">{words.DASH} {page.line(it.reason)}</span>'
    gain = page.esc(words.signed(gains[it.number], places)) if it.number in gains else ""
    if gain and words.standing(it) and metric.direction.better(gains[it.number], 0.0):
        gain = f'<b class="al-keep">{gain}</b>'
    return [
        f"<b>{it.number}</b>" if champion else str(it.number),
        page.sign(words.look_of(it)),
        page.esc(words.number(it.score, places)) if it.score is not None else "",
        gain,
        title,
        page.line(it.agent, 40),
        page.esc(words.number(it.seconds.total, 1)) if it.seconds.total else "",
        page.line(it.island, 40),
    ]


def _unrun_row(row: Unrun) -> list[str]:
    reason = f" {words.DASH} {page.line(row.reason)}" if row.reason.strip() else ""
    title = f'<span class="al-key">{page.line(row.title, 200)}{reason}</span>'
    return ["", page.sign(words.look(row.status)), "", "", title, page.line(row.agent, 40), "", ""]


def frame(iterations: Sequence[Iteration], html: str, record: Mapping[str, Any] | None = None) -> Any:
    """A pandas DataFrame of the iterations that shows itself as `html` for as long as it holds what it held at first.

    `record` is the JSON of its mimebundle, for faces that have a view of their own.

    Index `number`; columns base (Int64), verdict, state, score, difference (against its base, NaN across epochs),
    title, agent, seconds (in all), epoch, reason, time (UTC). Frames made from it are ordinary ones. Raises
    ImportError where pandas is missing.
    """
    pandas: Any = importlib.import_module("pandas")  # no dependency: only who has it gets frames
    plain = pandas.DataFrame(_columns(pandas, iterations), index=_numbers(pandas, iterations))
    first = plain.copy()

    class History(pandas.DataFrame):  # type: ignore[misc]
        @property
        def _constructor(self) -> Any:
            return pandas.DataFrame

        def _repr_html_(self) -> Any:
            return html if self.equals(first) else pandas.DataFrame(self)._repr_html_()

        def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
            return {} if record is None or not self.equals(first) else {MIME: record}

        def __reduce__(self) -> Any:
            return pandas.DataFrame(self).__reduce__()

    return History(plain)


def _numbers(pandas: Any, iterations: Sequence[Iteration]) -> Any:
    return pandas.Index([it.number for it in iterations], name="number", dtype="int64")


def _columns(pandas: Any, iterations: Sequence[Iteration]) -> dict[str, Any]:
    """The columns of a history's frame."""
    gains = words.differences(iterations)
    index = _numbers(pandas, iterations)

    def column(values: list[Any], dtype: str) -> Any:
        return pandas.Series(values, index=index, dtype=dtype)

    seconds = [it.time if it.time else math.nan for it in iterations]
    return {
        "base": column([it.base for it in iterations], "Int64"),
        "verdict": column([None if it.verdict is None else it.verdict.value for it in iterations], "object"),
        "state": column([it.state for it in iterations], "object"),
        "score": column([math.nan if it.score is None else it.score for it in iterations], "float64"),
        "difference": column([gains.get(it.number, math.nan) for it in iterations], "float64"),
        "title": column([it.title for it in iterations], "object"),
        "agent": column([it.agent for it in iterations], "object"),
        "seconds": column([it.seconds.total for it in iterations], "float64"),
        "epoch": column([it.epoch for it in iterations], "int64"),
        "reason": column([it.reason for it in iterations], "object"),
        "time": pandas.to_datetime(column(seconds, "float64"), unit="s", utc=True),
    }
