"""`autoloop findings`, and what `status` says of the memory."""

import json

import pytest
from loop_kit import make_sealed_arena, play, scored
from test_memory_remembering import model

from autoloop_kernel.records import Proposal
from autoloop_kernel.session import open_session


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    path = make_sealed_arena(tmp_path_factory.mktemp("arena"))
    with open_session(path) as session:
        play(session, (None, scored(3.0)), (model(2.0, "WARMUP = 10"), scored(2.0)), (model(1.0), scored(1.0)))
        play(session, (model(0.5, "WARMUP = 10"), scored(1.5)))
        session.ledger.avoid(1, "k", "p", 2)
    return path


def test_findings_about_something_as_text_and_json(called, arena):
    assert "play 1: keep at 2" in called("findings", arena, "warmup")
    rows = json.loads(called("findings", arena, "warmup", "--json", "-n", "2"))
    assert len(rows) == 2
    assert set(rows[0]) == {"iteration", "origin", "text", "expired", "numbers"}
    assert {row["iteration"] for row in json.loads(called("findings", arena, "warmup", "--json"))} == {2, 3, 4}
    assert called("findings", arena, "zebra").strip() == "game.ipynb has no finding about 'zebra'"
    assert json.loads(called("findings", arena, "zebra", "--json")) == []


def test_a_part_of_chinese_words_is_found(called, tmp_path):
    path = make_sealed_arena(tmp_path)
    with open_session(path) as session:
        play(session, (None, scored(3.0)), (model(2.0), scored(2.0)))
        session.ledger.propose(Proposal("再降学习率试试", model(1.0), "先增加预热步数", "a", 1, "p1"), 1, review=True)
        session.ledger.refuse("p1", "skipped", "显存不足")
    for part in ("学习率", "预热", "显存"):
        (row,) = json.loads(called("findings", path, part, "--json"))
        assert row["text"] == "再降学习率试试: skipped by the person (显存不足)"


def test_the_latest_findings_without_a_question(called, arena):
    rows = json.loads(called("findings", arena, "--json", "-n", "3"))
    assert [row["iteration"] for row in rows] == [4, 3, 2]


def test_an_arena_that_has_not_run_has_none(called, tmp_path):
    fresh = make_sealed_arena(tmp_path)
    assert "has no iterations yet" in called("findings", fresh, "x", status=2)


def test_status_says_what_the_memory_was_good_for(called, arena):
    text = " ".join(called("status", arena).split())
    assert "1 evaluation avoided (25 %," in text
    assert "1 of 3 edits added deleted lines again (33 %)" in text
    memory = json.loads(called("status", arena, "--json"))["memory"]
    assert memory == {
        "avoided": 1,
        "avoided_share": 0.25,
        "avoided_seconds": 0.0,
        "avoided_by_others": 0,
        "edits": 3,
        "reintroduced": 1,
        "reintroduction_rate": pytest.approx(1 / 3),
        "near_repeats": 0,
    }
