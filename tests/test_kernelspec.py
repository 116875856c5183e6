"""The kernelspec `autoloop` from end to end: an arena that names it is checked, run, opened by hand and exported."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from autoloop_kernel import cli
from autoloop_kernel.execution import provisioner
from autoloop_kernel.execution.provisioner import AutoloopProvisioner
from autoloop_kernel.execution.warm import forks
from autoloop_kernel.session import open_session

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "jupyter-config/kernels"
CHOSEN = {"name": "autoloop", "display_name": "Autoloop (Python 3)", "language": "python"}
"""What Jupyter writes into a notebook when somebody chooses the kernel."""


@pytest.fixture(autouse=True)
def installed(monkeypatch, tmp_path) -> None:
    """The kernelspec as this checkout has it, found as an installed one is."""
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "kernels").symlink_to(SHIPPED)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))


@pytest.fixture
def called(capsys):
    def call(*arguments):
        assert cli.main([str(argument) for argument in arguments]) == 0, capsys.readouterr()
        told = capsys.readouterr()
        return told.out + told.err

    return call


@pytest.fixture
def arena(called, tmp_path) -> Path:
    """A bundled arena, quickened, whose person has chosen the kernel `autoloop`."""
    called("new", "function_min", tmp_path / "work")
    path = tmp_path / "work" / "function_min.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.metadata["kernelspec"] = dict(CHOSEN)
    nb.metadata["autoloop"] |= {"budget_s": 1.0, "contention": 1}
    for cell in nb.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace("BUDGET_S = 2.0", "BUDGET_S = 1.0")
    nbformat.write(nb, path)
    return path


def ran_on(path: Path, number: int) -> nbformat.NotebookNode:
    with open_session(path, create=False) as session:
        it = session.iteration(number)
        assert it.score is not None, it.reason
        notes = [event.data["text"] for event in session.ledger.events(kinds=["note"])]
        assert not [text for text in notes if "started afresh" in text] or not forks(), notes
        return nbformat.read(path.parent / it.notebook, as_version=4)


def test_an_arena_that_names_it_is_checked_run_and_exported(called, arena, tmp_path):
    told = called("check", arena)
    assert "not installed" not in told
    assert "kernel" not in told, "there is nothing to say about it"
    assert called("step", arena).startswith("iteration 1 · baseline")
    assert ran_on(arena, 1).metadata.kernelspec == CHOSEN
    out = tmp_path / "winner.ipynb"
    called("export", arena, "-o", out)
    winner = nbformat.read(out, as_version=4)
    assert winner.metadata.kernelspec == {"name": "python3", "display_name": "Python 3", "language": "python"}
    assert "autoloop-provisioner" not in out.read_text(encoding="utf-8")
    executed = tmp_path / "executed.ipynb"
    away = {name: value for name, value in os.environ.items() if name not in ("JUPYTER_PATH", "PYTHONPATH")}
    papermill = [sys.executable, "-m", "papermill", str(out), str(executed), "--no-progress-bar"]
    ran = subprocess.run(papermill, cwd=tmp_path, env=away, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "score" in str(nbformat.read(executed, as_version=4).cells[-1].outputs)


@contextlib.contextmanager
def kernel(folder: Path, name: str) -> Iterator[KernelManager]:
    """A kernel as a Jupyter server starts it: by the kernelspec's name, its provisioner found by the entry point."""
    manager = KernelManager(
        kernel_name="autoloop", connection_file=str(folder / f"{name}.json"), transport="ipc", ip=str(folder / name)
    )
    manager.start_kernel(cwd=str(folder))
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)


def run_all(manager: KernelManager, nb: nbformat.NotebookNode) -> dict[str, str]:
    """Run All Cells; what each cell that is no editable one or comment showed, by its first tag."""
    client, shown = manager.client(), {}
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        for cell in nb.cells:
            if cell.cell_type != "code":
                continue
            told: list[str] = []
            hear = lambda message, told=told: told.append(json.dumps(message["content"], default=str))  # noqa: E731
            reply = client.execute_interactive(cell.source, timeout=120, output_hook=hear)
            assert reply["content"]["status"] == "ok", told
            shown[(cell.metadata.get("tags") or ["locked"])[0]] = "".join(told)
    finally:
        client.stop_channels()
    return shown


def is_forked(manager: KernelManager) -> bool:
    return any(part.endswith("zygote.py") for part in psutil.Process(manager.provisioner.pid).cmdline())


@pytest.fixture
def own_zygotes() -> Iterator[None]:
    yield
    for zygote in provisioner._zygotes.values():
        zygote.close()
    provisioner._zygotes.clear()


def test_a_person_runs_its_cells_on_the_very_kernel(arena, tmp_path, own_zygotes):
    nb = nbformat.read(arena, as_version=4)
    with kernel(arena.parent, "first") as manager:
        assert isinstance(manager.provisioner, AutoloopProvisioner)
        assert not is_forked(manager)
        assert '"score ' in run_all(manager, nb)["score"]
    if not forks():
        return
    [zygote] = provisioner._zygotes.values()
    assert zygote.settled.wait(120)
    with kernel(arena.parent, "second") as manager:
        assert is_forked(manager)
        pid = manager.provisioner.pid
        assert '"score ' in run_all(manager, nb)["score"]
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_its_card_in_the_launcher_has_a_picture():
    resources = KernelSpecManager().get_kernel_spec("autoloop").resource_dir
    assert sorted(path.name for path in Path(resources).iterdir()) == [
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    ]
    for size in (32, 64):
        raw = (Path(resources) / f"logo-{size}x{size}.png").read_bytes()
        assert raw[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", raw[16:24]) == (size, size)
    assert (Path(resources) / "logo-svg.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert sum(path.stat().st_size for path in Path(resources).iterdir()) < 10_000
