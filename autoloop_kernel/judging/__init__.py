"""Decides what a score means: keep, discard, or run it again.

`Judge` and `Decision` are found when asked for, since what only looks at a ledger should not pay for numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoloop_kernel.judging.decision import Decision, Gain
    from autoloop_kernel.judging.judge import Judge

__all__ = ["Decision", "Gain", "Judge"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from autoloop_kernel.judging import decision, judge

    return getattr(judge if name == "Judge" else decision, name)
