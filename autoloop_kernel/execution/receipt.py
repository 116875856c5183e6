"""The executed notebook as it is kept: valid nbformat whatever happened, with the result in its metadata."""

from __future__ import annotations

import json
import math
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from autoloop_kernel.records import Job, Outcome, to_json

MARKER = "papermill-error-cell-tag"


def sealed_text(nb: NotebookNode, job: Job, outcome: Outcome) -> bytes:
    """The executed notebook as UTF-8 JSON: papermill's marker cells out, the result in, every output valid.

    `nb` is changed in place. The result never holds the attempt's nonce.
    """
    nb.cells = [cell for cell in nb.cells if MARKER not in cell.get("metadata", {}).get("tags", [])]
    papermill = nb.metadata.setdefault("papermill", {})
    papermill["input_path"] = papermill["output_path"] = None
    settings = nb.metadata.setdefault("autoloop", {})
    settings["result"] = result_of(job, outcome)
    try:
        nbformat.validate(nb)
    except nbformat.ValidationError:
        _mend(nb)
    try:
        text = json.dumps(nb, allow_nan=False, ensure_ascii=False, indent=1)
    except ValueError:
        text = json.dumps(_finite(nb), allow_nan=False, ensure_ascii=False, indent=1)
    return text.encode("utf-8", "replace") + b"\n"


def result_of(job: Job, outcome: Outcome) -> dict[str, Any]:
    """What `metadata.autoloop.result` says: which attempt this was, and what became of it."""
    told = to_json(outcome)
    kept = {key: told[key] for key in ("verdict", "score", "extra", "facts", "seconds", "reason", "cell")}
    which = {
        "iteration": job.iteration,
        "attempt": job.attempt,
        "seed": job.seed,
        "kind": str(job.kind),
        "game": job.game,
    }
    return {**which, **kept}


def _mend(nb: NotebookNode) -> None:
    """Replace every output that is not valid nbformat: a candidate may display whatever it likes."""
    for cell in nb.cells:
        for index, output in enumerate(cell.get("outputs", ())):
            try:
                nbformat.validate(output, ref="output", version=4, version_minor=5)
            except nbformat.ValidationError:
                note = "[autoloop] an output of this cell was left out: it is not valid in a notebook"
                cell.outputs[index] = new_output("display_data", {"text/plain": note})


def _finite(value: Any) -> Any:
    """`value` with every number that JSON does not know (NaN, infinities) as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
