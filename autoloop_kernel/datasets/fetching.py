"""One file from a host into a folder: resumed after a cut, checked, and never half there under its final name.

What has come lies in `NAME.part`, and `NAME.part.json` says which version of the file it belongs to. A later call, in
another process too, asks for the rest with `Range` and `If-Range` (RFC 9110, sections 13.1.5 and 14.2), so that a file
that has changed meanwhile comes anew as a whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import IO, Any

from autoloop_kernel import __version__
from autoloop_kernel.durable import sync_folder, write_atomic

ATTEMPTS = 6
"""How often in a row the host may fail without a byte more having come."""

ABSENT = 3
"""How often in a row it may not be reached at all: most often there is no network, and a person waits."""

WAIT_S = 1.0
"""The wait before the second attempt; each further one waits twice as long, `LONGEST_S` at most."""

LONGEST_S = 60.0
SILENCE_S = 30.0
BLOCK = 1 << 18
PASSING = {408, 425, 429, 500, 502, 503, 504}

Progress = Callable[[int, int | None], None]
"""Hears how many bytes of a file are here, and how many there will be (None: the host does not say)."""


class FetchError(OSError):
    """A file that cannot be had; the text is one plain line. What has come of it stays, for the next call."""


class _Passing(Exception):
    """A failure that another attempt may mend; `wait_s` is what the host asked for, `absent` that it never answered."""

    def __init__(self, what: str, wait_s: float = 0.0, absent: bool = False) -> None:
        super().__init__(what)
        self.wait_s, self.absent = wait_s, absent


@dataclass
class _Told:
    """What the host told of a file: its whole size, its SHA-256, and the mark of this version (for If-Range)."""

    size: int | None = None
    sha256: str | None = None
    mark: str | None = None


@dataclass
class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and remembers what their headers told: a hub names the checksum there, its store does not."""

    heard: list[Message] = field(default_factory=list)

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> Any:
        """As the library's, with the headers kept."""
        self.heard.append(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(
    url: str,
    target: Path,
    progress: Progress = lambda here, whole: None,
    *,
    attempts: int = ATTEMPTS,
    wait_s: float = WAIT_S,
    silence_s: float = SILENCE_S,
) -> Path:
    """Bring the file at `url` to `target` (its folder is made); return `target`. One that is there is not asked for.

    The size is checked, and the SHA-256 where the host states one (`X-Linked-ETag`, or an `ETag` of 64 hex digits).
    A host that is silent for `silence_s`, cuts the connection or answers 5xx or 429 is asked again, after `wait_s` and
    then twice as long each time, until it failed `attempts` times in a row. Raises `FetchError`.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part, failed, spoilt = target.with_name(target.name + ".part"), 0, 0
    with _alone(part) as file:
        while True:
            before = file.seek(0, os.SEEK_END)
            try:
                told = _receive(url, file, part, progress, silence_s)
                break_off = _wrong(file, told)
            except _Passing as error:
                failed = 1 if file.seek(0, os.SEEK_END) > before else failed + 1
                if failed >= (min(attempts, ABSENT) if error.absent else attempts):
                    raise FetchError(f"{_host(url)} {error}; {_kept(part)}") from None
                time.sleep(min(LONGEST_S, max(wait_s * 2 ** (failed - 1), error.wait_s)))
                continue
            if not break_off:
                _finish(file, part, target)
                return target
            _empty(file, part)
            spoilt += 1
            if spoilt > 1:
                raise FetchError(f"{url} came twice with {break_off}: nothing of it is kept; try again later")


@contextmanager
def _alone(part: Path) -> Iterator[IO[bytes]]:
    """The partial file, open for reading and appending, and held against other processes."""
    with open(part, "a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FetchError(f"{part} is being written by another process: wait for it, or end it") from None
        if not part.exists() or not os.path.samestat(os.fstat(file.fileno()), part.stat()):
            raise FetchError(f"{part} has just been finished by another process: start again")
        try:
            yield file
        finally:
            if part.exists() and part.stat().st_size == 0:
                part.unlink()


def _receive(url: str, file: IO[bytes], part: Path, progress: Progress, silence_s: float) -> _Told:
    """Append to `file` what is missing of it, or all anew; raises `_Passing` or `FetchError`."""
    here, mark = file.seek(0, os.SEEK_END), _mark_of(part, url)
    if here and mark is None:
        here = _empty(file, part)
    request = urllib.request.Request(url, headers={"User-Agent": f"autoloop/{__version__}"})
    if here and mark is not None:
        request.add_header("Range", f"bytes={here}-")
        request.add_header("If-Range", mark)
    redirects = _Redirects()
    try:
        with urllib.request.build_opener(redirects).open(request, timeout=silence_s) as answer:
            told = _told(answer, redirects.heard)
            if answer.status != 206 or _first_byte(answer) != here:
                if answer.status == 206:
                    raise _Passing("answers with another part than was asked for")
                here = _empty(file, part)
            if told.mark is not None:
                write_atomic(_notes(part), json.dumps({"url": url, "mark": told.mark}))
            while block := answer.read(BLOCK):
                file.write(block)
                here += len(block)
                progress(here, told.size)
    except urllib.error.HTTPError as error:
        with error:
            _refused(error, url, file, part)
    except urllib.error.URLError as error:
        raise _Passing(f"cannot be reached ({_reason(error)})", absent=True) from None
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _Passing(f"breaks off ({_reason(error)})") from None
    finally:
        file.flush()
    if told.size is not None and here < told.size:
        raise _Passing(f"broke off after {here} of {told.size} bytes")
    return told


def _refused(error: urllib.error.HTTPError, url: str, file: IO[bytes], part: Path) -> None:
    if error.code == 416:  # what lies here is no beginning of what lies there
        _empty(file, part)
        raise _Passing("has another file than the one begun") from None
    if error.code in PASSING:
        asked = error.headers.get("Retry-After", "")
        raise _Passing(f"answers {error.code}", float(asked) if asked.isdigit() else 0.0) from None
    if error.code in (401, 403):
        raise FetchError(
            f"{url} may not be read ({error.code}): is the address right, and open to everybody?"
        ) from None
    raise FetchError(f"{url} is not to be had ({error.code} {error.reason}): check the address") from None


def _told(answer: Any, redirects: list[Message]) -> _Told:
    told = _Told()
    if answer.status == 206:
        whole = re.search(r"/(\d+)$", answer.headers.get("Content-Range", ""))
        told.size = int(whole[1]) if whole else None
    elif answer.headers.get("Content-Length", "").isdigit():
        told.size = int(answer.headers["Content-Length"])
    tag = answer.headers.get("ETag", "")
    told.mark = tag if tag.startswith('"') else answer.headers.get("Last-Modified")  # a weak tag allows no resuming
    for headers in (answer.headers, *redirects):
        for name in ("X-Linked-ETag", "ETag"):
            found = re.fullmatch(r'"?([0-9a-f]{64})"?', headers.get(name, ""))
            told.sha256 = told.sha256 or (found[1] if found else None)
        if told.size is None and headers.get("X-Linked-Size", "").isdigit():
            told.size = int(headers["X-Linked-Size"])
    return told


def _first_byte(answer: Any) -> int | None:
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _wrong(file: IO[bytes], told: _Told) -> str:
    """What is wrong with a file that has come as a whole; empty where nothing is known to be."""
    size = file.seek(0, os.SEEK_END)
    if told.size is not None and size != told.size:
        return f"{size} bytes instead of {told.size}"
    if told.sha256 is None:
        return ""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return "" if digest.hexdigest() == told.sha256 else f"a wrong checksum (SHA-256 should be {told.sha256[:12]}…)"


def _finish(file: IO[bytes], part: Path, target: Path) -> None:
    os.fsync(file.fileno())
    part.replace(target)
    _notes(part).unlink(missing_ok=True)
    sync_folder(target.parent)


def _empty(file: IO[bytes], part: Path) -> int:
    _notes(part).unlink(missing_ok=True)
    file.truncate(0)
    return 0


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _mark_of(part: Path, url: str) -> str | None:
    """The version that a partial file belongs to; None where that is not known, or it came from elsewhere."""
    try:
        notes = json.loads(_notes(part).read_text(encoding="utf-8"))
        return str(notes["mark"]) if notes["url"] == url else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc or url


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", error)
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return " ".join(str(text).split())


def _kept(part: Path) -> str:
    size = part.stat().st_size / 1e6
    return f"{size:.1f} MB are kept, and the same command goes on from there" if size else "try again later"
