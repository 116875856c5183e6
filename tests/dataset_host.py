"""A host of data sets on this machine, as obliging or as bad as a test wants it."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Host:
    """Serves `files` (path → bytes). What else it does is set by the attributes, each of which a test may change.

    `cuts`: of the next answers, after how many bytes the connection is cut (None: not). `statuses`: what the next
    answers are instead. `ranges`: whether it honours them. `tags`: whether it marks versions. `linked`: whether a
    redirect names the checksum, as a hub's does, and `stated` the one it names (None: the true one). `wrong`: how many
    of the next answers have a byte that is false. `pause_s`: the wait before each block. `seen`: (path, Range, status).
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: list[int | None] = []
        self.statuses: list[int] = []
        self.ranges = self.tags = True
        self.linked = False
        self.stated: str | None = None
        self.wrong = 0
        self.pause_s = 0.0
        self.seen: list[tuple[str, str | None, int]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"host": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    host: Host

    def do_GET(self) -> None:
        host, path = self.host, self.path.removeprefix("/store")
        if host.statuses:
            return self.ended(host.statuses.pop(0), Retry_After="0")
        if path not in host.files:
            return self.ended(404)
        content = host.files[path]
        sha = hashlib.sha256(content).hexdigest()
        if host.linked and path == self.path:
            named = {"X_Linked_ETag": f'"{host.stated or sha}"', "X_Linked_Size": str(len(content))}
            return self.ended(302, Location=f"{host.url}/store{path}", **named)
        return self.sent(content, f'"v-{sha[:10]}"')

    def ended(self, status: int, **headers: str) -> None:
        self.host.seen.append((self.path, self.headers["Range"], status))
        self.send_response(status)
        for name, value in {"Content_Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def sent(self, content: bytes, tag: str) -> None:
        host, first = self.host, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if asked and host.ranges and self.headers["If-Range"] in (None, tag):
            first = int(asked[1])
            if first >= len(content):
                return self.ended(416)
        status = 206 if first else 200
        host.seen.append((self.path, self.headers["Range"], status))
        body = bytearray(content[first:])
        if host.wrong:
            host.wrong -= 1
            body[len(body) // 2] ^= 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if host.tags:
            self.send_header("ETag", tag)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.blocks(bytes(body), host.cuts.pop(0) if host.cuts else None)
        return None

    def blocks(self, body: bytes, cut: int | None) -> None:
        for start in range(0, len(body), 65_536):
            time.sleep(self.host.pause_s)
            end = min(start + 65_536, len(body) if cut is None else cut)
            try:
                self.wfile.write(body[start:end])
            except OSError:
                return
            if cut is not None and end >= cut:
                self.close_connection = True
                return

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()
