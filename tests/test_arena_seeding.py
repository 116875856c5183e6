"""Code that differs in its seeds alone, and code that differs in more."""

import pytest

from autoloop_kernel.arena.seeding import only_seeds_differ

BASE = """\
import random
import numpy as np
import torch
INIT_SEED = 1
RATE = 0.1
torch.manual_seed(SEED)
rng = np.random.default_rng(7)
generator = torch.Generator().manual_seed(3)
parts = split(data, random_state=5)
W = RATE * rng.normal()
"""


def units(old: str = "", new: str = "", more: str = "") -> dict[str, str]:
    assert old in BASE
    return {"model": (BASE.replace(old, new) if old else BASE) + more, "notes.txt": "seed 1"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("manual_seed(SEED)", "manual_seed(137)"),
        ("manual_seed(SEED)", "manual_seed(SEED + 1)"),
        ("torch.manual_seed(SEED)\n", ""),
        ("import torch\n", "import torch\nrandom.seed(4)\nnp.random.seed(5)\ntorch.cuda.manual_seed_all(6)\n"),
        ("default_rng(7)", "default_rng()"),
        ("default_rng(7)", "default_rng(seed=8)"),
        (".manual_seed(3)", ".manual_seed(42)"),
        ("random_state=5", "random_state=6"),
        ("INIT_SEED = 1", "INIT_SEED = 2"),
        ("default_rng(7)", "default_rng(np.random.SeedSequence(8))  # luckier"),
    ],
)
def test_another_seed_is_nothing_else(old, new):
    assert only_seeds_differ(units(), units(old, new))
    assert only_seeds_differ(units(old, new), units())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 0.1", "RATE = 0.2"),
        ("manual_seed(SEED)", "manual_seed(137)\nRATE = 0.2"),
        ("rng.normal()", "rng.uniform()"),
        ("np.random.default_rng(7)", "torch.Generator()"),
        ("split(data, random_state=5)", "split(data[1:], random_state=6)"),
        ("INIT_SEED = 1", "INIT_SEED, RATE_OF_SEEDS = 1, 2"),
        ("import random\n", ""),
        ("INIT_SEED = 1\n", ""),
    ],
)
def test_whatever_else_changes_counts(old, new):
    assert not only_seeds_differ(units(), units(old, new))


def test_code_that_is_the_same_text_that_is_none_and_other_units_are_no_change_of_seeds():
    assert not only_seeds_differ(units(), units())
    assert not only_seeds_differ(units(), units(more="W = = 1"))
    assert not only_seeds_differ(units(), {**units(), "notes.txt": "seed 2"})
    assert not only_seeds_differ(units(), {**units(), "extra": ""})


def test_magics_are_no_obstacle():
    ours, theirs = ({"model": f"%matplotlib inline\ntorch.manual_seed({n})"} for n in (1, 2))
    assert only_seeds_differ(ours, theirs)
    assert not only_seeds_differ({"model.py": ours["model"]}, {"model.py": theirs["model"]})
