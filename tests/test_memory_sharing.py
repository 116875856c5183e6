"""Iterations and findings shared over real bare git repositories, broken and hostile ones among them."""

import contextlib
import json
import os
import shutil
import subprocess
from dataclasses import replace
from itertools import islice

import psutil
import pygit2
import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, play, scored
from test_memory_remembering import Nothing, model

from autoloop_kernel import cli
from autoloop_kernel.confirming import settle
from autoloop_kernel.exchange import exchange
from autoloop_kernel.loop import Loop
from autoloop_kernel.memory import sharing
from autoloop_kernel.memory.foreign import MESSAGE
from autoloop_kernel.memory.remote import FREE, RemoteFailed, shown
from autoloop_kernel.memory.sharing import Failures, arena_id, origin_of, pull, push
from autoloop_kernel.memory.trailers import message_of
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.records import Direction, Metric, Outcome, Seconds, Verdict
from autoloop_kernel.session import open_session

CRASHES = Outcome(Verdict.CRASH, "out of memory", seconds=Seconds(run=5.0, total=6.0))
WORSE = model(9.0, "WARMUP = 10")
BOOM = model(0.1, "WIDTH = 99")
BETTER = model(1.0)


@pytest.fixture
def remote(tmp_path):
    pygit2.init_repository(str(tmp_path / "remote.git"), bare=True)
    return str(tmp_path / "remote.git")


def made(folder):
    folder.mkdir()
    return open_session(make_sealed_arena(folder))


@pytest.fixture
def one(tmp_path):
    """An arena with a baseline (3), a discard (9), a crash and a keep (1)."""
    with made(tmp_path / "one") as session:
        play(session, (None, scored(3.0)), (WORSE, scored(9.0)), (BOOM, CRASHES), (BETTER, scored(1.0)))
        yield session


@pytest.fixture
def two(tmp_path):
    """Another folder with the same arena, whose baseline has run."""
    with made(tmp_path / "two") as session:
        play(session, (None, scored(3.0)))
        yield session


def name(session):
    return arena_id(session.arena.name, session.arena.rules.metric)


def pushed(session, remote):
    return push(session.lineage, name(session), remote)


def pulled(session, remote):
    return pull(session.ledger, session.lineage, name(session), remote)


def refs(remote):
    return sorted(pygit2.Repository(remote).references)


def shared(session):
    return session.ledger._rows("SELECT number, verdict, state, score, title FROM shared ORDER BY number")


def test_a_failure_found_by_one_is_not_tried_by_the_other(one, two, remote):
    assert pushed(one, remote) == (4, 4)
    found = pulled(two, remote)
    assert (found.new, found.origins, found.unread, found.left) == (4, 1, 0, 0)
    whose = origin_of(one.lineage)[:8]
    agent = Scripted(BOOM, WORSE, {"model": WORSE["model"] + "  # again"})
    with pytest.raises(NothingToRun, match=rf"ran elsewhere, as iteration 2 of {whose} \(by scripted\): discard, 9"):
        Loop(two, Nothing()).iterate(agent)
    reasons = [row.reason for row in two.ledger.proposals("duplicate")]
    assert reasons[0] == f"this code ran elsewhere, as iteration 3 of {whose} (by scripted): crash"
    counted = two.ledger.remembered(1)
    assert (counted.avoided, counted.others) == (3, 3)
    assert counted.seconds == 5.0
    assert agent.heard[0].is_known({**two.units(1), **BOOM}) == 0
    assert two.ledger.remembered(1).avoided == 4, "an agent that asks before it proposes is counted, too"
    (near,) = [each for each in two.search("WIDTH memory") if each.iteration == 3]
    assert (near.origin, near.expired) == (whose, "")
    assert "out of memory" in near.text
    assert near.numbers["units"] == ["model"]


def test_what_others_found_is_read_before_anything_has_run_here(one, remote, tmp_path, capsys):
    pushed(one, remote)
    with made(tmp_path / "new") as fresh:
        pulled(fresh, remote)
        (found,) = [each for each in fresh.search("WIDTH memory") if each.iteration == 3]
        assert found.expired == "of a game that may be another: nothing has run here yet"
        path = fresh.path
    assert cli.main(["findings", str(path)]) == 0
    assert "no findings of its own yet; to search the 4 of others, say what about" in " ".join(
        capsys.readouterr().out.split()
    )


