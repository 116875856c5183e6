"""The documented agent: taken from the page as it stands, installed as a package, and run by its name."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from arenas import write_quick_arena

PAGE = Path(__file__).parent.parent / "docs" / "agents.md"


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return found


@pytest.fixture
def installed(tmp_path):
    """A folder for the path, into which pip has installed the package that the page shows, without a network."""
    source, target = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    (source / "nudge.py").write_text(block("python"), encoding="utf-8")
    (source / "pyproject.toml").write_text(block("toml"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", str(target), str(source)], check=True, timeout=200
    )
    return target


def test_the_example_is_of_20_lines_is_found_by_its_name_and_runs_a_step(installed, tmp_path):
    code = [line for line in block("python").splitlines() if line.strip()]
    assert len(code) <= 20
    arena = write_quick_arena(tmp_path / "work")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])}

    def autoloop(*arguments):
        command = [sys.executable, "-m", "autoloop_kernel.cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)

    ran = autoloop("auto", str(arena), "--agent", "nudge", "--iterations", "2")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    row = json.loads(autoloop("log", str(arena), "--json").stdout)[1]
    assert row["agent"] == "nudge"
    assert re.fullmatch(r"[XY] to -?[\d.]+", row["title"])
    assert row["score"] is not None
    named = autoloop("step", str(arena), "--agent", "nobody").stderr
    assert "there is search, " in named
    assert named.rstrip().endswith(", nudge")


def test_what_the_page_says_of_the_context_is_there():
    from dataclasses import fields

    from autoloop_kernel import Context

    table = PAGE.read_text(encoding="utf-8").split("What `context` holds")[1]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(\w+)(?:\(.*?\))?`", row)}
    assert len(told) >= 15
    assert told <= {field.name for field in fields(Context)}
