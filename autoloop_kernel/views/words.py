"""Signs, colours and the writing of numbers: the same in every face.

Signs come before colours, so that nothing rests on colour alone. The colours are those of the house (light surface);
the greens, blues and vermilions stay apart for the common kinds of colour blindness.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoloop_kernel.records import SEALED, Cost, Direction, Iteration, Metric, Verdict

INK, SOFT, LINE, DOT = "#1f2328", "#57606a", "#e0e0e0", "#9aa4ae"
KEEP, CRASH, WARN, CHAMPION, RUN = "#00785a", "#b3400e", "#8a6100", "#0067a3", "#2b6cb0"

MINUS, DASH, ARROW = "−", "–", "→"


ENDS = (Verdict.KEEP, Verdict.DISCARD, Verdict.PRUNED, Verdict.CRASH, Verdict.TIMEOUT)
"""How an iteration may end, in the order in which faces count them."""


@dataclass(frozen=True)
class Look:
    """How one kind of result is shown: a sign, a word, a rich style and a colour (hex) for plots."""

    sign: str
    word: str
    style: str
    colour: str


LOOKS: dict[str, Look] = {
    "confirmed": Look("●", "keep", "bold green", KEEP),
    "provisional": Look("○", "keep", "green", KEEP),
    "refuted": Look("·", "refuted", "dim", DOT),
    "discard": Look("·", "discard", "dim", DOT),
    "pruned": Look("▽", "pruned", "dim", SOFT),
    "crash": Look("×", "crash", "red", CRASH),
    "timeout": Look("⧖", "timeout", "yellow", WARN),
    "contended": Look("◌", "contended", "yellow", SOFT),
    "interrupted": Look("◌", "interrupted", "yellow", SOFT),
    "running": Look("◐", "running", "blue", RUN),
    "scored": Look("·", "scored", "dim", DOT),
    "invalid": Look(DASH, "invalid", "dim", SOFT),
    "duplicate": Look(DASH, "duplicate", "dim", SOFT),
    "skipped": Look(DASH, "skipped", "dim", SOFT),
    "pending": Look("…", "pending", "dim", SOFT),
    "waiting": Look("…", "waiting", "bold", INK),
    "accepted": Look("…", "accepted", "blue", RUN),
}

WORKERS: dict[str, Look] = {
    "busy": LOOKS["running"],
    "waits": Look("…", "waits", "dim", SOFT),
    "slow": Look("⧖", "slow", "yellow", WARN),
    "lost": Look("◌", "lost", "yellow", WARN),
    "refused": Look("×", "refused", "red", CRASH),
    "down": Look("■", "down", "dim", SOFT),
}
"""How the workers of a driver look: by their state, and those that are up by whether they run something."""


def look(verdict: Verdict | str | None, state: str | None = None) -> Look:
    """The look of a verdict (None: still running); a keep's `state` tells confirmed, provisional and refuted apart."""
    if verdict is None:
        return LOOKS["running"]
    if verdict == Verdict.KEEP:
        return LOOKS.get(state or "provisional", LOOKS["provisional"])
    return LOOKS[str(verdict)]


def look_of(iteration: Iteration) -> Look:
    """The look of an iteration; one whose last attempt was cut short, and that waits to be run again, does not run."""
    if iteration.verdict is None and iteration.attempts and iteration.attempts[-1].verdict is Verdict.INTERRUPTED:
        return LOOKS["interrupted"]
    return look(iteration.verdict, iteration.state)


def standing(iteration: Iteration) -> bool:
    """Whether an iteration of the main line is a keep that was not refuted and has a number to stand on."""
    kept = iteration.verdict is Verdict.KEEP and iteration.state != "refuted" and not iteration.island
    return kept and finite(iteration.score) is not None


def finite(value: float | None) -> float | None:
    """`value` when it is an ordinary number, else None (NaN and infinities are no scores)."""
    return value if value is not None and math.isfinite(value) else None


