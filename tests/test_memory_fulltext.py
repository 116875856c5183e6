"""Search over what can be recalled: its ranking, without FTS5, and over a ledger that an earlier version made."""

import random
import sqlite3

import pytest

from autoloop_kernel.memory import fulltext, schema
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.restore import store_finding
from autoloop_kernel.records import Finding, Proposal

TAUGHT = (
    Finding(1, "learning rate to 0.1: discard"),
    Finding(2, "learning rate to 0.2: keep", {"units": ["model"]}),
    Finding(3, "Warmup of the learning rate: crash", {"units": ["schedule"]}),
    Finding(4, "wider layers: discard", {"units": ["model"]}),
)


def taught(path):
    ledger = Ledger.open(path)
    with ledger._write("test") as database:
        for finding in TAUGHT:
            store_finding(database, finding)
    return ledger


def found(ledger, text, limit=10, last=None):
    return [hit.finding.iteration for hit in ledger.matching(text, limit, last)]


@pytest.fixture(params=["fts5", "plain"])
def ledger(request, tmp_path, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(fulltext, "is_there", lambda database: False)
    with taught(tmp_path / "ledger.sqlite") as opened:
        assert (opened.last_event("note") is not None) is (request.param == "plain")
        yield opened


def test_findings_are_found_by_their_words_the_rare_ones_first(ledger):
    assert found(ledger, "WARMUP rate")[0] == 3
    assert sorted(found(ledger, "WARMUP rate")) == [1, 2, 3]
    assert len(found(ledger, "rate", limit=2)) == 2
    assert found(ledger, "layers?") == [4]
    assert found(ledger, "schedule") == [3], "by the unit that it touched"
    assert found(ledger, "nothing like it") == found(ledger, "") == found(ledger, '"*() AND') == []


def test_the_latest_alone_are_searched_where_that_is_asked(ledger):
    assert sorted(found(ledger, "rate", last=2)) == [3]


def test_what_is_taught_anew_replaces_what_was(ledger):
    with ledger._write("test") as database:
        store_finding(database, Finding(3, "another thing"))
    assert found(ledger, "warmup") == []
    assert found(ledger, "another") == [3]


def test_a_word_is_found_in_its_other_forms(tmp_path):
    with taught(tmp_path / "ledger.sqlite") as ledger:
        assert found(ledger, "layer") == [4]


def test_that_there_is_no_fts5_is_said_once(tmp_path, monkeypatch):
    monkeypatch.setattr(fulltext, "is_there", lambda database: False)
    for _ in range(2):
        Ledger.open(tmp_path / "ledger.sqlite").close()
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        assert ["no FTS5" in event.data["text"] for event in ledger.events(kinds=["note"])] == [True]


def test_what_was_written_without_fts5_is_found_with_it(tmp_path, monkeypatch):
    with monkeypatch.context() as without:
        without.setattr(fulltext, "is_there", lambda database: False)
        taught(tmp_path / "ledger.sqlite").close()
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        assert ledger._row("SELECT count(*) FROM recall_index") == (4,)
        assert found(ledger, "layer") == [4]


def test_a_ledger_of_an_earlier_version_is_filled(tmp_path, monkeypatch):
    path = tmp_path / "ledger.sqlite"
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        earlier.setattr(Ledger, "_prepare", lambda self: None)
        Ledger.open(path).close()
    raw = sqlite3.connect(path)
    raw.execute("INSERT INTO findings VALUES (1, 'the baseline', '{}'), (2, 'wider: discard', '{}')")
    raw.execute(
        "INSERT INTO proposals (id, epoch, title, hypothesis, agent, base, units, status, reason, time) "
        "VALUES ('p2', 1, 'wider', '', 'a', 1, '{\"model\": \"x\"}', 'ran', '', 0), "
        "('p3', 1, 'deeper', '', 'a', 1, '{\"model\": \"y\"}', 'skipped', 'too slow', 1)"
    )
    raw.execute(
        "INSERT INTO iterations (number, epoch, proposal, title, agent, base, hypothesis, time) "
        "VALUES (2, 1, 'p2', 'wider', 'a', 1, 'more room', 0)"
    )
    raw.commit()
    raw.close()
    with Ledger.open(path, read_only=True) as reader:
        assert reader.matching("wider", 3) == [], "a ledger that may not be migrated is read as it is"
        assert reader.remembered(1).runs == 0
    with Ledger.open(path) as ledger:
        assert found(ledger, "room") == [2]
        assert found(ledger, "baseline") == [1]
        (hit,) = ledger.matching("slow", 3)
        assert hit.finding == Finding(None, "deeper: skipped by the person (too slow)")
        assert (hit.epoch, hit.base) == (1, 1)
        assert {hit.units for hit in ledger.matching("model", 5)} >= {("model",)}


def test_why_a_person_skipped_something_is_found(tmp_path):
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.propose(Proposal("wider", {"model": "x"}, "more room", "a", 1, "p1"), 1, review=True)
        ledger.refuse("p1", "skipped", "memory is short")
        (hit,) = ledger.matching("memory", 3)
        assert hit.finding.text == "wider: skipped by the person (memory is short)"


WITHOUT_BLANKS = (
    Finding(1, "把学习率降到0.1：没有变好"),
    Finding(2, "wider layers: discard"),
    Finding(3, "學習率のウォームアップを長くする: keep", {"units": ["model"]}),
    Finding(4, "增加预热步数，学习更稳", {"units": ["调度器"]}),
    Finding(5, "使用LR调度器：崩溃"),
)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("学习率", [1, 4]),
        ("学习", [1, 4]),
        ("率", [1, 3]),
        ("ウォームアップ", [3]),
        ("アップ", [3]),
        ("调度器", [4, 5]),
        ("LR", [5]),
        ("lr的调度", [4, 5]),
        ("预热 layers", [2, 4]),
        ("习学", []),
        ("优化", []),
    ],
)
def test_a_part_of_what_is_written_without_blanks_is_found(text, numbers, tmp_path, monkeypatch):
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        with ledger._write("test") as database:
            for finding in WITHOUT_BLANKS:
                store_finding(database, finding)
        assert sorted(found(ledger, text)) == numbers
        monkeypatch.setattr(fulltext, "is_there", lambda database: False)
        assert sorted(found(ledger, text)) == numbers, "without FTS5"


