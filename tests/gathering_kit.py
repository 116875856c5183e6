"""Keeps that are overtaken on purpose: slots of one session whose runs end when a test says so."""

from __future__ import annotations

import threading
from typing import Any

from exploit_kit import Scripted
from loop_kit import Machine, scored, x

from autoloop_kernel.loop import Beside, Loop
from autoloop_kernel.pruning import Pruner
from autoloop_kernel.records import Iteration, Outcome
from autoloop_kernel.rulings import Rulings
from autoloop_kernel.session import Session

FAR = "# one\n# two\n# three\n"
ALL = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}


def code(**numbers: float) -> dict[str, str]:
    """The model cell with four numbers far enough apart that edits of any merge."""
    lines = (f"{FAR}{name.upper()} = {value!r}\n" for name, value in {**ALL, **numbers}.items())
    return {"model": f"{x(3.0)['model']}\n{''.join(lines)}"}


def named(name: str, units: dict[str, str]) -> Scripted:
    """An agent of this name that proposes these units."""
    agent = Scripted(units)
    agent.name = name
    return agent


class Held(Machine):
    """A machine whose run goes on until it is let go."""

    def __init__(self, *outcomes: Outcome) -> None:
        super().__init__(*outcomes)
        self.began, self.go = threading.Event(), threading.Event()

    def run(self, job: Any, on_message: Any, stopped: Any) -> Outcome:
        """Give the outcome, once it is let go."""
        outcome = super().run(job, on_message, stopped)
        self.began.set()
        assert self.go.wait(30)
        return outcome


class Slots:
    """Slots of one session whose runs end when they are told to."""

    def __init__(self, session: Session) -> None:
        self.session, self.beside = session, Beside(Rulings(session), Pruner(session))
        self._held: list[tuple[Held, threading.Thread]] = []

    def begin(self, agent: Scripted, score: float) -> None:
        """Begin a run in a slot of its own that will end with this score."""
        machine, count = Held(scored(score)), len(self._held)
        loop = Loop(self.session, machine, worker=f"w{count}", beside=self.beside)

        def work() -> None:
            with self.beside.baton:
                loop.iterate(agent)

        thread = threading.Thread(target=work)
        thread.start()
        assert machine.began.wait(30)
        self._held.append((machine, thread))

    def end(self, nth: int = 0) -> None:
        """Let the run end that began as the nth of those that still run."""
        machine, thread = self._held.pop(nth)
        machine.go.set()
        thread.join(30)
        assert not thread.is_alive()

    def run(self, *outcomes: Outcome, agent: Scripted | None = None) -> Iteration:
        """Run what is due, or what `agent` proposes, to its end."""
        with self.beside.baton:
            return Loop(self.session, Machine(*outcomes), beside=self.beside).iterate(agent or Scripted())


def overtake(slots: Slots, *late: tuple[dict[str, float], float]) -> Iteration:
    """Iterations 3, 4 and so on with these numbers and scores, all overtaken by one that changes d."""
    for number, (numbers, score) in enumerate(late, start=3):
        slots.begin(named(f"agent{number}", code(**numbers)), score)
    champion = slots.run(scored(2.5), agent=Scripted(code(d=2.0)))
    for _ in late:
        slots.end()
    assert champion.number == 3 + len(late)
    assert slots.session.champion() == slots.session.iteration(champion.number)
    assert slots.session.ledger.overtaken() == {3 + nth for nth in range(len(late))}
    return champion


def waiting(slots: Slots) -> list[str]:
    """The proposals that were accepted, by id."""
    return [row.id for row in slots.session.ledger.proposals("accepted")]
