"""What others shared, read with suspicion: bounded, on one line, plain numbers only, and never run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from autoloop_kernel.memory.restore import Lost
from autoloop_kernel.memory.text import dumps, one_line
from autoloop_kernel.memory.trailers import parse
from autoloop_kernel.records import AutoloopError, Verdict

MESSAGE = 65_536
"""How many bytes the commit of an iteration may tell of it."""

TITLE, AGENT, TEXT, UNITS = 160, 60, 800, 20
"""How many characters of a title, an agent's name and a finding are kept, and how many names of what it touched."""

_ENDS = (Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED)
_HASH = re.compile(r"[0-9a-f]{64}")
_MARKUP = str.maketrans({"<": "‹", ">": "›", "`": "'"})


@dataclass(frozen=True)
class Foreign:
    """An iteration that somebody else ran: whose (`origin`), its number there, and what came of it.

    `seconds` is the trainer's time that it took; `numbers` and `text` are those of its finding.
    """

    origin: str
    number: int
    commit: str
    game: str
    code_key: str
    verdict: Verdict
    state: str | None
    score: float | None
    title: str
    agent: str
    text: str
    numbers: Mapping[str, Any]
    seconds: float
    time: float

    @property
    def whose(self) -> str:
        """Whose iteration it is, in words."""
        return f"{self.origin[:8]} (by {self.agent})" if self.agent else self.origin[:8]

    @property
    def came(self) -> str:
        """What became of it, in words: `discard, 3.1`."""
        state = self.state if self.state in ("confirmed", "refuted") else ""
        score = "" if self.score is None else f"{self.score:.6g}"
        return ", ".join(part for part in (str(self.verdict), state, score) if part)


def foreign(origin: str, number: int, commit: str, message: str) -> Foreign | None:
    """The iteration that a commit's message tells of; None where it tells of none that ended, or of another number."""
    try:
        lost = parse(message)
    except (AutoloopError, RecursionError, OverflowError):
        return None
    it = lost.iteration
    if it.number != number or it.verdict not in _ENDS or not math.isfinite(it.time):
        return None
    score = it.score if it.score is not None and math.isfinite(it.score) else None
    if it.score is not None and score is None:
        return None
    try:
        seconds = _number(it.seconds.run, 0.0) + _number(it.seconds.score, 0.0)
    except TypeError:
        return None
    text = it.title if lost.finding is None else lost.finding.text
    return Foreign(
        origin=origin,
        number=number,
        commit=commit,
        game=it.game if _HASH.fullmatch(it.game) else "",
        code_key=lost.code_key if _HASH.fullmatch(lost.code_key) else "",
        verdict=it.verdict,
        state="provisional" if it.verdict is Verdict.KEEP else None,
        score=score,
        title=harmless(it.title, TITLE),
        agent=harmless(it.agent, AGENT),
        text=harmless(text, TEXT),
        numbers=_numbers(lost),
        seconds=min(max(seconds, 0.0), 1e9),
        time=it.time,
    )


def with_state(row: Foreign, state: str) -> Foreign:
    """The same iteration, of which that came to be known later."""
    return replace(row, state=state) if row.verdict is Verdict.KEEP else row


def harmless(text: str, length: int) -> str:
    """`text` on one line of at most `length` characters, with nothing in it that marks up, hides or turns round."""
    line = "".join(c if c.isprintable() else " " for c in one_line(text[: 4 * length])).translate(_MARKUP)
    flat = " ".join(line.split())
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"


def _numbers(lost: Lost) -> dict[str, Any]:
    """Those of a finding's numbers that are known by name and are what they should be."""
    given = {} if lost.finding is None else lost.finding.numbers
    found: dict[str, Any] = {"score": lost.iteration.score, "base": lost.iteration.base}
    for name in ("units", "names"):
        if isinstance(several := given.get(name), list):
            found[name] = [harmless(one, AGENT) for one in several[:UNITS] if isinstance(one, str)]
    if isinstance(given.get("hardware"), str):
        found["hardware"] = harmless(given["hardware"], TITLE)
    for name in ("seconds", "dollars"):
        if isinstance(given.get(name), (int, float)):
            found[name] = _number(given[name], None)
    effect = given.get("effect")
    gain = effect.get("gain") if isinstance(effect, dict) else None
    if isinstance(gain, list) and len(gain) == 3 and all(isinstance(one, (int, float)) for one in gain):
        found["effect"] = {"gain": [_number(one, None) for one in gain]}
    return found if len(dumps(found)) < MESSAGE else {}


def _number(value: Any, otherwise: Any) -> Any:
    """A finite number of ordinary size, else `otherwise`."""
    return float(value) if abs(value) < 1e300 and math.isfinite(value) else otherwise
