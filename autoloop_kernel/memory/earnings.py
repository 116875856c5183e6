"""What came of each agent's proposals, also of those that ran as one with others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

from autoloop_kernel.memory.reading import Reading
from autoloop_kernel.records import Direction, Record

_EARNED = (
    # What several made is told by itself, and the rest by agent.
    "SELECT agent, CASE WHEN proposal IN (SELECT value FROM json_each(?2)) THEN proposal END AS several, "
    "count(*), total(weight), total(weight * gain), total(seconds) FROM ("
    "SELECT i.agent, i.proposal, i.run_s + i.score_s AS seconds, max(ifnull({}, 0), 0) AS gain, CASE "
    "WHEN i.verdict <> 'keep' OR i.state = 'refuted' THEN 0 WHEN i.state = 'confirmed' THEN 1 ELSE 0.5 END "
    "AS weight FROM iterations i LEFT JOIN iterations b ON b.number = i.base "
    "WHERE i.epoch = ?1 AND i.base IS NOT NULL AND i.verdict IS NOT NULL AND i.island IN ('', i.agent)) "
    "GROUP BY agent, several"
)
_GATHERED = (
    "SELECT json_extract(g.json, '$.id'), part.value, p.agent FROM events g "
    "JOIN json_each(g.json, '$.proposals') part LEFT JOIN proposals p ON p.id = part.value WHERE g.kind = 'gathered'"
)
_OVERTAKEN = (
    "SELECT json_extract(o.json, '$.id'), i.proposal, i.agent FROM events o "
    "JOIN iterations i ON i.number = o.iteration WHERE o.kind = 'overtaken'"
)


class Earnings(Reading):
    """The part of the ledger that credits agents; see `Ledger`."""

    def records(self, epoch: int, direction: Direction) -> dict[str, Record]:
        """What came of each agent's proposals in an epoch, those that ran most first; baselines are nobody's.

        What an agent's island takes over from the main line counts for nobody: it has earned there already. Of edits
        that ran as one each has an equal share; the run is that of the agent whose name it bears.
        """
        better = "b.score - i.score" if direction is Direction.MIN else "i.score - b.score"
        makers = self._makers()
        told: dict[str, list[float]] = {}
        for agent, proposal, runs, *came in self._rows(_EARNED.format(better), (epoch, json.dumps(list(makers)))):
            told.setdefault(agent, [0, 0.0, 0.0, 0.0])[0] += runs
            for name, share in makers.get(proposal, {agent: 1.0}).items():
                sums = told.setdefault(name, [0, 0.0, 0.0, 0.0])
                sums[1:] = [sum_ + share * one for sum_, one in zip(sums[1:], came, strict=True)]
        paid = self.paid()
        ranked = sorted(told.items(), key=lambda one: (-one[1][0], one[0]))
        return {
            name: Record(int(runs), keeps, gain, seconds, paid.get(name, 0.0))
            for name, (runs, keeps, gain, seconds) in ranked
        }

    def _makers(self) -> dict[str, Mapping[str, float]]:
        """Who made what proposals bring together that several made, with the share of each, by the proposals' ids.

        What was overtaken itself, and laid over another champion, is by those who made it.
        """
        parts: dict[str, list[tuple[str, str]]] = {}
        for whole, part, agent in self._rows(_GATHERED):
            parts.setdefault(whole, []).append((part, agent or ""))
        if not parts:
            return {}
        parts |= {whole: [(part, agent)] for whole, part, agent in self._rows(_OVERTAKEN)}

        @cache
        def made(whole: str) -> Mapping[str, float]:
            shares: dict[str, float] = {}
            for part, agent in parts[whole]:
                for name, share in made(part).items() if part in parts else [(agent, 1.0)]:
                    shares[name] = shares.get(name, 0.0) + share / len(parts[whole])
            return shares

        return {whole: made(whole) for whole in parts if len(made(whole)) > 1}
