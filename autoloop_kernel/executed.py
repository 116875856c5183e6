"""Notebooks that are made here, with their data in them: run in a fresh kernel, and written where they may be.

Such a notebook finds all that it says from what it carries, so that anyone can run it again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from autoloop_kernel.durable import write_atomic
from autoloop_kernel.records import AutoloopError, to_json

if TYPE_CHECKING:
    from nbclient import NotebookClient

_new_notebook: Any = new_notebook
_nbformat: Any = nbformat

TIMEOUT_S = 300
"""How long a cell may take: far longer than any that is made here needs."""

STOPPED = "_async_cleanup_kernel_future"
"""What nbclient keeps once a signal has told it to stop."""


def made(cells: list[NotebookNode], kind: str, facts: Mapping[str, Any]) -> NotebookNode:
    """A notebook of these cells, not yet run; its metadata say by `facts` that it is a `kind`."""
    notebook: NotebookNode = _new_notebook(cells=cells)
    notebook.nbformat_minor = 5
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["autoloop"] = {kind: dict(facts)}
    return notebook


def may_write(out: Path, kind: str, force: bool, suffixes: tuple[str, ...] = (".ipynb",)) -> None:
    """Raise `AutoloopError` where writing to `out` would overwrite what is no `kind`, or cannot be done."""
    ends = " or ".join(suffixes)
    name = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if out.suffix not in suffixes:
        raise AutoloopError(f"{name} is a notebook: {out.name} must end in {ends}")
    if not out.parent.is_dir():
        raise AutoloopError(f"there is no folder {out.parent}: make it first, or name another")
    if out.is_dir():
        raise AutoloopError(f"{out} is a folder: name a file that ends in {ends}")
    if out.exists() and not force and not _is(out, kind):
        raise AutoloopError(f"{out} exists and is no {kind}: name another file, or overwrite it with --force")


def mark(kind: str) -> str:
    """What the first line of an HTML file holds that is a `kind`."""
    return f'<html lang="en" data-autoloop="{kind}">'


def _is(path: Path, kind: str) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            return mark(kind) in text[:200]
        return isinstance(json.loads(text)["metadata"]["autoloop"][kind], dict)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def data_cell(name: str, data: Mapping[str, Any], what: str) -> str:
    """The source of a cell that holds `data` as `name`: JSON in a raw string, so that none of its text can be code.

    JSON writes every character but printable ASCII as an escape, and single quotes are made one here. Of a list of
    lists each entry has a line. `what` says in a comment what it is.
    """
    parts = []
    for key, value in data.items():
        if isinstance(value, list) and value and isinstance(value[0], list):
            rows = ",\n".join(json.dumps(row) for row in value)
            parts.append(f"{json.dumps(key)}: [\n{rows}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    text = ("{\n" + ",\n".join(parts) + "\n}").replace("'", "\\u0027")
    return f"import json\n\n# {what}\n{name} = json.loads(r'''{text}''')"


def run(notebook: NotebookNode, kind: str) -> None:
    """Run the notebook in a fresh kernel, in a folder of its own; its cells hold what they showed afterwards.

    Raises `AutoloopError`, in one line, where there is no kernel, or a cell fails.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError

    with tempfile.TemporaryDirectory(prefix=f"autoloop-{kind}-") as folder:
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT_S,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=40"],  # its warnings are for whoever runs a server
        )
        try:
            _execute(client)
        except NoSuchKernel:
            raise AutoloopError("there is no kernel python3: install one with python -m ipykernel install") from None
        except CellExecutionError as error:
            hint = "; the kernel python3 lacks Autoloop: install it there" * (error.ename == "ModuleNotFoundError")
            raise AutoloopError(f"a cell of the {kind} failed: {error.ename}: {error.evalue}{hint}") from None
        except (CellControlSignal, DeadKernelError) as error:
            raise AutoloopError(f"the kernel of the {kind} did not get to its end: {error}") from None
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


def _execute(client: NotebookClient) -> None:
    """Run it to its end. A stop takes the kernel from nbclient, which then raises this or that: it stays a stop."""
    try:
        client.execute()
    except BaseException:
        if hasattr(client, STOPPED):
            raise KeyboardInterrupt from None
        raise


def shown(cell: Mapping[str, Any]) -> dict[str, str]:
    """What a cell displayed, by mime type."""
    found: dict[str, Any] = next((output["data"] for output in cell.get("outputs", []) if "data" in output), {})
    return {mime: "".join(text) for mime, text in found.items() if isinstance(text, str | list)}


def write(notebook: NotebookNode, out: Path) -> None:
    """Write the notebook to `out` so that a reader sees the old file or the new one, never a part."""
    _nbformat.validate(notebook)
    write_atomic(out, json.dumps(to_json(notebook), indent=1, ensure_ascii=False, sort_keys=True) + "\n")


__all__ = ["data_cell", "made", "mark", "may_write", "run", "shown", "write"]
