import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from arena_builder import arena, write

from autoloop_kernel.arena import templates as module
from autoloop_kernel.arena.check import check
from autoloop_kernel.arena.templates import new, templates
from autoloop_kernel.records import AutoloopError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of templates: `plain`, `wordy` (which wants a corpus), a tour that is no arena, and a broken file."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    plain = arena()
    plain["metadata"]["autoloop"]["template"] = {"title": "Plain", "summary": "Nothing to it."}
    write(folder, plain, "plain.ipynb")
    plain["metadata"]["autoloop"]["template"] = {"corpus": "sotu"}
    plain["metadata"]["autoloop"]["sealed"] = ["sealed/*"]
    write(folder, plain, "wordy.ipynb")
    write(folder, arena() | {"metadata": {}}, "tour.ipynb")
    (folder / "broken.ipynb").write_text("{")
    monkeypatch.setattr(module, "_folder", lambda: folder)
    return folder


def corpus(monkeypatch: pytest.MonkeyPatch, fail: bool = False) -> None:
    def put(name: str, folder: Path) -> list[Path]:
        assert name == "sotu"
        (folder / "sealed").mkdir()
        made = [folder / "train.txt", folder / "sealed" / "val.txt"]
        for path in made:
            path.write_text("words")
        if fail:
            raise AutoloopError("the corpus is not to be had")
        return made

    fake = ModuleType("autoloop_kernel.scoring.corpora")
    fake.write = put  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "autoloop_kernel.scoring.corpora", fake)


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_function_min_is_bundled() -> None:
    found = {template.name: template for template in templates()}
    assert found["function_min"].title
    assert found["function_min"].summary


def test_templates_are_the_arenas_on_the_shelf(shelf: Path) -> None:
    plain, wordy = templates()
    assert (plain.name, plain.title, plain.summary, plain.corpus) == ("plain", "Plain", "Nothing to it.", None)
    assert (wordy.name, wordy.title, wordy.corpus) == ("wordy", "wordy", "sotu")


def test_the_wheels_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACKAGE", tmp_path / "package")
    assert module._folder() == tmp_path / "notebooks"
    (tmp_path / "package" / "templates").mkdir(parents=True)
    assert module._folder() == tmp_path / "package" / "templates"
    assert templates() == []


@pytest.mark.parametrize("name", ["plain", "plain.ipynb"])
def test_new_writes_a_sound_copy_without_the_template_key(shelf: Path, tmp_path: Path, name: str) -> None:
    path = new(name, tmp_path / "a" / "b")
    assert path == tmp_path / "a" / "b" / "plain.ipynb"
    assert json.loads(path.read_text()) == arena()
    assert check(path) == []
    assert below(tmp_path / "a") == ["b/plain.ipynb"]


