"""An iteration as plain JSON structures."""

from dataclasses import replace

from played import history, make_arena, reopen_epoch

from autoloop_kernel.records import Point
from autoloop_kernel.session import open_session
from autoloop_kernel.views.detail import gather
from autoloop_kernel.views.html import record


def test_units_that_come_and_go_are_changes_too():
    assert record.changes({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == [
        {"unit": "a", "before": "1", "after": None},
        {"unit": "c", "before": None, "after": "3"},
    ]


def test_a_long_curve_is_thinned_in_the_json():
    curve = tuple(Point(k, k / 100, {"loss": 1.0}) for k in range(12_345))
    held = record.thinned(curve)
    assert len(held) == record.POINTS
    assert held[0] == curve[0]
    assert held[-1] == curve[-1]
    assert [point.step for point in held] == sorted({point.step for point in held})


def test_what_it_is_held_against_comes_with_it(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    reopen_epoch(path)
    with open_session(path) as session:
        last = record.data(gather(session, 5))
        first = record.data(gather(session, 1))
        moved = record.data(replace(gather(session, 5), base=session.iteration(6)))
    assert (last["base_score"], last["base_facts"], len(last["base_curve"])) == (1.0, {"steps": 12}, 5)
    assert (last["budget_s"], last["clock"]) == (3, "wall")
    assert (first["base_score"], first["base_facts"], first["base_curve"]) == (None, {}, [])
    assert moved["base_score"] is None, "scores never cross epochs"
