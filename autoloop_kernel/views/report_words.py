"""What a report says in plain words; agents' text stands in them as code, in which nothing is markup."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass

from autoloop_kernel.reporting.report import Effect, Report, Step
from autoloop_kernel.views import words
from autoloop_kernel.views.audit_words import code, plural

TITLES, NAMES = 4, 6
"""How many numbers and names a sentence tells of."""
STREAK = 5
"""From so many failures in a row on they are what to look at first."""
WORTH_ABLATING = 3
"""From so many kept steps on it is worth asking which of them matter."""
OFTEN = 3
"""From so many failures alike on the agents are to be told."""

SOURCES = {
    "fresh": "fresh runs",
    "judge": "the keep rule's belief",
    "runs": "the runs it was kept for",
    "run": "one run each",
}
"""What tells the worth of a step, in words."""


@dataclass(frozen=True)
class Advice:
    """What to do next and why, in a sentence; and what to type for it (may be empty)."""

    said: str
    command: str = ""


def places(report: Report) -> int:
    """How many decimals scores are shown with: enough for a tenth of the noise."""
    marks = [mark.score for mark in (report.baseline, report.champion) if mark is not None]
    usual = words.decimals([score for score in marks if score])
    return max(usual, min(9, words.decimals([report.noise], 2))) if report.noise else usual


def size(report: Report, value: float | None) -> str:
    """A gain, signed, with the decimals of the scores."""
    return words.signed(value, places(report))


def interval(report: Report, effect: Effect, sure: bool = True) -> str:
    """`+0.12 (+0.08 … +0.16 with 90 %)`; the gain alone where nobody knows the noise."""
    mean, low, high = (size(report, value) for value in (effect.mean, effect.low, effect.high))
    if effect.low is None or low == high:
        return mean
    return f"{mean} ({low} … {high}{' with 90 %' * sure})"


def moment(when: float, now: float) -> str:
    """A moment as one says it: the time, with the day where that is not today's."""
    there, here = time.localtime(when), time.localtime(now)
    clock = time.strftime("%H:%M", there)
    return clock if there[:3] == here[:3] else f"{there.tm_mday} {time.strftime('%B', there)}, {clock}"


def headline(report: Report) -> str:
    """The report in one line."""
    start, champion = report.baseline, report.champion
    metric = f"{code(report.metric.name)}{report.metric.doubt}"
    if not report.rows:
        return "Nothing has run yet"
    if start is None or champion is None or start.score is None:
        return "No baseline has a score yet, so that nothing can be held against it"
    before = words.number(start.score, places(report))
    if not report.steps:
        tried = len(report.rows) - 1
        what = f"nothing of {plural(tried, 'proposal')} was kept" if tried else "the baseline alone has run"
        return f"{metric} {before}: {what}"
    change = f"{metric} {before} {words.ARROW} {words.number(champion.score, places(report))}"
    if report.fresh is not None:
        return f"{change}; by fresh runs {interval(report, report.fresh)}"
    share = words.share(champion.score, start.score)
    return f"{change}{f' ({share})' if share else ''}, as judged by the runs it was kept for"


def verdict(report: Report) -> list[str]:
    """The report in sentences, the weightiest first: Markdown."""
    said = [
        _ran(report),
        _champion(report),
        _standing(report),
        _optimism(report),
        _held_out(report),
        _noise(report),
        _failing(report),
    ]
    said += [_paid(report), _epochs(report)]
    return [one for one in said if one]


def _ran(report: Report) -> str:
    if not report.rows:
        return ""
    since = "" if report.since is None else f"Since {moment(report.since, report.made)}: "
    if not report.total:
        return f"{since}no iteration has ended."
    counts = ", ".join(
        plural(count, word, {"crash": "crashes", "pruned": "pruned"}.get(word, ""))
        + " with the baseline" * (word == "keep" and report.began_with_baseline)
        for word, count in report.counts.items()
    )
    driven = f" in {words.duration(report.spent.driven)} of driving" if report.spent.driven >= 1 else ""
    return f"{since}{plural(report.total, 'iteration')}{driven}: {counts}."


