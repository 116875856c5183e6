"""Checkouts in the shape of autoresearch become arenas by the real command, or one line says why not."""

import json
import sys
from pathlib import Path

import pytest
from checkout_kit import PREPARE, RESULTS, TRAIN, checkout

from autoloop_kernel import cli
from autoloop_kernel.arena.notebook import read
from autoloop_kernel.auditing.reading import read as read_log
from autoloop_kernel.records import Direction


@pytest.fixture
def called(capsys, monkeypatch, tmp_path):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def call(*arguments, status=0):
        assert cli.main([str(argument) for argument in arguments]) == status, capsys.readouterr()
        return capsys.readouterr()

    return call


def patient(arena: Path) -> None:
    """How busy the machine is that runs the tests must decide none of them, and one attempt is enough."""
    raw = json.loads(arena.read_text(encoding="utf-8"))
    raw["metadata"]["autoloop"] |= {"contention": 1, "keep": {"policy": "greedy"}}
    arena.write_text(json.dumps(raw), encoding="utf-8")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_checkout_becomes_an_arena_and_stays_as_it_is(called, tmp_path):
    made = checkout(tmp_path)
    before = snapshot(made)
    said = called("import", made).out
    arena = read(made / "tinysearch.ipynb")
    assert {name: content for name, content in snapshot(made).items() if name != arena.path.name} == before
    assert (arena.rules.metric.name, arena.rules.metric.direction) == ("val_bpb", Direction.MIN)
    assert (arena.rules.budget_s, arena.rules.kill_s, arena.rules.metric.grade) == (1.0, 600.0, "self-reported")
    assert (arena.rules.files, arena.rules.locked, list(arena.units)) == (("train.py",), ("prepare.py",), ["train.py"])
    for part in ("**The goal is simple: get the lowest val_bpb.**", "kept 1.9: larger steps", "crashed: all of it at"):
        assert part in arena.strategy
    assert "no problem found" in said
    assert "val_bpb, lower is better (the brief says so)" in said
    assert "self-reported: train.py runs in one process with its data" in said
    assert "To seal it" in said
    log = read_log((made / "results.tsv").read_bytes(), "results.tsv")
    assert len(log.entries) == 4, "audit reads the log as before"
    assert "exists already: name another with -o" in called("import", made, status=2).err


def test_a_kept_change_and_a_crash_are_told_with_the_grade(called, tmp_path):
    """The search agent edits constants of train.py, then a command breaks it."""
    made = checkout(tmp_path)
    cached = tmp_path / "home" / ".cache" / "tinysearch"
    cached.mkdir(parents=True)
    (cached / "offset.txt").write_text("0.0")
    source = TRAIN.replace("import numpy as np\n", "import numpy as np\nimport os, prepare\n", 1)
    source += '\nprint("offset:", float(open(os.path.join(prepare.CACHE_DIR, "offset.txt")).read()))\n'
    (made / "train.py").write_text(source)
    assert "home.cache.tinysearch links to" in called("import", made).out
    arena = made / "tinysearch.ipynb"
    patient(arena)
    called("auto", arena, "--agent", "search", "--iterations", 2)
    rows = json.loads(called("log", arena, "--json").out)
    assert rows[0]["verdict"] == "keep"
    assert "keep" in [row["verdict"] for row in rows[1:]]
    breaks = tmp_path / "breaks.py"
    breaks.write_text(
        "p = 'train.py'; t = open(p).read(); open(p, 'w').write(t.replace('STEPS = ', 'STEPS = 1 // 0 + '))"
    )
    called("step", arena, "--agent", f"command:{sys.executable} {breaks}")
    last = json.loads(called("log", arena, "--json").out)[-1]
    assert last["verdict"] == "crash"
    assert "train.py ended with status 1: ZeroDivisionError" in last["reason"]
    best = called("status", arena).out
    assert "(self-reported), iteration" in best
    assert json.loads(called("status", arena, "--json").out)["grade"] == "self-reported"
    shown = called("show", arena, 1).out
    assert "val_bpb 2.191 (self-reported)" in shown
    assert "offset" in shown, "the candidate read a file of its home"
    assert "loss" in shown, "the curve that it printed"
    assert "(self-reported)" in called("log", arena).out


