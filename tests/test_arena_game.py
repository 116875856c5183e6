import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from arena_builder import arena, cell, named, write

from autoloop_kernel.arena import game as module
from autoloop_kernel.arena.game import game, hardware_class, parts, why
from autoloop_kernel.arena.notebook import read
from autoloop_kernel.records import AutoloopError

HARDWARE = "abacus"


def setup(folder: Path) -> dict[str, Any]:
    (folder / "sealed").mkdir(exist_ok=True)
    (folder / "sealed" / "val.bin").write_bytes(b"1" * 3_000_000)
    (folder / "train.py").write_text("X = 1")
    (folder / "fixed.txt").write_text("as it was")
    notebook = arena()
    notebook["metadata"]["autoloop"] |= {"sealed": ["sealed/*"], "files": ["*.py"], "locked": ["fixed.txt"]}
    return notebook


def taken(folder: Path, notebook: dict[str, Any], hardware: str = HARDWARE) -> tuple[str, dict[str, str]]:
    made = read(write(folder, notebook))
    return game(made, hardware), parts(made, hardware)


def meta(**values: Any) -> Callable[[dict[str, Any], Path], Any]:
    return lambda nb, folder: nb["metadata"]["autoloop"].update(values)


def metric(**values: Any) -> Callable[[dict[str, Any], Path], Any]:
    return lambda nb, folder: nb["metadata"]["autoloop"]["metric"].update(values)


def source(name: str, text: str) -> Callable[[dict[str, Any], Path], Any]:
    return lambda nb, folder: named(nb, name).update(source=text)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (source("judge", "score(ask() + 1)"), "score cell 'judge' changed"),
        (source("judge", named(arena(), "judge")["source"] + "  # hm"), "score cell 'judge' changed"),
        (source("tools", "submit = 1"), "locked cell 'tools' changed"),
        (source("common", "import numpy"), "shared cell 'common' changed"),
        (source("params", "SEED = 5"), "parameters cell 'params' changed"),
        (lambda nb, folder: (folder / "sealed" / "val.bin").write_bytes(b"2"), "sealed file sealed/val.bin changed"),
        (lambda nb, folder: (folder / "sealed" / "more").write_bytes(b"2"), "sealed file sealed/more is new"),
        (lambda nb, folder: (folder / "more.py").write_text(""), "the editable files: train.py → more.py train.py"),
        (lambda nb, folder: (folder / "fixed.txt").write_text("as it is"), "locked file fixed.txt changed"),
        (meta(grade="self-reported"), "grade is new"),
        (meta(budget_s=20), "budget: 2 s → 20 s"),
        (meta(budget_s=2.0000001), "budget: 2 s → 2.0000001 s"),
        (meta(clock="cpu"), "clock: wall → cpu"),
        (meta(kill_s=9), "kill_s: default → 9 s"),
        (meta(memory_mb=900), "memory_mb: no limit → 900 MiB"),
        (meta(limits={"m": {"max": 1}}), 'limits: {} → {"m": {"max": 1}}'),
        (metric(name="error"), "metric: loss min → error min"),
        (metric(direction="max"), "metric: loss min → loss max"),
        (lambda nb, folder: nb["cells"].insert(1, nb["cells"].pop(3)), "the cells' names, roles or order changed"),
        (lambda nb, folder: named(nb, "tools")["metadata"].update(tags=["hide"]), "locked cell 'tools' changed"),
        (
            lambda nb, folder: named(nb, "tools")["metadata"].update(tags=["shared"]),
            "the cells' names, roles or order changed; shared cell 'tools' is new; locked cell 'tools' is gone",
        ),
        (
            lambda nb, folder: nb["cells"].append(cell("code", "z", "pass", "editable")),
            "the cells' names, roles or order changed",
        ),
    ],
)
def test_what_scores_depend_on_opens_an_epoch(tmp_path: Path, change: Any, reason: str) -> None:
    notebook = setup(tmp_path)
    hash_before, before = taken(tmp_path, notebook)
    change(notebook, tmp_path)
    hash_after, after = taken(tmp_path, notebook)
    assert hash_after != hash_before
    assert why(before, after) == reason


@pytest.mark.parametrize(
    "change",
    [
        source("brief", "# Go elsewhere"),
        source("model", "X = 0.9"),
        source("mine", "anything"),
        source("remark", "A note"),
        metric(target=0.1),
        meta(score_timeout_s=7),
        meta(answer_s=3),
        meta(keep={"policy": "greedy"}),
        meta(artifacts=["*.pt"]),
        lambda nb, folder: named(nb, "tools").update(execution_count=5),
        lambda nb, folder: nb["cells"].insert(1, cell("markdown", "n", "note")),
        lambda nb, folder: nb["cells"].pop(),
        lambda nb, folder: nb["cells"].insert(2, cell("code", "i", "SEED = 8", "injected-parameters")),
        lambda nb, folder: (folder / "train.py").write_text("X = 2"),
        lambda nb, folder: (folder / "other.txt").write_text("X = 2"),
        lambda nb, folder: named(nb, "tools")["metadata"].update(collapsed=True),
    ],
)
def test_what_scores_do_not_depend_on_opens_none(tmp_path: Path, change: Any) -> None:
    notebook = setup(tmp_path)
    before = taken(tmp_path, notebook)
    change(notebook, tmp_path)
    after = taken(tmp_path, notebook)
    assert after == before
    assert why(before[1], after[1]) == ""


def test_hardware_and_kernel_are_part_of_it(tmp_path: Path) -> None:
    notebook = setup(tmp_path)
    first, before = taken(tmp_path, notebook)
    second, after = taken(tmp_path, notebook, "quipu")
    assert first != second
    assert why(before, after) == "the hardware: abacus → quipu"
    path = write(tmp_path, notebook)
    kernel = read(path).rules.kernel
    notebook["metadata"]["kernelspec"]["name"] = "other"
    other = parts(read(write(tmp_path, notebook), kernel=False), HARDWARE)
    assert why(before, other) == f"the kernel: {kernel} → other"
    assert len(first) == 64


def test_an_unreadable_file_of_the_game_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = read(write(tmp_path, setup(tmp_path)))

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AutoloopError, match=r"the locked file fixed\.txt cannot be read \(Permission denied\)"):
        parts(made, HARDWARE)


def smi(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = folder / "nvidia-smi"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    hardware_class.cache_clear()


def test_gpus_make_the_class_where_there_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, 'test "$1" = --query-gpu=name && printf "Abacus 9\\nQuipu\\nAbacus 9\\n"', monkeypatch)
    assert hardware_class() == "2 x Abacus 9 + 1 x Quipu"
    smi(tmp_path, "echo no; exit 9", monkeypatch)
    assert "logical CPUs" in hardware_class()
    hardware_class.cache_clear()


def test_without_gpus_the_cpu_makes_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 48)
    hardware_class.cache_clear()
    assert ", 48 logical CPUs, " in hardware_class()
    assert not hardware_class().startswith(",")
    hardware_class.cache_clear()
