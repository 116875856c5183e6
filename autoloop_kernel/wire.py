"""How questions and answers travel between referee and candidate: raw array bytes behind a small JSON header.

A part of `cells` (and like it standard library and numpy only). Both ends run in kernels that the harness started; what
arrives from the candidate is untrusted: every length, name, dtype and shape is checked before memory is taken, and
nothing is ever unpickled.

One message is an 8-byte magic, a 4-byte little-endian header length, the header (UTF-8 JSON) and then the bytes of each
array it lists, in order, C-contiguous and little-endian. bfloat16 travels as its 16 bits and arrives as float32.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

MAGIC = b"autoloop"
MAX_HEADER = 1 << 20
MAX_ARRAYS = 256
MAX_DIMS = 16
MAX_BYTES = 16 << 30
SINGLE = ""

_PREFIX = struct.Struct("<8sI")
_BITS = {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (16, 32, 64)}
_PLAIN = ["bool", *(f"{kind}{bits}" for kind, sizes in _BITS.items() for bits in sizes)]
DTYPES = {name: np.dtype(name).newbyteorder("<") for name in _PLAIN} | {"bfloat16": np.dtype("<u2")}

Arrays = dict[str, "np.ndarray[Any, Any]"]
Parcel = tuple[list[list[Any]], list["np.ndarray[Any, Any]"]]


class AnswerError(RuntimeError):
    """The candidate's answer cannot be used; the text says why in plain words."""


class AnswerTimeout(AnswerError):
    """The candidate kept silent until the time for scoring was over."""


class AnswerTooLong(AnswerError):
    """All answers together took longer than they may."""


class Silence(Exception):
    """Nothing arrived before the deadline."""


def bytes_and_dtype(value: Any, what: str) -> tuple[np.ndarray[Any, Any], str]:
    """Turn an array-like into a fresh C-contiguous little-endian array and the name of its dtype on the wire.

    Takes numpy arrays and scalars, torch tensors (by their `detach` and `cpu`), Python numbers, and text or bytes
    (which become uint8). Raises `TypeError`, with `what` at the head of its text, for anything else.
    """
    if isinstance(value, str):
        value = value.encode("utf-8")
    if isinstance(value, bytes | bytearray):
        value = np.frombuffer(bytes(value), dtype=np.uint8)
    if callable(getattr(value, "detach", None)) and callable(getattr(value, "cpu", None)):
        value = value.detach().cpu()
        if str(getattr(value, "dtype", "")) == "torch.bfloat16":
            bits = value.contiguous().view(_torch_int16(value)).numpy().view(np.uint16)
            return np.array(bits, dtype="<u2", order="C", copy=True), "bfloat16"
        value = value.resolve_conj().resolve_neg().numpy() if hasattr(value, "resolve_neg") else value.numpy()
    if isinstance(value, bool | int | float):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"{what} is a {type(value).__name__}, not an array (numpy or torch)")
    if value.dtype.name == "bfloat16":
        return np.array(np.asarray(value).view(np.uint16), dtype="<u2", order="C", copy=True), "bfloat16"
    name = value.dtype.name
    if name not in DTYPES:
        raise TypeError(f"{what} has the dtype {value.dtype}; bool, integers, float16 to 64 and bfloat16 can travel")
    if value.ndim > MAX_DIMS:
        raise TypeError(f"{what} has {value.ndim} dimensions; at most {MAX_DIMS} are taken")
    return np.array(value, dtype=DTYPES[name], order="C", copy=True), name


def _torch_int16(tensor: Any) -> Any:
    import sys

    return sys.modules[type(tensor).__module__.split(".")[0]].int16


def widen(array: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """The array as its reader sees it: in native byte order, bfloat16 bits turned into float32."""
    if name == "bfloat16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.dtype(name), copy=False)


def packed(value: Any, what: str) -> Parcel:
    """Turn one array or a dict of named arrays into header entries [name, dtype, shape] and the arrays themselves.

    A single array gets the name "" . Raises `TypeError` with plain words for what is neither.
    """
    named = dict(value) if isinstance(value, Mapping) else {SINGLE: value}
    if len(named) > MAX_ARRAYS:
        raise TypeError(f"{what} has {len(named)} arrays; at most {MAX_ARRAYS} are taken")
    entries, arrays = [], []
    for key, item in named.items():
        if not isinstance(key, str) or (key == SINGLE and isinstance(value, Mapping)):
            raise TypeError(f"{what} has an array named {key!r}; names are texts that are not empty")
        array, name = bytes_and_dtype(item, f"{what} {key!r}" if key else what)
        entries.append([key, name, list(array.shape)])
        arrays.append(array)
    return entries, arrays


def copied(value: Any, what: str) -> Any:
    """What `value` looks like after a journey over the wire: one numpy array, or a dict of them."""
    entries, arrays = packed(value, what)
    named = {key: widen(array, name) for (key, name, _), array in zip(entries, arrays, strict=True)}
    return named[SINGLE] if list(named) == [SINGLE] else named


def send(sock: socket.socket, header: Mapping[str, Any], parcel: Parcel = ([], [])) -> None:
    """Send `header`, and what `packed` made of some arrays as raw bytes behind it.

    Raises `TypeError` for a header that is too long, before anything was sent; `OSError` when the connection is gone.
    """
    entries, arrays = parcel
    raw = json.dumps({**header, "arrays": entries}).encode("utf-8")
    if len(raw) > MAX_HEADER:
        raise TypeError(f"the header has {len(raw)} bytes; at most {MAX_HEADER} are taken")
    sock.sendall(_PREFIX.pack(MAGIC, len(raw)) + raw)
    for array in arrays:
        if array.nbytes:
            sock.sendall(_raw(array))


def _raw(array: np.ndarray[Any, Any]) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8).data)


