"""Every route of a real server, over real HTTP, on real arenas; and drivers that it starts."""

import json
import os
import tempfile
import time
from pathlib import Path

import jsonschema
import nbformat
import pygit2
import pytest
from arenas import write_quick_arena
from played import BASELINE, history, make_arena, play, scored
from server_kit import WAIT_S, make, serve

from autoloop_kernel.records import Proposal
from autoloop_kernel.server.openapi import describe
from autoloop_kernel.session import open_session

ABOUT = describe()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("routes")
    with serve(folder / "root", folder / "home", "/user/ada/") as running:
        yield running


@pytest.fixture
def arena(server, request):
    """The path of an arena of its own, with a history, below the root."""
    folder = Path(tempfile.mkdtemp(prefix=f"{request.node.name.split('[')[0]}-", dir=server.root)).name
    history(make(server.root / folder))
    return f"{folder}/game.ipynb"


def fits(answer, method, path):
    """Check an answer against the description, and give back its JSON."""
    operation = ABOUT["paths"][f"/{path}"][method.lower()]
    told = operation["responses"][str(answer.status)]
    schema = told["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": ABOUT["components"]}).validate(answer.json)
    assert answer.headers["content-type"].startswith("application/json")
    return answer.json


def done(answer, path, status=200):
    """The answer of an action that went well."""
    assert answer.status == status, answer.body
    said = fits(answer, "PUT" if path == "strategy" else "POST", path)
    assert said["said"].isprintable()
    assert said["said"]
    return said


def waits(server, arena, key="w1", source="X = 0.25"):
    """A proposal that waits for a person."""
    with open_session(server.root / arena) as session:
        session.ledger.propose(Proposal(f"try {key}", {"model": source}, "because", "someone", 5, key), 1, review=True)
    return key


def eventually(look, wanted):
    """Look again and again until what is seen is `wanted`."""
    until = time.monotonic() + WAIT_S
    while not wanted(found := look()):
        assert time.monotonic() < until, found
        time.sleep(0.1)
    return found


def ended(server, arena):
    """The state once nothing drives the arena any more."""
    return eventually(
        lambda: server.get("state", arena=arena).json, lambda found: found["driver"] is None and found["ended"]
    )


# -- reading


def test_arenas_are_listed(server, arena):
    found = fits(server.get("arenas"), "GET", "arenas")
    line = next(one for one in found["arenas"] if one["path"] == arena)
    assert (line["state"], line["iterations"], line["best"]) == ("idle", 5, 0.5)
    assert {"function_min", "tiny_lm"} <= {one["name"] for one in found["templates"]}
    assert "search" in found["agents"]
    assert found["truncated"] is False


def test_the_state_is_told(server, arena):
    found = fits(server.get("state", arena=arena), "GET", "state")
    assert (found["arena"], found["champion"]["number"]) == (arena, 5)


def test_iterations_come_in_pages(server, arena):
    first = fits(server.get("iterations", arena=arena, limit=3), "GET", "iterations")
    assert ([row["number"] for row in first["rows"]], first["total"], first["next"]) == ([5, 4, 3], 5, 3)
    rest = server.get("iterations", arena=arena, limit=3, before=first["next"]).json
    assert ([row["number"] for row in rest["rows"]], rest["next"]) == ([2, 1], None)
    keeps = server.get("iterations", arena=arena, verdict="keep", search="X to", epoch=1, agent="search").json
    assert [row["number"] for row in keeps["rows"]] == [5, 4]
    assert (server.root / first["rows"][0]["notebook"]).parent.name == "0005"
    fresh = make(server.root / "fresh")
    assert server.get("iterations", arena="fresh/game.ipynb").json == {"rows": [], "total": 0, "next": None}
    assert not (fresh.parent / "game_runs").exists()


