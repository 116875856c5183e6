"""The files of tokens that a language-model arena reads, written beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autoloop_kernel.datasets.sources import Documents, embedded
from autoloop_kernel.datasets.tokens import VOCABULARY, Tokenizer, learn
from autoloop_kernel.durable import durable, sync_folder, sync_tree, write_atomic
from autoloop_kernel.records import AutoloopError

ABOUT = "data/tokens.json"
"""What was prepared: `vocab_size`, `train_tokens`, `title`. It is there only where all the others are."""

TRAIN, TOKENIZER, SOURCE = "data/train.bin", "data/tokenizer.json", "data/SOURCE.txt"
VALIDATION, HOLDOUT, LENGTHS = "sealed/val.bin", "sealed/holdout.bin", "sealed/token_bytes.npy"
FILES = (TRAIN, TOKENIZER, SOURCE, VALIDATION, HOLDOUT, LENGTHS)

STAGING = ".autoloop-data-"
MOST_HELD_OUT = 1 << 22
"""Tokens of each held-out part that are written, at most: no score reads more."""

Told = Callable[[str], None]


def write(corpus: str, place: Path, vocabulary: int = VOCABULARY) -> dict[str, Any]:
    """Write the tokens of an embedded corpus below `place`, which is new; return what `ABOUT` holds."""
    return _write(embedded(corpus), place, vocabulary, lambda line: None)


def replace(documents: Documents, place: Path, vocabulary: int, told: Told = lambda line: None) -> dict[str, Any]:
    """Write the tokens of `documents` beside an arena in the folder `place`, instead of those there.

    All are written elsewhere first. While they are moved to their places `ABOUT` is away, so that a kill between two
    of them leaves data that says it is unfinished, never a mixture that is used.
    """
    for left in place.glob(f"{STAGING}*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=place))
    try:
        about = _write(documents, staging, vocabulary, told)
        sync_tree(staging)
        (place / ABOUT).unlink(missing_ok=True)
        for name in (*FILES, ABOUT):
            with durable(f"move {name}"):
                _move(staging / name, place / name)
        return about
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move(new: Path, old: Path) -> None:
    """Put `new` in the place of `old`; where there is no new one, take the old one away."""
    old.parent.mkdir(exist_ok=True)
    if new.exists():
        new.replace(old)
    else:
        old.unlink(missing_ok=True)
    sync_folder(old.parent)


def _write(documents: Documents, place: Path, vocabulary: int, told: Told) -> dict[str, Any]:
    for name in (ABOUT, VALIDATION):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
    told("learning the tokens")
    tokenizer = learn(documents.train(), vocabulary)
    counts, digest = {}, hashlib.sha256()
    for name, texts, most in (
        (VALIDATION, iter(documents.validation), MOST_HELD_OUT),
        (HOLDOUT, iter(documents.holdout), MOST_HELD_OUT),
        (TRAIN, documents.train(), None),
    ):
        counts[name] = _tokens(tokenizer, texts, place / name, most, digest, told)
    if min(counts.values()) < 2:
        raise AutoloopError(f"{documents.title} is too short: there is nothing to predict")
    np.save(place / LENGTHS, tokenizer.lengths)
    if tokenizer.library is not None:
        write_atomic(place / TOKENIZER, tokenizer.text + "\n")
    about = {"vocab_size": tokenizer.size, "train_tokens": counts[TRAIN], "title": documents.title}
    write_atomic(place / SOURCE, _label(documents, tokenizer, counts, digest.hexdigest()))
    write_atomic(place / ABOUT, json.dumps(about, indent=1) + "\n")
    return about


def _tokens(tokenizer: Tokenizer, texts: Iterator[str], path: Path, most: int | None, digest: Any, told: Told) -> int:
    """Write tokens as little-endian 16-bit numbers, nothing else; return how many."""
    count = 0
    with open(path, "wb") as file:
        for tokens in tokenizer.encode(texts):
            kept = tokens[: None if most is None else most - count].astype("<u2").tobytes()
            file.write(kept)
            digest.update(kept)
            count += len(kept) // 2
            told(f"{path.name}: {count / 1e6:.1f} million tokens")
            if count == most:
                break
    return count


def _label(documents: Documents, tokenizer: Tokenizer, counts: dict[str, int], digest: str) -> str:
    kind = (
        "byte-pair encoding, learnt from the training part"
        if tokenizer.library is not None
        else ("bytes: for byte-pair encoding pip install 'autoloop-kernel[gpt]', then autoloop data ARENA embedded")
    )
    sizes = "\n".join(f"{name}: {count} tokens" for name, count in counts.items())
    return (
        f"{documents.title}\n{documents.about}\n{sizes}\nTokens: {tokenizer.size}, {kind}\n"
        f"Held-out parts are {'sealed' if documents.sealed else 'unsealed'}. SHA-256 of all tokens: {digest}\n"
    )
