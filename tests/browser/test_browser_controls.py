"""Live controls in a real JupyterLab: the buttons of two in one notebook stand still while their drivers run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from lab_kit import Book, browser, lab, shots_folder
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import ViewportSize
from test_browser_tour import end_driver

from autoloop_kernel.arena.templates import new

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(900)]

TALL = ViewportSize(width=1360, height=2600)
"""Both controls are in sight as a whole: a cell out of sight is not laid out."""

OPEN = """
from pathlib import Path
from autoloop_kernel import Workbench
upper, lower = (Workbench(f"{name}/function_min.ipynb") for name in ("upper", "lower"))
"""

WATCH = """
window.tops = {};
const origin = panel.content.node.querySelector('.jp-Cell');
const look = () => {
    for (const button of panel.content.node.querySelectorAll('.jp-Cell button.jupyter-button')) {
        const name = button.closest('.jp-Cell').dataset.testId + ': ' + button.textContent;
        const top = Math.round(button.getBoundingClientRect().top - origin.getBoundingClientRect().top);
        const seen = window.tops[name] = window.tops[name] || [];
        if (button.offsetParent !== null && seen[seen.length - 1] !== top) { seen.push(top); }
    }
    window.watching = requestAnimationFrame(look);
};
look();
"""
"""Notes, at every frame, where each button stands below the notebook's first cell."""


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    folder = tmp_path / "work"
    for name in ("upper", "lower"):
        new("function_min", folder / name)
        arena = folder / name / "function_min.ipynb"
        arena.write_text(arena.read_text().replace("0.3 / STEPS", "1.5 / STEPS"))  # long enough to be watched
    cells = [new_code_cell(OPEN, id="open")]
    cells += [new_code_cell(f"{name}.auto(iterations={n})", id=name) for name, n in (("upper", 3), ("lower", 4))]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "controls.ipynb")
    with lab(folder, tmp_path / "home") as server, browser() as chromium:
        page = chromium.new_page(viewport=TALL)
        try:
            yield Book(page, server, "controls.ipynb", shots_folder(tmp_path / "shots"))
        finally:
            for name in ("upper", "lower"):
                with contextlib.suppress(FileNotFoundError):
                    end_driver(folder / name / "function_min.ipynb")


def test_no_button_moves_from_the_first_run_to_the_end_of_the_last_driver(book: Book) -> None:
    book.run("open")
    for name in ("upper", "lower"):
        book.run(name)
        book.cell(name).get_by_role("button", name="Pause", exact=True).wait_for()
    book.js(WATCH)
    book.shoot("21-controls-begin", themes=["light"])
    book.wait_text("upper", "1 of 3")
    book.page.locator('[data-test-id="upper"] .al-card img').wait_for()
    book.shoot("22-controls-running", themes=["light"])
    book.wait_text("upper", "ended · 3 of 3")
    book.shoot("23-controls-one-ended", themes=["light"])
    book.wait_text("lower", "ended · 4 of 4")
    for name in ("upper", "lower"):
        book.cell(name).get_by_role("button", name="Stop now").wait_for(state="detached")
    tops = book.js("cancelAnimationFrame(window.watching); return window.tops;")
    assert {name.split(": ")[1] for name in tops} == {"Pause", "Resume", "Stop after this one", "Stop now"}
    assert len(tops) == 8
    assert {name: seen for name, seen in tops.items() if len(seen) != 1} == {}
    book.shoot("24-controls-ended")
