"""The confirmation stage of keep_rule.py: fresh pairs of runs for every keep that the last champion rests on."""

from __future__ import annotations

from dataclasses import dataclass

from keeping.worlds import Version, World

from autoloop_kernel.judging.confirm import PAIRS, Evidence, weigh
from autoloop_kernel.judging.noise import freedom, pooled
from autoloop_kernel.records import Direction


@dataclass(frozen=True)
class Confirmation:
    """What became of the keeps of one search, and of its champion.

    `false` counts the confirmed that truly gain nothing, `lost` the refuted that truly gain; `inside` and `width` are
    of the intervals of the confirmed, `gain` is the true one of the champion that is left, `runs` what it took.
    """

    confirmed: int
    refuted: int
    undecided: int
    false: int
    lost: int
    inside: int
    width: float
    gain: float
    runs: int


def confirm(world: World) -> Confirmation:
    """Confirm the keeps of a search that has ended, the newest first, as `autoloop confirm` does without `-i`.

    The runs that a keep was screened with are set aside, a base's fresh runs serve every keep that was made from it,
    and the noise is pooled over all that was run more than once. A refuted champion gives way to its base.
    """
    found = dict.fromkeys(("false", "lost", "inside"), 0)
    width = 0.0
    for version in reversed(world.versions[1:]):
        evidence = settled(world, version)
        version.state = evidence.state
        if version.state == "confirmed":
            found["false"] += version.effect <= 0
            found["inside"] += evidence.gain.low <= version.effect <= evidence.gain.high
            width += evidence.gain.high - evidence.gain.low
        found["lost"] += version.state == "refuted" and version.effect > 0
    states = [version.state for version in world.versions[1:]]
    champion = next(version for version in reversed(world.versions) if version.state != "refuted")
    return Confirmation(
        confirmed=states.count("confirmed"),
        refuted=states.count("refuted"),
        undecided=states.count(None),
        **found,
        width=width,
        gain=-champion.true,
        runs=sum(len(version.fresh) for version in world.versions),
    )


def settled(world: World, version: Version) -> Evidence:
    """Run a keep and its base in turn until the evidence settles it, or `PAIRS` pairs have not."""
    assert version.base is not None
    base = world.versions[version.base]
    while True:
        if version.fresh and base.fresh:
            groups = [*world.repeated, *(one.screened + one.fresh for one in world.versions)]
            expected = _mean(version.screened) - _mean(base.screened)
            noise = (pooled(groups) or 0.0, freedom(groups))
            evidence = weigh(version.fresh, base.fresh, Direction.MIN, noise, expected)
            if evidence.state is not None or evidence.pairs >= PAIRS:
                return evidence
        world.rerun(version if len(version.fresh) <= len(base.fresh) else base)


def _mean(scores: list[float]) -> float:
    return sum(scores) / len(scores)
