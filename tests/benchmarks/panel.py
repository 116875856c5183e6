"""The panel in JupyterLab on 10,000 iterations: how soon it is usable, how it scrolls, how soon a reload restores it.

    python tests/benchmarks/panel.py [--iterations 10000] [--repeats 5]

A real JupyterLab (its server on the same machine) and a real Chromium, headless; medians, with the slowest beside them.

- usable: JupyterLab is there, and nothing of the arena is in the browser yet, nor was it read by this server before the
  first of the repeats. From the command that opens the panel on the arena to the frame in which the newest iterations
  and the chart are in the page and Step can be pressed.
- scrolling: all iterations are there, and the list is scrolled from its first to its last and back, by steps and by
  leaps of a hundred rows a frame. The longest task of the main thread in the browser's own trace, by the wall's clock
  and by the CPU time of the thread; on a busy machine the first tells of the neighbours, too.
- restored: the page is loaded again while an iteration is selected. From the moment at which JupyterLab has restored
  itself to the frame in which the panel is as usable as above, with the same selection; 0 where the panel was first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger_scale import fill
from playwright.sync_api import Browser, Page

from autoloop_kernel.arena.templates import new

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from lab_kit import WAIT_S, Lab, browser, lab

USABLE_S, TASK_S, RESTORED_S = 1.5, 0.1, 2.0
TRACED = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"]
"""The categories of the browser's trace in which tasks and the names of threads are."""

ARENA = "search/function_min.ipynb"

WATCH = """
window.marks = {};
window.usable = () => {
    const panel = document.getElementById('autoloop-panel');
    const step = panel && [...panel.querySelectorAll('button')].find(one => one.textContent === 'Step');
    return Boolean(step) && panel.offsetParent !== null && step.getAttribute('aria-disabled') !== 'true'
        && panel.querySelectorAll('[role="rowgroup"] [role="row"]').length >= 10
        && panel.querySelector('canvas') !== null;
};
const frame = () => new Promise(requestAnimationFrame);
window.when = async condition => {
    while (!condition()) await frame();
    await frame();  // in the frame before, it was in the page; by this one it has been painted
    return performance.now();
};
window.selected = () => Boolean(document.querySelector('#autoloop-panel [role="row"][aria-selected="true"]'));
(async () => {
    while (!window.jupyterapp) await frame();
    await window.jupyterapp.restored;
    marks.lab = performance.now();
})();
when(() => usable() && selected()).then(now => { marks.restored = now; });
"""

OPEN = """
async arena => {
    const began = performance.now();
    await jupyterapp.commands.execute('autoloop:open-panel', {arena});
    const usable = await when(window.usable);
    const grid = document.querySelector('#autoloop-panel [role="grid"]');
    const all = await when(() => Number(grid.getAttribute('aria-rowcount')) > TOTAL);
    return [usable - began, all - began];
}
"""

SCROLL = """
async () => {
    const list = document.querySelector('#autoloop-panel [role="grid"]');
    const bottom = list.scrollHeight - list.clientHeight;
    const frame = () => new Promise(requestAnimationFrame);
    for (let top = 0; top < 40 * 120; top += 40) { list.scrollTop = top; await frame(); }
    for (let part = 0; part <= 100; part += 1) { list.scrollTop = bottom * part / 100; await frame(); }
    for (let part = 100; part >= 0; part -= 1) { list.scrollTop = bottom * part / 100; await frame(); }
}
"""


def opened(chromium: Browser, server: Lab) -> Page:
    """JupyterLab in a browser that has never seen it, at rest."""
    page = chromium.new_page(viewport={"width": 1360, "height": 1000})
    page.set_default_timeout(WAIT_S * 1000)
    page.add_init_script(WATCH)
    page.goto(f"{server.url}/lab?token={server.token}&reset")
    at_rest(page)
    return page


def at_rest(page: Page) -> None:
    """Wait for JupyterLab to be there, and to have nothing more to do for its start."""
    page.wait_for_function("() => window.marks && marks.lab")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.wait_for_load_state("networkidle")


def usable(page: Page, count: int) -> tuple[float, float]:
    """Open the panel on the arena: seconds until it is usable, and until all iterations are there."""
    shown, whole = page.evaluate(OPEN.replace("TOTAL", str(count)), ARENA)
    return shown / 1000, whole / 1000


def scrolled(chromium: Browser, page: Page) -> tuple[float, float]:
    """The longest task while the list is scrolled: seconds by the wall's clock, and of CPU time."""
    chromium.start_tracing(page=page, categories=TRACED)
    page.evaluate(SCROLL)
    events = json.loads(chromium.stop_tracing())["traceEvents"]
    named = [event for event in events if event["name"] == "thread_name"]
    main = {(it["pid"], it["tid"]) for it in named if it["args"]["name"] == "CrRendererMain"}
    tasks = [it for it in events if it["name"] == "RunTask" and (it["pid"], it["tid"]) in main and "dur" in it]
    wall, cpu = (max(it.get(key, 0) for it in tasks) for key in ("dur", "tdur"))
    return wall / 1e6, cpu / 1e6


def restored(page: Page) -> tuple[float, float]:
    """Select an iteration and load the page again: seconds until JupyterLab is there, and until the panel is."""
    page.locator('#autoloop-panel [role="rowgroup"] [role="row"]').nth(2).click()
    with page.expect_response(lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT"):
        pass
    page.reload()
    page.wait_for_function("() => window.marks && marks.lab && marks.restored")
    marks: dict[str, Any] = page.evaluate("marks")
    at_rest(page)
    return marks["lab"] / 1000, marks["restored"] / 1000


def tell(what: str, taken: Sequence[float], limit: float | None = None) -> None:
    """Print the median and the slowest, and the median's ratio to the limit, if there is one."""
    middle = statistics.median(taken)
    beside = "" if limit is None else f"   limit {limit:g} s, ratio {middle / limit:.2f}"
    print(f"{what:44} {middle:6.3f} s, slowest {max(taken):.3f} s{beside}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    shown, whole, tasks, labs, backs = [], [], [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "work"
        path = new("function_min", folder / "search")
        new("function_min", folder / "other")  # with a second arena none is chosen before the panel is asked for it
        fill(path.parent / "function_min_runs" / "ledger.sqlite", chosen.iterations)
        with lab(folder, Path(name) / "home") as server, browser() as chromium:
            for _ in range(chosen.repeats):
                page = opened(chromium, server)
                first, everything = usable(page, chosen.iterations)
                shown.append(first)
                whole.append(everything)
                tasks.append(scrolled(chromium, page))
                ready, back = restored(page)
                labs.append(ready)
                backs.append(back)
                page.close()
    print(f"{chosen.iterations:,} iterations, median of {chosen.repeats}")
    tell("panel usable", shown, USABLE_S)
    tell("all iterations there", whole)
    walls, times = zip(*tasks, strict=True)
    tell("longest task while scrolling", walls, TASK_S)
    tell("longest task while scrolling, CPU time", times, TASK_S)
    beyond = [max(0.0, back - ready) for ready, back in zip(labs, backs, strict=True)]
    tell("restored after a reload, beyond JupyterLab", beyond, RESTORED_S)
    tell("restored after a reload, in all", backs)
    tell("JupyterLab by itself", labs)


if __name__ == "__main__":
    main()
