"""`autoloop data` from a terminal, with a host on this machine."""

import json

import numpy as np
import pyarrow
import pyarrow.parquet as pq
import pytest

from autoloop_kernel.arena.check import check
from autoloop_kernel.arena.templates import new
from autoloop_kernel.datasets import fetching
from autoloop_kernel.scoring import corpora

pytest_plugins = ["dataset_host"]


def texts(word, count):
    return [f"The {word} document, number {number}, is of peace and of war." for number in range(count)]


@pytest.fixture
def arena(tmp_path, monkeypatch):
    """A copy of the bundled arena on a small corpus."""
    speeches = {f"{1790 + number}": text.encode() for number, text in enumerate(texts("first", 60))}
    monkeypatch.setattr(corpora, "CORPORA", {"english": lambda: corpora.Corpus("Small", "free", "A test.", speeches)})
    return new("gpt_pretrain", tmp_path / "game")


def shelf(host, tmp_path):
    for number in (0, 1, 6542):
        path = tmp_path / f"shard_{number:05d}.parquet"
        pq.write_table(pyarrow.table({"text": texts(f"number {number}", 40)}), path)
        host.files[f"/main/{path.name}"] = path.read_bytes()
    return f"{host.url}/main"


def first(arena, name):
    """The first document of a file of bytes."""
    tokens = np.fromfile(arena.parent / name, "<u2")
    return bytes((tokens[1 : np.flatnonzero(tokens == 0)[1]] - 1).astype(np.uint8)).decode()


def test_shards_take_the_place_of_the_small_text(called, arena, host, tmp_path):
    base = shelf(host, tmp_path)
    host.cuts = [500]
    said = called("data", arena, base, "--shards", 2, "--vocab", 257, "--cache", tmp_path / "cache")
    assert "tokens to train on, 257 different ones" in said
    assert (first(arena, "data/train.bin"), first(arena, "sealed/val.bin")) == (
        texts("number 0", 1)[0],
        texts("number 6542", 1)[0],
    )
    (place,) = (tmp_path / "cache").iterdir()
    assert place.name.endswith("-main")
    assert sorted(path.name for path in place.iterdir()) == [f"shard_0{n}.parquet" for n in ("0000", "0001", "6542")]
    assert check(arena) == []


def test_a_folder_then_the_embedded_text_again(called, arena, tmp_path):
    for number, text in enumerate(texts("own", 200)):
        (tmp_path / "texts").mkdir(exist_ok=True)
        (tmp_path / "texts" / f"{number}.txt").write_text(text)
    called("data", arena, tmp_path / "texts", "--vocab", 257)
    assert "own document" in first(arena, "data/train.bin")
    said = called("data", arena, "embedded", "--vocab", 300)
    assert said.startswith("Small: ")
    assert 257 < json.loads((arena.parent / "data/tokens.json").read_text())["vocab_size"] <= 300


def test_a_host_that_fails_is_one_line_and_what_was_there_stays(called, arena, host, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.time, "sleep", lambda seconds: None)
    base, before = shelf(host, tmp_path), (arena.parent / "data/train.bin").read_bytes()
    host.statuses = [503] * 20
    said = called("data", arena, base, "--shards", 1, "--cache", tmp_path / "cache", status=1)
    hint = "try again later (without a network, name a folder of text, or embedded)"
    assert said == f"autoloop: {host.url.removeprefix('http://')} answers 503; {hint}"
    host.statuses = []
    del host.files["/main/shard_00000.parquet"]
    said = called("data", arena, base, "--shards", 1, "--cache", tmp_path / "cache", status=1)
    assert "shard_00000.parquet is not to be had (404" in said
    assert len(said.splitlines()) == 1
    assert (arena.parent / "data/train.bin").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "nowhere is no folder: name one, climbmix, embedded, or an address"),
        (("embedded", "--vocab", "9"), "from 257 to 65536"),
        (("climbmix", "--shards", "0"), "--shards 0"),
        (
            ("embedded", "--shards", "3"),
            "--shards and --cache are for text that is fetched: leave them out for embedded",
        ),
    ],
)
def test_a_wrong_request_is_one_line(called, arena, arguments, says):
    said = called("data", arena, *arguments, status=2)
    assert says in said
    assert len(said.splitlines()) == 1


def test_an_arena_that_reads_no_tokens_is_left_alone(called, tmp_path):
    path = new("function_min", tmp_path)
    said = called("data", path, "embedded", status=2)
    assert (
        said == "autoloop: function_min.ipynb does not read data/tokens.json: this is for arenas such as gpt_pretrain"
    )
    assert [one.name for one in tmp_path.iterdir()] == ["function_min.ipynb"]
