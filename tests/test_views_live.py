"""The live display: what it says of each event, and that it follows a ledger that another connection writes."""

import io
import re
import time

import pytest
from played import crashed, make_arena, play, scored
from rich.console import Console

from autoloop_kernel.records import Direction, Event, Metric, Rules
from autoloop_kernel.session import LEDGER, open_session
from autoloop_kernel.views.live import following
from autoloop_kernel.views.scene import Scene

RULES = Rules(Metric("val_bpb", Direction.MIN), 15.0)


def tell(scene, *told):
    lines = []
    for seq, (kind, iteration, data) in enumerate(told):
        lines += [line.plain for line in scene.apply(Event(seq, 1000.0 + seq, kind, iteration, 1, data))]
    return lines


def shown(scene, now=1010.0, width=80):
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(scene.panel(now))
    return out.getvalue()


def test_an_iteration_is_two_lines_with_its_difference_to_the_best():
    scene = Scene("tiny", RULES, best=2.997, best_number=1)
    lines = tell(
        scene,
        ("driver.start", None, {}),
        ("propose.start", None, {"agent": "search"}),
        ("iteration.start", 3, {"title": "LR 1e-3 → 2e-3"}),
        ("attempt.start", 3, {"attempt": 1, "kind": "screen"}),
        ("phase", 3, {"phase": "running"}),
        ("report", 3, {"step": 10, "seconds": 2.5, "numbers": {"loss": 3.5}}),
        ("champion", 3, {"number": 3, "score": 2.914}),
        ("iteration.end", 3, {"verdict": "keep", "score": 2.914, "champion": True, "seconds": {"total": 14.8}}),
    )
    assert lines == ["iteration 3 · LR 1e-3 → 2e-3", "  ○ keep 2.914 (−0.083) in 14.8 s"]
    assert (scene.best, scene.best_number) == (2.914, 3)


def test_lines_of_agents_and_what_they_offer_each_other_are_told():
    scene = Scene("tiny", RULES)
    lines = tell(
        scene,
        ("iteration.start", 7, {"title": "LR up", "island": "search@refine"}),
        ("exchange", 7, {"from": "search@refine", "to": "", "id": "p8"}),
        ("exchange", 5, {"from": "", "to": "search@refine", "id": "", "why": "it is no better"}),
        ("restart", 5, {"island": "search@refine", "number": 5}),
    )
    assert lines == [
        "iteration 7 · LR up  island search@refine",
        "  iteration 7 of search@refine, confirmed, is tried on the main line",
        "  iteration 5 of the main line, confirmed, is not tried on search@refine (it is no better)",
        "  island search@refine goes on from iteration 5",
    ]


def test_failures_refusals_and_second_attempts_say_why():
    scene = Scene("tiny", RULES, best=3.0, best_number=1)
    lines = tell(
        scene,
        ("refused", None, {"status": "duplicate", "title": "LR up", "reason": "ran before as 2"}),
        ("refused", None, {"status": "none", "title": "", "reason": "search: all tried"}),
        ("iteration.start", 4, {"title": "bad\x1b[2J"}),
        ("attempt.start", 4, {"attempt": 1, "kind": "screen"}),
        ("attempt.end", 4, {"verdict": "interrupted", "reason": "the machine slept"}),
        ("attempt.start", 4, {"attempt": 2, "kind": "screen"}),
        ("attempt.end", 4, {"verdict": "crash", "reason": "boom"}),
        (
            "iteration.end",
            4,
            {"verdict": "crash", "score": None, "reason": "ValueError\nin cell model", "seconds": 3.0},
        ),
        ("epoch", None, {"epoch": 2, "why": "the budget changed"}),
        ("pause", None, {}),
        ("stopping", None, {"now": True}),
        ("recovered", None, {"text": "ended 2 processes"}),
    )
    assert lines == [
        "  – duplicate: LR up; ran before as 2",
        "  – no proposal: search: all tried",
        "iteration 4 · bad [2J",
        "  ◌ interrupted: the machine slept; it is run again",
        "iteration 4 · attempt 2, screen",
        "  × crash in 3.0 s: ValueError in cell model",
        "epoch 2: the budget changed; scores before it are not comparable",
        "paused: goes on with `autoloop resume`",
        "stopping now",
        "ended 2 processes",
    ]
    assert scene.best is None, "a new epoch has no best yet"


