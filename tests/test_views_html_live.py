"""What runs now, as HTML: it reads without style, nothing in it runs, and it says what is known."""

import struct

import pytest
from html_kit import HOSTILE, bare, sound
from played import crashed, make_arena, play, scored
from swarm_kit import Clock, Swarm
from test_views_driving import begin, drive_of, start, stop

from autoloop_kernel.records import Direction, Event, Metric, Rules
from autoloop_kernel.session import open_session
from autoloop_kernel.views import picture, progress
from autoloop_kernel.views.curves import LiveCurve
from autoloop_kernel.views.html import live
from autoloop_kernel.views.html.live import Attempted
from autoloop_kernel.views.scene import Scene

PNG = b"\x89PNG not really"


def scene(*told, clock="wall", budget=15.0, best=2.5):
    made = Scene("tiny", Rules(Metric("val_bpb", Direction.MIN), budget, clock=clock), best, 2 if best else None)
    for seq, (kind, data) in enumerate(told):
        made.apply(Event(seq, 1000.0 + seq, kind, 7, 1, data))
    return made


RUNNING = [("iteration.start", {"title": "LR up"}), ("phase", {"phase": "running"})]
POINT = ("report", {"step": 10, "seconds": 2.5, "numbers": {"loss": 3.5}})


def test_a_run_shows_phase_budget_curve_and_what_it_has_to_beat():
    page = sound(live.block(live.watched(scene(*RUNNING, POINT), 1010.0, PNG)))
    assert "running 9 of 15 s, 6 left" in page.text
    assert "best val_bpb 2.500, iteration 2" in " ".join(page.text.split())
    alt = next(attributes["alt"] for tag, attributes in page.tags if tag == "img")
    assert alt == "learning curve of iteration 7: loss 3.500 at step 10"
    widths = [attributes["style"] for tag, attributes in page.tags if "style" in attributes]
    assert widths == ["width:60%", "width:560px;aspect-ratio:6.4/2.2"]
    sound(bare(live.watched(scene(*RUNNING, POINT), 1010.0, PNG)))


def test_the_clock_is_the_arenas_and_never_runs_over():
    assert live.clock(scene(*RUNNING, POINT, clock="cpu"), 9999.0) == "2 of 15 s of CPU time, 12 left"
    assert live.clock(scene(*RUNNING, POINT), 9999.0) == "15 of 15 s, 0 left"
    assert live.clock(scene(*RUNNING, budget=1.5), 1001.5) == "0.5 of 1.5 s, 1.0 left"
    assert live.clock(scene(*RUNNING), 1001.01) == "0 of 15 s, 15 left"
    assert live.bar(scene(*RUNNING), 9999.0).count("width:100%") == 1


def test_other_phases_say_how_long_they_last():
    thinking = scene(("propose.start", {"agent": "claude"}))
    assert "proposing 42 s" in sound(live.watched(thinking, 1042.7)).text
    assert live.bar(thinking, 1042.7).count("width:0%") == 1
    assert "claude is thinking" in sound(live.thinking(thinking)).text
    assert "on 2 (champion)" in sound(live.thinking(thinking)).text
    assert live.going(thinking, 1000.0) == "proposing: 0 s"
    assert "best" not in sound(live.watched(scene(*RUNNING, best=None), 1001.0)).text


def test_what_is_tried_is_a_diff_and_a_baseline_says_what_it_is_for():
    trial = Attempted(7, "X up", "search", "Up is better.", 2, {"model": "X = 1\n"}, {"model": "X = 2\n"})
    text = sound(live.block(live.attempted(trial, 2))).text
    for part in ("7 · X up", "by search · on 2 (champion)", "Up is better.", "X = 1", "X = 2"):
        assert part in text
    base = sound(live.attempted(Attempted(1, "baseline", "baseline"))).text
    assert "a baseline" in base
    assert "run once unchanged" in base
    assert "by baseline" not in base


def test_hostile_words_are_shown_and_never_run():
    trial = Attempted(7, HOSTILE, HOSTILE, HOSTILE, 2, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE + "2"})
    told = scene(("iteration.start", {"title": HOSTILE}), ("phase", {"phase": HOSTILE}))
    told.apply(Event(9, 1009.0, "report", 7, 1, {"step": 1, "seconds": 1.0, "numbers": {HOSTILE: 1.0}}))
    told.title = HOSTILE
    for html in (live.attempted(trial), live.watched(told, 1010.0), live.thinking(told), live.told([HOSTILE])):
        assert "<script>alert(1)</script>" in sound(live.block(html)).text
    page = sound(live.block(live.watched(told, 1010.0, PNG)))
    assert any("<script>" in (attributes.get("alt") or "") for _, attributes in page.tags)


def test_words_on_the_way_are_lines_and_nothing_is_nothing():
    assert sound(live.told(["one", " ", "two"])).text.split() == ["one", "two"]
    assert live.told([]) == ""
    assert live.told([" "]) == ""


