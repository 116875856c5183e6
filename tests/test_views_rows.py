"""The JSON of the command line: the contract's fields, and never a NaN."""

import json
import math

import numpy as np

from autoloop_kernel.records import Attempt, Iteration, Kind, Point, Seconds, Verdict
from autoloop_kernel.views import rows
from autoloop_kernel.views.tables import Unrun

IT = Iteration(
    number=4,
    epoch=1,
    proposal="p4",
    title="LR up",
    agent="search",
    base=1,
    hypothesis="It helps.",
    verdict=Verdict.KEEP,
    state="provisional",
    score=2.5,
    attempts=(
        Attempt(1, 77, Kind.SCREEN, Verdict.SCORED, 2.5, facts={"tokens": math.inf}, extra={"stderr": 0.1}),
        Attempt(2, 78, Kind.REPLICATE, Verdict.CRASH, math.nan, "boom"),
    ),
    seconds=Seconds(0.1, 0.2, 15.0, 0.3, 15.8),
    notebook="a_runs/0004/iteration.ipynb",
    commit="ab" * 20,
)
CONTRACT = [
    "number",
    "base",
    "verdict",
    "state",
    "score",
    "title",
    "agent",
    "attempts",
    "seconds",
    "notebook",
    "commit",
    "reason",
    "epoch",
]


def test_a_row_of_the_log_has_the_contract_s_fields():
    row = json.loads(rows.dumps([rows.iteration_row(IT)]))[0]
    assert list(row) == CONTRACT
    assert row["verdict"] == "keep"
    assert row["attempts"] == [
        {"seed": 77, "score": 2.5, "verdict": "scored"},
        {"seed": 78, "score": None, "verdict": "crash"},
    ]
    assert row["seconds"] == {"propose": 0.1, "start": 0.2, "run": 15.0, "score": 0.3, "total": 15.8}


def test_a_proposal_that_never_ran_has_the_same_fields_and_no_number():
    row = rows.unrun_row(Unrun("duplicate", "LR up", "search", "ran before as 4", 1.0, 1, 4))
    assert list(row) == CONTRACT
    assert (row["number"], row["verdict"], row["reason"], row["base"]) == (None, "duplicate", "ran before as 4", 4)


def test_show_adds_what_the_log_leaves_out_and_holds_no_nan():
    text = rows.dumps(rows.show_row(IT, "--- a\n", [Point(1, 0.5, {"loss": math.nan})]))
    assert "NaN" not in text
    assert "Infinity" not in text
    row = json.loads(text)
    assert set(CONTRACT) < set(row)
    assert row["curve"] == [{"step": 1, "seconds": 0.5, "numbers": {"loss": None}}]
    assert row["hypothesis"] == "It helps."
    assert row["diff"] == "--- a\n"
    assert [a["kind"] for a in row["attempts"]] == ["screen", "replicate"]


def test_lists_are_one_item_a_line_and_odd_values_become_text():
    assert rows.dumps([]) == "[]"
    assert rows.dumps([{"a": 1}, {"a": math.nan}]) == '[\n{"a": 1},\n{"a": null}\n]'
    assert json.loads(rows.dumps({"a": np.float32(1.5), "b": (1, None, True)})) == {"a": "1.5", "b": [1, None, True]}
