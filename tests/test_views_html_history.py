import json
import math
import pickle
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from html_kit import HOSTILE, bare, sound
from played import history as play_history
from played import make_arena, reopen_epoch

from autoloop_kernel.records import Direction, Iteration, Metric, Seconds, Verdict
from autoloop_kernel.session import open_session
from autoloop_kernel.views.html import history
from autoloop_kernel.views.tables import Unrun

METRIC = Metric("distance", Direction.MIN)


def story(count=6, epoch=1, first=1):
    """A baseline, then discards with a keep every third time and one crash."""
    made = []
    for number in range(first, first + count):
        verdict = Verdict.KEEP if (number - first) % 3 == 0 else Verdict.DISCARD
        score, reason = 100.0 - number if verdict is Verdict.KEEP else 100.0 + number, ""
        if number == first + 4:
            verdict, score, reason = Verdict.CRASH, None, "ValueError: <no>"
        base = None if number == first else first
        made.append(
            Iteration(
                number, epoch, f"p{number}", f"idea {number}", "search", base, "", verdict,
                "provisional" if verdict is Verdict.KEEP else None, score, reason,
                seconds=Seconds(total=1.5), time=1_700_000_000.0 + number,
            )
        )  # fmt: skip
    return made


def test_a_history_names_the_lines_of_agents_where_there_are_some():
    plain = history.html(story(), METRIC)
    on_lines = [replace(it, island="search@refine" if it.number == 3 else "") for it in story()]
    assert ">island</th>" not in plain
    assert ">island</th>" in (told := history.html(on_lines, METRIC))
    assert told.count("search@refine") == 1


def test_a_history_has_the_three_kinds_and_its_json_is_strict():
    bundle = history.bundle(story(), METRIC, 4)
    assert set(bundle) == {history.MIME, "text/html", "text/plain"}
    json.dumps(bundle, allow_nan=False)
    assert [row["number"] for row in bundle[history.MIME]["rows"]] == [1, 2, 3, 4, 5, 6]
    assert bundle[history.MIME]["champion"] == 4


def test_rows_say_what_the_log_says_newest_last():
    page = sound(bare(history.bundle(story(), METRIC, 4)["text/html"]))
    rows = [" ".join(each.split()) for each in page.text.split("\n") if each.strip()]
    text = " | ".join(rows)
    assert "1 | ○ keep | 99.0 | idea 1 | search | 1.5" in text
    assert "2 | · discard | 102.0 | +3.0 | idea 2 | search | 1.5" in text
    assert "4 | ○ keep | 96.0 | −3.0 | idea 4 ◂ champion | search | 1.5" in text
    assert "5 | × crash | idea 5 – ValueError: <no> | search | 1.5" in text
    assert text.index("idea 1") < text.index("idea 6")
    assert "best distance 96.0, iteration 4; baseline 99.0 (−3.0 %)" in text
    assert sum(attributes.get("scope") == "col" for _, attributes in page.tags) == 7


def test_the_champion_is_the_one_marked_row():
    tags = sound(history.bundle(story(), METRIC, 4)["text/html"]).tags
    assert [a for tag, a in tags if tag == "tr" and a.get("class") == "al-champion"] == [{"class": "al-champion"}]


def test_epochs_stand_apart_and_say_what_opened_them():
    both = story() + story(3, 2, 7)
    html = history.bundle(both, METRIC, 7, why={2: "the <budget> changed"})["text/html"]
    page = sound(html)
    assert sum(tag == "table" for tag, _ in page.tags) == 2
    assert "epoch 2: the <budget> changed" in page.text
    assert page.text.index("epoch 1") < page.text.index("idea 6") < page.text.index("epoch 2")


def test_of_a_long_history_the_older_part_is_left_out_and_it_says_so():
    long = story(1500)
    bundle = history.bundle(long, METRIC, 1)
    page = sound(bundle["text/html"])
    assert "The first 1,300 iterations are left out" in page.text
    assert sum(tag == "tr" for tag, _ in page.tags) == 201
    assert "the first 1,300 iterations are left out" in bundle["text/plain"]
    assert len(bundle[history.MIME]["rows"]) == 1000
    assert bundle[history.MIME]["rows"][-1]["number"] == 1500
    assert bundle[history.MIME]["total"] == 1500
    last = page.text[page.text.index("idea 1499") :]
    assert "+1501" in last.replace(",", ""), "the base is left out of the table, not its score"


