"""check() as a whole, with what check_cells and check_files find."""

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from arena_builder import arena, cell, named, write

from autoloop_kernel.arena.check import Problem, check
from autoloop_kernel.arena.notebook import read

Notebook = dict[str, Any]
ROOT = Path(__file__).parent


def found(folder: Path, notebook: Notebook) -> list[Problem]:
    problems = check(write(folder, notebook))
    assert all("\n" not in str(problem) and problem.mend for problem in problems)
    return problems


def errors(folder: Path, notebook: Notebook) -> list[str]:
    return [str(problem) for problem in found(folder, notebook) if problem.level == "error"]


def notes(folder: Path, notebook: Notebook) -> list[str]:
    return [str(problem) for problem in found(folder, notebook) if problem.level == "note"]


def test_a_sound_arena_has_no_problem(tmp_path: Path) -> None:
    assert found(tmp_path, arena()) == []


@pytest.mark.parametrize("path", ["notebooks/unseen/arena.ipynb", "../notebooks/function_min.ipynb"])
def test_our_arenas_are_sound(path: str) -> None:
    assert check(ROOT / path) == []


def drop(name: str) -> Callable[[Notebook], None]:
    return lambda nb: nb["cells"].remove(named(nb, name))


def tag(name: str, *tags: str) -> Callable[[Notebook], None]:
    return lambda nb: named(nb, name)["metadata"].update(tags=list(tags))


def source(name: str, text: str) -> Callable[[Notebook], None]:
    return lambda nb: named(nb, name).update(source=text)


def settings(cell_id: str, /, **values: Any) -> Callable[[Notebook], None]:
    return lambda nb: named(nb, cell_id)["metadata"].update(autoloop=values)


def add(*made: dict[str, Any]) -> Callable[[Notebook], None]:
    return lambda nb: nb["cells"].extend(copy.deepcopy(list(made)))


