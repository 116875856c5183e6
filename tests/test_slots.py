"""Several slots on one session: the real loop, ledger and lineage; only the machines are played, and wait for gates."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import nbformat
from loop_kit import Played, change, scored, x
from played import make_arena
from slots_kit import Gates, Ideas, assert_each_ended_once, assert_no_code_twice, wait_for
from story import assert_same_story

from autoloop_kernel import driver
from autoloop_kernel.confirming import settle
from autoloop_kernel.driver import Plan, drive
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.execution.receipt import sealed_text
from autoloop_kernel.records import Job, Outcome, Verdict
from autoloop_kernel.reviewing import fork
from autoloop_kernel.session import LEDGER, open_session


class Slots:
    """As many machines as there are slots; each scores |X|, or what `scores` says of a job, and waits at its gates."""

    def __init__(self, count: int, *held: int, scores: Callable[[Job], Outcome] | None = None) -> None:
        self.gates, self.scores, self.count = Gates(*held), scores or distance, count
        self.begun: list[int] = []
        self.is_over = False
        self._news = threading.Condition()

    def began(self, *numbers: int) -> None:
        """Wait until these are being run."""
        with self._news:
            self._news.wait_for(lambda: self.is_over or set(numbers) <= set(self.begun), 20)
            assert set(numbers) <= set(self.begun), (self.begun, self.is_over)

    def over(self) -> None:
        """The driver has ended: nobody needs to wait for anything."""
        with self._news:
            self.is_over = True
            self._news.notify_all()

    def close(self) -> None:
        """Nothing waits."""

    def run(self, job: Job, on_message, stopped) -> Outcome:
        """Play one run."""
        with self._news:
            self.begun.append(job.iteration)
            self._news.notify_all()
        on_message("phase", {"phase": "running"})
        outcome = self.scores(job)
        self.gates(job)
        outcome = Outcome(Verdict.INTERRUPTED, "stopped before it ended") if stopped() else outcome
        write_atomic(job.target / job.notebook_name, sealed_text(nbformat.reads(job.notebook, 4), job, outcome))
        return outcome

    def prepare(self) -> None:
        """Nothing is to be made ready."""

    def drive(self, path: Path, agents, plan: Plan, monkeypatch) -> Driven:
        """Drive in a thread of its own, for a test that opens gates meanwhile."""
        monkeypatch.setattr(driver, "open_workers", lambda spec, mark, tell: Played(*[self] * self.count))
        return Driven(path, agents, plan, self)


class Driven:
    """A driver in a thread; used as a context it is waited for at the end, with its gates opened."""

    def __init__(self, path: Path, agents, plan: Plan, slots: Slots) -> None:
        self.ended, self.error, self.slots = None, None, slots
        self._thread = threading.Thread(target=self._drive, args=(path, agents, plan))

    def _drive(self, *arguments) -> None:
        try:
            self.ended = drive(*arguments)
        except Exception as error:
            self.error = error
        finally:
            self.slots.over()

    def over(self) -> None:
        """Wait until it has ended by itself."""
        self._thread.join(30)
        assert not self._thread.is_alive(), "it goes on"

    def __enter__(self) -> Driven:
        self._thread.start()
        return self

    @property
    def ran(self) -> int:
        """How many iterations it ran; raises where it raised."""
        if self.error is not None:
            raise self.error
        return self.ended.ran

    def __exit__(self, *exc) -> None:
        self.slots.gates.open(*self.slots.gates.numbers)
        self._thread.join(60)
        assert not self._thread.is_alive()


def distance(job: Job) -> Outcome:
    return scored(abs(float(job.notebook.split("X = ")[1].split(" ")[0])))


def look(path: Path):
    return open_session(path, create=False)


def until_ended(path: Path, number: int) -> None:
    wait_for(path, lambda session: (found := session.ledger.iteration(number)) is not None and found.verdict)


def test_code_that_still_runs_in_an_earlier_epoch_may_run_in_the_new_one(tmp_path, monkeypatch):
    """Iteration 2 runs X = 2 when the arena changes; in the new epoch the agent proposes it again."""
    path, slots = make_arena(tmp_path), Slots(2, 2, 3)
    agent = Ideas(x(2.0), x(4.0), x(2.0), quick=True)
    with slots.drive(path, [agent], Plan(iterations=5, workers="2"), monkeypatch) as driven:
        slots.began(2, 3)
        change(path, lambda nb: nb["metadata"]["autoloop"].update(budget_s=77))
        slots.gates.open(3)
        slots.began(4, 5)
        slots.gates.open(2)
    assert driven.ran == 5
    with look(path) as session:
        rows = [(it.number, it.epoch, it.base, str(it.verdict)) for it in session.ledger.iterations()]
        assert rows == [
            (1, 1, None, "keep"),
            (2, 1, 1, "keep"),
            (3, 1, 1, "discard"),
            (4, 2, None, "keep"),
            (5, 2, 4, "keep"),
        ]
        assert session.champion().number == 5, "what ends in an earlier epoch is never the champion of this one"
        assert_no_code_twice(session)
    assert_same_story(path)


# -- what becomes of keeps


def test_what_is_kept_after_a_later_one_was_refuted_is_the_champion(tmp_path, monkeypatch):
    """Iteration 3 becomes the champion and is refuted while 2, which began before it, still runs."""
    path, slots = make_arena(tmp_path), Slots(2, 2)
    with slots.drive(path, [Ideas(x(2.0), x(2.5), quick=True)], Plan(iterations=3, workers="2"), monkeypatch) as driven:
        until_ended(path, 3)
        with look(path) as session:
            settle(session, 3, "refuted", "by fresh runs")
            assert session.champion().number == 1
    assert driven.ran == 3
    assert assert_same_story(path) == ["keep", "keep", "keep"]
    with look(path) as session:
        assert session.champion().number == 2
        runs = session.arena.runs
    (runs / LEDGER).unlink()
    with open_session(path) as session:
        assert session.champion().number == 2, "as the lineage says"
    assert drive(path, [Ideas(x(2.2), quick=True)], Plan(iterations=1, workers="2")).ran == 1
    with look(path) as session:
        assert session.iteration(4).base == 2


def test_a_champion_is_refuted_back_to_the_last_that_stands_whatever_the_order_of_the_numbers(tmp_path, monkeypatch):
    """3 is kept and refuted, 2 is kept after that, and 4, on it, is refuted, too: then 2 is the champion again."""
    path, slots = make_arena(tmp_path), Slots(2, 2)
    with slots.drive(path, [Ideas(x(2.0), x(2.5), quick=True)], Plan(iterations=3, workers="2"), monkeypatch):
        until_ended(path, 3)
        with look(path) as session:
            settle(session, 3, "refuted", "by fresh runs")
    assert drive(path, [Ideas(x(1.0), quick=True)], Plan(iterations=1, workers="2")).ran == 1
    with look(path) as session:
        assert (session.champion().number, session.champion().base) == (4, 2)
        settle(session, 4, "refuted", "by fresh runs")
        assert session.champion().number == 2
        settle(session, 2, "refuted", "by fresh runs")
        assert session.champion().number == 1
    assert_same_story(path)


def test_a_fork_while_several_run_counts_until_something_is_kept_after_it(tmp_path, monkeypatch):
    path, slots = make_arena(tmp_path), Slots(2, 3, 4)
    agent = Ideas(x(2.0), x(1.5), x(1.0), x(0.5), quick=True)
    with slots.drive(path, [agent], Plan(iterations=5, workers="2"), monkeypatch) as driven:
        slots.began(3, 4)
        with look(path) as session:
            fork(session, 1)
        slots.gates.open(3)
        slots.began(5)
        with look(path) as session:
            assert session.iteration(5).base == 1
    assert driven.ran == 5
    with look(path) as session:
        assert session.champion().number == 5
        assert_each_ended_once(session)
    assert_same_story(path)


# -- agents


class Slow(Ideas):
    """An agent that thinks: about its second idea for as long as the test wants."""

    def __init__(self, *plays) -> None:
        super().__init__(*plays)
        self.thinks, self.may, self.told = threading.Event(), threading.Event(), False

    def stop(self) -> None:
        self.told = True
        self.may.set()

    def propose(self, context):
        if self.asked == 1:
            self.thinks.set()
            assert self.may.wait(20), "nobody let it"
        return super().propose(context)


# -- ends


BAYES = {"policy": "bayes", "max_attempts": 1}


def lucky(job: Job) -> Outcome:
    """Iteration 2 scores 2.8 once, and 3.05 whenever it is run again; the others |X|, with some noise."""
    if (job.iteration, job.attempt) == (2, 1):
        return scored(2.8)
    value = 3.05 if job.iteration == 2 else abs(float(job.notebook.split("X = ")[1].split(" ")[0]))
    return scored(value + random.Random(job.seed).gauss(0, 0.03))
