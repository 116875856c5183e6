"""`autoloop audit`: the command, and the notebook that it leaves, run in a real kernel."""

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pygit2
import pytest
from audit_kit import SHAPES, search

from autoloop_kernel import cli
from autoloop_kernel.audit import audit, data_source
from autoloop_kernel.auditing.audit import audit as find
from autoloop_kernel.auditing.reading import read
from autoloop_kernel.auditing.repository import look_up
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.views import audit as show
from autoloop_kernel.views import audit_words

HOSTILE = (
    "<script>alert(1)</script> `x` ''' \"\"\" \\u0027 {x} $y$ ![a](http://e.x/a.png) | "
    "__import__('os') \u202e\x1b[31m %%bash"
)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


def commit(repository, parents, text):
    author = pygit2.Signature("A", "a@localhost", 1_700_000_000, 0)
    tree = repository.TreeBuilder()
    tree.insert("train.py", repository.create_blob(text.encode()), pygit2.enums.FileMode.BLOB)
    return str(repository.create_commit(None, author, author, "x", tree.write(), parents))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An audit by the command line of a log that is out to be run, with a repository that lacks a commit."""
    folder = tmp_path_factory.mktemp("audit")
    repository = pygit2.init_repository(str(folder / "repo"))
    first = commit(repository, [], "LR = 0.1\nWIDTH = 64\n")
    second = commit(repository, [first], f"LR = 0.2\nWIDTH = 64\n# {HOSTILE}\n")
    rows = search(3, 40)[0].strip().split("\n")
    rows[1] = rows[1].replace(rows[1].split("\t")[0], first[:7])
    rows += [f"{second[:7]}\t0.900000\t44\tkeep\t{HOSTILE}", "fffffff\t0.000000\t0\tcrash\tOOM", "not a row"]
    log = folder / "results.tsv"
    log.write_text("\n".join(rows) + "\n", encoding="utf-8")
    out = folder / "audit.ipynb"
    assert cli.main(["audit", str(log), "--repo", str(folder / "repo"), "-o", str(out)]) == 0
    return log, out, rows


def outputs(out, cell):
    notebook = json.loads(out.read_text(encoding="utf-8"))
    (found,) = [one for one in notebook["cells"] if one["id"] == cell]
    return {mime: "".join(text) for mime, text in found["outputs"][0]["data"].items()}


def test_the_notebook_is_valid_executed_and_its_first_cell_says_the_verdict(made):
    _, out, rows = made
    notebook = nbformat.read(out, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(output.output_type in ("error", "stream") for cell in code for output in cell.outputs)
    first = notebook.cells[0]
    kept = sum("\tkeep\t" in row for row in rows)
    assert first.source.startswith(f"# Audit of `results.tsv`\n\n**{kept - 1} keeps after the baseline, of which ")
    assert re.search(r"About [\d.]+ are true gains \(\d+ to \d+ with 90 %\)", first.source)
    assert f"line {len(rows)}; the reasons are below" in first.source
    assert outputs(out, "audit-again")["text/markdown"] in first.source
    assert base64.b64decode(first.attachments["chances.png"]["image/png"]).startswith(b"\x89PNG")


def test_the_parts_say_what_the_log_holds(made):
    _, out, rows = made
    last = len(rows)
    assert "data:image/png;base64," in outputs(out, "audit-progress")["text/html"]
    assert "a changed seed, against the champion" in outputs(out, "audit-noise")["text/plain"]
    assert f"\n{last - 1}" in outputs(out, "audit-false-minima")["text/plain"]
    assert f"\n{last}  " in outputs(out, "audit-unread")["text/plain"]
    missing = outputs(out, "audit-missing")["text/plain"]
    assert missing.startswith(f"2 of {last - 2} commits that the log names are in the repository repo.")
    diff = outputs(out, "audit-diffs")["text/plain"]
    assert "-LR = 0.1" in diff
    assert "+LR = 0.2" in diff


def test_no_text_of_the_log_becomes_markup_or_code(made):
    _, out, _ = made
    notebook = nbformat.read(out, as_version=4)
    for cell in notebook.cells:
        assert "alert" not in cell.source or cell.id == "audit-log"
        for output in cell.get("outputs", []):
            tags = Tags()
            tags.feed(output["data"].get("text/html", ""))
            known = {"div", "style", "p", "span", "strong", "b", "table", "thead", "tbody", "tr", "th", "td"}
            assert tags.seen <= known | {"img", "details", "summary", "pre"}
            assert "alert" not in output["data"].get("text/markdown", "")
            assert not any(mark in text for text in output["data"].values() for mark in ("\u202e", "\x1b"))


def test_the_log_in_the_notebook_is_data_whatever_its_text():
    rows = [
        "a1b2c3d\t0.9\tkeep\tx",
        f"b2c3d4e\t0.8\tkeep\t{HOSTILE}",
        "c3d4e5f\t0.7\tkeep\t'''\\",
        "1234567\t0.6\tkeep\t😀\u2028.",
    ]
    log = read("\n".join(rows).encode(), "'''+__import__('os')+'''")
    space = {}
    exec(data_source(log), space)
    assert [entry[4] for entry in space["LOG"]["entries"]] == ["x", HOSTILE, "'''\\", "😀\u2028."]
    assert find(space["LOG"]).log == log


def test_a_worse_keep_does_not_count_among_what_was_gained():
    rows = search(3, 60)[0] + "fffffff\t9.5\t44\tkeep\tworse by far\n"
    said = "\n".join(audit_words.verdict(find(read(rows.encode(), "x"))))
    assert "1 contradiction" in said
    assert re.search(r"Together they gained \+0\.0\d+ as logged, of which \+0\.0", said)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_part_is_shown_for_logs_of_five_shapes_and_for_none(shape):
    audited = find(read(SHAPES[shape].encode(), f"{shape}.tsv"))
    parts = [show.progress, show.noise, show.keeps, show.retests, show.contradictions, show.unimproving]
    parts += [show.duplicates, show.false_minima, show.missing, show.diffs, show.unread, show.verdict]
    for one in (audited, find(read(b"", "empty.tsv"))):
        for part in parts:
            assert part(one)._repr_mimebundle_()["text/plain"].strip()
    said = "\n".join(audit_words.verdict(audited))
    assert (len(audited.log.problems) == 0) == ("Every line of it could be read." in said)


def test_what_is_not_there_is_not_asked_for_twice_and_nothing_is_called_read(tmp_path):
    pygit2.init_repository(str(tmp_path / "repo"))
    rows = "".join(f"aaaa11{k}\t1.{k}\tkeep\tx\n" for k in range(3))
    lost = find(look_up(read(rows.encode(), "x.tsv"), tmp_path / "repo"))
    assert show.diffs(lost).bundle["text/plain"] == "No changes to show: the repository has none of any keep."
    assert "--repo DIR" in show.diffs(find(read(rows.encode(), "x.tsv"))).bundle["text/plain"]
    said = " ".join(audit_words.verdict(find(read(b"commit\tscore\tstatus\n", "x.tsv"))))
    assert "could be read" not in said
    assert "No line of it tells of an experiment." in said


def test_one_discard_may_have_been_one_gain():
    rows = "commit\tscore\tstatus\tdescription\n" + "".join(
        f"aaaa1{k:02}\t{score}\t{status}\tidea {k}\n"
        for k, (score, status) in enumerate([(1.0, "keep"), (0.9, "keep"), (0.9001, "discard"), (1.5, "discard")])
    )
    said = " ".join(audit_words.verdict(find(read(rows.encode(), "x.tsv"), 0.01)))
    assert "1 discard within the noise may have been a gain: run line 4 again first (a chance of 0." in said


def test_a_log_of_which_nothing_can_be_used_is_audited_too(tmp_path, capsys):
    (tmp_path / "results.tsv").write_text("hello\nworld\n")
    assert cli.main(["audit", str(tmp_path / "results.tsv"), "-o", str(tmp_path / "out.ipynb")]) == 0
    said = capsys.readouterr()
    assert "Not one line of this log could be used" in said.out
    assert said.err == "2 lines could not be used: the notebook says which, and why\n"


def test_what_is_no_audit_is_not_overwritten_and_an_audit_is(made, tmp_path, monkeypatch):
    log, out, _ = made
    mine = tmp_path / "mine.ipynb"
    mine.write_text("{}")
    with pytest.raises(AutoloopError, match="exists and is no audit"):
        audit(log, mine)
    assert mine.read_text() == "{}"
    monkeypatch.setattr(
        "autoloop_kernel.executed.run", lambda notebook, kind: (_ for _ in ()).throw(AutoloopError("ran"))
    )
    shutil.copy(out, tmp_path / "old.ipynb")
    for path, force in ((tmp_path / "old.ipynb", False), (mine, True)):
        with pytest.raises(AutoloopError, match="ran"):  # it got as far as the run
            audit(log, path, force=force)
    assert mine.read_text() == "{}"  # and a run that fails leaves what was there


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.tsv", "-o", "x.ipynb"], "there is no file nowhere.tsv"),
        ([".", "-o", "x.ipynb"], "is a folder: name the log in it"),
        (["results.tsv", "-o", "x.html"], "must end in .ipynb"),
        (["results.tsv", "-o", "no/x.ipynb"], "there is no folder no"),
        (["results.tsv", "-o", "x.ipynb", "--repo", "."], "is no git repository"),
        (["results.tsv", "-o", "x.ipynb", "--score", "bleu"], "no column 'bleu'"),
        (["results.tsv", "-o", "x.ipynb", "--sigma", "-1"], "it must be 0 or more"),
        (["results.tsv", "-o", "x.ipynb", "--direction", "up"], "'up' is not one of 'min', 'max'"),
        (["results.tsv"], "Missing option '-o'"),
    ],
)
def test_a_wrong_request_is_one_line_that_says_how_to_mend_it(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    Path("results.tsv").write_text(SHAPES["upstream"])
    assert cli.main(["audit", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.ipynb"))
