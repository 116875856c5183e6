"""A swarm in virtual time: workers, agents that think, one driver; the real rulings and scheduling decide.

Left out: crashes, timeouts and pruning, lost machines, drift of the machine, confirmation and rechecks, and that agents
learn anything but what was tried. The clock starts when the baseline has been run.
"""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from keeping.worlds import Regime
from swarming.clock import Clock, Driver, Then
from swarming.costs import Costs
from swarming.memory import Memory
from swarming.parts import Candidate, Evaluation, Found, Line, Setting
from swarming.world import Code, Ideas

from autoloop_kernel.messages import POINTS_EVERY_S
from autoloop_kernel.proposing import TRIES
from autoloop_kernel.records import Verdict
from autoloop_kernel.rulings import Ruling
from autoloop_kernel.scheduling import Board, Fate, fate, together


class Swarm:
    """One simulated swarm, from the baseline on; `costs` are the driver's, None for a driver that takes no time.

    Swarms of the same `seed` have the same ideas; with another `salt` chance goes another way.
    """

    def __init__(self, setting: Setting, regime: Regime, seed: int, costs: Costs | None = None, salt: int = 0) -> None:
        self.setting, self.regime, self.costs = setting, regime, costs
        self.ideas = Ideas(regime, seed)
        self.clock = Clock()
        self.driver = Driver(self.clock)
        self.board = Board()
        self.found = Found(setting)
        self._chance = random.Random(f"{seed}/{salt}/ideas")
        self._times = random.Random(f"{seed}/{salt}/times")
        self._noise = np.random.default_rng([seed, 2, salt])
        self._scatter: deque[float] = deque()
        self._recent: deque[int] = deque(maxlen=setting.told)
        self._taken: set[str] = set()
        self._tried: set[int] = set()
        self._at_hand = Counter[int]()
        self._waiting = Counter[str]()
        self._resting = 0
        self._number = 0
        self.lines = [self._begun() for _ in range(setting.islands)]

    def run(self) -> Found:
        """Let time pass to the end."""
        setting, found = self.setting, self.found
        for worker in range(setting.workers):
            line = self.lines[worker % setting.islands]
            self.driver.ask(lambda line=line, worker=worker: self._take(line, worker))  # type: ignore[misc]
        for _ in range(setting.thinkers):
            self._think()
        if setting.islands > 1:
            self.clock.after(setting.exchange_s, self._exchange)
        enough = setting.enough
        self.clock.run(3600 * setting.hours, lambda: enough is not None and found.evaluated >= enough)
        found.idle_s += sum(self.clock.now - since for line in self.lines for _, since in line.idle)
        found.seconds, found.busy_s = self.clock.now, self.driver.busy
        found.writes += round(found.seconds / POINTS_EVERY_S) if setting.curves else 0  # one for the points of all runs
        found.waited_s, found.longest_s, found.served = self.driver.waited, self.driver.longest, self.driver.served
        found.gain = max(line.codes[line.champion].value for line in self.lines)
        return found

    # -- agents

    def _think(self, avoiding: frozenset[int] = frozenset(), tries: int = 1, line: Line | None = None) -> None:
        """An agent begins a thought for the line that needs a proposal most; it rests where none does."""
        line = line or min(self.lines, key=lambda one: len(one.ready) + one.thinking)
        if tries == 1 and len(line.ready) + line.thinking >= self.setting.depth:
            self._resting += 1
            return
        line.thinking += 1
        base = line.champion
        idea = self._idea(line.codes[base], avoiding)
        spread = self.setting.think_spread
        seconds = self._times.lognormvariate(math.log(self.setting.think_s) - spread**2 / 2, spread)
        self.clock.after(seconds, lambda: self.driver.ask(lambda: self._propose(line, base, idea, avoiding, tries)))

    def _idea(self, code: Code, avoiding: frozenset[int]) -> int:
        """The first idea that comes which the agent was not told of; after a hundred any."""
        for _ in range(100):
            idea = self.ideas.drawn(self._chance.random())
            is_told = idea in avoiding or self._at_hand[idea] or idea in self._recent
            if not is_told and code.ideas.get(self.ideas.places[idea]) != idea:
                break
        return idea

    def _propose(self, line: Line, base: int, idea: int, avoiding: frozenset[int], tries: int) -> tuple[float, Then]:
        """An agent comes with its proposal: it waits for a worker, or is refused and the agent asked again."""
        found = self.found
        found.proposals += 1
        key = self.ideas.edited(line.codes[base], [idea]).key
        refused = key in self._taken or self.board.claimed(key) is not None or self._waiting[key] > 0
        found.duplicates += refused

        def then() -> None:
            line.thinking -= 1
            if not refused:
                line.ready.append(Candidate((idea,), base))
                self._waiting[key] += 1
                self._at_hand[idea] += 1
                self._wake(line)
            if refused and tries < TRIES:
                self._think(avoiding | {idea}, tries + 1, line)
            else:
                self._think()

        return self._cost("check") + self._cost("waiting") * self._ready, then

    # -- workers

    def _wake(self, line: Line) -> None:
        """A worker that had nothing to do asks again."""
        if line.idle:
            worker, since = line.idle.popleft()
            self.found.idle_s += self.clock.now - since
            self.driver.ask(lambda: self._take(line, worker))

    def _take(self, line: Line, worker: int) -> tuple[float, Then]:
        """A free worker takes what is to run next; where there is nothing it waits."""
        candidate = self._next(line)
        if candidate is None:
            line.idle.append((worker, self.clock.now))
            return 0.0, lambda: None
        self._number = number = self._number + 1
        code = self.ideas.edited(line.codes[candidate.base], candidate.ideas)
        line.memory.begin(number, candidate.base)
        line.codes[number] = code
        against = line.champion
        self.board.begin(number, code.key, against, f"w{worker}")
        self._at_hand.update(candidate.ideas)
        self._recent.extend(candidate.ideas)
        self.found.combinations += bool(candidate.combined)
        self.found.together += len(candidate.parts) > 0
        if any(candidate.combined):
            line.combining[number] = candidate.base
        self.found.repeated += not candidate.combined and candidate.ideas[0] in self._tried
        crowded = self._cost("running") * len(self.board.running) + self._cost("waiting") * self._ready
        return self._cost("begin") + crowded, lambda: self._run(line, worker, number, candidate, against, [])

    def _next(self, line: Line) -> Candidate | None:
        """What was accepted, combinations that is, comes first; then proposals, as edits of the champion."""
        found = self._accepted(line)
        while found is None and line.ready:
            now = self._rebased(line, self._popped(line))
            found = None if now is None or self._is_known(line, now) else now
        return found

    def _accepted(self, line: Line) -> Candidate | None:
        """The oldest combination that may run, as `gathering.accepted` finds it."""
        for one in list(line.accepted):
            if self.setting.gather and not one.alone:
                if line.champion in line.combining.values():
                    continue
                if (several := self._gathered(line)) is not None:
                    return several
            line.accepted.remove(one)
            now = self._rebased(line, one)
            if now is not None and not self._is_known(line, now):
                return now
        return None

    def _gathered(self, line: Line) -> Candidate | None:
        """Those that wait for each other as one, one for each place; the others go on waiting."""
        now, at = line.codes[line.champion], dict[int, int]()

        def fits(one: Candidate) -> bool:
            wanted = {self.ideas.places[idea]: idea for idea in one.ideas}
            if self.ideas.clash(line.codes[one.base], now, one.ideas):
                return False
            if any(at.get(place, idea) != idea for place, idea in wanted.items()):
                return False
            at.update(wanted)
            return True

        chosen = together([one for one in line.accepted if not one.alone], lambda one: one.gain, fits)
        numbers = tuple(number for one in chosen for number in one.combined)
        found = Candidate(tuple(at.values()), line.champion, numbers, parts=tuple(chosen))
        if len(chosen) < 2 or self._is_known(line, found):
            return None
        line.accepted = [one for one in line.accepted if one not in chosen]
        self.found.writes += 1
        return found

    def _popped(self, line: Line) -> Candidate:
        """The proposal that waited longest."""
        one = line.ready.popleft()
        self._waiting[self._key(line, one)] -= 1
        self._at_hand[one.ideas[0]] -= 1
        if self._resting:
            self._resting -= 1
            self.clock.after(0.0, self._think)
        return one

    def _rebased(self, line: Line, one: Candidate) -> Candidate | None:
        """The same ideas for the champion; a combination that no merge brings there runs as it is, others not."""
        if one.base == line.champion:
            return one
        if self.ideas.clash(line.codes[one.base], line.codes[line.champion], one.ideas):
            self.found.stale += not one.combined
            return one if one.combined else None
        return Candidate(one.ideas, line.champion, one.combined)

    def _is_known(self, line: Line, one: Candidate) -> bool:
        key = self._key(line, one)
        known = key in self._taken or self.board.claimed(key) is not None
        self.found.duplicates += known
        return known

    def _key(self, line: Line, one: Candidate) -> str:
        return self.ideas.edited(line.codes[one.base], one.ideas).key

    def _run(
        self, line: Line, worker: int, number: int, candidate: Candidate, against: int, scores: list[float]
    ) -> None:
        """A run begins; once it has ended it is in line for the driver."""
        began, setting = self.clock.now, self.setting
        seconds = max(0.1, self._times.normalvariate(setting.run_s, setting.jitter_s))

        def ended() -> None:
            code = line.codes[number]
            self.found.evaluations.append(Evaluation(number, code.key, worker, began, self.clock.now))
            self.found.evaluated += 1
            self.found.run_s += seconds
            scores.append(1.0 - code.value + self.regime.sigma * self._deviate())
            batches = seconds / max(POINTS_EVERY_S, self._round())
            self.found.points_s += batches * self._cost("points") if setting.curves else 0.0
            self.driver.ask(lambda: self._judge(line, worker, number, candidate, against, scores), self._delay())

        self.clock.after(seconds, ended)

    def _round(self) -> float:
        """How long it takes to write the points of every run once."""
        return len(self.board.running) * self._cost("points") if self.setting.curves else 0.0

    def _delay(self) -> float:
        """How long one waits for the points of others that came before: none while the driver is ahead of them."""
        return max(0.0, self._round() - POINTS_EVERY_S)

    def _deviate(self) -> float:
        if not self._scatter:
            self._scatter.extend(self.regime.deviates(self._noise, 1000).tolist())
        return self._scatter.popleft()

    # -- verdicts

    def _judge(
        self, line: Line, worker: int, number: int, candidate: Candidate, against: int, scores: list[float]
    ) -> tuple[float, Then]:
        """The real ruling on the attempts so far: one more, or the verdict."""
        anew = self._cost("retell") * line.memory.told_anew / 100
        ruling = line.memory.rule(number, scores, against)
        if ruling.verdict is None:
            self.found.writes += 3
            again = self._cost("attempt") + anew
            return again, lambda: self._run(line, worker, number, candidate, against, scores)
        self.found.writes += 0 if self.costs is None else self.costs.writes

        def then() -> None:
            self._end(line, number, candidate, against, scores, ruling)
            self.driver.ask(lambda: self._take(line, worker))

        return self._cost("end") + anew, then

    def _end(
        self, line: Line, number: int, candidate: Candidate, against: int, scores: list[float], ruling: Ruling
    ) -> None:
        """Record the verdict; what was overtaken is to run together with what overtook it."""
        found, verdict = self.found, ruling.verdict
        assert verdict is not None
        found.iterations += 1
        found.decisions.append((tuple(scores), verdict))
        self.board.end(number)
        self._at_hand.subtract(candidate.ideas)
        self._taken.add(line.codes[number].key)
        self._tried.update(candidate.ideas)
        what = fate(verdict is Verdict.KEEP, against, line.champion)
        if line.codes[number].value - line.codes[candidate.base].value > self.regime.sigma:
            found.good += 1
            found.seen += verdict is Verdict.KEEP
        line.combining.pop(number, None)
        line.memory.end(number, scores, what is Fate.KEEP, against, what is Fate.COMBINE)
        found.held += bool(candidate.combined) and what is not Fate.DISCARD
        goes_on = what is Fate.COMBINE and self._goes_on(line, number, candidate, scores, ruling)
        if what is Fate.KEEP:
            self._lead(line, number, candidate, against)
        elif not goes_on:  # each of several by itself
            line.accepted += [replace(part, alone=True) for part in candidate.parts]
        for _ in range(max(1, len(candidate.parts))):
            self._wake(line)

    def _lead(self, line: Line, number: int, candidate: Candidate, against: int) -> None:
        found = self.found
        found.keeps += 1
        found.false += line.codes[number].value <= line.codes[against].value
        line.champion = number
        line.kept += candidate.ideas
        best = max(one.codes[one.champion].value for one in self.lines)
        found.trajectory.append((self.clock.now, found.evaluated, best))

    def _goes_on(self, line: Line, number: int, candidate: Candidate, scores: Sequence[float], ruling: Ruling) -> bool:
        """Whether what was overtaken runs on; where another is for the same place, if it wins over the champion."""
        self.found.overtaken += 1
        self.found.writes += 2
        if self.ideas.clash(line.codes[candidate.base], line.codes[line.champion], candidate.ideas):
            wins = line.memory.rule(number, list(scores), line.champion).verdict is not Verdict.DISCARD
            if not wins:
                return False
        gain = float(ruling.numbers["gain"][0])
        line.accepted.append(Candidate(candidate.ideas, line.champion, (number,), gain))
        return True

    # -- islands

    def _exchange(self) -> None:
        """Every island offers the next one what it kept since the last time, as one combination."""
        fresh = [tuple(line.kept[line.given :]) for line in self.lines]
        for ideas, line in zip(fresh, self.lines[1:] + self.lines[:1], strict=True):
            if ideas:
                line.accepted.append(Candidate(ideas, line.champion, (0,), alone=True))
                self._wake(line)
        for line in self.lines:
            line.given = len(line.kept)
        self.clock.after(self.setting.exchange_s, self._exchange)

    # -- beginnings

    def _begun(self) -> Line:
        """An island whose baseline was run."""
        memory, scores = Memory(self.setting.policy, self.setting.lasting), list[float]()
        self._number = number = self._number + 1
        memory.begin(number, None)
        while True:
            scores.append(1.0 + self.regime.sigma * self._deviate())
            if memory.rule(number, scores, None).verdict is not None:
                break
        memory.end(number, scores, True, None)
        return Line(memory, {number: self.ideas.baseline()}, number)

    @property
    def _ready(self) -> int:
        """How many proposals wait, of all islands: they share a ledger."""
        return sum(len(line.ready) for line in self.lines)

    def _cost(self, what: str) -> float:
        return 0.0 if self.costs is None else float(getattr(self.costs, what))


__all__ = ["Found", "Setting", "Swarm"]
