"""From text to tokens: byte-pair encoding trained on the training part, or plain bytes where the library is missing."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoloop_kernel.records import AutoloopError

VOCABULARY = 8192
START = "<|start|>"
"""The token that stands before every document: number 0, and no bytes long."""

TRAINED_ON = 200_000_000
"""Characters of the training part that merges are learnt from, at most."""

LONGEST = 10_000  # characters of a document that merges are learnt from
BATCH = 256


@dataclass(frozen=True)
class Tokenizer:
    """`lengths[token]` is a token's length in bytes, 0 for `START`. `library` is None where tokens are bytes."""

    lengths: NDArray[np.int32]
    library: Any = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return len(self.lengths)

    @property
    def text(self) -> str:
        """The tokenizer as JSON that `tokenizers.Tokenizer.from_str` reads; empty where tokens are bytes."""
        return "" if self.library is None else str(self.library.to_str())

    def encode(self, documents: Iterator[str]) -> Iterator[NDArray[np.uint16]]:
        """The tokens of some documents at a time, each document after a `START`."""
        while batch := list(itertools.islice(documents, BATCH)):
            if self.library is None:
                parts = [np.frombuffer(text.encode(), np.uint8).astype(np.uint16) + 1 for text in batch]
            else:
                parts = [np.array(found.ids, np.uint16) for found in self.library.encode_batch_fast(batch)]
            start = np.zeros(1, np.uint16)
            yield np.concatenate([piece for part in parts for piece in (start, part)])


def learn(documents: Iterator[str], size: int = VOCABULARY) -> Tokenizer:
    """A tokenizer of `size` tokens, learnt from `documents` by byte-pair encoding over GPT-2's split into words.

    Without the package `tokenizers` a token is a byte. Text that has too few pairs to merge gives fewer tokens. Raises
    `AutoloopError` for a `size` beyond 16 bits or below the 256 bytes and `START`.
    """
    if not 257 <= size <= 65_536:
        raise AutoloopError(f"--vocab {size}: name a number of tokens from 257 to 65536")
    library = _library()
    if library is None or size == 257:
        return Tokenizer(np.array([0] + [1] * 256, np.int32))
    bpe = library.Tokenizer(library.models.BPE())
    bpe.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = library.decoders.ByteLevel()
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(
        vocab_size=size, special_tokens=[START], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(_limited(documents), trainer)
    # What marks a start of our own would be one if it stood in a text, too: there it is split like any other.
    bpe.encode_special_tokens = True
    named = sorted(bpe.get_vocab().items(), key=lambda item: item[1])
    lengths = [0 if name == START else len(name) for name, _ in named]  # a letter of the byte alphabet is one byte
    return Tokenizer(np.array(lengths, np.int32), bpe)


def _limited(documents: Iterator[str]) -> Iterator[str]:
    room = TRAINED_ON
    for text in documents:
        if room <= 0:
            return
        yield text[:LONGEST]
        room -= min(len(text), LONGEST)


def _library() -> Any:
    try:
        return importlib.import_module("tokenizers")
    except ImportError:
        return None
