"""The tour in a real JupyterLab: steps, decisions by buttons, auto that outlives its kernel, and a winner that runs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from lab_kit import WAIT_S, Book, Lab, browser, lab, shots_folder
from playwright.sync_api import Page, TimeoutError, ViewportSize
from story import assert_same_story

from autoloop_kernel.arena.templates import new
from autoloop_kernel.driver import busy, send
from autoloop_kernel.memory.ledger import ProposalRow
from autoloop_kernel.records import AutoloopError, Iteration
from autoloop_kernel.session import Session, open_session

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(900)]

SLOWER = "wb.path.write_text(wb.path.read_text().replace('0.3 / STEPS', '1.5 / STEPS')) > 0"
"""A walk that takes long enough to be watched."""

SIZE = ViewportSize(width=1360, height=1000)

KNOWN = {
    "Failed to load resource": "the server is asked for files that need not be there",
    "widget model not found": "controls die with their kernel; the records beside them stay",
}


@dataclass
class Desk:
    """The tour open in a browser, and the folder that everything lands in."""

    page: Page
    lab: Lab
    book: Book
    folder: Path

    @property
    def arena(self) -> Path:
        (path,) = self.folder.glob("tour/*/function_min.ipynb")
        return path

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        with open_session(self.arena, create=False) as session:
            yield session

    def iterations(self) -> list[Iteration]:
        """Those that have ended, oldest first."""
        with self.session() as session:
            return [it for it in session.ledger.iterations() if it.verdict is not None]

    def proposals(self) -> list[ProposalRow]:
        with self.session() as session:
            return session.ledger.proposals()

    def until(self, met: Callable[[], bool], what: str) -> None:
        """Wait for something on disk while the page lives on."""
        for _ in range(WAIT_S * 10):
            if met():
                return
            self.page.wait_for_timeout(100)
        pytest.fail(f"waited in vain for {what}")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "work"
    new("tour", folder)
    with lab(folder, tmp_path / "home") as server, browser() as chromium:
        page = chromium.new_page(viewport=SIZE)
        shots = shots_folder(tmp_path / "shots")
        here = Desk(page, server, Book(page, server, "tour.ipynb", shots), folder)
        try:
            yield here
        finally:
            here.page.screenshot(path=shots / "last.png")
            for arena in folder.glob("tour/*/function_min.ipynb"):
                end_driver(arena)


def end_driver(arena: Path) -> None:
    """End the driver of this arena, which lives on without its notebook."""
    with contextlib.suppress(AutoloopError):
        holder = busy(arena)
        if holder is not None:
            process = psutil.Process(holder.pid)
            with contextlib.suppress(AutoloopError):
                send(arena, "stop-now")
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(30)
            process.kill()


def begin(desk: Desk) -> None:
    """New arena, check, baseline."""
    book = desk.book
    book.run("new-arena")
    book.shoot("01-arena", "new-arena")
    book.run(book.add("slower", SLOWER))
    book.run("check")
    watch(desk, "baseline", "02-baseline", 1, "dark")
    assert [it.number for it in desk.iterations()] == [1]


def watch(desk: Desk, cell: str, state: str, number: int, theme: str) -> None:
    """Run a step, with a picture while it runs and pictures when it has ended."""
    book = desk.book
    book.theme(theme)
    book.start(cell)
    desk.until(lambda: points(desk, number) >= 2, "two points of its curve")
    book.shoot(f"{state}-live", cell, themes=[theme])
    book.finish(cell)
    book.shoot(state, cell)


def step(desk: Desk) -> None:
    """One step, seen while it runs and when it has ended."""
    watch(desk, "step", "03-step", 2, "light")
    assert [it.number for it in desk.iterations()] == [1, 2]
    assert desk.iterations()[1].title in desk.book.text("step")


def points(desk: Desk, number: int) -> int:
    """How many points the curve of an iteration has by now."""
    try:
        with desk.session() as session:
            return len(session.ledger.curve(number))
    except AutoloopError:
        return 0  # the first step has not made its memory yet


def accept(desk: Desk) -> None:
    """A proposal is shown with buttons, and runs once its button is pressed."""
    book = desk.book
    book.run("review")
    book.cell("review").get_by_role("button", name="Accept and run", exact=True).wait_for()
    book.shoot("05-review", "review")
    (waiting,) = [row for row in desk.proposals() if row.status == "waiting"]
    assert waiting.proposal.title in book.text("review")
    book.press("review", "Accept and run")
    desk.until(lambda: len(desk.iterations()) == 3, "iteration 3")
    assert desk.iterations()[2].proposal == waiting.id
    book.wait_text("review", "facts")
    book.shoot("06-accepted", "review")


def skip(desk: Desk) -> None:
    """Another is skipped by its button, with a reason."""
    book = desk.book
    book.run(book.add("skip-here", "wb.step(review=True)"))
    book.press("skip-here", "Skip with reason…")
    book.cell("skip-here").get_by_placeholder("why not?").fill("too <b>bold</b> for now")
    book.shoot("07-skipping", "skip-here")
    book.press("skip-here", "Skip")
    desk.until(lambda: any(row.status == "skipped" for row in desk.proposals()), "the skipped proposal")
    (row,) = [row for row in desk.proposals() if row.status == "skipped"]
    assert row.reason == "too <b>bold</b> for now"
    book.wait_text("skip-here", "too <b>bold</b> for now")
    book.cell("skip-here").get_by_role("button", name="Accept and run", exact=True).wait_for(state="detached")
    assert len(desk.iterations()) == 3


def take_over(desk: Desk) -> None:
    """A third is edited in its text area, and the person's version runs under the person's name."""
    book = desk.book
    book.run(book.add("mine", "wb.step(review=True)"))
    book.press("mine", "Take over…")
    area = book.cell("mine").locator("textarea:visible").first
    area.fill(re.sub(r"(?m)^X = .*$", "X = 1.1  # -2..2, my guess", area.input_value()))
    book.shoot("08-taking-over", "mine")
    book.press("mine", "Run my version")
    desk.until(lambda: len(desk.iterations()) == 4, "iteration 4")
    it = desk.iterations()[3]
    assert it.agent == "human, after search"
    with desk.session() as session:
        assert "X = 1.1  # -2..2, my guess" in session.units(4)["walk"]
    book.wait_text("mine", "facts")
    book.shoot("09-taken-over", "mine")


def start_auto(desk: Desk) -> int:
    """Auto runs in a process of its own, and its control shows it; gives the driver's pid."""
    book = desk.book
    book.run(book.add("loop", "wb.auto(iterations=60)"))
    desk.until(lambda: len(desk.iterations()) >= 5, "the first iteration of auto")
    holder = busy(desk.arena)
    assert holder is not None
    book.cell("loop").get_by_role("button", name="Pause", exact=True).wait_for()
    return holder.pid


