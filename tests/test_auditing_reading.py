"""Logs as they lie about: five shapes written out by hand, and whatever else a line may be."""

import random
import re

import pytest
from audit_kit import BARE, BROKEN, SHAPES, TABLE, THIRTEEN, UPSTREAM

from autoloop_kernel.auditing.audit import audit
from autoloop_kernel.auditing.log import from_data, to_data
from autoloop_kernel.auditing.reading import read
from autoloop_kernel.auditing.vocabulary import verdict
from autoloop_kernel.records import AutoloopError, Direction, Verdict
from autoloop_kernel.views import audit_words

KEEP, DISCARD, CRASH, TIMEOUT = Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH, Verdict.TIMEOUT


def parsed(text, **options):
    log = read(text.encode("utf-8"), "results.tsv", **options)
    return log, [(e.line, e.commit, e.written, e.verdict, e.description) for e in log.entries]


def test_upstream_s_own_five_columns():
    log, entries = parsed(UPSTREAM)
    assert entries == [
        (2, "a1b2c3d", "0.997900", KEEP, "baseline"),
        (3, "b2c3d4e", "0.993200", KEEP, "increase LR to 0.04"),
        (4, "c3d4e5f", "1.005000", DISCARD, "switch to GeLU activation"),
        (5, "d4e5f6a", "0.000000", CRASH, "double model width (OOM)"),
    ]
    assert (log.metric, log.problems) == ("val_bpb", ())
    assert [e.score for e in log.entries] == [0.9979, 0.9932, 1.005, None]


def test_thirteen_columns_with_commas_a_mark_crlf_quotes_and_a_blank_hash():
    log, entries = parsed(THIRTEEN)
    assert entries == [
        (2, "0123abc", "3.4021", KEEP, "base, as it stands"),
        (4, "", "3.3901", KEEP, "wider, deeper"),
        (5, "0123abe", "nan", CRASH, "too wide"),
        (6, "0123abf", "3.4500", DISCARD, "tanh, why not"),
    ]
    assert (log.metric, log.problems) == ("val_loss", ())
    assert "it begins with a byte order mark" in log.notes
    assert "left out: 0 blank lines, 1 comment (line 3)" in log.notes


def test_four_columns_without_a_header():
    log, entries = parsed(BARE)
    assert entries == [
        (1, "9f8e7d6", "0.8123", KEEP, "first"),
        (2, "", "0.8150", DISCARD, "smaller batch"),
        (3, "8e7d6c5", "0.8091", KEEP, "cosine schedule"),
        (5, "7d6c5b4", "-", TIMEOUT, "ten times the depth"),
        (6, "6c5b4a3", "0.8099", DISCARD, "cosine with warm-up"),
    ]
    assert (log.metric, log.problems) == ("score", ())


def test_a_markdown_table_with_signs_where_higher_is_better():
    log, entries = parsed(TABLE, direction=Direction.MAX)
    assert entries == [
        (5, "aaaa111", "0.71", KEEP, "start"),
        (6, "bbbb222", "0.74", KEEP, "more data"),
        (7, "cccc333", "0.69", DISCARD, "less data"),
        (8, "dddd444", "", CRASH, "no data"),
    ]
    assert [problem.line for problem in log.problems] == [1]
    assert log.metric == "accuracy"


def test_what_a_markdown_table_sets_as_code_in_bold_or_as_a_link_is_read_bare():
    log, entries = parsed(
        "| commit | score | status | notes |\n|---|---|---|---|\n"
        "| `aaaa111` | 1.00 | keep | start |\n"
        "| [`bbbb222`](https://host/commit/bbbb222) | **0.97** | **keep** | **best** so far |\n"
        "| [cccc333](x) | 1.02 | discard | a `b` c |\n"
    )
    assert entries == [
        (3, "aaaa111", "1.00", KEEP, "start"),
        (4, "bbbb222", "0.97", KEEP, "**best** so far"),
        (5, "cccc333", "1.02", DISCARD, "a `b` c"),
    ]
    assert not log.problems