def test_the_panel_shows_phase_budget_curve_best_and_last_verdicts():
    scene = Scene("tiny", RULES, best=2.9, best_number=2, planned=12)
    tell(
        scene,
        ("iteration.end", 2, {"verdict": "discard", "score": 3.1, "seconds": {"total": 14.0}}),
        ("iteration.start", 3, {"title": "LR up"}),
        ("phase", 3, {"phase": "running"}),
        ("report", 3, {"step": 10, "seconds": 2.5, "numbers": {"loss": 3.5}}),
        ("report", 3, {"step": 20, "seconds": 5.0, "numbers": {"loss": 3.25}}),
    )
    text = shown(scene, 1010.0)
    assert max(map(len, text.splitlines())) <= 80
    for part in ["iteration 3", "LR up", "◐ running", "8.0 of 15.0 s, 7.0 left", "loss 3.250", "at step 20", "█▁"]:
        assert part in text
    assert "best val_bpb 2.900 (iteration 2)   ·  1 of 12 done" in text


def test_a_cpu_clock_is_read_from_the_reports():
    scene = Scene("tiny", Rules(Metric("m", Direction.MIN), 15.0, clock="cpu"))
    tell(scene, ("iteration.start", 3, {}), ("phase", 3, {"phase": "running"}))
    tell(scene, ("report", 3, {"step": 1, "seconds": 4.0, "numbers": {"loss": 1.0}}))
    assert "4.0 of 15.0 s CPU, 11.0 left" in shown(scene, 1100.0)


def test_an_iteration_that_is_taken_up_again_is_held_against_the_best_too():
    scene = Scene("tiny", RULES, best=3.0, best_number=1)
    lines = tell(
        scene,
        ("attempt.start", 7, {"attempt": 1, "kind": "screen"}),
        ("iteration.end", 7, {"verdict": "discard", "score": 3.5, "seconds": {"total": 2.0}}),
    )
    assert lines == ["iteration 7 · attempt 1, screen", "  · discard 3.500 (+0.500) in 2.0 s"]


def test_odd_numbers_in_events_do_not_stop_it():
    scene = Scene("tiny", RULES)
    tell(scene, ("iteration.start", 1, {}), ("phase", 1, {"phase": "running"}))
    tell(scene, ("report", 1, {"step": None, "seconds": None, "numbers": {"loss": None, "x": "y"}}))
    lines = tell(scene, ("iteration.end", 1, {"verdict": "keep", "score": None, "seconds": None}))
    assert lines == ["  ○ keep"]
    assert "best val_bpb –" in shown(scene)


def up(*names):
    return [("worker", None, {"name": name, "where": f"GPU {k}", "state": "up"}) for k, name in enumerate(names)]


def start(number, worker, title, attempt=1, kind="screen"):
    return [
        ("iteration.start", number, {"title": title}),
        ("attempt.start", number, {"attempt": attempt, "kind": kind, "worker": worker, "title": title}),
        ("phase", number, {"phase": "running"}),
    ]


def end(number, verdict, score, **more):
    return [
        ("attempt.end", number, {"verdict": "scored", "score": score}),
        ("iteration.end", number, {"verdict": verdict, "score": score, "seconds": {"total": 2.0}, **more}),
    ]


def test_of_several_that_run_at_once_each_end_says_which_it_is():
    scene = Scene("tiny", RULES, best=3.0, best_number=1)
    lines = tell(
        scene,
        *up("w1", "w2"),
        *start(2, "w1", "LR up"),
        *start(3, "w2", "LR down"),
        ("champion", 3, {"number": 3, "score": 2.5}),
        *end(3, "keep", 2.5, champion=True),
        *start(4, "w2", "DEPTH 3"),
        ("attempt.end", 4, {"verdict": "interrupted", "reason": "node n2 is gone"}),
        ("worker", None, {"name": "w2", "state": "lost", "text": "node n2 is gone"}),
        ("attempt.end", 2, {"verdict": "scored", "score": 2.6}),
        ("overtaken", 2, {"champion": 3, "id": "p9"}),
        ("iteration.end", 2, {"verdict": "discard", "score": 2.6, "seconds": {"total": 9.0}}),
        ("attempt.start", 4, {"attempt": 1, "kind": "screen", "worker": "w1", "title": "DEPTH 3"}),
        ("worker", None, {"name": "w2", "state": "up"}),
        ("gathered", None, {"champion": 3, "id": "p11", "proposals": ["p9", "p10"]}),
    )
    assert lines == [
        "iteration 2 · LR up",
        "iteration 3 · LR down",
        "  ○ 3 keep 2.500 (−0.500) in 2.0 s · LR down",
        "iteration 4 · DEPTH 3",
        "  ◌ 4 interrupted: node n2 is gone; it is run again",
        "  ◌ w2 (GPU 1) lost: node n2 is gone",
        "  2 was overtaken by iteration 3: both edits are run together next",
        "  · 2 discard 2.600 (−0.400) in 9.0 s · LR up",
        "  w2 (GPU 1) is up again",
        "  2 edits that were overtaken are run as one, on iteration 3",
    ]
    assert [lane.number for lane in scene.lanes.going] == [4]
    assert sum(scene.tally.values()) == 2


