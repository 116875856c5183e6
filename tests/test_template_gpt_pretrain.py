"""The bundled arena `gpt_pretrain` at a CPU's size: real runs, a better method that wins and cheats that do not."""

import json
import random
from statistics import mean, stdev

import nbformat
import numpy as np
import pytest
from template_kit import extremes

from autoloop_kernel.agents.constants import find, rewrite
from autoloop_kernel.arena.check import check
from autoloop_kernel.arena.notebook import read
from autoloop_kernel.arena.templates import new, templates
from autoloop_kernel.records import Verdict
from autoloop_kernel.scoring import corpora

torch = pytest.importorskip("torch")
NOTEBOOK = next(template.path for template in templates() if template.name == "gpt_pretrain")
CELLS = {cell["id"]: "".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]}
CONSTANTS = {constant.name: constant for constant in find(CELLS["constants"])}
IMPORTS = "import math, resource, torch\nimport numpy as np\nfrom torch import nn\nfrom torch.nn import functional as F"
BETTER = (("BATCH = 262_144", "BATCH = 65_536"), ("HEAD_RATE = 0.004", "HEAD_RATE = 0.016"))
LOOKS_AHEAD = """
def ahead(tokens):
    logits, shown = answer(tokens), torch.from_numpy(tokens).to(device)[:, 1:, None]
    logits[:, :-1].scatter_add_(2, shown, torch.full(shown.shape, 9.0, device=device))
    return logits


submit(ahead)"""
READS = """
secret = np.memmap("sealed/val.bin", dtype="<u2", mode="r")
submit(answer)"""


def speeches():
    """Documents with something to learn: words that call for one another, and a few that may follow anywhere."""
    draw = random.Random(11)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 7))) for _ in range(1200)]
    follow = {word: draw.sample(words, 3) for word in words}
    for number in range(240):
        word, said = draw.choice(words), []
        for _ in range(700):
            said.append(word)
            word = draw.choice(follow[word]) if draw.random() < 0.9 else draw.choice(words)
        yield f"{number:03d}", " ".join(said).encode()


@pytest.fixture
def on_cpu(monkeypatch):
    """The size that the arena takes without a card, also on a machine that has one."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def one_thread():
    """Matrices this small are slower on several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def arena(run_notebook, monkeypatch):
    """A copy with a small text of its own, so that a run takes seconds and needs no packed corpus."""
    small = {"english": lambda: corpora.Corpus("A small text", "free", "For a test.", dict(speeches()))}
    monkeypatch.setattr(corpora, "CORPORA", small)
    return new("gpt_pretrain", run_notebook.folder, 1.5)


@pytest.fixture
def played(arena, run_notebook):
    """Runs the arena with `edits` (old text → new) of its editable cells; gives the outcome."""

    def play(*edits, seed=7, **changes):
        notebook = nbformat.read(arena, as_version=4)
        for old, replacement in edits:
            (cell,) = [
                cell for cell in notebook.cells if old in cell.source and "editable" in cell.metadata.get("tags", [])
            ]
            cell.source = cell.source.replace(old, replacement)
        rules = {"budget_s": 1.5, "clock": "cpu", "score_timeout_s": 200.0, "sealed": ("sealed/*",), "kill_s": 120.0}
        return run_notebook(notebook, seed=seed, **{**rules, **changes})

    return play


def test_the_arena_is_sound_has_a_holdout_and_what_search_needs(arena):
    assert check(arena) == []
    assert read(arena).has_holdout
    assert {"DEPTH", "WIDTH", "BATCH", "MATRIX_RATE", "MATRIX_OPTIMIZER", "LOCAL"} <= set(CONSTANTS)
    assert all(constant.range.stated for constant in CONSTANTS.values()), "every constant says where it may go"
    for constant in CONSTANTS.values():
        bounds = constant.range
        assert constant.value in bounds.choices if bounds.choices else bounds.low <= constant.value <= bounds.high


def test_smaller_steps_and_a_faster_head_win_by_three_times_the_noise_and_weights_come_home(played, on_cpu):
    runs = [played(seed=seed, artifacts=("weights.npz",)) for seed in (1, 2, 3)]
    scores = [run.outcome.score for run in runs]
    better = played(*BETTER, seed=4).outcome.score
    assert mean(scores) - better > 3 * stdev(scores), (scores, better)
    facts = runs[0].outcome.facts
    assert (facts["window"], facts["width"], facts["depth"], facts["mfu"]) == (128, 64, 2, None)
    assert facts["tokens"] == facts["steps"] * 1024
    assert facts["tokens_per_second"] > 0
    with np.load(runs[0].job.target / "artifacts" / "weights.npz", allow_pickle=False) as weights:
        assert sum(weights[name].size for name in weights.files) == facts["parameters"]


