"""Documents from shards of a host on this machine, from folders and from the embedded corpus."""

import pyarrow
import pyarrow.parquet as pq
import pytest

from autoloop_kernel.datasets import sources
from autoloop_kernel.datasets.fetching import FetchError
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.scoring import corpora

pytest_plugins = ["dataset_host"]


def table(path, texts, column="text"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pyarrow.table({column: texts}), path, row_group_size=3)
    return path


def texts(start, count):
    return [f"Document {number} says something of its own." for number in range(start, start + count)]


@pytest.fixture
def shards(host, tmp_path):
    """Three shards to train on and the pinned one, number 7, which repeats a document of the first."""
    for number, found in (
        (0, texts(0, 10)),
        (1, texts(10, 10)),
        (2, texts(20, 10)),
        (7, [*texts(90, 6), *texts(3, 1)]),
    ):
        path = table(tmp_path / "made" / f"shard_{number:05d}.parquet", found)
        host.files[f"/{path.name}"] = path.read_bytes()
    return host


def test_shards_come_by_name_and_the_pinned_one_is_held_out(shards, tmp_path):
    heard = []
    found = sources.shards(shards.url, 2, tmp_path / "cache", lambda *told: heard.append(told), last=7)
    assert list(found.train()) == [text for text in texts(0, 20) if text != texts(3, 1)[0]], (
        "what is held out is left out"
    )
    assert list(found.train()) == list(found.train())
    assert found.validation == [*texts(90, 6)[0::2], texts(3, 1)[0]]
    assert found.holdout == texts(90, 6)[1::2]
    assert [path for path, *_ in shards.seen] == [f"/shard_{n:05d}.parquet" for n in (7, 0, 1)]
    size = len(shards.files["/shard_00001.parquet"])
    assert heard[-1] == ("shard_00001.parquet", size, size)
    assert shards.url in found.about
    sources.shards(shards.url, 3, tmp_path / "cache", lambda *told: None, last=7)
    assert len(shards.seen) == 4, "what is there is not fetched again"


def test_a_shard_that_is_missing_is_named(shards, tmp_path):
    del shards.files["/shard_00001.parquet"]
    with pytest.raises(FetchError, match=r"shard_00001\.parquet is not to be had \(404"):
        sources.shards(shards.url, 2, tmp_path / "cache", lambda *told: None, last=7)
    with pytest.raises(AutoloopError, match="there are 7 shards to train on"):
        sources.shards(shards.url, 8, tmp_path / "cache", lambda *told: None, last=7)


def test_a_page_in_place_of_a_shard_is_found_out(shards, tmp_path):
    shards.files["/shard_00007.parquet"] = b"<html>log in first</html>"
    with pytest.raises(AutoloopError, match=r"shard_00007\.parquet cannot be read as parquet"):
        sources.shards(shards.url, 1, tmp_path / "cache", lambda *told: None, last=7)


def test_a_folder_of_tables_holds_the_last_one_out(tmp_path):
    for name, found in (("b", texts(0, 4)), ("c", ["  ", None, *texts(8, 4)]), ("a", texts(4, 4))):
        table(tmp_path / "deep" / f"{name}.parquet", found)
    found = sources.folder(tmp_path)
    assert list(found.train()) == texts(4, 4) + texts(0, 4)
    assert found.validation + found.holdout == [texts(8, 4)[n] for n in (0, 2, 1, 3)]


def test_a_folder_of_texts_is_split_by_what_they_say(tmp_path):
    for number, text in enumerate([*texts(0, 300), *texts(0, 300)]):
        (tmp_path / f"{number}.txt").write_text(text)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    found = sources.folder(tmp_path)
    held_out = {*found.validation, *found.holdout}
    assert {*found.train()} | held_out == {*texts(0, 300)}
    assert not {*found.train()} & held_out, "equal texts are on the same side"
    assert 5 <= len(held_out) <= 30
    assert not {*found.validation} & {*found.holdout}


def test_a_long_text_is_cut_at_blank_lines(tmp_path):
    paragraphs = [f"Paragraph {number}. " + "Words and words. " * 40 for number in range(3000)]
    (tmp_path / "book.txt").write_text("\n\n".join(paragraphs))
    pieces = list(sources.documents_of(tmp_path / "book.txt"))
    assert len(pieces) > 5
    assert [line.strip() for piece in pieces for line in piece.split("\n\n")] == [text.strip() for text in paragraphs]
    assert {*sources.folder(tmp_path).train()} < {*pieces}


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda folder: None, r"holds no \.parquet"),
        (lambda folder: (folder / "a.txt").write_text("one"), "too few documents"),
        (lambda folder: [table(folder / f"{n}.parquet", ["x"], "body") for n in "ab"], "no column `text`, but body"),
        (lambda folder: [(folder / f"{n}.parquet").write_bytes(b"PAR1") for n in "ab"], "cannot be read as parquet"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_in_one_line(tmp_path, made, says):
    made(tmp_path)
    with pytest.raises(AutoloopError, match=says):
        sources.folder(tmp_path)


def test_without_pyarrow_it_says_what_to_install(monkeypatch, tmp_path):
    table(tmp_path / "a.parquet", texts(0, 3))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(AutoloopError, match=r"pip install 'autoloop-kernel\[gpt\]'"):
        list(sources.documents_of(tmp_path / "a.parquet"))


def test_the_embedded_corpus_is_split_as_elsewhere(monkeypatch):
    speeches = {f"{1790 + i}": b"Fellow citizens, said number %d." % i for i in range(48)}
    small = {"english": lambda: corpora.Corpus("Small", "free", "For a test.", speeches)}
    monkeypatch.setattr(corpora, "CORPORA", small)
    found = sources.embedded()
    training, held_out = corpora.split(speeches)
    assert [text.encode() for text in found.train()] == [*training.values()]
    assert [text.encode() for text in found.validation + found.holdout] == [*held_out.values()][0::2] + [
        *held_out.values()
    ][1::2]
    assert found.sealed


def test_the_cache_is_where_the_person_has_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert sources.cache_folder() == tmp_path / "autoloop" / "datasets"
