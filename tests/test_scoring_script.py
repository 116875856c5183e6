"""Scripts that print their own score: run as they are, and read."""

import math
import os

import pytest

from autoloop_kernel.scoring.script import ScriptFailed, link_home, run


@pytest.fixture
def ran(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = []

    def call(source, name="val_bpb", **more):
        (tmp_path / "train.py").write_text(source)
        return run(["train.py", "--fast"], name, show=shown.append, **more)

    call.shown = shown
    return call


def test_the_last_number_behind_the_name_counts_and_the_summary_is_kept(ran):
    found = ran("""
print("val_bpb: 3.5 at first")
print("step 1 | val_bpb: 2")
print("num_steps:     953")
print("peak_vram_mb:  45060.2 MB")
print("my_val_bpb: 0")
print("val_bpb:       0.997900")
print("depth = 8")
""")
    assert found.score == 0.9979
    assert found.numbers == {"num_steps": 953.0, "peak_vram_mb": 45060.2, "depth": 8.0, "my_val_bpb": 0.0}


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("'Final val loss = -1.5e-3'", "Final val loss", -0.0015),
        ('\'{"acc": .75, "n": 3}\'', "acc", 0.75),
        ("'val acc\\t91.5%'", "val acc", 91.5),
        ("'loss: nan'", "loss", math.nan),
    ],
)
def test_a_score_in_many_dresses(ran, line, name, value):
    assert ran(f"print({line})", name).score == pytest.approx(value, nan_ok=True)


def test_arguments_environment_and_curve(ran):
    points = []
    found = ran(
        """
import os, sys
for step in range(3):
    print(f"\\rstep {step:05d} | loss: {3 - step}.5 | lrm: 1.0", end="")
print()
print("score:", len(sys.argv), "\\nseed:", os.environ["SEED"])
""",
        "score",
        report=lambda step, **numbers: points.append((step, numbers)),
        environment={"SEED": 12},
    )
    assert (found.score, found.numbers["seed"]) == (2.0, 12.0)
    assert points == [(0.0, {"loss": 3.5}), (1.0, {"loss": 2.5}), (2.0, {"loss": 1.5})]
    assert "score: 2 \n" in ran.shown


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print('val_bpb: 1'); 1 / 0", "train.py ended with status 1: ZeroDivisionError: division by zero"),
        ("print('FAIL'); raise SystemExit(3)", "train.py ended with status 3: FAIL"),
        ("import os; os.kill(os.getpid(), 9)", "train.py was killed by SIGKILL, and printed nothing"),
        ("print('all done')", "printed no line `val_bpb: NUMBER`; its last line was: all done"),
        ("", "printed no line `val_bpb: NUMBER`; it printed nothing"),
    ],
)
def test_a_script_that_fails_says_how(ran, source, why):
    with pytest.raises(ScriptFailed) as raised:
        ran(source)
    assert why in str(raised.value)


def test_a_linked_script_takes_the_modules_of_this_folder(tmp_path, monkeypatch):
    for folder, value in (("arena", 1), ("work", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.py").write_text(f"VALUE = {value}")
    (tmp_path / "arena" / "train.py").write_text("import model, sys; print('score:', model.VALUE, sys.argv)")
    (tmp_path / "work" / "train.py").symlink_to(tmp_path / "arena" / "train.py")
    monkeypatch.chdir(tmp_path / "work")
    assert run(["train.py"], "score", show=str).score == 2.0


def test_a_folder_of_the_home_is_linked_where_it_is_not_there(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "work" / "home.cache.data").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    for _ in range(2):
        link_home(".cache/data", ".cache/other")
    assert os.path.realpath(tmp_path / "home" / ".cache" / "data") == str(tmp_path / "work" / "home.cache.data")
    assert not (tmp_path / "home" / ".cache" / "other").exists()