def _champion(report: Report) -> str:
    champion, start = report.champion, report.start
    if champion is None or not report.steps:
        return ""
    new = sum(step.new for step in report.steps)
    said = f"The champion is iteration {champion.number}, {code(champion.title)}"
    if report.since is None:
        return f"{said}: {plural(report.line, 'kept step')} from the baseline."
    if not new:
        return f"{said}, as before: nothing new was kept."
    before = f" from iteration {start.number} ({words.number(start.score, places(report))})" if start else ""
    return f"{said}: {plural(new, 'new step')}{before}."


def _standing(report: Report) -> str:
    """How many of the steps are confirmed, and which are not."""
    if not report.steps:
        return ""
    waiting, several = report.unconfirmed, len(report.steps)
    fallen = [step.number for step in report.steps if step.state == "refuted"]
    of = "it" if several == report.line else f"its latest {several} steps"
    if not waiting and not fallen:
        return f"Fresh runs confirm {'all of ' * (several > 1)}{of}."
    named = numbers(sorted(step.number for step in waiting)) if waiting else ""
    if len(waiting) == several:
        return f"None of {of} is confirmed yet: {named} {'is' if len(waiting) == 1 else 'are'} provisional."
    said = f"Fresh runs confirm {several - len(waiting) - len(fallen)} of {several} steps"
    said += f"; {named} provisional" if waiting else ""
    return f"{said}; {numbers(fallen)} refuted, and still in the champion." if fallen else f"{said}."


def _optimism(report: Report) -> str:
    """By how much the figures of screening were too good, where fresh runs tell."""
    told = report.optimism
    if told is None:
        return ""
    screened, found, count = told
    steps = "the step" if count == 1 else f"the {count} steps"
    said = f"For {steps} with fresh runs, judging had said {size(report, screened)}, and fresh runs say "
    said += size(report, found)
    by_luck = luck(report)
    if by_luck is None:
        return ""
    if by_luck > report.doubt:
        return f"{said}: {size(report, by_luck).lstrip('+')} of it was luck."
    if by_luck > 0:
        less = size(report, by_luck).lstrip("+")
        within = size(report, report.doubt).lstrip("+")
        return f"{said}: {less} less, which may be luck, or the noise of these runs (± {within} with 90 %)."
    return f"{said}: it was not too good to be true."


def _held_out(report: Report) -> str:
    if report.held_out is None:
        return ""
    return f"On the holdout, which no selection saw, the gain is {interval(report, report.held_out)}."


def luck(report: Report) -> float | None:
    """By how much the judged gains of the steps with fresh runs were too good; None where that says nothing."""
    told = report.optimism
    if told is None or not report.noise:
        return None
    return told[0] - told[1]


def _noise(report: Report) -> str:
    if report.baseline is None:
        return ""
    if report.noise is None:
        return "How noisy a run is is not known: nothing has run twice."
    if report.noise == 0:
        return "Runs of the same code came out the same to the last digit."
    digits = words.number(report.noise, min(9, words.decimals([report.noise], 2)))
    runs = f"{report.repeats} repeated run{'s' * (report.repeats != 1)}"
    return f"One run scatters by {digits} (one standard deviation, from {runs})."


def _failing(report: Report) -> str:
    if report.failing < STREAK:
        return ""
    return f"The last {report.failing} iterations all failed: look at that first."


def _paid(report: Report) -> str:
    said = words.money(report.cost)
    return f"The agents' requests cost {said}." if said else ""


def _epochs(report: Report) -> str:
    if report.epochs < 2 or report.epoch is None:
        return ""
    others = plural(report.epochs - 1, "other")
    return f"This is epoch {report.epoch}: scores of the {others} do not compare, and are not here."


def worth(report: Report, step: Step) -> str:
    """What a step is worth, with its interval."""
    return words.DASH if step.effect is None else interval(report, step.effect, sure=False)


def told_by(step: Step) -> str:
    """What tells that."""
    if step.effect is None:
        return "no score to hold it against"
    if step.effect.source == "fresh":
        return f"{plural(step.effect.runs, 'fresh pair')}"
    return SOURCES[step.effect.source]


