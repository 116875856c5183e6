"""The wire: what travels unchanged, what is refused, and what an untrusted other end cannot do."""

import json
import socket
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from autoloop_kernel import wire

ARRAYS = [
    np.array([True, False]),
    *(np.arange(6, dtype=name).reshape(2, 3) for name in wire.DTYPES if name not in ("bool", "bfloat16")),
    np.float32(2.5),
    np.zeros((0, 4)),
    np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[::2],
    np.arange(4, dtype=">i4"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays_arrive_as_they_were(array):
    there, here = socket.socketpair()
    with there, here:
        wire.send(there, {"ask": 1}, wire.packed({"a": array, "b": np.ones(2)}, "it"))
        header, value = wire.receive(here)
    assert header["ask"] == 1
    assert value["a"].dtype == np.dtype(array.dtype).newbyteorder("=")
    assert value["a"].shape == array.shape
    np.testing.assert_array_equal(value["a"], array)
    assert value["a"].flags.writeable


def test_a_single_array_text_and_a_number():
    assert wire.copied("hé", "it").tolist() == [104, 195, 169]
    assert wire.copied(b"hi", "it").dtype == np.uint8
    assert wire.copied(2.5, "it").shape == ()
    assert list(wire.copied({"a": 1}, "it")) == ["a"]


def test_torch_tensors_and_bfloat16():
    torch = pytest.importorskip("torch")
    values = torch.tensor([1.0, -2.5, 3e38], requires_grad=True)
    np.testing.assert_array_equal(wire.copied(values, "it"), values.detach().numpy())
    halves = wire.copied(values.to(torch.bfloat16), "it")
    assert halves.dtype == np.float32
    np.testing.assert_array_equal(halves, values.detach().to(torch.bfloat16).float().numpy())
    turned = torch.arange(6).reshape(2, 3).t().to(torch.bfloat16)
    np.testing.assert_array_equal(wire.copied(turned, "it"), turned.float().numpy())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.array([object()]), "the dtype object"),
        (np.array(["a"]), "the dtype <U1"),
        (np.zeros(2, complex), "the dtype complex128"),
        (np.zeros(2, "datetime64[s]"), "the dtype datetime64"),
        ([1, 2], "is a list, not an array"),
        (lambda: 0, "is a function"),
        ({1: np.zeros(1)}, "an array named 1"),
        ({"": np.zeros(1)}, "an array named ''"),
        ({str(i): 0 for i in range(300)}, "has 300 arrays"),
        (np.zeros((1,) * 20), "has 20 dimensions"),
    ],
)
def test_what_cannot_travel_is_refused_in_plain_words(value, words):
    with pytest.raises(TypeError, match="it") as refusal:
        wire.packed(value, "it")
    assert words in str(refusal.value)


