import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from html_kit import HOSTILE, attempt, bare, detail, sound, with_iteration
from played import history, make_arena, reopen_epoch

from autoloop_kernel.records import Direction, Metric, Point, Rules, Verdict
from autoloop_kernel.session import open_session
from autoloop_kernel.views import detail as details
from autoloop_kernel.views.html import iteration


def html_of(known, **more):
    return iteration.bundle(known, **more)["text/html"]


def test_a_bundle_has_the_three_kinds_and_its_json_is_strict():
    bundle = iteration.bundle(detail())
    assert set(bundle) == {"application/vnd.autoloop.iteration+json", "text/html", "text/plain"}
    json.dumps(bundle, allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_the_html_says_all_that_there_is_to_say():
    text = sound(html_of(detail(), champion=7)).text
    for said in (
        "7 · gate the values",
        "by search · on 3 · game",
        "○ keep",
        "provisional, the champion",
        "0.5000",
        "distance (m, lower is better)",
        "−0.2500",
        "better than 3 (0.7500; −33.3 %)",
        "0.25 better than iteration 3",
        "Deeper layers lose what the embedding knew.",
        "Refuted if the curve lies above.",
        "steps 16 (+4)",
        "name <wide>",
        "recorded distance 0.5",
        "propose 0.1 s",
        "game_runs/0007/iteration.ipynb",
        "epoch 2 <done>",
        "log, the last 2 lines",
        "X = 0.5",
    ):
        assert said in text, said


def test_the_html_reads_without_style_and_classes():
    page = sound(bare(html_of(detail())))
    marks = [each.strip() for each in page.text.splitlines()]
    assert any("-" in each and "X = 3.0" in each for each in marks)
    assert any("+" in each and "X = 0.5" in each for each in marks)
    for said in ("○ keep", "0.5000", "−0.2500", "steps 16 (+4)", "epoch 2 <done>"):
        assert said in page.text
    tags = [tag for tag, _ in page.tags]
    assert {"ins", "del", "details", "img"} <= set(tags)


def test_the_curve_is_a_picture_inside_the_page_that_says_what_it_shows():
    (image,) = [attributes for tag, attributes in sound(html_of(detail())).tags if tag == "img"]
    assert image["src"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert image["alt"] == "learning curve of iteration 7, beside iteration 3: loss 1.000 → 0.1250"


@pytest.mark.parametrize("curve", [(), (Point(0, 0.0, {}),), (Point(0, 0.0, {"loss": math.nan}),)])
def test_without_a_curve_there_is_no_picture(curve):
    assert "<img" not in html_of(detail(curve=curve))


def test_a_base_without_a_curve_leaves_one_curve():
    assert 'alt="learning curve of iteration 7: loss' in html_of(detail(base_curve=()))


@pytest.mark.parametrize("part", ["title", "hypothesis", "agent", "reason", "notebook"])
def test_hostile_words_are_shown_not_run(part):
    bundle = iteration.bundle(with_iteration(detail(), **{part: HOSTILE}))
    assert "<script>alert(1)</script></style>" in sound(bundle["text/html"]).text
    json.dumps(bundle, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert "\x1b" not in bundle["text/plain"]


def test_hostile_facts_sources_and_logs_are_shown_not_run():
    it = detail().iteration
    last = attempt(facts={HOSTILE: HOSTILE, "steps": math.nan, "deep": {"a": [HOSTILE]}}, extra={"x": math.inf})
    known = detail(
        iteration=replace(it, attempts=(last,)),
        before={"model": "X = 1", HOSTILE: "Y = 1"},
        after={"model": f"X = 1  # {HOSTILE}", HOSTILE: "Y = 2"},
        curve=(Point(0, 0.0, {HOSTILE: 1.0}), Point(1, 1.0, {HOSTILE: 0.5})),
        base_curve=(),
        log=HOSTILE,
        arena=HOSTILE,
    )
    bundle = iteration.bundle(known)
    sound(bundle["text/html"])
    json.dumps(bundle, allow_nan=False, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("score", [math.nan, math.inf, None])
def test_a_score_that_is_no_number_has_no_difference(score):
    known = with_iteration(detail(), score=score, verdict=Verdict.CRASH, state=None, reason="the score is no number")
    bundle = iteration.bundle(known)
    text = sound(bundle["text/html"]).text
    assert "× crash" in text
    assert "the score is no number" in text
    assert "than 3" not in text
    assert bundle[iteration.MIME]["score"] is None


def test_more_is_better_where_the_metric_says_so():
    rules = Rules(Metric("accuracy", Direction.MAX), 3.0)
    assert "worse than 3" in sound(html_of(detail(rules=rules))).text
    assert "better than 3" in sound(html_of(with_iteration(detail(rules=rules), score=0.875))).text


def test_scores_of_different_epochs_are_not_compared():
    text = sound(html_of(with_iteration(detail(), epoch=2))).text
    assert "of another epoch: their scores do not compare" in text
    assert "−0.2500" not in text


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (detail(base=None), "A baseline: the arena as it stood, with no base to differ from."),
        (detail(after={}), "No diff: the sources of iteration 7 are not in the lineage."),
        (
            with_iteration(detail(after={}), verdict=None),
            "No diff: the sources of iteration 7 are recorded when it ends.",
        ),
        (detail(before={}), "No diff: the sources of its base, iteration 3, are not in the lineage."),
        (detail(after={"model": "X = 3.0\nY = 1\n"}), "No diff: its sources are those of its base."),
    ],
)
def test_where_there_is_no_diff_it_says_why(known, said):
    bundle = iteration.bundle(known)
    assert said in sound(bundle["text/html"]).text
    assert said in bundle["text/plain"]
    assert bundle[iteration.MIME]["changes"] == []
    assert bundle[iteration.MIME]["diff"] == ""


def test_a_reason_that_only_repeats_the_title_is_not_said_twice():
    known = with_iteration(detail(base=None), title="baseline", reason="baseline")
    assert 'al-why"' not in html_of(known)


def test_what_is_missing_is_left_out():
    it = replace(detail().iteration, attempts=(), hypothesis=" ", reason="", seconds=type(detail().iteration.seconds)())
    known = detail(iteration=replace(it, time=0.0, commit=None), log="", curve=(), notebook=None, base=None)
    html = html_of(known)
    text = sound(html).text
    for absent in ("log,", "facts", "recorded", "seed", "notebook", "commit", "propose", "1970"):
        assert absent not in text, absent


def test_one_that_runs_says_so():
    text = sound(html_of(with_iteration(detail(), verdict=None, state=None, score=None, attempts=()))).text
    assert "◐ running" in text


def test_sixty_attempts_are_a_folded_table():
    attempts = tuple(attempt(n, n, reason=HOSTILE if n == 5 else "") for n in range(1, 61))
    page = sound(html_of(with_iteration(detail(), attempts=attempts)))
    assert "60 attempts" in page.text
    assert sum(tag == "tr" for tag, _ in page.tags) >= 61
    assert ("details", {"class": "al-fold", "open": None}) not in page.tags
    assert "60 screen" in page.text


def test_a_few_attempts_are_an_open_table():
    known = with_iteration(detail(), attempts=(attempt(1), attempt(2, 2, reason="again")))
    page = sound(html_of(known))
    assert ("details", {"class": "al-fold", "open": None}) in page.tags
    assert "again" in page.text


def test_the_json_is_the_row_of_show_with_the_changes():
    row = iteration.bundle(detail())[iteration.MIME]
    assert row["number"] == 7
    assert row["changes"] == [{"unit": "model", "before": "X = 3.0\nY = 1\n", "after": "X = 0.5\nY = 1\n"}]
    assert row["arena"] == "game"
    assert row["metric"] == {"name": "distance", "direction": "min", "unit": "m", "target": None, "grade": "sealed"}
    assert row["diff"].startswith("--- model\titeration 3")
    assert len(row["curve"]) == 8


def test_brief_is_one_line_with_the_same_json():
    bundle = iteration.brief(detail(), champion=7)
    assert set(bundle) == {iteration.MIME, "text/plain"}
    assert bundle["text/plain"] == "7 · gate the values: ○ keep, distance 0.5000, −0.2500 against 3, the champion"
    assert bundle[iteration.MIME] == iteration.bundle(detail())[iteration.MIME]
    hostile = iteration.brief(with_iteration(detail(), title=HOSTILE))["text/plain"]
    assert "\n" not in hostile
    assert "\x1b" not in hostile
    hostile.encode("utf-8")


def test_real_iterations_show_themselves(tmp_path: Path):
    path = make_arena(tmp_path)
    history(path)
    reopen_epoch(path)
    with open_session(path) as session:
        champion = session.champion()
        for number in range(1, 7):
            known = details.gather(session, number)
            page = sound(html_of(known, champion=champion.number if champion else None))
            assert f"{number} · " in page.text
        crash = iteration.bundle(details.gather(session, 3))
        assert "ValueError: no such shape in cell model" in sound(crash["text/html"]).text
        kept = sound(html_of(details.gather(session, 5))).text
        assert "X = 0.5" in kept
        assert "better than 4" in kept
        first = sound(html_of(details.gather(session, 6))).text
        assert "A baseline" in first