def test_one_iteration_is_told_in_full(server, arena):
    log = (server.root / arena).parent / "game_runs" / "0004" / "log.txt"
    log.parent.mkdir(exist_ok=True)
    log.write_text("it began\nit ended\n")
    found = fits(server.get("iterations/4", arena=arena), "GET", "iterations/{number}")
    assert (found["number"], found["base"], found["base_score"], found["champion"]) == (4, 1, 3.0, False)
    assert found["changes"] == [{"unit": "model", "before": BASELINE, "after": BASELINE.replace("3.0", "1.0")}]
    assert found["cost"]["requests"] == 0
    assert (found["arena"], found["log"]) == (arena, "it began\nit ended")
    assert found["extra"] == {"distance": 1.0, "bad": None}
    assert len(found["curve"]) == len(found["base_curve"]) == 5
    assert server.get("iterations/5", arena=arena).json["champion"] is True
    assert server.get("iterations/1", arena=arena).json["base_curve"] == []
    missing = server.get("iterations/6", arena=arena)
    assert (missing.status, missing.message) == (404, "there is no iteration 6 of game.ipynb: there are 1 to 5")


def test_a_log_that_links_elsewhere_is_not_read(server, arena, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    log = (server.root / arena).parent / "game_runs" / "0004" / "log.txt"
    log.parent.mkdir(exist_ok=True)
    log.symlink_to(tmp_path / "secret.txt")
    assert server.get("iterations/4", arena=arena).json["log"] == ""


def test_a_curve_is_told(server, arena):
    found = fits(server.get("curve", arena=arena, number=4), "GET", "curve")["points"]
    assert [point["step"] for point in found] == [0, 1, 2, 3, 4]
    assert server.get("curve", arena=arena, number=40).status == 404


def test_proposals_are_told(server, arena):
    waits(server, arena)
    found = fits(server.get("proposals", arena=arena), "GET", "proposals")["proposals"]
    assert [one["id"] for one in found] == ["p1", "p2", "p3", "p4", "p5", "twice", "w1"]
    waiting = server.get("proposals", arena=arena, status="waiting").json["proposals"]
    assert waiting == [fits(server.get("proposals/w1", arena=arena), "GET", "proposals/{id}")]
    assert (waiting[0]["number"], waiting[0]["status"], waiting[0]["arena"]) == (6, "waiting", arena)
    assert waiting[0]["changes"] == [{"unit": "model", "before": BASELINE.replace("3.0", "0.5"), "after": "X = 0.25"}]
    assert server.get("proposals/none", arena=arena).status == 404


def test_an_arena_is_checked(server, arena):
    found = fits(server.get("check", arena=arena), "GET", "check")
    assert found["errors"] == []
    assert found["sound"].startswith("game.ipynb: no problem found")
    path = server.root / arena
    notebook = json.loads(path.read_text())
    notebook["metadata"]["autoloop"]["budget_s"] = -1
    path.write_text(json.dumps(notebook))
    found = fits(server.get("check", arena=arena), "GET", "check")
    assert "budget_s" in found["errors"][0]
    assert found["sound"] == ""


def test_the_server_describes_itself(server):
    assert server.get("openapi.json").json == ABOUT


# -- acting


def test_an_arena_is_made_from_a_template(server):
    said = done(server.post("arenas", template="function_min", folder="new/one"), "arenas", 201)
    assert said["path"] == "new/one/function_min.ipynb"
    assert server.get("state", arena=said["path"]).json["state"] == "idle"
    again = server.post("arenas", template="function_min", folder="new/one")
    assert (again.status, again.message.startswith("new/one/function_min.ipynb is there already")) == (409, True)
    assert done(server.post("arenas", template="function_min"), "arenas", 201)["path"] == "function_min.ipynb"
    assert server.post("arenas", template="none", folder="new").status == 400


def test_the_strategy_is_rewritten(server, arena):
    assert fits(server.get("strategy", arena=arena), "GET", "strategy") == {"text": "# Go down"}
    done(server.ask("PUT", "strategy", {"arena": arena, "text": "# Up *and* <b>away</b>"}), "strategy")
    assert server.get("strategy", arena=arena).json == {"text": "# Up *and* <b>away</b>"}
    assert server.ask("PUT", "strategy", {"arena": arena, "text": "  "}).status == 400


def test_the_search_goes_on_from_any_iteration(server, arena):
    assert done(server.post("iterations/2/fork", arena=arena), "iterations/{number}/fork")["number"] == 2
    assert server.get("state", arena=arena).json["champion"]["number"] == 2
    done(server.post("iterations/4/champion", arena=arena), "iterations/{number}/champion")
    assert server.get("state", arena=arena).json["champion"]["number"] == 4
    assert server.get("iterations/4", arena=arena).json["champion"] is True
    for verb in ("fork", "champion", "apply", "replicate", "confirm", "export"):
        body = {"arena": arena} | ({"out": "x.ipynb"} if verb == "export" else {})
        assert server.ask("POST", f"iterations/77/{verb}", body).status == 404
    assert server.post("iterations/3/champion", arena=arena).status == 409  # it crashed


def test_a_keep_is_asked_to_be_confirmed(server, arena):
    said = done(server.post("iterations/4/confirm", arena=arena, run=False), "iterations/{number}/confirm")
    assert said["said"] == "iteration 4, held against fresh runs of its base, runs at the next start"
    with open_session(server.root / arena) as session:
        assert session.ledger.confirms() == [4]
    refused = server.post("iterations/3/confirm", arena=arena, run=False)
    assert refused.status == 409
    assert "only a keep" in refused.json["message"]


def test_an_iteration_is_applied(server, arena):
    done(server.post("iterations/4/apply", arena=arena), "iterations/{number}/apply")
    cells = nbformat.read(server.root / arena, as_version=4).cells
    assert BASELINE.replace("3.0", "1.0") in [cell.source for cell in cells]
    again = done(server.post("iterations/4/apply", arena=arena), "iterations/{number}/apply")
    assert "already" in again["said"]


def test_what_an_iteration_was_made_of_is_told(server, arena):
    told = fits(server.get("iterations/4/sources", arena=arena), "GET", "iterations/{number}/sources")
    with open_session(server.root / arena) as session:
        assert told == {"number": 4, "units": session.units(4)}
    missing = server.get("iterations/400/sources", arena=arena)
    assert missing.status == 404
    assert "there are 1 to" in missing.json["message"]


def test_two_iterations_are_compared(server, arena):
    told = fits(server.get("compare", arena=arena, a=1, b=4), "GET", "compare")
    assert told["arena"] == arena
    assert [told["a"]["number"], told["b"]["number"]] == [1, 4]
    assert told["difference"] == pytest.approx(told["b"]["score"] - told["a"]["score"])
    with open_session(server.root / arena) as session:
        before, after = session.units(1), session.units(4)
    assert told["changes"] == [{"unit": "model", "before": before["model"], "after": after["model"]}]
    assert (server.root / told["b"]["notebook"]).parent.name == "0004"
    assert server.get("compare", arena=arena, a=1, b=400).status == 404
    assert server.get("compare", arena=arena, a=1).status == 400


def test_only_files_are_applied_where_the_notebook_is_open(server, arena):
    before = (server.root / arena).read_bytes()
    said = done(server.post("iterations/4/apply", arena=arena, cells=False), "iterations/{number}/apply")
    assert "nothing to change" in said["said"]
    assert (server.root / arena).read_bytes() == before
    with open_session(server.root / arena) as session:
        assert session.applied()[0] == 4, "the person's next edits are held against it"


def test_files_are_applied_without_the_notebook(server):
    (server.root / "with_files").mkdir()
    path = make_arena(server.root / "with_files", files=["lib.py"])
    (path.parent / "lib.py").write_text("N = 1\n", encoding="utf-8")
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None)
        play(session, 1.0, scored(1.0), 1, **{"lib.py": "N = 2\n"})
    arena, before = "with_files/game.ipynb", path.read_bytes()
    told = fits(server.get("iterations/2/sources", arena=arena), "GET", "iterations/{number}/sources")
    assert told["units"]["lib.py"] == "N = 2\n"
    said = done(server.post("iterations/2/apply", arena=arena, cells=False), "iterations/{number}/apply")
    assert said["said"] == "iteration 2 is beside the notebook now: lib.py"
    assert (path.parent / "lib.py").read_text(encoding="utf-8") == "N = 2\n"
    assert path.read_bytes() == before


