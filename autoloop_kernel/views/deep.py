"""What a measured arena is like, in plain words: each line good news, or something to think about."""

from __future__ import annotations

from statistics import mean
from typing import NamedTuple

from autoloop_kernel.deep import APART, Deep, memory_mb
from autoloop_kernel.records import Outcome
from autoloop_kernel.views import words

SHOWN = 12
"""How many constants are named."""

BROKEN = ("baseline", "score")
"""About what a note says that nobody can search in the arena as it is."""

CLOSE = 0.95
"""From which share of a limit on it is close."""


class Line(NamedTuple):
    """One finding: whether it is as it should be, what it is about, and what was seen."""

    good: bool
    about: str
    text: str


def lines(found: Deep) -> list[Line]:
    """All that was measured; where the baseline brought no score, why that is so."""
    last = found.runs[-1]
    if last.score is None:
        return [
            Line(False, "baseline", f"its run {len(found.runs)} ended in {last.verdict}: {words.plain(last.reason)}")
        ]
    told = [_noise(found), *_time(found), _memory(found), _worse(found), _constants(found), _probes(found)]
    return [line for line in told if line is not None]


def _noise(found: Deep) -> Line:
    scores, metric, noise = found.scores, found.arena.rules.metric, found.noise or 0.0
    places = words.decimals(scores)
    each = ", ".join(words.number(score, places) for score in scores)
    if noise == 0.0:
        text = f"{metric.name} {each}: runs with other seeds do not differ, so that one run decides"
        return Line(True, "noise", text)
    size = words.number(noise, words.decimals([noise], 2))
    part = 100 * noise / abs(mean(scores)) if mean(scores) else 0.0
    share = f", {part:.2g} % of the score" if part else ""
    text = f"{metric.name} {each}: one run scatters by about {size} (1 SD{share}); a gain of less than that is luck"
    return Line(True, "noise", text)


def _time(found: Deep) -> list[Line]:
    rules, runs = found.arena.rules, found.runs
    ran, scored = max(run.seconds.run for run in runs), max(run.seconds.score for run in runs)
    clock = " of wall clock, on a budget of CPU time" if rules.clock == "cpu" else ""
    text = f"the candidate ran for {words.duration(ran)}{clock} (budget {rules.budget_s:g} s)"
    told = [Line(True, "time", text)]
    if rules.clock == "wall" and ran < 0.5 * rules.budget_s:
        told = [Line(False, "time", f"{text}: it leaves most of it, so that there is little to win by being quicker")]
    limit = rules.score_timeout_s
    close = scored > CLOSE * limit
    told.append(Line(not close, "scoring", f"took {words.duration(scored)} (limit {limit:g} s)"))
    return told


def _memory(found: Deep) -> Line | None:
    most, limit = memory_mb(found.runs), found.arena.rules.memory_mb
    if most is None:
        return None
    bound = "no limit: set memory_mb" if limit is None else f"limit {limit:g}"
    return Line(limit is None or most < CLOSE * limit, "memory", f"{most:.0f} MiB at most ({bound})")


def _worse(found: Deep) -> Line:
    if found.worse is None or found.distinguishes is None:
        return Line(False, "score", f"worse answers could not be tried: {_why(found.worse)}")
    if found.worse.score is None:
        return Line(True, "score", f"answers made worse on purpose are refused: {words.plain(found.worse.reason)}")
    places = words.decimals([*found.scores, found.worse.score])
    seen = f"{words.number(found.worse.score, places)}, the baseline {words.number(mean(found.scores), places)}"
    if found.distinguishes:
        return Line(True, "score", f"answers made worse on purpose score worse: {seen}")
    text = f"answers made worse on purpose do not score worse by {APART:g} standard deviations: {seen}"
    return Line(False, "score", f"{text}. What does the score measure?")


def _why(worse: Outcome | None) -> str:
    return "no run" if worse is None else words.plain(worse.reason) or str(worse.verdict)


def _constants(found: Deep) -> Line:
    names = [f"{name} in {unit}" for unit, name in found.constants]
    if not names:
        text = "the search agent sees none: write what may be tuned as top-level NAME = number in an editable cell"
        return Line(False, "constants", text)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return Line(True, "constants", f"the search agent tunes {len(names)}: {', '.join(names[:SHOWN])}{more}")


def _probes(found: Deep) -> Line:
    if found.probed and "val_bpb" not in found.probed:
        text = f"{found.probed[0]} asks some questions again in other ways, and refuses answers that shift; "
        return Line(True, "probes", f"{text}those for language models (val_bpb) do not apply")
    if not found.probed:
        text = (
            "the referee's own probes are for language models (val_bpb) and do not apply: what your score cells check "
        )
        return Line(True, "probes", f"{text}is all that stands between a cheat and the score")
    compared = max((int(run.extra.get("probes", 0)) for run in found.runs), default=0)
    if not compared:
        return Line(False, "probes", "val_bpb was asked to leave its probes out: future tokens may leak into the score")
    return Line(
        True, "probes", f"{compared} answers compared: later tokens, order, prefixes and repeats change nothing"
    )


__all__ = ["BROKEN", "Line", "lines"]
