"""What `--json` prints: plain structures without NaN, with the fields that other people's tools may rely on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from autoloop_kernel.records import Cost, Iteration, Point, origin_of, to_json
from autoloop_kernel.views import words
from autoloop_kernel.views.tables import Unrun


def dumps(data: Any) -> str:
    """`data` (records and structures of them) as JSON text; NaN and infinities become null. A list: one item a line."""
    if isinstance(data, list):
        return "[\n" + ",\n".join(_dumps(item) for item in data) + "\n]" if data else "[]"
    return _dumps(data, indent=1)


def _dumps(item: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(item, ensure_ascii=False, allow_nan=False, indent=indent)
    except (TypeError, ValueError):  # rare: a NaN, or something that JSON does not know
        return json.dumps(clean(to_json(item)), ensure_ascii=False, allow_nan=False, indent=indent)


def clean(data: Any) -> Any:
    """`data` with every number that JSON cannot hold replaced by None."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {str(key): clean(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [clean(value) for value in data]
    if data is None or isinstance(data, (str, bool, int)):
        return data
    return str(data)


def iteration_row(it: Iteration) -> dict[str, Any]:
    """One row of `log --json`."""
    return {
        "number": it.number,
        "base": it.base,
        "verdict": None if it.verdict is None else it.verdict.value,
        "state": it.state,
        "score": words.finite(it.score),
        "title": it.title,
        "agent": it.agent,
        "attempts": [
            {
                "seed": a.seed,
                "score": words.finite(a.score),
                "verdict": None if a.verdict is None else a.verdict.value,
                **({"unsealed": a.extra["unsealed"]} if "unsealed" in a.extra else {}),
            }
            for a in it.attempts
        ],
        "seconds": to_json(it.seconds),
        "notebook": it.notebook,
        "commit": it.commit,
        "reason": it.reason,
        "epoch": it.epoch,
        **({"origin": origin} if (origin := origin_of(it.proposal)) else {}),
        **({"island": it.island} if it.island else {}),
    }


def unrun_row(row: Unrun) -> dict[str, Any]:
    """One row of `log --all --json` for a proposal that never ran: it has no number, and its verdict is its status."""
    return {
        "number": None,
        "base": row.base,
        "verdict": row.status,
        "state": None,
        "score": None,
        "title": row.title,
        "agent": row.agent,
        "attempts": [],
        "seconds": {"propose": 0.0, "start": 0.0, "run": 0.0, "score": 0.0, "total": 0.0},
        "notebook": "",
        "commit": None,
        "reason": row.reason,
        "epoch": row.epoch,
    }


def show_row(it: Iteration, diff: str, curve: Sequence[Point], cost: Cost | None = None) -> dict[str, Any]:
    """What `show N --json` prints: the log's row, hypothesis, facts, extra, diff, curve, time, proposal, game, cost.

    Without `cost` (what its proposal's requests cost) that field is left out.
    """
    row = iteration_row(it)
    for shown, attempt in zip(row["attempts"], it.attempts, strict=True):
        shown |= {"attempt": attempt.attempt, "kind": attempt.kind.value, "reason": attempt.reason}
    last = it.attempts[-1] if it.attempts else None
    row |= {
        "hypothesis": it.hypothesis,
        "facts": to_json(last.facts) if last else {},
        "extra": to_json(last.extra) if last else {},
        "diff": diff,
        "curve": to_json(list(curve)),
        "time": it.time,
        "proposal": it.proposal,
        "game": it.game,
    }
    return row if cost is None else row | {"cost": to_json(cost)}
