import json
import math
from pathlib import Path

from html_kit import HOSTILE, attempt, bare, detail, sound, with_iteration
from played import history, make_arena, reopen_epoch

from autoloop_kernel.session import open_session
from autoloop_kernel.views import detail as details
from autoloop_kernel.views.html import comparison

A = with_iteration(detail(3, 1, after={"model": "X = 3.0\nY = 1\n"}), score=0.75, title="the older")
B = detail(7, 3)


def rows(html):
    """The words of each row of the table, in a sanitized page."""
    text = sound(bare(html)).text
    return [" ".join(each.split()) for each in text.split("\n") if each.strip()]


def test_a_comparison_has_the_three_kinds_and_its_json_is_strict():
    bundle = comparison.bundle(A, B)
    assert set(bundle) == {comparison.MIME, "text/html", "text/plain"}
    json.dumps(bundle, allow_nan=False)
    found = bundle[comparison.MIME]
    assert found["a"]["number"] == 3
    assert found["b"]["number"] == 7
    assert found["difference"] == -0.25
    assert found["comparable"] is True
    assert found["changes"] == [{"unit": "model", "before": "X = 3.0\nY = 1\n", "after": "X = 0.5\nY = 1\n"}]


def test_numbers_stand_side_by_side_with_their_difference():
    text = " | ".join(rows(comparison.bundle(A, B)["text/html"]))
    assert "3 and 7, side by side" in text
    assert "title | the older | gate the values" in text
    assert "verdict | ○ keep (provisional) | ○ keep (provisional)" in text
    assert "distance | 0.7500 | 0.5000 | −0.2500" in text
    assert "facts | steps | 16 | 16" in text


def test_the_diff_goes_from_a_to_b():
    lines = rows(comparison.bundle(A, B)["text/html"])
    assert any("-" in line and "X = 3.0" in line for line in lines)
    assert any("+" in line and "X = 0.5" in line for line in lines)
    assert "-X = 3.0\n+X = 0.5" in comparison.bundle(A, B)["text/plain"]
    assert "+X = 3.0" in comparison.bundle(B, A)["text/plain"]


def test_both_curves_are_in_one_picture():
    (image,) = [a for tag, a in sound(comparison.bundle(A, B)["text/html"]).tags if tag == "img"]
    assert image["alt"].startswith("learning curves of iterations 3 and 7; 3: loss 1.000 to 0.1250, 7: loss")


def test_one_curve_is_enough_and_none_is_no_picture():
    without = detail(3, 1, curve=())
    assert "<img" in comparison.bundle(without, B)["text/html"]
    assert "<img" not in comparison.bundle(without, detail(curve=()))["text/html"]


def test_scores_of_different_epochs_are_not_compared():
    bundle = comparison.bundle(with_iteration(A, epoch=1), with_iteration(B, epoch=2))
    assert "They are of different epochs (1 and 2): their scores do not compare." in sound(bundle["text/html"]).text
    assert "their scores do not compare" in bundle["text/plain"]
    assert bundle[comparison.MIME]["difference"] is None
    assert bundle[comparison.MIME]["comparable"] is False
    assert "−0.2500" not in bundle["text/html"]


def test_the_same_sources_are_said_to_be_the_same():
    bundle = comparison.bundle(B, B)
    assert "The sources of iterations 7 and 7 are the same." in sound(bundle["text/html"]).text
    assert "are the same" in bundle["text/plain"]


def test_missing_sources_are_said_to_be_missing():
    bundle = comparison.bundle(A, detail(after={}))
    assert "No diff: the sources of iteration 7 are not in the lineage." in sound(bundle["text/html"]).text
    assert bundle[comparison.MIME]["changes"] == []


def test_a_baseline_and_one_without_attempts_compare():
    bundle = comparison.bundle(detail(1, None), with_iteration(B, attempts=(), score=math.nan))
    text = " | ".join(rows(bundle["text/html"]))
    assert "base | none: a baseline | 3" in text
    assert "steps | 16 | –" in text
    assert "distance | 0.5000 | –" in text
    json.dumps(bundle, allow_nan=False)


def test_hostile_words_are_shown_not_run():
    hostile = with_iteration(
        detail(9, 3, arena=HOSTILE, after={HOSTILE: HOSTILE}),
        title=HOSTILE,
        agent=HOSTILE,
        state="provisional",
        attempts=(attempt(facts={HOSTILE: HOSTILE}),),
    )
    bundle = comparison.bundle(hostile, hostile)
    assert "<script>alert(1)</script></style>" in sound(bundle["text/html"]).text
    sound(comparison.bundle(A, hostile)["text/html"])
    json.dumps(bundle, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert "\x1b" not in bundle["text/plain"]


def test_played_iterations_compare(tmp_path: Path):
    path = make_arena(tmp_path)
    history(path)
    reopen_epoch(path)
    with open_session(path) as session:
        known = {number: details.gather(session, number) for number in range(1, 7)}
    text = " | ".join(rows(comparison.bundle(known[4], known[5])["text/html"]))
    assert "| loss | 1.000 | 0.500 | −0.500" in text
    assert "different epochs" in comparison.bundle(known[5], known[6])["text/plain"]
    assert "× crash" in comparison.bundle(known[3], known[5])["text/plain"]