def receive(sock: socket.socket, deadline: float | None = None, limit: int = MAX_BYTES) -> tuple[dict[str, Any], Any]:
    """Read one message: its header, and what it carried: one array, a dict of arrays, or None.

    `deadline` is on `time.monotonic()`'s clock; past it `Silence` is raised. `limit` bounds the bytes of all arrays.
    Raises `EOFError` when the other end is gone, `ValueError` with plain words for a malformed message.
    """
    magic, length = _PREFIX.unpack(_exactly(sock, _PREFIX.size, deadline))
    if magic != MAGIC or length > MAX_HEADER:
        raise ValueError("it is not in the wire format")
    try:
        header = json.loads(_exactly(sock, length, deadline).decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("its header is no JSON") from None
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    named: Arrays = {}
    for key, name, shape in entries(header, limit):
        array = np.empty(shape, dtype=DTYPES[name])
        if array.nbytes:
            _fill(sock, _raw(array), deadline)
        named[key] = sound(array, name)
    if not named:
        return header, {} if header.get("dict") else None
    return header, named[SINGLE] if list(named) == [SINGLE] else named


def sound(array: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """Bytes that arrived as an array of the dtype `name`, as its reader sees it; `ValueError` where they are none."""
    if name == "bool" and array.size and array.view(np.uint8).max() > 1:
        raise ValueError("a bool array holds bytes that are neither 0 nor 1")
    return widen(array, name)


def entries(header: Mapping[str, Any], limit: int) -> list[tuple[str, str, tuple[int, ...]]]:
    """The checked [name, dtype, shape] entries of an untrusted header; `limit` bounds the bytes of all arrays.

    Raises `ValueError` with plain words for what is malformed or beyond the limit.
    """
    listed, total = header.get("arrays"), 0
    if not isinstance(listed, list) or len(listed) > MAX_ARRAYS:
        raise ValueError("its header lists no arrays")
    checked: list[tuple[str, str, tuple[int, ...]]] = []
    for entry in listed:
        if not isinstance(entry, list) or len(entry) != 3:
            raise ValueError("its header has a malformed array entry")
        key, name, shape = entry
        if not isinstance(key, str) or not isinstance(name, str) or name not in DTYPES:
            raise ValueError(f"it has an array of the unknown dtype {str(name)[:40]!r}")
        if not isinstance(shape, list) or len(shape) > MAX_DIMS or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError("it has an array whose shape is no list of sizes")
        if key in {one for one, _, _ in checked} or (key == SINGLE and len(listed) > 1):
            raise ValueError("it names two arrays alike")
        if max([*shape, 0]) > limit:
            raise ValueError(f"it announces an array of shape {str(shape)[:80]}, beyond the limit of {limit} bytes")
        total += math.prod(shape) * DTYPES[name].itemsize
        if total > limit:
            raise ValueError(f"it announces {total} bytes, beyond the limit of {limit}")
        checked.append((key, name, tuple(shape)))
    return checked


def _exactly(sock: socket.socket, count: int, deadline: float | None) -> bytes:
    buffer = bytearray(count)
    _fill(sock, memoryview(buffer), deadline)
    return bytes(buffer)


def _fill(sock: socket.socket, view: memoryview, deadline: float | None) -> None:
    done = 0
    while done < len(view):
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise Silence
        sock.settimeout(left)
        try:
            count = sock.recv_into(view[done:])
        except TimeoutError:
            raise Silence from None
        except OSError as error:
            raise EOFError(str(error)) from None
        if count == 0:
            raise EOFError("the connection was closed")
        done += count


def too_long(seconds: float, unit: str = "s") -> str:
    """Why a candidate is refused whose answers took more than `seconds` together."""
    return (
        f"its answers took more than {seconds:.3g} {unit} together (answer_s, and what it left of its budget): "
        "what it learns it has to learn before submit()"
    )


class Questions:
    """The referee's end: puts questions to the candidate at `address` and returns its checked answers.

    `address` is a path (Unix socket) or a [host, port] pair; `token` shows the candidate that the harness is asking.
    `answering` is how many seconds all its answers may take together: what it trains while it is asked is billed so.
    """

    def __init__(self, address: Any, token: str, answering: float = math.inf) -> None:
        self._address, self._token = address, token
        self.answering = self._left = answering
        self._sock: socket.socket | None = None
        self._count = 0
        self.deadline: float | None = None
        self._until: float | None = None  # the end of the question that is put: of all, or of what may be answered

    def bill(self, seconds: float) -> None:
        """Count `seconds` among what all answers take together."""
        self._left = max(0.0, self._left - seconds)

    def ask(self, arrays: Mapping[str, Any]) -> Any:
        """Put one question; returns one numpy array or a dict of them.

        Raises `TypeError` for a question that cannot travel, `AnswerTimeout` when the deadline passes in silence,
        `AnswerError` with plain words for everything else that is wrong with the answer, or with how long it took.
        """
        parcel = packed(arrays, "the question")
        self._count += 1
        began = time.monotonic()
        enough = began + self._left
        deadline = enough if self.deadline is None else min(enough, self.deadline)
        try:
            sock = self._connected()
            if select.select([sock], [], [], 0)[0]:
                self._refuse_early_words(sock)
            self._until = None if deadline == math.inf else deadline
            sock.settimeout(None if self._until is None else max(0.001, self._until - time.monotonic()))
            header, value = self._exchange(sock, parcel)
        except (Silence, TimeoutError):
            if deadline == enough:
                raise AnswerTooLong(too_long(self.answering)) from None
            raise AnswerTimeout("the candidate's answer function gave no answer in the time for scoring") from None
        except (EOFError, OSError):
            raise AnswerError("the candidate's process ended or closed its connection while it was asked") from None
        except ValueError as error:
            raise AnswerError(f"the candidate's answer is malformed: {error}") from None
        finally:
            self._left = max(0.0, enough - time.monotonic())
        return self._judged(header, value)

    def _exchange(self, sock: socket.socket, parcel: Parcel) -> tuple[Mapping[str, Any], Any]:
        """Send one question and receive what answers it: header and value."""
        send(sock, {"ask": self._count}, parcel)
        return receive(sock, self._until)

    def _connected(self) -> socket.socket:
        if self._sock is None:
            family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.settimeout(10.0)
            sock.connect(self._address if isinstance(self._address, str) else tuple(self._address))
            send(sock, {"token": self._token})
            self._sock = sock
        return self._sock

    def _refuse_early_words(self, sock: socket.socket) -> None:
        if sock.recv(1, socket.MSG_PEEK) == b"":
            raise EOFError
        raise ValueError("it holds more bytes than it announced, or came before the question")

    def _judged(self, header: Mapping[str, Any], value: Any) -> Any:
        if header.get("ask") != self._count:
            raise AnswerError("the candidate's answer is malformed: it belongs to another question")
        if "error" in header:
            raise AnswerError(one_line(header["error"]))
        if value is None:
            raise AnswerError("the candidate's answer holds no array")
        return value


def listen(path: str | None) -> tuple[socket.socket, Any]:
    """Open the candidate's end: a Unix socket at `path`, or a port of 127.0.0.1 where that cannot be had.

    Returns the listening socket and the address that `Questions` takes.
    """
    if path and hasattr(socket, "AF_UNIX"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.bind(path)
            sock.listen(8)
            return sock, path
        except OSError:
            sock.close()
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    sock.listen(8)
    return sock, list(sock.getsockname())


def serve(
    listener: socket.socket,
    token: str,
    answer: Callable[..., Any],
    send_back: Callable[[socket.socket, Mapping[str, Any], Any], None] | None = None,
) -> None:
    """Answer the referee's questions with `answer(**arrays)`, one connection after the other, for ever.

    `send_back(sock, asked, value)` sends an answer to the question with the header `asked`; without it, `reply` does.
    """
    while True:
        sock, _ = listener.accept()
        with sock:
            try:
                header, _ = receive(sock, time.monotonic() + 5.0, 0)
                if header.get("token") == token:
                    while True:
                        _answer_one(sock, answer, send_back or reply)
            except (EOFError, OSError, ValueError, Silence):
                continue


def _answer_one(
    sock: socket.socket, answer: Callable[..., Any], send_back: Callable[[socket.socket, Mapping[str, Any], Any], None]
) -> None:
    asked, question = receive(sock)
    try:
        value = answer(**(question or {}))
    except BaseException as error:
        text = f"the answer function raised {type(error).__name__}: {error}"
        send(sock, {"ask": asked.get("ask"), "error": one_line(text)})
        return
    sock.settimeout(None)
    send_back(sock, asked, value)


def reply(sock: socket.socket, asked: Mapping[str, Any], value: Any, more: Mapping[str, Any] | None = None) -> None:
    """Send `value` over the socket as the answer to the question with the header `asked`, with `more` in its header."""
    number = asked.get("ask")
    try:
        if value is None:
            raise TypeError("the answer function returned None, not an array")
        parcel = packed(value, "the answer")
    except BaseException as error:
        plain = type(error) is TypeError
        text = str(error) if plain else f"the answer could not be read: {type(error).__name__}: {error}"
        send(sock, {"ask": number, "error": one_line(text)})
        return
    send(sock, {**(more or {}), "ask": number, "dict": isinstance(value, Mapping)}, parcel)


def one_line(text: Any, limit: int = 500) -> str:
    """`text` as one line of printable characters, cut at `limit`."""
    line = " ".join(str(text).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
