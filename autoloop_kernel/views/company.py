"""Who else works on an arena, in all faces' words: others who share it, and agents' own lines beside the main one."""

from __future__ import annotations

from collections.abc import Sequence

from autoloop_kernel.records import Event, Iteration, Sharing, Taken, origin_of
from autoloop_kernel.views import words

MAIN = "the main line"

EXCHANGES = 5
"""How many of the last exchanges are told of."""

KINDS = ("exchange", "restart")
"""The events that tell of lines of agents."""


def shared(sharing: Sharing, now: float) -> str:
    """ "over hub.git: 12 sent (3 min 02 s ago), 40 taken in from 2 others (1 min 00 s ago)"."""

    def told(number: int, what: str, when: float | None) -> str:
        return f"{number} {what}" + ("" if when is None else f" ({words.duration(max(0.0, now - when))} ago)")

    over = f"over {words.shorten(words.plain(sharing.remote), 60)}: " if sharing.remote else ""
    sent = [told(sharing.pushed, "sent", sharing.pushed_at)] if sharing.remote else []
    whose = f"taken in from {sharing.origins} other{'s' * (sharing.origins != 1)}"
    return over + ", ".join([*sent, told(sharing.pulled, whose, sharing.pulled_at)])


def taken(one: Taken) -> str:
    """ "7ecff155: 3 findings, 1 champion (6, 0.4, confirmed, by claude)"."""
    said = f"{one.origin[:8]}: {one.findings} finding{'s' * (one.findings != 1)}"
    if one.champion is None:
        return said
    by = f"by {words.shorten(words.plain(one.agent), 40)}" if one.agent else ""
    about = [str(one.champion), words.number(one.score), one.state, by]
    return f"{said}, 1 champion ({', '.join(part for part in about if part)})"


def whose(it: Iteration) -> str:
    """Whose iteration this one tries: `6 of 7ecff155`; empty where it is the arena's own."""
    origin, _, number = origin_of(it.proposal).partition("/")
    return f"{number} of {origin[:8]}" if number else ""


def island(name: str, champion: Iteration) -> str:
    """ "search@refine: 0.4, confirmed, iteration 12"."""
    state = f", {champion.state}" if champion.state else ""
    return f"{words.plain(name)}: {words.number(champion.score)}{state}, iteration {champion.number}"


def exchanged(event: Event) -> str:
    """What one of the events `KINDS` tells of."""
    if event.kind == "restart":
        return f"island {words.plain(str(event.data.get('island')))} goes on from iteration {event.iteration}"
    source, to = (words.plain(str(event.data.get(key) or MAIN)) for key in ("from", "to"))
    said = f"iteration {event.iteration} of {source}, confirmed,"
    if event.data.get("id"):
        return f"{said} is tried on {to}"
    return f"{said} is not tried on {to} ({words.plain(str(event.data.get('why')))})"


def lines(sharing: Sharing | None, islands: Sequence[str], exchanges: Sequence[Event], now: float) -> list[str]:
    """All of it, a line each."""
    found: list[str] = []
    if sharing is not None:
        found.append(f"shared {shared(sharing, now)}")
        found += [words.plain(sharing.trouble)] if sharing.trouble else []
        found += [taken(one) for one in sharing.whose]
    return [*found, *(f"island {one}" for one in islands), *(exchanged(event) for event in exchanges)]
