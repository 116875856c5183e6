"""What runs, drivers and agents took, since a moment: sums for a report, each one query."""

from __future__ import annotations

from dataclasses import dataclass

from autoloop_kernel.memory.reading import Reading
from autoloop_kernel.memory.rows import EVENT, event_of
from autoloop_kernel.records import Event


@dataclass(frozen=True)
class Ran:
    """Attempts of one `kind` that ended alike: the verdict of their iterations and their own (None: still running).

    `run`, `score` and `total` are seconds in all, `count` how many there were.
    """

    kind: str
    iteration: str | None
    verdict: str | None
    count: int
    run: float
    score: float
    total: float


@dataclass(frozen=True)
class Worked:
    """What one worker has run: how many attempts have `ended`, their `seconds` from start to end in all, and the
    event that began the one that it runs `now` (None: none)."""

    ended: int
    seconds: float
    now: Event | None


class Spending(Reading):
    """The part of the ledger that adds up; see `Ledger`."""

    def ran(self, epoch: int | None, since: float = 0.0) -> list[Ran]:
        """All attempts of an epoch (None: of all) that began at or after `since` (seconds since 1970), summed by how
        they ended."""
        rows = self._rows(
            "SELECT a.kind, i.verdict, a.verdict, count(*), total(a.run_s), total(a.score_s), total(a.total_s) "
            "FROM attempts a JOIN iterations i ON i.number = a.iteration WHERE ifnull(i.epoch = ?, 1) AND a.time >= ? "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            (epoch, since),
        )
        return [Ran(*row) for row in rows]

    def driven(self, since: float = 0.0) -> list[tuple[float, float]]:
        """When drivers began and ended that were at work at or after `since`; one that was killed ended at its last
        event, and so far goes one that is at work."""
        rows = self._rows(
            "WITH starts AS (SELECT seq, time, lead(seq) OVER (ORDER BY seq) AS next FROM events "
            "WHERE kind = 'driver.start') SELECT time, coalesce("
            "(SELECT time FROM events e WHERE e.kind = 'driver.stop' AND e.seq > s.seq "
            "AND (s.next IS NULL OR e.seq < s.next) ORDER BY e.seq LIMIT 1), "
            "(SELECT time FROM events e WHERE s.next IS NULL OR e.seq < s.next ORDER BY e.seq DESC LIMIT 1)) "
            "FROM starts s ORDER BY seq"
        )
        return [(begin, end) for begin, end in rows if end >= since]

    def worked(self, after: int) -> dict[str, Worked]:
        """What each worker has run of the attempts that began after event `after`, by the workers' names."""
        # The limit keeps SQLite from looking for each run's end anew wherever it is used.
        rows = self._rows(
            "WITH runs AS (SELECT seq, time, json_extract(json, '$.worker') AS worker, "
            "(SELECT time FROM events e WHERE e.kind = 'attempt.end' AND e.seq > s.seq AND e.iteration = s.iteration "
            "AND e.attempt = s.attempt ORDER BY e.seq LIMIT 1) AS over "
            "FROM events s WHERE kind = 'attempt.start' AND seq > ? LIMIT -1) "
            "SELECT worker, count(over), total(over - time), max(seq), over FROM runs "
            "WHERE worker > '' GROUP BY worker",
            (after,),
        )
        open_ = [row[3] for row in rows if row[4] is None]
        found = self._rows(f"SELECT {EVENT} FROM events WHERE seq IN ({', '.join('?' * len(open_))})", open_)
        now = {row[0]: event_of(row) for row in found}
        return {str(worker): Worked(ended, seconds, now.get(seq)) for worker, ended, seconds, seq, _ in rows}

    def epoch_count(self) -> int:
        """In how many epochs something has run."""
        return int(self._row("SELECT count(DISTINCT epoch) FROM iterations")[0])

    def times_run(self, epoch: int, code_key: str) -> int:
        """How many iterations of an epoch are of this code, whatever became of them."""
        sql = "SELECT count(*) FROM iterations WHERE epoch = ? AND code_key = ?"
        return int(self._row(sql, (epoch, code_key))[0])

    def seq_at(self, moment: float) -> int:
        """The number of the last event before `moment` (seconds since 1970); 0 where there is none."""
        row = self._row("SELECT coalesce(max(seq), 0) FROM events WHERE time < ?", (moment,))
        return int(row[0])
