"""Reads one field of a cron expression: which values it allows."""

LAST_INCLUDED = False  # whether the range 1-5 holds the 5 as well
STEPS_FROM_FIRST = False  # whether steps count from the first value of a range, or from 0

LIMITS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}


def read(field, text):
    """The values that `text` allows in `field`, a set of numbers, and the days that take a calendar to tell, a list."""
    values, special = set(), []
    for item in text.split(","):
        values |= set(_values(field, item))
    return values, special


def _values(field, item):
    """The values of one item: a star, a number or a range, with a step or without."""
    span, slash, step = item.partition("/")
    first, dash, last = span.partition("-")
    low, high = LIMITS[field]
    if span == "*":
        first, last = low, high
    elif dash:
        first, last = _value(field, first), _value(field, last)
    else:
        first = _value(field, first)
        last = high if slash else first
    run = list(range(first, last + 1 if LAST_INCLUDED or not dash else last))
    every = int(step) if slash else 1
    return run[::every] if STEPS_FROM_FIRST else [value for value in run if value % every == 0]


def _value(field, text):
    """One number as a value of `field`."""
    return int(text)
