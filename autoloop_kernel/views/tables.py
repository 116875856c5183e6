"""Tables and texts for a terminal: the log, and one iteration in full. They read without colour too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autoloop_kernel.memory.control import Control
from autoloop_kernel.records import Attempt, Cost, Iteration, Metric, Point, Verdict, origin_of
from autoloop_kernel.views import fresh, words
from autoloop_kernel.views.diff import coloured, visible

CHANGED, AGENT = 4, 16
"""Which column of the log may be cut, and how wide an agent's name is at most."""

BARS = "▁▂▃▄▅▆▇█"

FIRST = "the first"
"""What is announced of an epoch that nothing came before."""


@dataclass(frozen=True)
class Unrun:
    """A proposal that never ran, for `log --all`: `status` is invalid, duplicate, skipped or pending."""

    status: str
    title: str
    agent: str
    reason: str
    time: float
    epoch: int | None = None
    base: int | None = None


def reasons(ledger: Control) -> dict[int, str]:
    """What opened each epoch but the first, in words, as the driver announced it."""
    found: dict[int, str] = {}
    for event in ledger.events(kinds=["epoch"]):
        if event.data.get("new", True) and isinstance(event.data.get("epoch"), int):
            found[event.data["epoch"]] = str(event.data.get("why", ""))
    return {epoch: why for epoch, why in found.items() if why != FIRST}


def log(
    iterations: Sequence[Iteration],
    metric: Metric,
    champion: int | None = None,
    unrun: Sequence[Unrun] = (),
    why: Mapping[int, str] | None = None,
    last: int = 0,
    driven: bool = True,
) -> RenderableType:
    """The log, oldest first: one table an epoch, since scores never cross epochs, and a line that says where it stands.

    `champion` is the number of the champion; `unrun` the proposals that never ran, placed by time; `why` says in words
    what opened each epoch; of more than `last` iterations only the last are shown (0: all). Where no driver runs
    (not `driven`), what has no verdict was interrupted.
    """
    shown = iterations[-last:] if last else iterations
    left_out = len(iterations) - len(shown)
    if left_out:
        unrun = [row for row in unrun if row.time >= shown[0].time]
    parts: list[RenderableType] = []
    if left_out:
        parts.append(Text(f"the first {left_out:,} iterations are left out: --last 0 shows all", style="dim"))
    spans = words.epochs(shown)
    known = words.differences(iterations)
    homeless = [row for row in unrun if row.epoch not in spans]
    for epoch in spans:
        own = [it for it in shown if it.epoch == epoch]
        if len(spans) > 1:
            reason = (why or {}).get(epoch, "")
            parts.append(Text(f"epoch {epoch}" + (f": {reason}" if reason else ""), style="bold"))
        rows = [row for row in unrun if row.epoch == epoch]
        if epoch == spans[-1]:
            rows += homeless
        parts.append(_table(own, metric, known, champion, rows, driven))
    if not spans:
        parts.append(_table([], metric, {}, None, unrun))
    parts.append(summary(iterations, metric))
    return Group(*parts)


def _table(
    iterations: Sequence[Iteration],
    metric: Metric,
    gains: Mapping[int, float],
    champion: int | None,
    unrun: Sequence[Unrun],
    driven: bool = True,
) -> Table:
    """One epoch's table."""
    places = words.decimals([it.score for it in iterations])
    entries: list[tuple[float, list[Text]]] = []
    last = 0.0  # iterations in flight and rebuilt ones may have no time: they keep their place
    for it in iterations:
        last = max(last, it.time)
        entries.append((last, _row(it, places, gains, it.number == champion, driven)))
    entries += [(row.time, _unrun_row(row)) for row in unrun]
    cells = [row for _, row in sorted(entries, key=lambda entry: entry[0])]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1), collapse_padding=True)
    heads = ["", "verdict", words.shorten(metric.name, 14), "± base", "what changed", "agent", "seconds"]
    if any(it.island for it in iterations):
        heads.append("island")
        marks = {it.number: it.island for it in iterations}
        cells = [[*row, Text(words.plain(marks.get(_number(row), "")), style="dim")] for row in cells]
    for column, head in enumerate(heads):
        if column == CHANGED:
            # Its cells say themselves that they are cut, not wrapped: a column that says so would squeeze the others.
            table.add_column(head, ratio=1, min_width=16)
            continue
        most = AGENT if head in ("agent", "island") else 40
        width = min(most, max([len(head), *(row[column].cell_len for row in cells)]))
        side: JustifyMethod = "left" if head in ("verdict", "agent", "island") else "right"
        table.add_column(head, justify=side, no_wrap=True, overflow="ellipsis", min_width=width, max_width=width)
    for row in cells:
        table.add_row(*row)
    return table