def decimals(values: Iterable[float | None], digits: int = 4) -> int:
    """How many decimals show `digits` significant digits of the middle one of these values, 0 to 9."""
    sizes = sorted(abs(v) for v in values if finite(v) and v)
    if not sizes:
        return 3
    return min(9, max(0, digits - 1 - math.floor(math.log10(sizes[len(sizes) // 2]))))


def number(value: float | None, places: int | None = None) -> str:
    """A score as text, with a true minus sign; an en dash where there is none. `places`: decimals (or by size)."""
    if finite(value) is None or value is None:
        return DASH
    small = value != 0 and abs(value) < (1e-4 if places is None else 0.5 * 10**-places)
    places = decimals([value]) if places is None else places
    value += 0.0  # a negative zero is a zero
    text = f"{value:.3e}" if small or abs(value) >= 1e9 else f"{value:.{places}f}"
    return text.replace("-", MINUS)


def signed(value: float | None, places: int | None = None) -> str:
    """A difference as text, always with its sign; an en dash where there is none.

    One that would read as zero gets more decimals than asked for, at most 9.
    """
    if finite(value) is None or value is None:
        return DASH
    if value and places is not None and abs(value) < 0.5 * 10**-places:
        places = min(9, decimals([value], 1))
    text = number(value, places)
    return text if value < 0 else f"+{text}"


def share(score: float | None, start: float | None) -> str:
    """The change from `start` to `score` in per cent of `start` (`−12.9 %`); empty where that says nothing."""
    if finite(score) is None or finite(start) is None or not start or score is None:
        return ""
    percent = 100 * (score - start) / abs(start)
    return f"{signed(percent, 1)} %" if abs(percent) < 1000 else ""


def duration(seconds: float | None) -> str:
    """A length of time as text: `0.4 s`, `14.8 s`, `3 min 05 s`, `2 h 10 min`."""
    if finite(seconds) is None or seconds is None:
        return DASH
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def bytes_(count: int) -> str:
    """An amount of data as text, in powers of a thousand: `812 bytes`, `4.1 MB`."""
    if count < 1000:
        return f"{count} byte{'s' * (count != 1)}"
    size, unit = float(count), 0
    while size >= 999.5 and unit < len("kMGT"):
        size, unit = size / 1000, unit + 1
    return f"{size:.{1 if size < 99.5 else 0}f} {'kMGT'[unit - 1]}B"


def money(cost: Cost) -> str:
    """What requests to a model cost: dollars where the price is known, and tokens; empty where there were none."""
    if not cost.requests:
        return ""
    read = cost.input + cost.cache_read + cost.cache_write
    cached = f" ({100 * cost.cache_read // read} % of them from the cache)" if cost.cache_read else ""
    paid = "price unknown" if cost.dollars is None else dollars(cost.dollars)
    more = f", {cost.unpriced:,} without a price" if cost.unpriced and cost.dollars is not None else ""
    plural = "s" if cost.requests != 1 else ""
    return f"{paid}; {cost.requests:,} request{plural}{more}: {read:,} tokens read{cached}, {cost.output:,} written"


def dollars(value: float) -> str:
    """An amount of money: `$1.24`; below a dollar, where cents are too coarse, `$0.0123`."""
    fine = f"${value:,.4f}"
    return f"${value:,.2f}" if value >= 1 or fine.endswith("00") else fine


def bill(cost: Cost, most: float | None = None) -> str:
    """What was spent, of `most` dollars where so much may be: `$1.24 of $5.00`; empty where nothing was, or may be."""
    if most is None and not cost.requests:
        return ""
    if cost.dollars is None and cost.requests:
        return "price unknown"
    return dollars(cost.dollars or 0.0) + (f" of {dollars(most)}" if most is not None else "")


def moment(when: float) -> str:
    """A time stamp (seconds since the epoch) as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def shorten(text: str, width: int) -> str:
    """`text` on one line of at most `width` characters, ended by an ellipsis where something was cut."""
    line = plain(text)
    return line if len(line) <= width else line[: max(0, width - 1)].rstrip() + "…"


def plain(text: str) -> str:
    """`text` as one line without control characters: titles and reasons come from agents and are shown on terminals."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def goal(metric: Metric) -> str:
    """The metric with its unit and direction in words: `val_bpb (bits per byte, lower is better)`.

    Where the candidate states its own number, that stands there as well: `… lower is better, self-reported)`.
    """
    way = "lower is better" if metric.direction is Direction.MIN else "higher is better"
    about = [metric.unit, way, "" if metric.grade == SEALED else metric.grade]
    return f"{metric.name} ({', '.join(part for part in about if part)})"


def differences(iterations: Sequence[Iteration]) -> dict[int, float]:
    """By number: each iteration's score less its base's. Only where both have one and they share an epoch."""
    known = {it.number: it for it in iterations}
    found: dict[int, float] = {}
    for it in iterations:
        base = known.get(it.base) if it.base is not None else None
        if base is None or base.epoch != it.epoch or it.score is None or base.score is None:
            continue
        if math.isfinite(it.score) and math.isfinite(base.score):
            found[it.number] = it.score - base.score
    return found


def counts(iterations: Iterable[Iteration]) -> dict[str, int]:
    """How many iterations ended with each verdict that occurs: keep, discard, pruned, crash, timeout."""
    found: dict[str, int] = {}
    ended = [it.verdict for it in iterations]
    for verdict in ENDS:
        if total := ended.count(verdict):
            found[verdict.value] = total
    return found


def counted(iterations: Iterable[Iteration]) -> str:
    """The counts in words: `3 keeps, 8 discards, 1 crash`."""
    plural = {"keep": "keeps", "discard": "discards", "crash": "crashes", "timeout": "timeouts", "pruned": "pruned"}
    return ", ".join(f"{n} {word if n == 1 else plural[word]}" for word, n in counts(iterations).items())


def best(iterations: Iterable[Iteration], direction: Direction) -> Iteration | None:
    """The best standing keep of these; the caller gives iterations of one epoch. None where nothing was kept."""
    found: Iteration | None = None
    for it in iterations:
        if standing(it) and (found is None or direction.better(it.score or 0.0, found.score or 0.0)):
            found = it
    return found


def epochs(iterations: Iterable[Iteration]) -> list[int]:
    """The epochs that occur, in the order in which they first occur."""
    return list(dict.fromkeys(it.epoch for it in iterations))


def staircase(iterations: Sequence[Iteration], direction: Direction) -> list[tuple[int, float]]:
    """The best standing score so far after each iteration of one epoch, from its first keep on: (number, score)."""
    top: float | None = None
    found: list[tuple[int, float]] = []
    for it in iterations:
        if standing(it) and it.score is not None and (top is None or direction.better(it.score, top)):
            top = it.score
        if top is not None:
            found.append((it.number, top))
    return found