def test_a_script_that_prints_no_score_crashes_and_is_told_why(called, tmp_path):
    made = checkout(tmp_path, train_py=TRAIN.replace('print(f"val_bpb: ', 'if LR > 1: print(f"val_bpb: '))
    called("import", made, "-o", made / "game.ipynb")
    patient(made / "game.ipynb")
    called("step", made / "game.ipynb", status=1)  # a baseline without a score: there is nothing to go on from
    (row,) = json.loads(called("log", made / "game.ipynb", "--json").out)
    assert row["verdict"] == "crash"
    assert "train.py came to its end and printed no line `val_bpb: NUMBER`" in row["reason"]


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        ({"train_py": None, "main_py": "x = 1"}, "has no train.py, which is what agents edit: name the script with"),
        ({"prepare_py": None}, "train.py imports prepare, and "),
        ({"train_py": "def f(:\n"}, "train.py: it does not parse: line 1"),
        ({"train_py": "x = 1\n"}, "train.py prints nothing that looks like a score (it prints no named number)"),
        (
            {"train_py": "import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\np.parse_args()\n"},
            "train.py cannot run without arguments (data): give them with --args",
        ),
        ({"train_py": "import sys\nprint(f'loss: {sys.argv[1]}')\n"}, "without arguments (sys.argv[1])"),
    ],
)
def test_what_cannot_be_imported_says_why_in_one_line(called, tmp_path, files, refused):
    made = checkout(tmp_path, **files)
    error = called("import", made, status=2).err
    assert refused in error
    assert error.count("\n") == 1
    assert not list(made.glob("*.ipynb"))


@pytest.mark.parametrize("lacking", ["program_md", "results_tsv"])
def test_a_brief_or_a_log_may_be_missing(called, tmp_path, lacking):
    made = checkout(tmp_path, **{lacking: None})
    said = called("import", made).out
    assert f"there is no {lacking.replace('_', '.')}" in said
    assert "no problem found" in said


def test_without_prepare_the_script_stands_alone(called, tmp_path):
    alone = PREPARE + TRAIN.replace("from prepare import TIME_BUDGET, evaluate_bpb, rows\n", "")
    made = checkout(tmp_path, prepare_py=None, train_py=alone)
    called("import", made)
    assert read(made / "tinysearch.ipynb").rules.locked == ()


@pytest.mark.parametrize(
    ("line", "name", "way"),
    [
        ('print(f"val_acc: {1 - val_bpb:.4f}")', "val_acc", "max"),
        ('print("Final test accuracy = %.2f%%" % val_bpb)', "Final test accuracy", "max"),
        ('print("eval/loss", val_bpb)', "eval/loss", "min"),
        ('import json; print(json.dumps({"steps": 3, "rmse": val_bpb}))', "rmse", "min"),
        ('print("score {:.3f} after {} steps".format(val_bpb, STEPS))', "score", "min"),
    ],
)
def test_the_metric_may_have_another_name(called, tmp_path, line, name, way):
    source = TRAIN.replace('print(f"val_bpb:          {val_bpb:.6f}")', line)
    made = checkout(tmp_path, train_py=source, program_md="# Mine\n\nTry things.\n", results_tsv=None)
    called("import", made)
    metric = read(made / "tinysearch.ipynb").rules.metric
    assert (metric.name, metric.direction.value) == (name, way)


def test_options_for_a_file_are_refused_for_a_folder_and_the_other_way_round(called, tmp_path):
    made = checkout(tmp_path)
    assert "a checkout runs unchanged" in called("import", made, "--answer", "predict", status=2).err
    assert "name the script itself" in called("import", made / "train.py", "--script", "x.py", status=2).err
    assert "there is no file or folder" in called("import", tmp_path / "gone", status=2).err


