"""What fresh runs say of a keep, in words."""

import re
from dataclasses import replace

from html_kit import detail, sound

from autoloop_kernel.figures import Figures
from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.records import Attempt, Direction, Iteration, Kind, Metric, Verdict
from autoloop_kernel.views import fresh, progress, tables
from autoloop_kernel.views.html import comparison, iteration

HELD = Figures(7, "confirmed", 0.25, Gain(0.2, 0.1, 0.3), 4, Gain(0.5, 0.4, 0.6), Gain(0.45, 0.35, 0.55))


def test_each_state_has_its_words():
    assert fresh.lines(Figures(1, "provisional")) == []
    assert fresh.lines(Figures(2, None, 0.1)) == [], "a discard"
    assert fresh.lines(Figures(2, "provisional", 0.1), 2, "a.ipynb") == [
        "Provisional: no fresh run has confirmed it yet: autoloop confirm a.ipynb."
    ]
    for state, word in (("confirmed", "Confirmed"), ("refuted", "Refuted"), ("provisional", "Not decided yet")):
        told = fresh.lines(replace(HELD, state=state), 2)
        assert told[0].startswith(f"{word}: it gains +0.20 (+0.10 … +0.30 with 90 %) over its base in 4 fresh pairs")
        assert len(told) == 3


def test_where_runs_do_not_differ_there_is_no_interval():
    assert fresh.gain(Gain(-1.0, -1.0, -1.0), 2) == "−1.00"


def test_plain_values_hold_the_same():
    row = fresh.row(HELD)
    assert row["gain"] == {"mean": 0.2, "low": 0.1, "high": 0.3}
    assert (row["state"], row["pairs"], row["screened"]) == ("confirmed", 4, 0.25)
    assert fresh.row(None) == {}


def test_an_iteration_and_a_comparison_show_them():
    known = replace(detail(), figures=HELD)
    shown = iteration.bundle(known)
    assert shown[iteration.MIME]["fresh"]["total"]["mean"] == 0.5
    for part in (sound(shown["text/html"]).text, shown["text/plain"]):
        assert "Confirmed: it gains +0.2000 (+0.1000 … +0.3000 with 90 %)" in " ".join(part.split())
    both = comparison.bundle(replace(detail(), figures=Figures(7, None)), known)
    assert both[comparison.MIME]["b"]["fresh"]["held_out"]["low"] == 0.35
    assert "the same on the holdout" in both["text/plain"]
    assert "+0.4500 (+0.3500 … +0.5500)" in both["text/plain"]
    without = comparison.bundle(detail(), detail())
    assert "holdout" not in without["text/plain"]


def runs(number, base, score, kinds, state="provisional"):
    """A keep whose judged run scored `score`, with a confirming run for each number of `kinds`."""
    attempts = [Attempt(1, 0, Kind.SCREEN, Verdict.SCORED, score)]
    attempts += [Attempt(2 + at, at, Kind.CONFIRM, Verdict.SCORED, value) for at, value in enumerate(kinds)]
    known = {"verdict": Verdict.KEEP, "state": state, "score": score, "attempts": tuple(attempts)}
    return Iteration(number, 1, f"p{number}", f"version {number}", "search", base, **known)


def test_a_headline_and_a_summary_show_fresh_runs_with_their_interval():
    metric = Metric("val_bpb", Direction.MIN)
    start, screened = runs(1, None, 3.0, []), runs(2, 1, 2.0, [])
    assert progress.headline([start], metric) == "val_bpb 3.000"
    assert progress.headline([start, screened], metric) == "val_bpb 3.000 → 2.000  (−33.3 %), provisional"
    held = [runs(1, None, 3.0, [3.0, 3.1, 2.9]), runs(2, 1, 2.0, [2.3, 2.4, 2.2], "confirmed")]
    pattern = r"val_bpb 3\.000 → 2\.000  \(−33\.3 %\), by fresh runs \+0\.700 \(\+0\.449 … \+0\.951\)"
    assert re.fullmatch(pattern, progress.headline(held, metric))
    assert re.fullmatch(
        r"best val_bpb 2\.000, iteration 2; baseline 3\.000 \(−33\.3 %\); by fresh runs \+0\.700 \(.* … .*\)",
        tables.summary(held, metric).plain,
    )
    later = [start, replace(held[0], number=2, base=1), replace(held[1], number=3, base=2)]
    assert " over iteration 2 by fresh runs" in progress.headline(later, metric)
