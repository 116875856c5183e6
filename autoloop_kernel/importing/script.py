"""Somebody's notebook or script as cells: a notebook's own, those between `# %%` marks, or by a script's structure."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from autoloop_kernel.arena.load import load
from autoloop_kernel.arena.roles import tags_of
from autoloop_kernel.importing import source
from autoloop_kernel.importing.book import cell_id
from autoloop_kernel.records import AutoloopError

_MARK = re.compile(r"^#\s*%%(?!%)(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """A cell as it was: `kind` is `code` or `markdown`, `name` what it will be called, `title` its first line."""

    kind: str
    source: str
    name: str
    title: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Original:
    """A person's file as it was read: its cells, and the kernel that it asks for (None where it says nothing)."""

    path: Path
    parts: tuple[Part, ...]
    kernel: dict[str, Any] | None = None


def read(path: Path) -> Original:
    """Read a notebook or a script; raises `AutoloopError` for a file that is neither, or that cannot be read."""
    if path.suffix == ".ipynb":
        loaded = load(path)
        if loaded.notebook is None:
            raise AutoloopError(str(loaded.problems[0]))
        cells = [(cell.cell_type, cell.source, tags_of(cell)) for cell in loaded.notebook.cells]
        spec = loaded.notebook.metadata.get("kernelspec")
        language = (spec or {}).get("language") or "python"
        if str(language).lower() not in ("python", "python3", "ipython"):
            raise AutoloopError(f"{path.name} is written in {language}: an arena is a Python notebook")
        return Original(path, _named(cells), dict(spec) if spec else None)
    if path.suffix != ".py":
        raise AutoloopError(f"{path} is neither a folder, nor a notebook (.ipynb), nor a script (.py)")
    if not path.is_file():
        raise AutoloopError(f"there is no file {path}")
    text = source.text(path)
    if source.parsed(text) is None and not _MARK.search(text):
        raise AutoloopError(f"{path.name} does not parse: mend it first")
    told = list(_marked(text)) if _MARK.search(text) else list(_structured(text))
    return Original(path, _named([(kind, body, ()) for kind, body in told]))


def _named(cells: list[tuple[str, str, tuple[str, ...]]]) -> tuple[Part, ...]:
    """The cells that hold something, each with a name that says what is in it."""
    parts: list[Part] = []
    for kind, body, tags in cells:
        if not body.strip() or kind == "raw":
            continue
        name = cell_id(_title(kind, body), [part.name for part in parts])
        first = next((line.strip() for line in body.splitlines() if line.strip()), "")
        parts.append(Part(kind, body.strip("\n"), name, first[:60], tags))
    return tuple(parts)


def _title(kind: str, body: str) -> str:
    """A few words of what a cell is about: its first comment, function or assignment."""
    if kind != "code":
        return "note"
    first = next((line.strip() for line in body.splitlines() if line.strip()), "")
    if first.startswith("#"):
        return " ".join(re.findall(r"\w+", first)[:4]) or "cell"
    tree = source.parsed(body)
    if tree is None or not tree.body:
        return "cell"
    if all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body):
        return "imports"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            return node.name
    return "loop" if any(isinstance(node, ast.For | ast.While) for node in tree.body) else _assigned(tree) or "cell"


def _assigned(tree: ast.Module) -> str:
    names = [node.id for node in _stored(tree)]
    if names and all(_kind(node) == "constant" for node in tree.body):
        return "constants"
    return names[0] if names else ""


def _marked(text: str) -> Iterator[tuple[str, str]]:
    """The cells between `# %%` marks; those marked `[markdown]` are comments."""
    marks = list(_MARK.finditer(text))
    yield "code", text[: marks[0].start()]
    for mark, following in pairwise([*marks, None]):
        assert mark is not None
        body = text[mark.end() : following.start() if following else len(text)]
        if "[markdown]" in mark[1]:
            yield "markdown", "\n".join(re.sub(r"^# ?", "", line) for line in body.strip().strip('"').splitlines())
        else:
            yield "code", body


def _structured(text: str) -> Iterator[tuple[str, str]]:
    """The cells of a plain script: its docstring, imports, each function or class, and what stands between."""
    tree = source.parsed(text)
    assert tree is not None
    lines = source.lines(text)
    nodes = list(tree.body)
    if nodes and isinstance(doc := nodes[0], ast.Expr) and isinstance(doc.value, ast.Constant):
        if isinstance(doc.value.value, str):
            yield "markdown", doc.value.value
        lines[: doc.end_lineno] = [""] * (doc.end_lineno or 0)
        nodes = nodes[1:]
    begins = [_begin(lines, node) for node in nodes] + [len(lines)]
    group, kind = "", ""
    for node, (begin, end) in zip(nodes, pairwise(begins), strict=True):
        body = "\n".join(lines[begin:end]) + "\n"
        if _is_main(node):
            body = _dedented(node, lines) or body
        own = _kind(node)
        if group and (own != kind or own == "def" or (own == "other" and lines[begin].lstrip().startswith("#"))):
            yield "code", group
            group = ""
        group, kind = group + body, own
    if group:
        yield "code", group


def _begin(lines: list[str], node: ast.stmt) -> int:
    """The place (from 0) at which a statement begins with its decorators, and the comments right above it."""
    decorators = [one.lineno for one in getattr(node, "decorator_list", ())]
    begin: int = min([node.lineno, *decorators]) - 1
    while begin > 0 and lines[begin - 1].startswith("#"):
        begin -= 1
    return begin


def _kind(node: ast.stmt) -> str:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "import"
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return "def"
    return "constant" if _is_plain(node) and any(name.id.isupper() for name in _stored(node)) else "other"


def _stored(node: ast.AST) -> list[ast.Name]:
    return [one for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and not node.orelse and ast.unparse(node.test) == "__name__ == '__main__'"


def _dedented(node: ast.stmt, lines: list[str]) -> str:
    """The body of `if __name__ == "__main__":` by itself; empty where it cannot be had so simply."""
    body = textwrap.dedent("\n".join(lines[node.lineno : node.end_lineno])) + "\n"
    tree = source.parsed(body)
    assert isinstance(node, ast.If)
    same = tree is not None and [ast.dump(one) for one in tree.body] == [ast.dump(one) for one in node.body]
    return body if same else ""


def runs_whole(original: Original) -> str:
    """Why a script has to run as a whole, in plain words; empty where its parts can be told apart."""
    text = source.text(original.path)
    tree = source.parsed(text)
    if tree is None:
        return ""
    read = source.arguments(tree)
    if read.required or read.optional:
        return f"it reads arguments ({', '.join([*read.required, *read.optional][:4])})"
    shown = [part for part in original.parts if part.kind == "code" and source.parsed(part.source)]
    top = [node for part in shown for node in (source.parsed(part.source) or ast.Module([], [])).body]
    calls = [node for node in top if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    rest = [node for node in top if _kind(node) == "other" and node not in calls]
    return "all of it happens in functions" if calls and not rest else ""


def _is_plain(node: ast.stmt) -> bool:
    """Whether a statement only sets a constant."""
    return isinstance(node, ast.Assign | ast.AnnAssign) and not any(isinstance(n, ast.Call) for n in ast.walk(node))
