"""An arena at a glance: the game, and how it stands; before the first iteration too."""

import json

from html_kit import HOSTILE, bare, sound
from loop_kit import change
from played import history, make_arena

from autoloop_kernel import reviewing
from autoloop_kernel.judging.pruning import Seen, measured
from autoloop_kernel.session import open_session
from autoloop_kernel.views.html import arena
from autoloop_kernel.workbench import Workbench


def shown(path):
    bundle = Workbench(path)._repr_mimebundle_()
    json.dumps(bundle[arena.MIME], allow_nan=False)
    return bundle


def test_a_fresh_arena_says_what_the_game_is(tmp_path):
    bundle = shown(make_arena(tmp_path))
    page = sound(bundle["text/html"])
    assert "loss (lower is better)" in page.text
    assert "model may change · by search" in page.text
    assert "iterations" not in page.text
    assert bundle["text/plain"].startswith("game · loss (lower is better) · ")
    assert bundle[arena.MIME]["champion"] is None


def test_a_game_that_was_played_says_how_it_stands(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    bundle = shown(path)
    text = sound(bundle["text/html"]).text
    for part in ("0.5000", "best loss", "−83.3 %", "iterations: 3 keep, 1 discard, 1 crash"):
        assert part in " ".join(text.split())
    assert "0.5000" in sound(bare(bundle["text/html"])).text
    assert bundle[arena.MIME]["best"] == {"number": 5, "score": 0.5}


def test_it_says_what_giving_up_runs_costs(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    seen = [Seen(gained=True, pruned=False, would=None, spared=False, seconds=9.0)] * 60
    with open_session(path) as session:
        session.ledger.emit("pruning", epoch=session.ledger.current_epoch(), **measured(seen).to_json())
    bundle = shown(path)
    said = "on: it would have ended none of 60 true improvements, by 60 finished runs"
    assert f"pruning {said}" in sound(bundle["text/html"]).text
    assert said in " ".join(bundle["text/plain"].split())
    assert bundle[arena.MIME]["pruning"]["gained"] == 60


def test_the_best_stays_the_best_when_a_person_forks_from_another(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    with open_session(path) as session:
        reviewing.fork(session, 2)
    bundle = shown(path)
    assert (bundle[arena.MIME]["champion"]["number"], bundle[arena.MIME]["best"]["number"]) == (2, 5)
    assert "best loss 0.5000, iteration 5" in " ".join(bundle["text/plain"].replace("best ", "best ").split())
    assert "iteration 2, which the next proposals edit" in bundle["text/plain"]


def test_what_somebody_wrote_is_shown_and_not_run(tmp_path):
    path = make_arena(tmp_path)
    change(path, lambda nb: nb["cells"][0].update(source=f"# {HOSTILE}"))
    sound(shown(path)["text/html"])