def _number(row: Sequence[Text]) -> int:
    """The iteration that a row is of; 0 where it never ran."""
    return int(row[0].plain) if row[0].plain.isdigit() else 0


def _row(it: Iteration, places: int, gains: Mapping[int, float], champion: bool, driven: bool) -> list[Text]:
    """The cells of one iteration; a failure's reason stands behind its title."""
    seen = words.look_of(it) if driven or it.verdict is not None else words.look(Verdict.INTERRUPTED)
    blue = "bold blue" if champion else ""
    title = Text(words.plain(it.title), style="bold" if champion else "", no_wrap=True, overflow="ellipsis")
    if champion:
        title.append("  ◂ champion", style="blue")
    if it.verdict in (Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED) and it.reason:
        title.append(f" {words.DASH} {words.plain(it.reason)}", style="dim")
    if lost := sum(attempt.verdict is Verdict.CONTENDED for attempt in it.attempts):
        title.append(f"  {words.look(Verdict.CONTENDED).sign} {lost} contended", style="dim")
    return [
        Text(str(it.number), style=blue),
        Text(f"{seen.sign} {seen.word}", style=seen.style),
        Text(words.number(it.score, places) if it.score is not None else "", style=blue),
        Text(words.signed(gains[it.number], places) if it.number in gains else ""),
        title,
        Text(words.plain(it.agent), style="dim"),
        Text(words.number(it.seconds.total, 1) if it.seconds.total else "", style="dim"),
    ]


def _unrun_row(row: Unrun) -> list[Text]:
    seen = words.look(row.status)
    title = Text(words.plain(row.title), style="dim", no_wrap=True, overflow="ellipsis")
    if row.reason:
        title.append(f" {words.DASH} {words.plain(row.reason)}")
    verdict, agent = Text(f"{seen.sign} {seen.word}", style=seen.style), Text(words.plain(row.agent), style="dim")
    return [Text(), verdict, Text(), Text(), title, agent, Text()]


def summary(iterations: Sequence[Iteration], metric: Metric) -> Text:
    """One line: the latest epoch's best, what it gained since the baseline, and what fresh runs say of that."""
    if not iterations:
        return Text("no iterations yet", style="dim")
    own = [it for it in iterations if it.epoch == iterations[-1].epoch]
    stands = fresh.standing(own, metric)
    if stands is None:
        return Text(f"nothing kept yet in {words.counted(own) or 'this epoch'}")
    places = words.decimals([it.score for it in own])
    line = Text(f"best {metric.name} ")
    line.append(words.number(stands.best.score, places), style="bold blue")
    line.append(f"{metric.doubt}, iteration {stands.best.number}")
    if stands.best.number != stands.start.number:
        line.append(f"; baseline {words.number(stands.start.score, places)}")
        line.append(f" {stands.change}" if stands.change else "")
        line.append(f"; {proof}" if (proof := stands.proof(places)) else "")
    return line


