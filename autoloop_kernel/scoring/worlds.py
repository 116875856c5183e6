"""Simulated worlds behind arenas: all of one follows from a secret of its copy, so that no package holds its truth.

A module that makes one has `data(secret)`: the files that a candidate may see, by name, made from the secret but not
telling it. `autoloop new` writes them; the referee makes the rest from the secret as it needs it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def read_secret(path: str | Path) -> str:
    """The secret that `autoloop new` drew: hexadecimal digits. Raises `ValueError`, in words, where there is none."""
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
        int(secret, 16)
    except (OSError, ValueError):
        raise ValueError(f"{path} holds no secret: make the arena with `autoloop new`, which draws one") from None
    return secret


def generator(secret: str, purpose: str, *numbers: int) -> np.random.Generator:
    """The generator of this secret for one purpose (any words) and these numbers; no two share a stream."""
    words = ":".join([secret, purpose, *map(str, numbers)])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(words.encode()).digest(), "big"))


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays by name as the bytes of a compressed .npz file: equal arrays give equal bytes."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def sigmoid(logits: Floats) -> Floats:
    """The logistic function, for logits of a size that a simulation has."""
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float64)