ERRORS = {
    "no editable cell": (tag("model"), "notebook: has no editable cell and no editable file"),
    "no score cell": (drop("judge"), "notebook: has no score cell"),
    "two strategies": (tag("remark", "strategy"), "notebook: has 2 strategy cells (1, 6)"),
    "two parameters": (tag("tools", "parameters"), "notebook: has 2 parameters cells (2, 4)"),
    "two roles": (tag("model", "editable", "score"), "cell 5 (model): carries contradictory tags: editable and score"),
    "locked and editable": (tag("model", "editable", "locked"), "contradictory tags: editable and locked"),
    "workbench and score": (tag("judge", "score", "workbench"), "contradictory tags: score and workbench"),
    "score on markdown": (tag("remark", "score"), "cell 6 (remark): is tagged score but is a markdown cell"),
    "strategy on code": (tag("tools", "strategy"), "cell 4 (tools): is tagged strategy but is a code cell"),
    "slip": (tag("model", "editible"), "cell 5 (model): carries the unknown tag 'editible' — did you mean editable?"),
    "upper case": (tag("model", "Editable"), "did you mean editable?"),
    "plural": (tag("judge", "scores"), "did you mean score?"),
    "prefix": (tag("tools", "autoloop-secret"), "the unknown tag 'autoloop-secret' — the tags are strategy, score,"),
    "skipped": (
        tag("judge", "score", "skip-execution"),
        "cell 7 (judge): is tagged skip-execution: it would not be run",
    ),
    "raising": (tag("tools", "raises-exception"), "is tagged raises-exception: it would go on after an error"),
    "broken editable": (source("model", "x = 1\nif"), "cell 5 (model): it does not parse: line 2"),
    "broken score": (source("judge", "score("), "cell 7 (judge): it does not parse: line 1"),
    "unsafe name": (
        settings("model", name="../x"),
        "cell 5 (model): has the unsafe name '../x'".replace("model", "../x"),
    ),
    "name is a number": (settings("tools", name=5), "cell 4 (tools): has the unsafe name 5"),
    "settings no object": (
        lambda nb: named(nb, "tools")["metadata"].update(autoloop="x"),
        "autoloop that is no object",
    ),
    "dash in front": (lambda nb: named(nb, "model").update(id="-rf"), "cell 5 (-rf): has an id that cannot be a file"),
    "same name": (settings("model", name="tools"), "cell 5 (tools): has the same name as cell 4"),
    "same but for case": (settings("model", name="Tools"), "cell 5 (Tools): has the same name as cell 4"),
    "R": (lambda nb: nb["metadata"].update(language_info={"name": "R"}), "notebook: is written in R"),
    "kernel": (
        lambda nb: nb["metadata"]["kernelspec"].update(name="python9"),
        "the kernel 'python9', which is not inst",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_each_error_is_named_with_its_cell(tmp_path: Path, case: str) -> None:
    spoil, said = ERRORS[case]
    notebook = arena()
    spoil(notebook)
    hits = [line for line in errors(tmp_path, notebook) if said in line]
    assert len(hits) == 1, errors(tmp_path, notebook)


NOTES = {
    "no strategy": (drop("brief"), "notebook: has no strategy"),
    "empty strategy": (source("brief", " \n"), "notebook: has no strategy"),
    "no kernelspec": (lambda nb: nb["metadata"].pop("kernelspec"), "names no kernel; python3 is taken"),
    "score is never called": (source("judge", "score = 5"), "cell 7 (judge): never calls score(…)"),
    "submit is never called": (source("model", "X = 1"), "has no cell that calls submit(…)"),
    "score comes first": (
        lambda nb: nb["cells"].insert(0, nb["cells"].pop(6)),
        "cell 1 (judge): stands before the last",
    ),
    "locked tag": (tag("tools", "locked"), "cell 4 (tools): is tagged locked, which is no tag"),
    "injected": (tag("tools", "injected-parameters"), "what papermill once injected"),
    "a curve that is not reported": (
        lambda nb: nb["metadata"]["autoloop"].update(prune={"curve": "lose"}),
        "prune.curve: is 'lose', which no cell seems to report",
    ),
    "cell key": (settings("model", name="model", colour=1), "unknown key 'colour'"),
}


@pytest.mark.parametrize("case", NOTES)
def test_each_note_stops_nothing(tmp_path: Path, case: str) -> None:
    spoil, said = NOTES[case]
    notebook = arena()
    spoil(notebook)
    assert errors(tmp_path, notebook) == []
    (note,) = notes(tmp_path, notebook)
    assert said in note


@pytest.mark.parametrize(
    "spoil",
    [
        tag("tools", "remove-cell", "hide-input", "scoreboard", "my-tag", "slideshow"),
        tag("mine", "workbench", "skip-execution"),
        source("mine", "this is (no Python"),
        source("tools", "%load_ext autoreload\n!true\nfrom autoloop_kernel.cells import submit"),
        settings("remark", name="model"),
    ],
)
def test_what_concerns_us_not_passes(tmp_path: Path, spoil: Callable[[Notebook], None]) -> None:
    notebook = arena()
    spoil(notebook)
    assert found(tmp_path, notebook) == []


def test_every_problem_comes_at_once_errors_first(tmp_path: Path) -> None:
    notebook = arena()
    notebook["metadata"] = {"autoloop": {"metric": {"name": "l"}, "budget_s": -1, "files": ["../x", "none*"]}}
    for spoil in (tag("model"), tag("remark", "strategy"), source("judge", "("), tag("tools", "editible")):
        spoil(notebook)
    problems = found(tmp_path, notebook)
    said = "\n".join(str(problem) for problem in problems)
    for part in ("metric.direction", "budget_s", "'../x'", "'none*'", "2 strategy", "(judge)", "editible", "no kernel"):
        assert part in said
    levels = [problem.level for problem in problems]
    assert levels == sorted(levels)


def test_a_near_kernel_is_offered_and_all_are_listed(tmp_path: Path) -> None:
    notebook = arena()
    notebook["metadata"]["kernelspec"]["name"] = "pythn3"
    (line,) = errors(tmp_path, notebook)
    assert "did you mean python3?" in line
    assert "installed are " in line


def test_what_is_no_notebook_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "x.ipynb").write_text("{")
    assert len(check(tmp_path / "x.ipynb")) == 1
    assert len(check(tmp_path)) == 1
    assert len(check(tmp_path / "y.ipynb")) == 1
    assert "end in .ipynb" in str(check(write(tmp_path, arena(), "x.json"))[0])


def test_random_damage_never_raises(tmp_path: Path) -> None:
    """Replace every value of the arena's JSON in turn, by one of each other type."""

    def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [path] + [place for key, item in below for place in places(item, (*path, key))]

    spoilt = 0
    for place in places(arena())[1:]:
        for junk in (None, 7, "x", [{}]):
            notebook: Any = arena()
            target = notebook
            for key in place[:-1]:
                target = target[key]
            target[place[-1]] = junk
            (tmp_path / "x.ipynb").write_text(json.dumps(notebook))
            problems = check(tmp_path / "x.ipynb")
            spoilt += bool(problems)
            if all(problem.level == "note" for problem in problems):
                assert read(tmp_path / "x.ipynb").name == "x"
    assert spoilt > 100


def with_files(**keys: list[str]) -> Notebook:
    notebook = arena()
    notebook["metadata"]["autoloop"].update(keys)
    return notebook


def test_files_alone_are_a_surface(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("X = 1")
    notebook = with_files(files=["*.py"])
    tag("model")(notebook)
    assert found(tmp_path, notebook) == []


@pytest.mark.parametrize("key", ["files", "sealed"])
def test_globs_stay_and_find(tmp_path: Path, key: str) -> None:
    lines = errors(tmp_path, with_files(**{key: ["../x", "/etc/*", "nothing.*"]}))
    assert len(lines) == 3
    assert all(line.startswith(f"metadata.autoloop.{key}: has ") for line in lines)
    assert "leaves the arena's folder" in lines[1]
    assert "matches no file" in lines[2]


def test_editable_files_are_text_that_lies_here(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "outside.py").write_text("X = 1")
    (here / "link.py").symlink_to(tmp_path / "outside.py")
    (here / "picture.py").write_bytes(b"\x89PNG\xff")
    (here / "zero.py").write_bytes(b"x\0")
    (here / "broken.py").write_text("x = (")
    (here / "magic.py").write_text("%time x")
    (here / "free.txt").write_text("x = (")
    (here / "inner.py").symlink_to("good.py")
    (here / "good.py").write_text("X = 1")
    lines = errors(here, with_files(files=["*.py", "*.txt"]))
    assert [line.split(":")[0] for line in lines] == [
        *("file broken.py", "file link.py", "file magic.py", "file picture.py", "file zero.py"),
    ]
    assert "link out of the arena's folder" in lines[1]
    assert "no UTF-8" in lines[3]
    assert "binary" in lines[4]


def test_an_unreadable_editable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("x")
    path = write(tmp_path, with_files(files=["a.py"]))
    plain = Path.read_bytes

    def refuse(self: Path) -> bytes:
        if self.name == "a.py":
            raise PermissionError(13, "Permission denied")
        return plain(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "file a.py: cannot be read" in str(check(path)[0])


def test_names_that_clash(tmp_path: Path) -> None:
    for name in ("model.py", "Locked", "STRATEGY.md", "b.txt", "B.txt", "tools.py"):
        (tmp_path / name).write_text("x = 1")
    lines = errors(tmp_path, with_files(files=["*.py", "*.txt", "Locked", "*.md"]))
    assert [line.split(":")[0] for line in lines] == ["file Locked", "file STRATEGY.md", "file b.txt", "file model.py"]


def test_sealed_and_editable_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "data" / name).write_text("1")
    (tmp_path / "data" / "c.csv").symlink_to("a.csv")
    notebook = with_files(files=["data/a.csv"], sealed=["data"])
    assert errors(tmp_path, notebook) == [
        "file data/a.csv: is both editable and sealed — take it out of `files` or `sealed` in metadata.autoloop"
    ]
    (line,) = errors(tmp_path, with_files(sealed=["data/c.csv"]))
    assert "is sealed but a link to data/a.csv, which is not" in line
    assert "is the arena itself" in errors(tmp_path, with_files(sealed=["game.ipynb"]))[0]


def test_a_sealed_file_must_be_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.bin").write_bytes(b"1")
    plain = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("s.bin") and plain(path, mode))
    assert "file s.bin: may not be read" in errors(tmp_path, with_files(sealed=["s.bin"]))[0]


@pytest.mark.parametrize("name", ["Tools.py", "MODEL.py"])
def test_a_file_may_share_its_name_with_locked_cells_only(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x = 1")
    assert len(errors(tmp_path, with_files(files=["*.py"]))) == (1 if name == "MODEL.py" else 0)


def test_a_cell_without_anything_else_wrong_but_its_twin(tmp_path: Path) -> None:
    notebook = arena()
    add(cell("code", "other", "Y = 1", "editable", name="model"))(notebook)
    lines = errors(tmp_path, notebook)
    assert lines == ["cell 9 (model): has the same name as cell 5 — give it another name in its metadata autoloop"]


def test_a_locked_file_is_there_and_nobody_may_edit_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("X = 1\n")
    notebook = arena()
    notebook["metadata"]["autoloop"] |= {"files": ["*.py"], "locked": ["train.py", "gone.py", "../x"]}
    said = [str(problem) for problem in check(write(tmp_path, notebook)) if problem.level == "error"]
    assert any("'gone.py', which matches no file" in line for line in said)
    assert any("'../x', which leaves the arena's folder" in line for line in said)
    assert any(line.startswith("file train.py: is both editable and locked") for line in said)