def show(
    it: Iteration,
    metric: Metric,
    base: Iteration | None,
    diff: str,
    curve: Sequence[Point],
    folder: str,
    cost: Cost | None = None,
    fresh: Sequence[str] = (),
) -> RenderableType:
    """One iteration in full: verdict and reason, hypothesis, numbers, cost, attempts, facts, curve and diff.

    `fresh` is what fresh runs say of it, in sentences.
    """
    seen = words.look_of(it)
    head = Text(f"{it.number} · {words.plain(it.title)}", style="bold")
    line = Text()
    state = f" ({it.state})" if it.state else ""
    line.append(f"{seen.sign} {seen.word}{state}", style=seen.style)
    if it.score is not None:
        line.append(f"  {metric.name} {words.number(it.score)}{metric.doubt}")
        if base is not None and base.epoch == it.epoch and words.finite(base.score) is not None:
            gain = it.score - (base.score or 0.0)
            line.append(f" ({words.signed(gain, words.decimals([it.score]))} against iteration {base.number})")
    parts: list[RenderableType] = [head, line]
    if it.reason:
        parts.append(Text(words.plain(it.reason)))
    parts += [Text(told) for told in fresh]
    if it.hypothesis.strip():
        parts += ["", Padding(Text(visible(" ".join(it.hypothesis.split())), style="italic"), (0, 2))]
    parts += ["", _facts_table(_about(it, folder, cost))]
    if len(it.attempts) > 1:
        parts += ["", _attempts(it.attempts)]
    last = it.attempts[-1] if it.attempts else None
    for title, values in (("facts", last.facts if last else {}), ("recorded", last.extra if last else {})):
        if values:
            parts += ["", Text(title, style="dim"), _facts_table({k: _value(v) for k, v in values.items()})]
    if curve:
        parts += ["", *_curves(curve)]
    parts += ["", coloured(diff) if diff else Text("nothing changed against its base", style="dim")]
    return Group(*parts)


def _about(it: Iteration, folder: str, cost: Cost | None) -> dict[str, str]:
    """Where an iteration comes from and where it lies."""
    s = it.seconds
    times = (
        f"{words.duration(s.total)}: propose {s.propose:.1f}, start {s.start:.1f}, run {s.run:.1f}, score {s.score:.1f}"
    )
    about = {
        "agent": words.plain(it.agent),
        "origin": origin_of(it.proposal),
        "island": words.plain(it.island),
        "base": f"iteration {it.base}" if it.base is not None else "none: a baseline",
        "epoch": str(it.epoch),
        "seed": ", ".join(str(a.seed) for a in it.attempts),
        "time": times,
        "cost": words.money(cost) if cost is not None else "",
        "notebook": f"{folder}{it.notebook}" if it.notebook else "",
        "commit": it.commit or "",
    }
    return {key: value for key, value in about.items() if value}


def _facts_table(facts: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        table.add_row(Text(words.plain(str(key))), Text(value))
    return table


def _value(value: Any) -> str:
    """A fact as text: numbers by their size, all else on one line."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return words.shorten(str(value), 200)
    return f"{value:,}" if isinstance(value, int) else words.number(value)


def _attempts(attempts: Sequence[Attempt]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("attempt", "seed", "score", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    table.add_column("reason", overflow="fold")
    for a in attempts:
        seen = words.look(a.verdict)
        total = words.number(a.seconds.total, 1) if a.seconds.total else ""
        score = words.number(a.score) if a.score is not None else ""
        verdict = Text(f"{seen.sign} {seen.word}", style=seen.style)
        table.add_row(f"{a.attempt} {a.kind}", str(a.seed), score, total, verdict, words.plain(a.reason))
    return table


def _curves(curve: Sequence[Point]) -> list[Text]:
    """Each reported number as a line of bars, with where it began and ended."""
    found: list[Text] = []
    for name in dict.fromkeys(name for point in curve for name in point.numbers):
        values = [v for point in curve if (v := words.finite(point.numbers.get(name))) is not None]
        if values:
            ends = f"{words.number(values[0])} {words.ARROW} {words.number(values[-1])}"
            found.append(Text.assemble((f"{words.plain(name)} ", "dim"), (sparkline(values), "blue"), f"  {ends}"))
    return found


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Numbers as a line of bars, at most `width` of them (the last value of each stretch)."""
    if not values:
        return ""
    stretch = max(1.0, len(values) / width)
    picked = [values[min(len(values) - 1, round((k + 1) * stretch) - 1)] for k in range(min(width, len(values)))]
    low, high = min(picked), max(picked)
    if high == low:
        return BARS[3] * len(picked)
    return "".join(BARS[min(7, int(8 * (v - low) / (high - low)))] for v in picked)