def test_the_tour_is_copied_without_its_outputs_and_is_no_arena(shelf: Path, tmp_path: Path) -> None:
    tour = arena() | {"metadata": {"widgets": {"state": {}}}}
    code = next(cell for cell in tour["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "from another machine"}]
    code["execution_count"] = 7
    code["metadata"]["execution"] = {"iopub.status.busy": "then"}
    write(shelf, tour, "tour.ipynb")
    path = new("tour", tmp_path / "a")
    assert path == tmp_path / "a" / "tour.ipynb"
    assert json.loads(path.read_text()) == arena() | {"metadata": {}}
    assert "tour" not in {template.name for template in templates()}
    with pytest.raises(AutoloopError, match=r"tour\.ipynb exists already"):
        new("tour.ipynb", tmp_path / "a")


def test_new_brings_the_corpus(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(monkeypatch)
    folder = tmp_path / "a"
    path = new("wordy", folder)
    assert below(folder) == ["sealed/val.txt", "train.txt", "wordy.ipynb"]
    assert check(path) == []
    path.unlink()
    assert new("wordy", folder) == path
    path.unlink()
    (folder / "train.txt").write_text("other words")
    with pytest.raises(AutoloopError, match=r"train\.txt exists already"):
        new("wordy", folder)
    assert (folder / "train.txt").read_text() == "other words"
    assert below(folder) == ["sealed/val.txt", "train.txt"]


def test_new_brings_the_folder_of_its_name_and_draws_its_secrets_once(shelf: Path, tmp_path: Path) -> None:
    raw = json.loads((shelf / "plain.ipynb").read_text())
    raw["metadata"]["autoloop"]["template"]["secrets"] = ["sealed/plain_secret.txt"]
    (shelf / "plain.ipynb").write_text(json.dumps(raw))
    for name in ("tool/main.py", "sealed/suite.py", "__pycache__/main.pyc"):
        (shelf / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (shelf / "plain" / name).write_text(name)
    drawn = []
    for place in ("a", "b"):
        new("plain", tmp_path / place)
        assert below(tmp_path / place) == ["plain.ipynb", "sealed/plain_secret.txt", "sealed/suite.py", "tool/main.py"]
        drawn.append((tmp_path / place / "sealed" / "plain_secret.txt").read_text())
    assert drawn[0] != drawn[1]
    assert {len(one) for one in drawn} == {33}
    (tmp_path / "a" / "plain.ipynb").unlink()
    new("plain", tmp_path / "a")
    assert (tmp_path / "a" / "sealed" / "plain_secret.txt").read_text() == drawn[0]


def test_new_writes_what_a_world_shows_of_its_secret(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = json.loads((shelf / "plain.ipynb").read_text())
    raw["metadata"]["autoloop"]["template"].update(secrets=["sealed/plain_secret.txt"], world="weather")
    (shelf / "plain.ipynb").write_text(json.dumps(raw))
    fake = ModuleType("autoloop_kernel.scoring.weather")
    fake.data = lambda secret: {"data/days.txt": f"days of {secret}".encode()}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "autoloop_kernel.scoring.weather", fake)
    new("plain", tmp_path)
    secret = (tmp_path / "sealed" / "plain_secret.txt").read_text().strip()
    assert (tmp_path / "data" / "days.txt").read_text() == f"days of {secret}"
    (tmp_path / "plain.ipynb").unlink()
    new("plain", tmp_path)  # beside its secret, which stays, the same world is made again
    assert (tmp_path / "data" / "days.txt").read_text() == f"days of {secret}"


def test_new_never_overwrites(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "plain.ipynb").write_text("mine")
    with pytest.raises(AutoloopError, match=r"plain\.ipynb exists already: move it away, or name another folder"):
        new("plain", tmp_path)
    assert (tmp_path / "plain.ipynb").read_text() == "mine"
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "plain.ipynb").symlink_to("nowhere")
    with pytest.raises(AutoloopError, match="exists already"):
        new("plain", tmp_path / "d")
    assert not list(tmp_path.glob("**/.autoloop-new-*"))


def test_a_failure_leaves_nothing_behind(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(monkeypatch, fail=True)
    with pytest.raises(AutoloopError, match="not to be had"):
        new("wordy", tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    corpus(monkeypatch)
    plain = Path.rename

    def stop(self: Path, target: Path) -> Path:
        if self.name == "wordy.ipynb":
            raise OSError(28, "No space left on device")
        return plain(self, target)

    monkeypatch.setattr(Path, "rename", stop)
    with pytest.raises(AutoloopError, match=r"wordy\.ipynb could not be written to .*: No space left on device"):
        new("wordy", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_file_where_the_folder_should_be(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(AutoloopError, match="could not be written"):
        new("plain", tmp_path / "a")
    assert (tmp_path / "a").read_text() == "x"


def test_unknown_names_bring_the_near_one_and_all(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(AutoloopError, match=r"no template 'plian': did you mean plain\? There are plain, wordy"):
        new("plian", tmp_path)
    with pytest.raises(AutoloopError, match=r"no template '\.\./x': There are plain, wordy"):
        new("../x", tmp_path)


def test_a_copy_may_have_another_budget(shelf: Path, tmp_path: Path) -> None:
    plain = (shelf / "plain.ipynb").read_text()
    (shelf / "plain.ipynb").write_text(plain.replace("SEED = 0", "SEED = 0\\nBUDGET_S = 300.0  # seconds"))
    raw = json.loads(new("plain", tmp_path, 7.5).read_text())
    assert raw["metadata"]["autoloop"]["budget_s"] == 7.5
    (source,) = ("".join(cell["source"]) for cell in raw["cells"] if "parameters" in cell["metadata"].get("tags", []))
    assert source == "SEED = 0\nBUDGET_S = 7.5  # seconds"
    with pytest.raises(AutoloopError, match="above 0"):
        new("plain", tmp_path / "b", 0.0)
    assert not (tmp_path / "b").exists()
