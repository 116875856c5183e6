"""Questions about many cases at once, one a row, each of which has to be answered by itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoloop_kernel.scoring.answers import AnswerRefused
from autoloop_kernel.scoring.worlds import Floats

PART = 256  # rows that are asked again at most
TOLERANCE = 1e-4  # of a row's answer and of the median: float32 sums in another order differ by far less


def ask_rows(ask: Callable[..., Any], rows: Mapping[str, NDArray[Any]], columns: int | None = None) -> Floats:
    """Ask about `rows` (arrays of one length n) and return the answer, float64, (n,) or (n, `columns`).

    A part of them, secret and in another order, is asked by itself besides, before or after: each row must be answered
    alike, so that no answer can come from a row's place, its neighbours, the size or the number of the question. Raises
    `AnswerRefused` where it is not, and for another shape or type, for NaN and for infinite values; `ValueError` where
    there are no rows. A candidate that remembers every row and repeats its answers is not found out: where other rows
    tell something of one, ask for them at another time.
    """
    count = len(next(iter(rows.values())))
    if not count:
        raise ValueError("there are no rows to ask about")
    rng = np.random.default_rng(secrets.randbits(128))
    part = rng.permutation(count)[: max(1, min(PART, count // 2))]
    alone: Floats | None = None
    if blind := rng.random() < 0.5:
        alone = _ask(ask, rows, part, columns)
    answered = _ask(ask, rows, np.arange(count), columns)
    if not blind or alone is None:
        alone = _ask(ask, rows, part, columns)
    off = np.abs(alone - answered[part])
    # the median rather than the largest: one huge answer must not make room for the others to shift
    beyond = off - TOLERANCE * (np.abs(answered[part]) + np.median(np.abs(answered))) - 1e-9
    if beyond.max(initial=0.0) > 0:
        at = np.unravel_index(int(beyond.argmax()), off.shape)
        raise AnswerRefused(
            f"a row was answered with {answered[part][at]:.6g} among {count} rows and with {alone[at]:.6g} among "
            f"{len(part)}: each row has to be answered by itself, whatever else is asked, and the same every time"
        )
    return answered


def _ask(ask: Callable[..., Any], rows: Mapping[str, NDArray[Any]], which: NDArray[Any], columns: int | None) -> Floats:
    answer = ask(**{name: array[which] for name, array in rows.items()})
    shape = (len(which),) if columns is None else (len(which), columns)
    if isinstance(answer, Mapping):
        raise AnswerRefused(f"the answer must be one array, but holds {', '.join(sorted(map(str, answer))) or 'none'}")
    array = np.asarray(answer)
    if array.shape != shape or array.dtype.kind not in "fiu":
        raise AnswerRefused(f"the answer must be numbers of the shape {shape}, but is {array.dtype} {array.shape}")
    if not np.isfinite(array).all():
        raise AnswerRefused("the answer holds NaN or infinite values; every number must be finite")
    return np.asarray(array, dtype=np.float64)