def test_what_may_be_a_gain_here_may_run_here(one, two, remote):
    pushed(one, remote)
    pulled(two, remote)
    machine = Machine(scored(1.0))
    ended = Loop(two, machine).iterate(Scripted(BETTER))
    assert (ended.number, str(ended.verdict)) == (2, "keep"), "a keep has to be earned here"
    reached = two.ledger.elsewhere(1, two.ledger.code_key(2), Direction.MIN)
    assert reached is not None, "once the champion here is as good it is no gain any more"


def test_what_others_kept_and_refuted_is_not_tried(one, two, remote):
    pushed(one, remote)
    pulled(two, remote)
    key = one.ledger.code_key(4)
    assert two.ledger.elsewhere(1, key, Direction.MIN) is None
    settle(one, 4, "refuted", "it was noise")
    assert pushed(one, remote) == (0, 4)
    assert refs(remote)[-1].endswith(f"{origin_of(one.lineage)}/notes")
    assert pulled(two, remote).new == 0
    assert [row[2] for row in shared(two)] == ["provisional", None, None, "refuted"]
    other = two.ledger.elsewhere(1, key, Direction.MIN)
    assert other is not None
    assert other.came == "keep, refuted, 1"
    assert any("refuted by fresh seeds" in each.text for each in two.search("X model", 20))


def test_another_game_has_results_of_its_own(one, two, remote, tmp_path):
    pushed(one, remote)
    pulled(two, remote)
    two.ledger.epoch("another game", {})
    assert two.ledger.elsewhere(2, one.ledger.code_key(3), Direction.MIN) is None
    assert {each.expired for each in two.search("WIDTH") if each.origin} == {
        "of epoch 1, another game: its score compares with none of today's"
    }
    with made(tmp_path / "three") as fresh:
        assert pulled(fresh, remote).new == 4, "an arena that never ran may take in what others learnt"
        assert {each.expired for each in fresh.search("WIDTH")} == {
            "of a game that may be another: nothing has run here yet"
        }


def test_refs_are_where_they_belong_and_both_ways_work(one, two, remote):
    pushed(one, remote)
    pushed(two, remote)
    mine, theirs = origin_of(one.lineage), origin_of(two.lineage)
    prefix = f"refs/autoloop/{name(one)}"
    expected = [*(f"{prefix}/{mine}/{n:04d}" for n in (1, 2, 3, 4)), f"{prefix}/{theirs}/0001"]
    assert refs(remote) == sorted(expected)
    assert pulled(one, remote).new == 1
    assert pulled(one, remote).new == 0
    assert pushed(one, remote) == (0, 4)
    assert not [ref for ref in one.lineage._git.references if "autoloop" in ref], "the lineage stays one's own"


def test_a_copy_of_a_folder_shares_under_a_name_of_its_own(one, remote, tmp_path):
    pushed(one, remote)
    shutil.copytree(one.path.parent, tmp_path / "copy")
    with open_session(tmp_path / "copy" / one.path.name) as copy:
        assert origin_of(copy.lineage) == origin_of(one.lineage)
        play(copy, (model(2.0), scored(2.0)))
        play(one, (model(2.5), scored(2.5)))
        assert pushed(one, remote) == (1, 5)
        assert pushed(copy, remote) == (5, 5)
        assert origin_of(copy.lineage) != origin_of(one.lineage)
        assert pulled(copy, remote).new == 1, "what is in its own lineage already is nobody else's"


def test_a_rebuilt_ledger_knows_what_others_shared(one, two, remote):
    pushed(one, remote)
    pulled(two, remote)
    before, path, origin = shared(two), two.path, origin_of(two.lineage)
    two.close()
    (path.parent / "game_runs" / "ledger.sqlite").unlink()
    with open_session(path) as rebuilt:
        assert shared(rebuilt) == before
        assert "4 iterations of others from shared.git" in rebuilt.notes
        assert origin_of(rebuilt.lineage) == origin
        assert {each.origin for each in rebuilt.search("WIDTH")} == {origin_of(one.lineage)[:8]}


