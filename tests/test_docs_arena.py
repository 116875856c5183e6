"""The arena that docs/design-an-arena.md makes: sound, run for real, and as the page says."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from arenas import notebook

from autoloop_kernel.arena.check import check
from autoloop_kernel.arena.notebook import read
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
