"""Answers on a card: by the referee's buffer where that works, by the socket where it does not, and never by trust."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from arenas import arena
from card_kit import PLACE, OnCard, Shared
from test_wire import message

from autoloop_kernel import lending, wire
from autoloop_kernel.card import CardFault, Cards
from autoloop_kernel.lending import BY_CARD, MOST_BUFFERS, Borrower, Lender
from autoloop_kernel.records import HARNESS

torch = pytest.importorskip("torch")


def meet(answer, theirs: Shared, ours: Shared) -> Lender:
    """A referee with the cards `ours` that asks a candidate (a thread) with the cards `theirs`."""
    listener, address = wire.listen(None)
    reply = Borrower(theirs, least=1).reply
    threading.Thread(target=wire.serve, args=(listener, "token", answer, reply), daemon=True).start()
    lender = Lender(address, "token", cards=ours)
    lender.deadline = time.monotonic() + 60
    return lender


@pytest.fixture
def shared(tmp_path):
    made = []

    def make(*broken: str, places=(PLACE,)) -> Shared:
        made.append(Shared(tmp_path, broken, places))
        return made[-1]

    yield make
    for one in made:
        for memory in one._maps:
            memory.close()


@pytest.fixture
def met(shared):
    lenders = []

    def make(answer, theirs=None, ours=None) -> Lender:
        lenders.append(meet(answer, theirs or shared(), ours or shared()))
        return lenders[-1]

    yield make
    for lender in lenders:
        if lender._sock is not None:
            lender._sock.close()


VALUES = {
    name: torch.arange(12).reshape(3, 4).t().to(getattr(torch, name))
    for name in ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bfloat16", "bool")
}


@pytest.mark.parametrize("name", VALUES)
def test_an_answer_by_the_buffer_is_what_it_would_be_by_the_socket(met, shared, name):
    value = VALUES[name]
    ours = shared()
    lender = met(lambda: OnCard(value), ours=ours)
    answered, expected = lender.ask({}), wire.copied(value, "it")
    assert (answered.dtype, answered.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(answered, expected)
    assert lender.told == BY_CARD
    assert "read" in ours.calls


def test_several_arrays_and_an_empty_one(met):
    answer = {"a": torch.rand(5), "b": torch.arange(3), "none": torch.zeros(0, 4)}
    lender = met(lambda: {name: OnCard(item) for name, item in answer.items()})
    answered = lender.ask({})
    assert list(answered) == list(answer)
    for name, item in answer.items():
        np.testing.assert_array_equal(answered[name], item.numpy())
    single = met(lambda: {"a": OnCard(torch.ones(2))}).ask({})
    assert single["a"].tolist() == [1.0, 1.0]


def test_one_buffer_serves_all_answers_that_fit(met, shared):
    theirs, ours = shared(), shared()
    lender = met(lambda x: OnCard(torch.from_numpy(x) * 2), theirs, ours)
    for count in (8, 8, 3, 16, 16, 1):
        assert lender.ask({"x": np.arange(float(count))}).tolist() == [2.0 * i for i in range(count)]
    assert (ours.calls.count("lend"), theirs.calls.count("borrow")) == (2, 2)
    assert (ours.calls.count("read"), theirs.calls.count("write")) == (6, 6)


def test_more_buffers_than_are_lent_go_by_the_socket(met, shared):
    ours = shared()
    lender = met(lambda x: OnCard(torch.from_numpy(x)), ours=ours)
    for count in range(1, MOST_BUFFERS + 3):
        assert lender.ask({"x": np.ones(100 * count)}).sum() == 100 * count
    assert ours.calls.count("lend") == MOST_BUFFERS
    assert lender.told == f"by the socket: no buffer could be lent: it was asked for more than {MOST_BUFFERS} buffers"


def test_answers_beside_a_card_travel_as_before(met, shared):
    theirs, ours = shared(), shared()
    answers = [np.ones(2), torch.ones(2), {"a": OnCard(torch.ones(2)), "b": np.ones(2)}]
    for answer in answers:
        lender = met(lambda answer=answer: answer, theirs, ours)
        assert np.sum(lender.ask({}) if not isinstance(answer, dict) else lender.ask({})["a"]) == 2.0
        assert lender.told == ""
    assert (theirs.calls, ours.calls) == ([], []), "no driver is looked for where no answer lies on a card"
    refusal = met(lambda: OnCard(torch.zeros(2, dtype=torch.complex64)))
    with pytest.raises(wire.AnswerError, match="the dtype complex64"):
        refusal.ask({})


class NoTensor:
    """Says that it is a tensor on a card, and is none."""

    is_cuda = True


class NoMemory(NoTensor):
    dtype, shape, nbytes, device = "torch.float32", (2,), 8, 0


def test_what_only_says_that_it_lies_on_a_card_is_refused_in_plain_words(met):
    for kind in (NoTensor, NoMemory):
        with pytest.raises(wire.AnswerError, match=f"the answer is a {kind.__name__}, not an array"):
            met(kind).ask({})


def test_small_answers_are_not_worth_a_buffer(shared):
    theirs = shared()
    there, here = socket.socketpair()
    with there, here:
        Borrower(theirs).reply(there, {"ask": 1, "card": True}, OnCard(torch.ones(2)))
        assert wire.receive(here)[1].tolist() == [1.0, 1.0]
        Borrower(theirs).reply(there, {"ask": 2}, OnCard(torch.ones(10)))
        assert wire.receive(here)[1].tolist() == [1.0] * 10
    assert theirs.calls == []


@pytest.mark.parametrize(
    ("end", "call", "words"),
    [
        ("theirs", "find", "the candidate could not use the buffer: cu_find says CUDA_ERROR_NOT_SUPPORTED"),
        ("theirs", "place_of", "the candidate could not use the buffer: cu_place_of"),
        ("theirs", "borrow", "the candidate could not use the buffer: cu_borrow"),
        ("theirs", "write", "the candidate could not use the buffer: cu_write"),
        ("ours", "find", "no buffer could be lent: cu_find"),
        ("ours", "lend", "no buffer could be lent: cu_lend"),
        ("ours", "clear", "no buffer could be lent: cu_clear"),
        ("ours", "read", "the buffer could not be read: cu_read"),
    ],
)
def test_whatever_fails_the_answer_comes_by_the_socket(met, shared, end, call, words):
    cards = {"theirs": shared(), "ours": shared()}
    cards[end].broken = {call}
    asked = []
    lender = met(lambda x: asked.append(1) or OnCard(torch.from_numpy(x)), **cards)
    for _ in range(2):
        assert lender.ask({"x": np.arange(3.0)}).tolist() == [0.0, 1.0, 2.0]
    assert lender.told.startswith(f"by the socket: {words}")
    assert len(asked) == (3 if call == "read" else 2)


def test_a_card_that_fails_later(met, shared):
    theirs, ours = shared(), shared()
    lender = met(lambda x: OnCard(torch.from_numpy(x)), theirs, ours)
    assert lender.ask({"x": np.ones(3)}).tolist() == [1.0] * 3
    ours.broken = {"clear"}
    assert lender.ask({"x": np.ones(3)}).tolist() == [1.0] * 3
    assert lender.told == "by the socket: the buffer could not be cleared: cu_clear says CUDA_ERROR_NOT_SUPPORTED"
    writes = theirs.calls.count("write")
    assert lender.ask({"x": np.ones(3)}).tolist() == [1.0] * 3
    assert theirs.calls.count("write") == writes


def test_another_card_or_two_of_them_go_by_the_socket(met, shared):
    both = (PLACE, "f" * 32)
    lender = met(lambda: OnCard(torch.ones(2), device=1), theirs=shared(places=both))
    assert lender.ask({}).tolist() == [1.0, 1.0]
    assert "not among those that this process may use" in lender.told
    several = {"a": OnCard(torch.ones(2)), "b": OnCard(torch.ones(2), device=1)}
    lender = met(lambda: several, theirs=shared(places=both), ours=shared(places=both))
    assert lender.ask({})["b"].tolist() == [1.0, 1.0]
    assert lender.told.endswith("its arrays lie on several cards")


def test_what_is_written_after_an_answer_was_taken_changes_nothing(met, shared):
    theirs = shared()
    lender = met(lambda: OnCard(torch.ones(4)), theirs)
    answered = lender.ask({})
    theirs._maps[0][:] = bytes(len(theirs._maps[0]))
    assert answered.tolist() == [1.0] * 4
    assert answered.base is None or not isinstance(answered.base, memoryview)


def test_what_was_not_written_is_no_number(met, shared):
    """A candidate that says that it has answered, and has not, brings NaN: never its last answer, nor old memory."""
    theirs = shared()
    lender = met(lambda: OnCard(torch.ones(4)), theirs)
    assert lender.ask({}).tolist() == [1.0] * 4
    theirs.write = lambda piece, tensors: None
    assert np.isnan(lender.ask({})).all()


ARRAY = ["", "float32", [4]]
SAID = {"place": PLACE, "arrays": [ARRAY]}


def saying(*messages: object) -> Lender:
    """A referee whose candidate sends these, each after something that it has received."""
    listener, address = wire.listen(None)

    def run() -> None:
        with listener:
            sock, _ = listener.accept()
            with sock:
                wire.receive(sock)
                for one in messages:
                    try:
                        wire.receive(sock)
                        sock.sendall(one if isinstance(one, bytes) else message(one))
                    except (EOFError, OSError):
                        return
                time.sleep(5)

    threading.Thread(target=run, daemon=True).start()
    return Lender(address, "token")


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([{"ask": 1, "arrays": [], "card": SAID}], "names a buffer on the card that was not lent"),
        ([{"ask": 1, "arrays": [], "card": 3}], "names no card, or no array"),
        ([{"ask": 1, "arrays": [], "needs": {"place": 7, "arrays": [ARRAY]}}], "names no card, or no array"),
        ([{"ask": 1, "arrays": [], "needs": {"place": PLACE, "arrays": []}}], "names no card, or no array"),
        ([{"ask": 1, "arrays": [], "needs": {"place": PLACE, "arrays": [["", "object", [4]]]}}], "unknown dtype"),
        ([{"ask": 1, "arrays": [], "needs": {"place": PLACE, "arrays": [["", "float32", [2**40]]]}}], "beyond the lim"),
        ([{"ask": 1, "arrays": [], "needs": SAID}, {"ask": 1, "arrays": [], "needs": SAID}], "asks for a buffer twice"),
        (
            [
                {"ask": 1, "arrays": [], "needs": SAID},
                {"ask": 1, "arrays": [], "card": {"place": PLACE, "arrays": [["", "float32", [5]]]}},
            ],
            "or is too small for it",
        ),
        (
            [
                {"ask": 1, "arrays": [], "needs": SAID},
                {"ask": 1, "arrays": [], "card": {"place": "other", "arrays": [ARRAY]}},
            ],
            "not lent",
        ),
        ([{"ask": 1, "arrays": [], "needs": SAID}, {"ask": 2, "arrays": [], "card": SAID}], "another question"),
        (
            [
                {"ask": 1, "arrays": [], "needs": SAID},
                {"ask": 1, "arrays": [], "card": {"place": PLACE, "arrays": [["", "bool", [4]]]}},
            ],
            "neither 0 nor 1",
        ),
    ],
)
def test_an_untrusted_candidate_can_only_fail(shared, messages, words):
    lender, ours = saying(*messages), shared()
    lender._find, lender.deadline = ours, time.monotonic() + 20
    with pytest.raises(wire.AnswerError, match=words):
        lender.ask({})
    lender._sock.close()
    assert "borrow" not in ours.calls, "the referee opens nothing of a candidate's"


def test_a_buffer_that_was_refused_cannot_be_used(shared):
    lender = saying({"ask": 1, "arrays": [], "needs": SAID}, {"ask": 1, "arrays": [], "card": SAID})
    lender._find, lender.deadline = shared("lend"), time.monotonic() + 20
    with pytest.raises(wire.AnswerError, match="uses one that was refused"):
        lender.ask({})
    lender._sock.close()


def test_nothing_of_a_candidates_is_opened_or_unpickled():
    for module in (lending, sys.modules["autoloop_kernel.card"]):
        source = Path(module.__file__).read_text(encoding="utf-8")
        assert "pickle" not in source
        assert "import torch" not in source


# -- between real kernels

TWIN = """
import sys
sys.path[:0] = {paths!r}
import card_kit, pathlib, torch
from autoloop_kernel import card, lending
twin = card_kit.Shared(pathlib.Path({folder!r}))
lending.Borrower.__init__.__defaults__ = (twin, 1)
lending.Lender.__init__.__defaults__ = (twin,)
"""


def test_between_two_kernels_and_in_the_facts_of_the_attempt(run_notebook, tmp_path, monkeypatch):
    """The way from a candidate's kernel to the attempt's facts; unsealed, as this card is a file of ours."""
    monkeypatch.setattr("autoloop_kernel.execution.local.CHILD", "undefended")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    shared = "import numpy as np\nfrom autoloop_kernel.cells import ask, facts, score, submit\n" + TWIN.format(
        paths=[str(Path(__file__).parent)], folder=str(tmp_path)
    )
    answer = "submit(lambda x: card_kit.OnCard(torch.from_numpy(2 * x)))"
    run = run_notebook(arena(answer, shared=shared), budget_s=60.0, score_timeout_s=60.0)
    assert (run.outcome.reason, run.outcome.score) == ("", 0.0)
    assert run.outcome.facts[HARNESS]["answers"] == BY_CARD
    broken = run_notebook(
        arena("twin.broken = {'borrow'}\n" + answer, shared=shared), budget_s=60.0, score_timeout_s=60.0
    )
    assert (broken.outcome.reason, broken.outcome.score) == ("", 0.0)
    assert broken.outcome.facts[HARNESS]["answers"].startswith("by the socket: the candidate could not use the buffer")


# -- the driver's calls

DRIVER = Path(__file__).with_name("fake_cuda.c")


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> str:
    """A library with the driver's calls, as cuda.h declares them, whose card is a file."""
    built = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    try:
        subprocess.run(["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(built), str(DRIVER)], check=True)
    except OSError:
        pytest.skip("this machine has no C compiler")
    return str(built)


OTHER = """
import json, sys, types
from autoloop_kernel.card import Cards
import numpy as np
library, place, handle, size = json.loads(sys.argv[1])
cards = Cards(library)
values = np.arange(4, dtype=np.float32)
tensor = types.SimpleNamespace(data_ptr=lambda: values.ctypes.data, nbytes=values.nbytes)
cards.write(cards.borrow(place, handle, size), [(256, tensor)])
"""


def test_the_calls_are_made_as_the_driver_declares_them(driver, tmp_path, monkeypatch):
    """From one process to another, 64-byte handle by value and 64-bit addresses included, through C."""
    monkeypatch.setenv("FAKE_CUDA", str(tmp_path))
    cards = Cards(driver)
    place = cards.place_of(type("Tensor", (), {"device": torch.device("cuda", 1)}))
    assert len(place) == 32
    piece, handle = cards.lend(place, 4096)
    assert len(bytes.fromhex(handle)) == 64
    assert piece.size == 2 << 20
    cards.clear(piece)
    assert set(cards.read(piece, 4096).tolist()) == {0xFF}
    order = json.dumps([driver, place, handle, 4096])
    ran = subprocess.run([sys.executable, "-c", OTHER, order], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    raw = cards.read(piece, 512)
    assert raw[256:272].view(np.float32).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert set(raw[:256].tolist()) == {0xFF}


def test_a_drivers_refusals_are_said_by_their_names(driver, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_CUDA", str(tmp_path))
    cards = Cards(driver)
    place = cards.place_of(type("Tensor", (), {"device": torch.device("cuda", 0)}))
    with pytest.raises(CardFault, match="cuMemAlloc_v2 says CUDA_ERROR_OUT_OF_MEMORY"):
        cards.lend(place, 1 << 60)
    with pytest.raises(CardFault, match="cuIpcOpenMemHandle_v2 says CUDA_ERROR_INVALID_VALUE"):
        cards.borrow(place, "00" * 64, 16)
    with pytest.raises(CardFault, match="not among those"):
        cards.lend("ff" * 16, 16)
    with pytest.raises(CardFault, match="knows no card 7"):
        cards.place_of(type("Tensor", (), {"device": torch.device("cuda", 7)}))
    monkeypatch.setenv("FAKE_CUDA_DEVICES", "-1")
    with pytest.raises(CardFault, match="cuInit says CUDA_ERROR_NO_DEVICE"):
        Cards(driver)
    with pytest.raises(CardFault, match="no CUDA driver"):
        Cards(str(tmp_path / "none.so"))


# -- on a card

CANDIDATE = """
import json, sys
import torch
from autoloop_kernel import lending, wire
listener, address = wire.listen(None)
print(json.dumps(address), flush=True)
def answer(x):
    torch.cuda.set_stream(torch.cuda.Stream())
    held = torch.from_numpy(x).cuda()
    return (held.repeat(4096, 1) * 2).to(torch.bfloat16)
wire.serve(listener, "token", answer, lending.Borrower().reply)
"""


@pytest.mark.gpu
def test_a_real_card_lends_between_two_processes():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rounded = (2 * torch.arange(512.0)).to(torch.bfloat16).float().numpy()
    with subprocess.Popen([sys.executable, "-c", CANDIDATE], stdout=subprocess.PIPE, text=True) as candidate:
        try:
            lender = Lender(json.loads(candidate.stdout.readline()), "token")
            lender.deadline = time.monotonic() + 120
            for _ in range(3):
                answered = lender.ask({"x": np.arange(512, dtype=np.float32)})
                assert answered.shape == (4096, 512)
                np.testing.assert_array_equal(answered[[0, -1]], [rounded, rounded])
                assert lender.told == BY_CARD
            lender._sock.close()
        finally:
            candidate.kill()


ON_CARD = "import torch\nsubmit(lambda x: (2 * torch.from_numpy(x).cuda()).repeat(1, 1 << 14))"
WIDE = """
x = np.arange(4.0)[:, None]
y = ask(x=x)
score(float(np.abs(y - 2 * x).sum()) + (y.shape != (4, 1 << 14)))
"""


@pytest.mark.gpu
@pytest.mark.parametrize("sealed", [False, True])
def test_a_real_card_between_two_kernels(run_notebook, monkeypatch, sealed):
    """Whether a driver lends into a sealed process is its own matter; that the answer comes, and how, is ours."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if not sealed:
        monkeypatch.setattr("autoloop_kernel.execution.local.CHILD", "undefended")
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    outcome = run_notebook(arena(ON_CARD, score=WIDE), budget_s=60.0, score_timeout_s=60.0).outcome
    assert (outcome.reason, outcome.score) == ("", 0.0)
    told = outcome.facts[HARNESS]["answers"]
    assert told == BY_CARD or (sealed and told.startswith("by the socket: the candidate could not use the buffer: cu"))


def test_no_driver_is_loaded_before_an_answer_lies_on_a_card():
    """What a zygote or a kernel imports, and what a referee does for answers in memory, starts no CUDA."""
    code = (
        "import autoloop_kernel.cells, autoloop_kernel.lending as l, autoloop_kernel.card as c, sys\n"
        "l.Borrower(); l.Lender('nowhere', 'token')\n"
        "print(c.find.cache_info().currsize, 'libcuda' in open('/proc/self/maps').read(), 'torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["0", "False", "False"]
