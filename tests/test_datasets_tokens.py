"""Tokens of real byte-pair encoding, and of bytes where the library is missing."""

import random
import sys

import numpy as np
import pytest
from tokenizers import Tokenizer

from autoloop_kernel.datasets.tokens import START, learn
from autoloop_kernel.records import AutoloopError

WORDS = ["the", "people", "of", "every", "state", "großen", "日本", "42", "peace", "and", "union"]


def documents(count=60):
    draw = random.Random(3)
    return [" ".join(draw.choices(WORDS, k=50)) + ".\n" for _ in range(count)]


def test_every_token_has_its_length_in_bytes_and_decodes_to_the_text():
    found = learn(iter(documents()), 300)
    assert 257 < found.size <= 300
    texts = [*documents(3), f"never seen: ünïcode 🙂 \x00 and {START} as a text"]
    tokens = np.concatenate(list(found.encode(iter(texts))))
    assert tokens.dtype == np.uint16
    starts = np.flatnonzero(tokens == 0)
    assert len(starts) == len(texts)
    assert found.lengths[0] == 0
    reader = Tokenizer.from_str(found.text)
    for text, first, last in zip(texts, starts, [*starts[1:], len(tokens)], strict=True):
        piece = tokens[first + 1 : last]
        assert found.lengths[piece].sum() == len(text.encode())
        assert reader.decode(piece.tolist()) == text
    assert len(tokens) < sum(len(text.encode()) for text in texts), "it is shorter than bytes"


def test_the_same_text_gives_the_same_tokens():
    assert learn(iter(documents()), 300).text == learn(iter(documents()), 300).text


@pytest.mark.parametrize("missing", [True, False])
def test_bytes_stand_in_where_the_library_is_missing_or_nothing_may_be_merged(monkeypatch, missing):
    if missing:
        monkeypatch.setitem(sys.modules, "tokenizers", None)
    found = learn(iter(documents()), 8192 if missing else 257)
    assert (found.size, found.text) == (257, "")
    (tokens,) = found.encode(iter(["ü", "a"]))
    assert tokens.tolist() == [0, 0xC3 + 1, 0xBC + 1, 0, ord("a") + 1]
    assert found.lengths.tolist() == [0] + [1] * 256


@pytest.mark.parametrize("size", [256, 65_537])
def test_a_number_of_tokens_that_cannot_be_is_refused(size):
    with pytest.raises(AutoloopError, match="from 257 to 65536"):
        learn(iter(documents(1)), size)
