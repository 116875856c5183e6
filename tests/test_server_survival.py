"""A driver outlives whoever started it: the server that is ended, killed, started anew or idle, and the kernel."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import threading
from pathlib import Path

import nbformat
import psutil
import pytest
from arenas import write_quick_arena
from played import make_arena, play, scored
from screen_kit import until
from server_kit import WAIT_S, serve
from stream_kit import Client, ending, sleeper
from websocket import create_connection

from autoloop_kernel.driver import send
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.session import LEDGER, open_session

FROM_KERNEL = """\
from pathlib import Path
from autoloop_kernel.driver import Plan, detach
detach(Path("kernel.ipynb"), ["search"], Plan())
"""
AUTO = {"agents": ["search"], "iterations": None, "hours": None, "until": None}


def start(server, path: Path, **more) -> int:
    """Start a driver as the panel does; gives its process id."""
    arena = path.relative_to(server.root).as_posix()
    answer = server.post("auto", arena=arena, **{**AUTO, **more})
    assert answer.status == 202, answer.body
    return driver(server, arena)


def driver(server, arena: str) -> int:
    state = server.get("state", arena=arena).json
    assert state["driver"], state
    pid: int = state["driver"]["pid"]
    return pid


def beats(path: Path, pid: int) -> None:
    """The driver lives, and goes on saying so."""
    with Ledger.open(path.with_name(f"{path.stem}_runs") / LEDGER, create=False, read_only=True) as ledger:
        first = ledger.holder()
        assert first is not None
        assert first.pid == pid
        until(lambda: (ledger.holder() or first).heartbeat > first.heartbeat, "another heartbeat")
    assert psutil.pid_exists(pid)


@pytest.mark.parametrize("hard", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_a_driver_outlives_the_server_and_the_stream_goes_on_where_it_was(tmp_path, hard):
    path = write_quick_arena(tmp_path / "root")
    with ending(path), serve(tmp_path / "root", tmp_path / "home") as server:
        pid = start(server, path)
        with Client(server, path.name, 0) as client:
            client.wait(lambda c: "iteration.end" in c.kinds, "the first verdict")
            # Hard: with all of its process group, as a terminal that closes does.
            os.killpg(server.process.pid, signal.SIGKILL) if hard else server.process.terminate()
            assert client.closed.wait(WAIT_S)
            server.process.wait(WAIT_S)
            seen, before = client.seq, client.events
        beats(path, pid)
        more = last_event(path)
        until(lambda: last_event(path) > more, "the driver goes on without a server")
        server.restart()
        assert driver(server, path.name) == pid
        with Client(server, path.name, seen) as client:
            client.wait(lambda c: c.state["state"] == "running", "the state after the restart")
            assert client.state["driver"]["pid"] == pid
            client.wait(lambda c: c.seq > more, "what was missed")
            assert server.post("stop", arena=path.name, now=True).status == 200
            client.wait(lambda c: c.state["state"] == "idle", "the end, told by a new server")
            client.wait(lambda c: "driver.stop" in c.kinds, "the last event")
            told = [event["seq"] for event in before + client.events]
        assert told == list(range(1, len(told) + 1))
        assert len(told) == last_event(path)


def last_event(path: Path) -> int:
    with Ledger.open(path.with_name(f"{path.stem}_runs") / LEDGER, create=False, read_only=True) as ledger:
        event = ledger.last_event()
    assert event is not None
    return event.seq


def test_a_server_restarted_in_the_middle_shows_what_happened_meanwhile(tmp_path):
    path = sleeper(tmp_path / "root")
    with ending(path), serve(tmp_path / "root", tmp_path / "home") as server:
        pid = start(server, path)
        with Client(server, path.name) as client:
            client.wait(lambda c: c.state["phase"] == "running", "the run")
            seen, since = client.seq, client.state["phase_since"]
            server.restart(hard=True)
        assert "pauses" in send(path, "pause")
        with Client(server, path.name, seen) as client:
            client.wait(lambda c: c.state["state"] == "paused", "the pause that another face asked for")
            assert client.state["phase_since"] == since
            client.wait(lambda c: "pause" in c.kinds, "its event")
            # A state may tell of an event before that event is told: the client may have missed more than the pause.
            told = [event["seq"] for event in client.events]
            assert told == list(range(seen + 1, seen + 1 + len(told)))
        beats(path, pid)


def execute(server, kernel: str, code: str) -> None:
    """Run `code` in a kernel of the server, as a notebook does; fails where it raises."""
    url = f"ws{server.url[4:]}api/kernels/{kernel}/channels?token={server.token}"
    channel = create_connection(url, timeout=WAIT_S)
    try:
        header = {"msg_id": "asked", "msg_type": "execute_request", "session": "s", "username": "u", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        channel.send(json.dumps(message))
        while True:
            got = json.loads(channel.recv())
            if got["msg_type"] == "execute_reply" and got["parent_header"].get("msg_id") == "asked":
                assert got["content"]["status"] == "ok", got["content"]
                return
    finally:
        channel.close()


def test_an_idle_server_ends_itself_and_its_kernels_but_no_driver(tmp_path):
    # The server looks once a minute whether it was idle for long enough: this takes as long, and sleeps.
    from_panel, from_kernel = sleeper(tmp_path / "root", "panel.ipynb"), sleeper(tmp_path / "root", "kernel.ipynb")
    culling = {"cull_idle_timeout": 20, "cull_interval": 1, "cull_connected": True}
    settings = {"ServerApp": {"shutdown_no_activity_timeout": 3}, "MappingKernelManager": culling}
    with (
        ending(from_panel),
        ending(from_kernel),
        serve(tmp_path / "root", tmp_path / "home", **settings) as server,
        Client(server, from_panel.name) as client,
    ):
        panel = start(server, from_panel)
        kernel = server.ask("POST", "/api/kernels", {"name": "python3"}).json["id"]
        # Not by `wb.auto()`: while what it shows tells the time, its kernel is not idle.
        execute(server, kernel, FROM_KERNEL)
        notebook = driver(server, from_kernel.name)
        status = "/api/kernels?no_track_activity=1"
        until(lambda: server.get(status).json == [], "the idle kernel is ended")
        server.process.wait(WAIT_S)
        assert "shutting down" in server.log()
        assert client.closed.wait(WAIT_S)
        seen = client.seq
        beats(from_panel, panel)
        beats(from_kernel, notebook)
        server.restart()
        with Client(server, from_panel.name, seen) as again:
            again.wait(lambda c: c.state["state"] == "running", "the state told by the next server")
            assert again.state["driver"]["pid"] == panel
        assert server.post("stop", arena=from_kernel.name, now=True).status == 200


def test_all_of_it_works_below_a_base_url_as_a_hub_gives_it(tmp_path):
    path = write_quick_arena(tmp_path / "root" / "some folder")
    arena = "some folder/quick.ipynb"
    with ending(path), serve(tmp_path / "root", tmp_path / "home", base_url="/user/ada/") as server:
        assert server.ask("GET", "/autoloop/api/arenas").status == 404
        assert [item["path"] for item in server.get("arenas").json["arenas"]] == [arena]
        with Client(server, arena, 0) as client:
            client.wait(lambda c: c.messages, "the first state")
            start(server, path, iterations=1)
            client.wait(lambda c: c.state["state"] == "idle" and c.state["total"] == 1, "a verdict")
            client.wait(lambda c: c.rows[1]["verdict"] == "keep", "its row")
        assert client.rows[1]["notebook"] == "some folder/quick_runs/0001/iteration.ipynb"
        shown = server.ask("GET", f"/user/ada/api/contents/{client.rows[1]['notebook'].replace(' ', '%20')}?content=0")
        assert shown.status == 200


def test_a_server_that_ends_ends_what_verifies_an_export_and_leaves_the_export_whole(tmp_path, monkeypatch):
    root, temporary, pids = tmp_path / "root", tmp_path / "temporary", tmp_path / "pids"
    root.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    path = make_arena(root)
    sleeper = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '900'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getppid()}} {{os.getpid()}} {{child.pid}}\\n')\n"
        "time.sleep(900)"
    )
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline", model=sleeper)

    def ask():
        with contextlib.suppress(OSError, http.client.HTTPException):  # the line breaks
            server.post("iterations/1/export", arena=path.name, out="winner.ipynb", verify=True)

    with serve(root, tmp_path / "home") as server:
        asking = threading.Thread(target=ask)
        asking.start()
        until(lambda: pids.is_file() and pids.read_text().endswith("\n"), "the export runs")
        running = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
        try:
            server.process.terminate()
            server.process.wait(WAIT_S)
            asking.join()
            until(lambda: not any(one.is_running() and one.status() != "zombie" for one in running), "all is ended")
        finally:
            for one in running:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
    assert list(temporary.glob("autoloop-verify-*")) == []
    assert nbformat.read(root / "winner.ipynb", as_version=4).metadata.autoloop.export.iteration == 1
    assert sorted(one.name for one in root.iterdir()) == ["game.ipynb", "game_runs", "winner.ipynb"]
