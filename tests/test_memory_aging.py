"""Findings whose base has moved far: they come last, and say so."""

import pytest
from loop_kit import make_sealed_arena, play, scored
from test_memory_remembering import model

from autoloop_kernel.session import open_session


@pytest.fixture
def session(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as opened:
        yield opened


def test_a_finding_expires_when_the_lines_around_it_are_others(session):
    lines = [f"A{n} = {n}" for n in range(8)]
    play(session, (None, scored(9.0)), (model(8.0, *lines), scored(8.0)), (model(8.0, *lines, "RATE = 1"), scored(8.5)))
    assert [(one.iteration, one.expired) for one in session.search("RATE")] == [(3, "")]
    play(session, (model(7.0, *lines[:5], "B1 = 1"), scored(7.0)))
    assert [one.expired for one in session.search("RATE")] == [""], "half of its lines stand"
    play(session, (model(6.0, "B1 = 1", "C1 = 2"), scored(6.0)), (model(6.0, "RATE = 2"), scored(6.5)))
    found = session.search("RATE model")
    by_number = {one.iteration: one.expired for one in found}
    assert by_number[3].startswith("its base has moved far: ")
    assert by_number[3].endswith(" of the lines in model are others, 2 kept steps since")
    assert by_number[6] == ""
    places = [bool(one.expired) for one in found]
    assert places == sorted(places)
    assert 0 < sum(places) < len(places)


def test_a_finding_of_another_game_has_expired(session):
    play(session, (None, scored(9.0)), (model(8.0), scored(8.0)))
    session.ledger.epoch("another game", {})
    play_again = session.search("model X")
    assert {one.expired for one in play_again} == {
        "of epoch 1, another game: its score compares with none of today's",
    }
