"""The event stream: what one client is told, live and after a gap, by a real server to a real WebSocket."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
from arenas import write_quick_arena
from played import history, make_arena, play, reopen_epoch, scored
from screen_kit import until
from server_kit import DENYING, WAIT_S, serve
from stream_kit import Client, ending, note, sleeper
from tornado.httpclient import HTTPClientError

from autoloop_kernel.driver import Plan, detach, send
from autoloop_kernel.memory.database import install
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.server.live import BATCH, BEHIND
from autoloop_kernel.session import LEDGER, open_session


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home") / "own") as running:
        yield running


@pytest.fixture
def folder(server, request):
    """A folder of this test's own below the server's root."""
    return Path(tempfile.mkdtemp(prefix=f"{request.node.name.split('[')[0]}-", dir=server.root))


def below(server, path: Path) -> str:
    return path.relative_to(server.root).as_posix()


def seqs(client: Client) -> list[int]:
    return [event["seq"] for event in client.events]


# -- by a real server


def test_the_first_message_is_the_state_that_the_rest_interface_tells(server, folder):
    path = make_arena(folder)
    history(path)
    with Client(server, below(server, path)) as client:
        client.wait(lambda c: c.messages, "a message")
        first = client.messages[0]
        assert first["type"] == "state"
        assert first["state"] == server.get("state", arena=below(server, path)).json
        assert abs(first["now"] - time.time()) < WAIT_S
        with open_session(path, create=False) as session:
            assert first["seq"] == session.ledger.last_event().seq


def test_events_rows_and_states_come_live_while_a_driver_runs(server, folder):
    path = write_quick_arena(folder)
    with Client(server, below(server, path), 0) as client, ending(path):
        client.wait(lambda c: c.state["state"] == "idle", "the state of an arena that has not run")
        assert client.state["total"] == 0
        detach(path, ["search"], Plan(iterations=2))
        client.wait(lambda c: c.state["state"] == "running", "the driver")
        client.wait(lambda c: "driver.stop" in c.kinds, "its end")
        client.wait(lambda c: c.state["state"] == "idle" and c.state["total"] == 2, "the last state")
        with open_session(path, create=False) as session:
            told = [(e.seq, e.kind, e.iteration) for e in session.ledger.events()]
        assert [(e["seq"], e["kind"], e["iteration"]) for e in client.events] == told
        page = server.get("iterations", arena=below(server, path)).json
        client.wait(lambda c: [c.rows[row["number"]] for row in page["rows"]] == page["rows"], "the last rows")
        assert client.state["ended"] == "2 iterations done"
        assert client.state == server.get("state", arena=below(server, path)).json
        order = [m["type"] for m in client.messages]
        assert order[0] == "state"
        begun = next(n for n, m in enumerate(client.messages) if "iteration.end" in str(m.get("events")))
        assert order[begun + 1] == "rows"
        assert [m["seq"] for m in client.messages] == sorted(m["seq"] for m in client.messages)


def test_who_comes_back_is_told_exactly_what_was_missed(server, folder):
    path = make_arena(folder)
    history(path)
    with Client(server, below(server, path), 0) as client:
        with open_session(path, create=False) as session:
            last = session.ledger.last_event().seq
        client.wait(lambda c: c.events and c.events[-1]["seq"] == last, "all of the past")
        assert seqs(client) == list(range(1, last + 1))
        client.wait(lambda c: set(c.rows) == {1, 2, 3, 4, 5}, "their rows")
        seen = client.seq
    with open_session(path) as session:
        play(session, 0.25, scored(0.25), 5)
    with Client(server, below(server, path), seen) as client:
        with open_session(path, create=False) as session:
            last = session.ledger.last_event().seq
        client.wait(lambda c: c.events and c.events[-1]["seq"] == last, "what was missed")
        client.wait(lambda c: c.rows, "the row")
        assert seqs(client) == list(range(seen + 1, last + 1))
        assert list(client.rows) == [6]
        assert client.rows[6]["difference"] == -0.25
        assert not client.of("reset")


def test_no_event_is_lost_or_told_twice_however_often_the_line_breaks(server, folder):
    path = make_arena(folder)
    note(path, 1)
    over = threading.Event()

    def write():
        with open_session(path) as session:
            while not over.is_set():
                session.ledger.emit("note", text="…")
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    heard, seen = [], 0
    try:
        for lines in range(8):
            with Client(server, below(server, path), seen) as client:
                client.wait(lambda c, least=10 * (lines + 1): len(c.events) >= least, "some events")
            heard += seqs(client)
            seen = client.seq
            assert heard[-1] == seen
    finally:
        over.set()
        writer.join()
    assert heard == list(range(1, seen + 1))


def test_who_is_far_behind_fetches_everything_anew_and_goes_on_from_there(server, folder):
    path = make_arena(folder)
    note(path, 1)
    with Ledger.open(folder / "game_runs" / LEDGER) as ledger, ledger._write("many") as database:
        rows = (("note", "{}") for _ in range(BEHIND + 10))
        database.executemany("INSERT INTO events (time, kind, json) VALUES (0, ?, ?)", rows)
    last = note(path, 1)
    with Client(server, below(server, path), 1) as client:
        client.wait(lambda c: c.of("reset"), "the reset")
        assert [m["type"] for m in client.messages[:2]] == ["state", "reset"]
        assert client.of("reset")[0]["seq"] == last
        further = note(path, 3)
        client.wait(lambda c: c.seq == further, "what comes after it")
        assert seqs(client) == [last + 1, last + 2, further]
    with Client(server, below(server, path), last + 3 - BEHIND) as client:
        client.wait(lambda c: c.seq == further, "as much as may be missed")
        assert len(client.events) == BEHIND
        assert max(len(m["events"]) for m in client.of("events")) <= BATCH
        assert not client.of("reset")


def test_a_ledger_in_the_place_of_another_resets_who_follows_and_who_comes_back(server, folder):
    path = make_arena(folder)
    history(path)
    with Client(server, below(server, path)) as client:
        client.wait(lambda c: c.messages, "the state")
        before = client.seq
        other = folder / "other.sqlite"
        with Ledger.open(other) as new:
            for _ in range(3):
                new.emit("note", text="another life")
        install(other, folder / "game_runs" / LEDGER)
        client.wait(lambda c: c.of("reset"), "the reset")
        assert client.of("reset")[0]["seq"] == 3
        client.wait(lambda c: c.state["total"] == 0, "the new ledger's state")
        note(path, 1)
        client.wait(lambda c: c.events, "its next event")
        assert seqs(client) == [4]
    with Client(server, below(server, path), before) as client:
        client.wait(lambda c: c.of("reset"), "the reset of who comes back")
        assert client.seq == 4


def followed(server, folder):
    """An arena with three events, and the last message of a client that was told of them and left."""
    path = make_arena(folder)
    note(path, 3)
    with Client(server, below(server, path), 0) as client:
        client.wait(lambda c: c.seq == 3, "the past")
        return path, client.messages[-1]


def test_a_longer_ledger_in_the_place_of_another_resets_who_comes_back(server, folder):
    path, before = followed(server, folder)
    backup = folder / "backup.sqlite"
    with Ledger.open(folder / "other.sqlite") as new:
        for _ in range(3):
            new.emit("note", text="another life")
        new._database.execute("VACUUM INTO ?", (str(backup),))
        last = [new.emit("note", text="another life") for _ in range(4)][-1]
    install(folder / "other.sqlite", folder / "game_runs" / LEDGER)
    with Client(server, below(server, path), before["seq"], at=before["at"]) as client:
        client.wait(lambda c: c.of("reset"), "the reset")
        assert [m["type"] for m in client.messages[:2]] == ["state", "reset"]
        assert (client.seq, client.events) == (last, [])
        before = client.messages[-1]
    install(backup, folder / "game_runs" / LEDGER)  # as it was once, and then went on otherwise
    further = note(path, 6)
    with Client(server, below(server, path), before["seq"], at=before["at"]) as client:
        client.wait(lambda c: c.of("reset"), "the reset")
        assert (client.seq, client.events) == (further, [])


def test_a_copy_of_the_ledger_in_its_place_is_gone_on_with_by_who_comes_back(server, folder):
    path, before = followed(server, folder)
    ledger = folder / "game_runs" / LEDGER
    with Ledger.open(ledger) as old:
        old._database.execute("VACUUM INTO ?", (str(folder / "copy.sqlite"),))
    install(folder / "copy.sqlite", ledger)
    further = note(path, 2)
    with Client(server, below(server, path), before["seq"], at=before["at"]) as client:
        client.wait(lambda c: c.seq == further, "what was missed")
        assert seqs(client) == [4, 5]
        assert not client.of("reset")


def test_a_driver_that_is_killed_shows_as_idle_though_no_event_tells(server, folder):
    path = sleeper(folder)
    with Client(server, below(server, path)) as client, ending(path):
        pid = detach(path, ["search"], Plan(iterations=1))
        client.wait(lambda c: c.state["phase"] == "running", "the run")
        assert client.state["driver"]["pid"] == pid
        assert client.state["flying"]["number"] == 1
        os.kill(pid, signal.SIGKILL)
        client.wait(lambda c: c.state["state"] == "idle", "the end of the driver", 20)
        assert client.state["driver"] is None
        assert "driver.stop" not in client.kinds
        assert "killed" in client.state["ended"]


def test_pause_and_resume_from_elsewhere_show(server, folder):
    path = sleeper(folder)
    with Client(server, below(server, path)) as client, ending(path):
        detach(path, ["search"], Plan(iterations=1))
        client.wait(lambda c: c.state["state"] == "running", "the driver")
        send(path, "pause")
        client.wait(lambda c: c.state["state"] == "paused", "the pause")
        send(path, "resume")
        client.wait(lambda c: c.state["state"] == "running", "that it goes on")
        send(path, "stop-now")
        client.wait(lambda c: c.state["state"] == "idle" and c.state["ended"] == "stopped", "its end")


def test_two_clients_on_one_arena_see_the_same(server, folder):
    path = make_arena(folder)
    arena = below(server, path)
    with Client(server, arena, 0) as one, Client(server, arena, 0) as two:
        for client in (one, two):
            client.wait(lambda c: c.messages, "the first state")
        history(path)
        with open_session(path, create=False) as session:
            last = session.ledger.last_event().seq
        for client in (one, two):
            client.wait(lambda c: c.seq == last and c.state["total"] == 5 and len(c.rows) == 5, "the end")
        one.wait(lambda c: c.events == two.events, "the same events")
        one.wait(lambda c: c.state == two.state, "the same state")
        page = server.get("iterations", arena=arena).json["rows"]
        for client in (one, two):
            client.wait(lambda c: [c.rows[row["number"]] for row in page] == page, "the last rows")


def test_an_arena_that_breaks_or_goes_away_is_a_problem_and_no_end(server, folder):
    path = make_arena(folder)
    history(path)
    sound = path.read_text(encoding="utf-8")
    with Client(server, below(server, path)) as client:
        client.wait(lambda c: c.state["problem"] == "", "a sound state")
        for broken in ("no notebook", None, sound.replace('"metric"', '"metrik"')):
            if broken is None:
                path.unlink()
            else:
                path.write_text(broken, encoding="utf-8")
            client.wait(lambda c: c.state["problem"], "the problem")
            assert client.state["total"] == 5
            assert str(server.root) not in client.state["problem"]
            assert "\n" not in client.state["problem"]
            seen = note_directly(folder)
            client.wait(lambda c, seen=seen: c.seq == seen, "an event all the same")
            path.write_text(sound, encoding="utf-8")
            client.wait(lambda c: c.state["problem"] == "", "that it is mended")
        reopen_epoch(path)
        client.wait(lambda c: c.state["budget_s"] == 3, "the new budget")


def note_directly(folder: Path) -> int:
    with Ledger.open(folder / "game_runs" / LEDGER, create=False) as ledger:
        return ledger.emit("note", text="meanwhile")


def test_no_message_is_larger_than_a_client_takes(server, folder):
    path = make_arena(folder)
    first = note(path, 1)
    last = note(path, 150, "x" * 100_000)  # 15 MB, all there before anybody listens
    with Client(server, below(server, path), first) as client:
        client.wait(lambda c: c.seq == last, "all of it")
        assert seqs(client) == list(range(first + 1, last + 1))
        assert len(client.of("events")) >= 15


def test_a_client_that_does_not_read_is_reset_instead_of_filling_memory(server, folder):
    path = make_arena(folder)
    note(path, 1)
    with Client(server, below(server, path), reading=False) as client:
        last = note(path, 600, "x" * 100_000)
        with Client(server, below(server, path), last) as other:  # the other one is told meanwhile: nothing is stuck
            last = note(path, 1)
            other.wait(lambda c: c.seq == last, "another client's event")
        client.read()
        client.wait(lambda c: c.of("reset"), "the reset")
        assert "behind" in client.of("reset")[-1]["reason"]
        further = note(path, 1)
        client.wait(lambda c: c.seq == further, "that it goes on")
        dropped = client.messages.index(client.of("reset")[0])
        client.wait(lambda c: any(m["type"] == "state" for m in c.messages[dropped:]), "the state anew")
        assert len(client.events) < 602


def test_what_the_candidate_says_is_text_whatever_it_holds(server, folder):
    path = make_arena(folder)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0, reason=""), None, "<img src=x onerror=alert(1)> \u202e")
        session.ledger.emit("report", 1, 1, step=1, seconds=float("nan"), numbers={"loss": float("inf")})
        session.ledger.emit("agent", agent="a", text="half a pair: \ud83d, a rule \u2028 and a null \x00")
    with Client(server, below(server, path), 0) as client:
        client.wait(lambda c: "agent" in c.kinds and c.rows, "both")
        report = next(event for event in client.events if event["kind"] == "report")
        assert report["data"] == {"step": 1, "seconds": None, "numbers": {"loss": None}}
        assert client.rows[1]["title"].startswith("<img src=x")


# -- who may listen


def refused(server, arena, status, **more) -> None:
    with pytest.raises(HTTPClientError) as caught:
        Client(server, arena, **more)
    assert caught.value.code == status
    body = json.loads(caught.value.response.body)
    assert list(body) == ["message"]
    assert body["message"]
    assert "\n" not in body["message"]
    assert str(server.root) not in body["message"]


def test_who_has_no_token_or_another_one_is_refused(server, folder):
    arena = below(server, make_arena(folder))
    refused(server, arena, 403, token=None)
    refused(server, arena, 403, token="0" * 32)
    refused(server, arena, 403, token=None, headers={"Cookie": "username-127-0-0-1=made-up"})
    with Client(server, arena) as client:
        client.wait(lambda c: c.messages, "who has it")


def test_pages_of_another_origin_are_refused(server, folder):
    arena = below(server, make_arena(folder))
    for origin in ("https://evil.example", f"http://127.0.0.1:{server.port + 1}", "null"):
        refused(server, arena, 403, headers={"Origin": origin})
    with Client(server, arena, headers={"Origin": f"http://127.0.0.1:{server.port}"}) as client:
        client.wait(lambda c: c.messages, "a page of the server's own")


def test_who_may_not_read_arenas_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    arena = make_arena(tmp_path / "root").name
    (tmp_path / "root" / "denying.py").write_text(DENYING)
    settings = {"ServerApp": {"authorizer_class": "denying.Denying"}}
    with serve(tmp_path / "root", tmp_path / "home", **settings) as guarded:
        refused(guarded, arena, 403)
        assert guarded.ask("GET", "/api/contents").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "../outside.ipynb",
        "/etc/passwd",
        "a/../../outside.ipynb",
        "%2e%2e/outside.ipynb",
        "..%2foutside.ipynb",
        "~/x.ipynb",
    ],
)
def test_what_lies_outside_the_root_is_refused(server, path):
    make_outside = server.root.parent / "outside.ipynb"
    if not make_outside.exists():
        make_arena(server.root.parent, "outside.ipynb")
    refused(server, path, 403)


def test_a_link_that_leads_out_of_the_root_is_refused(server, folder, tmp_path):
    (folder / "link.ipynb").symlink_to(make_arena(tmp_path))
    (folder / "linked").symlink_to(tmp_path)
    refused(server, f"{below(server, folder)}/link.ipynb", 403)
    refused(server, f"{below(server, folder)}/linked/game.ipynb", 403)


def test_what_is_no_arena_and_no_number_is_told_in_one_line(server, folder):
    arena = below(server, make_arena(folder))
    refused(server, f"{below(server, folder)}/none.ipynb", 404)
    refused(server, "", 404)
    (folder / "plain.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    refused(server, f"{below(server, folder)}/plain.ipynb", 409)
    for wrong in ("-1", "1.5", "x", "", "１", "9" * 40):
        refused(server, arena, 400, after=wrong)
    for wrong in ("x", "", "nan", "inf", "1,5"):
        refused(server, arena, 400, after=3, at=wrong)


def test_a_plain_get_is_told_what_to_do(server, folder):
    answer = server.get("events", arena=below(server, make_arena(folder)))
    assert answer.status == 400
    assert "WebSocket" in answer.message
    assert server.ask("GET", "events", token=None).status == 403


def test_what_a_client_says_is_ignored_and_a_flood_ends_the_line(server, folder):
    path = make_arena(folder)
    with Client(server, below(server, path)) as client:
        client.wait(lambda c: c.messages, "the state")
        client._loop.call_soon_threadsafe(client._socket.write_message, "what is this?")
        last = note(path, 1)
        client.wait(lambda c: c.seq == last, "that it goes on")
        client._loop.call_soon_threadsafe(client._socket.write_message, "x" * 100_000)
        assert client.closed.wait(WAIT_S)


def test_threads_and_files_of_a_client_go_with_it(server, folder):
    path = make_arena(folder)
    history(path)

    def held() -> tuple[int, int]:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        threads = int(next(line for line in status.splitlines() if line.startswith("Threads")).split()[1])
        links = Path(f"/proc/{server.process.pid}/fd").iterdir()
        return threads, sum("ledger.sqlite" in str(link.readlink()) for link in list(links) if link.is_symlink())

    def ledgers() -> int:
        for _ in range(100):
            try:
                return held()[1]
            except FileNotFoundError:  # closed between listing and looking
                continue
        raise AssertionError("the files of the server change without end")

    until(lambda: ledgers() == 0, "no ledger is open before")
    for _ in range(5):
        with Client(server, below(server, path)) as client:
            client.wait(lambda c: c.messages, "the state")
            until(lambda: ledgers() > 0, "the ledger is open")
    until(lambda: ledgers() == 0, "no ledger is open any more")
    assert held()[0] < 60


def test_listening_is_no_activity_of_the_server(server, folder):
    path = make_arena(folder)

    def active() -> str:
        answer: str = server.get("/api/status?no_track_activity=1").json["last_activity"]
        return answer

    with Client(server, below(server, path)) as client:
        client.wait(lambda c: c.messages, "the state")
        before = active()
        last = note(path, 3)
        client.wait(lambda c: c.seq == last, "events")
        assert active() == before
    assert active() == before
