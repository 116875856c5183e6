"""The ledger: every proposal, iteration, attempt, curve and finding of one arena, in one SQLite file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from autoloop_kernel.memory.combinations import settle_gathered
from autoloop_kernel.memory.control import add_event, set_value
from autoloop_kernel.memory.database import LedgerBroken, LedgerBusy
from autoloop_kernel.memory.edits import Noticed
from autoloop_kernel.memory.lease import STALE_S, Holder
from autoloop_kernel.memory.proposals import Proposals, on, status_of
from autoloop_kernel.memory.reading import CONFIRMS, REPLICATES
from autoloop_kernel.memory.remembering import store_edit
from autoloop_kernel.memory.restore import Lost, insert_iteration, store_finding
from autoloop_kernel.memory.rows import ProposalRow, point_rows, seconds_row
from autoloop_kernel.memory.text import dumps, plain
from autoloop_kernel.records import (
    LOST,
    AutoloopError,
    Finding,
    Iteration,
    Kind,
    Outcome,
    Point,
    Verdict,
    to_json,
)

__all__ = ["STALE_S", "Holder", "Ledger", "LedgerBroken", "LedgerBusy", "Lost", "ProposalRow"]

ABLATION = "ablation"
"""The key of the ablation that is to be made."""

_STATES = ("provisional", "confirmed", "refuted")


class Ledger(Proposals):
    """The numbers of one arena. Open one a thread (`Ledger.open`); any number of processes may do so at once.

    Every writing method is one transaction, on disk when it returns. Heartbeats, curve points and `report` events,
    which a clock brings about, are the only writes that are not bracketed by `durable`.
    """

    # -- epochs

    def epoch(self, game: str, parts: Mapping[str, str], now: float | None = None) -> tuple[int, bool]:
        """Make the epoch of `game` (a hash) the current one; returns its number, and whether it is new.

        `parts` are the named hashes that make up the game. A game that was played before continues its epoch.
        """
        row = self._row("SELECT epoch, parts FROM epochs WHERE game = ?", (game,))
        if row is not None and row[0] == self.current_epoch() and (row[1] != "{}" or not parts):
            return row[0], False
        with self._write("epoch") as database:
            row = database.execute("SELECT epoch FROM epochs WHERE game = ?", (game,)).fetchone()
            number = row[0] if row else database.execute("SELECT coalesce(max(epoch), 0) + 1 FROM epochs").fetchone()[0]
            database.execute(
                "INSERT INTO epochs VALUES (?, ?, ?, ?) ON CONFLICT (epoch) DO UPDATE SET parts = excluded.parts",
                (number, game, dumps(parts), time.time() if now is None else now),
            )
            set_value(database, "epoch", number)
        return int(number), row is None

    # -- iterations and attempts

    def begin(self, proposal_id: str, base: int | None, epoch: int, game: str, code_key: str) -> Iteration:
        """Give a pending proposal the next number, with event `iteration.start`; returns the iteration, in flight.

        A proposal that has its number already, and no verdict yet, gets the same one again.
        """
        with self._write("begin") as database:
            known = status_of(database, proposal_id)
            if known.status not in ("pending", "accepted", "ran"):
                what = "waits for review" if known.status == "waiting" else f"was refused ({known.status})"
                raise AutoloopError(f"proposal {proposal_id} {what}: it cannot run")
            if known.iteration is not None:
                return self._again(known.iteration)
            title, agent, hypothesis, island = known.title, known.agent, known.hypothesis, known.island
            number = database.execute("SELECT coalesce(max(number), 0) + 1 FROM iterations").fetchone()[0]
            iteration = Iteration(number, epoch, proposal_id, title, agent, base, hypothesis, game=game, island=island)
            iteration = replace(iteration, time=time.time())
            insert_iteration(database, iteration, code_key)
            database.execute("UPDATE proposals SET status = 'ran', iteration = ? WHERE id = ?", (number, proposal_id))
            data = {"title": title, "agent": agent, "base": base, "hypothesis": hypothesis, **on(island)}
            add_event(database, "iteration.start", number, None, data)
        return iteration

    def _again(self, number: int) -> Iteration:
        """The iteration of a proposal that has begun before, if it is still in flight."""
        iteration = self.iteration(number)
        if iteration is None or iteration.verdict is not None:
            raise AutoloopError(f"this proposal has already run, as iteration {number}: propose it anew to repeat it")
        return iteration

    def begin_attempt(
        self, number: int, seed: int | Callable[[int], int], kind: Kind, run_id: str, worker: str = ""
    ) -> int:
        """Start an attempt at an iteration, with event `attempt.start`; returns its number, 1 for the first.

        `worker` names the slot that runs it, where there are several.

        `seed` may be a function of that number. An attempt that was interrupted is taken up under its own number; its
        row stays, beside the new one.
        """
        with self._write("begin attempt") as database:
            attempt = self.next_attempt(number)
            seed = seed(attempt) if callable(seed) else seed
            database.execute(
                "INSERT INTO attempts (iteration, attempt, seed, kind, run_id, time) VALUES (?, ?, ?, ?, ?, ?)",
                (number, attempt, seed, Kind(kind).value, run_id, time.time()),
            )
            database.execute("DELETE FROM points WHERE iteration = ? AND attempt = ?", (number, attempt))
            row = database.execute("SELECT title FROM iterations WHERE number = ?", (number,)).fetchone()
            data = {"seed": seed, "kind": Kind(kind).value, "attempt": attempt, "title": row[0] if row else ""}
            add_event(database, "attempt.start", number, attempt, data | ({"worker": worker} if worker else {}))
        return attempt

    def end_attempt(self, number: int, attempt: int, outcome: Outcome, worker: str = "") -> None:
        """End an attempt with what it brought (facts, extra, curve), with event `attempt.end`; `worker` as before.

        The curve replaces what `add_points` stored. Repeating the same outcome changes nothing; another one is refused.
        """
        with self._write("end attempt") as database:
            cursor = database.execute(
                "UPDATE attempts SET verdict = ?, score = ?, reason = ?, cell = ?, extra = ?, facts = ?, "
                "propose_s = ?, start_s = ?, run_s = ?, score_s = ?, total_s = ? "
                "WHERE iteration = ? AND attempt = ? AND verdict IS NULL",
                (
                    *(outcome.verdict.value, outcome.score, plain(outcome.reason), outcome.cell),
                    *(dumps(outcome.extra), dumps(outcome.facts), *seconds_row(outcome.seconds), number, attempt),
                ),
            )
            if not cursor.rowcount:
                _same_end(database, number, attempt, outcome)
                return
            if outcome.curve:
                database.execute("DELETE FROM points WHERE iteration = ? AND attempt = ?", (number, attempt))
                _insert_points(database, number, attempt, outcome.curve)
            data = {"verdict": outcome.verdict.value, "score": outcome.score, "reason": plain(outcome.reason)}
            data |= {name: outcome.extra[name] for name in ("unsealed",) if name in outcome.extra}
            data |= {"worker": worker} if worker else {}
            add_event(database, "attempt.end", number, attempt, data)
            if outcome.verdict not in LOST and _kind_of(database, number, attempt) is Kind.REPLICATE:
                self._unqueue(database, number)

    def add_points(self, curves: Mapping[tuple[int, int], Sequence[Point]]) -> None:
        """Append points to the curves of running attempts, by iteration and attempt, in one transaction for all.

        The last of each is told with event `report`.
        """
        with self._write("points", counted=False) as database:
            for (number, attempt), points in curves.items():
                _insert_points(database, number, attempt, points)
                add_event(database, "report", number, attempt, to_json(points[-1]))

    def interrupt(self, number: int, reason: str) -> list[int]:
        """End every open attempt of an iteration as `interrupted`, with an event each; returns their numbers."""
        with self._write("interrupt") as database:
            rows = database.execute(
                "SELECT attempt FROM attempts WHERE iteration = ? AND verdict IS NULL ORDER BY attempt", (number,)
            ).fetchall()
            for (attempt,) in rows:
                database.execute(
                    "UPDATE attempts SET verdict = 'interrupted', reason = ? "
                    "WHERE iteration = ? AND attempt = ? AND verdict IS NULL",
                    (plain(reason), number, attempt),
                )
                data = {"verdict": Verdict.INTERRUPTED.value, "score": None, "reason": plain(reason)}
                add_event(database, "attempt.end", number, attempt, data)
        return [row[0] for row in rows]

    def finish(self, iteration: Iteration, finding: Finding, champion: bool, noticed: Noticed | None = None) -> None:
        """Close an iteration: row, finding, event `iteration.end` (and `champion`), all or nothing.

        Its attempts are those that the ledger holds. A keep becomes `provisional` unless it brings a state. Repeating
        the same verdict changes nothing; another one is refused. `noticed` is its edit, with what was known of it. Of
        the `champion` of an island event `island` tells.
        """
        if iteration.verdict is None:
            raise ValueError("an iteration is finished with a verdict")
        number, verdict = iteration.number, iteration.verdict.value
        state = iteration.state or ("provisional" if iteration.verdict is Verdict.KEEP else None)
        with self._write("finish") as database:
            row = database.execute("SELECT verdict FROM iterations WHERE number = ?", (number,)).fetchone()
            if row is None or row[0] not in (None, verdict):
                what = "was never begun" if row is None else f"has ended already, as {row[0]}"
                raise AutoloopError(f"iteration {number} {what}: it cannot end as {verdict}")
            if row[0] == verdict:
                return
            database.execute(
                "UPDATE iterations SET verdict = ?, state = ?, score = ?, reason = ?, notebook = ?, commit_id = ?, "
                "propose_s = ?, start_s = ?, run_s = ?, score_s = ?, total_s = ? WHERE number = ?",
                (
                    *(verdict, state, iteration.score, plain(iteration.reason), iteration.notebook, iteration.commit),
                    *(*seconds_row(iteration.seconds), number),
                ),
            )
            store_finding(database, replace(finding, iteration=number), None if noticed is None else noticed.edit)
            if noticed is not None:
                store_edit(database, number, iteration.epoch, noticed, iteration.verdict is Verdict.KEEP)
            settle_gathered(database, number, iteration.verdict is Verdict.KEEP)
            data = {"verdict": verdict, "score": iteration.score, "reason": plain(iteration.reason)}
            data |= {"champion": champion and not iteration.island, "seconds": to_json(iteration.seconds)}
            add_event(database, "iteration.end", number, None, data | on(iteration.island))
            if champion:
                _leads(database, number, iteration.score, iteration.island)

    def settle(self, number: int, state: str, reason: str = "") -> None:
        """Say what became of a keep later on (`confirmed`, `refuted`, `provisional`), with event `state`.

        Where another iteration is the champion for it, event `champion` tells of that.
        """
        if state not in _STATES:
            raise ValueError(f"a state is one of {_STATES}, not {state!r}")
        with self._write("state") as database:
            row = database.execute("SELECT epoch, island FROM iterations WHERE number = ?", (number,)).fetchone()
            before = None if row is None else self.champion(*row)
            cursor = database.execute(
                "UPDATE iterations SET state = ? WHERE number = ? AND state IS NOT ? AND verdict IS NOT NULL",
                (state, number, state),
            )
            if cursor.rowcount:
                add_event(database, "state", number, None, {"state": state, "reason": plain(reason)})
                after = self.champion(*row)
                if after is not None and (before is None or after.number != before.number):
                    _leads(database, after.number, after.score, row[1])

    def fork(self, number: int, island: str = "") -> None:
        """Make iteration `number` the champion of its epoch, whatever its verdict, until something is kept after it.

        Events `fork` and `champion`; of an `island` that goes on from there `restart` and `island`. One that is the
        champion already changes nothing.
        """
        with self._write("fork") as database:
            row = database.execute("SELECT epoch, score FROM iterations WHERE number = ?", (number,)).fetchone()
            champion = None if row is None else self.champion(row[0], island)
            if row is None or (champion is not None and champion.number == number):
                return
            new = {"epoch": row[0], "number": number, "after": self.last_number(), **on(island)}
            same = [{**one, "after": new["after"]} == new for one in self.get("forks", [])]
            forks = [one for one, is_same in zip(self.get("forks", []), same, strict=True) if not is_same]
            set_value(database, "forks", [*forks, new])
            kind = "restart" if island else "fork"
            add_event(database, kind, number, None, {"number": number, "score": row[1], **on(island)})
            _leads(database, number, row[1], island)

    # -- replicates: what is to be run once more

    def queue_replicate(self, number: int, why: str = "") -> None:
        """Ask for one more attempt at an ended iteration, with event `replicate`; it may be asked repeatedly.

        `why` is empty where a person asks.
        """
        with self._write("replicate") as database:
            row = database.execute("SELECT title, verdict FROM iterations WHERE number = ?", (number,)).fetchone()
            if row is None or row[1] is None:
                what = "there is no such iteration" if row is None else "it has no verdict yet"
                raise AutoloopError(f"iteration {number} cannot be replicated: {what}")
            set_value(database, REPLICATES, [*self.replicates(), number])
            add_event(database, "replicate", number, None, {"title": row[0], **({"why": why} if why else {})})

    def drop_replicate(self, number: int, reason: str) -> None:
        """Give up one replicate that was asked for, with event `note` that says why."""
        with self._write("replicate drop") as database:
            if self._unqueue(database, number):
                text = f"the replicate of iteration {number} is not run: {plain(reason)}"
                add_event(database, "note", number, None, {"text": text})

    def _unqueue(self, database: sqlite3.Connection, number: int) -> bool:
        """Take the oldest request for a replicate of this iteration off the queue, if there is one."""
        queue = self.replicates()
        if number not in queue:
            return False
        queue.remove(number)
        set_value(database, REPLICATES, queue)
        return True

    # -- confirmations: what is to be held against fresh runs of its base

    def queue_confirm(self, number: int) -> None:
        """Ask to have a keep confirmed, with event `confirm`; asking again before that is done changes nothing."""
        with self._write("confirm") as database:
            if number not in self.confirms():
                set_value(database, CONFIRMS, [*self.confirms(), number])
                add_event(database, "confirm", number, None, {})

    def drop_confirm(self, number: int, reason: str) -> None:
        """Take a keep off that queue, with event `note` that says what became of it."""
        with self._write("confirm drop") as database:
            if number in self.confirms():
                set_value(database, CONFIRMS, [each for each in self.confirms() if each != number])
                add_event(database, "note", number, None, {"text": plain(reason)})

    def queue_ablation(self, number: int, runs: int) -> None:
        """Ask which steps that led to iteration `number` matter, in place of an earlier asking; event `ablation`."""
        with self._write("ablation") as database:
            set_value(database, ABLATION, {"number": number, "runs": runs})
            add_event(database, "ablation", number, None, {"runs": runs})

    def ablation(self) -> dict[str, int] | None:
        """The ablation that a person asked for: of iteration `number`, with `runs` of each version; None for none."""
        found: dict[str, int] | None = self.get(ABLATION)
        return found

    def drop_ablation(self, reason: str) -> None:
        """Ask for no ablation any more, with event `note` that says what became of it."""
        with self._write("ablation drop") as database:
            if self.ablation() is not None:
                set_value(database, ABLATION, None)
                add_event(database, "note", None, None, {"text": plain(reason)})

    def restore(self, lost: Iterable[Lost]) -> None:
        """Put iterations back that the ledger has lost, as they were; what is there is replaced. One event: `restored`.

        An epoch that is not known comes back with its number, its game and no parts; the last one becomes the current
        epoch when there is none.
        """
        with self._write("restore") as database:
            epoch, count = None, 0
            for one in lost:
                one.store(database)
                epoch, count = one.iteration.epoch, count + 1
            add_event(database, "restored", None, None, {"iterations": count})
            if epoch is not None and database.execute("SELECT 1 FROM meta WHERE key = 'epoch'").fetchone() is None:
                set_value(database, "epoch", epoch)


def _leads(database: sqlite3.Connection, number: int, score: float | None, island: str) -> None:
    """Tell inside the running transaction what is the champion now, of the main line or of an island."""
    kind = "island" if island else "champion"
    add_event(database, kind, number, None, {"number": number, "score": score, **on(island)})


def _same_end(database: sqlite3.Connection, number: int, attempt: int, outcome: Outcome) -> None:
    """Raise unless the attempt has ended already with this very outcome."""
    row = database.execute(
        "SELECT verdict, score FROM attempts WHERE iteration = ? AND attempt = ? ORDER BY id DESC LIMIT 1",
        (number, attempt),
    ).fetchone()
    if row is None:
        raise AutoloopError(f"iteration {number} has no attempt {attempt}: begin it first")
    if (row[0], row[1]) != (outcome.verdict.value, outcome.score):
        raise AutoloopError(f"attempt {attempt} of iteration {number} has ended already, as {row[0]}")


def _kind_of(database: sqlite3.Connection, number: int, attempt: int) -> Kind:
    """Why an attempt was run, inside the running transaction."""
    row = database.execute(
        "SELECT kind FROM attempts WHERE iteration = ? AND attempt = ? ORDER BY id DESC LIMIT 1", (number, attempt)
    ).fetchone()
    return Kind(row[0])


def _insert_points(database: sqlite3.Connection, number: int, attempt: int, points: Iterable[Point]) -> None:
    """Insert curve points inside the running transaction."""
    database.executemany(
        "INSERT INTO points (iteration, attempt, step, seconds, numbers) VALUES (?, ?, ?, ?, ?)",
        point_rows(number, attempt, points),
    )
