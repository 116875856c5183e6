"""The arenas that come with Autoloop, and fresh copies of them and of the tour."""

from __future__ import annotations

import difflib
import importlib
import json
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoloop_kernel.durable import write_atomic
from autoloop_kernel.records import AutoloopError

TOUR = "tour"
"""The notebook that leads a newcomer through the workbench: copied like an arena, but none itself."""

BLANK = "arena"
"""The skeleton of an arena, with what to write where: copied like one of the bundled arenas, and listed among none."""

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Template:
    """A bundled arena: its name, a title, one sentence about it, its notebook, and what is written beside a copy.

    That is the `corpus` it needs (None: none), as text or as `vocabulary` different tokens, every file of the folder
    that is named like the notebook, and `secrets`: files whose content is drawn anew for every copy, so that what a
    referee derives from it stands in no package. `world` is the module of `autoloop_kernel.scoring` whose
    `data(secret)` makes files from the first of them (name → bytes): what a candidate may see of a world that only the
    referee knows.
    """

    name: str
    title: str
    summary: str
    path: Path
    corpus: str | None = None
    secrets: tuple[str, ...] = ()
    world: str | None = None
    vocabulary: int | None = None


def templates() -> list[Template]:
    """Every bundled arena but the skeleton, by name. A notebook is one if its metadata `autoloop` names a metric."""
    paths = [path for path in sorted(_folder().glob("*.ipynb")) if path.stem != BLANK]
    return [template for path in paths if (template := _template(path)) is not None]


def is_arena(path: Path) -> bool:
    """Whether the file at `path` is a notebook that calls itself an arena; `check` says whether it is a sound one."""
    return _template(path) is not None


def _folder() -> Path:
    """Where the wheel has them, or a checkout."""
    packed = _PACKAGE / "templates"
    return packed if packed.is_dir() else _PACKAGE.parent / "notebooks"


def _template(path: Path) -> Template | None:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["metadata"]["autoloop"]
        if "metric" not in settings:
            return None
        about = settings.get("template", {})
        title, summary = about.get("title", path.stem), about.get("summary", "")
        corpus, drawn = about.get("corpus"), tuple(about.get("secrets", ()))
        world, vocabulary = about.get("world"), about.get("vocabulary")
        return Template(path.stem, title, summary, path, corpus, drawn, world, vocabulary)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # the tour and other notebooks that are no arenas lie in the same folder


def new(name: str, folder: Path, budget_s: float | None = None) -> Path:
    """Write a fresh copy of the template `name` into `folder`, made if need be; return the notebook's path.

    `budget_s` are the seconds that a candidate may run, the template's own by default.

    `name` may also be `tour`, whose copy has no outputs yet, or `BLANK`, the skeleton of an arena. With an arena come
    the files that it needs; a secret that lies there already stays, and its scores stay comparable. Nothing is
    overwritten, and nothing stays behind where it fails. Raises AutoloopError for an unknown name, a file in the way
    or a folder that cannot be written.
    """
    template = _find(name)
    made = list(_missing(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".autoloop-new-", dir=folder))
        try:
            _refuse_overwriting(folder / template.path.name)
            _fill(template, staging, budget_s)
            _draw(template, staging, folder)
            _move(staging, folder, last=template.path.name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except BaseException as error:
        for empty in made:
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()
        if isinstance(error, OSError):
            text = f"{template.path.name} could not be written to {folder}: {error.strerror or error}"
            raise AutoloopError(text) from None
        raise
    return folder / template.path.name


def _find(name: str) -> Template:
    known = {template.name: template for template in templates()}
    wanted = name.removesuffix(".ipynb")
    tour = _folder() / f"{TOUR}.ipynb"
    others = {TOUR: Template(TOUR, "A tour of the workbench", "", tour)}
    others[BLANK] = Template(BLANK, "The skeleton of an arena", "", _folder() / f"{BLANK}.ipynb")
    found = others.get(wanted) or known.get(wanted)
    if found is None:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]}? " if near else ""
        raise AutoloopError(f"there is no template {name!r}: {meant}There are {', '.join(known) or 'none'}")
    return found