def test_of_what_is_written_without_blanks_the_closest_comes_first(tmp_path):
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        with ledger._write("test") as database:
            for finding in (*WITHOUT_BLANKS, *(Finding(number, "another thing") for number in range(6, 12))):
                store_finding(database, finding)
            store_finding(database, Finding(12, "学习"))
            store_finding(database, Finding(12, "批量大小"))
        assert found(ledger, "学习率") == [1, 4]
        assert found(ledger, "批量") == [12], "what it replaced is not found any more"


def test_the_rank_of_other_text_is_what_it_was(tmp_path):
    """A text's length counts for its rank: what the second index holds is not to make any longer in the first."""
    rng = random.Random(7)
    vocabulary = ["learning", "rate", "layer", "warmup", "decay", "学习率", "把学习率降到", "预热步数增加以后学习更稳"]
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        with ledger._write("test") as database:
            for number in range(1, 300):
                store_finding(database, Finding(number, " ".join(rng.choices(vocabulary, k=rng.randrange(1, 30)))))
        for text in ("warmup", "rate layer", "decay of the learning rate"):
            asked = " OR ".join(f'"{word}"' for word in text.split())
            before = ledger._rows(
                "SELECT rowid FROM recall_index WHERE recall_index MATCH ? "
                "ORDER BY bm25(recall_index, 1.0, 2.0, 0.5), rowid DESC LIMIT 300",
                (asked,),
            )
            assert [(number,) for number in found(ledger, text, limit=300)] == before


def test_a_ledger_with_the_first_index_alone_is_searched_as_it_is_and_gets_the_second(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with taught(path) as ledger, ledger._write("test") as database:
        store_finding(database, Finding(5, "把学习率降到0.1"))
        database.execute("DROP TABLE recall_signs")
    with Ledger.open(path, read_only=True) as reader:
        assert found(reader, "layer") == [4], "by the index that is there"
        assert found(reader, "学习率") == [5], "by counting"
    with Ledger.open(path) as ledger:
        assert ledger._row("SELECT count(*) FROM recall_signs") == (5,)
        assert found(ledger, "学习率") == [5]
