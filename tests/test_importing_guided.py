"""A notebook or a script of one's own becomes an arena by options or questions; its score moves into the referee."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from autoloop_kernel import cli
from autoloop_kernel.arena.notebook import read
from autoloop_kernel.importing import guided, script
from autoloop_kernel.importing.plan import Wishes, plan
from autoloop_kernel.records import AutoloopError

FIT = '''\
"""Fit a curve to noisy data."""
import numpy as np

SEED = 3
LR = 0.05  # 0.001..0.5 log
STEPS = 30  # 5..200

train = np.load("train.npz")
x_train, y_train = train["x"], train["y"]


def features(x):
    return np.stack([np.ones_like(x), x], axis=1)


# The model: linear in its features
w = np.zeros(2)
for step in range(STEPS):
    error = features(x_train) @ w - y_train
    w = w - LR * features(x_train).T @ error / len(x_train)


def predict(x):
    return features(x) @ w


held = np.load("val.npz")
x_val, y_val = held["x"], held["y"]
val_mse = float(np.mean((predict(x_val) - y_val) ** 2))
print(f"val_mse: {val_mse:.4f}")
'''
MODEL = """\
SCALE = 1.0  # 0.1..10 log


class Model:
    def fit(self, X, y):
        self.w = SCALE * X[y == 1][0]
        return self

    def predict(self, X):
        return (X @ self.w > 0).astype(int)
