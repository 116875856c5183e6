"""The files of tokens beside an arena: whole, of one text, and never a mixture of two."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from autoloop_kernel.datasets import prepare
from autoloop_kernel.datasets.sources import Documents
from autoloop_kernel.records import AutoloopError

WRITE = """
from pathlib import Path
from test_datasets_prepare import documents
from autoloop_kernel.datasets.prepare import replace
replace(documents("new"), Path(), 300)
"""


def documents(word, count=50):
    texts = [f"The {word} document, number {number}, is of peace." for number in range(count)]
    return Documents(f"Some {word} text", "For a test.", lambda: iter(texts[4:]), texts[0:2], texts[2:4])


def tokens(place, name):
    return np.fromfile(place / name, "<u2")


def test_what_is_written_says_what_it_is(tmp_path):
    said = []
    about = prepare.replace(documents("old"), tmp_path, 300, said.append)
    assert about == json.loads((tmp_path / "data/tokens.json").read_text())
    assert about["train_tokens"] == len(tokens(tmp_path, prepare.TRAIN))
    lengths = np.load(tmp_path / prepare.LENGTHS)
    assert len(lengths) == about["vocab_size"]
    for name, count in ((prepare.TRAIN, 46), (prepare.VALIDATION, 2), (prepare.HOLDOUT, 2)):
        found = tokens(tmp_path, name)
        assert (found == 0).sum() == count, "a start before each document"
        assert found.max() < about["vocab_size"]
    texts = documents("old")
    assert lengths[tokens(tmp_path, prepare.VALIDATION)].sum() == sum(len(text) for text in texts.validation)
    label = (tmp_path / prepare.SOURCE).read_text()
    assert label.startswith("Some old text\nFor a test.\n")
    assert said[0] == "learning the tokens"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "sealed"]


def test_other_text_takes_the_place_of_what_is_there(tmp_path):
    (tmp_path / "sealed").mkdir()
    (tmp_path / "sealed" / "mine.txt").write_text("stays")
    prepare.replace(documents("old"), tmp_path, 300)
    assert (tmp_path / prepare.TOKENIZER).exists()
    prepare.replace(documents("new"), tmp_path, 257)
    assert not (tmp_path / prepare.TOKENIZER).exists(), "bytes need none"
    assert bytes((tokens(tmp_path, prepare.VALIDATION)[1:8] - 1).astype(np.uint8)) == b"The new"
    assert (tmp_path / "sealed" / "mine.txt").read_text() == "stays"


def present(place):
    return {name: (place / name).read_bytes() for name in (*prepare.FILES, prepare.ABOUT) if (place / name).exists()}


@pytest.mark.parametrize("nth", [1, 7, 8, 13, 19, 20])
def test_a_kill_between_leaves_all_of_one_text_or_says_that_it_is_unfinished(tmp_path, nth):
    for place, word in (("game", "old"), ("other", "new")):
        (tmp_path / place).mkdir()
        prepare.replace(documents(word), tmp_path / place, 300)
    old, new = present(tmp_path / "game"), present(tmp_path / "other")
    env = os.environ | {"AUTOLOOP_KILL_AT": str(nth), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", WRITE], cwd=tmp_path / "game", env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    now = present(tmp_path / "game")
    assert now in (old, new) or prepare.ABOUT not in now
    assert (now == old, now == new) == (nth == 1, nth == 20)
    prepare.replace(documents("new"), tmp_path / "game", 300)
    assert present(tmp_path / "game") == new
    assert sorted(path.name for path in (tmp_path / "game").iterdir()) == ["data", "sealed"]


def test_a_text_with_nothing_to_predict_is_refused_and_leaves_nothing(tmp_path):
    nothing = Documents("Nothing", "", lambda: iter(["a"]), [], [])
    with pytest.raises(AutoloopError, match="too short"):
        prepare.replace(nothing, tmp_path, 300)
    assert list(tmp_path.iterdir()) == []
