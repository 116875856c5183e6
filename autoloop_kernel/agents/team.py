"""Several agents on one arena: the next proposal is asked of whoever earns most for what it costs.

Thompson sampling: how often an agent's proposals are kept is drawn from its Beta posterior, and multiplied with what a
keep of its brought on average per second of trainer time. Averages are shrunk towards those of the whole team, as if
each agent had run one more proposal that was like the team's. Source of the rule: Thompson, Biometrika 25 (1933) 285.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence

from autoloop_kernel.agents.base import Agent
from autoloop_kernel.records import AutoloopError, Record

DOLLAR_S = 1800.0
"""How many seconds of the trainer a dollar counts as: a GPU is rented at about 2 dollars an hour."""


class Team:
    """Picks who proposes next. Any thread may use it.

    `learn` tells it what came of earlier proposals.
    """

    def __init__(self, agents: Sequence[Agent], seed: str = "") -> None:
        if not agents:
            raise AutoloopError("no agent was named — for example --agent search")
        self.agents = tuple(agents)
        self._seed = seed
        self._records: Mapping[str, Record] = {}
        self._before: Mapping[str, Record] | None = None
        self._asked = {agent.name: 0 for agent in agents}
        self._lock = threading.Lock()

    @property
    def quick(self) -> tuple[Agent, ...]:
        """Those whose proposals take no time worth saving."""
        return tuple(agent for agent in self.agents if is_quick(agent))

    @property
    def slow(self) -> tuple[Agent, ...]:
        """Those who are asked while something runs."""
        return tuple(agent for agent in self.agents if not is_quick(agent))

    def learn(self, told: Mapping[str, Record]) -> None:
        """Take in the records of this epoch; those told first are of proposals that somebody else asked for."""
        with self._lock:
            self._records = dict(told)
            self._before = self._before if self._before is not None else self._records

    def hire(self, agents: Sequence[Agent]) -> None:
        """Ask these too, of whom several may have one name: they count as one, and can be asked at the same time."""
        with self._lock:
            self.agents += tuple(agents)

    def dismiss(self, name: str) -> bool:
        """Ask this agent no more; whether anybody is left."""
        with self._lock:
            self.agents = tuple(agent for agent in self.agents if agent.name != name)
            return bool(self.agents)

    def likely(self, among: Sequence[Agent] = ()) -> Agent:
        """Whose turn it is, of `among` (all where it is empty): each has one first, in their order, then by record."""
        among = among or self.agents
        with self._lock:
            return among[0] if len(among) == 1 else self._drawn(among)

    def pick(self, among: Sequence[Agent] = ()) -> Agent:
        """The same, of one that is asked now: what it is asked in vain counts against it."""
        chosen = self.likely(among)
        with self._lock:
            self._asked[chosen.name] += 1
        return chosen

    def _drawn(self, among: Sequence[Agent]) -> Agent:
        known = {agent.name: self._records.get(agent.name, Record()) for agent in among}
        tries = {name: record.runs + self._in_vain(name, record) for name, record in known.items()}
        for agent in among:
            if tries[agent.name] == 0:
                return agent
        rng = random.Random(f"{self._seed}/{sorted(tries.items())}/{sum(self._asked.values())}")
        whole = known.values()
        keeps, runs = sum(each.keeps for each in whole), max(1, sum(each.runs for each in whole))
        usual_gain = sum(each.gain for each in whole) / keeps if keeps else 1.0
        usual_cost = sum(_cost(each) for each in whole) / runs or 1.0

        def drawn(agent: Agent) -> float:
            own = known[agent.name]
            rate = rng.betavariate(1 + own.keeps, 1 + max(0.0, tries[agent.name] - own.keeps))
            gain = (own.gain + usual_gain) / (own.keeps + 1)
            cost = (_cost(own) + usual_cost) / (own.runs + 1)
            return rate * gain / cost

        return max(among, key=drawn)

    def _in_vain(self, name: str, record: Record) -> int:
        """How often this team asked an agent for what has not run."""
        before = (self._before or {}).get(name, Record())
        return max(0, self._asked[name] - max(0, record.runs - before.runs))


def _cost(record: Record) -> float:
    return record.seconds + DOLLAR_S * record.dollars


def is_quick(agent: Agent) -> bool:
    """Whether asking this agent takes no time worth saving (its attribute `quick`): it is asked when its turn comes."""
    return bool(getattr(agent, "quick", False))
