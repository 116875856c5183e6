"""What an agent gets to read, as Markdown: the strategy, the champion and what was learnt. For agents from outside."""

from __future__ import annotations

from autoloop_kernel.agents.base import Context
from autoloop_kernel.records import Direction, Iteration, Verdict

RECENT = 60


def strategy(context: Context) -> str:
    """The person's strategy; at its end, where there is one, why the last proposal was refused."""
    text = context.strategy.rstrip() + "\n"
    if context.refusal:
        text += f"\n## The last proposal was refused\n\n{_line(context.refusal)}\n"
    return text


def champion(context: Context) -> str:
    """The champion's number and score, the metric and the budget, and the kept steps that led to it."""
    rules, metric = context.rules, context.metric
    better = "less is better" if metric.direction is Direction.MIN else "more is better"
    lines = [f"Metric: {metric.name}{f' in {metric.unit}' if metric.unit else ''} ({better})."]
    if metric.target is not None:
        lines.append(f"Target: {metric.target:g}.")
    lines.append(f"Budget: {rules.budget_s:g} s of {'CPU time' if rules.clock == 'cpu' else 'wall-clock time'} a run.")
    kept = _lineage(context)
    if not kept:
        return "# Champion\n\nNothing has run yet: the units here are the arena's own.\n\n" + "\n".join(lines) + "\n"
    last = kept[-1]
    head = f"# Champion\n\nIteration {last.number}, score {_score(last)}{f' ({last.state})' if last.state else ''}.\n\n"
    steps = [f"- {step.number}: {_line(step.title)}, score {_score(step)}" for step in kept]
    return head + "\n".join(lines) + "\n\n## The kept steps that led to it\n\n" + "\n".join(steps) + "\n"


def findings(context: Context) -> str:
    """The recent iterations, newest first, each with verdict, score, reason and what it taught."""
    taught: dict[int, list[str]] = {}
    skipped: list[str] = []
    for finding in context.findings:
        place = skipped if finding.iteration is None else taught.setdefault(finding.iteration, [])
        place.append(_line(finding.text))
    lines = ["# What was tried, newest first", ""]
    for iteration in reversed(context.history[-RECENT:]):
        verdict = str(iteration.verdict) if iteration.verdict else "running"
        edits = f", an edit of {iteration.base}" if iteration.base is not None else ""
        lines.append(f"- {iteration.number} {verdict}, score {_score(iteration)}{edits}: {_line(iteration.title)}")
        if iteration.hypothesis:
            lines.append(f"  - hypothesis: {_line(iteration.hypothesis)}")
        if iteration.reason:
            lines.append(f"  - reason: {_line(iteration.reason)}")
        lines += [f"  - finding: {text}" for text in taught.pop(iteration.number, [])]
    if not context.history:
        lines.append("Nothing yet.")
    if taught:
        lines += ["", "## Findings of other iterations", ""]
        lines += [f"- {number}: {text}" for number, texts in sorted(taught.items(), reverse=True) for text in texts]
    if skipped:
        lines += ["", "## Proposals that the person would not run", "", *(f"- {text}" for text in reversed(skipped))]
    return "\n".join(lines) + "\n"


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
    return " ".join(text.split())
