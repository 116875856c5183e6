"""What an audit of a log comes to, in plain words; of the log's own text nothing but the score's name is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from autoloop_kernel.auditing.audit import Audit
from autoloop_kernel.auditing.chances import how_many
from autoloop_kernel.auditing.findings import Doubt
from autoloop_kernel.auditing.noise import Noise
from autoloop_kernel.records import Direction
from autoloop_kernel.views import words

LINES = 12
"""How many line numbers a sentence names."""


def plural(count: int, word: str, more: str = "") -> str:
    """`1 keep`, `2 keeps`; `more` is the plural where it is not made by an s."""
    return f"{count:,} {word if count == 1 else more or word + 's'}"


def code(text: str) -> str:
    """Somebody's text for Markdown, as code on one line, in which nothing is markup."""
    return f"`{words.shorten(text, 60).replace('`', chr(39)) or ' '}`"


def of_lines(lines: Sequence[int]) -> str:
    """`line 4`, `lines 4, 9 and 17`; of many, the first."""
    named = [str(line) for line in lines[:LINES]]
    if len(lines) > LINES:
        return f"lines {', '.join(named)} and {len(lines) - LINES:,} more"
    if len(named) == 1:
        return f"line {named[0]}"
    return f"lines {', '.join(named[:-1])} and {named[-1]}"


def places(audit: Audit) -> int:
    """How many decimals scores are shown with: enough for a tenth of the noise."""
    usual = words.decimals([step.score for step in audit.steps])
    sigma = audit.noise.sigma
    return max(usual, min(9, words.decimals([sigma], 2))) if sigma else usual


def noise(found: Noise) -> str:
    """How noisy a run is, and where that comes from, as sentences."""
    if found.sigma is None:
        return "How noisy a run is cannot be told: nothing was run twice, and there are too few outcomes."
    if found.source == "given":
        return f"One run scatters by {_size(found.sigma)} (one standard deviation), as was given."
    if found.sigma == 0:
        return (
            "Whatever was run again came out the same to the last digit: noise there is none, as far as the log tells."
        )
    said = f"One run scatters by {_size(found.sigma)} ({_size(found.low)} … {_size(found.high)} with 90 %): "
    if found.source == "repeats":
        runs = plural(len(found.repeats), "repeat")
        return f"{said}from {runs} in the log, and from how the outcomes scatter."
    return (
        f"{said}no run was repeated, so this is a guess from how the outcomes scatter. Run the baseline three times, "
        "and give what that shows as `SIGMA`."
    )


def _size(value: float) -> str:
    """A size with two digits."""
    return words.number(value, min(9, words.decimals([value], 2)))


def headline(audit: Audit) -> str:
    """The verdict in one line."""
    said = _counted(audit)
    if not audit.log.odd:
        return said
    way, other, option = (
        ("lower", "higher", "max") if audit.log.direction is Direction.MIN else ("higher", "lower", "min")
    )
    return f"{said}, if {way} is better; but the log speaks for {other}: audit it with --direction {option}"


def _counted(audit: Audit) -> str:
    kept = sum(step.kept for step in audit.steps) - (audit.searches - 1)
    if not audit.log.entries:
        return "Not one line of this log could be used"
    if not kept:
        return "This log has no keep with a score"
    if kept == 1:
        return "1 keep, the baseline: nothing was held to be better"
    counts = Counter(keep.word for keep in audit.keeps)
    doubtful = sum(count for word, count in counts.items() if word.startswith(("probably noise", "luck")))
    text = f"{plural(kept - 1, 'keep')} after the baseline"
    if audit.noise.sigma is None:
        return f"{text}, and no way to tell how many are noise"
    return f"{text}, of which {doubtful or 'none'} {'are' if doubtful > 1 else 'is'} probably noise"


def verdict(audit: Audit) -> list[str]:
    """The verdict in sentences, the weightiest first: Markdown."""
    return [
        said for said in (_progress(audit), _keeps(audit), noise(audit.noise), *_doubts(audit), _unread(audit)) if said
    ]


def _progress(audit: Audit) -> str:
    log, digits = audit.log, places(audit)
    way = "lower" if log.direction is Direction.MIN else "higher"
    text = f"{plural(len(log.entries), 'experiment')} by {code(log.metric)} ({way} is better)"
    if audit.failed:
        text += f", {audit.failed:,} of them failed"
    first, best = audit.baseline, audit.champion
    if first is None or best is None:
        return f"{text}."
    if audit.searches > 1:
        new = [step.entry.line for step in audit.steps if step.champion is None and step.kept][1:]
        text += f"; a new baseline was kept on {of_lines(new)}, and scores across it are not compared; the last search"
    text += f": from {words.number(first.score, digits)} (line {first.entry.line}) to "
    return f"{text}{words.number(best.score, digits)} (line {best.entry.line}) as logged."


def _keeps(audit: Audit) -> str:
    if not audit.keeps:
        return ""
    counts = Counter(keep.word for keep in audit.keeps)
    order = ("real", "probably real", "cannot be told", "probably noise", "luck: the same code")
    several = ", ".join(f"{counts[word]:,} {word}" for word in order if counts[word])
    expected, least, most = how_many(audit.keeps)
    steps = [keep for keep in audit.keeps if keep.logged >= 0]  # a worse keep is not what the others were held against
    gain, logged = sum(keep.gain.mean for keep in steps), sum(keep.logged for keep in steps)
    apart = sum(((keep.gain.high - keep.gain.low) / 2) ** 2 for keep in steps) ** 0.5
    digits = places(audit)
    return (
        f"Of {plural(len(audit.keeps), 'keep')} after the baseline: {several}. About {expected:.1f} are true gains "
        f"({least} to {most} with 90 %). Together they gained {words.signed(logged, digits)} as logged, of which "
        f"{words.signed(gain, digits)} is believed ({words.signed(gain - apart, digits)} … "
        f"{words.signed(gain + apart, digits)})."
    )


def _doubts(audit: Audit) -> list[str]:
    kinds: list[tuple[Sequence[Doubt], str, str]] = [
        (audit.contradictions, "contradiction", "contradictions"),
        (
            audit.unimproving,
            "keep that is no better than the best before it",
            "keeps that are no better than the best before",
        ),
        (audit.false_minima, "number that nobody measured", "numbers that nobody measured"),
        (audit.duplicates, "duplicate", "duplicates"),
        (audit.missing, "commit that the repository lacks", "commits that the repository lacks"),
    ]
    said = [
        f"{plural(len(found), one, many)} ({of_lines(sorted({line for doubt in found for line in doubt.lines}))})"
        for found, one, many in kinds
        if found
    ]
    text = [f"Against itself the log has {'; '.join(said)}."] if said else ["Nothing in the log speaks against itself."]
    if audit.retests:
        best = audit.retests[0]
        one = len(audit.retests) == 1
        text.append(
            f"{plural(len(audit.retests), 'discard')} within the noise may have been {'a gain' if one else 'gains'}: "
            f"run {of_lines([chance.entry.line for chance in audit.retests[:3]])} again first "
            f"({'' if one else f'line {best.entry.line}: '}a chance of {best.p:.2f})."
        )
    return text if audit.log.entries else []


def _unread(audit: Audit) -> str:
    problems = audit.log.problems
    if not problems:
        return "Every line of it could be read." if audit.log.entries else "No line of it tells of an experiment."
    lines = of_lines([problem.line for problem in problems])
    return f"{plural(len(problems), 'line')} could not be used: {lines}; the reasons are below."