def hostile(remote, session, lost, number=9, origin="ab" * 6, message=None):
    """A commit at the remote that tells of `lost`, as iteration `number` of another origin."""
    repository = pygit2.Repository(remote)
    who = pygit2.Signature("x", "x@y", 0, 0)
    tree = repository.TreeBuilder().write()
    commit = repository.create_commit(None, who, who, message or message_of(lost), tree, [])
    repository.references.create(f"refs/autoloop/{name(session)}/{origin}/{number:04d}", commit)


def test_what_others_say_is_made_plain_and_bounded(one, remote):
    lost = one.lineage.record_of(3)
    evil = "<script>alert(1)</script> `rm` \u202eevil\x1b[31m " + "long " * 5000
    it = replace(lost.iteration, number=9, title=evil, agent=evil, reason=evil, commit=None, attempts=())
    numbers = {
        "units": [evil, 3],
        "facts": {"a": evil},
        "score": "x",
        "effect": {"gain": [1, 2, "3"]},
        "dollars": 1e999,
    }
    finding = replace(lost.finding, iteration=9, text=evil, numbers=numbers)
    hostile(remote, one, replace(lost, iteration=it, finding=finding))
    assert pulled(one, remote).unread == 1, "what is longer than any honest message is left out"
    short = replace(it, title=evil[:300], agent=evil[:300], reason="")
    hostile(remote, one, replace(lost, iteration=short, finding=replace(finding, text=evil[:3000])), origin="cd" * 6)
    assert pulled(one, remote).new == 1
    row = one.ledger._row("SELECT title, agent, text, numbers FROM shared")
    for text in row:
        assert not set("<>`\u202e\x1b\n") & set(text)
    assert [len(text) for text in row[:3]] == [160, 60, 800]
    assert set(json.loads(row[3])) == {"score", "base", "units"}


def test_what_cannot_be_read_is_left_out_and_counted(one, remote):
    lost = one.lineage.record_of(3)
    at = replace(lost.iteration, number=9)
    hostile(remote, one, replace(lost, iteration=at), number=8)
    hostile(remote, one, replace(lost, iteration=replace(at, number=10, verdict=None)), number=10)
    hostile(remote, one, replace(lost, iteration=replace(at, number=11, score=float("inf"))), number=11)
    hostile(remote, one, None, number=12, message="no iteration of ours")
    hostile(remote, one, None, number=13, message="x" * (MESSAGE + 1))
    deep = message_of(replace(lost, iteration=replace(at, number=14), finding=None)) + "Finding: " + "[" * 60_000
    hostile(remote, one, None, number=14, message=deep)
    hostile(remote, one, replace(lost, iteration=at), number=9)
    found = pulled(one, remote)
    assert (found.new, found.unread) == (1, 6)
    assert [row[0] for row in shared(one)] == [9]


def test_a_broken_remote_gives_one_line_and_leaves_nothing(one, two, remote, tmp_path):
    pushed(one, remote)
    broken = next(path for path in (tmp_path / "remote.git" / "objects").glob("*/*") if path.parent.name != "pack")
    for path in (tmp_path / "remote.git" / "objects").glob("[0-9a-f][0-9a-f]/*"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-5])
    assert broken.exists()
    with pytest.raises(RemoteFailed) as caught:
        pulled(two, remote)
    assert "\n" not in str(caught.value)
    assert shared(two) == []
    place = two.lineage.path.parent / "shared.git"
    assert list(pygit2.Repository(str(place)).references) == []
    assert not list(place.glob("objects/pack/tmp_*"))


def test_an_origin_that_is_broken_keeps_nobody_from_the_others(one, two, remote, tmp_path):
    pushed(one, remote)
    repository = pygit2.Repository(remote)
    who = pygit2.Signature("x", "x@y", 0, 0)
    for origin in ("0a" * 6, "ff" * 6):
        blob = repository.create_blob(origin.encode())
        index = pygit2.Index()
        index.add(pygit2.IndexEntry("x", blob, pygit2.enums.FileMode.BLOB))
        commit = repository.create_commit(None, who, who, "x", index.write_tree(repository), [])
        repository.references.create(f"refs/autoloop/{name(one)}/{origin}/0007", commit)
        (tmp_path / "remote.git" / "objects" / str(blob)[:2] / str(blob)[2:]).unlink()
    found = pulled(two, remote)
    assert (found.new, found.origins, found.unread) == (4, 1, 2)
    assert pulled(two, remote).new == 0
    for number in (1, 2, 3, 4):
        repository.references.delete(f"refs/autoloop/{name(one)}/{origin_of(one.lineage)}/{number:04d}")
    with pytest.raises(RemoteFailed):
        pulled(two, remote)
    with pytest.raises(RemoteFailed):
        exchange(two, remote, FREE)
    assert f"refs/autoloop/{name(two)}/{origin_of(two.lineage)}/0001" in refs(remote), "sent all the same"


