"""The person as an agent: what is edited in the notebook is proposed, over whatever is the champion, and once."""

import json

import pytest
from loop_kit import cell, change
from loop_kit import play as run
from played import make_arena, play, scored

from autoloop_kernel import reviewing
from autoloop_kernel.agents.human import HumanAgent
from autoloop_kernel.arena.edit import apply as write
from autoloop_kernel.proposing import NothingToRun, ask, check
from autoloop_kernel.records import Proposal
from autoloop_kernel.session import open_session

MODEL = "X = 3.0\n\n\ndef answer():\n    return np.array(X)\n\n\nY = 0.0\nsubmit(answer)"
LIB = "N = 1\n\n\nM = 1\n"


@pytest.fixture
def path(tmp_path):
    """An arena with a cell and a file, whose baseline scored 3."""
    (tmp_path / "lib.py").write_text(LIB, encoding="utf-8")
    path = make_arena(tmp_path, files=["lib.py"])
    change(path, lambda nb: cell(nb, "model").update(source=MODEL))
    with open_session(path) as session:
        play(session, 0, scored(3.0), None, "baseline", model=MODEL)
    return path


@pytest.fixture
def session(path):
    with open_session(path) as opened:
        yield opened


def asked(session):
    champion = session.champion()
    return ask(session, session.reread(), 1, champion, HumanAgent())


def silent(session):
    """How often an agent had nothing to offer."""
    return [one for one in session.ledger.events(kinds=["refused"]) if one.data["status"] == "none"]


def nothing(session):
    """Why there is no proposal; the person is not asked twice for the same."""
    before = len(silent(session))
    with pytest.raises(NothingToRun) as caught:
        asked(session)
    assert len(silent(session)) == before + 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edit(session, old, new, unit="model"):
    """The person edits their notebook, or the file beside it."""
    text = session.reread().sources[unit]
    assert old in text
    write(session.path, {unit: text.replace(old, new)})


def ran(session, score):
    """What the person proposes now, run to this score; gives its number."""
    (it,) = run(session, (None, scored(score)), agent=HumanAgent())
    assert it.agent == "human"
    return it.number


def champion_with(session, base, score, *pairs, unit="model"):
    text = session.units(base)[unit]
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return play(session, 0, scored(score), base, **{**session.units(base), unit: text}).number


def test_no_edit_is_no_proposal(session):
    assert nothing(session) == (
        "human: game.ipynb holds no edit of yours since iteration 1: change an editable cell or file (model, lib.py), "
        "save it, and step again"
    )


def test_an_edit_of_cell_and_file_is_the_proposal(session):
    edit(session, "X = 3.0", "X = 1.0")
    edit(session, "N = 1\n", "N = 2\nK = 3\n", "lib.py")
    proposal = asked(session).proposal
    assert proposal.units == {"model": MODEL.replace("3.0", "1.0"), "lib.py": LIB.replace("N = 1\n", "N = 2\nK = 3\n")}
    assert (proposal.title, proposal.hypothesis) == ("model, lib.py by hand (+3 −2)", "")
    assert (proposal.agent, proposal.base) == ("human", 1)


def test_the_edit_is_laid_over_a_champion_that_moved_on(session):
    champion = champion_with(session, 1, 2.0, ("Y = 0.0", "Y = 5.0"))
    edit(session, "X = 3.0", "X = 1.0")
    proposal = asked(session).proposal
    assert proposal.units == {"model": MODEL.replace("3.0", "1.0").replace("Y = 0.0", "Y = 5.0")}
    assert proposal.base == champion
    assert proposal.title == "model by hand (+1 −1)"


def test_a_conflict_is_refused_with_a_way_out(session):
    champion_with(session, 1, 2.0, ("X = 3.0", "X = 2.0"))
    edit(session, "X = 3.0", "X = 1.0")
    assert nothing(session) == (
        "human: your edit of model and what iteration 2 changed since iteration 1 touch the same lines: keep a copy of "
        "yours, run autoloop apply game.ipynb, and make your edit in what it puts there"
    )
    reviewing.apply(session, 2)
    edit(session, "X = 2.0", "X = 1.0")
    assert asked(session).proposal.units == {"model": MODEL.replace("3.0", "1.0")}


def test_what_was_applied_is_no_edit_and_what_is_made_of_it_is(session):
    champion_with(session, 1, 2.0, ("Y = 0.0", "Y = 5.0"))
    discarded = champion_with(session, 1, 9.0, ("X = 3.0", "X = 9.0"))
    assert reviewing.apply(session, discarded) == ["model"]
    assert "holds no edit of yours since iteration 3" in nothing(session)
    edit(session, "return np.array(X)", "return np.array(X + Y)")
    assert asked(session).proposal.units == {
        "model": MODEL.replace("np.array(X)", "np.array(X + Y)").replace("Y = 0.0", "Y = 5.0")
    }, "what iteration 3 changed is not the person's, and was discarded"


