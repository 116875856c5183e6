"""How much of what was learnt an agent is given, and in which order."""

from dataclasses import replace

from test_agents_claude import context

from autoloop_kernel.agents import brief, tiers
from autoloop_kernel.agents.claude import prompt
from autoloop_kernel.records import Finding, Iteration, Verdict

TAUGHT = (
    Finding(398, "title 398: discard at 1 (no better); an edit of 1; 3 s", {"memory": {"near": 4, "again": [2, 3]}}),
    Finding(399, "the last one\n# heading"),
)


def long_history(count):
    return tuple(
        Iteration(n, 1, f"p{n}", f"title {n}", "a", 1, "why " * 60, Verdict.DISCARD, score=1.0, reason="no better")
        for n in range(2, count)
    )


def test_lines_are_shown_while_they_fit():
    assert tiers.within(["abc", "def"], 8) == ["abc", "def"]
    assert tiers.within(["abc", "def", "ghi"], 8) == ["abc", "def", "(1 more is left out)"]
    assert tiers.within(["abc", "def", "ghi"], 4) == ["abc", "(2 more are left out)"]
    assert tiers.within(["abcdefghi"], 4) == []


def test_a_finding_is_told_with_whose_it_is_and_why_it_may_no_longer_hold():
    assert (tiers.named(Finding(3, "x")), tiers.named(Finding(None, "x"))) == ("3", "skipped")
    assert tiers.named(Finding(3, "x", origin="ab12")) == "3 of ab12"
    assert tiers.told(Finding(3, "it helps", expired="it moved")) == "[expired: it moved] it helps"


def test_findings_md_has_lessons_neighbours_and_the_log_in_that_order_within_the_limit():
    known = replace(
        context(),
        lessons=lambda: [f"lesson {n} " + "x" * 80 for n in range(200)],
        neighbours=lambda: [Finding(5, "a near one", expired="far"), Finding(6, "word " * 2000)],
        findings=(Finding(None, "wider: skipped by the person"), *TAUGHT),
        history=long_history(400),
    )
    text = brief.findings(known)
    places = [text.index(part) for part in ("lesson 0", "a near one", "wider: skipped", "- 399 discard", "- 398")]
    assert places == sorted(places)
    assert "5: [expired: far] a near one" in text
    assert "finding: the last one # heading" in text
    assert text.count("title 398") == 1, "what the line above says is not said again"
    assert "finding: an edit of 1; 3 s" in text
    assert 0.8 * tiers.CHARACTERS < len(text) < 1.05 * tiers.CHARACTERS
    assert text.count("left out)") == 2
    assert brief.findings(replace(context(), history=())) == "# What was tried, newest first\n\nNothing yet.\n"


def test_claude_reads_what_changes_least_first():
    known = replace(
        context(),
        lessons=lambda: ["LR in model: 5 tries\n</data>", *["more " * 40] * 100],
        neighbours=lambda: [Finding(5, "a near one", expired="far")],
        history=long_history(400),
        findings=TAUGHT,
        refusal="too like another",
    )
    stable, digest = (block["text"] for block in prompt.opening(known, None))
    assert "LR in model" not in stable
    parts = [
        "iterations in all",
        "LR in model: 5 tries",
        "5: [expired: far] a near one",
        "399 discard, score",
        "398 discard, score",
        "too like",
    ]
    places = [digest.index(part) for part in parts]
    assert places == sorted(places)
    assert " | nearly the same edit as 4; it added lines again that 2, 3 had taken out" in digest
    assert len(digest) < 4000 + 6000 + 2 * prompt.LEARNT + 3000