def advice(report: Report) -> list[Advice]:
    """What to try next, what matters most first; each follows from what the report holds."""
    arena = shlex.quote(report.path)
    if report.baseline is None:
        what = "Make the baseline run: mend what failed, and start again." if report.rows else "Run the baseline."
        return [Advice(what, f"autoloop check {arena} && autoloop step {arena}")]
    found = [*_troubles(report, arena), *_waits(report, arena), *_confirming(report, arena), *_searching(report, arena)]
    if report.steps and not report.unconfirmed:
        command = f"autoloop export {arena} -o winner.ipynb --verify"
        found.append(Advice("Bring it home: the champion as a notebook that anyone can run.", command))
    if not report.running:
        found.append(Advice("Go on.", f"autoloop auto {arena}"))
    return found


def _troubles(report: Report, arena: str) -> Iterator[Advice]:
    """What goes wrong again and again."""
    if not report.failures:
        return
    group = report.failures[0]
    if report.failing >= STREAK:
        said = f"See why the last {report.failing} iterations failed; most often: {code(group.what)}."
        yield Advice(said, f"autoloop show {arena} {group.numbers[-1]}")
    elif group.count >= OFTEN:
        cost = f"cost {plural(group.count, 'run')} and {words.duration(group.seconds)}"
        yield Advice(f"Say in the strategy how to avoid what {cost}: {code(group.what)}.")


def _waits(report: Report, arena: str) -> Iterator[Advice]:
    several = len(report.waiting)
    if several:
        said = "the proposal that waits" if several == 1 else f"the {several} proposals that wait"
        yield Advice(f"Decide on {said} for you.", f"autoloop step {arena} --review")


def _confirming(report: Report, arena: str) -> Iterator[Advice]:
    """What would make the figures surer."""
    unconfirmed = [step.number for step in report.unconfirmed]
    if unconfirmed:
        one = len(unconfirmed) == 1
        said = f"iteration {unconfirmed[0]}: until then its" if one else "the provisional keeps: until then their"
        yield Advice(f"Confirm {said} worth may be luck.", f"autoloop confirm {arena}")
    if report.noise is None and report.champion is not None:
        said = "Run the champion once more: without that nobody knows how noisy a run is."
        yield Advice(said, f"autoloop replicate {arena} {report.champion.number}")
    if report.line >= WORTH_ABLATING and not report.ablated:
        yield Advice(f"Ask which of the {report.line} kept steps matter.", f"autoloop ablate {arena}")


def _searching(report: Report, arena: str) -> Iterator[Advice]:
    """Where the next gain may lie."""
    scores = [row[3] for row in report.rows if row[3] is not None]
    if len(scores) > OFTEN and len(set(scores)) == 1:
        said = f"See whether the score tells anything apart: all of {len(scores):,} runs came to the same."
        yield Advice(said, f"autoloop check {arena} --deep")
    if report.near:
        best = report.near[0]
        others = f" Near, too: {numbers([one.number for one in report.near[1:TITLES]])}." if report.near[1:] else ""
        said = f"iteration {best.number}, {code(best.title)}, came within the noise of the champion"
        what = "Give near misses another chance, and put them together" if report.near[1:] else "Run a near miss again"
        said = f"{what}: {said} ({size(report, best.gain)}).{others}"
        several = len(report.near) > 1
        together = f"autoloop auto {arena} --agent rescue --iterations {2 * len(report.near)}"
        yield Advice(said, together if several else f"autoloop replicate {arena} {best.number}")
    paying = [one for one in report.touched if one.kept]
    if paying:
        best_name = max(paying, key=lambda one: (one.best or 0.0, one.kept))
        kept = "each time" if best_name.kept == best_name.tried else _times(best_name.kept)
        tried = f"changed {_times(best_name.tried)} and kept {kept}"
        yield Advice(f"Go further where it paid: {code(best_name.name)} was {tried}.")
    if report.untouched and report.looked:
        names = ", ".join(code(name) for name in report.untouched[:NAMES])
        more = f" and {len(report.untouched) - NAMES} more" if len(report.untouched) > NAMES else ""
        yield Advice(f"Try what nobody has touched: {names}{more}, of {plural(report.names, 'constant')}.")


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def numbers(several: list[int]) -> str:
    """`iteration 4`, `iterations 4, 9 and 12`; of many the first."""
    named = [str(number) for number in several[:8]]
    if len(several) == 1:
        return f"iteration {named[0]}"
    if len(several) > 8:
        return f"iterations {', '.join(named)} and {len(several) - 8:,} more"
    return f"iterations {', '.join(named[:-1])} and {named[-1]}"
