"""How things stand, as JSON and as text."""

import io
from dataclasses import replace

import pytest
from loop_kit import Machine, make_sealed_arena, play, scored, x
from rich.console import Console
from test_views_words import iteration

from autoloop_kernel.confirming import confirmed
from autoloop_kernel.loop import Loop
from autoloop_kernel.records import Direction, Event, Metric, Record, Sharing, Taken, Verdict
from autoloop_kernel.session import open_session
from autoloop_kernel.views import status

METRIC = Metric("loss", Direction.MIN)
TOTALS = {Verdict.CRASH: (1, 2.0), Verdict.KEEP: (2, 30.0), Verdict.DISCARD: (1, 8.0)}
DRIVER = status.Driver(4711, "box", 0.0)


def event(seq, kind, iteration=None, **data):
    return Event(seq, 100.0 + seq, kind, iteration, None, data)


def gathered(driver=DRIVER, flying=None, events=()):
    last = {e.kind: e for e in events}
    return status.gather("game", METRIC, driver, TOTALS, flying, iteration(4, 1.0), iteration(1, 3.0), 1, last)


def test_the_state_is_the_last_word_since_the_driver_started():
    start = event(5, "driver.start", agents=["search"])
    for events, state in [
        ([start], "running"),
        ([event(3, "pause"), start], "running"),
        ([start, event(6, "pause")], "paused"),
        ([start, event(6, "pause"), event(7, "resume")], "running"),
        ([start, event(6, "stopping")], "stopping"),
    ]:
        assert gathered(events=events).state == state
    assert gathered(driver=None, events=[start, event(6, "pause")]).state == "idle"


def test_the_row_has_what_programs_ask_for():
    flying = iteration(5, verdict=None)
    row = status.row(gathered(flying=flying, events=[event(5, "driver.start"), event(9, "phase", 5, phase="running")]))
    assert row["driver"] == {"pid": 4711, "host": "box"}
    assert row["iteration"] == {"number": 5, "title": "t5", "agent": "a", "phase": "running"}
    assert row["champion"] == {"number": 4, "score": 1.0}
    assert row["baseline"] == {"number": 1, "score": 3.0}
    assert list(row["counts"].items()) == [("keep", 2), ("discard", 1), ("crash", 1)]
    assert row["rate_per_hour"] == 360.0
    assert row["seconds"] == 40.0
    empty = status.row(status.gather("game", METRIC, None, {}, None, None, None, None, {}))
    assert (empty["state"], empty["driver"], empty["champion"], empty["rate_per_hour"]) == ("idle", None, None, None)


def printed(found, now=120.0):
    out = io.StringIO()
    Console(file=out, width=80, highlight=False).print(status.text(found, now))
    return out.getvalue()


def test_the_text_says_who_drives_what_runs_and_where_it_stands():
    flying = iteration(5, verdict=None)
    events = [event(5, "driver.start", agents=["search", "mine"]), event(9, "phase", 5, phase="running")]
    text = printed(gathered(flying=flying, events=events))
    assert "running: process 4711 on box, search + mine" in text
    assert "◐ 5 · t5  running for 11.0 s" in text
    assert "loss 1.000, iteration 4; baseline 3.000 (−66.7 %)" in text
    assert "4 in epoch 1: 2 ○ keep, 1 · discard, 1 × crash" in text
    assert "360 an hour; 40.0 s spent" in text


def test_an_interrupted_iteration_is_not_called_running():
    text = printed(gathered(driver=None, flying=iteration(5, verdict=None)))
    assert "idle: nothing is running" in text
    assert "interrupted: the next start runs it again" in text


def test_several_agents_are_told_by_what_they_earned():
    both = {"search": Record(40, 2.5, 0.12, 600.0), "claude": Record(1, 0.0, 0.0, 15.0, 0.214)}
    found = replace(gathered(), records=both)
    text = printed(found)
    assert "search: 40 runs, keeps worth 2.5, gained 0.12" in text
    assert "claude: 1 run, 15.0 s, $0.21" in text
    assert status.row(found)["agents"]["claude"]["dollars"] == 0.214
    assert "40 runs" not in printed(replace(found, records={"search": both["search"]}))


def test_what_fresh_runs_say_of_the_champion_stands_below_it(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as session:
        play(session, (None, scored(3.0)), (x(2.0), scored(2.0)))
        metric = session.arena.rules.metric
        before = printed(status.read(session.ledger, "game", metric))
        assert "Provisional: no fresh run has confirmed it yet." in " ".join(before.split())
        confirmed(Loop(session, Machine(*map(scored, [2.12, 3.0, 2.08, 3.01, *[2.1, 3.0] * 6]))), 2)
        found = status.read(session.ledger, "game", metric)
        assert "Confirmed: it gains +0." in printed(found)
        assert "1 ● confirmed" in printed(found)
        row = status.row(found)["champion"]
        assert (row["number"], row["state"], row["screened"]) == (2, "confirmed", 1.0)
        assert row["gain"]["low"] < row["gain"]["mean"] < row["gain"]["high"]
        assert row["total"]["mean"] == pytest.approx(0.9, abs=0.05)
        assert row["held_out"] is None


def test_one_line_says_with_whom_is_shared_and_what_came():
    assert status.row(gathered())["sharing"] is None
    assert "shared" not in printed(gathered())
    live = Sharing("x.git", 100.0, 12, 60.0, 40, 110.0, 2)
    assert "shared  over x.git: 12 sent (60.0 s ago), 40 taken in from 2 others (10.0 s ago)" in printed(
        replace(gathered(), sharing=live)
    )
    by_hand = replace(gathered(), sharing=Sharing(pulled=1, origins=1))
    assert "shared  1 taken in from 1 other " in printed(by_hand)
    failing = replace(gathered(), sharing=replace(live, trouble="git push failed (no route)"))
    assert "git push failed (no route)" in " ".join(printed(failing).split())
    whose = (Taken("7ecff155ab12", 3, 6, "LR up", "claude", 0.4, "confirmed"), Taken("0123456789ab", 1))
    told = printed(replace(gathered(), sharing=replace(live, whose=whose)))
    assert "7ecff155: 3 findings, 1 champion (6, 0.4000, confirmed, by claude)" in told
    assert "01234567: 1 finding" in [line.strip() for line in told.splitlines()]
    row = status.row(failing)["sharing"]
    assert (row["remote"], row["pushed"], row["pulled"], row["origins"]) == ("x.git", 12, 40, 2)