def test_every_unusable_line_is_reported_by_its_number_with_its_reason():
    log, entries = parsed(BROKEN)
    assert [entry[0] for entry in entries] == [3, 8, 15]
    assert entries[1][4] == "kept  with a tab in it"
    assert [(problem.line, problem.why.split(":")[0]) for problem in log.problems] == [
        (4, "cut short"),
        (5, "its cells are out of place (4 cells where the header has 5)"),
        (6, "its score 'about 1' is no number"),
        (7, "a mark of a git merge that was never resolved"),
        (9, "a mark of a git merge that was never resolved"),
        (10, "its status 'maybe' says neither kept, nor discarded, nor failed"),
        (11, "a mark of a git merge that was never resolved"),
        (12, "no score, and yet its status is 'keep'"),
        (13, "one cell only"),
        (16, "no status"),
    ]


def test_a_header_that_begins_anew_with_other_columns_holds_from_there_on():
    again = "score\tverdict\tidea\tcommit\n0.99\tdiscard\tother order\t1234567\n"
    _, entries = parsed(UPSTREAM + again)
    assert entries[-1] == (7, "1234567", "0.99", DISCARD, "other order")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("keep", KEEP),
        ("KEPT", KEEP),
        ("accepted", KEEP),
        ("✅ improved!", KEEP),
        ("not improved", DISCARD),
        ("failed to improve", DISCARD),
        ("no", DISCARD),
        ("rolled back", DISCARD),
        ("False", DISCARD),
        ("oom", CRASH),
        ("FAILED", CRASH),
        ("error: nan loss", CRASH),
        ("time-out", TIMEOUT),
        ("done", Verdict.SCORED),
        ("purple", None),
        ("", None),
    ],
)
def test_status_words(said, meant):
    assert verdict(said) is meant


def test_without_a_verdict_what_was_better_than_all_before_counts_as_kept():
    log, entries = parsed("step\tloss\tnote\n1\t0.9\ta\n2\t0.8\tb\n3\t0.85\tc\n4\t0.7\td\n")
    assert [entry[3] for entry in entries] == [KEEP, KEEP, DISCARD, KEEP]
    assert any("counts as kept" in note for note in log.notes)


def test_a_number_sign_before_a_number_is_no_comment():
    text = "#\tcommit\tval_bpb\tstatus\n#1\ta1b2c3d\t0.99\tkeep\n# 2\tb2c3d4e\t0.98\tkeep\n"
    log, entries = parsed(text)
    assert [entry[:3] for entry in entries] == [(2, "a1b2c3d", "0.99")]
    assert "left out: 0 blank lines, 1 comment (line 3)" in log.notes


def test_a_commit_that_many_experiments_share_names_none_of_them():
    rows = [f"a1b2c3d\t0.9{k}\tdiscard\tidea {k}" for k in range(5)] + ["b2c3d4e\t0.8\tkeep\tone"] * 2
    log, entries = parsed("\n".join(rows))
    assert [entry[1] for entry in entries] == [""] * 5 + ["b2c3d4e"] * 2
    assert any(note.startswith("1 commit named by more than 3") for note in log.notes)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (
            ["config_id  tg_tok_s  vram  ppl  status  notes", "a1b2c3d  29.17  10.1  4.58  keep  base"]
            + ["b2c3d4e  28.01  10.1  -  discard  threads"] * 4,
            ("a1b2c3d", "29.17"),
        ),
        (
            ["commit  best_r2_score  complexity  status  description", "a1b2c3d  0.117  17  keep  one"],
            ("a1b2c3d", "0.117"),
        ),
        (
            ["HEAD  model-4bit  397.0  17.0  3.30  keep  first", "HEAD  model-4bit  397.0  17.0  5.29  keep  second"]
            * 2,
            ("", "3.30"),
        ),
        (
            [
                "round  plan  train_score  val_score  state",
                "0  start  -0.25  -1.60  基线",
                "1  other  -1.81  -3.22  回滚",
            ],
            ("", "-1.60"),
        ),
        (
            ["commit  val_bpb  status  description", "a1b2c3d  1.01  keep  x"] + ["b2c3d4e    crash  y"] * 9,
            ("a1b2c3d", "1.01"),
        ),
        (
            ["id  params  date  loss  result", "1  1200000  20260101  2.5  pass", "2  1300000  20260102  2.4  FAIL"],
            ("", "2.5"),
        ),
    ],
)
def test_columns_are_found_in_shapes_that_loops_in_the_wild_write(rows, found):
    _, entries = parsed("\n".join(row.replace("  ", "\t") for row in rows))
    assert entries[0][1:3] == found
    assert entries[0][3] is KEEP


