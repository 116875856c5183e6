import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from arena_builder import arena, named, write
from test_arena_load import V3

from autoloop_kernel.arena import write as module
from autoloop_kernel.arena.notebook import ArenaError, read
from autoloop_kernel.arena.write import apply
from autoloop_kernel.records import AutoloopError


def with_outputs() -> dict[str, Any]:
    notebook = arena()
    for name in ("model", "tools"):
        named(notebook, name)["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["old\n"]}]
        named(notebook, name)["execution_count"] = 3
    return notebook


def test_only_the_changed_cell_changes(tmp_path: Path) -> None:
    path = write(tmp_path, with_outputs())
    path.chmod(0o664)
    assert apply(path, {"model": "X = 0.9 # →\nY = 1"}) == ["model"]
    want = with_outputs()
    named(want, "model").update(source="X = 0.9 # →\nY = 1", outputs=[], execution_count=None)
    assert path.read_text(encoding="utf-8") == json.dumps(want, indent=1, ensure_ascii=False) + "\n"
    assert path.stat().st_mode & 0o777 == 0o664
    assert list(tmp_path.iterdir()) == [path]
    assert read(path).sources == {"model": "X = 0.9 # →\nY = 1"}


@pytest.mark.parametrize(
    "dump",
    [
        lambda nb: json.dumps(nb, indent=4, ensure_ascii=False),
        lambda nb: json.dumps(nb, indent="\t") + "\n\n",
        lambda nb: json.dumps(nb),
        lambda nb: json.dumps(nb, separators=(",", ":")) + "\n",
        lambda nb: json.dumps(nb, indent=2).replace("\n", "\r\n") + "\r\n",
        lambda nb: json.dumps(dict(reversed(nb.items())), indent=1),
        lambda nb: nbformat.writes(nbformat.from_dict(nb)) + "\n",
    ],
)
def test_the_files_layout_stays(tmp_path: Path, dump: Any) -> None:
    notebook = with_outputs()
    named(notebook, "brief")["source"] = "# Größer → besser"
    path = tmp_path / "game.ipynb"
    path.write_bytes(dump(notebook).encode())
    before = path.read_bytes()
    old = read(path).sources["model"]
    apply(path, {"model": "X = 1"})
    assert path.read_bytes() != before
    apply(path, {"model": old})
    named(notebook, "model").update(outputs=[], execution_count=None)
    assert path.read_bytes() == dump(notebook).encode()


def test_files_change_too_and_through_links(tmp_path: Path) -> None:
    notebook = arena()
    notebook["metadata"]["autoloop"]["files"] = ["*.py"]
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "train.py").write_bytes(b"X = 1\r\n")
    (tmp_path / "real" / "train.py").chmod(0o755)
    (tmp_path / "train.py").symlink_to("real/train.py")
    path = write(tmp_path, notebook)
    before = path.read_bytes()
    assert apply(path, {"train.py": "X = 2\r\n", "model": arena()["cells"][4]["source"]}) == ["train.py"]
    assert (tmp_path / "real" / "train.py").read_bytes() == b"X = 2\r\n"
    assert (tmp_path / "real" / "train.py").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "train.py").is_symlink()
    assert path.read_bytes() == before


def test_nothing_to_change_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, with_outputs())
    before = path.stat()
    assert apply(path, read(path).sources) == []
    assert apply(path, {}) == []
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_an_older_notebook_comes_out_new(tmp_path: Path) -> None:
    old = json.loads(json.dumps(V3))
    old["metadata"]["autoloop"] = arena()["metadata"]["autoloop"]
    score = old["worksheets"][0]["cells"][0] | {"input": ["score(1)"], "metadata": {"tags": ["score"]}}
    old["worksheets"][0]["cells"].append(score)
    path = write(tmp_path, old)
    assert apply(path, {"code-1": "X = 2"}) == ["code-1"]
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.cells[0].source == "X = 2"
    assert read(path).sources == {"code-1": "X = 2"}


def test_a_4_4_notebook_stays_one(tmp_path: Path) -> None:
    notebook = arena() | {"nbformat_minor": 4}
    for cell in notebook["cells"]:
        del cell["id"]
    path = write(tmp_path, notebook)
    assert apply(path, {"code-4": "X = 2"}) == ["code-4"]
    raw = json.loads(path.read_text())
    assert raw["nbformat_minor"] == 4
    assert "id" not in raw["cells"][4]
    nbformat.validate(nbformat.reads(path.read_text(), as_version=4))


def test_wrong_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, arena())
    before = path.read_bytes()
    with pytest.raises(AutoloopError, match=r"game\.ipynb has no editable cell or file 'judge' \(it has: model\)"):
        apply(path, {"model": "X = 2", "judge": "score(0)"})
    with pytest.raises(ArenaError, match="no such file"):
        apply(tmp_path / "x.ipynb", {})
    with pytest.raises(AutoloopError, match="could not be changed"):
        apply(path, {"model": "\ud800"})

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(AutoloopError, match="No space left"):
        apply(path, {"model": "X = 2"})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_change_in_between_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, arena())
    stale = read(path)
    notebook = arena()
    notebook["cells"].insert(0, notebook["cells"].pop())
    write(tmp_path, notebook)
    monkeypatch.setattr("autoloop_kernel.arena.write.read", lambda path, kernel: stale)
    with pytest.raises(AutoloopError, match="changed by someone else"):
        apply(path, {"model": "X = 2"})


def test_what_somebody_saved_while_it_was_rewritten_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, arena())
    theirs = arena()
    named(theirs, "remark")["source"] = "And now, slowly, the score."
    real = module.with_sources

    def slowly(loaded: Any, sources: Any) -> str:
        write(tmp_path, theirs)
        return real(loaded, sources)

    monkeypatch.setattr(module, "with_sources", slowly)
    with pytest.raises(AutoloopError, match="changed by someone else"):
        apply(path, {"model": "X = 2"})
    assert json.loads(path.read_text(encoding="utf-8")) == theirs
