"""Synthetic applicants in two groups, past ratings that wrong one of them, and what comes of a ranking.

Nobody here is real. Both groups are equally able; what is measured of them, and how they were rated in the past, is not
equally fair to both. The fairness that is checked is the four-fifths rule of the United States' Uniform Guidelines on
Employee Selection Procedures (1978), 29 CFR 1607.4(D): a group whose selection rate is below four fifths of the highest
group's is taken for adversely affected. It is a rule of thumb, and meeting it proves no fairness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoloop_kernel.scoring.worlds import Floats, Ints, generator, packed, sigmoid

NAMES = ("work_sample", "interview", "test", "years", "school", "referral", "district", "gap")
"""What is known of an applicant, in the order of the columns, each about 0 and about 1 wide."""

HISTORY = 4_000  # people hired and rated in the past
SECOND = 0.35  # the share of applicants who belong to the second group
DEPTHS = (0.1, 0.2, 0.3)  # shares of all applicants that are selected: a ranking has to be fair at each
FILE = "data/ratings.npz"


@dataclass(frozen=True)
class World:
    """How each number follows from ability and from the group, how noisy it is, and how ratings wrong the second."""

    of_ability: Floats  # (features,)
    of_group: Floats  # (features,) added for the second group
    noise: Floats  # (features,)
    wronged: float  # subtracted from the logit of a good rating for the second group
    plain: float  # the logit of doing well of somebody of average ability


@dataclass(frozen=True)
class Applicants:
    """`known` (applicants, features), `second` whether in the second group, `well` the chance of doing the job well."""

    known: Floats
    second: NDArray[np.bool_]
    well: Floats


@dataclass(frozen=True)
class Selection:
    """What selecting from the top of a ranking brings, the mean over all depths but for `impact_ratio`.

    `well`: how many of each hundred selected will do well. `impact_ratio`: the lower group's selection rate over the
    higher one's, at the worst depth. `second_share`: the second group's share of the selected. `second_well` and
    `first_well`: how many of each hundred selected of either group will do well.
    """

    well: float
    impact_ratio: float
    second_share: float
    first_well: float
    second_well: float

    @property
    def extra(self) -> dict[str, float]:
        """All but the number itself, for `score(selection.well, **selection.extra)`."""
        return {name: value for name, value in vars(self).items() if name != "well"}


def world(secret: str) -> World:
    """The world of this secret: how much each number says of ability, and of the group."""
    rng = generator(secret, "applicants world")
    of_ability = np.array([0.6, 0.5, 0.7, 0.35, 0.35, 0.25, 0.0, -0.1]) * rng.uniform(0.8, 1.2, len(NAMES))
    of_group = np.array([0.0, -0.05, -0.6, -0.5, -0.9, -0.7, -1.2, 0.7]) * rng.uniform(0.7, 1.3, len(NAMES))
    noise = np.array([0.9, 1.0, 0.7, 0.8, 0.8, 0.9, 0.8, 0.9]) * rng.uniform(0.9, 1.1, len(NAMES))
    return World(of_ability, of_group, noise, float(rng.uniform(0.7, 1.0)), float(rng.uniform(-0.9, -0.6)))


def draw(world: World, count: int, rng: np.random.Generator) -> Applicants:
    """Draw `count` applicants; ability is spread alike in both groups."""
    ability, second = rng.normal(size=count), rng.random(count) < SECOND
    known = ability[:, None] * world.of_ability + second[:, None] * world.of_group
    known = np.round(known + world.noise * rng.normal(size=known.shape), 2)
    return Applicants(known, second, sigmoid(world.plain + 1.5 * ability))


def data(secret: str) -> dict[str, bytes]:
    """What a candidate may see: people of the past, their group, and whether they were rated well.

    Ratings are not the truth: those who did equally well were rated worse in the second group.
    """
    here = world(secret)
    rng = generator(secret, "applicants history")
    past = draw(here, HISTORY, rng)
    logits = np.log(past.well / (1 - past.well)) - here.wronged * past.second
    rated = rng.random(HISTORY) < sigmoid(logits)
    columns: dict[str, NDArray[Any]] = {
        "known": past.known.astype(np.float32),
        "second": past.second,
        "rated_well": rated,
    }
    return {FILE: packed(columns)}


def unseen(secret: str, count: int, part: str, seed: int) -> Applicants:
    """Applicants whom nobody has seen: others for every `part` (search, holdout) and every attempt's `seed`."""
    return draw(world(secret), count, generator(secret, f"applicants {part}", seed))


def select(ranking: Floats, pool: Applicants, secret: str) -> Selection:
    """Select from the top of `ranking` (applicants,), larger is better; equals are drawn by lot, by the secret."""
    lot = generator(secret, "applicants lots", len(ranking)).random(len(ranking))
    order: Ints = np.lexsort((lot, -ranking))
    ratios, shares, wells, firsts, seconds = [], [], [], [], []
    for depth in DEPTHS:
        chosen = order[: round(depth * len(order))]
        second = pool.second[chosen]
        rates = second.sum() / max(1, pool.second.sum()), (~second).sum() / max(1, (~pool.second).sum())
        ratios.append(float(min(rates) / max(rates)))
        shares.append(float(second.mean()))
        wells.append(100 * float(pool.well[chosen].mean()))
        firsts.append(_mean(pool.well[chosen][~second]))
        seconds.append(_mean(pool.well[chosen][second]))
    return Selection(*(float(np.mean(numbers)) for numbers in (wells, [min(ratios)], shares, firsts, seconds)))


def _mean(chances: Floats) -> float:
    """How many of a hundred; 0 of nobody."""
    return 100 * float(chances.mean()) if len(chances) else 0.0
