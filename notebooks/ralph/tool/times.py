"""Finds the times that a cron expression means."""

from datetime import datetime, timedelta

FIRST_MINUTE = 0  # 0..2 minutes after the start at which the search begins
MONDAY = 0  # 0..6 the number of Monday
EITHER_DAY = False  # whether a day need meet only one of day and weekday where both are restricted
YEARS_AHEAD = 1  # 1..60 how far the search goes


def times(start, fields, stars, count):
    """The first `count` times after `start`, fewer where the years searched hold no more.

    `fields` maps each field to its values and its special days; `stars` names those that begin with a star.
    """
    found = []
    after = start + timedelta(minutes=FIRST_MINUTE)
    day, end = after.date(), after.date() + timedelta(days=365 * YEARS_AHEAD + YEARS_AHEAD // 4)
    moments = [(hour, minute) for hour in sorted(fields["hour"][0]) for minute in sorted(fields["minute"][0])]
    while day < end and len(found) < count:
        if day.month in fields["month"][0] and _allowed(day, fields, stars):
            for hour, minute in moments:
                moment = datetime(day.year, day.month, day.day, hour, minute)
                if moment >= after and len(found) < count:
                    found.append(moment)
        day += timedelta(days=1)
    return found


def _allowed(day, fields, stars):
    by_day = _by_day(day, *fields["day"])
    by_weekday = _by_weekday(day, *fields["weekday"])
    if EITHER_DAY and not stars & {"day", "weekday"}:
        return by_day or by_weekday
    return by_day and by_weekday


def _by_day(day, values, special):
    return day.day in values


def _by_weekday(day, values, special):
    return (day.weekday() + MONDAY) % 7 in values
