"""The command: `COUNT after START: EXPRESSION` to the times that the expression means, one a line."""

from datetime import datetime

from tool.fields import read
from tool.times import times

FIELDS = ("minute", "hour", "day", "month", "weekday")


def run(line):
    """Answer one line."""
    count, start, expression = _parts(line)
    parts = expression.split()
    fields = {name: read(name, part) for name, part in zip(FIELDS, parts, strict=True)}
    stars = {name for name, part in zip(FIELDS, parts, strict=True) if part.startswith("*")}
    found = times(start, fields, stars, count)
    return "\n".join(f"{time:%Y-%m-%dT%H:%M}" for time in found)


def _parts(line):
    """How many times are asked for, after which moment, and the expression."""
    count, _, start, expression = line.split(" ", 3)
    return int(count), datetime.fromisoformat(start.removesuffix(":")), expression