def attach(desk: Desk, cell: str) -> None:
    """In a fresh kernel: open the same arena and attach to its driver."""
    folder = desk.arena.parent.relative_to(desk.folder).as_posix()
    source = (
        "from autoloop_kernel import Workbench\n\n"
        f"folder = {folder!r}\n"
        "wb = Workbench(f'{folder}/function_min.ipynb')\n"
        "wb.attach()"
    )
    desk.book.run(desk.book.add(cell, source))
    desk.book.cell(cell).get_by_role("button", name="Pause", exact=True).wait_for()


def driven_by(desk: Desk) -> int | None:
    holder = busy(desk.arena)
    return None if holder is None else holder.pid


def steer(desk: Desk, cell: str) -> None:
    """Pause, resume and stop by the buttons of the control in `cell`."""
    book = desk.book
    insist(desk, cell, "Pause", "pause")
    desk.until(lambda: not flying(desk), "the pause")
    book.shoot("12-paused", cell)
    ended = len(desk.iterations())
    book.press(cell, "Resume")
    desk.until(lambda: len(desk.iterations()) > ended, "another iteration after the pause")
    insist(desk, cell, "Stop after this one", "stopping")
    desk.until(lambda: driven_by(desk) is None, "the end of the driver")
    book.cell(cell).get_by_text("stopped").first.wait_for()
    book.shoot("13-stopped", cell)
    assert not flying(desk)


