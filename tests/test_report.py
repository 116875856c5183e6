"""`autoloop report`: the notebook and the page that it leaves, from arenas of every kind."""

import json
import re
import time
from dataclasses import replace

import nbformat
import pytest
from exploit_kit import Scripted
from html_kit import HOSTILE, sound
from loop_kit import Machine, make_sealed_arena, scored, x
from loop_kit import play as loop_play
from played import crashed, history, make_arena, play, reopen_epoch
from played import scored as lasting

from autoloop_kernel import Workbench, cli
from autoloop_kernel.confirming import confirmed
from autoloop_kernel.loop import Loop
from autoloop_kernel.records import MEASURED, AutoloopError, Cost, Kind, to_json
from autoloop_kernel.report import report
from autoloop_kernel.reporting.gather import gather
from autoloop_kernel.reporting.report import Effect
from autoloop_kernel.session import open_session
from autoloop_kernel.views import report_pictures, report_words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report by the command line, as notebook and page, of a line with a confirmed step and a hostile title."""
    folder = tmp_path_factory.mktemp("report")
    path = make_sealed_arena(folder)
    with open_session(path) as session:
        loop_play(session, (None, scored(3.0)), (x(2.0), scored(2.0)), (x(2.5), scored(2.5)))
        play(session, 1.5, scored(1.5), 2, f"{HOSTILE[:-9]} `$x$`")
        play(session, 9.0, crashed(f"cell 'model' raised ValueError: {HOSTILE[:-9]}"), 4)
        runs = [scored(1.6), scored(2.1), scored(1.5), scored(2.0)] * 4
        confirmed(Loop(session, Machine(*runs)), 4, most=2)
    out = folder / "night.ipynb"
    assert cli.main(["report", str(path), "-o", str(out), "--html"]) == 0
    return path, out


def body(page):
    """What a page shows, read and found sound; its head, with a style and its encoding, is left out."""
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>\n<html")
    return sound(text[text.index("<main>") : text.index("</main>") + len("</main>")])


def gathered(made):
    """The report on that arena as data."""
    with open_session(made[0], create=False) as session:
        return gather(session, made[0].name)


def cells(out):
    return {cell["id"]: cell for cell in json.loads(out.read_text(encoding="utf-8"))["cells"]}


def plain(out, part):
    return "".join(cells(out)[f"report-{part}"]["outputs"][0]["data"]["text/plain"])


def test_the_notebook_is_valid_executed_and_says_first_what_it_comes_to(made, capsys):
    path, out = made
    notebook = nbformat.read(out, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(output.output_type in ("error", "stream") for cell in code for output in cell.outputs)
    top = notebook.cells[0].source
    assert top.startswith("# Report on `game`, ")
    assert "`loss` 3.000 → 1.500" in top
    assert "5 iterations: 3 keeps with the baseline, 1 discard, 1 crash." in top
    assert "1 repeated run" in top or "repeated runs" in top
    assert cli.main(["report", str(path), "-o", str(out)]) == 0, "a report is replaced"
    assert "loss 3.000 → 1.500" in capsys.readouterr().out


def test_its_parts_say_what_the_ledger_holds_and_no_part_is_empty(made):
    _, out = made
    kept = plain(out, "kept")
    assert re.search(r"2 +○ provisional +play 1", kept)
    assert re.search(r"4 +● confirmed .* 1 fresh", kept)
    assert "ValueError in model" in plain(out, "failed")
    assert re.search(r"X +4 +2 +1 +1 +\+1\.000", plain(out, "touched"))
    assert "Provisional on the kept line: iteration 2." in plain(out, "still-open")
    assert "autoloop confirm" in plain(out, "next-steps")
    assert "optimism of the judged gain" in plain(out, "champion")
    assert all(
        cell["outputs"]
        for name, cell in cells(out).items()
        if name.split("-")[1] not in ("data", "read", "about") and cell["cell_type"] == "code"
    )


def test_nothing_that_agents_wrote_becomes_markup_or_code(made):
    _, out = made
    seen = body(out.with_suffix(".html"))
    assert "alert(1)" in seen.text
    assert not any(
        tag in ("script", "iframe") or name.startswith("on") for tag, names in seen.tags for name in names or [""]
    )
    for name, cell in cells(out).items():
        assert name == "report-data" or "<script" not in "".join(cell["source"]).replace("`<script", "")
        for output in cell.get("outputs", []):
            sound("".join(output["data"].get("text/html", "")))


def test_an_arena_that_has_not_run_and_wrong_requests_get_one_line(made, tmp_path, capsys):
    path, _ = made
    other = tmp_path / "b.ipynb"
    other.write_text("{}")
    bare = make_arena(tmp_path, "bare.ipynb")
    for arguments, said in [
        ([str(bare)], "has no iterations yet"),
        ([str(path), "-o", str(other)], "exists and is no report"),
        ([str(path), "-o", str(path), "--force"], "is the arena itself"),
        ([str(path), "-o", str(tmp_path / "r.txt")], "must end in .ipynb or .html"),
        ([str(path), "-o", str(tmp_path / "no" / "r.html")], "there is no folder"),
        ([str(path), "-o", str(path.parent / "game_runs" / "r.html")], "in the runs folder"),
        ([str(path), "-o", str(tmp_path / "r.html"), "--since", "yesterday"], "give hours"),
        ([str(path), "-o", str(tmp_path / "r.html"), "--since", "nan"], "give hours"),
        ([str(path), "-o", str(tmp_path / "r.html"), "--since", "last"], "no driver has run"),
    ]:
        assert cli.main(["report", *arguments]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1
    assert not list(tmp_path.glob("r.*"))


def shown(path, tmp_path, **more):
    """The text of a page on the arena at `path`."""
    with open_session(path, create=False) as session:
        done = report(session, tmp_path / "r.html", force=True, **more)
    return done.headline, body(done.paths[0]).text


@pytest.mark.parametrize(
    ("steps", "headline", "says", "lacks"),
    [
        ([3.0], "loss 3.000: the baseline alone has run", "autoloop auto game.ipynb", "What each kept step"),
        ([None], "No baseline has a score yet", "Make the baseline run", "Champion against baseline\nbaseline"),
        ([None] * 3, "No baseline has a score yet", "ValueError", "What was tried"),
        ([3.0, 4.0, None], "loss 3.000: nothing of 2 proposals was kept", "What failed", "What each kept step"),
        ([3.0, *[None] * 6], "loss 3.000: nothing of 6", "See why the last 6 iterations failed", "near miss"),
    ],
)
def test_it_reads_well_of_arenas_that_brought_little(tmp_path, steps, headline, says, lacks):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        for number, score in enumerate(steps):
            outcome = crashed("cell 'model' raised ValueError: no") if score is None else scored(score)
            play(session, float(number), outcome, 1 if number and steps[0] is not None else None)
    told, text = shown(path, tmp_path)
    assert told.startswith(headline)
    assert says in text
    assert lacks not in text


def test_where_every_run_comes_to_the_same_it_is_the_score_that_is_to_be_looked_at(tmp_path):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        for number in range(4):
            play(session, float(number), scored(3.0), 1 if number else None)
        session.ledger.queue_replicate(1, "")
    with open_session(path) as session:
        Loop(session, Machine(scored(3.0))).replicate()
    _, text = shown(path, tmp_path)
    assert "came out the same to the last digit" in text
    assert "all of 4 runs came to the same" in text
    assert "autoloop check game.ipynb --deep" in text
    assert "within the noise" not in text


def test_the_picture_of_the_progress_claims_no_more_than_the_headline(made, monkeypatch):
    found, titles, draw = gathered(made), [], report_pictures.progress.draw
    monkeypatch.setattr(report_pictures.progress, "draw", lambda *a, **k: titles.append(a[2]) or draw(*a, **k))
    report_pictures.progress_png(found)
    assert titles == [report_words.headline(found).replace("`", "")]


def test_a_refuted_step_that_the_champion_rests_on_is_not_counted_as_confirmed(made):
    found = gathered(made)
    first, second = found.steps
    assert (first.state, second.state) == ("provisional", "confirmed")
    fallen = replace(found, steps=(replace(first, state="refuted"), second))
    assert "Fresh runs confirm 1 of 2 steps; iteration 2 refuted, and still in the champion." in report_words.verdict(
        fallen
    )
    both = replace(fallen, steps=(fallen.steps[0], replace(second, state="provisional")))
    said = "Fresh runs confirm 0 of 2 steps; iteration 4 provisional; iteration 2 refuted, and still in the champion."
    assert said in report_words.verdict(both)


def test_huge_gains_are_drawn_on_a_scale_that_says_its_power_of_ten(made, monkeypatch):
    found = gathered(made)
    huge = replace(found, steps=tuple(_times(step, 1e300) for step in found.steps))
    figures = []
    monkeypatch.setattr(report_pictures, "png", lambda figure, dpi: figures.append(figure) or b"")
    report_pictures.gains_png(huge)
    assert "(×1e300)" in figures[0].axes[0].get_xlabel()
    report_pictures.gains_png(found)
    assert "×" not in figures[1].axes[0].get_xlabel()


def _times(step, factor):
    known = step.effect
    more = [None if each is None else factor * each for each in (known.mean, known.low, known.high)]
    return replace(step, effect=Effect(*more, known.source))


def test_less_than_the_noise_of_fresh_runs_is_not_called_luck(made):
    found = gathered(made)
    step = next(step for step in found.steps if step.effect.source == "fresh")
    vague = replace(step, screened=1.0, effect=Effect(0.8, 0.4, 1.2, "fresh"))
    said = " ".join(report_words.verdict(replace(found, steps=(vague,), noise=0.1)))
    assert "0.200 less, which may be luck, or the noise of these runs (± 0.400 with 90 %)" in said
    sharp = replace(vague, effect=Effect(0.8, 0.7, 0.9, "fresh"))
    assert "0.200 of it was luck" in " ".join(report_words.verdict(replace(found, steps=(sharp,), noise=0.1)))


def test_only_the_time_that_is_asked_for_counts_and_scores_never_cross_epochs(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    with open_session(path) as session:
        session.ledger.emit("driver.start", pid=1, host="x", agents=["search"], plan={})
        play(session, 0.25, scored(0.25), 5, "the new one")
    told, text = shown(path, tmp_path, since="last")
    assert "1 iteration: 1 keep." in re.sub(r" in [\d.]+ s of driving", "", text)
    assert "1 new step from iteration 5 (0.500)" in text
    assert "What failed" not in text
    assert told.startswith("loss 3.000 → 0.250")
    _, text = shown(path, tmp_path, since="1e-9")
    assert "no iteration has ended" in text
    reopen_epoch(path)
    _, text = shown(path, tmp_path)
    assert "This is epoch 2: scores of the 1 other do not compare" in text
    assert "the new one" not in text


def test_the_time_and_the_money_of_other_epochs_are_not_told_as_those_of_this_one(tmp_path, monkeypatch):
    path, clock = make_arena(tmp_path), [1e9]
    monkeypatch.setattr(time, "time", lambda: clock[0])

    def driven(seconds, dollars, run):
        with open_session(path) as session:
            session.ledger.emit("driver.start", pid=1, host="x", agents=["search"], plan={})
            run(session)
            session.ledger.emit("cost", agent="search", proposal="p", **to_json(Cost("m", 1, dollars=dollars)))
            clock[0] += seconds
            session.ledger.emit("driver.stop", reason="done", failed=False)
        clock[0] += 3600

    def found():
        with open_session(path) as session:
            return gather(session, path.name)

    was = path.read_text(encoding="utf-8")
    driven(100, 0.5, lambda session: [play(session, 3.0, lasting(3.0), None), play(session, 4.0, lasting(4.0), 1)])
    spent = found().spent
    assert (spent.driven, spent.between) == (100, 100 - 2 * 1.5)
    driven(10, 0.25, lambda session: reopen_epoch(path))
    spent, paid = found().spent, found().cost.dollars
    assert (spent.driven, spent.between, paid) == (10, 10 - 1.5, 0.25)
    path.write_text(was, encoding="utf-8")
    driven(20, 0.125, lambda session: play(session, 5.0, lasting(5.0), 1))
    spent = found().spent
    assert (spent.between, spent.driven) == (130 - 4 * 1.5, 130 - 1.5), "what ran of the other epoch is not idle time"


def test_the_workbench_writes_it_too(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    told = Workbench(path).report(tmp_path / "w.html", since=1)
    assert told.lines == ["w.html", "loss 3.000 → 0.500 (−83.3 %), as judged by the runs it was kept for"]
    (tmp_path / "n.html").write_text("mine")
    with pytest.raises(AutoloopError, match="exists and is no report"):
        Workbench(path).report(tmp_path / "n.html")


def test_of_a_long_line_the_latest_steps_are_told_and_all_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("autoloop_kernel.reporting.gather.STEPS", 3)
    monkeypatch.setattr("autoloop_kernel.views.report.ROWS", 2)
    path = make_arena(tmp_path)
    with open_session(path) as session:
        for number in range(6):
            play(session, float(number), scored(9.0 - number), number or None, f"step {number}")
    _, text = shown(path, tmp_path)
    assert "5 kept steps from the baseline" in text
    assert "None of its latest 3 steps is confirmed yet: iterations 4, 5 and 6 are provisional." in text
    assert "The latest 2 of 5 steps." in text
    assert "autoloop ablate game.ipynb" in text


def test_an_arena_whose_sources_are_lost_is_told_of_too(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    with open_session(path) as session:
        (session.lineage.path / "packed-refs").unlink(missing_ok=True)
        for ref in (session.lineage.path / "refs" / "iterations").iterdir():
            ref.unlink()
    _, text = shown(path, tmp_path)
    assert "2 kept steps from the baseline" in text
    assert "What was tried" not in text


def test_what_broke_a_hard_limit_is_not_told_of_as_within_reach(tmp_path):
    path = make_sealed_arena(tmp_path, limits={"size": {"max": 8}})
    with open_session(path) as session:
        fits = [scored(score, extra={"size": 8}) for score in (3.0, 3.4)]
        loop_play(session, (None, fits[0]))
        Loop(session, Machine(fits[1])).run_again(1, Kind.REPLICATE)
        loop_play(session, (x(3.1), scored(2.0, extra={"size": 9})))
    _, text = shown(path, tmp_path)
    assert "1 discard" in text
    assert "within the noise of the champion" not in text


def test_what_was_only_measured_is_no_near_miss_and_near_misses_are_to_be_put_together(tmp_path):
    path = make_sealed_arena(tmp_path)
    with open_session(path) as session:
        noisy = [scored(3.0), scored(3.4)]
        loop_play(session, (None, noisy[0]))
        Loop(session, Machine(noisy[1])).run_again(1, Kind.REPLICATE)
        loop_play(session, (x(3.1), scored(3.1)), (x(3.2), scored(3.2)))

        class Measured(Scripted):
            name = MEASURED

        loop_play(session, (x(1.0), scored(1.0)), agent=Measured(x(1.0)))
        assert session.champion().number == 1
    _, text = shown(path, tmp_path)
    assert "Give near misses another chance, and put them together: iteration 2, play 1," in text
    assert "autoloop auto game.ipynb --agent rescue --iterations 4" in text
    assert "iteration 4" not in text