def test_nothing_is_applied_through_a_link_out_of_the_root(server, arena, tmp_path):
    path, outside = server.root / arena, tmp_path / "theirs.py"
    outside.write_text("Y = 1\n")
    (path.parent / "mine.py").symlink_to(outside)
    notebook = json.loads(path.read_text())
    notebook["metadata"]["autoloop"]["files"] = ["mine.py"]
    path.write_text(json.dumps(notebook))
    refused = server.post("iterations/4/apply", arena=arena)
    assert (refused.status, str(tmp_path) in refused.message) == (409, False)
    assert outside.read_text() == "Y = 1\n"


def test_an_iteration_is_exported(server, arena):
    route, folder = "iterations/{number}/export", arena.partition("/")[0]
    said = done(server.post("iterations/5/export", arena=arena, out=f"{folder}/winner.ipynb"), route)
    assert (said["path"], said["number"], said["score"]) == (f"{folder}/winner.ipynb", 5, 0.5)
    assert nbformat.read(server.root / folder / "winner.ipynb", as_version=4).metadata.autoloop.export.iteration == 5
    (server.root / folder / "mine.ipynb").write_text("{}")
    for out, status in (("mine.ipynb", 409), ("winner.txt", 400), ("none/winner.ipynb", 409), ("../../w.ipynb", 403)):
        refused = server.post("iterations/5/export", arena=arena, out=f"{folder}/{out}")
        assert (refused.status, str(server.root) in refused.message) == (status, False)
    assert (server.root / folder / "mine.ipynb").read_text() == "{}"
    done(server.post("iterations/5/export", arena=arena, out=f"{folder}/mine.ipynb", force=True), route)


