"""What executed notebooks say of the attempts that they are: the harness writes it into `metadata.autoloop.result`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoloop_kernel.records import Attempt, Kind, Seconds, Verdict


def folder_of(runs: Path, number: int) -> Path:
    """Where an iteration's notebooks, log and artifacts lie."""
    return runs / f"{number:04d}"


def attempts_on_disk(runs: Path, number: int) -> dict[int, Attempt]:
    """The attempts at an iteration by number, as its readable notebooks tell them."""
    folder = folder_of(runs, number)
    found = (_receipt(path, number) for path in (folder / "iteration.ipynb", *folder.glob("attempt-*.ipynb")))
    return {attempt.attempt: attempt for attempt in sorted(filter(None, found), key=lambda one: one.attempt)}


def merged(known: tuple[Attempt, ...], on_disk: Mapping[int, Attempt]) -> tuple[Attempt, ...]:
    """The known attempts with the notebooks' facts and extras, and those that only a notebook tells of.

    An interrupted try stays what it was: the notebook of that number is of a later one.
    """
    waiting = dict(on_disk)
    attempts = []
    for one in known:
        if one.verdict is not Verdict.INTERRUPTED and one.attempt in waiting:
            found = waiting.pop(one.attempt)
            attempts.append(found if found.seed == one.seed else one)
        else:
            attempts.append(one)
    return tuple(attempts + list(waiting.values()))


def _receipt(path: Path, number: int) -> Attempt | None:
    """The attempt that a notebook tells of; None when it is missing, unreadable or another iteration's."""
    try:
        result: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["metadata"]["autoloop"]["result"]
        if int(result["iteration"]) != number:
            return None
        score = result.get("score")
        return Attempt(
            attempt=int(result["attempt"]),
            seed=int(result["seed"]),
            kind=Kind(result["kind"]),
            verdict=Verdict(result["verdict"]),
            score=None if score is None else float(score),
            reason=str(result.get("reason") or ""),
            extra=dict(result.get("extra") or {}),
            facts=dict(result.get("facts") or {}),
            seconds=_seconds(result.get("seconds")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _seconds(value: Any) -> Seconds:
    """Times from a mapping by their names; names that are not known are left out."""
    if not isinstance(value, dict):
        return Seconds()
    return Seconds(**{name: float(value.get(name) or 0.0) for name in Seconds.__dataclass_fields__})
