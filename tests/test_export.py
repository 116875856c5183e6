"""Exports: clean notebooks that run without Autoloop, and never over what is not theirs."""

import ast
import json
import re
import shutil
import subprocess
import sys
import sysconfig

import nbformat
import pytest
from played import history, make_arena, play, reopen_epoch, scored

from autoloop_kernel import export as exports
from autoloop_kernel.export import Exported, export
from autoloop_kernel.exporting import verify
from autoloop_kernel.exporting.files import mentioned, needed
from autoloop_kernel.exporting.header import Step, markdown
from autoloop_kernel.exporting.inline import cell_source, imported, literal, modules
from autoloop_kernel.exporting.parameters import with_values
from autoloop_kernel.exporting.versions import versions
from autoloop_kernel.figures import Figures
from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.records import AutoloopError, Direction, Iteration, Metric, Verdict
from autoloop_kernel.session import open_session


@pytest.fixture
def arena(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    return path


def exported(path, number=None, out="winner.ipynb", **options) -> Exported:
    with open_session(path, create=False) as session:
        return export(session, number, path.parent / out, **options)


def cells_of(path):
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    return {cell.id: cell for cell in notebook.cells}


def run_alone(path, cwd):
    """Run a notebook's code in a bare interpreter that sees the installed packages but not Autoloop."""
    sources = [cell.source for cell in cells_of(path).values() if cell.cell_type == "code"]
    last = "import autoloop_kernel.cells as c; print(type(c.__spec__.loader).__name__)"
    program = "\n".join(["import sys", f"sys.path.append({sysconfig.get_path('purelib')!r})", *sources, last])
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


# -- the notebook


def test_the_champion_is_exported_with_what_led_to_it(arena):
    done = exported(arena)
    assert (done.number, done.score, done.files, done.verified_score) == (5, 0.5, None, None)
    cells = cells_of(done.path)
    names = ["autoloop-header", "autoloop-inlined", "brief", "params", "common", "tools", "autoloop-clock", "model"]
    assert list(cells) == [*names, "remark", "judge"], "workbench cells are left out"
    assert cells["model"].source == "X = 0.5  # -5..5\nsubmit(lambda: np.array(X))"
    assert cells["params"].source == "SEED = 1005  # of the run\nBUDGET_S = 2.0"
    assert cells["model"].metadata["tags"] == ["editable"]
    assert cells["autoloop-header"].attachments["progress.png"]["image/png"].startswith("iVBOR")
    header = cells["autoloop-header"].source
    assert [line for line in header.splitlines() if line.startswith("| ")][2:] == [
        "| 1 | baseline | 3.000 |  |  | baseline |",
        "| 4 | X to 1.0 | 1.000 | −2.000 | ○ provisional | search |",
        "| 5 | X to 0.5 | 0.500 | −0.500 | ○ provisional | search |",
    ]
    assert "Provisional: no fresh run has confirmed it yet" in header
    assert "-X = 1.0  # -5..5\n+X = 0.5  # -5..5" in header
    assert "seed: 1005" in header
    assert re.search(r"Python 3\.\d+\.\d+, numpy \d", header)
    settings = json.loads(done.path.read_text(encoding="utf-8"))["metadata"]
    assert settings["kernelspec"]["name"] == "python3"
    assert settings["autoloop"]["export"]["iteration"] == 5
    assert settings["autoloop"]["metric"]["name"] == "loss"


@pytest.mark.parametrize("name", ["autoloop", "Autoloop"])
def test_the_kernel_autoloop_becomes_one_that_every_jupyter_has(tmp_path, name):
    path = make_arena(tmp_path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"]["kernelspec"] = {"name": name, "display_name": "Autoloop (Python 3)", "language": "python"}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    history(path)
    written = json.loads(exported(path).path.read_text(encoding="utf-8"))["metadata"]["kernelspec"]
    assert written == {"name": "python3", "display_name": "Python 3", "language": "python"}


def test_any_ended_iteration_can_be_exported_and_only_those(arena):
    assert exported(arena, 3).number == 3
    header = cells_of(arena.parent / "winner.ipynb")["autoloop-header"].source
    assert "ended as **crash**: ValueError: no such shape in cell model" in header
    with pytest.raises(AutoloopError, match=r"there is no iteration 99 of game\.ipynb: there are 1 to 5"):
        exported(arena, 99)


def test_there_must_be_something_to_export(tmp_path):
    path = make_arena(tmp_path)
    with open_session(path) as session, pytest.raises(AutoloopError, match="there are no iterations yet"):
        export(session, None, tmp_path / "w.ipynb")


def test_steps_of_another_epoch_are_not_mixed_in(arena):
    reopen_epoch(arena)
    header = cells_of(exported(arena).path)["autoloop-header"].source
    assert "| 6 | baseline again | 0.001000 |  |  | baseline |" in header
    assert "X to 1.0" not in header


def test_it_runs_where_autoloop_is_not_installed(arena):
    done = exported(arena)
    ran = run_alone(done.path, arena.parent)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-2:] == ["score 0.5", "InlinedAutoloop"]


def test_an_arena_without_parameters_gets_them(tmp_path):
    path = make_arena(tmp_path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "params"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
    cells = cells_of(exported(path).path)
    assert cells["autoloop-parameters"].source == "BUDGET_S = 2.0\nSEED = 1001"
    assert cells["autoloop-parameters"].metadata["tags"] == ["parameters"]


# -- what it may overwrite


def test_nothing_that_is_no_export_is_overwritten(arena, tmp_path):
    other = tmp_path / "mine.ipynb"
    other.write_text("{}", encoding="utf-8")
    for out, why in [
        ("game.ipynb", "is the arena itself"),
        ("sub/../game.ipynb", "is the arena itself"),
        ("mine.ipynb", "exists and is no export.*--force"),
        ("winner.txt", "must end in .ipynb"),
        ("none/winner.ipynb", "there is no folder"),
        ("game_runs/winner.ipynb", "lies in the runs folder"),
    ]:
        (tmp_path / "sub").mkdir(exist_ok=True)
        with pytest.raises(AutoloopError, match=why):
            exported(arena, out=out)
    assert other.read_text(encoding="utf-8") == "{}"
    with pytest.raises(AutoloopError, match="is the arena itself"):
        exported(arena, out="game.ipynb", force=True)
    assert exported(arena, out="mine.ipynb", force=True).number == 5
    assert exported(arena, 4, out="mine.ipynb").number == 4, "an export gives way to the next"
    (tmp_path / "w2_files").mkdir()
    with pytest.raises(AutoloopError, match="w2_files exists and is no export's"):
        exported(arena, out="w2.ipynb")


def test_a_failed_export_leaves_nothing_behind(arena, tmp_path, monkeypatch):
    (tmp_path / "truth.csv").write_text("1\n", encoding="utf-8")
    monkeypatch.setattr(exports.beside, "needed", lambda *_: ["truth.csv"])
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(exports, "_header", lambda *_: (_ for _ in ()).throw(AutoloopError("no header")))
    with pytest.raises(AutoloopError, match="no header"):
        exported(arena)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


# -- files


def test_files_lie_beside_it_with_links_resolved_and_the_winner_s_edits(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "big.csv").write_text("1\n", encoding="utf-8")
    folder = tmp_path / "arena"
    (folder / "data").mkdir(parents=True)
    (folder / "sealed").mkdir()
    (folder / "data" / "big.csv").symlink_to(elsewhere / "big.csv")
    (folder / "sealed" / "truth.csv").write_text("2\n", encoding="utf-8")
    (folder / "lib.py").write_text("K = 1\n", encoding="utf-8")
    (folder / "unused.bin").write_bytes(b"\0")
    path = make_arena(folder, files=["lib.py"], sealed=["sealed/*"])
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["id"] == "tools":
            cell["source"] += "\nimport lib\nrows = open('data/big.csv').read()"
        if cell["id"] == "judge":
            cell["source"] += "\nassert open('sealed/truth.csv').read() == '2\\n' and lib.K == 7"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline", **{"lib.py": "K = 7\n"})
    done = exported(path)
    assert done.files == folder / "winner_files"
    held = {p.relative_to(done.files).as_posix(): p for p in done.files.rglob("*") if p.is_file()}
    assert sorted(held) == ["data/big.csv", "lib.py", "sealed/truth.csv"]
    assert not held["data/big.csv"].is_symlink()
    assert held["lib.py"].read_text(encoding="utf-8") == "K = 7\n"
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(done.path, moved)
    shutil.copytree(done.files, moved / done.files.name)
    ran = run_alone(moved / "winner.ipynb", moved)
    assert ran.returncode == 0, ran.stderr
    elsewhere_ran = run_alone(moved / "winner.ipynb", elsewhere)
    assert "winner_files is not here: run this notebook in the folder that it lies in" in elsewhere_ran.stderr


def test_only_named_files_are_taken(tmp_path):
    for name in ["train.txt", "trainer.txt", "helper.py", "deep.npy", "other.ipynb", ".hidden", "config.yaml"]:
        (tmp_path / name).write_text("x = 'deep.npy'\n" if name == "helper.py" else "", encoding="utf-8")
    for name in [
        "data/a.bin",
        "data/__pycache__/b.pyc",
        "game_runs/0001/log.txt",
        "idle/c.txt",
        "winner_files/train.txt",
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    export = {"metadata": {"autoloop": {"export": {}}}}
    (tmp_path / "winner.ipynb").write_text(json.dumps(export), encoding="utf-8")
    sources = [
        "open('train.txt')  # trainer.txt",
        "import helper",
        "load(f'{root}/data/{name}')",
        "idle = 'other.ipynb'",
    ]
    assert needed(tmp_path, sources, {"config.yaml": ""}, []) == ["data/a.bin", "deep.npy", "helper.py", "train.txt"]


def test_files_are_taken_by_globs_by_folders_of_any_name_and_as_other_files_name_them(tmp_path):
    for name in ["a.csv", "b.csv", "c.npz", "wav_files/1.wav", "words.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    sources = ["tables = sorted(Path('.').glob('*.csv'))\nprint('*' * 80)", "open(f'wav_files/{n}.wav')"]
    found = needed(tmp_path, sources, {"run.yaml": "words: words.txt\n"}, [])
    assert found == ["a.csv", "b.csv", "wav_files/1.wav", "words.txt"]


def test_what_a_cell_mentions():
    assert mentioned("import a.b\nfrom c import d\nx = 'e.txt'  # f.txt") == ("e.txt", {"a", "c"})
    texts, modules_ = mentioned("%load_ext x\nopen('e.txt')\nimport a")
    assert "e.txt" in texts
    assert modules_ == {"a"}
    for magic in ("%run helper.py\nx = 1", "!cat helper.py\nx = 1", "%%bash\ncat helper.py\n"):
        assert "helper.py" in mentioned(magic)[0], "however few of its lines are plain Python"
    assert mentioned("%matplotlib inline\nfrom helper import (\n    a,\n)\n")[1] == {"helper"}


# -- parts


def test_the_inlined_modules_are_those_that_the_cells_reach():
    small = modules(["from autoloop_kernel.cells import submit"])
    assert list(small) == ["autoloop_kernel", "autoloop_kernel.cells", "autoloop_kernel.wire"]
    full = modules(["%matplotlib inline\nfrom autoloop_kernel.scoring import val_bpb"])
    assert {"autoloop_kernel.scoring", "autoloop_kernel.scoring.val_bpb", "autoloop_kernel.scoring.probes"} <= set(full)
    assert modules(["%matplotlib inline\nfrom autoloop_kernel.scoring import (\n    val_bpb,\n)"]) == full
    assert not {"autoloop_kernel.records", "autoloop_kernel.scoring.corpora"} & set(full)
    with pytest.raises(AutoloopError, match=r"a cell imports autoloop_kernel\.driver, which cannot be exported"):
        modules(["from autoloop_kernel import driver"])


def test_inlined_scoring_is_the_same_as_the_installed_one():
    program = (
        cell_source(["from autoloop_kernel.scoring import val_bpb"], None)
        + """
import numpy as np
from autoloop_kernel.scoring import val_bpb
text = np.random.default_rng(0).integers(0, 8, 4000)
result = val_bpb(lambda tokens: np.zeros((*tokens.shape, 8), np.float32), text, window=16, vocab_size=8, windows=20)
assert val_bpb.__code__.co_filename == "autoloop_kernel/scoring/val_bpb.py (inlined)"
print(result.bpb)
"""
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) == pytest.approx(3.0)


def test_imports_are_found_wherever_they_stand():
    assert imported("def f():\n    import autoloop_kernel.cells as c", "") == ["autoloop_kernel.cells"]
    assert imported("from . import answers", "autoloop_kernel.scoring") == [
        "autoloop_kernel.scoring",
        "autoloop_kernel.scoring.answers",
    ]
    assert imported("import numpy\nx = 'import autoloop_kernel.driver'", "") == []


@pytest.mark.parametrize(
    "source", ["x = 1\n", "a = '''b'''\n", "a = '''b''' + \"\"\"c\"\"\"\n", "back\\", "q'", "r\r\n", ""]
)
def test_a_literal_is_the_source_again(source):
    assert ast.literal_eval(literal(source)) == source


@pytest.mark.parametrize(
    ("source", "after"),
    [
        ("SEED = 0  # é\nBUDGET_S = 1.0", "SEED = 7  # é\nBUDGET_S = 2.5"),
        ("é = 1; SEED = (\n  0\n)\nX = SEED", "é = 1; SEED = (\n  7\n)\nX = SEED\nBUDGET_S = 2.5"),
        ("BUDGET_S = 60; SEED = 0", "BUDGET_S = 2.5; SEED = 7"),
        ("BUDGET_S = (60 *\n 5); SEED = 0", "BUDGET_S = (2.5); SEED = 7"),
        ("SEED: int = 0", "SEED: int = 7\nBUDGET_S = 2.5"),
        ("SEED = 1\nSEED = 2", "SEED = 1\nSEED = 7\nBUDGET_S = 2.5"),
        ("%magic", "%magic\nBUDGET_S = 2.5\nSEED = 7"),
        ("", "BUDGET_S = 2.5\nSEED = 7"),
    ],
)
def test_parameters_are_set_where_they_stand(source, after):
    assert with_values(source, {"BUDGET_S": 2.5, "SEED": 7}) == after


def test_the_header_escapes_what_agents_wrote():
    it = Iteration(2, 1, "p", "a|b <script> *c*", "a`b", 1, "x\n# y", Verdict.KEEP, "provisional", 1.0)
    base = Iteration(1, 1, "p", "baseline", "baseline", verdict=Verdict.KEEP, score=2.0)
    steps = [Step(base, "", Figures(1, None)), Step(it, "+````\n+<b>\x1b[2J\n", Figures(2, "provisional"))]
    text = markdown("my_arena", Metric("loss", Direction.MIN), steps, {"Python": "3.11.7"}, False, 0.0)
    assert text.startswith("# my\\_arena: a\\|b &lt;script&gt; \\*c\\*\n")
    assert "| 2 | a\\|b &lt;script&gt; \\*c\\* | 1.000 | −1.000 | ○ provisional | a\\`b |" in text
    assert "> x \\# y" in text
    assert "`````diff\n+````\n+<b>\\x1b[2J\n`````\n" in text


def test_the_header_shows_confirmed_figures_and_what_the_screening_promised():
    base = Iteration(1, 1, "p", "baseline", "baseline", verdict=Verdict.KEEP, score=3.0)
    it = Iteration(2, 1, "p", "better", "search", 1, verdict=Verdict.KEEP, state="confirmed", score=2.0)
    found = Figures(2, "confirmed", 1.0, Gain(0.8, 0.7, 0.9), 3, Gain(0.8, 0.75, 0.85), Gain(0.5, 0.4, 0.6))
    steps = [Step(base, "", Figures(1, None)), Step(it, "", found)]
    text = markdown("arena", Metric("loss", Direction.MIN), steps, {"Python": "3.11.7"}, False, 0.0)
    assert "| ● confirmed: +0.800 (+0.700 … +0.900) |" in text
    lines = [
        "Confirmed: it gains +0.800 (+0.700 … +0.900 with 90 %) over its base in 3 fresh pairs of runs; the runs that "
        "it was kept for showed +1.000.",
        "Over the baseline, by fresh runs of both, it gains +0.800 (+0.750 … +0.850 with 90 %).",
        "On the holdout, which no selection saw: +0.500 (+0.400 … +0.600 with 90 %) over the baseline.",
    ]
    assert "\n".join(lines) in text


def test_versions_are_those_of_the_packages_that_cells_import():
    found = versions(["import os\nimport rich.table\nimport nowhere_to_be_found", "from yaml import load"], "python3")
    assert next(iter(found)) == "Python"
    assert list(found)[-1] == "Autoloop"
    assert {"numpy", "rich", "PyYAML"} <= set(found)
    assert not {"os", "nowhere_to_be_found"} & set(found)


# -- verification


def test_verification_runs_it_afresh_and_keeps_its_outputs(arena):
    done = exported(arena, verify=True)
    assert (done.verified_score, done.failure) == (0.5, "")
    cells = cells_of(done.path)
    assert verify.score_of(json.loads(done.path.read_text(encoding="utf-8"))) == 0.5
    assert cells["judge"].execution_count
    metadata = json.loads(done.path.read_text(encoding="utf-8"))["metadata"]
    assert metadata["autoloop"]["export"]["verified_score"] == 0.5
    assert "papermill" not in metadata
    assert "papermill" not in cells["model"].metadata


def test_an_export_that_fails_says_why_and_stays(tmp_path):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline", model="raise ValueError('not\\ntoday')")
    done = exported(path, verify=True)
    assert done.verified_score is None
    assert done.failure == "the export fails when it is run afresh: ValueError: not today (cell model)"
    assert done.path.exists()


def test_the_score_is_read_from_score_cells_alone():
    def executed(*outputs, tags=("score",)):
        return {"cells": [{"metadata": {"tags": list(tags)}, "outputs": list(outputs)}]}

    shown = {"output_type": "display_data", "data": {verify.MIME: {"value": 1.5}}}
    printed = {"output_type": "stream", "text": ["working\nscore 2.5  windows 3\n"]}
    assert verify.score_of(executed(shown)) == 1.5
    assert verify.score_of(executed(printed)) == 2.5
    for nothing in [executed(shown, tags=()), executed({"output_type": "stream", "text": "score high"}), {}]:
        with pytest.raises(verify.VerifyFailed, match="no score"):
            verify.score_of(nothing)