def test_a_report_is_written_beside_the_arena(server, arena):
    folder = arena.partition("/")[0]
    out = f"{folder}/game_report.ipynb"
    said = done(server.post("report", arena=arena, out=out, html=True), "report")
    assert said["path"] == out
    assert said["said"].startswith(f"{out}: loss 3.000 → 0.500")
    assert nbformat.read(server.root / out, as_version=4).metadata.autoloop.report.arena == "game"
    assert (server.root / folder / "game_report.html").exists()
    (server.root / folder / "page.html").write_text("mine")
    cases = (("game.ipynb", 409), ("r.html", 400), ("none/r.ipynb", 409), ("../../r.ipynb", 403))
    for name, status in cases:
        refused = server.post("report", arena=arena, out=f"{folder}/{name}")
        assert (refused.status, str(server.root) in refused.message) == (status, False)
    refused = server.post("report", arena=arena, out=f"{folder}/page.ipynb", html=True)
    assert (refused.status, "page.html exists and is no report" in refused.message) == (409, True)
    assert server.post("report", arena=arena, out=out, hours=0).status == 400


def test_a_proposal_is_skipped_with_a_reason(server, arena):
    waits(server, arena)
    done(server.post("proposals/w1/skip", arena=arena, reason="too\nbold"), "proposals/{id}/skip")
    found = server.get("proposals/w1", arena=arena).json
    assert (found["status"], found["reason"]) == ("skipped", "too bold")
    for verb in ("accept", "skip"):
        refused = server.post(f"proposals/w1/{verb}", arena=arena)
        assert (refused.status, "no longer waits" in refused.message) == (409, True)
    assert server.post("proposals/none/accept", arena=arena).status == 404


def test_decisions_wait_where_nothing_is_to_run(server, arena):
    waits(server, arena, "w1", "X = 0.25")
    waits(server, arena, "w2", "X = 0.125")
    said = done(server.post("proposals/w1/accept", arena=arena, run=False), "proposals/{id}/accept")
    assert said["id"] == "w1"
    body = {"arena": arena, "run": False, "units": {"model": "X = (("}}
    refused = server.ask("POST", "proposals/w2/take-over", body)
    assert (refused.status, refused.message.startswith("your version may not run")) == (400, True)
    body["units"] = {"model": "X = 0.0625\nsubmit(lambda: np.array(X))"}
    said = done(server.ask("POST", "proposals/w2/take-over", body), "proposals/{id}/take-over")
    taken = server.get(f"proposals/{said['id']}", arena=arena).json
    assert (taken["status"], taken["agent"]) == ("accepted", "human, after someone")
    done(server.post("iterations/4/replicate", arena=arena, run=False), "iterations/{number}/replicate")
    state = server.get("state", arena=arena).json
    assert (state["driver"], state["waiting"], state["plan"]) == (None, [], None)