def test_the_code_of_a_known_iteration_is_no_edit_however_it_came_there(session):
    champion_with(session, 1, 9.0, ("X = 3.0", "X = 9.0"))
    edit(session, "X = 3.0", "X = 9.0  # as they had it")
    assert "game.ipynb holds the code of iteration 2, which ran already" in nothing(session)


def test_an_edit_is_proposed_once_not_for_every_champion(session):
    edit(session, "X = 3.0", "X = 4.0")
    champion_with(session, 1, 2.9, ("Y = 0.0", "Y = 0.5"))
    assert ran(session, 4.0) == 3
    champion_with(session, 2, 2.8, ("Y = 0.5", "Y = 0.6"))
    assert "your edit of game.ipynb ran as iteration 3 (discard)" in nothing(session)
    edit(session, "X = 4.0", "X = 1.0")
    assert asked(session).proposal.units == {"model": MODEL.replace("3.0", "1.0").replace("Y = 0.0", "Y = 0.6")}


def test_an_edit_that_was_kept_is_what_the_next_one_is_made_of(session):
    edit(session, "X = 3.0", "X = 2.0")
    assert ran(session, 2.0) == 2
    champion_with(session, 2, 1.9, ("X = 2.0", "X = 1.9"))
    edit(session, "Y = 0.0", "Y = 1.0")
    assert asked(session).proposal.units == {"model": MODEL.replace("3.0", "1.9").replace("Y = 0.0", "Y = 1.0")}


def test_a_version_applied_later_counts_more_than_an_own_iteration(session):
    edit(session, "X = 3.0", "X = 2.0")
    assert ran(session, 2.0) == 2
    reviewing.apply(session, 1)
    edit(session, "Y = 0.0", "Y = 1.0")
    assert asked(session).proposal.units == {"model": MODEL.replace("3.0", "2.0").replace("Y = 0.0", "Y = 1.0")}


def test_an_edit_that_the_champion_has_already_is_none(session):
    champion_with(session, 1, 2.0, ("X = 3.0", "X = 1.0"), ("Y = 0.0", "Y = 5.0"))
    edit(session, "X = 3.0", "X = 1.0")
    assert "iteration 2 has your edit of game.ipynb already" in nothing(session)


def test_an_edit_that_waits_or_was_skipped_is_not_proposed_again(session):
    edit(session, "X = 3.0", "X = 1.0")
    waiting = ask(session, session.reread(), 1, session.champion(), HumanAgent(), review=True).proposal
    assert "is proposed already, and waits, or was skipped" in nothing(session)
    reviewing.skip(session, waiting.id, "not now")
    assert "is proposed already, and waits, or was skipped" in nothing(session)


def test_an_edit_that_may_not_run_says_why_and_is_not_asked_for_again(session):
    edit(session, "X = 3.0", "X = 3.0\nMY_SEED = 5")
    assert nothing(session).startswith("human: your edit of game.ipynb may not run: MY_SEED: constants whose name")
    edit(session, "\nMY_SEED = 5", "  # a comment")
    assert "which ran already" in nothing(session)


def test_a_new_cell_is_held_against_the_champion_which_has_it_from_the_arena(session):
    notebook = json.loads(session.path.read_text(encoding="utf-8"))
    fresh = {**cell(notebook, "model"), "id": "more", "source": "Z = 1"}
    notebook["cells"].insert(5, fresh)
    session.path.write_text(json.dumps(notebook), encoding="utf-8")
    session.reread()
    play(session, 0, scored(3.0), None, "baseline again", model=MODEL)
    edit(session, "Z = 1", "Z = 2", "more")
    champion = session.champion()
    proposal = ask(session, session.reread(), champion.epoch, champion, HumanAgent()).proposal
    assert proposal.units == {"more": "Z = 2"}


def test_apply_is_recorded_and_a_rebuilt_ledger_still_works(session):
    champion_with(session, 1, 2.0, ("Y = 0.0", "Y = 5.0"))
    assert session.applied() == (1, 0)
    reviewing.apply(session, 2)
    assert session.applied() == (2, 2)
    event = session.ledger.last_event("applied")
    assert (event.iteration, dict(event.data)) == (2, {"after": 2})
    edit(session, "X = 3.0", "X = 1.0")
    path = session.path
    session.close()
    (path.parent / "game_runs" / "ledger.sqlite").unlink()
    with open_session(path) as rebuilt:
        assert rebuilt.applied() == (1, 0)
        assert asked(rebuilt).proposal.units == {"model": MODEL.replace("3.0", "1.0").replace("Y = 0.0", "Y = 5.0")}


def test_what_the_person_proposes_passes_the_same_checks(session):
    edit(session, "X = 3.0", "X = 1.0")
    proposal = asked(session).proposal
    assert check(session, session.arena, 1, Proposal("again", proposal.units, base=1, id=proposal.id)).base == 1
