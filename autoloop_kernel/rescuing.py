"""A second chance for discards: one that wins once it was run again is run anew, and near misses are put together."""

from __future__ import annotations

from autoloop_kernel.agents.rescue import RescueAgent, SecondChance, won
from autoloop_kernel.barring import barred
from autoloop_kernel.loop import Loop
from autoloop_kernel.proposing import NothingToRun


def rescued(loop: Loop) -> bool:
    """Run the discard that was run again last as a new iteration, where it beats the champion by all runs of both.

    False where it does not, or has had its second chance; upstream's rule (`greedy`) knows none. Raises as
    `Loop.iterate`.
    """
    session = loop.session
    ledger, rules = session.ledger, session.arena.rules
    asked = ledger.last_event("replicate")
    champion = session.champion()
    if asked is None or asked.iteration is None or champion is None or rules.keep.get("policy", "bayes") == "greedy":
        return False
    it, told = ledger.iteration(asked.iteration), ledger.last_event("rescue")
    if it is None or (told is not None and told.iteration == it.number) or ledger.replicates():
        return False
    if ledger.proposals("accepted", 1):  # it runs first, and would be taken for the second chance
        return False
    if barred(rules, it):
        return False
    if not won(it, champion, rules.metric.direction) or ledger.times_run(it.epoch, ledger.code_key(it.number)) > 1:
        return False
    try:
        loop.iterate(SecondChance(it))
    except NothingToRun as error:
        ledger.emit(
            "note", it.number, text=f"iteration {it.number} wins by all of its runs, and is not run anew: {error}"
        )
    ledger.emit("rescue", it.number)
    return True


def combined(loop: Loop) -> bool:
    """Run a near miss laid over what became the champion, or two near misses together, as a candidate of its own.

    False where none is left that has not run; upstream's rule (`greedy`) knows none. Raises as `Loop.iterate`.
    """
    if loop.session.arena.rules.keep.get("policy", "bayes") == "greedy":
        return False
    try:
        loop.iterate(RescueAgent())
    except NothingToRun:
        return False
    return True


__all__ = ["combined", "rescued"]