def test_what_one_of_them_tells_goes_into_its_own_lane():
    scene = Scene("tiny", RULES, best=3.0, best_number=1)
    tell(scene, *up("w1", "w2"), *start(2, "w1", "LR up"), *start(3, "w2", "LR down"))
    tell(
        scene,
        ("report", 2, {"step": 1, "seconds": 1.0, "numbers": {"loss": 3.5}}),
        ("report", 3, {"step": 9, "seconds": 2.0, "numbers": {"loss": 2.5}}),
        ("phase", 3, {"phase": "scoring"}),
        ("report", 77, {"step": 1, "seconds": 1.0, "numbers": {"loss": 9.0}}),
        ("propose.start", None, {"agent": "search"}),
    )
    first, second = scene.lanes.going
    assert (first.phase, second.phase) == ("running", "scoring")
    assert [point[2] for lane in (first, second) for point in lane.curve] == [{"loss": 3.5}, {"loss": 2.5}]
    assert scene.lane is first, "a display of a single one shows the oldest"
    assert scene.lanes.thinking.title == "search is thinking"


def test_the_panel_has_a_line_for_each_worker():
    scene = Scene("tiny", RULES, best=2.9, best_number=2, planned=12)
    tell(
        scene,
        *up("w1", "w2", "w10", "w3"),
        *start(7, "w1", "LR up"),
        *start(8, "w10", "a title that is far too long" * 9),
    )
    tell(
        scene,
        ("report", 7, {"step": 10, "seconds": 2.5, "numbers": {"loss": 3.5}}),
        ("worker", None, {"name": "w10", "state": "slow", "text": "it takes 3 times as long"}),
        ("worker", None, {"name": "w2", "state": "refused", "text": "it lacks torch"}),
        ("propose.start", None, {"agent": "search"}),
    )
    text = shown(scene, 1012.0, 90)
    lines = [line.strip("│╭╮╰╯─ ") for line in text.splitlines()]
    assert max(map(len, text.splitlines())) <= 90
    assert lines[0] == "tiny · 2 under way"
    assert [line.split("  ")[0] for line in lines[1:5]] == ["w1", "w2", "w3", "w10"]
    assert "◐ 7 · LR up" in lines[1]
    assert lines[1].endswith("running 6 of 15 s  loss 3.500")
    assert "× refused: it lacks torch" in lines[2]
    assert "… waits" in lines[3]
    assert "⧖ 8 · a title" in lines[4]
    assert "…  running" in lines[4]
    assert lines[5] == "search is thinking, 9.0 s"
    assert "best val_bpb 2.900 (iteration 2)" in lines[6]


def test_a_lost_cluster_is_told_until_a_worker_is_up():
    scene = Scene("tiny", RULES)
    lost = ("worker", None, {"name": "", "where": "the cluster", "state": "lost", "text": "trying again"})
    lines = tell(scene, *up("w1"), lost)
    assert lines == ["  ◌ the cluster lost: trying again"]
    assert "the cluster  ◌ lost: trying again" in shown(scene)
    scene.apply(Event(99, 2000.0, "worker", None, None, {"name": "w1", "state": "up"}))
    assert "trying again" not in shown(scene)


def test_the_panel_stays_low_with_many_workers():
    scene = Scene("tiny", RULES)
    tell(scene, *up(*(f"w{k}" for k in range(1, 41))))
    text = shown(scene)
    assert "… and 28 more" in text
    assert len(text.splitlines()) <= 16


def test_a_run_once_more_leaves_its_lane_when_its_worker_goes_on():
    scene = Scene("tiny", RULES, best=3.0, best_number=1)
    lines = tell(
        scene,
        *up("w1", "w2"),
        ("attempt.start", 1, {"attempt": 2, "kind": "replicate", "worker": "w1", "title": "baseline"}),
        ("attempt.end", 1, {"verdict": "scored", "score": 3.1}),
        *start(2, "w1", "LR up"),
    )
    assert lines == [
        "iteration 1 · baseline · attempt 2, replicate",
        "  · 1 3.100 with another seed",
        "iteration 2 · LR up",
    ]
    assert [lane.number for lane in scene.lanes.going] == [2]


