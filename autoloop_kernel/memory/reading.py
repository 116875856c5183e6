"""What can be read from the ledger, fast also when it holds 10,000 iterations: a few indexed queries each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autoloop_kernel.memory.costs import Costs
from autoloop_kernel.memory.rows import (
    ATTEMPT,
    ITERATION,
    PROPOSAL,
    ProposalRow,
    attempts_of,
    finding_of,
    iteration_of,
    point_of,
    proposal_of,
)
from autoloop_kernel.memory.text import loads_map
from autoloop_kernel.records import Direction, Finding, Iteration, Point, Verdict

REPLICATES = "replicates"
"""The key of the iterations that are to be run once more, oldest request first."""

CONFIRMS = "confirms"
"""The key of the keeps that are to be held against fresh runs of their bases, oldest request first."""

_STATES_OF_KEEPS = ("provisional", "confirmed", "refuted")
_SEARCHED = ("title", "agent", "hypothesis", "reason")
_STANDS = "(verdict = 'keep' OR (base IS NULL AND score IS NOT NULL)) AND state IS NOT 'refuted'"


@dataclass(frozen=True)
class Which:
    """Which iterations are meant; what is None does not matter.

    `verdict` is that of an ended one, `running`, or what became of a keep (`provisional`, `confirmed`, `refuted`);
    `search` stands anywhere in title, agent, hypothesis or reason (letter case aside), or is the number.
    """

    epoch: int | None = None
    verdict: str | None = None
    agent: str | None = None
    search: str | None = None

    def sql(self) -> tuple[str, tuple[object, ...]]:
        """The condition, and the values of its question marks."""
        tests: list[tuple[str, tuple[object, ...]]] = [("1", ())]
        if self.epoch is not None:
            tests.append(("epoch = ?", (self.epoch,)))
        if self.verdict == "running":
            tests.append(("verdict IS NULL", ()))
        elif self.verdict in _STATES_OF_KEEPS:
            tests.append(("state = ?", (self.verdict,)))
        elif self.verdict is not None:
            tests.append(("verdict = ?", (self.verdict,)))
        if self.agent is not None:
            tests.append(("agent = ?", (self.agent,)))
        if self.search:
            text = "".join(f"\\{c}" if c in "\\%_" else c for c in self.search)
            like = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in _SEARCHED)
            tests.append((f"({like} OR number = ?)", (*[f"%{text}%"] * len(_SEARCHED), _whole(self.search))))
        return " AND ".join(test for test, _ in tests), tuple(value for _, values in tests for value in values)


def _whole(text: str) -> int:
    """The iteration that `text` names by its number; -1, which none has, where it names none."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else -1