def test_proposals_that_never_ran_stand_where_they_came_in():
    unrun = [Unrun("skipped", "too bold", "claude", HOSTILE, 1_700_000_002.5, 1, 1)]
    bundle = history.bundle(story(), METRIC, 4, unrun)
    text = sound(bundle["text/html"]).text
    assert text.index("idea 2") < text.index("too bold") < text.index("idea 3")
    assert "– skipped" in text
    json.dumps(bundle, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert bundle[history.MIME]["unrun"][0]["verdict"] == "skipped"


def test_an_empty_history_says_so():
    bundle = history.bundle([], METRIC)
    assert "no iterations yet" in sound(bundle["text/html"]).text
    assert "no iterations yet" in bundle["text/plain"]
    only = history.bundle([], METRIC, unrun=[Unrun("invalid", "x", "a", "no", 1.0)])
    assert "– invalid" in sound(only["text/html"]).text


def test_hostile_words_are_shown_not_run():
    it = story(1)[0]
    hostile = [Iteration(**{**vars(it), "title": HOSTILE, "agent": HOSTILE, "score": math.nan})]
    hostile += [Iteration(**{**vars(it), "number": 2, "verdict": Verdict.CRASH, "reason": HOSTILE, "score": math.inf})]
    bundle = history.bundle(hostile, Metric(HOSTILE, Direction.MAX, HOSTILE), 1, why={1: HOSTILE})
    assert "<script>alert(1)</script></style>" in sound(bundle["text/html"]).text
    json.dumps(bundle, allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_a_played_history_shows_itself(tmp_path: Path):
    path = make_arena(tmp_path)
    play_history(path)
    reopen_epoch(path)
    with open_session(path) as session:
        iterations = session.ledger.iterations()
    page = sound(history.bundle(iterations, METRIC, 6)["text/html"])
    assert "epoch 2" in page.text
    assert "ValueError: no such shape in cell model" in page.text


def test_the_frame_holds_the_numbers_with_their_types():
    frame = history.frame(story(), "<p>rich</p>")
    assert isinstance(frame, pandas.DataFrame)
    assert frame.index.name == "number"
    assert list(frame.index) == [1, 2, 3, 4, 5, 6]
    assert list(frame.columns) == [
        "base", "verdict", "state", "score", "difference", "title", "agent", "seconds", "epoch", "reason", "time",
    ]  # fmt: skip
    assert frame.loc[4, "difference"] == -3.0
    assert math.isnan(frame.loc[5, "score"])
    assert frame.loc[2, "base"] == 1
    assert frame["base"].isna().tolist() == [True, False, False, False, False, False]
    assert frame["score"].min() == 96.0
    assert frame.loc[1, "time"] == pandas.Timestamp(1_700_000_001, unit="s", tz="UTC")


def test_the_frame_brings_its_record_as_long_as_it_is_as_it_was():
    record = {"rows": []}
    frame = history.frame(story(), "<p>rich</p>", record)
    assert frame._repr_mimebundle_() == {history.MIME: record}
    assert not hasattr(frame.head(2), "_repr_mimebundle_")
    frame.loc[1, "score"] = 0.5
    assert frame._repr_mimebundle_() == {}
    assert history.frame(story(), "<p>rich</p>")._repr_mimebundle_() == {}


def test_the_frame_shows_the_rich_table_and_what_is_made_of_it_does_not():
    frame = history.frame(story(), "<p>rich</p>")
    assert frame._repr_html_() == "<p>rich</p>"
    for derived in (
        frame.head(2),
        frame[frame["verdict"] == "keep"],
        frame.sort_values("score"),
        frame[["score"]],
        frame.copy(),
        frame.groupby("verdict")[["score"]].mean(),
        frame.reset_index(),
        pickle.loads(pickle.dumps(frame)),
        pandas.concat([frame, frame]),
    ):
        assert type(derived) is pandas.DataFrame
        assert "rich" not in derived._repr_html_()


def test_a_frame_that_was_changed_in_place_shows_what_it_holds():
    frame = history.frame(story(), "<p>rich</p>")
    frame["score"] = frame["score"] * 2
    assert "rich" not in frame._repr_html_()
    assert "192" in frame._repr_html_()


@pytest.mark.parametrize("made", [[], story(1)])
def test_a_short_history_makes_a_frame(made):
    frame = history.frame(made, "<p>rich</p>")
    assert len(frame) == len(made)
    assert str(frame["time"].dtype).startswith("datetime64[")
    assert frame._repr_html_() == "<p>rich</p>"


def test_an_iteration_without_a_time_has_none_in_the_frame():
    it = story(1)[0]
    frame = history.frame([Iteration(**{**vars(it), "time": 0.0, "verdict": None})], "")
    assert frame["time"].isna().all()
    assert frame.loc[1, "verdict"] is None


def test_a_large_history_makes_a_frame():
    assert len(history.frame(story(10_000), "")) == 10_000
