"""What the ledger remembers of edits: nearly the same, added again, not run again; also once it was rebuilt."""

from dataclasses import replace

import pytest
from exploit_kit import Scripted
from loop_kit import REAL, make_sealed_arena, play, scored
from played import make_arena

from autoloop_kernel.confirming import settle
from autoloop_kernel.loop import Loop
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.recover import recover
from autoloop_kernel.memory.refill import refill
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.records import MEASURED, Outcome, Remembered, Seconds, Verdict
from autoloop_kernel.session import open_session


def model(x: float, *lines: str) -> dict[str, str]:
    return {"model": "\n".join([f"X = {x!r}", *lines, REAL])}


@pytest.fixture
def session(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as opened:
        yield opened


def edits(ledger: Ledger):
    return ledger._rows("SELECT * FROM edits ORDER BY iteration"), ledger._rows("SELECT * FROM removed ORDER BY line")


def story(session) -> None:
    """3 took out WARMUP and was kept; 4 nearly repeats 2; 5 adds WARMUP again; 6 crashed."""
    play(
        session,
        (None, scored(3.0)),
        (model(2.0, "WARMUP = 10"), scored(2.0)),
        (model(1.0), scored(1.0)),
        (model(2.5, "RATE = 0.1"), scored(2.5)),
        (model(0.5, "WARMUP = 10"), scored(1.5)),
        (model(2.51, "RATE = 0.1"), Outcome(Verdict.CRASH, "out of memory", seconds=Seconds(run=2.0, total=3.0))),
    )


def test_what_ablation_measures_is_neither_a_repeat_nor_a_lesson(session):
    story(session)
    before, told = session.ledger.remembered(1), session.lessons(1)

    class Measured(Scripted):
        name = MEASURED

    measured = model(0.4, "WARMUP = 10")
    play(session, (measured, scored(1.2)), agent=Measured(measured))
    assert refill(session.ledger, session.lineage) == 0, "nothing is entered when the arena is opened again"
    assert session.ledger.remembered(1) == before
    assert session.lessons(1) == told


def test_near_repeats_and_lines_added_again_are_noticed_and_counted(session):
    story(session)
    rows = {row[0]: row for row in edits(session.ledger)[0]}
    assert {number: row[5:] for number, row in rows.items()} == {
        2: (None, 0),
        3: (None, 0),
        4: (None, 0),
        5: (None, 1),
        6: (4, 0),
    }
    found = session.ledger.remembered(1)
    assert (found.runs, found.again, found.near, found.rate) == (5, 1, 1, 0.2)
    texts = {one.iteration: one.text for one in session.ledger.findings()}
    assert "it adds again what iteration 3, a kept step, took out: WARMUP = 10 (model)" in texts[5]
    assert "nearly the same edit as iteration 4 (discard, 2.5)" in texts[6]
    noticed = session.noticed(1, 3, {**session.units(3), **model(2.49, "RATE = 0.1")})
    assert (noticed.near, noticed.came) == (6, "crash"), "the last of those that are equally near"


def test_what_a_refuted_step_took_out_may_come_back(session):
    story(session)
    again = {**session.units(3), **model(0.2, "WARMUP = 10")}
    assert list(session.noticed(1, 3, again).again) == [3]
    settle(session, 3, "refuted", "it was noise")
    assert session.noticed(1, 3, again).again == {}


def test_a_rebuilt_ledger_knows_the_same_edits(session):
    story(session)
    before = edits(session.ledger)
    search = [one.iteration for one in session.search("WARMUP")]
    path = session.path
    session.close()
    (path.parent / "game_runs" / "ledger.sqlite").unlink()
    with open_session(path) as rebuilt:
        assert any("new ledger" in note for note in rebuilt.notes)
        assert edits(rebuilt.ledger) == before
        assert [one.iteration for one in rebuilt.search("WARMUP")] == search
        assert set(search) == {2, 3, 5}


def test_a_ledger_without_edits_gets_them_when_a_driver_starts(session):
    story(session)
    before = edits(session.ledger)
    with session.ledger._write("test") as database:
        database.execute("DELETE FROM edits")
        database.execute("DELETE FROM removed")
    recover(session.ledger, session.lineage, session.arena.runs)
    assert edits(session.ledger) == before
    assert refill(session.ledger, session.lineage) == 0


def test_sources_that_are_gone_count_as_no_edit_once(session):
    story(session)
    with session.ledger._write("test") as database:
        database.execute("DELETE FROM edits WHERE iteration = 6")
    session.lineage._git.references.delete("refs/iterations/0006")
    assert refill(session.ledger, session.lineage) == 1
    assert refill(session.ledger, session.lineage) == 0
    assert session.ledger._row("SELECT units, sketch FROM edits WHERE iteration = 6") == ("[]", "[]")


def test_exact_repeats_are_not_run_again_and_what_that_spared_is_counted(session):
    story(session)
    agent = Scripted(model(2.51, "RATE = 0.1  # once more"), model(2.51, "RATE = 0.1  # and more"), model(3.0))
    with pytest.raises(NothingToRun, match="ran before"):
        Loop(session, Nothing()).iterate(agent)
    found = session.ledger.remembered(1)
    assert (found.avoided, found.others) == (3, 0)
    assert found.seconds == pytest.approx(2 * 2.0)
    assert found.share == pytest.approx(3 / 8)


class Nothing:
    """An executor that has nothing to run."""

    def prepare(self):
        pass


def test_one_proposal_that_repeats_is_counted_once(session):
    story(session)
    for _ in range(2):
        session.ledger.avoid(1, "key", "p9", 6)
    session.ledger.avoid(1, "another key", "p9", 6)
    assert session.ledger.remembered(1).avoided == 2
    assert session.ledger.remembered(2) == Remembered()


def test_lessons_are_drawn_from_what_ran(session):
    story(session)
    lessons = session.lessons(1)
    assert lessons[0].startswith("X in model: 5 tries, 2 kept; best gain 1 (iteration ")
    assert any(line.startswith("RATE in model: 2 tries, none kept") for line in lessons)


def test_tries_tell_by_how_much_each_was_better_than_its_base(session):
    story(session)
    tries = session.ledger.tries(1, session.arena.rules.metric.direction)
    assert [(one.number, one.gain) for one in tries] == [(2, 1.0), (3, 1.0), (4, -1.5), (5, -0.5), (6, None)]


def test_an_iteration_enters_with_its_edit_or_not_at_all(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, (None, scored(3.0)), (model(1.0), scored(1.0)))
        ended = session.iteration(2)
        session.ledger.finish(replace(ended), session.ledger.findings()[-1], True, session.noticed(1, 1, {}))
        assert len(edits(session.ledger)[0]) == 1, "a repeat changes nothing"