@pytest.mark.parametrize("verb", ["pause", "resume", "stop"])
def test_where_nothing_runs_nothing_is_steered(server, arena, verb):
    refused = server.post(verb, arena=arena)
    assert refused.status == 409
    assert "nothing is running" in refused.message
    make(server.root / "fresh")
    assert server.post(verb, arena="fresh/game.ipynb").status == 404


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"max_cost": 0}, "max_cost: input should be greater than 0"),
        ({"max_cost": "5"}, "max_cost: input should be a valid number"),
        ({"ahead": -1}, "ahead: input should be greater than or equal to 0"),
        ({"ahead": 1.5}, "ahead: input should be a valid integer"),
        ({"workers": 4}, "workers: input should be a valid string"),
        ({"workers": "0"}, "workers '0' names no workers — give how many run at once"),
        ({"workers": "ray://"}, "workers 'ray://' names no workers"),
        ({"workers": "two\nlines"}, "workers 'two\\nlines' names no workers"),
        ({"agents": ["claude:local,base_url=http://127.0.0.1:1"], "max_cost": 1}, "no price of local is known"),
    ],
)
def test_what_may_be_spent_is_an_amount_that_can_be_kept(server, arena, asked, line):
    refused = server.post("auto", arena=arena, **asked)
    assert refused.status in (400, 409)
    assert refused.message.startswith(line)
    assert server.get("state", arena=arena).json["driver"] is None


def test_a_driver_with_workers_is_started_and_tells_of_them(server):
    arena = str(write_quick_arena(server.root / "several").relative_to(server.root))
    done(server.post("auto", arena=arena, agents=["search"], hours=0.5, workers=" 2 "), "auto", 202)
    assert server.get("state", arena=arena).json["plan"]["workers"] == "2"
    state = eventually(
        lambda: server.get("state", arena=arena).json, lambda s: [w["runs"] > 0 for w in s["workers"]] == [True, True]
    )
    fits(server.get("state", arena=arena), "GET", "state")
    assert [(worker["name"], worker["state"]) for worker in state["workers"]] == [("w1", "up"), ("w2", "up")]
    done(server.post("stop", arena=arena, now=True), "stop")
    assert not ended(server, arena)["failed"]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"share": "none.git"}, "share none.git: git ls-remote failed"),
        ({"share": "--upload-pack=true"}, "share --upload-pack=true: '--upload-pack=true' is no remote"),
        ({"share": "x.git", "share_every": 0.0}, "share-every 0.0 is no time — give minutes above 0"),
        ({"share": 3}, "share: input should be a valid string"),
        ({"agents": ["search@dream"]}, "there is no role 'dream' — there is explore, refine, simplify, combine"),
    ],
)
def test_a_remote_that_is_none_is_refused_before_anything_runs(server, arena, asked, line):
    refused = server.post("auto", arena=arena, **asked)
    assert refused.status in (400, 409)
    assert refused.message.startswith(line)
    assert server.get("state", arena=arena).json["driver"] is None


