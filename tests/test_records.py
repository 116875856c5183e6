import json
from pathlib import Path

import pytest

from autoloop_kernel.records import (
    AutoloopError,
    Direction,
    Job,
    Kind,
    Metric,
    Outcome,
    Point,
    Rules,
    Seconds,
    Verdict,
    job_from_json,
    outcome_from_json,
    to_json,
)

RULES = Rules(Metric("loss", Direction.MAX, "points", 3.0), 12.5, clock="cpu", files=("a/*.py",), sealed=("s/*",))


def through_json(record):
    return json.loads(json.dumps(to_json(record), allow_nan=False))


def test_a_job_survives_the_journey_through_json():
    job = Job(7, 2, 99, Kind.SCREEN, "{}", {"a/x.py": "1"}, Path("/f"), Path("/f/r/0007"), RULES, "run", "game")
    assert job_from_json(through_json(job)) == job
    assert job.notebook_name == "attempt-2.ipynb"


def test_an_outcome_survives_the_journey_through_json():
    outcome = Outcome(
        Verdict.SCORED, "", 1.5, {"a": [1]}, {"b": None}, (Point(1.0, 0.5, {"loss": 2.0}),), Seconds(run=3.0), "c"
    )
    assert outcome_from_json(through_json(outcome)) == outcome


@pytest.mark.parametrize(("budget", "grace"), [(10, 2.0), (300, 6.0)])
def test_the_grace_is_two_seconds_or_two_percent(budget, grace):
    rules = Rules(Metric("m", Direction.MIN), budget)
    assert rules.grace_s == pytest.approx(grace)
    assert rules.deadline_s == pytest.approx(budget + grace)
    assert Rules(Metric("m", Direction.MIN), budget, kill_s=600).deadline_s == 600


def test_better_is_strict_and_follows_the_direction():
    assert Direction.MIN.better(1, 2)
    assert Direction.MAX.better(2, 1)
    assert not Direction.MIN.better(1, 1)


def test_a_notebook_shows_an_error_of_ours_as_one_plain_line():
    error = AutoloopError("there is no iteration 9\n of \x1b[31m<b>\r\u2028x: there are  1 to 8")
    assert error._render_traceback_() == ["AutoloopError: there is no iteration 9 of [31m<b> x: there are 1 to 8"]
