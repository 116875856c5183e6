"""How the tool of the bundled arena `ralph` is built, step by step: by whom plays an agent, and as its better method.

A step is a title and replacements (file, old text, new text). Each stands by itself on the ones before it.
"""

from __future__ import annotations

from collections.abc import Mapping

Change = tuple[str, str, str]
FIELDS, TIMES, MAIN = "tool/fields.py", "tool/times.py", "tool/main.py"

NAMES = """\
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
NAMES = {"month": {name: k + 1 for k, name in enumerate(MONTHS)}, "weekday": {name: k for k, name in enumerate(DAYS)}}


def read("""
LIMITED = '''\
    low, high = LIMITS[field]
    value = NAMES.get(field, {}).get(text)
    value = number(text) if value is None else value
    if not low <= value <= high + (field == "weekday"):
        raise Bad(f"{text} is no {field}")
    return value


def number(text):
    """A whole number of plain digits."""
    if not re.fullmatch("[0-9]+", text):
        raise Bad(f"{text} is no number")
    return int(text)
'''
STEPPED = """\
    every = number(step) if slash else 1
    if every < 1:
        raise Bad(f"{item} stands still")
"""
STRICT = """\
    found = LINE.fullmatch(line)
    if not found or int(found[1]) < 1:
        raise Bad(f"{line} asks for nothing")
    return int(found[1]), datetime.fromisoformat(found[2]), found[3]
"""
MACROS = """\
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS = ("""
ROUND = """\
    first %= high + 1 if first > last else 60
    numbers = list(range(first, last + 1 if LAST_INCLUDED or not dash else last))
    if first > last:
        numbers = [*range(first, high + 1), *range(low, last + 1)]
    run = [value % 7 for value in numbers] if field == "weekday" else numbers
"""
LAST_DAYS = '''\
    last = monthrange(day.year, day.month)[1]
    near = [_near(day, number, last) for kind, number in special if kind == "near"]
    return day.day in {*values, *near, *(last - back for kind, back in special if kind == "last")}


def _near(day, number, last):
    """The weekday of the month of `day` that is nearest to its day `number`; None where there is no such day."""
    if number > last:
        return None
    weekday = day.replace(day=number).weekday()
    if weekday == 5:
        return number - 1 if number > 1 else number + 2
    if weekday == 6:
        return number + 1 if number < last else number - 2
    return number
'''
SPECIAL_DAYS = '''\
def _special(field, item):
    """A day that takes a calendar to tell, as a tuple; None for an item of plain values."""
    if field == "day" and re.fullmatch("[0-9]+w", item):
        return "near", _value(field, item[:-1])
    if field == "day" and re.fullmatch("l(-[0-9]+)?", item):
        return "last", int(item[2:] or 0)
    return None


def _values('''
NTH = """\
    if field == "weekday" and re.fullmatch("([a-z]+|[0-9])(l|#[1-5])", item):
        name, mark, nth = item.partition("#")
        return _value(field, name if mark else item[:-1]) % 7, int(nth) if mark else -1
    return None
"""
NTH_DAYS = """\
    number = (day.weekday() + MONDAY) % 7
    last = monthrange(day.year, day.month)[1]
    marks = {(number, (day.day - 1) // 7 + 1)} | ({(number, -1)} if day.day + 7 > last else set())
    return number in values or not marks.isdisjoint(special)
"""
TOLD_OLD = """\
    return "\\n".join(f"{time:%Y-%m-%dT%H:%M}" for time in found)
"""
TOLD = """\
    told = [f"{time:%Y-%m-%dT%H:%M}" for time in found]
    return "\\n".join(told + ["never"] * (len(found) < count))
"""
TRUSTING = '''\
    """Answer one line."""
    count, start, expression = _parts(line)
    parts = MACROS.get(expression.strip().lower(), expression).split()
    fields = {name: read(name, part) for name, part in zip(FIELDS, parts, strict=True)}
'''
LINE = """\
LINE = re.compile(r"\\s*([0-9]+)\\s+after\\s+(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d)\\s*:(.*)")
FIELDS = ("""
SPLIT = """\
    count, _, start, expression = line.split(" ", 3)
    return int(count), datetime.fromisoformat(start.removesuffix(":")), expression
"""
SORTED_OUT = """\
        found = _special(field, item)
        if found:
            special.append(found)
        else:
            values |= set(_values(field, item))
"""
NAMED = """\
    found = NAMES.get(field, {}).get(text)
    return int(text) if found is None else found
"""
CAUGHT_ALL = '''\
    """Answer one line: the times, or `error` for one that means nothing."""
    try:
        count, start, expression = _parts(line)
        parts = MACROS.get(expression.strip().lower(), expression).split()
        fields = {name: read(name, part) for name, part in zip(FIELDS, parts, strict=True)}
    except ValueError:
        return "error"
'''

