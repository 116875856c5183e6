"""The bundled arena `ralph`: the finished tool passes both suites, and who has not built it gains nothing."""

import json

import pytest
from ralph_steps import FIELDS, MAIN, STEPS, complete
from template_kit import copy_of

from autoloop_kernel.agents.constants import constants
from autoloop_kernel.arena.templates import templates
from autoloop_kernel.records import Kind

SEALED = next(template.path for template in templates() if template.name == "ralph").with_suffix("") / "sealed"
SUITE, HOLDOUT = (json.loads((SEALED / f"ralph_{part}.json").read_text()) for part in ("suite", "holdout"))
READS = "from pathlib import Path\n\nCASES = Path('sealed/ralph_suite.json').read_text()\n"
STUBBORN = "def run(line):\n    return 'error'\n"
LISTED = "ANSWERS = {answers}\n\n\ndef run(line):\n    return ANSWERS.get(line, 'error')\n"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    yield from copy_of("ralph", tmp_path_factory.mktemp("ralph"))


def test_the_finished_tool_passes_both_suites_and_the_first_one_few_cases(copy):
    built = complete(copy.arena.sources)
    baseline, again, best = copy(), copy(seed=2), copy(built)
    assert baseline.score == again.score == pytest.approx(13 / 94), "nothing is random"
    assert best.score == 1.0
    assert set(best.extra.items()) >= {(case["group"], 1.0) for case in SUITE} | {("cases", 94)}
    assert baseline.extra["numbers"] == pytest.approx(3 / 7, abs=0.001)
    assert baseline.extra["names"] == 0
    assert copy(built, kind=Kind.HOLDOUT).score == 1.0
    assert copy(kind=Kind.HOLDOUT).score < 0.25


def test_a_list_of_answers_helps_with_no_other_question(copy):
    answers = LISTED.format(answers={case["input"]: case["output"] for case in SUITE})
    assert copy({MAIN: answers}).score == 1.0, "whoever had the cases"
    errors = sum(case["output"] == "error" for case in HOLDOUT)
    assert copy({MAIN: answers}, kind=Kind.HOLDOUT).score == pytest.approx(errors / len(HOLDOUT))
    assert errors / len(HOLDOUT) < copy(kind=Kind.HOLDOUT).score


def test_the_suite_cannot_be_read_and_one_answer_to_all_is_worth_less_than_the_first_tool(copy):
    assert "No such file" in copy.refusal({MAIN: READS + copy.source(MAIN)})
    assert copy({MAIN: STUBBORN}).score == pytest.approx(8 / 94), "the first tool passes 13"


def test_an_exception_fails_its_case_alone_and_an_import_that_fails_is_no_tool(copy):
    unhappy = copy({MAIN: copy.source(MAIN, ('line.split(" ", 3)', 'line.split(" ", 3 if "9" in line else 9)'))})
    assert 0 < unhappy.score < 13 / 94
    assert "ImportError" in copy.refusal({FIELDS: copy.source(FIELDS, ("def read(", "def reads("))})


def test_the_suites_are_large_apart_and_grouped_alike():
    assert len(SUITE) >= 60 <= len(HOLDOUT)
    assert not {case["input"] for case in SUITE} & {case["input"] for case in HOLDOUT}
    assert {case["group"] for case in SUITE} == {case["group"] for case in HOLDOUT}
    for case in [*SUITE, *HOLDOUT]:
        times = [line for line in case["output"].splitlines() if line not in ("never", "error")]
        assert times == sorted(set(times))
        assert all(time > case["input"].split()[2].rstrip(":") for time in times), case
        if case["output"] != "error":
            assert len(case["output"].splitlines()) <= int(case["input"].split()[0])


def test_the_search_agent_has_something_to_turn(copy):
    found = {name for _, name in constants(copy.arena.sources, list(copy.arena.sources))}
    assert found == {"LAST_INCLUDED", "STEPS_FROM_FIRST", "FIRST_MINUTE", "MONDAY", "EITHER_DAY", "YEARS_AHEAD"}
    assert len({title for title, _ in STEPS}) == len(STEPS) == 8
