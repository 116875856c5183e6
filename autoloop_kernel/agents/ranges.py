"""Where a tunable constant may go: the range that its comment states, or a sensible one around its value."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass, replace

Value = int | float | bool | str

_NUMBER = r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)?"
_BOUNDS = re.compile(rf"(?<![\w.])(?P<low>{_NUMBER})\s*\.\.\s*(?P<high>{_NUMBER})(?!\w)(?P<log>[\s,;(]*log\b)?")
_WORD = r"(?:\"[^\"]*\"|'[^']*'|[-+\w.]+)"
_CHOICES = re.compile(rf"{_WORD}(?:\s*\|\s*{_WORD})+")
_FRACTION = re.compile(r"DROP|PROB|FRAC|RATIO|BETA|MOMENT|EMA|GAMMA|ALPHA|DECAY|DISCOUNT")
_SMALL = re.compile(r"DECAY|WD|LR|EPS|REG|PENALTY|L1|L2|NOISE|STD|SIGMA|SMOOTH|WARM|CLIP|RATE|WEIGHT")

LINEAR, LOG, NEAR_ONE, LISTED = "linear", "log", "near one", "listed"


@dataclass(frozen=True)
class Range:
    """The values that a constant may take.

    Numbers: `low` to `high`, both included, on a `scale`: linear, log, near one (log of the distance to 1, for the
    likes of a momentum), or listed: one of the sorted `choices`, of which the next one is a step away. Text and bools:
    one of `choices`, and the bounds say nothing. `stated` when a comment gave it.
    """

    low: float = 0.0
    high: float = 0.0
    scale: str = LINEAR
    choices: tuple[Value, ...] = ()
    stated: bool = False

    @property
    def ordered(self) -> bool:
        """Whether the values have an order and a distance, so that one can step through them."""
        return not self.choices or self.scale == LISTED

    @property
    def numbers(self) -> tuple[float, ...]:
        """The listed choices as numbers; none where there is no list of numbers."""
        return tuple(float(choice) for choice in self.choices) if self.scale == LISTED else ()

    def place(self, value: float) -> float:
        """Where a number lies on the scale, in the scale's own units (for log: the natural logarithm)."""
        if self.scale == LISTED:
            below = sum(number < value for number in self.numbers)
            return float(below) if value in self.numbers else below - 0.5
        if self.scale == LOG:
            return math.log(max(value, 1e-300))
        if self.scale == NEAR_ONE:
            return -math.log(max(1.0 - value, 1e-12))
        return float(value)

    def at(self, place: float) -> float:
        """The number at a place on the scale; the inverse of `place`."""
        if self.scale == LISTED:
            return self.numbers[min(max(round(place), 0), len(self.choices) - 1)]
        if self.scale == LOG:
            return math.exp(min(place, 700.0))
        if self.scale == NEAR_ONE:
            return 1.0 - math.exp(-place)
        return place

    @property
    def span(self) -> float:
        """The distance from `low` to `high` on the scale."""
        return self.place(self.high) - self.place(self.low)

    def including(self, value: float) -> Range:
        """This range, made wide enough for `value` where the scale can hold it."""
        if self.choices or (self.scale == LOG and value <= 0) or (self.scale == NEAR_ONE and value >= 1):
            return self
        return replace(self, low=min(self.low, value), high=max(self.high, value))


def range_of(name: str, value: Value, comment: str) -> Range | None:
    """The range of the constant `name` that now holds `value`, given its trailing `comment` (with or without `#`).

    None where there is nothing to choose from: text without stated choices, or a range of a single value.
    """
    if isinstance(value, bool):
        return Range(choices=(False, True))
    found = _stated(value, comment)
    if found is None and not isinstance(value, str):
        found = _around_int(value) if isinstance(value, int) else _around_float(name, value)
    if found is None:
        return None
    alternatives = [choice for choice in found.choices if choice != value]
    settled = not alternatives if found.choices else found.low == found.high == value
    return None if settled else found


def _stated(value: int | float | str, comment: str) -> Range | None:
    if match := _CHOICES.search(comment):
        choices = [_choice(word.strip(), value) for word in match.group().split("|")]
        if None not in choices:
            kept = tuple(dict.fromkeys(choice for choice in choices if choice is not None))
            if isinstance(value, str):
                return Range(choices=kept, stated=True)
            ranked = tuple(sorted(kept, key=float))
            return Range(float(ranked[0]), float(ranked[-1]), LISTED, ranked, stated=True)
    match = _BOUNDS.search(comment)
    if isinstance(value, str) or match is None:
        return None
    low, high = sorted((float(match["low"]), float(match["high"])))
    if not all(bound == 0 or 1e-100 < abs(bound) < 1e15 for bound in (low, high)):
        return None
    if isinstance(value, int):
        low, high = math.ceil(low), math.floor(high)
    if low > high:
        return None
    scale = LOG if match["log"] and low > 0 else LINEAR
    if isinstance(value, float) and low >= 0.8 and high < 1:
        scale = NEAR_ONE
    return Range(low, high, scale, stated=True)


def _choice(word: str, value: int | float | str) -> Value | None:
    """One stated choice as a value of the constant's own type; None where it cannot be one."""
    quoted = word[:1] in "'\""
    if isinstance(value, str):
        return word[1:-1] if quoted else word
    try:
        number = ast.literal_eval(word.lstrip("+"))
    except (ValueError, SyntaxError):
        return None
    if type(number) not in (int, float) or not abs(number) < 1e15:
        return None
    return float(number) if isinstance(value, float) else number if type(number) is int else None


def _around_int(value: int) -> Range:
    if value >= 8:
        return Range(max(1, value // 2), value * 2, LOG)
    if value >= 2:
        return Range(max(1, value // 2), value * 2)
    if value >= 0:
        return Range(value, value + 3)
    return Range(3 * value, -value)


def _around_float(name: str, value: float) -> Range:
    if value > 0:
        fraction = value < 1 and (value >= 0.9 or _FRACTION.search(name) is not None)
        if fraction and value >= 0.5:
            low, high = max(value / 4, 1 - 4 * (1 - value)), 1 - digits((1 - value) / 4)
            return Range(digits(low), float(f"{high:.12g}"), NEAR_ONE)
        return Range(digits(value / 4), min(digits(4 * value), 0.9) if fraction else digits(4 * value), LOG)
    if value < 0:
        return Range(digits(3 * value), digits(-value))
    if _SMALL.search(name):
        return Range(0.0, 0.1)
    return Range(0.0, 0.5) if _FRACTION.search(name) else Range(-1.0, 1.0)


def digits(number: float) -> float:
    """A number to three significant digits, as titles and sources show it."""
    return float(f"{number:.3g}")