@pytest.fixture
def fetches(monkeypatch):
    """How often git was asked to fetch."""
    made, git = [], sharing.git

    def counted(place, what, *rest, **more):
        made.extend([what] if what == "fetch" else [])
        return git(place, what, *rest, **more)

    monkeypatch.setattr(sharing, "git", counted)
    return made


def test_a_driver_does_not_fetch_what_is_broken_at_every_pull(one, two, remote, tmp_path, fetches, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(sharing, "monotonic", lambda: clock[0])
    repository, failures = pygit2.Repository(remote), Failures()
    who = pygit2.Signature("x", "x@y", 0, 0)
    blob = repository.create_blob(b"gone")
    tree = repository.TreeBuilder()
    tree.insert("x", blob, pygit2.enums.FileMode.BLOB)
    commit = repository.create_commit(None, who, who, "x", tree.write(), [])
    (tmp_path / "remote.git" / "objects" / str(blob)[:2] / str(blob)[2:]).unlink()
    repository.references.create(f"refs/autoloop/{name(one)}/{'0a' * 6}/0007", commit)

    def again(after_s=0):
        clock[0] += after_s
        fetches.clear()
        return pull(two.ledger, two.lineage, name(two), remote, FREE, failures)

    counts = []
    for after_s in (0, 60, 61, 180, 61, 9999, 9999, 9999, 3599, 2):
        with pytest.raises(RemoteFailed):
            again(after_s)
        counts.append(len(fetches))
    assert counts == [1, 0, 1, 0, 1, 1, 1, 1, 0, 1], "after two minutes, four, and so on, an hour at most"
    pushed(one, remote)
    assert (again().new, len(fetches)) == (4, 1), "others are asked as before"
    assert pulled(two, remote).unread == 1
    assert len(fetches) == 2, "a person's own pull tries it"


def test_what_is_here_and_cannot_be_read_or_is_ones_own_is_not_fetched_again(one, two, remote, fetches, monkeypatch):
    hostile(remote, one, None, number=12, message="no iteration of ours")
    pushed(one, remote)
    (one.lineage.path / "autoloop-origin").write_text("0a" * 6 + "\n", encoding="utf-8")
    assert pulled(one, remote).unread == 1
    fetches.clear()
    monkeypatch.setattr(sharing, "MOST", 1)
    assert (pulled(one, remote).unread, pulled(one, remote).left, fetches) == (1, 0, [])
    pushed(two, remote)
    assert pulled(one, remote).new == 1, "what is not new keeps nobody's place"


def loose(place):
    return [path for path in place.glob("refs/autoloop/*/*/*") if path.is_file()]


@pytest.mark.parametrize(
    "harm",
    [
        shutil.rmtree,
        lambda place: shutil.rmtree(place / "refs"),
        lambda place: (place / "HEAD").write_text(""),
        lambda place: [shutil.rmtree(folder) for folder in (place / "objects").iterdir()],
        lambda place: [path.write_text("") for path in loose(place)],
        lambda place: [(os.utime(shutil.copy(path, f"{path}.lock"), (1, 1)), path.unlink()) for path in loose(place)],
    ],
)
def test_what_was_fetched_is_fetched_again_where_it_was_harmed(one, two, remote, harm):
    pushed(one, remote)
    assert pulled(two, remote).new == 4
    place = two.lineage.path.parent / "shared.git"
    harm(place)
    with two.ledger._write("loss") as database:
        database.execute("DELETE FROM shared")
    for _ in range(2):  # what a fetch stumbles over is gone at the next one
        with contextlib.suppress(RemoteFailed):
            pulled(two, remote)
    assert pulled(two, remote).unread == 0
    own = [one.lineage.commit_of(number) for number in one.lineage.numbers()]
    held = pygit2.Repository(str(place))
    assert all(isinstance(held[commit].peel(pygit2.Tree), pygit2.Tree) for commit in own)
    assert len(shared(two)) == 4


def test_a_tree_of_notes_that_never_ends_is_left(two, monkeypatch):
    repository = pygit2.Repository(str(two.lineage.path))
    below, mode = repository.create_blob(b"State: confirmed"), pygit2.enums.FileMode.BLOB
    for _ in range(20):
        tree = repository.TreeBuilder()
        for number in range(8):
            tree.insert(f"{number:02x}", below, mode)
        below, mode = tree.write(), pygit2.enums.FileMode.TREE
    monkeypatch.setattr(sharing, "NOTES", 1000)
    assert 0 < len(list(islice(sharing._noted(repository[below]), 2000))) < 1000


def test_looking_at_what_was_shared_takes_no_memory_that_stays(two):
    place = two.lineage.path.parent / "shared.git"
    repository = pygit2.init_repository(str(place), bare=True)
    blob = repository.create_blob(b"no iteration")
    refs = "".join(f"{blob} refs/autoloop/{name(two)}/{'ab' * 6}/{number:04d}\n" for number in range(1, 3001))
    (place / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{refs}")

    def rss():
        return psutil.Process().memory_info().rss

    for _ in range(3):
        assert sharing.take_in(two.ledger, two.lineage, place).unread == 3000
    before = rss()
    for _ in range(25):
        sharing.take_in(two.ledger, two.lineage, place)
    assert rss() - before < 4 << 20


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        ("/nowhere/at/all.git", "does not appear to be a git repository|does not exist"),
        ("--upload-pack=touch /tmp/x", "is no remote"),
        ("ext::sh -c 'echo boom'", "is no remote"),
        ("", "is no remote"),
    ],
)
def test_what_is_no_remote_is_refused_in_one_line(one, remote, words):
    for action in (pushed, pulled):
        with pytest.raises(RemoteFailed, match=words) as caught:
            action(one, remote)
        assert "\n" not in str(caught.value)


