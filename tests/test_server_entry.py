"""The address that `autoloop lab` opens: on to JupyterLab for whoever is logged in, and for arenas below the root."""

from __future__ import annotations

import urllib.parse

import pytest
from server_kit import DENYING, make, serve


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("entry")
    with serve(folder / "root", folder / "home", "/user/ada/") as running:
        make(running.root / "my work", "a game.ipynb")
        (folder / "outside").mkdir()
        make(folder / "outside")
        (running.root / "link.ipynb").symlink_to(folder / "outside" / "game.ipynb")
        yield running


def test_it_leads_to_the_arena_with_the_panel(server):
    answer = server.ask("GET", "/user/ada/autoloop/lab/my%20work/a%20game.ipynb")
    assert answer.status == 302
    place = urllib.parse.urlsplit(answer.headers["location"])
    assert place.path == "/user/ada/lab/tree/my%20work/a%20game.ipynb"
    assert urllib.parse.parse_qs(place.query) == {"autoloop": ["my work/a game.ipynb"]}
    assert (place.scheme, place.netloc) == ("", "")


def test_a_stranger_is_led_to_the_login(server):
    for token in (None, "wrong"):
        answer = server.ask("GET", "/user/ada/autoloop/lab/my%20work/a%20game.ipynb", token=token)
        assert answer.status in (302, 403)
        assert "autoloop=" not in answer.headers.get("location", "").partition("next=")[0]
        assert "/lab/tree" not in answer.headers.get("location", "").partition("next=")[0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("..%2foutside%2fgame.ipynb", 403),
        ("%2fetc%2fpasswd", 403),
        ("link.ipynb", 403),
        ("none.ipynb", 404),
        ("%2f%2fexample.org%2fgame.ipynb", 403),
    ],
)
def test_it_leads_nowhere_else(server, path, status):
    answer = server.ask("GET", f"/user/ada/autoloop/lab/{path}")
    assert answer.status == status
    assert "location" not in answer.headers


def test_who_may_not_read_arenas_is_not_told_which_there_are(tmp_path):
    make(tmp_path / "root")
    (tmp_path / "root" / "denying.py").write_text(DENYING)
    with serve(tmp_path / "root", tmp_path / "home", ServerApp={"authorizer_class": "denying.Denying"}) as guarded:
        for path in ("game.ipynb", "none.ipynb"):
            answer = guarded.ask("GET", f"/autoloop/lab/{path}")
            assert answer.status == 403, path
            assert "location" not in answer.headers
