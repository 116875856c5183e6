import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from arena_builder import arena, cell, named, write

from autoloop_kernel.arena.edit import candidate, code_key, refusal, tampered, tree, units_of
from autoloop_kernel.arena.notebook import Arena, read
from autoloop_kernel.records import Proposal


@pytest.fixture
def made(tmp_path: Path) -> Arena:
    """An arena with an editable cell `model`, editable files `train.py` and `notes.txt`, a locked file and outputs."""
    notebook = arena()
    notebook["metadata"]["autoloop"] |= {"files": ["train.py", "*.txt"], "result": {"score": 1}}
    notebook["metadata"]["widgets"] = {"big": 1}
    for name in ("model", "tools"):
        named(notebook, name)["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "old"}]
        named(notebook, name)["execution_count"] = 3
    (tmp_path / "train.py").write_text("DEPTH = 4\nINIT_SEED = 1\n")
    (tmp_path / "notes.txt").write_text("a\n")
    (tmp_path / "data.csv").write_text("1\n")
    return read(write(tmp_path, notebook))


def test_candidate_has_the_new_sources_and_nothing_else_new(made: Arena) -> None:
    before = copy.deepcopy(made.notebook)
    out = candidate(made, {"model": "X = 0.9", "train.py": "DEPTH = 9"})
    nbformat.validate(out)
    assert made.notebook == before
    assert [c.id for c in out.cells] == ["brief", "params", "common", "tools", "model", "remark", "judge"]
    for cell_out in out.cells:
        cell_in = next(c for c in before.cells if c.id == cell_out.id)
        assert cell_out.metadata == cell_in.metadata
        assert cell_out.source == ("X = 0.9" if cell_in.id == "model" else cell_in.source)
        assert cell_out.get("outputs", []) == []
        assert cell_out.get("execution_count") is None
    assert "widgets" not in out.metadata
    assert "result" not in out.metadata.autoloop
    assert candidate(made, {}).cells[4].source == made.sources["model"]


def test_candidate_names_its_kernel_where_the_arena_does_not(tmp_path: Path) -> None:
    notebook = arena()
    notebook["metadata"].pop("kernelspec")
    made = read(write(tmp_path, notebook))
    out = candidate(made, {})
    assert out.metadata.kernelspec == {"name": "python3", "display_name": "python3", "language": "python"}
    assert tampered(made, out) == []
    nbformat.validate(out)


def ask(made: Arena, **units: Any) -> str | None:
    named_units = {name.replace("_dot_", "."): source for name, source in units.items()}
    return refusal(made, made.sources, Proposal("t", named_units))


def test_honest_proposals_pass(made: Arena) -> None:
    assert ask(made, model="X = 0.7\n%time X") is None
    assert ask(made, train_dot_py="DEPTH = 5\nINIT_SEED = 1\n", model="X = 0.7") is None
    assert ask(made, notes_dot_txt="any { text") is None
    moved = {"train.py": "DEPTH = 4\n", "model": made.sources["model"] + "\nINIT_SEED = 1"}
    assert refusal(made, made.sources, Proposal("t", moved)) is None


SURFACE = "only editable cells and files may change (here: model, notes.txt, train.py)"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("judge", f"cell 'judge' is locked: {SURFACE}"),
        ("tools", f"cell 'tools' is locked: {SURFACE}"),
        ("common", f"cell 'common' is a shared cell, which is locked: {SURFACE}"),
        ("params", f"cell 'params' is a parameters cell, which is locked: {SURFACE}"),
        ("brief", f"cell 'brief' is the person's: {SURFACE}"),
        ("data.csv", f"file 'data.csv' is locked: {SURFACE}"),
        ("game.ipynb", f"file 'game.ipynb' is locked: {SURFACE}"),
        ("../x.py", f"there is no editable cell or file '../x.py': {SURFACE}"),
        ("./train.py", f"file './train.py' is locked: {SURFACE}"),
        ("/etc/passwd", f"file '/etc/passwd' is locked: {SURFACE}"),
        ("a\0b", f"there is no editable cell or file 'a\\x00b': {SURFACE}"),
        (5, f"there is no editable cell or file 5: {SURFACE}"),
    ],
)
def test_what_lies_outside_the_surface_is_refused(made: Arena, name: Any, reason: str) -> None:
    assert refusal(made, made.sources, Proposal("t", {"model": "X = 1", name: "x"})) == reason


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({}, "changes nothing"),
        ({"model": "X = 0.5  # 0..1\nsubmit(lambda: np.array(X))"}, "changes nothing"),
        ({"model": "X = 0.5  # 0..2\n\nsubmit(lambda: np.array( X ))"}, "only comments or white space"),
        ({"model": "X = (\n"}, "model: it does not parse: line 1"),
        ({"train_dot_py": "%time x"}, "train.py: it does not parse: line 1"),
        ({"model": "X = 1\0"}, "model: it holds a NUL byte"),
        ({"notes_dot_txt": "\0"}, "notes.txt: it holds a NUL byte"),
        ({"notes_dot_txt": "\ud800"}, "notes.txt: it holds half a character"),
        ({"model": None}, "model: its new source is no text but NoneType"),
        ({"model": b"X = 1"}, "model: its new source is no text but bytes"),
        ({"train_dot_py": "DEPTH = 4\nINIT_SEED = 137\n"}, "INIT_SEED: constants whose name contains SEED"),
        ({"train_dot_py": "DEPTH = 4\n"}, "INIT_SEED: constants"),
        ({"model": "SEED = 42\nX = 0.9"}, "SEED: constants"),
        ({"model": "SEED += 1\nX = 0.9"}, "SEED: constants"),
        ({"model": "if True:\n    SEED = 1"}, "SEED: constants"),
    ],
)
def test_what_cannot_run_is_refused(made: Arena, units: dict[str, Any], said: str) -> None:
    assert said in (ask(made, **units) or "")