def _missing(folder: Path) -> Iterator[Path]:
    """`folder` and those above it that do not exist yet, innermost first."""
    while not folder.exists() and folder != folder.parent:
        yield folder
        folder = folder.parent


def _refuse_overwriting(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise AutoloopError(f"{path} exists already: move it away, or name another folder")


def _fill(template: Template, staging: Path, budget_s: float | None) -> None:
    raw = json.loads(template.path.read_text(encoding="utf-8"))
    if template.name == TOUR:
        _clear(raw)
    else:
        raw["metadata"]["autoloop"].pop("template", None)
        if budget_s is not None:
            _budget(raw, budget_s)
    write_atomic(staging / template.path.name, json.dumps(raw, indent=1, ensure_ascii=False) + "\n")
    beside = template.path.with_suffix("")
    if beside.is_dir():
        shutil.copytree(beside, staging, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    if template.corpus is not None and template.vocabulary is not None:
        prepare: Any = importlib.import_module("autoloop_kernel.datasets.prepare")  # late: it takes seconds
        prepare.write(template.corpus, staging, template.vocabulary)
    elif template.corpus is not None:
        corpora: Any = importlib.import_module("autoloop_kernel.scoring.corpora")  # late: it may unpack megabytes
        corpora.write(template.corpus, staging)


def _budget(raw: dict[str, Any], seconds: float) -> None:
    """Set the budget where the harness reads it, and where the notebook does that is run by hand."""
    if not 0 < seconds < 1e7:
        raise AutoloopError(f"a budget of {seconds:g} s: name a number of seconds above 0")
    raw["metadata"]["autoloop"]["budget_s"] = seconds
    for cell in raw["cells"]:
        if "parameters" in cell["metadata"].get("tags", []):
            source = re.sub(r"(?m)^BUDGET_S = [\d.]+", f"BUDGET_S = {seconds}", "".join(cell["source"]))
            cell["source"] = source.splitlines(keepends=True)


def _draw(template: Template, staging: Path, folder: Path) -> None:
    """Write the template's secrets, 128 random bits each as 32 hexadecimal digits, and what its world shows of one."""
    for name in template.secrets:
        if not (folder / name).exists():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(staging / name, secrets.token_hex(16) + "\n")
    if template.world is not None:
        first = template.secrets[0]
        drawn = (folder if (folder / first).exists() else staging) / first
        world: Any = importlib.import_module(f"autoloop_kernel.scoring.{template.world}")
        for name, content in world.data(drawn.read_text(encoding="utf-8").strip()).items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_bytes(content)


def _clear(raw: dict[str, Any]) -> None:
    """Take out what cells gave: in the copy of the tour, all that is seen is to come from its own run."""
    for cell in raw["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
            cell["metadata"].pop("execution", None)
    raw["metadata"].pop("widgets", None)


def _move(staging: Path, folder: Path, last: str) -> None:
    """Move every file from `staging` to its place, the notebook last; what lies there already must be the same."""
    files = sorted(path.relative_to(staging) for path in staging.rglob("*") if path.is_file())
    files.sort(key=lambda path: path.name == last)
    fresh = [file for file in files if not _is_same(staging / file, folder / file)]
    for file in fresh:
        _refuse_overwriting(folder / file)
    done: list[Path] = []
    try:
        for file in fresh:
            done += _missing((folder / file).parent)
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (staging / file).rename(folder / file)
            done.append(folder / file)
    except BaseException:
        for path in sorted(done, key=lambda path: -len(path.parts)):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        raise


def _is_same(ours: Path, theirs: Path) -> bool:
    return theirs.is_file() and not theirs.is_symlink() and ours.read_bytes() == theirs.read_bytes()
