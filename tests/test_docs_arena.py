"""The arena that docs/design-an-arena.md makes: sound, run for real, and as the page says."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from arenas import notebook

from autoloop_kernel.arena.check import check
from autoloop_kernel.arena.notebook import read
from autoloop_kernel.arena.templates import templates
from autoloop_kernel.cli import main
from autoloop_kernel.deep import measure
from autoloop_kernel.views.deep import lines

DOCS = Path(__file__).parent.parent / "docs"


def block(page: str, kind: str) -> str:
    """The one code block of this kind on a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return found.rstrip()


@pytest.fixture
def path(tmp_path):
    page = "design-an-arena.md"
    cells = [
        ("strategy", block("write-a-strategy.md", "markdown")),
        ("parameters:parameters", "SEED = 0\nBUDGET_S = 5.0"),
        ("shared:shared", block(page, "python shared")),
        ("locked:setup", block(page, "python locked")),
        ("editable:model", block(page, "python editable")),
        ("score:score", block(page, "python score")),
    ]
    made = notebook(cells, json.loads(block(page, "json metadata")))
    path = tmp_path / "demand.ipynb"
    path.write_text(nbformat.writes(made), encoding="utf-8")
    return path


def test_the_arena_of_the_page_is_sound_has_a_holdout_and_tells_worse_answers_apart(path):
    assert [problem for problem in check(path) if problem.level == "error"] == []
    arena = read(path)
    assert arena.has_holdout
    found = measure(arena, runs=2)
    said = {line.about: line for line in lines(found)}
    assert said["score"].good
    assert "WINDOW in model" in said["constants"].text
    assert "the last week 1.01" in block("write-a-strategy.md", "markdown")
    assert found.scores[0] == pytest.approx(1.014, abs=0.005)


def test_every_page_that_a_page_links_to_is_there():
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([\w.-]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (DOCS / target).exists(), f"{page.name} links to {target}"


def test_the_skeleton_of_an_arena_runs_as_it_is_and_is_listed_nowhere(tmp_path, capsys):
    folder = tmp_path / "mine"
    assert main(["new", "--blank", str(folder)]) == 0
    assert "replace what stands in italics" in capsys.readouterr().out
    assert [problem for problem in check(folder / "arena.ipynb") if problem.level == "error"] == []
    assert "template" not in json.loads((folder / "arena.ipynb").read_text())["metadata"]["autoloop"]
    found = measure(read(folder / "arena.ipynb"), runs=2)
    said = {line.about: line for line in lines(found)}
    assert (said["score"].good, found.arena.has_holdout) == (True, True)
    assert "DEGREE in model" in said["constants"].text
    assert "arena" not in [template.name for template in templates()]
    assert main(["new", "--blank", str(folder)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["new"]) == 2
    assert "or begin one of your own with --blank" in capsys.readouterr().err