def test_reasons_are_held_against_the_base_and_not_the_arena(made: Arena) -> None:
    base = made.sources | {"model": "X = 0.9"}
    assert "changes nothing" in (refusal(made, base, Proposal("t", {"model": "X = 0.9"})) or "")
    assert refusal(made, base, Proposal("t", {"model": made.sources["model"]})) is None
    assert refusal(made, {}, Proposal("t", {"model": "X = 0.9"})) is None


def test_an_untouched_candidate_is_clean_and_so_is_what_papermill_makes_of_it(made: Arena) -> None:
    out = candidate(made, {"model": "X = 0.9"})
    assert tampered(made, out) == []
    out.metadata["papermill"] = {"x": 1}
    for made_cell in out.cells:
        made_cell.metadata["papermill"] = {"status": "completed"}
        made_cell.metadata.setdefault("tags", [])
    injected = cell("code", "inj", "# Parameters\nBUDGET_S = 2.0\nSEED = 7", "injected-parameters")
    out.cells.insert(2, nbformat.from_dict(injected))
    out.cells.insert(0, nbformat.from_dict(cell("markdown", "err", "An error", "papermill-error-cell-tag")))
    assert tampered(made, out) == []


def add(kind: str, source: str, *tags: str) -> Callable[[Any], None]:
    return lambda nb: nb.cells.append(nbformat.from_dict(cell(kind, "extra", source, *tags)))


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (lambda nb: nb.cells[6].update(source="score(0)"), ["judge"]),
        (lambda nb: nb.cells[0].update(source="# Go up"), ["brief"]),
        (lambda nb: nb.cells[3].metadata.update(tags=["shared"]), ["tools"]),
        (lambda nb: nb.cells[6].metadata.update(tags=["score", "skip-execution"]), ["judge"]),
        (lambda nb: nb.cells[4].metadata.update(tags=["score"]), ["model"]),
        (lambda nb: nb.cells[4].metadata.update(autoloop={"name": "m"}), ["model"]),
        (lambda nb: nb.cells[6].update(cell_type="raw"), ["judge"]),
        (lambda nb: nb.cells.pop(6), ["judge"]),
        (lambda nb: nb.cells.pop(4), ["model"]),
        (lambda nb: nb.cells.insert(0, nb.cells.pop(6)), ["order"]),
        (lambda nb: nb.cells.append(copy.deepcopy(nb.cells[4])), ["model"]),
        (add("code", "score(0)", "score"), ["extra"]),
        (add("markdown", "hello"), ["extra"]),
        (add("code", "SEED = evil()", "injected-parameters"), ["extra"]),
        (add("code", "LR = 5", "injected-parameters"), ["extra"]),
        (add("code", "SEED = 1", "injected-parameters", "score"), ["extra"]),
        (add("code", "SEED = (", "injected-parameters"), ["extra"]),
        (lambda nb: nb.metadata.autoloop.update(budget_s=9), ["metadata"]),
        (lambda nb: nb.metadata.kernelspec.update(name="other"), ["metadata"]),
        (lambda nb: nb.update(cells=[]), ["brief", "params", "common", "tools", "model", "remark", "judge"]),
    ],
)
def test_every_other_change_is_found(made: Arena, spoil: Callable[[Any], Any], names: list[str]) -> None:
    out = candidate(made, {"model": "X = 0.9"})
    spoil(out)
    assert tampered(made, out) == names


def test_workbench_cells_may_stay_but_not_change(made: Arena) -> None:
    out = copy.deepcopy(made.notebook)
    assert tampered(made, out) == []
    out.cells[7].source = "%pip install"
    assert tampered(made, out) == ["mine"]


def test_tree_and_units_are_each_others_inverse(made: Arena) -> None:
    units = made.sources | {"model": "X = 0.9", "train.py": "DEPTH = 8\n"}
    stored = tree(made, units)
    assert sorted(stored) == ["arena.ipynb", "cells/model.py", "files/notes.txt", "files/train.py"]
    assert units_of(stored) == units
    notebook = nbformat.reads(stored["arena.ipynb"], as_version=4)
    assert tampered(made, notebook) == []
    assert notebook.cells[4].source == "X = 0.9"
    assert units_of(tree(made, {})) == made.sources
    assert tree(made, units) == stored


def test_code_key_is_the_one_of_source() -> None:
    assert code_key({"a": "x=1"}) == code_key({"a": "x = 1  # one"})