def test_drivers_that_share_and_have_lines_of_agents_tell_of_both(server):
    """Two folders below the root share over a bare repository there; the second has a line for each of two agents."""
    theirs, mine = (str(write_quick_arena(server.root / one).relative_to(server.root)) for one in ("theirs", "mine"))
    pygit2.init_repository(str(server.root / "hub.git"), bare=True)
    shares = {"share": "hub.git", "share_every": 0.005}
    done(server.post("auto", arena=theirs, agents=["search"], iterations=3, **shares), "auto", 202)
    ended(server, theirs)
    team = ["search@explore", "search@refine"]
    done(server.post("auto", arena=mine, agents=team, iterations=4, islands=True, **shares), "auto", 202)
    plan = server.get("state", arena=mine).json["plan"]
    assert (plan["share"], plan["share_every"], plan["islands"]) == (str(server.root / "hub.git"), 0.005, True)
    state = ended(server, mine)
    fits(server.get("state", arena=mine), "GET", "state")
    sharing = state["sharing"]
    assert (sharing["remote"], sharing["pushed"], sharing["pulled"]) == (plan["share"], state["total"], 3)
    assert [one["findings"] for one in sharing["whose"]] == [3]
    assert 0 < sharing["pulled_at"] <= sharing["at"] <= time.time()
    rows = fits(server.get("iterations", arena=mine), "GET", "iterations")["rows"]
    lines = {row["island"] for row in rows if "island" in row}
    assert lines
    assert lines <= set(team)
    assert {island["name"] for island in state["islands"]} == lines
    of = next(row for row in rows if "island" in row)
    detail = fits(server.get(f"iterations/{of['number']}", arena=mine), "GET", "iterations/{number}")
    assert detail["island"] == of["island"]


def test_a_driver_is_started_steered_and_ended(server):
    arena = str(write_quick_arena(server.root / "driven").relative_to(server.root))
    said = done(server.post("auto", arena=arena, agents=["search"], hours=0.5, max_cost=2.5, ahead=1), "auto", 202)
    assert said["said"] == "it goes on by itself until 0.5 h or $2.50 are spent"
    running = server.get("state", arena=arena).json
    assert running["state"] == "running"
    assert (running["plan"]["max_cost"], running["spent"]) == (2.5, 0.0)
    pid = running["driver"]["pid"]
    assert os.getsid(pid) == pid != os.getsid(server.process.pid)  # what ends the server does not end the driver
    for route in ("auto", "step"):
        busy = server.post(route, arena=arena)
        assert (busy.status, "is being driven already" in busy.message) == (409, True)
    done(server.post("pause", arena=arena), "pause")
    eventually(lambda: server.get("state", arena=arena).json, lambda s: s["state"] == "paused" and not s["flying"])
    done(server.post("resume", arena=arena), "resume")
    eventually(lambda: server.get("state", arena=arena).json, lambda s: s["ran"] >= 2 and s["best"])
    assert done(server.post("stop", arena=arena, now=True), "stop")["said"].startswith("it stops at once")
    last = ended(server, arena)
    assert (last["state"], last["ended"], last["plan"]["hours"]) == ("idle", "stopped", 0.5)
    assert 0 < last["busy"] <= 1
    rows = fits(server.get("iterations", arena=arena), "GET", "iterations")["rows"]
    assert rows[-1]["title"] == "baseline"


def test_a_proposal_is_asked_for_reviewed_and_run(server):
    arena = str(write_quick_arena(server.root / "reviewed").relative_to(server.root))
    said = done(server.post("step", arena=arena, agents=["search"], review=True), "step", 202)
    assert said["said"].startswith("search is asked for one proposal")
    state = ended(server, arena)
    waiting = state["waiting"]
    assert (len(waiting), state["total"], state["plan"]["review"]) == (1, 1, True)
    said = done(server.post(f"proposals/{waiting[0]['id']}/accept", arena=arena), "proposals/{id}/accept")
    assert said["said"].endswith("runs now")
    state = ended(server, arena)
    assert (state["total"], state["waiting"], state["plan"]["queued"]) == (2, [], True)
    done(server.post("iterations/2/replicate", arena=arena), "iterations/{number}/replicate")
    ended(server, arena)
    detail = server.get("iterations/2", arena=arena).json
    assert [one["kind"] for one in detail["attempts"]] == ["screen", "replicate"]


def test_an_unknown_agent_and_an_unsound_arena_start_nothing(server, arena):
    refused = server.post("step", arena=arena, agents=["serch"])
    assert (refused.status, "there is no agent" in refused.message) == (400, True)
    path = server.root / arena
    path.write_text(path.read_text().replace('"budget_s": 2', '"budget_s": -2'))
    refused = server.post("step", arena=arena)
    assert (refused.status, "budget_s" in refused.message) == (409, True)
    assert str(server.root) not in refused.message
    assert server.get("state", arena=arena).status == 409
