"""Who may ask what: a real server refuses what has no token, comes from elsewhere, or reaches out of its folder."""

import http.cookies
import json

import pytest
from played import history
from server_kit import Server, make, serve
from test_server_paths import OUTSIDE

from autoloop_kernel.server.handlers import LARGEST
from autoloop_kernel.server.routes import ROUTES

ARENA = "sub/game.ipynb"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("safety")
    history(make(folder / "root" / "sub"))
    make(folder / "outside")
    (folder / "root" / "away").symlink_to(folder / "outside")
    (folder / "root" / "away.ipynb").symlink_to(folder / "outside" / "game.ipynb")
    with serve(folder / "root", folder / "home", "/user/ada/") as running:
        yield running


def filled(path):
    return path.replace("{number}", "2").replace("{id}", "p2")


def sent(route, **more):
    """A request that would be met, as far as authentication goes."""
    if route.method == "GET":
        return {"query": {"arena": ARENA}, **more}
    return {"body": {"arena": ARENA}, **more}


@pytest.fixture
def before(server):
    return snapshot(server)


def snapshot(server):
    """All files around the server, by path, with their sizes and times; its own and SQLite's side files left out."""
    folder = server.root.parent
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "home" not in path.parts and not path.name.endswith(("-wal", "-shm"))
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize("token", [None, "0" * 32], ids=["no token", "a wrong token"])
def test_without_the_token_nothing_is_told_or_done(server, before, route, token):
    refused = server.ask(route.method, filled(route.path), token=token, **sent(route))
    assert refused.status == 403
    assert refused.json == {"message": refused.message}
    assert snapshot(server) == before


def test_not_even_which_routes_there_are(server):
    for route in ("none", "iterations/2/none", ""):
        assert server.ask("GET", route, token=None).status == 403
        assert server.ask("POST", route, {}, token=None).status == 403
        assert server.get(route).status == 404
        assert server.post(route).message == "there is no such route: openapi.json lists them"


@pytest.fixture
def browser(server):
    """The cookies of a browser that has logged in."""
    page = server.ask("GET", f"{server.base_url}api/status?token={server.token}", token=None)
    assert page.status == 200
    page = server.ask("GET", f"{server.base_url}tree?token={server.token}", token=None)
    jar = http.cookies.SimpleCookie()
    for line in page.headers["set-cookie"].split(", "):
        jar.load(line)
    login = server.ask("GET", f"{server.base_url}login?token={server.token}", token=None)
    for line in login.headers.get("set-cookie", "").split(", "):
        jar.load(line)
    return {name: morsel.value for name, morsel in jar.items()}


def cookies(jar, **more):
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items()), **more}


def test_a_browser_needs_its_xsrf_token_to_change_anything(server, browser):
    assert any(name.startswith("username-") for name in browser), browser
    here = f"http://127.0.0.1:{server.port}"
    own = cookies(browser, Origin=here, Referer=f"{server.url}lab")
    assert server.ask("GET", "state", query={"arena": ARENA}, token=None, headers=own).status == 200
    before = snapshot(server)
    for route in ROUTES:
        if route.method != "GET":
            refused = server.ask(route.method, filled(route.path), token=None, headers=own, **sent(route))
            assert (refused.status, "_xsrf" in refused.message) == (403, True), route.path
    assert snapshot(server) == before
    own["X-XSRFToken"] = browser["_xsrf"]
    allowed = server.ask("POST", "iterations/5/fork", {"arena": ARENA}, token=None, headers=own)
    assert allowed.status == 200, allowed.body


def test_a_page_of_another_origin_is_refused(server, browser):
    elsewhere = cookies(browser, Origin="http://evil.example", Referer="http://evil.example/")
    for route in ROUTES:
        refused = server.ask(route.method, filled(route.path), token=None, headers=elsewhere, **sent(route))
        assert refused.status in (403, 404), route.path
        assert set(refused.json) == {"message"}
        assert "access-control-allow-origin" not in refused.headers
    elsewhere["X-XSRFToken"] = browser["_xsrf"]
    assert server.ask("POST", "iterations/5/fork", {"arena": ARENA}, token=None, headers=elsewhere).status in (403, 404)


def test_another_host_name_is_refused(server):
    refused = server.ask("GET", "state", query={"arena": ARENA}, headers={"Host": "evil.example"})
    assert refused.status == 403


@pytest.mark.parametrize("path", [*OUTSIDE, "away/game.ipynb", "away.ipynb"])
def test_a_path_outside_the_root_is_refused_everywhere(server, path):
    before = snapshot(server)
    for route in ROUTES:
        if "Arena" not in route.takes and route.method == "GET":
            continue
        body = {"arena": path, "number": 1, "text": "x", "units": {}, "out": "x.ipynb", "template": "function_min"}
        known = {
            "take-over": ("units",),
            "export": ("out",),
            "report": ("out",),
            "strategy": ("text",),
            "curve": ("number",),
        }
        names = ("arena", *known.get(route.path.rpartition("/")[2], ()))
        if route.path == "arenas":
            body |= {"folder": path}
            names = ("template", "folder")
        if route.path in ("arenas", "openapi.json") and route.method == "GET":
            continue
        given = {name: body[name] for name in names if route.method != "GET" or name in ("arena", "number")}
        answer = server.ask(
            route.method, filled(route.path), **({"query": given} if route.method == "GET" else {"body": given})
        )
        assert answer.status in (400, 403), (route.path, answer.body)
        assert answer.message
        assert str(server.root.parent) not in answer.message
    exported = server.post("iterations/5/export", arena=ARENA, out=f"{path}/w.ipynb")
    assert exported.status in (400, 403)
    assert server.post("report", arena=ARENA, out=f"{path}/r.ipynb").status in (400, 403)
    assert snapshot(server) == before


