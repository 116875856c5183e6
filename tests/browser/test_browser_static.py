"""The executed tour as a page made by nbconvert, in Chromium without JavaScript: diffs and plots are still there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import lab_kit
import nbformat
import pytest
from lab_kit import browser, shots_folder
from nbconvert import HTMLExporter
from playwright.sync_api import Page

TOUR = Path(__file__).parents[2] / "notebooks" / "tour.ipynb"

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The tour's page, opened from a file in a browser that runs no scripts and reaches no network."""
    folder = tmp_path_factory.mktemp("static")
    html, _ = HTMLExporter().from_notebook_node(nbformat.read(TOUR, as_version=4))
    (folder / "tour.html").write_text(html, encoding="utf-8")
    with browser() as chromium:
        page = chromium.new_page(java_script_enabled=False, offline=True, viewport={"width": 1100, "height": 1400})
        page.goto((folder / "tour.html").as_uri())
        yield page
        page.screenshot(path=shots_folder(folder) / "static-tour.png", full_page=True)


def test_scripts_are_really_off(tour: Page) -> None:
    tour.goto("data:text/html,<p>off</p><script>document.querySelector('p').textContent = 'on'</script>")
    assert tour.inner_text("p") == "off"
    tour.go_back()


def test_diffs_read_by_their_signs(tour: Page) -> None:
    shown = [cell for cell in tour.locator(".al-block").all() if cell.is_visible()]
    assert len(shown) >= 5
    text = tour.inner_text("body")
    assert "+ " in text
    assert tour.locator("ins:visible").count() >= 3
    assert tour.locator("del:visible").count() >= 3


def test_plots_are_painted(tour: Page) -> None:
    plots = tour.locator("img.al-plot:visible, .jp-RenderedImage img:visible")
    assert plots.count() >= 4
    for plot in plots.all():
        assert plot.evaluate("one => one.complete && one.naturalWidth > 200 && one.naturalHeight > 100")
        assert plot.get_attribute("alt")


def test_chromium_sh_finds_it_or_says_one_clear_line(tmp_path: Path) -> None:
    script = Path(lab_kit.__file__).with_name("chromium.sh")
    for tool in ("sh", "id"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "missing")
    env = {"PATH": str(tmp_path)}
    bare = subprocess.run(["/bin/sh", script], env=env, capture_output=True, text=True, timeout=60)
    assert (bare.returncode, bare.stdout) == (1, "")
    assert bare.stderr.startswith("The browser tests need Chromium")
    assert bare.stderr.count("\n") == 1
    (tmp_path / "google-chrome").symlink_to(lab_kit.chromium_path())
    there = subprocess.run(["/bin/sh", script], env=env, capture_output=True, text=True, timeout=60)
    assert (there.returncode, there.stdout, there.stderr) == (0, "", "")
    assert os.access(script, os.X_OK)
