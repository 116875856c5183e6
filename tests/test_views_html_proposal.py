import json

import pytest
from html_kit import HOSTILE, bare, sound

from autoloop_kernel.memory.rows import ProposalRow
from autoloop_kernel.records import Proposal
from autoloop_kernel.views.html import proposal

BEFORE = {"model": "X = 3.0\nY = 1\n", "other": "Z = 1\n"}


def row(status="waiting", reason="", iteration=None, **changes):
    given = {"title": "halve X", "units": {"model": "X = 1.5\nY = 1\n"}, "hypothesis": "It may help."}
    made = Proposal(**{**given, "agent": "search", "base": 4, "id": "p8", **changes})
    return ProposalRow("p8", made, status, reason, 1_700_000_000.0, 1, iteration)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (row(), "waits for review"),
        (row("accepted"), "accepted, runs next"),
        (row("pending"), "in the queue"),
        (row("skipped", "too slow\nby far"), "skipped: too slow by far"),
        (row("invalid", "it does not parse"), "invalid: it does not parse"),
        (row("duplicate", "ran before as iteration 1"), "duplicate: ran before as iteration 1"),
        (row("ran", iteration=7), "ran as iteration 7"),
        (row("something\nnew"), "something new"),
    ],
)
def test_where_it_stands_is_said_in_words(given, said):
    assert proposal.status(given) == said
    bundle = proposal.bundle(given, BEFORE, "game", None)
    assert said in sound(bundle["text/html"]).text
    assert said in bundle["text/plain"]


def test_it_shows_head_hypothesis_and_diff():
    bundle = proposal.bundle(row(), BEFORE, "game", 9, champion=4)
    text = sound(bare(bundle["text/html"])).text
    for said in ("9 · halve X", "by search · on 4 (champion) · game", "It may help."):
        assert said in text
        assert said in bundle["text/plain"]
    lines = text.splitlines()
    assert any("-" in line and "X = 3.0" in line for line in lines)
    assert any("+" in line and "X = 1.5" in line for line in lines)
    assert "-X = 3.0\n+X = 1.5" in bundle["text/plain"]
    assert "Z = 1" not in text


def test_one_that_ran_has_its_own_number():
    bundle = proposal.bundle(row("ran", iteration=7), BEFORE, "game", 9)
    assert "7 · halve X" in sound(bundle["text/html"]).text
    assert bundle[proposal.MIME]["number"] == 7


def test_one_without_a_number_has_none():
    bundle = proposal.bundle(row("skipped", "no"), BEFORE, "game", None)
    assert bundle["text/plain"].startswith("halve X\n")
    assert bundle[proposal.MIME]["number"] is None


def test_the_json_is_strict_and_holds_the_changes():
    found = proposal.bundle(row(), BEFORE, "game", 9)[proposal.MIME]
    json.dumps(found, allow_nan=False)
    assert found["changes"] == [{"unit": "model", "before": BEFORE["model"], "after": "X = 1.5\nY = 1\n"}]
    assert {key: found[key] for key in ("id", "status", "base", "agent", "arena")} == {
        "id": "p8",
        "status": "waiting",
        "base": 4,
        "agent": "search",
        "arena": "game",
    }


def test_one_that_changes_nothing_says_so():
    bundle = proposal.bundle(row(units={"model": BEFORE["model"]}), BEFORE, "game", None)
    assert "changes nothing of its base" in sound(bundle["text/html"]).text
    assert "changes nothing of its base" in bundle["text/plain"]


def test_hostile_words_are_shown_not_run():
    given = row("skipped", HOSTILE, title=HOSTILE, hypothesis=HOSTILE, agent=HOSTILE, units={HOSTILE: HOSTILE})
    bundle = proposal.bundle(given, BEFORE, HOSTILE, 9)
    assert sound(bundle["text/html"]).text.count("<script>alert(1)</script></style>") >= 4
    json.dumps(bundle, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert "\x1b" not in bundle["text/plain"]


def test_a_proposal_without_a_title_or_a_base_has_a_head():
    bundle = proposal.bundle(row(title=" \n", base=None, hypothesis=""), BEFORE, "game", None)
    text = sound(bundle["text/html"]).text
    assert "a proposal without a title" in text
    assert "on None" not in text