def test_a_raw_query_is_decoded_once(server):
    for path in ("..%2fgame.ipynb", "%2e%2e%2fgame.ipynb", "sub%2f..%2f..%2foutside%2fgame.ipynb", "..%5cgame.ipynb"):
        assert server.ask("GET", f"state?arena={path}").status == 403
    assert server.ask("GET", "state?arena=sub%2Fgame.ipynb").status == 200
    assert server.ask("GET", "state?arena=sub/game.ipynb&1795321960123").status == 200  # as JupyterLab asks
    assert server.ask("GET", "state?arena=%ff%fe").status == 400
    assert server.ask("GET", "state?arena=sub/game.ipynb&arena=away.ipynb").status == 400
    for path in ("..", "%2e%2e", "state/../../../api/status", "..%2f..%2fapi%2fstatus"):
        assert server.ask("GET", path).status in (403, 404)


def test_a_malformed_body_gets_one_clear_line(server):
    json_type = {"Content-Type": "application/json"}
    for raw, words in (
        (b"", "not as described"),
        (b"{", "not as described"),
        (b"[]", "not as described"),
        (b'"x"', "not as described"),
        (b"null", "not as described"),
        (b"\xff\xfe", "not as described"),
        (b"[" * 100_000, "not as described"),
        (b"{}", "'arena' is missing"),
        (b'{"arena": 1}', "arena: "),
        (b'{"arena": ""}', "arena: "),
        (b'{"arena": "x.ipynb", "nwo": true}', "'nwo' is not known here"),
        (b'{"arena": "x.ipynb", "now": "yes"}', "now: "),
        (b'{"arena": "x.ipynb", "now": 1}', "now: "),
    ):
        refused = server.ask("POST", "stop", raw=raw, headers=json_type)
        assert (refused.status, words in refused.message) == (400, True), (raw[:50], refused.body)
    for content in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonp", "multipart/form-data"):
        refused = server.ask("POST", "stop", {"arena": ARENA}, headers={"Content-Type": content})
        assert refused.status == 400, content
    fine = server.ask("POST", "stop", {"arena": ARENA}, headers={"Content-Type": "application/json; charset=utf-8"})
    assert fine.status == 409
    for number in ("NaN", "Infinity", "-1", "0", "1e999", '"3"', "1.5", "true", "9" * 30):
        raw = f'{{"arena": "{ARENA}", "iterations": {number}}}'.encode()
        assert server.ask("POST", "auto", raw=raw).status == 400, number


def test_a_body_without_end_is_refused(server):
    refused = server.ask("PUT", "strategy", {"arena": ARENA, "text": "x" * LARGEST})
    assert (refused.status, "MiB" in refused.message) == (413, True)


def test_other_verbs_are_refused(server):
    for method, route in (("DELETE", "state"), ("PATCH", "strategy"), ("PUT", "step"), ("POST", "state")):
        refused = server.ask(method, route, {"arena": ARENA})
        assert (refused.status, "that verb" in refused.message) == (405, True)
    assert server.ask("HEAD", "state").status == 405


def test_what_goes_wrong_within_is_told_in_one_line_without_a_traceback(server):
    runs = server.root / "torn" / "game_runs"
    history(make(runs.parent))
    (runs / "ledger.sqlite").unlink()
    (runs / "ledger.sqlite").mkdir()
    answer = server.get("state", arena="torn/game.ipynb")
    assert answer.status in (409, 500)
    assert "Traceback" not in answer.body.decode()
    assert str(server.root) not in answer.message
    assert set(answer.json) == {"message"}


def test_only_who_is_allowed_to_may(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "readers.py").write_text(
        "from jupyter_server.auth import Authorizer\n"
        "class Readers(Authorizer):\n"
        "    def is_authorized(self, handler, user, action, resource):\n"
        "        return resource != 'autoloop' or action == 'read'\n"
    )
    history(make(tmp_path / "root" / "sub"))
    code = f"import sys\nsys.path.insert(0, {str(tmp_path / 'home')!r})\n"
    code += "import readers\nc.ServerApp.authorizer_class = readers.Readers\n"
    (tmp_path / "home" / "config").mkdir()
    (tmp_path / "home" / "config" / "jupyter_server_config.py").write_text(code)
    running = Server((tmp_path / "root").resolve(), (tmp_path / "home").resolve())
    try:
        assert running.get("state", arena=ARENA).status == 200
        for route in ROUTES:
            if route.method == "GET":
                continue
            refused = running.ask(route.method, filled(route.path), {"arena": ARENA})
            assert (refused.status, "not authorized" in refused.message) == (403, True), route.path
    finally:
        running.close()


def test_the_log_holds_no_token(server):
    assert server.token not in json.dumps((server.home / "server.log").read_text(errors="replace"))
