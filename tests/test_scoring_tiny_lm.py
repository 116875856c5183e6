"""The bundled arena `tiny_lm`: sound, honest about where it runs, and every constant may go where its comment says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from template_kit import extremes

from autoloop_kernel.agents.constants import find, rewrite
from autoloop_kernel.arena.check import check
from autoloop_kernel.arena.templates import new, templates
from autoloop_kernel.scoring import corpora

torch = pytest.importorskip("torch")
NOTEBOOK = next(template.path for template in templates() if template.name == "tiny_lm")
CELLS = {cell["id"]: "".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]}
CONSTANTS = {constant.name: constant for constant in find(CELLS["constants"])}
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(corpora.__file__).parents[2])}


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    """A fresh copy with a corpus of its own, so that the test is quick and needs no packed one."""
    speeches = {f"{1790 + i}": b"We hold these truths to be self-evident, said number %d. " % i * 60 for i in range(48)}
    small = {"english": lambda: corpora.Corpus("A small corpus", "free", "For a test.", speeches)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "CORPORA", small)
        return new("tiny_lm", tmp_path_factory.mktemp("arena"))


@pytest.fixture
def one_thread():
    """Matrices this small are slower on several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_arena_is_sound_and_has_what_search_needs(arena):
    assert check(arena) == []
    assert {"DEPTH", "WIDTH", "BATCH", "LEARNING_RATE", "INIT_STD", "ACTIVATION"} <= set(CONSTANTS)
    assert all(constant.range.stated for constant in CONSTANTS.values()), "every constant says where it may go"
    for constant in CONSTANTS.values():
        bounds = constant.range
        inside = constant.value in bounds.choices if bounds.choices else bounds.low <= constant.value <= bounds.high
        assert inside, constant


def test_runs_under_plain_papermill_in_one_kernel(arena, tmp_path):
    done = tmp_path / "done.ipynb"
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(arena),
        str(done),
        "-p",
        "BUDGET_S",
        "2",
        "--cwd",
        str(arena.parent),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=ENVIRONMENT)
    outputs = [json.dumps(cell.get("outputs", [])) for cell in json.loads(done.read_text(encoding="utf-8"))["cells"]]
    scored = re.search(r"score (\d+\.\d+)  stderr", "".join(outputs))
    assert scored, outputs
    assert float(scored[1]) < 8.0, "worse than knowing nothing"


def test_in_another_folder_it_says_what_is_missing(tmp_path):
    assert 'read_bytes("data/train.txt")' in CELLS["setup"]
    script = CELLS["shared"] + '\nread_bytes("data/train.txt")'
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=ENVIRONMENT, cwd=tmp_path
    )
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert "data/train.txt is not in" in last
    assert "autoloop new tiny_lm" in last


class OneStep:
    """A budget that is spent at the second look."""

    seconds = 1.0

    def __init__(self):
        self.looks = -1

    def spent(self):
        self.looks += 1
        return float(self.looks)


@pytest.mark.parametrize("values", list(extremes(CONSTANTS)))
def test_every_constant_can_go_to_its_ends(values, one_thread):
    said = {}
    text = torch.arange(4_000) % 251
    imports = "import math\nimport torch\nfrom torch import nn\nfrom torch.nn import functional as F"
    batch = "def batch" + CELLS["setup"].split("def batch")[1].split("\nbudget.start")[0]
    constants = rewrite({"constants": CELLS["constants"]}, {("constants", name): it for name, it in values.items()})
    space = {
        "VOCAB": 256,
        "budget": OneStep(),
        "report": lambda step, **numbers: said.update(numbers),
        "facts": lambda **values: said.update(values),
        "submit": lambda answer: said.update(answer=answer),
        "device": torch.device("cpu"),
        "text": text,
    }
    torch.manual_seed(0)
    for source in (imports, batch, constants.get("constants", CELLS["constants"]), CELLS["model"], CELLS["train"]):
        exec(source, space)
    assert {name: space[name] for name in values} == values
    assert said["steps"] == 1
    logits = said["answer"]((text[:24].reshape(2, 12)).numpy())
    assert logits.shape == (2, 12, 256)
    assert torch.isfinite(logits).all()
