"""Where documents come from: shards of a public data set, a folder of files, or the text that Autoloop brings along."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoloop_kernel.datasets.fetching import fetch
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.scoring import corpora

CLIMBMIX = "https://huggingface.co/datasets/karpathy/climbmix-400b-shuffle/resolve/main"
"""English web text, shuffled: the data set that karpathy/autoresearch trains on, by its prepare.py."""

LAST_SHARD = 6542
"""The number of its last shard, which is the validation shard there and here."""

HELD_OUT_DOCUMENTS = 20_000
"""How many documents of a validation shard are used, for validation and holdout by turns."""

EVERY = 20  # one document in about this many of a folder is held out
LONG = 1 << 16  # a longer text file is cut into documents at blank lines
PIECE = 1 << 14
TEXTS = {".txt", ".md", ".rst", ".text"}

Told = Callable[[str, int, int | None], None]
"""Hears the name of a file that is being fetched, how many of its bytes are here, and how many there will be."""


@dataclass(frozen=True)
class Documents:
    """A text in documents: `train()` gives those to train on, anew at each call; the others are held out.

    `title` is one line, `about` says where it is from and how it was split, `sealed` whether the held-out documents
    are out of a candidate's reach elsewhere on this machine.
    """

    title: str
    about: str
    train: Callable[[], Iterator[str]]
    validation: list[str]
    holdout: list[str]
    sealed: bool = True


def embedded(name: str = "english") -> Documents:
    """The corpus that comes with Autoloop; nothing is fetched."""
    corpus = corpora.CORPORA[name]()
    training, held_out = corpora.split(corpus.documents)
    texts = [text.decode("utf-8", "replace") for text in held_out.values()]
    about = f"Licence: {corpus.licence}\n{corpus.note}\nSHA-256 of all documents by name: {corpus.sha256}"

    def train() -> Iterator[str]:
        return (text.decode("utf-8", "replace") for text in training.values())

    return Documents(corpus.title, about, train, texts[0::2], texts[1::2], corpus.sealed)


def shards(base: str, count: int, cache: Path, told: Told, last: int = LAST_SHARD) -> Documents:
    """The first `count` shards below the address `base`, and shard `last`, which is held out; fetched into `cache`.

    Shards are named `shard_00000.parquet` and so on. Raises `FetchError`, and `AutoloopError` for a `count` that is
    none.
    """
    if not 1 <= count <= last:
        raise AutoloopError(f"--shards {count}: there are {last} shards to train on, name a number from 1 to that")
    parquet()
    names = [f"shard_{number:05d}.parquet" for number in (last, *range(count))]
    paths = []
    for name in names:
        url = f"{base.rstrip('/')}/{name}"
        paths.append(fetch(url, cache / name, lambda here, whole, name=name: told(name, here, whole)))  # type: ignore[misc]
    about = f"From {base}\nTraining: {count} shards, from {names[1]} on; held out: documents of {names[0]}, pinned"
    return _split_by_file(paths[1:], paths[0], base.rsplit("/resolve/", 1)[0], about)


def folder(path: Path) -> Documents:
    """The documents of the parquet files below `path` (the last by name is held out), or else of its text files.

    A parquet file holds a document a row, in its column `text`; a text file is one document, cut at blank lines where
    it is long, and about one in twenty is held out, by its hash. Raises `AutoloopError` where there is neither.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    tables = [file for file in files if file.suffix == ".parquet"]
    texts = [file for file in files if file.suffix.lower() in TEXTS]
    if len(tables) > 1:
        about = f"Training: {len(tables) - 1} parquet files of {path}; held out: documents of {tables[-1].name}, pinned"
        return _split_by_file(tables[:-1], tables[-1], str(path), about)
    if not tables and not texts:
        raise AutoloopError(f"{path} holds no .parquet, .txt, .md or .rst file: name a folder that does")
    return _split_by_hash(tables or texts, path)


def _split_by_file(training: list[Path], pinned: Path, title: str, about: str) -> Documents:
    held_out = []
    for text in documents_of(pinned):
        held_out.append(text)
        if len(held_out) == HELD_OUT_DOCUMENTS:
            break
    known = {_hash(text) for text in held_out}

    def train() -> Iterator[str]:
        return (text for path in training for text in documents_of(path) if _hash(text) not in known)

    return _checked(Documents(title, about, train, held_out[0::2], held_out[1::2]))


def _split_by_hash(files: list[Path], path: Path) -> Documents:
    def part(held_out: bool) -> Iterator[str]:
        texts = (text for file in files for text in documents_of(file))
        return (text for text in texts if (_hash(text) % EVERY == 0) is held_out)

    kept = list(dict.fromkeys(part(True)))
    about = f"{len(files)} files of {path}; about one document in {EVERY} is held out, by its hash"
    return _checked(Documents(str(path), about, lambda: part(False), kept[0::2], kept[1::2]))


def _checked(documents: Documents) -> Documents:
    if not documents.validation or not documents.holdout or next(documents.train(), None) is None:
        raise AutoloopError(f"{documents.title} holds too few documents to hold some out: it takes a hundred or more")
    return documents


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def documents_of(path: Path) -> Iterator[str]:
    """The documents of one parquet or text file that are not empty, in their order."""
    texts = _rows(path) if path.suffix == ".parquet" else _pieces(path.read_text(encoding="utf-8", errors="replace"))
    return (text for text in texts if text and not text.isspace())


def _rows(path: Path) -> Iterator[str]:
    pq = parquet()
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if "text" not in names:
                raise AutoloopError(
                    f"{path} has no column `text`, but {', '.join(names)}: rename the one with the text"
                )
            for group in range(file.num_row_groups):
                yield from (text for text in file.read_row_group(group, ["text"])["text"].to_pylist() if text)
    except (OSError, ValueError) as error:  # what pyarrow raises for a file that is none is a ValueError
        raise AutoloopError(f"{path} cannot be read as parquet ({error}): delete it, and fetch it again") from None


def _pieces(text: str) -> Iterator[str]:
    if len(text) <= LONG:
        yield text
        return
    start = 0
    while start < len(text):
        end = text.find("\n\n", start + PIECE)
        end = len(text) if end < 0 else end
        yield text[start:end].strip()
        start = end


def parquet() -> Any:
    """The module `pyarrow.parquet`; raises `AutoloopError` where it is not installed."""
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise AutoloopError("parquet files need pyarrow: pip install 'autoloop-kernel[gpt]'") from None


def cache_folder() -> Path:
    """Where fetched files lie, for all arenas: `autoloop/datasets` in the person's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "autoloop" / "datasets"