"""
CELLS = [
    ("markdown", "# Two classes\n\nHow well are they told apart?"),
    ("code", "%matplotlib inline\nimport numpy as np"),
    ("code", "import json\n\nrng = np.random.default_rng(0)\nX = rng.normal(size=(80, 2))\ny = (X.sum(1) > 0) * 1"),
    ("code", MODEL),
    ("code", "model = Model().fit(X, y)"),
    (
        "code",
        'truth = json.load(open("held.json"))\nX_held, y_held = np.array(truth["X"]), np.array(truth["y"])\n'
        "accuracy = (model.predict(X_held) == y_held).mean()\naccuracy",
    ),
    ("code", 'print("accuracy", accuracy)\nsummary = {"accuracy": accuracy}'),
]


@pytest.fixture
def called(capsys, monkeypatch):
    def call(*arguments, status=0, typed=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert cli.main([str(argument) for argument in arguments]) == status, capsys.readouterr()
        return capsys.readouterr()

    return call


def with_data(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, count in (("train", 60), ("val", 40)):
        x = rng.uniform(-1, 1, count)
        np.savez(folder / f"{name}.npz", x=x, y=1 + 2 * x - 3 * x * x + rng.normal(0, 0.1, count))
    path = folder / "fit.py"
    path.write_text(FIT, encoding="utf-8")
    return path


def notebook(folder: Path, cells=CELLS) -> Path:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 2))
    (folder / "held.json").write_text(json.dumps({"X": X.tolist(), "y": (X.sum(1) > 0).astype(int).tolist()}))
    made = [
        {"cell_type": kind, "id": f"c{n}", "metadata": {}, "source": text}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for n, (kind, text) in enumerate(cells)
    ]
    path = folder / "classes.ipynb"
    spec = {"name": "python3", "display_name": "Mine", "language": "python"}
    raw = {"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def patient(arena: Path) -> None:
    raw = json.loads(arena.read_text(encoding="utf-8"))
    raw["metadata"]["autoloop"] |= {"contention": 1, "keep": {"policy": "greedy"}}
    arena.write_text(json.dumps(raw), encoding="utf-8")


def sources(arena: Path) -> dict[str, str]:
    return {cell.id: cell.source for cell in read(arena).notebook.cells}


def agent(folder: Path, old: str, new: str, unit: str) -> str:
    """A command agent that replaces text in one editable cell."""
    path = folder / "agent.py"
    path.write_text(f"p = {unit + '.py'!r}; t = open(p).read(); open(p, 'w').write(t.replace({old!r}, {new!r}))")
    return f"command:{sys.executable} {path}"


def test_a_script_s_score_moves_into_the_referee(called, tmp_path):
    """Better features are kept; reading the sealed file crashes; the script stays as it was."""
    origin = with_data(tmp_path)
    said = called("import", origin, "--yes", "--budget", 20).out
    assert origin.read_text(encoding="utf-8") == FIT
    assert "sealed: the referee asks `predict` and finds val_mse by itself" in said
    assert "val.npz: read by the score cell alone" in said
    arena = tmp_path / "fit_arena.ipynb"
    made = read(arena)
    assert (made.rules.sealed, made.rules.metric.grade) == (("val.npz",), "sealed")
    assert list(made.units) == ["constants", "features", "the-model-linear-in", "predict"]
    own = sources(arena)
    assert "SEED = 3" in own["parameters"]
    assert "SEED" not in own["constants"]
    assert [name for name in own if "val.npz" in own[name]] == ["strategy", "score"]
    patient(arena)
    called("step", arena)
    better = tmp_path / "better.py"
    better.write_text(
        "for p, a, b in (('features.py', 'x], axis', 'x, x * x], axis'), ('the-model-linear-in.py', '(2)', '(3)'),\n"
        "                ('constants.py', 'LR = 0.05', 'LR = 0.5')):\n"
        "    t = open(p).read(); open(p, 'w').write(t.replace(a, b))\n"
    )
    called("step", arena, "--agent", f"command:{sys.executable} {better}")
    cheat = agent(tmp_path, "return features(x) @ w", "return np.load('val.npz')['y']", "predict")
    called("step", arena, "--agent", cheat)
    rows = json.loads(called("log", arena, "--json").out)
    assert [row["verdict"] for row in rows] == ["keep", "keep", "crash"]
    assert rows[1]["score"] < rows[0]["score"] / 2
    assert "val.npz" in rows[2]["reason"]


def test_a_notebook_with_a_model_by_questions(called, tmp_path):
    origin = notebook(tmp_path)
    before = origin.read_bytes()
    said = called("import", origin, "-o", tmp_path / "game.ipynb", typed="\n\n\n3\n\n10\n").out
    assert origin.read_bytes() == before
    for question in (
        "Which number is the score? (accuracy) [accuracy]",
        "Which is better, min or max? (min, max) [max]",
        "Which function answers? (model, none) [model]",
        "Which cells may agents change? [3,4]",
        "Which files may only the referee read? (held.json, none) [held.json]",
        "How many seconds may a run take? [60]",
    ):
        assert question in said
    assert "left out, since it needs what the score cell alone knows: summary = " in said
    arena = tmp_path / "game.ipynb"
    made = read(arena)
    assert (list(made.units), made.rules.budget_s, made.rules.sealed) == (["model"], 10.0, ("held.json",))
    assert made.rules.metric.direction.value == "max"
    assert "How well are they told apart?" in made.strategy
    assert 'print("accuracy", accuracy)' in sources(arena)["score"]
    patient(arena)
    called("step", arena)
    better = agent(tmp_path, "SCALE * X[y == 1][0]", "X[y == 1].mean(0)", "model")
    called("step", arena, "--agent", better)
    rows = json.loads(called("log", arena, "--json").out)
    assert [row["verdict"] for row in rows] == ["keep", "keep"]
    assert rows[1]["score"] > 0.9
    out = tmp_path / "winner.ipynb"
    assert "run afresh" in called("export", arena, "-o", out, "--verify").out


def test_questions_that_nobody_answers_name_the_option(called, tmp_path):
    error = called("import", with_data(tmp_path), typed="\n", status=2).err
    assert "nobody answered: give --direction, or take all proposals with --yes" in error
    assert not (tmp_path / "fit_arena.ipynb").exists()


def test_a_score_that_no_function_answers_for_is_self_reported(called, tmp_path):
    loop = "w = 0.0\nlosses = []\nfor step in range(9):\n    w += 0.1\n    losses.append((w - 2) ** 2)"
    cells = [("code", loop), ("code", 'final_loss = losses[-1]\nprint("final_loss:", final_loss)')]
    said = called("import", notebook(tmp_path, cells), "--yes").out
    assert "self-reported: no function that the training makes is called to find `final_loss`" in said
    assert "let a function answer (inputs in, predictions out) and let the score call it" in said
    arena = tmp_path / "classes_arena.ipynb"
    patient(arena)
    assert read(arena).rules.metric.grade == "self-reported"
    assert "final_loss 1.210 (self-reported)" in called("step", arena).out + called("show", arena).out


def test_a_script_that_reads_arguments_runs_as_a_whole(called, tmp_path):
    (tmp_path / "run.py").write_text(
        "import argparse\n\n\ndef main():\n    p = argparse.ArgumentParser()\n"
        "    p.add_argument('--lr', type=float, default=1)\n"
        "    print('test_error:', p.parse_args().lr ** 2)\n\n\nif __name__ == '__main__':\n    main()\n"
    )
    refused = called("import", tmp_path / "run.py", "--seal", "val.npz", status=2).err
    assert "run.py runs as a whole (it reads arguments (--lr)): leave --answer and --seal out" in refused
    said = called("import", tmp_path / "run.py", "--args", "--lr 3", "--seal", "none").out
    assert "run.py runs as a whole, as `python run.py`: it reads arguments (--lr)" in said
    made = read(tmp_path / "run_arena.ipynb")
    assert (made.rules.files, made.rules.metric.name) == (("run.py",), "test_error")


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        (["--score", "nothing_here"], "--score nothing_here: fit.py has no such number (it has: val_mse"),
        (["--score", "predict"], "--score predict: fit.py has no such number"),
        (["--answer", "nobody"], "--answer nobody: there is no such name (functions that may answer: predict)"),
        (["--answer", "features"], "--answer features: the score is computed from `w`, which the training makes"),
        (["--editable", "9"], "--editable 9: there are 7 code cells (imports, constants, "),
        (["--editable", "7"], "--editable 7: all of that cell runs in the referee"),
        (["--seal", "gone.npz"], "--seal gone.npz: there is no such file"),
        (["--seal", "train.npz"], "--seal train.npz: the candidate's cells read it"),
        (["--args", "--lr 3"], "--args: fit.py is taken apart into cells, which no arguments reach"),
        (["-o", "x.txt"], "an arena is a notebook: x.txt must end in .ipynb"),
        (["-o", "/nowhere/x.ipynb"], "there is no folder /nowhere"),
    ],
)
def test_a_wrong_wish_is_one_line(called, tmp_path, arguments, refused):
    error = called("import", with_data(tmp_path), "--yes", *arguments, status=2).err
    assert refused in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.ipynb"))


@pytest.mark.parametrize(
    ("name", "content", "refused"),
    [
        ("a.txt", "x", "is neither a folder, nor a notebook (.ipynb), nor a script (.py)"),
        ("a.py", "def f(:", "a.py does not parse: mend it first"),
        ("a.py", "# nothing\n", "a.py holds no code that can be read"),
        ("a.py", "x = 1\ny = x\n", "a.py shows no number that looks like a score"),
        ("a.ipynb", "{}", "is JSON but no notebook"),
    ],
)
def test_what_cannot_be_imported_says_why(called, tmp_path, name, content, refused):
    (tmp_path / name).write_text(content)
    assert refused in called("import", tmp_path / name, "--yes", status=2).err


def test_marked_cells_stay_as_they_were_marked(tmp_path):
    path = tmp_path / "marked.py"
    path.write_text("import numpy as np\n# %% [markdown]\n# # Title\n# Words\n\n# %% the model\nX = 1\n\n# %%\nY = 2\n")
    parts = script.read(path).parts
    assert [(part.kind, part.source.strip()) for part in parts] == [
        ("code", "import numpy as np"),
        ("markdown", "# Title\nWords"),
        ("code", "the model\nX = 1".replace("the model\n", " the model\n").split("\n", 1)[1]),
        ("code", "Y = 2"),
    ]


def proposed(folder: Path, source: str, **wishes: object):
    path = folder / "own.py"
    path.write_text(source, encoding="utf-8")
    return plan(script.read(path), Wishes(**wishes))


def test_page_breaks_move_no_line(tmp_path):
    path = tmp_path / "fit.py"
    paged = "\n".join(line if line else f"{line}\n\x0c" for line in FIT.split("\n"))
    path.write_text(paged, encoding="utf-8")
    original = script.read(path)
    for part in original.parts:
        if part.kind == "code":
            compile(part.source, part.name, "exec")
    plain = tmp_path / "plain.py"
    plain.write_text(FIT, encoding="utf-8")
    assert [part.name for part in original.parts] == [part.name for part in script.read(plain).parts]
    made = plan(original, Wishes())
    assert made.cut is not None
    assert [unit.text.split() for unit in made.units] == [
        unit.text.split() for unit in plan(script.read(plain), Wishes()).units
    ]


def test_an_inner_function_answers_rather_than_one_that_finds_the_score(tmp_path):
    """What is asked must not be the function that holds the targets."""
    score = "float(np.mean((predict(x_val) - y_val) ** 2))"
    evaluate = f"\n\ndef evaluate(x_val, y_val):\n    return {score}\n\n\nval_mse = evaluate(x_val, y_val)"
    made = proposed(tmp_path, FIT.replace(f"val_mse = {score}", evaluate))
    assert made.cut is not None
    assert made.cut.answer == "predict"
    assert "def evaluate" in guided.text(made, "x.ipynb").split("asking(ask)")[1]


def test_a_model_that_is_given_the_targets_does_not_answer(tmp_path):
    source = "w = 0.0\nfor step in range(3):\n    w += 1\n\n\ndef model(x, y):\n    return (w * x - y) ** 2\n\n\n"
    made = proposed(tmp_path, source + "xs, ys = 1.0, 2.0\nval_loss = model(xs, ys)\nprint('val_loss', val_loss)\n")
    assert made.cut is None
    with pytest.raises(AutoloopError, match="no such number"):
        proposed(tmp_path, source, score="val_loss")


def test_data_that_the_candidate_reads_too_is_told_and_not_sealed(tmp_path):
    with_data(tmp_path)
    made = proposed(tmp_path, FIT.replace("val.npz", "train.npz"))
    assert made.sealed == ()
    assert "train.npz is read by the candidate as well: what the score is held against lies in its reach" in made.notes
    split = FIT.replace(
        'held = np.load("val.npz")\nx_val, y_val = held["x"], held["y"]', "x_val, y_val = x_train, y_train"
    )
    told = guided.strategy(proposed(tmp_path, split))
    assert '**On your honour.** These lines run with the candidate, too: `train = np.load("train.npz")`' in told


def test_an_import_of_everything_runs_in_both_kernels(tmp_path):
    """Nobody can tell what of it the score needs."""
    with_data(tmp_path)
    made = proposed(tmp_path, "from math import *\n" + FIT.replace("val_mse = float(", "val_mse = sqrt("))
    assert made.cut is not None
    cells = guided.text(made, "x.ipynb")
    assert "from math import *" in cells.split("LR = 0.05")[0]
    assert cells.count("import *") == 1


def test_a_function_answers_where_nothing_is_trained(called, tmp_path):
    """A heuristic on cases that the referee draws; that its author calls the number `score` is no obstacle."""
    (tmp_path / "pack.py").write_text(
        "import numpy as np\n\nCASES = 20\n\n\ndef pack(sizes):\n    bins = []\n    for size in sizes:\n"
        "        for one in bins:\n            if sum(one) + size <= 1:\n                one.append(size)\n"
        "                break\n        else:\n            bins.append([size])\n    return len(bins)\n\n\n"
        "rng = np.random.default_rng(5)\ncases = [rng.uniform(0, 0.7, 30) for _ in range(CASES)]\n"
        "score = np.mean([pack(case) for case in cases])\nprint('score:', score)\n"
    )
    said = called("import", tmp_path / "pack.py", "--yes").out
    assert "the referee asks `pack` and finds score by itself" in said
    arena = tmp_path / "pack_arena.ipynb"
    assert list(read(arena).units) == ["pack"]
    assert "autoloop_cells.score(float(score))" in sources(arena)["score"]
    patient(arena)
    assert "keep" in called("step", arena).out
