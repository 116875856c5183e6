import os
from pathlib import Path

import pytest
from arena_builder import arena, named, write

from autoloop_kernel.arena.notebook import ArenaError, Unit, read
from autoloop_kernel.records import AutoloopError, Direction


def test_read_brings_rules_strategy_and_units(tmp_path: Path) -> None:
    notebook = arena()
    notebook["metadata"]["autoloop"]["files"] = ["*.py", "src/*"]
    named(notebook, "model")["metadata"]["autoloop"] = {"name": "net"}
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "b.txt").write_bytes("é\r\n".encode())
    (tmp_path / "train.py").write_text("X = 1\n")
    made = read(write(tmp_path, notebook))
    assert (made.name, made.folder, made.runs) == ("game", tmp_path, tmp_path / "game_runs")
    assert made.strategy == "# Go down"
    assert made.rules.metric.direction is Direction.MIN
    assert list(made.units) == ["net", "src/b.txt", "train.py"]
    assert made.units["train.py"] == Unit("train.py", "file", "X = 1\n")
    assert made.units["net"].kind == "cell"
    assert made.sources["src/b.txt"] == "é\r\n"


def test_path_becomes_absolute_and_links_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.ipynb").symlink_to(write(tmp_path / "real", arena()))
    monkeypatch.chdir(tmp_path)
    assert read(Path("real/../link.ipynb")).path == tmp_path / "link.ipynb"


def test_notes_do_not_stop_it(tmp_path: Path) -> None:
    notebook = arena()
    del notebook["cells"][0]
    made = read(write(tmp_path, notebook))
    assert made.strategy == ""


def test_errors_stop_it_in_one_line(tmp_path: Path) -> None:
    notebook = arena()
    notebook["metadata"]["autoloop"] = {"metric": {"name": "l"}}
    path = write(tmp_path, notebook)
    with pytest.raises(ArenaError) as caught:
        read(path)
    assert isinstance(caught.value, AutoloopError)
    assert str(caught.value) == (
        "game.ipynb: metadata.autoloop.metric.direction: is missing — "
        'write "min" where a lower score is better, "max" where a higher one is '
        f"(and 1 more: autoloop check {path})"
    )
    assert len(caught.value.problems) == 2


def test_missing_file_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(ArenaError, match="no such file") as caught:
        read(tmp_path / "nothing.ipynb")
    assert str(caught.value).count("nothing.ipynb") == 1


def test_kernel_may_be_left_out_of_the_question(tmp_path: Path) -> None:
    notebook = arena()
    notebook["metadata"]["kernelspec"]["name"] = "elsewhere"
    path = write(tmp_path, notebook)
    with pytest.raises(ArenaError, match="elsewhere"):
        read(path)
    assert read(path, kernel=False).rules.kernel == "elsewhere"


def test_a_file_that_goes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = arena()
    notebook["metadata"]["autoloop"]["files"] = ["a.txt"]
    (tmp_path / "a.txt").write_text("x")
    path = write(tmp_path, notebook)
    reads = []
    plain = Path.read_bytes

    def once(self: Path) -> bytes:
        if self.name == "a.txt":
            reads.append(self)
            if len(reads) > 1:
                os.unlink(self)  # noqa: PTH108
        return plain(self)

    monkeypatch.setattr(Path, "read_bytes", once)
    with pytest.raises(ArenaError, match=r"file a\.txt: cannot be read"):
        read(path)


def test_agents_may_read_the_locked_files_that_are_text_and_not_too_long(tmp_path: Path) -> None:
    (tmp_path / "prepare.py").write_text("SEQ = 8\n")
    (tmp_path / "data.bin").write_bytes(b"\xff\xfe")
    (tmp_path / "long.txt").write_text("x" * 400_001)
    notebook = arena()
    notebook["metadata"]["autoloop"]["locked"] = ["*.py", "*.bin", "*.txt"]
    assert read(write(tmp_path, notebook)).locked_texts == {"prepare.py": "SEQ = 8\n"}
