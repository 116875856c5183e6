"""Epochs: what opens one, its fresh baseline, and that no score is ever held against another epoch's."""

from typing import Any

import pytest
from exploit_kit import Scripted
from loop_kit import cell, change, make_sealed_arena, play, scored, x

from autoloop_kernel.records import Verdict
from autoloop_kernel.session import open_session


@pytest.fixture
def path(tmp_path):
    return make_sealed_arena(tmp_path)


@pytest.fixture
def session(path):
    with open_session(path) as opened:
        yield opened


def judge(notebook: Any) -> None:
    cell(notebook, "judge")["source"] += "\n# stricter"


def shared(notebook: Any) -> None:
    cell(notebook, "common")["source"] += "\nLIMIT = 3"


def locked(notebook: Any) -> None:
    cell(notebook, "tools")["source"] += "\nimport math"


def budget(notebook: Any) -> None:
    notebook["metadata"]["autoloop"]["budget_s"] = 9.0


def metric(notebook: Any) -> None:
    notebook["metadata"]["autoloop"]["metric"]["direction"] = "max"


def clock(notebook: Any) -> None:
    notebook["metadata"]["autoloop"]["clock"] = "cpu"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (judge, "score cell 'judge' changed"),
        (shared, "shared cell 'common' changed"),
        (locked, "locked cell 'tools' changed"),
        (budget, "budget: 1 s → 9 s"),
        (metric, "loss min → loss max"),
        (clock, "wall → cpu"),
    ],
)
def test_a_changed_game_opens_an_epoch_with_the_champion_as_its_fresh_baseline(path, session, edit, words):
    play(session, (None, scored(3.0)), (x(1.0), scored(1.0)))
    change(path, edit)
    base, worse = play(session, (None, scored(2.0)), (x(0.5), scored(2.0)))
    assert (base.number, base.epoch, base.base, base.verdict, base.reason) == (3, 2, None, Verdict.KEEP, "baseline")
    assert session.units(3)["model"] == x(1.0)["model"], "the champion's sources were not taken along"
    event = session.ledger.last_event("epoch")
    assert event is not None
    assert event.data["epoch"] == 2
    assert words in event.data["why"]
    # 2.0 is worse than the older epoch's 1.0, and would lose there; here it ties with its own baseline.
    assert (worse.epoch, worse.base, worse.verdict) == (2, 3, Verdict.DISCARD)
    assert worse.reason == "not better: +0 against the champion's 2"


def without_ids(notebook: Any) -> None:
    notebook["nbformat_minor"] = 4
    for one in notebook["cells"]:
        del one["id"]


def saved_with_ids(notebook: Any) -> None:
    """As JupyterLab saves a notebook that has none."""
    notebook["nbformat_minor"] = 5
    for number, one in enumerate(notebook["cells"]):
        one["id"] = f"{number:x}f3b"


def test_a_notebook_that_is_given_ids_keeps_its_champion(path, session):
    change(path, without_ids)
    (model,) = session.reread().units
    play(session, (None, scored(3.0)), ({model: x(1.0)["model"]}, scored(1.0)))
    change(path, saved_with_ids)
    (renamed,) = session.reread().units
    assert renamed != model
    (base,) = play(session, (None, scored(1.0)))
    assert (base.epoch, base.base, base.title) == (2, None, "baseline: iteration 2 under the changed arena")
    assert session.units(base.number) == {renamed: x(1.0)["model"]}
    change(path, lambda notebook: notebook["metadata"]["autoloop"].update(budget_s=9.0))
    (base,) = play(session, (None, scored(1.0)))
    assert (base.epoch, session.units(base.number)) == (3, {renamed: x(1.0)["model"]})


def test_a_cell_that_takes_the_place_of_another_is_not_given_its_code(path, session):
    change(path, without_ids)
    (model,) = session.reread().units
    play(session, (None, scored(3.0)), ({model: x(1.0)["model"]}, scored(1.0)))

    def another(notebook: Any) -> None:
        saved_with_ids(notebook)
        notebook["cells"].insert(0, {**notebook["cells"][-1], "id": "new", "metadata": {}, "source": "1"})

    change(path, another)
    (renamed,) = session.reread().units
    (base,) = play(session, (None, scored(3.0)))
    assert session.units(base.number) == {renamed: x(3.0)["model"]}


def test_a_sealed_file_opens_an_epoch_too(path, session):
    play(session, (None, scored(3.0)))
    (path.parent / "sealed" / "truth.txt").write_text("2")
    (base,) = play(session, (None, scored(5.0)))
    assert (base.epoch, base.base) == (2, None)
    event = session.ledger.last_event("epoch")
    assert event is not None
    assert "sealed file sealed/truth.txt changed" in event.data["why"]


def strategy(notebook: Any) -> None:
    cell(notebook, "brief")["source"] = "# Go further down"


def model(notebook: Any) -> None:
    cell(notebook, "model")["source"] = x(2.5)["model"]


def bench(notebook: Any) -> None:
    cell(notebook, "mine")["source"] = "1 + 1"


@pytest.mark.parametrize("edit", [strategy, model, bench])
def test_what_is_no_part_of_the_game_opens_none(path, session, edit):
    play(session, (None, scored(3.0)))
    change(path, edit)
    (ended,) = play(session, (x(1.0), scored(1.0)))
    assert (ended.epoch, ended.base, ended.verdict) == (1, 1, Verdict.KEEP)


def test_the_agent_hears_of_its_own_epoch_alone(path, session):
    play(session, (None, scored(3.0)), (x(1.0), scored(1.0)))
    change(path, budget)
    play(session, (None, scored(2.0)))
    agent = Scripted(x(3.0))
    play(session, (None, scored(4.0)), agent=agent)
    assert [i.number for i in agent.heard[0].history] == [3]
    assert agent.heard[0].is_known(x(3.0)) == 4, "code that ran in another epoch may run in this one"


def test_back_in_an_earlier_game_its_epoch_goes_on(path, session):
    text = path.read_text(encoding="utf-8")
    play(session, (None, scored(3.0)), (x(1.0), scored(1.0)))
    change(path, budget)
    play(session, (None, scored(2.0)), (x(0.5), scored(0.1)))
    path.write_text(text, encoding="utf-8")
    (ended,) = play(session, (x(0.7), scored(0.7)))
    assert (ended.number, ended.epoch, ended.base, ended.verdict) == (5, 1, 2, Verdict.KEEP)
    assert "against the champion's 1" in ended.reason
    assert session.lineage.champion() == ended.commit
    event = session.ledger.last_event("epoch")
    assert event is not None
    assert (event.data["epoch"], event.data["new"]) == (1, False)