def test_what_is_to_be_installed_and_fetched_before_is_told(called, tmp_path):
    hub = TRAIN.replace("import numpy as np\n", "import numpy as np\nimport os\nfrom pathlib import Path\n", 1)
    hub += '\nDATA = Path.home() / "data" / "tiny"\nKEYS = os.path.expanduser("~/.ssh/id")\n'
    made = checkout(tmp_path, train_py=hub, **{"requirements.txt": "numpy\n"})
    said = called("import", made).out
    assert "what requirements.txt asks for has to be installed there" in said
    assert "~/data/tiny, which the sources name, is not there" in said
    assert ".ssh" not in said, "a hidden folder of the home is nothing that a script gets by naming it"


def test_a_person_may_name_the_score_and_the_direction(called, tmp_path):
    made = checkout(tmp_path)
    called("import", made, "--score", "num_params_M", "--direction", "max")
    metric = read(made / "tinysearch.ipynb").rules.metric
    assert (metric.name, metric.direction.value) == ("num_params_M", "max")


def test_further_modules_are_locked_unless_opened(called, tmp_path):
    split = TRAIN.replace("w = np.zeros(3)\n", "from nets.linear import zeros\n\nw = zeros()\n")
    more = {"nets/linear.py": "import numpy as np\n\n\ndef zeros():\n    return np.zeros(3)\n"}
    made = checkout(tmp_path, train_py=split, **more)
    assert "nets/linear.py: locked as well; --editable nets/linear.py" in called("import", made).out
    opened = made / "opened.ipynb"
    called("import", made, "-o", opened, "--editable", "train.py", "--editable", "nets/linear.py")
    arena = read(opened)
    assert list(arena.units) == ["nets/linear.py", "train.py"]
    assert arena.rules.locked == ("prepare.py",)
    alone = made / "alone.ipynb"
    assert "train.py itself is locked" in called("import", made, "-o", alone, "--editable", "nets/linear.py").out
    assert read(alone).rules.locked == ("train.py", "prepare.py")


def test_arguments_are_given_to_the_script(called, tmp_path):
    reads = TRAIN.replace(
        "STEPS = 20  # 5..60",
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--steps', type=int, default=20)\n"
        "STEPS = p.parse_args().steps",
    )
    made = checkout(tmp_path, train_py=reads)
    assert "train.py reads arguments (--steps) and is run without" in called("import", made).out
    other = made / "other.ipynb"
    called("import", made, "-o", other, "--args", "--steps 3")
    assert '["train.py", "--steps", "3"]' in other.read_text(encoding="utf-8").replace('\\"', '"')


@pytest.mark.parametrize(
    "log",
    [
        "exp,metric,verdict,what\n1,0.9,kept,first\n2,0.8,rejected,second\n",
        "| idea | val_bpb | status |\n|---|---|---|\n| wide | 1.5 | KEEP |\n| deep | 1.7 | DISCARD |\n",
        RESULTS.replace("commit\tval_bpb\tmemory_gb\tstatus\tdescription\n", ""),
    ],
)
def test_a_log_of_another_shape_is_told_as_well(called, tmp_path, log):
    made = checkout(tmp_path, results_tsv=log)
    assert "told in the strategy" in called("import", made).out
    assert "## What has been tried (results.tsv)" in read(made / "tinysearch.ipynb").strategy


def test_a_log_that_says_nothing_is_no_obstacle(called, tmp_path):
    made = checkout(tmp_path, results_tsv="just words\nand more\n")
    assert "results.tsv has no line that can be used" in called("import", made).out


def test_into_another_folder_its_files_go_along_and_nothing_is_overwritten(called, tmp_path):
    made = checkout(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "elsewhere" / "arena.ipynb"
    called("import", made, "-o", out)
    assert (out.parent / "train.py").read_text() == TRAIN
    out.unlink()
    (out.parent / "train.py").write_text("mine")
    assert "train.py exists already and is another file" in called("import", made, "-o", out, status=2).err
    assert (out.parent / "train.py").read_text() == "mine"
    assert not out.exists()
