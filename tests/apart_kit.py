"""Scenes of a test module that are played in a process of their own, since they kill what they run in."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PLAY = "import sys, apart_kit; apart_kit.play(*sys.argv[1:])"


def play(module: str, folder: str, which: str) -> None:
    """The other end of `played_apart`."""
    importlib.import_module(module).scene(Path(folder), which)


def played_apart(module: str, folder: Path, which: str) -> Any:
    """Play `scene(folder, which)` of a module; its last line, read as JSON. Fails where it raises."""
    played = subprocess.run(
        [sys.executable, "-c", PLAY, module, str(folder), which],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    assert played.returncode == 0, played.stdout
    return json.loads(played.stdout.splitlines()[-1])