def test_a_driver_shows_state_figures_and_verdicts_and_keeps_them_when_it_has_ended(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        token, event = start(session.ledger, iterations=120)
        followed = drive_of(session, event)
        play(session, 1.5, scored(1.5), 1)
        play(session, -9.0, crashed(), 2)
        it, _ = begin(session.ledger, HOSTILE)
        followed.catch_up(session.ledger)
        stands = followed.look(session.ledger)
        text = " ".join(sound(live.block(live.state(stands, it.time))).text.split())
        for part in (
            "game ● running · 2 of 120",
            "1.500 best loss",
            "−50.0 % since baseline",
            "min left",
            "1 ○ keep, 1 × crash",
        ):
            assert part in text, text
        card = sound(live.under_way(stands, it.time, PNG)).text
        assert "4 · running" in card
        assert "<script>alert(1)</script>" in card
        session.ledger.emit("stopping", now=False)
        assert "Stops after this iteration." in sound(live.state(followed.look(session.ledger), it.time)).text
        stop(session.ledger, token, "stopped")
        stands = followed.look(session.ledger)
        shown = live.bundle(stands, it.time)
        assert set(shown) == {live.DRIVER, "text/html", "text/plain"}
        assert shown[live.DRIVER]["ended"] == "stopped"
        text = " ".join(sound(shown["text/html"]).text.split())
        assert "■ ended · 2 of 120" in text
        assert "Stopped." in text
        assert "left" not in text
        assert live.under_way(stands, it.time) == ""


def test_a_paused_driver_says_how_it_goes_on(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        _, event = start(session.ledger)
        followed = drive_of(session, event)
        play(session, 3.0, scored(3.0), None, "baseline")
        session.ledger.emit("pause")
        followed.catch_up(session.ledger)
        stands = followed.look(session.ledger)
        text = sound(live.state(stands, 0.0)).text
        assert "‖ paused · 1 done" in text
        assert "Paused: resume it here" in text


def test_what_comes_and_goes_has_its_room_before_and_after(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        token, event = start(session.ledger, iterations=3)
        followed = drive_of(session, event)
        stands = followed.look(session.ledger)
        begun, idle = live.state(stands, 0.0), live.under_way(stands, 0.0, curves=True)
        assert "no verdict yet" in sound(begun).text
        it, _ = begin(session.ledger, "X up")
        followed.catch_up(session.ledger)
        busy = live.under_way(followed.look(session.ledger), it.time, PNG, curves=True)
        assert outline(busy) == [*outline(idle), "img"]
        assert outline(live.under_way(followed.look(session.ledger), it.time, curves=True)) == outline(idle)
        play(session, 3.0, scored(3.0), None, "baseline")
        session.ledger.emit("stopping", now=False)
        followed.catch_up(session.ledger)
        stands = followed.look(session.ledger)
        assert "Stopping." in sound(live.state(stands, it.time)).text
        assert lines(live.state(stands, it.time)) == lines(begun)
        stop(session.ledger, token, "stopped")
        stands = followed.look(session.ledger)
        assert lines(live.state(stands, it.time)) == lines(begun)
    assert "X up" in sound(live.unseen(busy)).text
    assert live.unseen("") == ""


def outline(fragment):
    """Its boxes, lines and pictures, without what stands within a line."""
    return [tag for tag, _ in sound(live.block(fragment)).tags if tag in ("div", "p", "img")]


def lines(fragment):
    return fragment.count("<p")


def test_pictures_have_the_shape_of_the_room_that_is_left_to_them(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        plot = progress.draw(session.ledger.iterations(), session.arena.rules.metric)
    pictures = {
        live.CURVE_SHAPE: LiveCurve(15.0, "wall", (), "iteration 7").png(()),
        live.PLOT_SHAPE: picture.png(plot),
    }
    for shape, png in pictures.items():
        (wide, high), (across, up) = struct.unpack(">II", png[16:24]), map(float, shape.split("/"))
        assert wide / high == pytest.approx(across / up, abs=0.01)


def test_the_progress_is_a_picture_with_words():
    shown = live.progress(PNG, "tiny", "loss 3 → 1")
    assert shown["text/plain"] == "loss 3 → 1"
    assert dict(sound(shown["text/html"]).tags)["img"]["alt"] == "progress of tiny: loss 3 → 1"


def test_of_several_workers_each_has_a_row(tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    with open_session(make_arena(tmp_path)) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        swarm = Swarm(session, {"w1": "GPU 0", "w2": "GPU 1", "w3": "n3"})
        swarm.begin("w1", HOSTILE)
        swarm.tell("w3", "lost", HOSTILE)
        clock.go(90)
        followed = drive_of(session, swarm.start)
        followed.catch_up(session.ledger)
        clock.go(10)
        fragment = live.under_way(followed.look(session.ledger), clock.now)
        page = sound(live.block(fragment))
        text = " ".join(page.text.split())
        assert "◐ w1 GPU 0 2 · " in text
        assert "running 1 min 40 s 100 %" in text
        assert "… w2 GPU 1 waits 0 %" in text
        assert "◌ w3 lost: " in " ".join(text.split()).replace("w3 n3", "w3")
        widths = [attributes["style"] for tag, attributes in page.tags if "style" in attributes]
        assert widths == ["width:100%", "width:0%"]
        sound(bare(fragment))
        session.ledger.emit("stopping", now=False)
        followed.take(session.ledger.events())
        assert "Stops after this iteration." in sound(live.state(followed.look(session.ledger), clock.now)).text
        swarm.begin("w2")
        followed.take(session.ledger.events())
        assert "Stops after these iterations." in sound(live.state(followed.look(session.ledger), clock.now)).text
        swarm.stop()
        assert live.under_way(followed.look(session.ledger), clock.now) == ""