def followed(tmp_path, panel, reason="boom"):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        rules, ledger = session.arena.rules, session.arena.runs / LEDGER
        after = session.ledger.last_event().seq
        out = io.StringIO()
        console = Console(file=out, width=80, force_terminal=panel, color_system=None, highlight=False)
        with following(ledger, Scene("game", rules, 3.0, 1), console, after, panel):
            play(session, 1.0, scored(1.0), 1)
            until = time.monotonic() + 10
            while "X to 1.0" not in out.getvalue() and time.monotonic() < until:
                time.sleep(0.05)
            seen = out.getvalue()
            play(session, 9.0, crashed(reason), 2)
        return seen, out.getvalue()


def test_it_follows_while_others_write_and_shows_the_rest_at_the_end(tmp_path):
    seen, text = followed(tmp_path, panel=False)
    assert "iteration 2 · X to 1.0" in seen
    assert text.splitlines() == [
        "iteration 2 · X to 1.0",
        "  ○ keep 1.000 (−2.000) in 1.5 s",
        "iteration 3 · X to 9.0",
        "  × crash in 0.7 s: boom",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_line_is_broken_between_words_on_a_terminal_and_not_at_all_in_a_file(tmp_path, terminal):
    reason = "ValueError: " + " ".join(f"expected-{n:03}" for n in range(20))
    _, text = followed(tmp_path, terminal, reason)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n").splitlines()
    told = [line for line in lines if "expected-" in line]
    assert " ".join(" ".join(told).split()).endswith(reason)
    assert (max(map(len, told)) <= 80) == terminal
    assert len(told) == (4 if terminal else 1)


def test_with_a_terminal_the_lines_stay_above_a_panel(tmp_path):
    _, text = followed(tmp_path, panel=True)
    assert "iteration 2 · X to 1.0" in text
    assert "╭" in text
    assert "  × crash in 0.7 s: boom" in text


def test_a_display_without_a_ledger_falls_silent(tmp_path):
    out = io.StringIO()
    with following(tmp_path / "none.sqlite", Scene("game", RULES), Console(file=out), 0, False):
        time.sleep(0.05)
    assert out.getvalue() == ""
    assert not (tmp_path / "none.sqlite").exists()


def test_of_a_team_each_proposal_says_whose_it_is():
    begin = ("iteration.start", 2, {"title": "LR up", "agent": "search@refine", "base": 1})
    alone, team = Scene("tiny", RULES, best=3.0), Scene("tiny", RULES, best=3.0)
    assert tell(alone, ("driver.start", None, {"agents": ["search"]}), begin) == ["iteration 2 · LR up"]
    agents = {"agents": ["search@explore", "search@refine"]}
    assert tell(team, ("driver.start", None, agents), begin) == ["iteration 2 · LR up  by search@refine"]


def test_what_an_earlier_driver_left_is_told_once():
    scene = Scene("tiny", RULES, best=3.0, best_number=1)
    lines = tell(
        scene,
        ("driver.start", None, {"agents": ["search"]}),
        ("attempt.end", 8, {"verdict": "interrupted", "reason": "the driver was stopped in the middle of it"}),
        ("recovered", None, {"text": "iteration 8 was running when the driver was stopped: it is run again"}),
        ("attempt.start", 8, {"attempt": 1, "kind": "screen", "title": "DEPTH 2 → 3"}),
    )
    assert lines == [
        "iteration 8 was running when the driver was stopped: it is run again",
        "iteration 8 · DEPTH 2 → 3 · attempt 1, screen",
    ]


def test_what_workers_wait_for_is_said():
    scene = Scene("tiny", RULES)
    tell(scene, ("driver.start", None, {"agents": ["search"], "plan": {"workers": "ray:2"}}))
    assert "waiting for the workers of ray:2" in shown(scene)
    tell(scene, *up("w1", "w2"), *start(1, "w1", "baseline"))
    text = shown(scene)
    assert "waiting for the workers" not in text
    assert "w2  … waits for the baseline" in text


def test_a_stop_speaks_of_all_that_end_first():
    scene = Scene("tiny", RULES, best=3.0, best_number=1)
    tell(scene, *up("w1", "w2"), *start(2, "w1", "LR up"))
    assert tell(scene, ("stopping", None, {})) == ["stopping after this iteration"]
    tell(scene, *start(3, "w2", "LR down"))
    assert tell(scene, ("stopping", None, {})) == ["stopping after these iterations"]