def message(header, body: bytes = b"", magic: bytes = wire.MAGIC, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<8sI", magic, len(raw) if length is None else length) + raw + body


MALFORMED = [
    (b"GET / HTTP/1.1\r\n\r\n", "not in the wire format"),
    (message({}, length=wire.MAX_HEADER + 1), "not in the wire format"),
    (message(b"\xff{"), "no JSON"),
    (message(b"[" * 100_000), "no JSON"),
    (message([1]), "no JSON object"),
    (message({"arrays": 3}), "lists no arrays"),
    (message({"arrays": [["a", "float32"]]}), "malformed array entry"),
    (message({"arrays": [["a", "object", [1]]]}), "unknown dtype"),
    (message({"arrays": [["a", "float32", [-1]]]}), "no list of sizes"),
    (message({"arrays": [["a", "float32", [1.5]]]}), "no list of sizes"),
    (message({"arrays": [["a", "float32", [True]]]}), "no list of sizes"),
    (message({"arrays": [["a", "float32", [1] * 40]]}), "no list of sizes"),
    (message({"arrays": [["a", "float32", [2**62, 2**62]]]}), "beyond the limit"),
    (message({"arrays": [["a", "float32", [2**62, 0]]]}), "beyond the limit"),
    (message({"arrays": [["a", "float32", [2**30, 2**10]]]}), "beyond the limit"),
    (message({"arrays": [["a", "float32", [0]], ["a", "float32", [0]]]}), "two arrays alike"),
    (message({"arrays": [["a", "bool", [2]]]}, b"\x02\x01"), "neither 0 nor 1"),
]


@pytest.mark.parametrize(("raw", "words"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_messages_are_refused_before_memory_is_taken(raw, words):
    there, here = socket.socketpair()
    with there, here:
        there.sendall(raw)
        with pytest.raises(ValueError, match=words):
            wire.receive(here, time.monotonic() + 5)


def answering(reply) -> wire.Questions:
    """Questions to a candidate that answers with the bytes that `reply(number)` gives, or closes where it is None."""
    listener, address = wire.listen(None)

    def run() -> None:
        with listener:
            sock, _ = listener.accept()
            with sock:
                wire.receive(sock)
                for number in range(1, 9):
                    try:
                        wire.receive(sock)
                    except EOFError:
                        return
                    raw = reply(number)
                    if raw is None:
                        return
                    sock.sendall(raw)

    threading.Thread(target=run, daemon=True).start()
    questions = wire.Questions(address, "token")
    questions.deadline = time.monotonic() + 1.0
    return questions


def good(number: int) -> bytes:
    return message({"ask": number, "arrays": [["", "uint8", [2]]]}, b"\x01\x02")


def test_an_honest_answer_passes():
    questions = answering(good)
    assert questions.ask({"x": np.zeros(3)}).tolist() == [1, 2]
    assert questions.ask({}).tolist() == [1, 2]
    questions._sock.close()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (lambda n: None, "ended or closed its connection"),
        (lambda n: good(n)[:-1], "gave no answer in the time"),
        (lambda n: b"", "gave no answer in the time"),
        (lambda n: good(n + 1), "belongs to another question"),
        (lambda n: good(n) + b"more", "more bytes than it announced"),
        (lambda n: message({"ask": n, "arrays": []}), "holds no array"),
        (
            lambda n: message({"ask": n, "arrays": [], "error": "the answer\nfunction raised"}),
            "the answer function raised",
        ),
        (lambda n: message({"ask": n, "arrays": [["", "pickle", [2]]]}, b"xx"), "unknown dtype"),
    ],
)
def test_an_untrusted_candidate_can_only_fail(reply, words):
    questions = answering(reply)

    def ask_twice() -> None:
        questions.ask({"x": np.zeros(1)})
        time.sleep(0.1)
        questions.ask({"x": np.zeros(1)})

    with pytest.raises(wire.AnswerError, match=words):
        ask_twice()
    if questions._sock is not None:
        questions._sock.close()


def test_nothing_is_ever_unpickled():
    source = Path(wire.__file__).read_text(encoding="utf-8")
    assert "import pickle" not in source
    assert "np.load" not in source
    assert "allow_pickle" not in source


def test_a_stranger_without_the_token_gets_no_answer():
    listener, address = wire.listen(None)
    threading.Thread(target=wire.serve, args=(listener, "token", lambda: np.ones(1)), daemon=True).start()
    stranger = wire.Questions(address, "another")
    stranger.deadline = time.monotonic() + 5
    with pytest.raises(wire.AnswerError, match="closed its connection"):
        stranger.ask({})
    friend = wire.Questions(address, "token")
    friend.deadline = time.monotonic() + 5
    assert friend.ask({}).tolist() == [1.0]
    for questions in (stranger, friend):
        if questions._sock is not None:
            questions._sock.close()


def test_answers_are_billed_together():
    listener, address = wire.listen(None)
    threading.Thread(
        target=wire.serve, args=(listener, "token", lambda s: time.sleep(float(s)) or s), daemon=True
    ).start()
    questions = wire.Questions(address, "token", answering=100.0)
    assert questions.ask({"s": 0.2}).tolist() == 0.2
    assert 50.0 < questions._left < 99.8
    questions._left = 0.1
    for _ in range(2):
        with pytest.raises(wire.AnswerError, match="more than 100 s together") as refused:
            questions.ask({"s": 600.0})
    assert not isinstance(refused.value, wire.AnswerTimeout)
    questions._sock.close()


def test_large_answers_travel_fast_enough():
    listener, address = wire.listen(None)
    big = np.ones(16_000_000, np.float32)
    threading.Thread(target=wire.serve, args=(listener, "token", lambda: big), daemon=True).start()
    questions = wire.Questions(address, "token")
    began = time.monotonic()
    assert questions.ask({}).nbytes == big.nbytes
    assert time.monotonic() - began < 30
    questions._sock.close()
