"""Corpora: split by document, the same every time, written whole or not at all, and labelled."""

import hashlib
import itertools
import json
import lzma
import re
import sysconfig
from pathlib import Path

import pytest

from autoloop_kernel.scoring import corpora
from autoloop_kernel.scoring.corpora import EVERY, CorpusError, library, split, write

SPEECHES = {f"{1790 + i}_somebody": f"Address number {i}.\nFellow citizens, é." for i in range(60)}


@pytest.fixture
def packed(tmp_path, monkeypatch):
    path = tmp_path / "sotu.json.xz"
    path.write_bytes(lzma.compress(json.dumps(SPEECHES).encode()))
    monkeypatch.setattr(corpora, "PACKED", path)
    return path


def test_writes_training_part_sealed_part_and_label(packed, tmp_path):
    paths = write("english", tmp_path / "arena")
    assert [path.relative_to(tmp_path / "arena").as_posix() for path in paths] == [
        "data/train.txt",
        "sealed/val.txt",
        "sealed/holdout.txt",
        "data/SOURCE.txt",
    ]
    train, searched, held_out, label = (path.read_text(encoding="utf-8") for path in paths)
    numbers = [set(re.findall(r"Address number (\d+)", part)) for part in (train, searched, held_out)]
    assert [len(part) for part in numbers] == [60 - 60 // EVERY, 3, 2]
    assert len(set.union(*numbers)) == 60, "no document is in two parts"
    digest = hashlib.sha256("".join(SPEECHES[name] for name in sorted(SPEECHES)).encode()).hexdigest()
    assert digest in label
    assert "public domain" in label
    assert ", sealed" in label
    assert "FALLBACK" not in label
    assert {path.name for path in (tmp_path / "arena").rglob("*")} == {
        *("data", "sealed", "train.txt", "val.txt", "holdout.txt", "SOURCE.txt")
    }


def test_writing_again_changes_nothing_and_different_files_are_left_alone(packed, tmp_path):
    paths = write("english", tmp_path)
    assert write("english", tmp_path) == paths
    paths[1].write_text("mine")
    with pytest.raises(CorpusError, match=r"val\.txt exists already"):
        write("english", tmp_path)
    assert paths[1].read_text() == "mine"


def test_a_symbolic_link_in_the_way_is_not_followed(packed, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.txt").symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(CorpusError, match="exists already"):
        write("english", tmp_path)
    assert not (tmp_path / "elsewhere.txt").exists()


def test_an_unknown_corpus_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(CorpusError, match="english, library"):
        write("klingon", tmp_path)


def test_without_the_packed_corpus_the_library_stands_in_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(corpora, "PACKED", tmp_path / "nothing.xz")
    train, held_out, _, label = write("english", tmp_path)
    assert train.stat().st_size + held_out.stat().st_size < 11.1e6
    assert held_out.stat().st_size > 2e5
    text = label.read_text()
    assert text.startswith("FALLBACK")
    assert "unsealed" in text


def test_a_broken_packed_corpus_is_no_reason_to_fall_back_silently(packed, tmp_path):
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(CorpusError, match="install Autoloop again"):
        write("english", tmp_path)


def test_split_is_by_document_even_over_the_years_and_without_doubles():
    documents = {f"{year}": f"text {year}".encode() for year in range(1800, 1920)} | {"1919b": b"text 1850 "}
    training, held_out = split(documents)
    assert split(dict(reversed(documents.items()))) == (training, held_out)
    assert not set(training.values()) & set(held_out.values())
    assert len(training) + len(held_out) == 120
    years = sorted(map(int, held_out))
    assert {later - earlier for earlier, later in itertools.pairwise(years)} == {EVERY}


def test_the_library_is_made_of_files_of_this_python_and_nothing_installed_besides():
    corpus = library()
    root = Path(sysconfig.get_path("stdlib"))
    assert not corpus.sealed
    assert "argparse.py" in corpus.documents
    assert corpus.documents["argparse.py"] == (root / "argparse.py").read_bytes()
    assert not any("site-packages" in name for name in corpus.documents)
    assert list(corpus.documents) == sorted(corpus.documents)


def test_a_python_without_sources_is_said_plainly(tmp_path):
    with pytest.raises(CorpusError, match="no sources"):
        library(tmp_path)