def insist(desk: Desk, cell: str, label: str, event: str) -> None:
    """Press until the driver tells of it: what is live may move a button under the pointer, which is no click."""
    button = desk.book.cell(cell).get_by_role("button", name=label, exact=True)

    def heard() -> bool:
        with desk.session() as session:
            return session.ledger.last_event(event) is not None

    def pressed() -> bool:
        if not heard():
            with contextlib.suppress(TimeoutError):
                button.click(timeout=2000)
            desk.page.wait_for_timeout(1000)
        return heard()

    desk.until(pressed, event)


def flying(desk: Desk) -> bool:
    with desk.session() as session:
        return bool(session.ledger.in_flight())


def look_back(desk: Desk) -> None:
    """History, plot, one iteration and a comparison, in the kernel that came after."""
    book = desk.book
    for at, name in enumerate(("history", "plot", "inspect", "best", "compare", "fork")):
        book.run(name)
        book.shoot(f"14-{at}-{name}", name)
    assert desk.iterations()[-1].base == 2


def winner(desk: Desk) -> None:
    """Export the winner, open it, and run it from top to bottom: it prints the champion's score."""
    book = desk.book
    book.run("export")
    book.shoot("15-export", "export")
    with desk.session() as session:
        champion = session.champion()
    assert champion is not None
    book.open((desk.arena.parent / "winner.ipynb").relative_to(desk.folder).as_posix())
    book.shoot("16-winner", themes=["light"])
    codes = book.js("return cells.filter(one => one.model.type === 'code').map(one => one.model.id);")
    for cell in codes:
        book.run(cell)
    found = re.findall(r"^score (\S+)", book.text(codes[-1]), re.MULTILINE)
    assert [float(one) for one in found] == [pytest.approx(champion.score, rel=1e-5)]
    book.shoot("17-winner-run")
    book.go_to("tour.ipynb")


def closed_and_opened(desk: Desk) -> None:
    """The saved notebook, in a new browser page with no kernel's help, still shows every record."""
    desk.book.save()
    desk.page.close()
    page = desk.page = desk.page.context.browser.new_page(viewport=SIZE)  # type: ignore[union-attr]
    book = desk.book = Book(page, desk.lab, "tour.ipynb", desk.book.shots)
    for name in ("baseline", "step", "review", "mine", "history", "plot", "inspect", "compare"):
        book.cell(name).locator(".al-block, .jp-Autoloop-Mime, img").first.wait_for()
    book.wait_text("review", "facts")
    for name in ("review", "skip-here", "mine", "again"):
        assert "Error displaying widget" not in book.text(name), name
    book.shoot("18-opened-again", "mine")
    book.shoot("19-control-of-yore", "again")


def test_the_tour_by_hand(desk: Desk) -> None:
    begin(desk)
    step(desk)
    accept(desk)
    skip(desk)
    take_over(desk)
    pid = start_auto(desk)
    desk.book.shoot("10-auto", "loop")
    desk.book.restart()
    attach(desk, "after-restart")
    assert driven_by(desk) == pid
    desk.book.shoot("11-attached", "after-restart")
    desk.book.run(desk.book.add("again", "wb.auto(iterations=60)"))
    assert driven_by(desk) == pid
    steer(desk, "again")
    look_back(desk)
    winner(desk)
    closed_and_opened(desk)
    assert desk.book.complaints(KNOWN) == []
    assert_same_story(desk.arena)


def test_auto_goes_on_when_its_kernel_is_killed(desk: Desk) -> None:
    book = desk.book
    book.run("new-arena")
    book.run(book.add("slower", SLOWER))
    book.run("baseline")
    book.run(book.add("loop", "wb.auto(iterations=60)"))
    desk.until(lambda: len(desk.iterations()) >= 2, "the first iteration of auto")
    pid = driven_by(desk)
    (kernel,) = desk.lab.kernels()
    os.kill(kernel.pid, signal.SIGKILL)
    ended = len(desk.iterations())
    desk.until(lambda: len(desk.iterations()) >= ended + 2, "two more iterations without a kernel")
    assert driven_by(desk) == pid
    book.shoot("20-killed", "loop", themes=["light"])
    book.dismiss()
    book.restart()
    attach(desk, "after-kill")
    assert driven_by(desk) == pid
    book.press("after-kill", "Stop now")
    desk.until(lambda: driven_by(desk) is None, "the end of the driver")
    book.run(book.add("last-step", "wb.step()"))
    assert_same_story(desk.arena)
    assert book.complaints(KNOWN) == []