@pytest.mark.parametrize(
    ("cheat", "says"),
    [(LOOKS_AHEAD, "looks at tokens that it is to predict"), (READS, "sealed/val.bin")],
    ids=["looks ahead", "reads the sealed tokens"],
)
def test_cheats_are_refused(played, on_cpu, cheat, says):
    outcome = played(("\nsubmit(answer)", cheat)).outcome
    assert outcome.verdict is Verdict.CRASH
    assert outcome.score is None
    assert says in outcome.reason


def test_data_that_is_not_finished_is_named(played, arena, on_cpu):
    (arena.parent / "data" / "tokens.json").unlink()
    outcome = played().outcome
    assert "or `autoloop data` if that was broken off" in outcome.reason


def made(**space):
    """What the model's and the optimiser's cells define, on a CPU, with a window of 32 and 97 tokens."""
    torch.manual_seed(0)
    given = {"CUDA": False, "SHRINK": 8, "WINDOW": 32, "VOCAB": 97, "device": torch.device("cpu"), **space}
    for source in (IMPORTS, CELLS["constants"], CELLS["model"], CELLS["optimizer"]):
        exec(source, given)
    return given


@pytest.mark.parametrize(("length", "span"), [(7, 8), (8, 8), (9, 4), (32, 4), (30, 8), (5, 1)])
def test_the_sliding_window_is_that_of_a_mask(length, span):
    query, key, value = torch.randn(3, 2, 3, length, 4)
    places = torch.arange(length)
    seen = (places[None] <= places[:, None]) & (places[None] > places[:, None] - span)
    masked = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    torch.testing.assert_close(made()["attend"](query, key, value, span), masked)


@pytest.mark.parametrize("shape", [(2, 16, 16), (3, 8, 32), (1, 32, 8)])
def test_muons_steps_are_about_orthogonal(shape):
    turned = made()["orthogonal"](torch.randn(shape))
    sizes = torch.linalg.svdvals(turned)
    assert turned.shape == shape
    assert 0.5 < sizes.min() <= sizes.max() < 1.4


class OneStep:
    """A budget that is spent at the second step."""

    seconds = 1.0

    def __init__(self):
        self.looks = -1

    def spent(self):
        self.looks += 1
        return 0.1 * self.looks if self.looks < 3 else 1.0


@pytest.mark.parametrize("values", list(extremes(CONSTANTS)))
def test_every_constant_can_go_to_its_ends(values, tmp_path, monkeypatch, one_thread):
    monkeypatch.chdir(tmp_path)
    said = {}
    text = torch.arange(4_000) % 97
    setup = "def batch" + CELLS["setup"].split("def batch")[1].split("\nbudget.start")[0]
    constants = rewrite({"constants": CELLS["constants"]}, {("constants", name): it for name, it in values.items()})
    space = {
        "CUDA": False,
        "SHRINK": 8,
        "WINDOW": 32,
        "VOCAB": 97,
        "PEAK": {},
        "budget": OneStep(),
        "report": lambda step, **numbers: said.update(numbers),
        "facts": lambda **values: said.update(values),
        "submit": lambda answer: said.update(answer=answer),
        "device": torch.device("cpu"),
        "text": text.numpy().astype(np.uint16),
    }
    torch.manual_seed(0)
    cells = (constants.get("constants", CELLS["constants"]), *(CELLS[name] for name in ("model", "optimizer", "train")))
    for source in (IMPORTS, setup, *cells, CELLS["answers"]):
        exec(source, space)
    assert {name: space[name] for name in values} == values
    assert said["steps"] >= 1
    logits = said["answer"]((text[:24].reshape(2, 12)).numpy())
    assert logits.shape == (2, 12, 97)
    assert torch.isfinite(logits).all()


def test_a_larger_card_holds_more_rows(monkeypatch):
    space = {"CUDA": True, "WINDOW": 2048, "VOCAB": 8192, "device": "cuda", "torch": torch, "math": __import__("math")}
    exec("def rows_that_fit" + CELLS["setup"].split("def rows_that_fit")[1].split("\ndef flops")[0], space)
    found = []
    for gigabytes in (8, 12, 24, 80):
        card = type("Card", (), {"total_memory": gigabytes << 30})
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device, card=card: card)
        found.append(space["rows_that_fit"](512, 8))
    assert found == [8, 8, 16, 64], "as docs/gpt-pretrain.md has them"


@pytest.mark.gpu
def test_on_a_card_it_has_its_full_size(played):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    outcome = played(budget_s=150.0, score_timeout_s=300.0).outcome
    assert (outcome.verdict, outcome.reason) == (Verdict.SCORED, "")
    assert (outcome.facts["window"], outcome.facts["width"], outcome.facts["depth"]) == (2048, 512, 8)
    assert outcome.facts["tokens_per_second"] > 10_000
    assert outcome.facts["peak_memory_mb"] < 0.95 * (torch.cuda.get_device_properties(0).total_memory >> 20)