STEPS: list[tuple[str, list[Change]]] = [
    (
        "begin after the start, and count Monday as 1",
        [
            (TIMES, "FIRST_MINUTE = 0", "FIRST_MINUTE = 1"),
            (TIMES, "MONDAY = 0", "MONDAY = 1"),
        ],
    ),
    (
        "let ranges hold their last value, and steps count from their first",
        [
            (FIELDS, "LAST_INCLUDED = False", "LAST_INCLUDED = True"),
            (FIELDS, "STEPS_FROM_FIRST = False", "STEPS_FROM_FIRST = True"),
        ],
    ),
    (
        "take either day, and look forty years ahead",
        [
            (TIMES, "EITHER_DAY = False", "EITHER_DAY = True"),
            (TIMES, "YEARS_AHEAD = 1 ", "YEARS_AHEAD = 40 "),
        ],
    ),
    (
        "read names and macros, and say that there is never a time",
        [
            (FIELDS, "def read(", NAMES),
            (FIELDS, "text.split", "text.lower().split"),
            (FIELDS, "    return int(text)\n", NAMED),
            (
                MAIN,
                "FIELDS = (",
                MACROS,
            ),
            (MAIN, "parts = expression.split()", "parts = MACROS.get(expression.strip().lower(), expression).split()"),
            (MAIN, TOLD_OLD, TOLD),
        ],
    ),
    (
        "refuse what means nothing",
        [
            (FIELDS, "\nLAST_INCLUDED", "\nimport re\n\nLAST_INCLUDED"),
            (FIELDS, NAMED, LIMITED),
            (FIELDS, "    every = int(step) if slash else 1\n", STEPPED),
            (FIELDS, "MONTHS =", 'class Bad(ValueError):\n    """An expression that means nothing."""\n\n\nMONTHS ='),
            (
                MAIN,
                "import datetime\n\nfrom tool.fields import read",
                "import datetime\n\nfrom tool.fields import Bad, read",
            ),
            (MAIN, "from datetime", "import re\nfrom datetime"),
            (MAIN, "FIELDS = (", LINE),
            (MAIN, TRUSTING, CAUGHT_ALL),
            (MAIN, SPLIT, STRICT),
        ],
    ),
    (
        "let ranges run past the end, and Sunday be 7",
        [
            (FIELDS, "    run = list(range(first, last + 1 if LAST_INCLUDED or not dash else last))\n", ROUND),
            (
                FIELDS,
                "        first = _value(field, first)\n        last = high",
                "        first = _value(field, first) % (high + 1)\n        last = high",
            ),
        ],
    ),
    (
        "find the last days of a month, and the nearest weekday",
        [
            (FIELDS, "def _values(", SPECIAL_DAYS),
            (FIELDS, "        values |= set(_values(field, item))\n", SORTED_OUT),
            (TIMES, "from datetime", "from calendar import monthrange\nfrom datetime"),
            (TIMES, "    return day.day in values\n", LAST_DAYS),
        ],
    ),
    (
        "find the nth weekday of a month, and the last",
        [
            (FIELDS, "    return None\n", NTH),
            (TIMES, "    return (day.weekday() + MONDAY) % 7 in values\n", NTH_DAYS),
        ],
    ),
]


def due(sources: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    """The first step that is not done in `sources` (path → text): its title and the new texts; None after the last."""
    for title, changes in STEPS:
        if any(new in sources[path] for path, _, new in changes):
            continue
        built = dict(sources)
        for path, old, new in changes:
            assert built[path].count(old) == 1, (title, path, old)
            built[path] = built[path].replace(old, new)
        return title, {path: text for path, text in built.items() if text != sources[path]}
    return None


def complete(sources: Mapping[str, str]) -> dict[str, str]:
    """The tool with every step done."""
    built = dict(sources)
    while (step := due(built)) is not None:
        built |= step[1]
    return built