class Reading(Costs):
    """The part of the ledger that only reads; see `Ledger`."""

    @cached_property
    def _runs(self) -> str:
        """What the runs folder is called."""
        return self.path.parent.name

    def current_epoch(self) -> int | None:
        """The number of the epoch that was entered last; None before the first."""
        value = self.get("epoch")
        return None if value is None else int(value)

    def epoch_parts(self, epoch: int) -> dict[str, str]:
        """The named hashes of an epoch's game; empty when they are not known (a rebuilt ledger)."""
        row = self._row("SELECT parts FROM epochs WHERE epoch = ?", (epoch,))
        return dict(loads_map(row[0])) if row else {}

    def proposals(self, status: str | None = None, limit: int | None = None) -> list[ProposalRow]:
        """The proposals (of one `status`, where given), in the order in which they came; the last `limit` at most."""
        which = "" if status is None else " WHERE status = ?"
        values = () if status is None else (status,)
        rows = self._rows(
            f"SELECT {PROPOSAL} FROM proposals{which} ORDER BY rowid DESC LIMIT ?",
            (*values, -1 if limit is None else limit),
        )
        return [proposal_of(row) for row in reversed(rows)]

    def iterations(
        self,
        epoch: int | None = None,
        limit: int | None = None,
        with_attempts: bool = True,
        ended: bool = False,
    ) -> list[Iteration]:
        """The iterations (of one epoch, where given; only those that `ended`), oldest first; the last `limit` at most.

        Their attempts cost half of the time: a reader that wants none leaves them out.
        """
        conditions = ["epoch = ?"] * (epoch is not None) + ["verdict IS NOT NULL"] * ended
        which = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        values = () if epoch is None else (epoch,)
        with self._snapshot():
            rows = self._rows(
                f"SELECT {ITERATION} FROM iterations{which} ORDER BY number DESC LIMIT ?",
                (*values, -1 if limit is None else limit),
            )
            if not rows:
                return []
            if not with_attempts:
                return [iteration_of(row, (), self._runs) for row in reversed(rows)]
            attempts = attempts_of(
                self._rows(
                    f"SELECT {ATTEMPT} FROM attempts WHERE iteration BETWEEN ? AND ? ORDER BY iteration, id",
                    (rows[-1][0], rows[0][0]),
                )
            )
        return [iteration_of(row, attempts.get(row[0], ()), self._runs) for row in reversed(rows)]

    def page(self, which: Which, before: int | None, limit: int) -> tuple[list[Iteration], int]:
        """The newest iterations that meet `which`, numbered below `before`, newest first, without their attempts.

        Also gives how many meet it in all, whatever their numbers.
        """
        where, values = which.sql()
        with self._snapshot():
            total = self._row(f"SELECT count(*) FROM iterations WHERE {where}", values)[0]
            rows = self._rows(
                f"SELECT {ITERATION} FROM iterations WHERE {where} AND number < ? ORDER BY number DESC LIMIT ?",
                (*values, 2**63 - 1 if before is None else before, limit),
            )
        return [iteration_of(row, (), self._runs) for row in rows], int(total)

    def attempt_counts(self, numbers: Iterable[int]) -> dict[int, int]:
        """How many attempts each of these iterations has had; one that was taken up again counts once."""
        rows = self._rows(
            "SELECT iteration, count(DISTINCT attempt) FROM attempts "
            "WHERE iteration IN (SELECT value FROM json_each(?)) GROUP BY iteration",
            (json.dumps(sorted(numbers)),),
        )
        return dict(rows)

    def scores(self, numbers: Iterable[int]) -> dict[int, tuple[int, float | None]]:
        """(epoch, score) of each of these iterations, by number; unknown numbers are left out."""
        rows = self._rows(
            "SELECT number, epoch, score FROM iterations WHERE number IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(numbers)),),
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def ended_since(self, seq: int) -> tuple[int, float, float]:
        """Of the iterations that ended after event `seq`: how many, their seconds of run and score, the last's time."""
        ends = "FROM events WHERE kind = 'iteration.end' AND seq > ?"
        count, last = self._row(f"SELECT count(*), max(time) {ends}", (seq,))
        which = f"number IN (SELECT iteration {ends})"
        busy = self._row(f"SELECT total(run_s + score_s) FROM iterations WHERE {which}", (seq,))[0]
        return int(count), float(busy), float(last or 0.0)

    def next_attempt(self, number: int) -> int:
        """The number that the iteration's next attempt gets: that of an interrupted one is taken up again."""
        rows = self._rows(
            "SELECT attempt FROM attempts WHERE iteration = ? AND verdict IS NOT 'interrupted'", (number,)
        )
        taken = {row[0] for row in rows}
        return next(candidate for candidate in range(1, len(taken) + 2) if candidate not in taken)

    def iteration(self, number: int) -> Iteration | None:
        """One iteration with its attempts; None when there is no such number."""
        return next(iter(self._some("number = ?", (number,))), None)

    def several(self, numbers: Iterable[int]) -> list[Iteration]:
        """Some iterations by their numbers, with their attempts, oldest first; unknown numbers are left out."""
        return self._some("number IN (SELECT value FROM json_each(?))", (json.dumps(sorted(numbers)),))

    def touched(self, after: int) -> tuple[int, set[int] | None]:
        """The last event's number, and the iterations that events above `after` tell of; None for all of them."""
        rows = self._rows("SELECT seq, iteration, kind FROM events WHERE seq > ? ORDER BY seq", (after,))
        seq = rows[-1][0] if rows else after
        if any(row[2] == "restored" for row in rows):
            return seq, None
        return seq, {row[1] for row in rows if row[1] is not None}

    def runs_since(self, number: int) -> int:
        """How many other iterations had a run after the last one of this iteration."""
        last = "(SELECT coalesce(max(id), 0) FROM attempts WHERE iteration = ?)"
        return int(self._row(f"SELECT count(DISTINCT iteration) FROM attempts WHERE id > {last}", (number,))[0])

    def in_flight(self) -> list[Iteration]:
        """The iterations that have begun and have no verdict, oldest first."""
        return self._some("verdict IS NULL")

    def repeated(self, epoch: int) -> dict[int, list[float]]:
        """The scores of every iteration of this epoch that has several, by its number, in the order of its attempts.

        Those on the holdout split are none of them.
        """
        rows = self._rows(
            "SELECT iteration, score FROM attempts "
            "WHERE verdict = 'scored' AND score IS NOT NULL AND kind <> 'holdout' AND iteration IN "
            "(SELECT iteration FROM attempts JOIN iterations ON number = iteration WHERE attempt > 1 AND epoch = ?) "
            "ORDER BY iteration, attempt",
            (epoch,),
        )
        scores: dict[int, list[float]] = {}
        for number, score in rows:
            scores.setdefault(number, []).append(score)
        return {number: several for number, several in scores.items() if len(several) > 1}

    def replicates(self) -> list[int]:
        """The iterations that are to be run once more, oldest request first; one may be named repeatedly."""
        return [int(number) for number in self.get(REPLICATES, [])]

    def confirms(self) -> list[int]:
        """The keeps that a person asked to have confirmed, oldest request first."""
        return [int(number) for number in self.get(CONFIRMS, [])]

    def replicating(self) -> list[Iteration]:
        """The iterations that have ended and of which an attempt is open, oldest first: one more is being run."""
        open_ = "SELECT iteration FROM attempts WHERE verdict IS NULL"
        return self._some(f"number IN ({open_}) AND verdict IS NOT NULL")

    def last_number(self) -> int:
        """The highest number given to an iteration; 0 before the first."""
        return int(self._row("SELECT coalesce(max(number), 0) FROM iterations")[0])

    def verdicts(self) -> dict[int, tuple[Verdict | None, str | None]]:
        """(verdict, commit) of every iteration by number: little enough to compare with the lineage at each start."""
        rows = self._rows("SELECT number, verdict, commit_id FROM iterations ORDER BY number")
        return {row[0]: (None if row[1] is None else Verdict(row[1]), row[2]) for row in rows}

    def champion(self, epoch: int, island: str = "") -> Iteration | None:
        """The iteration that new proposals of this epoch are based on; None before its baseline has a score.

        That of the main line, or of an `island`, which begins with the baseline, or where it was forked.

        It is the last keep; where that was refuted, its nearest ancestor that still stands, or what was kept on that
        ancestor since, having begun earlier (and, should none stand, the last keep of the epoch that does). A baseline
        with a score counts as a keep. An iteration that a person forked from is the champion until something is kept
        after that, and stands whatever its verdict.
        """
        with self._snapshot():
            forks = self.forks(epoch, island)
            chosen = [one["number"] for one in forks]
            kept = "SELECT max(number) FROM iterations WHERE epoch = ? AND verdict = 'keep' AND island = ?"
            first = "SELECT max(number) FROM iterations WHERE epoch = ? AND base IS NULL AND score IS NOT NULL"
            row = self._row(
                f"SELECT max(coalesce(({kept}), 0), coalesce(({first}), 0))",
                (epoch, island, epoch),
            )
            number = row[0]
            if forks and number <= forks[-1]["after"]:
                return self.iteration(chosen[-1])
            while number and number not in chosen:
                row = self._row(
                    f"SELECT {_STANDS}, base FROM iterations WHERE number = ? AND epoch = ?", (number, epoch)
                )
                if row is None or row[0]:
                    break
                base = row[1] if row[1] is not None and row[1] < number else 0
                number = self._kept_on(base, epoch, island, forks) or base
            if not number or row is None:
                line = "(island = ? OR base IS NULL)"
                sql = f"SELECT max(number) FROM iterations WHERE epoch = ? AND {line} AND {_STANDS}"
                number = self._row(sql, (epoch, island))[0]
            return None if number is None else self.iteration(number)

    def _kept_on(self, base: int, epoch: int, island: str, forks: Sequence[Mapping[str, Any]]) -> int:
        """The last keep of its line on iteration `base` that stands, since that was forked from; 0 for none.

        Two of one base are kept only where the first was refuted before the other ended.
        """
        since = max((one["after"] for one in forks if one["number"] == base), default=0)
        of_line = "epoch = ? AND island = ? AND base = ? AND number > ?"
        sql = f"SELECT coalesce(max(number), 0) FROM iterations WHERE {of_line} AND {_STANDS}"
        return int(self._row(sql, (epoch, island, base, since))[0])

    def forks(self, epoch: int, island: str = "") -> list[dict[str, Any]]:
        """Where a line of this epoch was made to go on from elsewhere, in the order in which that was done."""
        return [one for one in self.get("forks", []) if one["epoch"] == epoch and one.get("island", "") == island]

    def islands(self, epoch: int) -> list[str]:
        """The islands of this epoch on which something has run, by name."""
        # From each to the next by the index: it is asked all the time, and there are a few among many iterations.
        next_ = "SELECT min(island) FROM iterations WHERE epoch = ?1 AND island <> '' AND island >"
        sql = f"WITH RECURSIVE found(name) AS ({next_} '' UNION ALL SELECT ({next_} name) FROM found WHERE name > '') "
        return [row[0] for row in self._rows(f"{sql} SELECT name FROM found WHERE name > ''", (epoch,))]

    def leads(self, number: int) -> bool:
        """Whether a keep of this number would be the champion of its line: not so where that forked while it ran."""
        row = self._row("SELECT epoch, island FROM iterations WHERE number = ?", (number,))
        return row is None or not any(number <= one["after"] for one in self.forks(*row))

    def best(self, epoch: int, direction: Direction) -> Iteration | None:
        """The standing keep of this epoch's main line with the best score, the first of several; None before one."""
        way = "ASC" if direction is Direction.MIN else "DESC"
        where = (
            f"number = (SELECT number FROM iterations WHERE epoch = ? AND {_STANDS} AND score IS NOT NULL "
            f"AND island = '' ORDER BY score {way}, number LIMIT 1)"
        )
        return next(iter(self._some(where, (epoch,))), None)

    def totals(self, epoch: int) -> dict[Verdict, tuple[int, float]]:
        """By verdict: how many iterations of this epoch ended so, and the seconds that they took in all."""
        rows = self._rows(
            "SELECT verdict, count(*), total(total_s) FROM iterations "
            "WHERE epoch = ? AND verdict IS NOT NULL GROUP BY verdict",
            (epoch,),
        )
        return {Verdict(row[0]): (row[1], row[2]) for row in rows}

    def standings(self, epoch: int) -> dict[str, int]:
        """How many keeps of the main line are provisional, confirmed and refuted; baselines are none of them."""
        rows = self._rows(
            "SELECT state, count(*) FROM iterations "
            "WHERE epoch = ? AND verdict = 'keep' AND base IS NOT NULL AND state IS NOT NULL AND island = '' "
            "GROUP BY state",
            (epoch,),
        )
        return dict(rows)

    def baseline(self, epoch: int) -> Iteration | None:
        """The first iteration of this epoch that has no base and has a score; None before there is one."""
        where = (
            "number = (SELECT min(number) FROM iterations WHERE epoch = ? AND base IS NULL AND score IS NOT NULL "
            "AND state IS NOT 'refuted')"
        )
        return next(iter(self._some(where, (epoch,))), None)

    def find_code(self, epoch: int, code_key: str) -> int | None:
        """The first iteration of this epoch that ran this code to an end; interrupted ones do not count."""
        row = self._row(
            "SELECT min(number) FROM iterations WHERE epoch = ? AND code_key = ? AND verdict IS NOT NULL",
            (epoch, code_key),
        )
        return None if row is None else row[0]

    def running_code(self, epoch: int, code_key: str, proposal: str = "") -> int | None:
        """The iteration of this epoch that is in flight with this code, but for that of `proposal`; None for none."""
        row = self._row(
            "SELECT min(number) FROM iterations WHERE epoch = ? AND code_key = ? AND verdict IS NULL AND proposal <> ?",
            (epoch, code_key, proposal),
        )
        return None if row is None else row[0]

    def code_key(self, number: int) -> str:
        """The normalised hash of the code that an iteration runs; empty when it is not known."""
        row = self._row("SELECT code_key FROM iterations WHERE number = ?", (number,))
        return row[0] if row else ""

    def findings(self, limit: int | None = None) -> list[Finding]:
        """What the iterations taught, and why a person skipped proposals, oldest first; the last `limit` at most."""
        most = -1 if limit is None else limit
        rows = self._rows(
            "SELECT f.iteration, f.text, f.numbers, i.time FROM findings f LEFT JOIN iterations i "
            "ON i.number = f.iteration ORDER BY f.iteration DESC LIMIT ?",
            (most,),
        )
        skipped = self._rows(
            "SELECT title, reason, time FROM proposals WHERE status = 'skipped' AND base IS NOT NULL "
            "ORDER BY rowid DESC LIMIT ?",
            (most,),
        )
        if not skipped:
            return [finding_of(row[:3]) for row in reversed(rows)]
        found = [(row[3] or 0.0, finding_of(row[:3])) for row in reversed(rows)]
        found += [(row[2], Finding(None, f"{row[0]}: skipped by the person ({row[1]})")) for row in reversed(skipped)]
        found.sort(key=lambda entry: entry[0])
        return [finding for _, finding in (found if limit is None else found[-limit:])]

    def curve(self, number: int, attempt: int = 1) -> list[Point]:
        """The learning curve of one attempt, in the order in which its points came."""
        rows = self._rows(
            "SELECT step, seconds, numbers FROM points WHERE iteration = ? AND attempt = ? ORDER BY id",
            (number, attempt),
        )
        return [point_of(row) for row in rows]

    def _some(self, where: str, values: tuple[object, ...] = ()) -> list[Iteration]:
        """The few iterations that meet a condition, with their attempts, oldest first."""
        with self._snapshot():
            rows = self._rows(f"SELECT {ITERATION} FROM iterations WHERE {where} ORDER BY number", values)
            attempts = attempts_of(
                self._rows(
                    f"SELECT {ATTEMPT} FROM attempts WHERE iteration IN (SELECT value FROM json_each(?)) ORDER BY id",
                    (json.dumps([row[0] for row in rows]),),
                )
            )
        return [iteration_of(row, attempts.get(row[0], ()), self._runs) for row in rows]
