"""Imports by REST: what is proposed and what is made, below the server's root and nowhere else."""

import json

import pytest
from checkout_kit import checkout
from server_kit import serve
from test_importing_guided import FIT, with_data
from test_server_routes import done, fits


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imports")
    with serve(folder / "root", folder / "home", "/user/ada/") as running:
        yield running


def test_a_script_is_proposed_and_imported_as_the_person_chose(server):
    folder = server.root / "fit"
    folder.mkdir()
    with_data(folder)
    found = fits(server.get("import", path="fit/fit.py"), "GET", "import")
    assert (found["whole"], found["score"], found["answer"], found["grade"]) == (False, "val_mse", "predict", "sealed")
    assert [one["name"] for one in found["choices"] if one["editable"]] == ["2", "4", "5", "6"]
    assert (found["seals"], found["out"]) == (["val.npz"], "fit/fit_arena.ipynb")
    other = fits(server.get("import", path="fit/fit.py", answer="none"), "GET", "import")
    assert (other["grade"], other["why"]) == ("self-reported", "you said that nothing is to answer")
    body = {"score": "val_mse", "direction": "min", "answer": "predict", "editable": ["4"], "seal": ["val.npz"]}
    said = done(server.post("import", path="fit/fit.py", budget_s=7.0, **body), "import", 201)
    assert said["path"] == "fit/fit_arena.ipynb"
    raw = json.loads((folder / "fit_arena.ipynb").read_text())
    assert raw["metadata"]["autoloop"]["budget_s"] == 7.0
    assert [cell["id"] for cell in raw["cells"] if "editable" in cell["metadata"].get("tags", [])] == ["features"]
    assert (folder / "fit.py").read_text() == FIT
    assert server.get("check", arena=said["path"]).json["errors"] == []
    again = done(server.post("import", path="fit/fit.py"), "import", 201)
    assert again["path"] == "fit/fit_arena-2.ipynb", "nothing is overwritten"
    taken = server.post("import", path="fit/fit.py", out="fit/fit_arena.ipynb")
    assert (taken.status, "is there already" in taken.message) == (409, True)


def test_a_checkout_is_imported_whole_and_no_home_is_linked(server):
    made = checkout(server.root)
    found = fits(server.get("import", path="tinysearch"), "GET", "import")
    assert (found["whole"], found["score"], found["grade"]) == (True, "val_bpb", "self-reported")
    assert [(one["name"], one["editable"]) for one in found["choices"]] == [("train.py", True), ("prepare.py", False)]
    done(server.post("import", path="tinysearch"), "import", 201)
    assert not [path for path in made.iterdir() if path.is_symlink()]
    assert server.get("state", arena="tinysearch/tinysearch.ipynb").json["metric"]["grade"] == "self-reported"


def test_what_cannot_be_imported_is_one_line_and_stays_below_the_root(server, tmp_path):
    (tmp_path / "out.py").write_text(FIT)
    (server.root / "link.py").symlink_to(tmp_path / "out.py")
    (server.root / "a.txt").write_text("x")
    assert server.get("import", path="link.py").status == 403
    assert server.get("import", path="../out.py").status == 403
    assert server.get("import", path="none.py").status == 404
    assert "is neither a folder, nor a notebook" in server.get("import", path="a.txt").message
    (server.root / "ok.py").write_text("loss = 1.0\nprint('loss', loss)\n")
    assert server.post("import", path="ok.py", out="../x.ipynb").status == 403
    assert "no such number" in server.post("import", path="ok.py", score="gain").message