def test_a_password_in_an_address_is_not_shown(one):
    with pytest.raises(RemoteFailed) as caught:
        pulled(one, "https://me:secret@127.0.0.1:1/x.git")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("remote", "told"),
    [
        ("https://me:secret@host/x.git", "https://host/x.git"),
        ("https://token@host/x.git", "https://host/x.git"),
        ("ssh://me:secret@host/x.git", "ssh://host/x.git"),
        ("ssh://me@host:22/x.git", "ssh://me@host:22/x.git"),
        ("git@host:team/x.git", "git@host:team/x.git"),
    ],
)
def test_an_address_is_told_with_its_plain_user_and_without_its_keys(remote, told):
    assert shown(remote) == told


def test_what_came_from_each_is_told_with_what_they_keep(one, two, remote):
    """The findings of all that ran, and the last keep that stands; a baseline alone is no champion."""
    pushed(one, remote)
    pushed(two, remote)
    pulled(two, remote)
    pulled(one, remote)
    assert [(taken.findings, taken.champion) for taken in one.ledger.sharing().whose] == [(1, None)]
    (taken,) = two.ledger.sharing().whose
    every = one.ledger.iterations()
    kept = [it for it in every if it.verdict is Verdict.KEEP and it.state != "refuted" and it.base is not None]
    assert (taken.origin, taken.findings) == (origin_of(one.lineage), len(every))
    assert (taken.champion, taken.title, taken.score) == (kept[-1].number, kept[-1].title, kept[-1].score)
    assert taken.state == "provisional"


def test_the_git_program_is_needed_and_asked_for(one, remote, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RemoteFailed, match="install git"):
        pushed(one, remote)


def test_an_arena_is_known_by_its_name_and_metric():
    metric = Metric("loss", Direction.MIN)
    assert arena_id("a b/c", metric) == arena_id("a b/c", metric)
    assert arena_id("a b/c", metric).startswith("a-b-c-")
    assert len({arena_id("a", metric), arena_id("b", metric), arena_id("a", Metric("loss", Direction.MAX))}) == 3
    subprocess.run(["git", "check-ref-format", f"refs/autoloop/{arena_id('a..b~^:?*[ü', metric)}/x"], check=True)
