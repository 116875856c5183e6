"""The head of an exported notebook: what it is, how it came about, and what it was run with, as Markdown."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoloop_kernel.figures import Figures
from autoloop_kernel.records import Iteration, Metric, Verdict
from autoloop_kernel.views import fresh, words
from autoloop_kernel.views.diff import visible

PLOT = "progress.png"


@dataclass(frozen=True)
class Step:
    """One kept step on the way from the baseline to the exported iteration, with its diff."""

    iteration: Iteration
    diff: str
    figures: Figures


def markdown(
    arena: str, metric: Metric, steps: Sequence[Step], versions: Mapping[str, str], plotted: bool, now: float
) -> str:
    """The header for the last of `steps`; `versions`: package → version; `plotted`: whether a plot is attached."""
    it, first = steps[-1].iteration, steps[0].iteration
    places = words.decimals([step.iteration.score for step in steps])
    lines = [f"# {_text(arena)}: {_text(words.plain(it.title)) or f'iteration {it.number}'}", ""]
    if words.finite(it.score) is None:
        lines.append(f"Iteration {it.number} ended as **{it.verdict}**: {_text(words.plain(it.reason))}")
    else:
        line = f"Iteration {it.number}, **{_text(words.goal(metric))}: {words.number(it.score, places)}**"
        if len(steps) > 1 and words.finite(first.score) is not None:
            change = words.share(it.score, first.score)
            line += f"; the baseline had {words.number(first.score, places)}" + (f" ({change})" if change else "")
        lines.append(f"{line}.")
        lines += ["", *(_text(told) for told in fresh.lines(steps[-1].figures, places))]
    if it.hypothesis.strip():
        lines += ["", f"> {_text(words.plain(it.hypothesis))}"]
    if plotted:
        lines += ["", f"![The score of every iteration, and the best so far](attachment:{PLOT})"]
    lines += ["", "## The kept steps", "", *_table(steps, metric, places), ""]
    for step in steps:
        if step.diff:
            lines += _details(step)
    lines += ["## What it was run with", "", *_facts(it, versions, now)]
    return "\n".join(lines).rstrip() + "\n"


def _table(steps: Sequence[Step], metric: Metric, places: int) -> list[str]:
    lines = [
        f"| iteration | step | {_text(metric.name)} | difference | gain by fresh runs, 90 % | agent |",
        "| ---: | :--- | ---: | ---: | :--- | :--- |",
    ]
    before: float | None = None
    for step in steps:
        it = step.iteration
        score = words.finite(it.score)
        gain = words.signed(score - before, places) if score is not None and before is not None else ""
        title = _text(words.plain(it.title))
        held = _held(step, places)
        score_text, agent = words.number(it.score, places), _text(words.plain(it.agent))
        lines.append(f"| {it.number} | {title} | {score_text} | {gain} | {held} | {agent} |")
        before = score
    return lines


def _held(step: Step, places: int) -> str:
    """What fresh runs say of a step: its sign and state, and the gain with its interval."""
    if step.iteration.base is None or step.iteration.verdict is not Verdict.KEEP:
        return ""
    found = step.figures
    gain = "" if found.gain is None else f": {fresh.gain(found.gain, places, level=False)}"
    return f"{words.look_of(step.iteration).sign} {step.iteration.state or 'provisional'}{gain}"


def _details(step: Step) -> list[str]:
    """A step's diff, folded; it reads as plain text where nothing folds."""
    clean = "\n".join(visible(line) for line in step.diff.rstrip("\n").split("\n"))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", clean)), default=0))
    summary = f"{step.iteration.number}: {_text(words.plain(step.iteration.title))}"
    return ["<details>", f"<summary>{summary}</summary>", "", f"{fence}diff", clean, fence, "", "</details>", ""]


def _facts(it: Iteration, versions: Mapping[str, str], now: float) -> list[str]:
    seed = it.attempts[0].seed if it.attempts else None
    return [
        f"- seed: {seed}" if seed is not None else "- seed: the arena's own",
        f"- versions: {', '.join(f'{_text(name)} {_text(version)}' for name, version in versions.items())}",
        f"- dates: begun {words.moment(it.time)}, exported {time.strftime('%Y-%m-%d', time.localtime(now))}",
    ]


def _text(text: str) -> str:
    """Text that Markdown and HTML leave alone, in a table too."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|$#~])", r"\\\1", escaped)
