"""The panel below the lines of a live display: what is under way, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoloop_kernel.records import Rules
from autoloop_kernel.views import words
from autoloop_kernel.views.lanes import Lane
from autoloop_kernel.views.tables import sparkline
from autoloop_kernel.views.workers import Worker, does

if TYPE_CHECKING:
    from autoloop_kernel.views.scene import Scene

MOST = 12
"""How many workers have a line of their own: a terminal has few lines."""

BARS = 24


def panel(scene: Scene, now: float) -> RenderableType:
    """A line for each worker where there are several; else the iteration's phase, budget and curve. Then the best."""
    lane = scene.lane
    if scene.lanes.several:
        head, rows = f"{scene.arena} · {len(scene.lanes.going)} under way", _staffed(scene, now)
    else:
        head = f"{scene.arena} · iteration {lane.number}" if lane.number is not None else scene.arena
        title = Text(lane.title, style="bold", no_wrap=True, overflow="ellipsis")
        rows = [title, _clock(lane, scene.rules, now), _curve_line(lane)]
    rows = [*rows, _standing(scene)]
    return Panel(Group(*rows), title=Text(head, style="bold"), title_align="left", border_style="dim", padding=(0, 1))


def _staffed(scene: Scene, now: float) -> Sequence[RenderableType]:
    """The workers, a line each; who is asked for a proposal meanwhile; how many more there are."""
    staff = scene.lanes.staff()
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    grid.add_column(no_wrap=True)
    for worker, lane in staff[:MOST]:
        grid.add_row(worker.name, _runs(worker, lane, scene), _told(lane, scene.rules, now))
    rows: list[RenderableType] = [grid]
    if len(staff) > MOST:
        rows.append(Text(f"… and {len(staff) - MOST} more", style="dim"))
    thinking = scene.lanes.thinking
    if thinking is not None:
        since = words.duration(max(0.0, now - thinking.since))
        rows.append(Text(f"{thinking.title}, {since}", style="dim", no_wrap=True, overflow="ellipsis"))
    return rows


def _runs(worker: Worker, lane: Lane | None, scene: Scene) -> Text:
    """The sign of a worker, and what it runs or what is the matter with it."""
    if lane is None:
        what = " for the baseline" if worker.state == "up" and scene.best is None else ""
        return Text(f"{worker.look.sign} {does(worker)}{what}", style=worker.look.style)
    seen = words.look(None) if worker.state == "up" else worker.look
    told = "" if worker.state == "up" else f"; {does(worker)}"
    return Text(f"{seen.sign} {lane.number} · {lane.title}{told}", style=seen.style)


def _told(lane: Lane | None, rules: Rules, now: float) -> Text:
    """The phase of a run with its time, and the last number of its curve."""
    if lane is None:
        return Text("")
    line = Text(f"{lane.phase} ", style="blue")
    elapsed = words.duration(max(0.0, now - lane.since))
    line.append(f"{lane.spent(rules.clock, now):.0f} of {rules.budget_s:g} s" if lane.phase == "running" else elapsed)
    name, value = next(iter(lane.curve[-1][2].items()), ("", None)) if lane.curve else ("", None)
    if name:
        line.append(f"  {words.plain(name)} ", style="dim")
        line.append(words.number(value))
    return line


def _clock(lane: Lane, rules: Rules, now: float) -> Table:
    """The phase with its time; while the candidate runs, the budget as a bar."""
    elapsed = max(0.0, now - lane.since)
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    phase = Text(f"{words.look(None).sign} {lane.phase}", style="blue")
    if lane.phase != "running":
        grid.add_row(phase, words.duration(elapsed), "")
        return grid
    budget, spent = rules.budget_s, lane.spent(rules.clock, now)
    left = max(0.0, budget - spent)
    unit = " CPU" if rules.clock == "cpu" and lane.curve else ""
    label = f"{spent:.1f} of {budget:.1f} s{unit}, {left:.1f} left"
    grid.add_row(phase, label, ProgressBar(total=budget, completed=min(spent, budget), complete_style="blue"))
    return grid


def _curve_line(lane: Lane) -> Text:
    """The latest point of the learning curve, and the curve of its first number."""
    if not lane.curve:
        return Text("no curve yet", style="dim")
    step, _, numbers = lane.curve[-1]
    line = Text(no_wrap=True, overflow="ellipsis")
    for name, value in numbers.items():
        line.append(f"{words.plain(name)} ", style="dim")
        line.append(f"{words.number(value)}  ")
    line.append(f"at step {step:g}", style="dim")
    first = next(iter(numbers), None)
    values = [v for point in lane.curve if (v := words.finite(point[2].get(first or ""))) is not None]
    if len(values) > 1:
        line.append("  " + sparkline(values, BARS), style="blue")
    return line


def _standing(scene: Scene) -> Text:
    """The best so far and the last verdicts, as signs."""
    line = Text(no_wrap=True, overflow="ellipsis")
    name = scene.rules.metric.name
    line.append(f"best {name} ", style="dim")
    line.append(words.number(scene.best), style="bold blue")
    if scene.best_number is not None:
        line.append(f" (iteration {scene.best_number})", style="dim")
    if scene.looks:
        line.append("   ")
        for seen in scene.looks:
            line.append(seen.sign, style=seen.style)
        done, of = sum(scene.tally.values()), f" of {scene.planned}" if scene.planned else ""
        line.append(f"  {done}{of} done", style="dim")
    return line
