"""The magics in a real kernel: what a cell shows for each of them, and one line where it is wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from arenas import write_quick_arena
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from played import history, make_arena
from story import assert_same_story

from autoloop_kernel.arena.notebook import read
from autoloop_kernel.driver import busy, send
from autoloop_kernel.magics import VERBS, AutoloopMagics, usage
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.workbench import Workbench

Cells = list[Any]
ITERATION = "application/vnd.autoloop.iteration+json"

WRONG = {
    "%autoloop frob": "%autoloop has no subcommand 'frob' — there is open, new, check, step, auto",
    "%autoloop expotr w.ipynb": "did you mean export?",
    "%autoloop show": "%autoloop show: it needs N — write: %autoloop show N",
    "%autoloop show seven": "%autoloop show: N: 'seven' is no whole number — write: %autoloop show N",
    "%autoloop show 2.5": "'2.5' is no whole number",
    "%autoloop compare 3": "%autoloop compare: it needs M — write: %autoloop compare N M",
    "%autoloop fork": "it needs N",
    "%autoloop auto 20 30": "unrecognized arguments: 30",
    "%autoloop auto --hours": "--hours: expected one argument",
    "%autoloop auto --hours soon": "--hours: 'soon' is no number",
    "%autoloop auto 0": "runs nothing",
    "%autoloop auto 3 --workers two": "--workers 'two' names no workers",
    "%autoloop auto 3 --share none.git": "--share none.git: git ls-remote failed",
    "%autoloop auto 3 --share none.git --share-every 0": "--share-every 0.0 is no time — give minutes above 0",
    "%autoloop auto 3 --share-every soon": "--share-every: 'soon' is no number",
    "%autoloop step --reviewed": "unrecognized arguments: --reviewed — write: %autoloop step [--review]",
    "%autoloop export": "it needs OUT.ipynb",
    "%autoloop open 'x.ipynb": "a quotation mark is left open",
    "%autoloop open none.ipynb": "none.ipynb: no such file",
    "%autoloop new nothing": "there is no template 'nothing'",
    "%autoloop show 99": "there is no iteration 99",
    "%autoloop compare 1 99": "there is no iteration 99",
    "%autoloop pause": "nothing is running on game.ipynb",
    "%%autoloop step\nsome text": "%%autoloop step takes no text below it — write: %autoloop step",
    "%%autoloop strategy\n \n": "the strategy is empty",
    "wb[99]": "there is no iteration 99",
}


def run(folder: Path, *cells: str) -> Cells:
    """The cells of a notebook that ran in a real kernel in `folder`, errors and all."""
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client = NotebookClient(notebook, allow_errors=True, timeout=240, resources={"metadata": {"path": str(folder)}})
    client.execute()
    nbformat.validate(notebook)
    return list(notebook.cells)


def printed(cell: Any) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def shown(cell: Any) -> list[Any]:
    """The mimebundles that a cell shows."""
    return [output.data for output in cell.outputs if "data" in output]


def said(cell: Any) -> str:
    """All text that a cell gives: printed, shown or an error."""
    text = [bundle.get("text/plain", "") for bundle in shown(cell)]
    return "\n".join([printed(cell), *text, *(line for error in failed(cell) for line in error.traceback)])


def of(cells: Cells, source: str) -> Any:
    """The first cell with that source."""
    return next(cell for cell in cells if cell.source == source)


def failed(cell: Any) -> list[Any]:
    return [output for output in cell.outputs if output.output_type == "error"]


@contextmanager
def kernel(folder: Path) -> Iterator[Callable[..., str]]:
    """A kernel in `folder`, killed at the end; call it with cells to get all text that they give."""
    manager, client = start_new_kernel(cwd=str(folder))

    def ask(*cells: str) -> str:
        outputs: list[Any] = []
        for cell in cells:
            client.execute_interactive(cell, timeout=120, output_hook=outputs.append)
        contents = [message["content"] for message in outputs]
        texts = [
            [c.get("text", ""), c.get("data", {}).get("text/plain", ""), *c.get("traceback", ())] for c in contents
        ]
        return "\n".join(text for several in texts for text in several)

    try:
        yield ask
        os.kill(manager.provisioner.pid, signal.SIGKILL)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


LOOKING = [
    "%load_ext autoloop_kernel",
    "%autoloop status",
    "wb = %autoloop open game.ipynb --agent search  # mine",
    "%autoloop check",
    "%autoloop status",
    "%autoloop history",
    "%autoloop show 5",
    "%autoloop best",
    "%autoloop plot",
    "%autoloop compare 1 5",
    "%autoloop strategy",
    "%%autoloop strategy\n# Go down\n\nIn “small” steps.",
    "%autoloop report night.html --since 8",
    "%autoloop apply",
    "%autoloop apply 2",
    "%autoloop",
    "%autoloop export --help",
]


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cells]:
    """An arena with a history, and a notebook whose cells look at it in every way, right and wrong."""
    folder = tmp_path_factory.mktemp("looked")
    path = make_arena(folder)
    history(path)
    return path, run(folder, *LOOKING, *WRONG, "%reload_ext autoloop_kernel", "%unload_ext autoloop_kernel", LOOKING[7])


@pytest.mark.parametrize("source", WRONG)
def test_a_wrong_request_is_one_line(looked: tuple[Path, Cells], source: str) -> None:
    (error,) = failed(of(looked[1], source))
    (line,) = error.traceback
    assert line.startswith("AutoloopError: ")
    assert WRONG[source] in line
    assert "\n" not in line
    assert not printed(of(looked[1], source))


def test_before_anything_is_open_it_says_so(looked: tuple[Path, Cells]) -> None:
    (error,) = failed(of(looked[1], "%autoloop status"))
    assert error.traceback == ["AutoloopError: no arena is open here — open one with: %autoloop open ARENA.ipynb"]


def test_every_look_at_an_arena(looked: tuple[Path, Cells]) -> None:
    _, cells = looked
    for source, cell in list(zip(LOOKING, cells, strict=False))[2:]:
        assert not failed(cell), source
        assert bool(cell.outputs) is not source.startswith("wb = "), source
    assert "idle: nothing is running" in said(cells[4])
    assert "iteration 5" in said(cells[4])
    assert "\x1b" not in said(cells[4])
    (bundle,) = shown(of(cells, "%autoloop show 5"))
    assert bundle[ITERATION]["number"] == 5
    assert {"text/html", "text/plain"} <= set(bundle)
    (best,) = shown(of(cells, "%autoloop best"))
    assert best[ITERATION]["number"] == 5
    assert "image/png" in shown(of(cells, "%autoloop plot"))[0]
    assert "Go down" in shown(of(cells, "%autoloop strategy"))[0]["text/markdown"]
    assert "no problem found" in said(of(cells, "%autoloop check"))
    assert "X far off" in said(of(cells, "%autoloop history"))
    assert "application/vnd.autoloop.comparison+json" in shown(of(cells, "%autoloop compare 1 5"))[0]


def test_what_is_written(looked: tuple[Path, Cells]) -> None:
    path, cells = looked
    assert read(path, kernel=False).strategy == "# Go down\n\nIn “small” steps."
    assert "game.ipynb has a new strategy" in said(cells[11])
    assert "loss 3.000 → 0.500" in said(of(cells, "%autoloop report night.html --since 8"))
    assert (path.parent / "night.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "iteration 5 is now in game.ipynb: model" in said(of(cells, "%autoloop apply"))
    assert "iteration 2 is now in game.ipynb: model" in said(of(cells, "%autoloop apply 2"))
    assert "X = 4.0" in read(path, kernel=False).sources["model"]


def test_help(looked: tuple[Path, Cells]) -> None:
    _, cells = looked
    assert printed(of(cells, "%autoloop")) == usage() + "\n"
    for name in VERBS:
        assert f"%autoloop {name}" in usage()
    assert printed(of(cells, "%autoloop export --help")).startswith("%autoloop export OUT.ipynb [-i N]")


def test_taking_the_magics_away(looked: tuple[Path, Cells]) -> None:
    assert "Line magic function `%autoloop` not found" in said(looked[1][-1])


def test_the_loop_in_a_kernel(tmp_path: Path) -> None:
    write_quick_arena(tmp_path)
    cells = run(
        tmp_path,
        "%load_ext autoloop_kernel\n%autoloop open quick.ipynb",
        "%autoloop step",
        "%autoloop step --review",
        "_.accept().wait()",
        "%autoloop auto 1 --hours 1 --until -1e-3",
        "get_ipython().run_line_magic('autoloop', 'attach').wait()",
        "%autoloop history",
        "%autoloop fork 1",
        "%autoloop replicate 1",
        "%autoloop export winner.ipynb -i 2",
        "%autoloop stop",
    )
    for cell in cells[:-1]:
        assert not failed(cell), failed(cell)
    assert any(ITERATION in bundle for bundle in shown(cells[1]))
    for cell in cells[2:4]:  # the record took the proposal's place once it had run
        assert any(bundle.get(ITERATION, {}).get("number") == 2 for bundle in shown(cell))
    for cell in cells[4:6]:
        assert any("application/vnd.autoloop.driver+json" in bundle for bundle in shown(cell))
    assert "1 of 1 done" in said(cells[5])
    assert any(len(bundle.get(ITERATION, {}).get("attempts", [])) == 2 for bundle in shown(cells[8]))
    assert "iteration 2" in said(cells[9])
    nbformat.validate(nbformat.read(tmp_path / "winner.ipynb", as_version=4))
    assert "nothing is running on quick.ipynb" in failed(cells[-1])[0].traceback[0]
    assert len(Workbench(tmp_path / "quick.ipynb")) == 3


def test_a_killed_kernel_loses_nothing(tmp_path: Path) -> None:
    path = write_quick_arena(tmp_path)
    opened = "%load_ext autoloop_kernel\n%autoloop open quick.ipynb"
    with kernel(tmp_path) as ask:
        ask(opened)
        ask("%autoloop step")
        thinks = (
            "import time\nproposal = _\nwhile proposal.status == 'thinking': time.sleep(0.1)\nprint(proposal.status)"
        )
        assert "waiting\n" in ask("%autoloop step --review", thinks)
    try:
        with kernel(tmp_path) as ask:
            assert "2 · " in ask(opened, "get_ipython().run_line_magic('autoloop', 'step --review').accept().wait()")
            assert "running, 0 of 50 done" in ask("%autoloop auto 50")
        driver = busy(path)
        assert driver is not None
        with kernel(tmp_path) as ask:
            assert f"process {driver.pid}" in ask(opened, "%autoloop status")
            assert f"is being driven by process {driver.pid}" in ask("%autoloop step")
            assert "pauses after this iteration" in ask("%autoloop pause")
            assert "goes on" in ask("%autoloop resume")
            assert "of 50 done" in ask("%autoloop attach")
            assert "stops after this iteration" in ask("%autoloop stop")
            ask("wb = %autoloop open quick.ipynb", "wb.wait()")
    finally:
        if busy(path) is not None:
            send(path, "stop-now")
    verdicts = assert_same_story(path)
    assert 3 <= len(verdicts) < 50


def test_completion_in_a_kernel(tmp_path: Path) -> None:
    ask = (
        "ip = get_ipython(); ip.Completer.use_jedi = False\n"
        "for line in {lines}: print(sorted(ip.complete(None, line, len(line))[1])[:30])"
    )
    lines = ["%autoloop st", "%autoloop export w.ipynb --v", "%autoloop new fun", "%%autoloop ", "%autoloop open ga"]
    (tmp_path / "game.ipynb").touch()
    cells = run(tmp_path, "%load_ext autoloop_kernel", ask.format(lines=lines))
    assert not failed(cells[1])
    assert printed(cells[1]).splitlines() == [
        "['status', 'step', 'stop', 'strategy']",
        "['--verify']",
        "['function_min']",
        "['strategy']",
        "['game.ipynb']",
    ]


def magics(**names: Any) -> AutoloopMagics:
    """The magics of a shell whose cells have defined `names`."""
    made = AutoloopMagics(shell=None)
    made.shell = SimpleNamespace(user_ns=names)
    return made


def test_which_workbench_is_meant(tmp_path: Path) -> None:
    one, two = (Workbench(make_arena(tmp_path, name)) for name in ("one.ipynb", "two.ipynb"))
    assert magics(wb=one, other=two).bench is one
    assert magics(bench=one, same=one, x=3).bench is one
    assert magics(bench=one, _=two, _1=two).bench is one
    assert magics(_=two, _1=two).bench is two
    with pytest.raises(AutoloopError, match=r"several workbenches here \(a, b\) — say which: wb = a"):
        _ = magics(b=one, a=two).bench
    with pytest.raises(AutoloopError, match="no arena is open here"):
        _ = magics(x=3).bench
    both = magics(wb=one)
    both.autoloop(f"open '{two.path}' --agent search --agent search")
    assert both.bench.path == two.path