def test_the_score_s_column_can_be_named_or_counted():
    text = "commit\tval_loss\tval_acc\tstatus\tdescription\na1b2c3d\t2.5\t0.61\tkeep\tx\n"
    assert parsed(text, score="val_acc")[1][0][2] == "0.61"
    assert parsed(text, score="3")[1][0][2] == "0.61"
    assert parsed(text)[1][0][2] == "2.5"
    with pytest.raises(AutoloopError, match="no column 'recall'"):
        parsed(text, score="recall")


def test_the_other_direction_is_suggested_where_the_keeps_speak_for_it():
    rows = "".join(f"a1b2c3{k}\t0.{k}1\tkeep\tx{k}\n" for k in range(1, 8))
    doubted = parsed(rows)[0]
    assert any("--direction max" in note for note in doubted.notes)
    assert audit_words.headline(audit(doubted)).endswith(
        "if lower is better; but the log speaks for higher: audit it with --direction max"
    )
    sure = parsed(rows, direction=Direction.MAX)[0]
    assert not any("--direction" in note for note in sure.notes)
    assert "is better" not in audit_words.headline(audit(sure))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"\xff\xfe\x00",
        b"\x00" * 50,
        b"\xef\xbb\xbf",
        b"a\tb\tc",
        b'"\t"\t"',
        b",,,,\n,,,\n",
        b"commit\tstatus\n",
        bytes(range(256)) * 20,
        "commit\tval_bpb\tstatus\n".encode("utf-16"),
        b"1\t2\n" * 5,
        b"x" * 100_000,
    ],
)
def test_nothing_fails_whatever_the_bytes(raw):
    log = read(raw, "x.tsv")
    assert not log.entries or log.metric


def test_a_log_in_utf_16_and_one_with_broken_bytes_are_read():
    assert len(read(UPSTREAM.encode("utf-16"), "x").entries) == 4
    log = read(UPSTREAM.encode().replace(b"GeLU", b"G\xffLU"), "x")
    assert (len(log.entries), "1 character could not be read as UTF-8" in log.notes) == (4, True)


def test_more_lines_than_can_be_audited_are_refused_in_one_line():
    with pytest.raises(AutoloopError, match="audit it in parts"):
        read(b"a\n" * 60_000, "x")


def test_a_log_survives_its_way_through_json():
    log, _ = parsed(BROKEN)
    assert from_data(to_data(log)) == log


MUTATIONS = [
    lambda draw, text: text[: draw.randrange(len(text) + 1)],
    lambda draw, text: text + draw.choice(["\t", "\t\t0.9", ",", "|", '"', "\x00", "\x1b[31m", " " * 9]),
    lambda draw, text: text.replace("\t", draw.choice([" ", "\t\t", ","]), 1),
    lambda draw, text: "".join(draw.sample(text, len(text))),
    lambda draw, text: re.sub(
        r"[\d.]+", draw.choice(["inf", "-nan", "1e999", "-1", "0", "١٢", "9" * 400]), text, count=2
    ),
    lambda draw, text: draw.choice(["# ", "<<<<<<< ", "|", "'''", "\ufeff", "=SUM(A1)"]) + text,
    lambda draw, text: "",
]


@pytest.mark.parametrize("seed", range(40))
def test_no_line_of_a_spoilt_log_is_lost_and_nothing_fails(seed):
    draw = random.Random(seed)
    lines = [line for _ in range(3) for line in draw.choice(list(SHAPES.values())).splitlines()]
    lines = [draw.choice(MUTATIONS)(draw, line) if draw.random() < 0.3 else line for line in lines]
    log = read("\n".join(lines).encode(), "x")
    used, refused = [entry.line for entry in log.entries], [problem.line for problem in log.problems]
    assert len({*used, *refused}) == len(used) + len(refused)
    rest = [line for place, line in enumerate(lines, 1) if place not in {*used, *refused}]
    for line in rest:  # blank, a rule, a comment, or a header
        assert re.fullmatch(
            r"[\s\0|:+=_-]*|\s*\ufeff?(#|//|--\s|%|<!--).*|.*(commit|hash|sha|outcome|status).*", line
        ), line
    audit(log)
