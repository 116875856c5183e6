import json

import pytest
from played import history
from server_kit import make as make_arena

from autoloop_kernel.server import arenas
from autoloop_kernel.server.paths import below


def paths(root):
    found, truncated = arenas.found(root)
    return [below(root, path) for path in found], truncated


def test_arenas_are_found_and_all_else_is_passed_over(tmp_path):
    make_arena(tmp_path, "near.ipynb")
    make_arena(tmp_path / "a" / "b", "far.ipynb")
    for skipped in (".hidden", "near_runs", "node_modules", "__pycache__", "lib/site-packages", "env"):
        make_arena(tmp_path / skipped, "not.ipynb")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    make_arena(tmp_path, ".hidden.ipynb")
    (tmp_path / "plain.ipynb").write_text(json.dumps({"metadata": {}, "cells": [], "nbformat": 4}))
    (tmp_path / "broken.ipynb").write_text('{"autoloop"')
    (tmp_path / "odd.ipynb").write_text('["autoloop"]')
    exported = json.loads((tmp_path / "near.ipynb").read_text())
    exported["metadata"]["autoloop"]["export"] = {"arena": "near"}
    (tmp_path / "winner.ipynb").write_text(json.dumps(exported))
    (tmp_path / "folder.ipynb").mkdir()
    assert paths(tmp_path) == (["a/b/far.ipynb", "near.ipynb"], False)


def test_no_link_leads_out_of_the_root(tmp_path):
    outside, root = tmp_path / "outside", tmp_path / "root"
    make_arena(outside, "theirs.ipynb")
    ours = make_arena(root, "ours.ipynb")
    (root / "away").symlink_to(outside)
    (root / "theirs.ipynb").symlink_to(outside / "theirs.ipynb")
    (root / "twin.ipynb").symlink_to(ours)
    (root / "again").symlink_to(root)
    assert paths(root) == (["ours.ipynb", "twin.ipynb"], False)  # a link that stays inside is as good as the file


def test_a_changed_notebook_is_looked_at_anew(tmp_path):
    path = make_arena(tmp_path)
    assert arenas.is_arena(path)
    path.write_text("{}")
    assert not arenas.is_arena(path)
    path.unlink()
    assert not arenas.is_arena(path)


@pytest.mark.parametrize(("bound", "value"), [("FOLDERS", 3), ("NOTEBOOKS", 2), ("DEPTH", 1)])
def test_the_walk_is_bounded_and_says_so(tmp_path, monkeypatch, bound, value):
    for name in "abcdef":
        make_arena(tmp_path / name / name / name, f"{name}.ipynb")
        make_arena(tmp_path / name, f"{name}.ipynb")
    assert len(paths(tmp_path)[0]) == 12
    monkeypatch.setattr(arenas, bound, value)
    found, truncated = paths(tmp_path)
    assert truncated
    assert 0 < len(found) < 12


def test_a_line_tells_how_an_arena_stands(tmp_path):
    path = make_arena(tmp_path / "sub")
    fresh = arenas.item(tmp_path, path)
    assert fresh == {
        "path": "sub/game.ipynb",
        "name": "game",
        "state": "idle",
        "iterations": 0,
        "best": None,
        "metric": {"name": "loss", "direction": "min", "unit": "", "target": None, "grade": "sealed"},
        "problem": "",
    }
    history(path)
    assert arenas.item(tmp_path, path) == {**fresh, "iterations": 5, "best": 0.5}


DAMAGED = {"empty": b"", "merged": b'<<<<<<< HEAD\n{"autoloop"', "nested": b"[" * 100_000, "binary": b"\xff\xfe\x00"}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_notebook_keeps_its_line_where_it_has_run(tmp_path, damage):
    path = make_arena(tmp_path)
    history(path)
    (tmp_path / "never ran.ipynb").write_text('{"autoloop"')
    path.write_bytes(DAMAGED[damage])
    assert paths(tmp_path) == (["game.ipynb"], False)
    line = arenas.item(tmp_path, path)
    assert (line["state"], line["path"]) == ("unsound", "game.ipynb")
    assert line["problem"].startswith("game.ipynb")
    path.write_text("{}")
    assert paths(tmp_path) == ([], False)  # it is a notebook again, and no arena


def test_a_broken_arena_keeps_its_line_and_its_past(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    notebook = json.loads(path.read_text())
    notebook["metadata"]["autoloop"]["files"] = ["*.none"]
    notebook["cells"] = [cell for cell in notebook["cells"] if "score" not in cell["metadata"].get("tags", [])]
    path.write_text(json.dumps(notebook))
    line = arenas.item(tmp_path, path)
    assert (line["state"], line["iterations"], line["best"]) == ("unsound", 5, 0.5)
    assert "score" in line["problem"]
    assert str(tmp_path) not in line["problem"]
    notebook["metadata"]["autoloop"]["metric"] = {}
    path.write_text(json.dumps(notebook))
    line = arenas.item(tmp_path, path)
    assert (line["state"], line["metric"]) == ("unsound", None)
    assert "metric.name" in line["problem"]
