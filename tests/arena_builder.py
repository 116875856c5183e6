"""Small arenas for tests, as JSON that each test may spoil in its own way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def cell(kind: str, name: str, source: str, /, *tags: str, **settings: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"tags": list(tags)} if tags else {}
    if settings:
        metadata["autoloop"] = settings
    made = {"cell_type": kind, "id": name, "metadata": metadata, "source": source}
    return made if kind != "code" else made | {"outputs": [], "execution_count": None}


def arena() -> dict[str, Any]:
    """A sound arena with every role, in nbformat 4.5."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "autoloop": {"metric": {"name": "loss", "direction": "min"}, "budget_s": 2},
        },
        "cells": [
            cell("markdown", "brief", "# Go down", "strategy"),
            cell("code", "params", "SEED = 0", "parameters"),
            cell("code", "common", "import numpy as np", "shared"),
            cell("code", "tools", "from autoloop_kernel.cells import submit"),
            cell("code", "model", "X = 0.5  # 0..1\nsubmit(lambda: np.array(X))", "editable"),
            cell("markdown", "remark", "And now the score."),
            cell("code", "judge", "from autoloop_kernel.cells import ask, score\nscore(ask())", "score"),
            cell("code", "mine", "%pip list", "workbench"),
        ],
    }


def named(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """The cell of `notebook` with that id."""
    return next(cell for cell in notebook["cells"] if cell.get("id") == name)


def write(folder: Path, notebook: Any, name: str = "game.ipynb") -> Path:
    path = folder / name
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
