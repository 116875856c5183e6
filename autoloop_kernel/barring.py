"""What can never be kept, so that it deserves no second chance."""

from __future__ import annotations

from autoloop_kernel.judging.limits import excesses
from autoloop_kernel.records import Iteration, Rules, Verdict


def barred(rules: Rules, it: Iteration) -> bool:
    """Whether a run of this iteration broke a hard limit, so that no score of its makes it a keep."""
    return any(
        not each.soft
        for one in it.attempts
        if one.verdict is Verdict.SCORED
        for each in excesses(rules.limits, one.extra, one.facts)
    )


__all__ = ["barred"]
