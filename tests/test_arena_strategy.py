import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from arena_builder import arena, cell, named, write
from test_arena_load import V3

from autoloop_kernel.arena import strategy
from autoloop_kernel.arena.notebook import ArenaError, read
from autoloop_kernel.arena.strategy import rewrite
from autoloop_kernel.records import AutoloopError

NEW = "# Größer → besser\n\nTry small things first."


def test_only_the_strategy_cell_changes(tmp_path: Path) -> None:
    before = arena()
    named(before, "model").update(outputs=[{"output_type": "stream", "name": "stdout", "text": ["x\n"]}])
    named(before, "brief").update(attachments={"a.png": {"image/png": "AAAA"}})
    path = write(tmp_path, before)
    path.chmod(0o664)
    assert rewrite(path, NEW) == NEW
    named(before, "brief")["source"] = NEW
    assert path.read_text(encoding="utf-8") == json.dumps(before, indent=1, ensure_ascii=False) + "\n"
    assert path.stat().st_mode & 0o777 == 0o664
    assert list(tmp_path.iterdir()) == [path]
    assert read(path, kernel=False).strategy == NEW


@pytest.mark.parametrize(
    "dump",
    [
        lambda nb: json.dumps(nb, indent=4, ensure_ascii=False),
        lambda nb: json.dumps(nb, indent="\t") + "\n\n",
        lambda nb: json.dumps(nb),
        lambda nb: json.dumps(nb, separators=(",", ":")) + "\n",
        lambda nb: json.dumps(nb, indent=2).replace("\n", "\r\n") + "\r\n",
        lambda nb: nbformat.writes(nbformat.from_dict(nb)) + "\n",
    ],
)
def test_there_and_back_is_the_same_file(tmp_path: Path, dump: Any) -> None:
    notebook = arena()
    named(notebook, "brief")["source"] = "# Größer\n\nis better"
    path = tmp_path / "game.ipynb"
    path.write_bytes(dump(notebook).encode())
    before = path.read_bytes()
    rewrite(path, "# Kürzer")
    assert path.read_bytes() != before
    assert read(path, kernel=False).strategy == "# Kürzer"
    rewrite(path, "# Größer\n\nis better")
    assert path.read_bytes() == before


def test_the_same_strategy_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, arena())
    before = path.stat()
    assert rewrite(path, "# Go down") == "# Go down"
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_arena_that_cannot_run_yet_may_get_its_strategy(tmp_path: Path) -> None:
    notebook = arena()
    named(notebook, "model")["source"] = "def f(:"
    named(notebook, "brief")["source"] = ""
    path = write(tmp_path, notebook)
    rewrite(path, NEW)
    named(notebook, "brief")["source"] = NEW
    assert json.loads(path.read_text(encoding="utf-8")) == notebook


def test_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path = write(tmp_path / "real", arena())
    link = tmp_path / "game.ipynb"
    link.symlink_to(path)
    rewrite(link, NEW)
    assert link.is_symlink()
    assert read(path, kernel=False).strategy == NEW


def test_an_older_notebook_comes_out_new(tmp_path: Path) -> None:
    old = json.loads(json.dumps(V3))
    old["worksheets"][0]["cells"].append(
        {"cell_type": "markdown", "metadata": {"tags": ["strategy"]}, "source": ["# Old"]}
    )
    path = write(tmp_path, old)
    rewrite(path, NEW)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[-1].source == NEW


@pytest.mark.parametrize(
    ("notebook", "text", "why"),
    [
        (lambda nb: nb["cells"].pop(0), NEW, r"game\.ipynb has no strategy cell — tag a markdown cell `strategy`"),
        (lambda nb: named(nb, "brief").update(metadata={}), NEW, "has no strategy cell"),
        (lambda nb: nb["cells"].append(cell("markdown", "too", "x", "strategy")), NEW, "2 strategy cells — join them"),
        (lambda nb: None, " \n", "the strategy is empty"),
        (lambda nb: None, "\ud800", "could not be changed"),
        (lambda nb: nb.clear(), NEW, "no notebook"),
    ],
)
def test_wrong_requests_are_one_line_and_change_nothing(tmp_path: Path, notebook: Any, text: str, why: str) -> None:
    changed = arena()
    notebook(changed)
    path = write(tmp_path, changed)
    before = path.read_bytes()
    with pytest.raises(AutoloopError, match=why) as caught:
        rewrite(path, text)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ArenaError, match="no such file"):
        rewrite(tmp_path / "none.ipynb", NEW)


def test_what_somebody_saved_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, arena())
    real = strategy.with_sources

    def slowly(loaded: Any, sources: Any) -> str:
        theirs = arena()
        named(theirs, "model")["source"] = "X = 0.7"
        write(tmp_path, theirs)
        return real(loaded, sources)

    monkeypatch.setattr(strategy, "with_sources", slowly)
    with pytest.raises(AutoloopError, match="changed by someone else just now: try again"):
        rewrite(path, NEW)
    assert read(path, kernel=False).sources == {"model": "X = 0.7"}
    assert read(path, kernel=False).strategy == "# Go down"
