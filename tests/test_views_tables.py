"""The log and one iteration in full, at several widths, with colour and without."""

import dataclasses
import io
import math

import pytest
from rich.console import Console
from test_views_rows import IT
from test_views_words import iteration

from autoloop_kernel.records import Attempt, Direction, Kind, Metric, Point, Verdict
from autoloop_kernel.views import tables

METRIC = Metric("val_bpb", Direction.MIN, "bits/byte")


def printed(thing, width=80, **options):
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, markup=False, **options).print(thing)
    return out.getvalue()


def history():
    crash = dataclasses.replace(iteration(3, None, Verdict.CRASH, base=1), reason="ValueError: no\nsuch shape", time=3)
    return [
        dataclasses.replace(iteration(1, 3.0), time=1.0),
        dataclasses.replace(iteration(2, 3.1, Verdict.DISCARD, base=1), title="[red]LR[/red] up", time=2.0),
        crash,
        dataclasses.replace(iteration(4, 2.5, base=1), time=4.0),
        dataclasses.replace(iteration(5, verdict=None, base=4), time=5.0),
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_the_log_fits_its_width_and_says_all_without_colour(width):
    text = printed(tables.log(history(), METRIC, 4), width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert "\x1b" not in text
    assert lines[1].split()[:4] == ["1", "○", "keep", "3.000"]
    assert "+0.100" in lines[2]
    assert "[red]LR[/red] up" in lines[2]
    assert lines[3].split()[:3] == ["3", "×", "crash"]
    assert "ValueError: no such shape" in lines[3]
    assert "−0.500" in lines[4]
    assert "champion" in lines[4]
    assert lines[5].split()[:3] == ["5", "◐", "running"]
    assert lines[-1].strip() == "best val_bpb 2.500, iteration 4; baseline 3.000 (−16.7 %); provisional"


def test_a_long_title_gives_way_and_no_other_column_does():
    its = [
        dataclasses.replace(it, title="a very long title " * 9, agent="an agent with a long name") for it in history()
    ]
    lines = printed(tables.log(its, METRIC, 4), 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert all("…" in line for line in lines[1:6])
    assert "3.000" in lines[1]
    assert "○ keep" in lines[1]


def test_the_log_says_which_runs_others_spoilt():
    spoilt = [Attempt(n, 7, Kind.SCREEN, Verdict.CONTENDED) for n in (1, 2)]
    its = history()
    its[1] = dataclasses.replace(its[1], attempts=(*spoilt, Attempt(3, 7, Kind.SCREEN, Verdict.SCORED, 3.1)))
    lines = printed(tables.log(its, METRIC, 4), 120).splitlines()
    assert [line for line in lines if "contended" in line] == [lines[2]]
    assert "◌ 2 contended" in lines[2]


def test_epochs_are_apart_and_their_scores_never_compared():
    other = [dataclasses.replace(iteration(6, 0.001, epoch=2), time=6.0)]
    text = printed(tables.log([*history(), *other], METRIC, 6, why={2: "score cell 'score' changed"}))
    assert "epoch 1\n" in text.replace(" \n", "\n")
    assert "epoch 2: score cell 'score' changed" in text
    assert text.splitlines()[-1].strip() == "best val_bpb 0.001000, iteration 6"


def test_proposals_that_never_ran_stand_between_by_time():
    unrun = [tables.Unrun("duplicate", "again", "search", "ran before as 2", 2.5, 1)]
    lines = printed(tables.log(history(), METRIC, 4, unrun)).splitlines()
    assert "– duplicate" in lines[3]
    assert "again – ran before as 2" in lines[3]
    assert lines[4].split()[0] == "3"
    assert "– duplicate" in printed(tables.log([], METRIC, None, unrun))


def test_a_long_log_shows_its_end_and_says_so():
    its = [dataclasses.replace(iteration(n, 3.0 - n / 1000, base=n - 1 or None), time=float(n)) for n in range(1, 301)]
    lines = printed(tables.log(its, METRIC, 300, last=10)).splitlines()
    assert "the first 290 iterations are left out" in lines[0]
    assert lines[2].split()[0] == "291"
    assert "−0.001" in lines[2], "the first row that is shown still knows its base"
    assert lines[-1].startswith("best val_bpb 2.700, iteration 300; baseline 2.999")


def test_one_iteration_in_full():
    curve = [Point(k, k / 2, {"loss": 3 - k / 10, "odd": math.nan}) for k in range(9)]
    text = printed(tables.show(IT, METRIC, iteration(1, 3.0), "--- m\n+++ m\n-a\n+b\n", curve, "demo/"), 100)
    assert "4 · LR up" in text
    assert "○ keep (provisional)  val_bpb 2.500 (−0.500 against iteration 1)" in text
    assert "demo/a_runs/0004/iteration.ipynb" in text
    assert "It helps." in text
    assert "replicate" in text
    assert "boom" in text
    assert "█" in text
    assert "3.000 → 2.200" in text
    assert "odd" not in text.split("LR up", 1)[1].split("---")[0]
    assert text.rstrip().endswith("+b")


def test_scores_of_another_epoch_are_not_held_against_it():
    other = dataclasses.replace(iteration(1, 3.0), epoch=7)
    assert "against iteration" not in printed(tables.show(IT, METRIC, other, "", [], ""))


def test_sparklines():
    assert tables.sparkline([]) == ""
    assert tables.sparkline([1, 1]) == "▄▄"
    assert tables.sparkline([0, 7]) == "▁█"
    assert len(tables.sparkline(list(range(1000)))) == 40
    assert tables.sparkline(list(range(1000))) == "".join(sorted(tables.sparkline(list(range(1000)))))


def test_without_a_driver_nothing_is_said_to_run():
    assert "◐ running" in printed(tables.log(history(), METRIC, 4))
    left = printed(tables.log(history(), METRIC, 4, driven=False))
    assert "running" not in left
    assert "◌ interrupted" in left


def test_the_name_of_an_agent_with_a_role_is_not_cut():
    named = [dataclasses.replace(it, agent="search@simplify") for it in history()]
    assert printed(tables.log(named, METRIC, 4), 80).count("search@simplify") == len(named)


def test_an_iteration_that_was_interrupted_is_not_said_to_run():
    lost = dataclasses.replace(history()[-1], verdict=None, score=None)
    cut = dataclasses.replace(lost, attempts=(Attempt(1, 7, Kind.SCREEN, Verdict.INTERRUPTED),))
    shown = printed(tables.log([cut], METRIC, None))
    assert "◌ interrupted" in shown
    assert "running" not in shown
