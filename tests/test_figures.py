"""What fresh runs say of an iteration: a real ledger; only the machine is played."""

import pytest
from loop_kit import Machine, cell, change, make_sealed_arena, play, scored, x

from autoloop_kernel.confirming import confirmed
from autoloop_kernel.figures import Figures, Listed, between, figures
from autoloop_kernel.holdout import held_out
from autoloop_kernel.loop import Loop
from autoloop_kernel.records import Direction
from autoloop_kernel.session import open_session

ASKS = "from autoloop_kernel.cells import ask, held_out, score\nscore(abs(float(ask())) + 0.5 * held_out())"


def test_a_keep_has_its_screened_gain_then_the_fresh_one_and_that_on_the_holdout(tmp_path):
    path = make_sealed_arena(tmp_path)
    change(path, lambda nb: cell(nb, "judge").update(source=ASKS))
    with open_session(path) as session:
        play(session, (None, scored(3.0)), (x(2.0), scored(2.0)))
        before = figures(session.ledger, Direction.MIN, session.iteration(2))
        assert before == Figures(2, "provisional", screened=1.0)
        assert before.optimism is None
        runs = [2.12, 3.0, 2.08, 3.01, *[2.1, 3.0] * 6]
        confirmed(Loop(session, Machine(*map(scored, runs))), 2)
        loop = Loop(session, Machine(*map(scored, (2.9, 2.92, 3.4, 3.42))))
        while held_out(loop):
            pass
        found = figures(session.ledger, Direction.MIN, session.iteration(2))
        assert (found.state, found.pairs >= 1) == ("confirmed", True)
        assert found.gain.low < found.gain.mean < found.gain.high
        assert found.gain.mean == pytest.approx(0.9, abs=0.05)
        assert found.optimism == pytest.approx(1.0 - found.gain.mean)
        assert found.total.mean == pytest.approx(found.gain.mean, abs=0.05)
        assert found.held_out.mean == pytest.approx(0.5)
        assert found.held_out.low < 0.5 < found.held_out.high
        assert figures(session.ledger, Direction.MIN, session.iteration(1)) == Figures(1, "provisional")


def test_a_difference_of_means_is_a_gain_in_either_direction():
    gain = between([1.0, 1.0], [2.0], Direction.MIN, 0.1)
    assert (gain.mean, round(gain.high - gain.mean, 4)) == (1.0, round(1.6449 * 0.1 * (1 / 2 + 1) ** 0.5, 4))
    assert between([1.0], [2.0], Direction.MAX, 0.0).mean == -1.0
    assert between([], [2.0], Direction.MAX, 0.0) is None


def test_figures_of_a_list_are_those_of_the_ledger(tmp_path):
    path = make_sealed_arena(tmp_path)
    with open_session(path) as session:
        play(session, (None, scored(3.0)), (x(2.0), scored(2.0)))
        confirmed(Loop(session, Machine(*map(scored, [2.1, 3.0] * 8))), 2)
        it, past = session.iteration(2), Listed(session.ledger.iterations())
        assert figures(past, Direction.MIN, it) == figures(session.ledger, Direction.MIN, it)
        assert past.repeated(it.epoch) == session.ledger.repeated(it.epoch)
        assert past.baseline(it.epoch) == session.ledger.baseline(it.epoch)
