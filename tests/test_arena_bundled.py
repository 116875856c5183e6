"""The arenas that come with the house, and one that nobody has seen, by “Run All Cells” in one plain process."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from autoloop_kernel.arena.notebook import read

ROOT = Path(__file__).parent.parent


def score_of(notebook: Path, edits: Mapping[str, str]) -> float:
    """Run every code cell in order, with `edits` (old text → new) made, and return the score that it prints."""
    code = "\n".join(cell.source for cell in read(notebook).notebook.cells if cell.cell_type == "code")
    for old, new in edits.items():
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{notebook.parent}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=notebook.parent, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^score (\S+)", done.stdout, re.MULTILINE)
    assert len(found) == 1, done.stdout
    return float(found[0])


def test_function_min_has_its_optimum_where_it_says() -> None:
    notebook = ROOT / "notebooks" / "function_min.ipynb"
    start = score_of(notebook, {})
    aimed = score_of(notebook, {"X = 0.5": "X = 1.2", "Y = 0.5": "Y = -0.7"})
    best = score_of(
        notebook, {"X = 0.5": "X = 1.2", "Y = 0.5": "Y = -0.7", 'METHOD = "halving"': 'METHOD = "straight"'}
    )
    beside = score_of(
        notebook, {"X = 0.5": "X = 1.25", "Y = 0.5": "Y = -0.7", 'METHOD = "halving"': 'METHOD = "straight"'}
    )
    assert start > 5 > aimed > best
    assert best == pytest.approx(0, abs=1e-12)
    assert 0 < beside < 0.1


def test_function_min_noise_follows_the_seed() -> None:
    notebook = ROOT / "notebooks" / "function_min.ipynb"
    exact = score_of(notebook, {})
    first, again = (score_of(notebook, {"NOISE = 0.0": "NOISE = 0.5"}) for _ in range(2))
    other = score_of(notebook, {"NOISE = 0.0": "NOISE = 0.5", "SEED = 0": "SEED = 1"})
    assert first == again
    assert len({exact, first, other}) == 3
    assert abs(first - exact) < 3
    assert score_of(notebook, {"SEED = 0": "SEED = 1"}) == exact


def test_the_unseen_arena_rewards_its_editable_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "notebooks" / "unseen", tmp_path / "unseen")
    notebook = tmp_path / "unseen" / "arena.ipynb"
    arena = read(notebook)
    assert list(arena.units) == ["fit", "decide", "features.py"]
    start = score_of(notebook, {})
    (tmp_path / "unseen" / "features.py").write_text(
        arena.sources["features.py"].replace("SQUARES = False", "SQUARES = True")
    )
    assert 0.4 < start < 0.75 < score_of(notebook, {}) < 1
