"""What a keep rule says of a candidate's attempts so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Action = Literal["keep", "discard", "replicate"]


class Gain(NamedTuple):
    """How much better the candidate is than its base, in units of the score; positive is better in either direction.

    `mean` is the posterior mean; `low` and `high` hold 90 % of the posterior, 5 % on either side.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Decision:
    """What to do next, and what is believed.

    `action` is "keep", "discard" or "replicate" (run the same again with another seed). `p_better` is the chance, from
    0 to 1, that the candidate is truly better than its base (of a baseline, which has none: 0). `gain`: see `Gain`.
    `sigma` is the noise of one run as it is now believed, in units of the score. `reason` says why, in plain words.
    """

    action: Action
    p_better: float
    gain: Gain
    sigma: float
    reason: str
