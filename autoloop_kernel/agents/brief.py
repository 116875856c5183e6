"""What an agent gets to read, as Markdown: the strategy, the champion and what was learnt. For agents from outside."""

from __future__ import annotations

from autoloop_kernel.agents import rivals, tiers
from autoloop_kernel.agents.base import Context
from autoloop_kernel.records import Direction, Iteration, Kind, Verdict

RECENT = 60
LONGEST = 600
"""How many characters of one text are told."""


def strategy(context: Context) -> str:
    """The person's strategy; at its end, where there is one, why the last proposal was refused."""
    text = context.strategy.rstrip() + "\n"
    if context.refusal:
        text += f"\n## The last proposal was refused\n\n{_line(context.refusal)}\n"
    return text


def role(context: Context) -> str:
    """What the agent's role is; empty where it has none."""
    return "" if context.role is None else f"# Your role: {context.role.name}\n\n{context.role.brief}\n"


def champion(context: Context) -> str:
    """The champion's number and score, what the score cell recorded beside it, the budget, and the kept steps to it."""
    rules, metric = context.rules, context.metric
    better = "less is better" if metric.direction is Direction.MIN else "more is better"
    lines = [f"Metric: {metric.name}{f' in {metric.unit}' if metric.unit else ''} ({better}){metric.doubt}."]
    if metric.target is not None:
        lines.append(f"Target: {metric.target:g}.")
    lines.append(f"Budget: {rules.budget_s:g} s of {'CPU time' if rules.clock == 'cpu' else 'wall-clock time'} a run.")
    kept = _lineage(context)
    if not kept:
        return "# Champion\n\nNothing has run yet: the units here are the arena's own.\n\n" + "\n".join(lines) + "\n"
    last = kept[-1]
    head = f"# Champion\n\nIteration {last.number}, score {_score(last)}{f' ({last.state})' if last.state else ''}.\n\n"
    steps = [f"- {step.number}: {_line(step.title)}, score {_score(step)}" for step in kept]
    lines += [f"Recorded beside the score: {numbers}."] if (numbers := recorded(last)) else []
    return head + "\n".join(lines) + "\n\n## The kept steps that led to it\n\n" + "\n".join(steps) + "\n"


def findings(context: Context) -> str:
    """What was learnt, within `tiers.TOKENS`: lessons, what is at hand, what others keep, then the log, newest first.

    Each iteration of the log has its verdict, score, reason and what it taught.
    """
    lessons = [f"- {_line(text)}" for text in context.lessons()]
    near = [f"- {tiers.named(one)}: {_line(tiers.told(one))}" for one in context.neighbours()]
    skipped = [f"- {_line(one.text)}" for one in context.findings if one.iteration is None][::-1]
    sections = [
        ("## Lessons", lessons, tiers.LESSONS),
        ("## About what is at hand", near, tiers.NEIGHBOURS),
        ("## What others keep, and how it differs from your champion", rivals.told(context), tiers.OTHERS),
        ("## Proposals that the person would not run", skipped, tiers.SKIPPED),
        ("# What was tried, newest first", _log(context) or ["Nothing yet."], 1.0),
    ]
    room, parts = tiers.CHARACTERS, []
    for title, lines, share in sections:
        shown = tiers.within(lines, min(room, int(share * tiers.CHARACTERS)))
        if shown:
            parts.append(f"{title}\n\n" + "\n".join(shown))
            room -= len(parts[-1])
    return "\n\n".join(parts) + "\n"


def _log(context: Context) -> list[str]:
    """The recent iterations, newest first, each with what it taught; then the findings of others."""
    taught: dict[int, list[str]] = {}
    for finding in context.findings:
        if finding.iteration is not None:
            taught.setdefault(finding.iteration, []).append(_line(finding.text))
    lines = []
    for iteration in reversed(context.history[-RECENT:]):
        verdict = str(iteration.verdict) if iteration.verdict else "running"
        edits = f", an edit of {iteration.base}" if iteration.base is not None else ""
        told = [f"- {iteration.number} {verdict}, score {_score(iteration)}{edits}: {_line(iteration.title)}"]
        told += [f"  - hypothesis: {_line(iteration.hypothesis)}"] if iteration.hypothesis else []
        told += [f"  - reason: {_line(iteration.reason)}"] if iteration.reason else []
        found = (_beyond(text, iteration) for text in taught.pop(iteration.number, []))
        lines.append("\n".join([*told, *(f"  - finding: {text}" for text in found if text)]))
    return lines + [f"- {number}: {text}" for number, texts in sorted(taught.items(), reverse=True) for text in texts]


def recorded(iteration: Iteration) -> str:
    """The numbers that the score cell recorded with the first run that was not on the holdout: "easy 1, hard 0.25"."""
    for attempt in iteration.attempts:
        if attempt.score is not None and attempt.kind is not Kind.HOLDOUT:
            numbers = {name: one for name, one in attempt.extra.items() if type(one) in (int, float)}
            return _line(", ".join(f"{name} {one:.4g}" for name, one in numbers.items()))
    return ""


def _beyond(text: str, iteration: Iteration) -> str:
    """What a finding says beyond the title and the reason of its iteration, with which most begin."""
    _, reason, rest = text.partition(f"({_line(iteration.reason)})")
    return rest.lstrip("; ") if reason and text.startswith(_line(iteration.title)) else text


def _lineage(context: Context) -> list[Iteration]:
    """From the baseline to the champion, along the bases."""
    by_number = {iteration.number: iteration for iteration in context.history}
    found: list[Iteration] = []
    number = context.base
    while number is not None and number in by_number and by_number[number] not in found:
        found.append(by_number[number])
        number = by_number[number].base
    return found[::-1]


def _score(iteration: Iteration) -> str:
    unscored = iteration.score is None or iteration.verdict in (Verdict.CRASH, Verdict.TIMEOUT)
    return "none" if unscored else f"{iteration.score:.6g}"


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"
