"""What becomes of an edit that is better than its base, where another iteration is the champion by now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from autoloop_kernel.arena.merge import merge3
from autoloop_kernel.records import Iteration, Proposal, Verdict
from autoloop_kernel.rulings import Ruling
from autoloop_kernel.scheduling import Fate, fate
from autoloop_kernel.session import Session

_ON = re.compile(r" \(on iteration \d+\)$")

Rule = Callable[[Iteration, Mapping[str, str]], Ruling]
"""Rules on an iteration with these complete sources as held against another."""


def overtaken(
    session: Session,
    iteration: Iteration,
    against: Iteration | None,
    units: Mapping[str, str],
    ruling: Ruling,
    rule: Rule,
) -> Ruling:
    """The ruling as it is, or, for a keep that was held `against` what is the champion no more, a discard.

    Its edit is then queued to run on what is the champion of its line, before it counts: event `overtaken`. `units` are
    the iteration's complete sources. A kill and a second call change nothing.
    """
    ledger, number = session.ledger, iteration.number
    parts = len(ledger.combines(iteration.proposal)) if ruling.verdict is not Verdict.KEEP else 0
    if parts > 1:
        return replace(ruling, reason=f"{ruling.reason}; each of its {parts} edits runs by itself next")
    now = ledger.champion(iteration.epoch, iteration.island)
    base = None if against is None else against.number
    # A person's fork is meant as it is; an island that went on from elsewhere meanwhile has lost nothing.
    kept = ruling.verdict is Verdict.KEEP and (bool(iteration.island) or ledger.leads(number))
    if now is None or fate(kept, base, now.number) is not Fate.COMBINE:
        return ruling
    found = combination(session, iteration, units, now, lambda: rule(now, units).verdict is not Verdict.DISCARD)
    if found is not None and not ledger.combines(found.id):
        ledger.queue(found, iteration.epoch)
        gain = _gain(against, ruling)
        data = {"id": found.id, "title": found.title, "champion": now.number, "against": base, "gain": gain}
        ledger.emit("overtaken", number, **data)
    then = "its edit runs on that next" if found is not None else "both change the same lines, and that is the better"
    better = f"better than iteration {base} ({ruling.reason}), but iteration {now.number} is the champion by now"
    return replace(ruling, verdict=Verdict.DISCARD, reason=f"{better}: {then}")


def _gain(against: Iteration | None, ruling: Ruling) -> float:
    """What a keep is expected to gain on what it was held `against`; where the judge says nothing, by its score."""
    if gain := ruling.numbers.get("gain"):
        return float(gain[0])
    before = None if against is None else against.score
    return 0.0 if ruling.score is None or before is None else abs(ruling.score - before)


def plain_title(title: str) -> str:
    """The title of an edit, without what it was laid over."""
    return _ON.sub("", title)


def combination(
    session: Session, iteration: Iteration, units: Mapping[str, str], champion: Iteration, wins: Callable[[], bool]
) -> Proposal | None:
    """Lay an iteration's edit over the `champion`, which is not its base: a proposal by the same agent.

    `units` are the iteration's complete sources. Where both change the same lines it is the iteration's own code,
    if that `wins()` over the champion; None where it does not, or there is nothing to add to the champion.
    """
    changed = laid_over(session, iteration.base, units, champion, wins)
    if not changed:
        return None
    title = f"{plain_title(iteration.title)} (on iteration {champion.number})"
    why = f"Iteration {iteration.number} was better than its base; iteration {champion.number} overtook it meanwhile."
    # The same again after a kill: the id says what it is made of.
    name = hashlib.sha256(f"{iteration.proposal}+{champion.number}".encode()).hexdigest()[:32]
    return Proposal(title, changed, why, iteration.agent, champion.number, name, iteration.island)


def laid_over(
    session: Session, base: int | None, units: Mapping[str, str], champion: Iteration, wins: Callable[[], bool]
) -> dict[str, str] | None:
    """What changes in the champion where the edit of iteration `base` that makes `units` is laid over it.

    Where both change the same lines it is `units`, if they win over the champion (`wins()`); None where they do not.
    """
    before = {} if base is None else session.units(base)
    now = session.units(champion.number)
    merged = {name: merge3(before.get(name, ""), now.get(name, ""), text) for name, text in units.items()}
    if None in merged.values() and not wins():
        return None
    chosen = {name: units[name] if text is None else text for name, text in merged.items()}
    return {name: text for name, text in chosen.items() if text != now.get(name)}


__all__ = ["combination", "laid_over", "overtaken", "plain_title"]
