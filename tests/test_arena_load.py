import copy
import json
import os
from pathlib import Path

import nbformat
import pytest
from arena_builder import arena, cell, named, write

from autoloop_kernel.arena.load import is_name, load, name_of

V3 = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "language": "python",
                    "input": ["X = 1"],
                    "outputs": [],
                    "collapsed": False,
                    "prompt_number": 1,
                    "metadata": {"tags": ["editable"]},
                },
                {"cell_type": "markdown", "source": ["hello"], "metadata": {}},
            ],
        }
    ],
}


def only(path: Path) -> str:
    loaded = load(path)
    assert loaded.notebook is None
    assert len(loaded.problems) == 1
    assert loaded.problems[0].level == "error"
    assert "\n" not in str(loaded.problems[0])
    return str(loaded.problems[0])


def test_sound_notebook_loads_without_a_word(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, arena()))
    assert loaded.problems == ()
    assert loaded.notebook is not None
    assert [name_of(c) for c in loaded.notebook.cells] == [c["id"] for c in arena()["cells"]]
    assert loaded.raw == arena()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b'{"cells": [\n  1,,2]}', "line 2, column 5"),
        ("{}".encode("utf-16"), "is not UTF-8 text (byte 1)"),
        (b'{"a": "\xe9"}', "is not UTF-8 text (byte 8)"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"[1, 2]", "is JSON but no notebook"),
        (b"{}", "is JSON but no notebook"),
        (b'{"nbformat": true, "cells": []}', "is JSON but no notebook"),
        (b'{"nbformat": 4, "cells": 7}', "is JSON but no notebook"),
        (b'{"nbformat": "4", "cells": []}', "is JSON but no notebook"),
        (b'{"nbformat": 5, "cells": []}', "newer than this Autoloop"),
        (b'{"nbformat": 3, "worksheets": [{}]}', "damaged notebook"),
        (b'{"nbformat": 4, "nbformat_minor": "5", "cells": []}', "damaged notebook"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_notebook_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    assert said in only(path)


def test_missing_file_brings_near_names(tmp_path: Path) -> None:
    write(tmp_path, arena(), "function_min.ipynb")
    assert f"did you mean {tmp_path / 'function_min.ipynb'}?" in only(tmp_path / "functon_min.ipynb")
    assert f"did you mean {tmp_path / 'function_min.ipynb'}?" in only(tmp_path / "function_min")
    assert "autoloop new" in only(tmp_path / "zebra.ipynb")
    assert "no such file" in only(tmp_path / "nowhere" / "x.ipynb")
    assert "no such file" in only(tmp_path / "function_min.ipynb" / "x.ipynb")


def test_folder_names_its_notebooks(tmp_path: Path) -> None:
    write(tmp_path, arena(), "a.ipynb")
    assert "is a folder — name the notebook in it: a.ipynb" in only(tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ipynb")
    assert "no ordinary file" in only(tmp_path / "pipe.ipynb")
    assert "cannot be read" in only(Path("x" * 5000))
    assert "cannot be read" in only(Path("x\0y"))


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    path = write(tmp_path, arena())
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "permission denied" in only(path)
    assert "chmod u+r game.ipynb" in only(path)


def test_version_3_is_upgraded_with_a_note(tmp_path: Path) -> None:
    first, second = (load(write(tmp_path, V3)) for _ in range(2))
    assert [problem.level for problem in first.problems] == ["note"]
    assert "older nbformat 3.0" in str(first.problems[0])
    assert str(first.problems[0]).endswith("or let `autoloop apply` write it")
    assert first.notebook is not None
    assert first.notebook.cells[0].source == "X = 1"
    assert [c.id for c in first.notebook.cells] == ["code-1", "text-1"]
    assert first.notebook == second.notebook
    nbformat.validate(first.notebook)


def test_version_4_4_gets_ids_that_notes_do_not_shift(tmp_path: Path) -> None:
    notebook = arena()
    notebook["nbformat_minor"] = 4
    for c in notebook["cells"]:
        del c["id"]
    before = load(write(tmp_path, notebook)).notebook
    notebook["cells"].insert(1, {"cell_type": "markdown", "metadata": {}, "source": "a note"})
    loaded = load(write(tmp_path, notebook))
    assert before is not None
    assert loaded.notebook is not None
    code = [[c.id for c in nb.cells if c.cell_type == "code"] for nb in (before, loaded.notebook)]
    assert code[0] == code[1] == [f"code-{n}" for n in range(1, 7)]
    assert [problem.level for problem in loaded.problems] == ["note"]
    assert str(loaded.problems[0]).endswith("save it once in Jupyter"), "apply leaves all but sources as it is"
    nbformat.validate(loaded.notebook)


def test_missing_and_unsound_ids_are_notes(tmp_path: Path) -> None:
    notebook = arena()
    del notebook["cells"][0]["id"]
    notebook["cells"][3]["id"] = "a b"
    notebook["cells"][6]["id"] = ["x"]
    notebook["cells"][1]["id"] = "text-1"
    loaded = load(write(tmp_path, notebook))
    assert [problem.level for problem in loaded.problems] == ["note"] * 3
    assert "cell 1 (text-1-2): has no id" in str(loaded.problems[0])
    assert "'a b'" in str(loaded.problems[1])
    assert loaded.notebook is not None
    nbformat.validate(loaded.notebook)


def test_duplicate_ids_stop_only_where_they_name_editable_cells(tmp_path: Path) -> None:
    notebook = arena()
    named(notebook, "remark")["id"] = "tools"
    (note,) = load(write(tmp_path, notebook)).problems
    assert (note.level, note.where) == ("note", "cell 6 (tools-2)")
    notebook = arena()
    twin = copy.deepcopy(named(notebook, "model"))
    notebook["cells"].append(twin)
    (error,) = load(write(tmp_path, notebook)).problems
    assert error.level == "error"
    assert "same id as an earlier cell (model)" in error.what
    twin["metadata"]["autoloop"] = {"name": "second"}
    assert [problem.level for problem in load(write(tmp_path, notebook)).problems] == ["note"]


def test_every_breach_of_the_schema_is_named(tmp_path: Path) -> None:
    notebook = arena()
    notebook["cells"][1]["metadata"]["tags"] = "parameters"
    del notebook["cells"][3]["outputs"]
    notebook["cells"][4]["metadata"]["tags"] = ["editable", "editable"]
    said = [str(problem) for problem in load(write(tmp_path, notebook)).problems]
    assert [line.split(":")[0] for line in said] == ["cell 2 (params)", "cell 4 (tools)", "cell 5 (model)"]
    assert "metadata.tags" in said[0]
    assert "'outputs' is a required property" in said[1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda nb: nb["cells"].append(7),
        lambda nb: nb["cells"][2].pop("source"),
        lambda nb: nb["cells"][2].update(source=[1]),
        lambda nb: nb["cells"][2].update(metadata=None),
        lambda nb: nb.update(metadata=[]),
        lambda nb: nb["cells"][2].pop("cell_type"),
        lambda nb: nb["cells"][2].update(cell_type="heading"),
        lambda nb: nb["cells"][2].update(outputs=3),
        lambda nb: nb["metadata"].update(kernelspec="python3"),
    ],
)
def test_damage_is_reported_and_never_raises(tmp_path: Path, spoil: object) -> None:
    notebook = arena()
    spoil(notebook)  # type: ignore[operator]
    problems = load(write(tmp_path, notebook)).problems
    assert any(problem.level == "error" for problem in problems)


def test_newer_minor_version_loads(tmp_path: Path) -> None:
    notebook = arena() | {"nbformat_minor": 6}
    assert load(write(tmp_path, notebook)).notebook is not None


def test_names() -> None:
    assert all(is_name(name) for name in ("a", "A_b-3", "0", "x" * 64))
    assert not any(is_name(name) for name in ("", "-rf", "a/b", "a.py", "a b", "x" * 65, "é", "a\n", 5, None))
    assert name_of(nbformat.from_dict(cell("code", "i", "", name="n"))) == "n"
    assert name_of(nbformat.from_dict(cell("code", "i", "", name=5))) == "i"
    assert name_of(nbformat.from_dict(json.loads('{"id": "i", "metadata": {"autoloop": 3}}'))) == "i"
