"""Reading what a candidate answered: nothing in it is trusted but its numbers, and those are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.floating[Any]]


class AnswerRefused(ValueError):
    """A candidate's answer that cannot be scored, or that a probe found out. Its text is one plain line."""


def read_logits(answer: Any, shape: tuple[int, int, int]) -> Logits:
    """Check an answer and return it as numpy: floating logits of the `shape` (batch, positions, vocabulary).

    `answer` is a numpy array or torch tensor (bfloat16 is widened to float32), or a dict holding exactly one. Raises
    `AnswerRefused` for another type, dtype or shape, and for NaN or infinite values.
    """
    if isinstance(answer, Mapping):
        if len(answer) != 1:
            names = ", ".join(sorted(map(str, answer))) or "nothing"
            raise AnswerRefused(f"the answer must be one array of logits, but holds {names}")
        answer = next(iter(answer.values()))
    array = _as_array(answer)
    if not np.issubdtype(array.dtype, np.floating):
        raise AnswerRefused(f"the logits must be floating-point numbers, but their dtype is {array.dtype}")
    if array.shape != shape:
        wanted = "batch {} × positions {} × vocabulary {}".format(*shape)
        raise AnswerRefused(f"the logits must have the shape {shape} ({wanted}), but have {array.shape}")
    if not np.isfinite(array).all():
        what = "NaN" if np.isnan(array).any() else "infinite values"
        raise AnswerRefused(f"the logits hold {what}; every logit must be finite (mask with a number such as -1e4)")
    return array


def log_softmax(logits: Logits) -> NDArray[np.float64]:
    """Log-probabilities (nats, float64) over the last axis, normalised here whatever the candidate did."""
    shifted = logits.astype(np.float64)
    with np.errstate(over="ignore"):  # the widest float64 logits may differ by more than a float64 holds
        shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def _as_array(answer: Any) -> NDArray[Any]:
    """`answer` as a numpy array: torch tensors are brought to the CPU, bfloat16 (which numpy lacks) becomes float32."""
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu()
        answer = (answer.float() if str(answer.dtype) == "torch.bfloat16" else answer).numpy()
    if not isinstance(answer, np.ndarray):
        raise AnswerRefused(f"the answer must be an array of logits, but is {type(answer).__name__}")
    return answer.astype(np.float32) if answer.dtype.name == "bfloat16" else answer
