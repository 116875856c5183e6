"""Lets score code that was written for one process run in two: where it called a trained function, it asks for it.

The candidate hands over `answers(function)`; in the score cell `function = asking(ask)` takes the function's place, and
the score's own lines stay as they were written. What travels is arrays, with a note in JSON of what each of them was
(an array, a torch tensor, a pandas frame or series, a plain value): nothing is pickled.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

ABOUT = "about"
PLAIN = (bool, int, float, str, type(None))
QUIET = ("eval", "train", "to", "cpu", "requires_grad_")
"""What score code tells a model to do with itself: nothing, for one that lives in another process."""


def answers(function: Any) -> Callable[..., dict[str, Any]]:
    """What to submit so that `asking` in the score cell can call `function`, or the methods of an object."""

    def answer(**arrays: Any) -> dict[str, Any]:
        note = json.loads(bytes(arrays[ABOUT]).decode("utf-8"))
        called = function
        for part in note["path"]:
            called = getattr(called, part)
        args = [_unpacked(one, arrays) for one in note["args"]]
        named = {key: _unpacked(one, arrays) for key, one in note["named"].items()}
        found: dict[str, Any] = {}
        torch: Any = sys.modules.get("torch")
        if torch is None:
            told = _packed(called(*args, **named), "the answer", found)
        else:
            with torch.no_grad():
                told = _packed(called(*args, **named), "the answer", found)
        return {**found, ABOUT: _note(told)}

    return answer


class asking:
    """Stands for the candidate's function, or object with methods, in a score cell; `ask` is that of `cells`.

    Calling it, or a method of it, puts the question to the candidate and returns what came back, of the same kind as
    there: an array, a tensor, a number, a tuple, a list or a dict of them. Raises TypeError for what cannot travel.
    """

    def __init__(self, ask: Callable[..., Any], path: tuple[str, ...] = ()) -> None:
        self._ask, self._path = ask, path

    def __getattr__(self, name: str) -> asking:
        if name.startswith("_"):
            raise AttributeError(f"{name} of the candidate cannot be reached from a score cell")
        return asking(self._ask, (*self._path, name))

    def __call__(self, *args: Any, **named: Any) -> Any:
        """What the candidate's function, or method, returns for these arguments."""
        if self._path and self._path[-1] in QUIET:
            return asking(self._ask, self._path[:-1])
        arrays: dict[str, Any] = {}
        told = [_packed(value, f"argument {place + 1}", arrays) for place, value in enumerate(args)]
        by_name = {key: _packed(value, f"argument {key}", arrays) for key, value in named.items()}
        note = {"path": list(self._path), "args": told, "named": by_name}
        answer = self._ask(**arrays, **{ABOUT: _note(note)})
        if not isinstance(answer, Mapping) or ABOUT not in answer:
            raise TypeError("the candidate's answer says not what it is: submit(answers(function)) hands it over")
        try:
            return _unpacked(json.loads(bytes(np.asarray(answer[ABOUT], dtype=np.uint8)).decode("utf-8")), answer)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise TypeError(f"the candidate's answer cannot be read ({error})") from None


def _note(told: Any) -> Any:
    return np.frombuffer(json.dumps(told).encode("utf-8"), dtype=np.uint8)


def _packed(value: Any, what: str, arrays: dict[str, Any]) -> Any:
    """Put the arrays of a value into `arrays`, and return what JSON needs to put it together again."""
    if isinstance(value, PLAIN):
        return {"kind": "plain", "value": value}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {"kind": kind, "parts": [_packed(one, what, arrays) for one in value]}
    if isinstance(value, Mapping):
        return {"kind": "dict", "parts": {str(key): _packed(one, what, arrays) for key, one in value.items()}}
    module, name = type(value).__module__.partition(".")[0], type(value).__name__
    key = f"a{len(arrays)}"
    if module == "torch" and callable(getattr(value, "detach", None)):
        arrays[key] = value.detach()
        return {"kind": "tensor", "key": key}
    if module == "pandas" and name in ("DataFrame", "Series"):
        arrays[key] = value.to_numpy()
        if arrays[key].dtype == object:
            raise TypeError(f"{what} is a pandas {name} with columns that are no numbers: encode them first")
        columns = [str(column) for column in value.columns] if name == "DataFrame" else None
        return {"kind": "frame" if columns is not None else "series", "key": key, "columns": columns}
    arrays[key] = np.asarray(value)
    if arrays[key].dtype == object:
        raise TypeError(f"{what} is a {name}, which cannot travel: numbers, texts, arrays, tensors and frames can")
    return {"kind": "array", "key": key}


def _unpacked(told: Any, arrays: Mapping[str, Any]) -> Any:
    kind = told["kind"]
    if kind == "plain":
        return told["value"]
    if kind in ("list", "tuple"):
        parts = [_unpacked(one, arrays) for one in told["parts"]]
        return tuple(parts) if kind == "tuple" else parts
    if kind == "dict":
        return {key: _unpacked(one, arrays) for key, one in told["parts"].items()}
    array = arrays[told["key"]]
    if kind == "tensor":
        torch: Any = sys.modules.get("torch")
        return array if torch is None else torch.as_tensor(np.array(array))
    if kind in ("frame", "series"):
        import pandas

        frames: Any = pandas
        return frames.DataFrame(array, columns=told["columns"]) if kind == "frame" else frames.Series(array)
    return np.array(array)
