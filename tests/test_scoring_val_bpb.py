"""The number itself: arithmetic, arguments, and answers that are no answers. Probes have their own file."""

import math

import numpy as np
import pytest

from autoloop_kernel.scoring import AnswerRefused, Bpb, val_bpb
from autoloop_kernel.scoring.answers import log_softmax, read_logits

V, T = 7, 16
TEXT = np.random.default_rng(3).choice(V, size=900, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05])


TABLE = np.random.default_rng(4).normal(size=(V, V))


def bigram(tokens):
    return TABLE[tokens]


def measure(ask, **changes):
    return val_bpb(ask, TEXT, **{"window": T, "vocab_size": V, "batch": 8} | changes)


def expected_bpb(windows, lengths):
    """The definition, written out window by window."""
    starts = sorted({int(start) for start in np.linspace(0, len(TEXT) - T - 1, windows)})
    bits = size = 0.0
    for start in starts:
        for i in range(start, start + T):
            row = TABLE[TEXT[i]]
            target = TEXT[i + 1]
            if lengths[target]:
                bits -= (row[target] - math.log(sum(math.exp(x) for x in row))) / math.log(2)
            size += lengths[target]
    return bits / size


def test_matches_the_definition():
    result = measure(bigram, windows=40)
    assert isinstance(result, Bpb)
    assert result.bpb == pytest.approx(expected_bpb(40, np.ones(V, int)), abs=1e-12)
    assert (result.windows, result.tokens, result.bytes) == (40, 40 * T, 40 * T)
    assert result.probes > 0
    assert 0 < result.stderr < 0.2


def test_bytes_per_token_divide_and_tokens_of_no_bytes_do_not_count():
    lengths = np.array([1, 2, 3, 0, 5, 1, 4])
    result = measure(bigram, windows=40, token_bytes=lengths)
    assert result.bpb == pytest.approx(expected_bpb(40, lengths), abs=1e-12)
    assert result.tokens < 40 * T < result.bytes


def test_by_default_the_windows_stand_side_by_side():
    assert measure(bigram).windows == (len(TEXT) - 1) // T


@pytest.mark.parametrize("windows", [1, 2, 3, 50])
def test_any_number_of_windows(windows):
    assert measure(bigram, windows=windows).windows == windows


def test_the_number_does_not_depend_on_the_secret():
    scores = {round(measure(bigram, windows=30).bpb, 10) for _ in range(5)}
    assert len(scores) == 1


def test_knowing_nothing_costs_the_logarithm_of_the_vocabulary():
    result = measure(lambda tokens: np.zeros((*tokens.shape, V), np.float32))
    assert result.bpb == pytest.approx(math.log2(V))


def test_probabilities_that_sum_to_anything_are_normalised_again():
    loud = np.full((V, V), 277.0 / V)
    assert measure(lambda tokens: loud[tokens]).bpb == pytest.approx(math.log2(V))


def test_a_constant_added_to_the_logits_changes_nothing():
    shift = np.random.default_rng(5)
    plain = measure(bigram, windows=30).bpb
    shifted = measure(lambda tokens: bigram(tokens) + shift.normal(size=(*tokens.shape, 1)) * 50, windows=30).bpb
    assert shifted == pytest.approx(plain, abs=1e-9)


def test_extra_is_what_score_records_beside_the_number():
    result = measure(bigram)
    counts = {"stderr", "windows", "tokens", "bytes", "probes", "probe_noise"}
    assert set(result.extra) == counts | {"answer_s", "first_answer_s"}


def test_a_first_answer_that_takes_its_time_is_told(monkeypatch):
    now = [0.0]

    def lazy(tokens):
        now[0] += 0.5 if now[0] else 20.0
        return bigram(tokens)

    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    result = measure(lazy, windows=40)
    assert result.first_answer_s == 20.0
    assert result.answer_s > 22.0
    assert result.bpb == pytest.approx(measure(bigram, windows=40).bpb)


def test_questions_are_int64_and_the_candidate_cannot_change_them():
    def meddling(tokens):
        assert tokens.dtype == np.int64
        logits = bigram(tokens)
        tokens[:] = 0
        return logits

    assert measure(meddling, windows=30).bpb == pytest.approx(measure(bigram, windows=30).bpb)


def test_no_question_shows_the_last_target_or_passes_the_window():
    lengths = set()
    measure(lambda tokens: (lengths.add(tokens.shape[1]), bigram(tokens))[1])
    assert max(lengths) == T
    assert min(lengths) < T


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda t: np.zeros((*t.shape, V + 1)), "shape"),
        (lambda t: np.zeros((*t.shape[::-1], V)), "shape"),
        (lambda t: np.zeros(t.shape), "shape"),
        (lambda t: np.zeros((*t.shape, V), np.int64), "floating-point"),
        (lambda t: np.zeros((*t.shape, V), complex), "floating-point"),
        (lambda t: np.zeros((*t.shape, V), object), "floating-point"),
        (lambda t: np.full((*t.shape, V), np.nan), "NaN"),
        (lambda t: np.where(np.arange(V) == 3, -np.inf, bigram(t)), "infinite"),
        (lambda t: np.where(np.arange(V) == 3, np.inf, bigram(t)), "infinite"),
        (lambda t: None, "NoneType"),
        (lambda t: bigram(t).tolist(), "list"),
        (lambda t: {}, "nothing"),
        (lambda t: {"a": bigram(t), "b": bigram(t)}, "a, b"),
        (lambda t: np.where(np.arange(V) == TEXT[1], -1.7e308, 1.7e308) + 0.0 * t[..., None], "finite range"),
    ],
)
def test_answers_that_cannot_be_scored_are_refused_in_one_plain_line(answer, words):
    with pytest.raises(AnswerRefused, match=words) as caught:
        measure(lambda tokens: answer(tokens))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_answers_of_any_width_are_taken(dtype):
    assert measure(lambda tokens: bigram(tokens).astype(dtype)).bpb == pytest.approx(measure(bigram).bpb, abs=1e-3)


def test_a_dict_that_holds_one_array_is_taken():
    assert measure(lambda tokens: {"logits": bigram(tokens)}).bpb == pytest.approx(measure(bigram).bpb)


@pytest.mark.parametrize(
    "changes",
    [
        {"window": 0},
        {"window": len(TEXT)},
        {"vocab_size": 1},
        {"vocab_size": V - 1},
        {"batch": 0},
        {"windows": 0},
        {"token_bytes": np.ones(V - 1, int)},
        {"token_bytes": np.ones(V)},
        {"token_bytes": -np.ones(V, int)},
        {"token_bytes": np.zeros(V, int)},
    ],
)
def test_unusable_arguments_are_the_arenas_fault_and_not_the_candidates(changes):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        measure(bigram, **changes)
    assert not isinstance(caught.value, AnswerRefused)


@pytest.mark.parametrize("tokens", [TEXT.astype(float), TEXT.reshape(2, -1), TEXT - 1])
def test_text_must_be_tokens(tokens):
    with pytest.raises(ValueError, match="tokens must"):
        val_bpb(bigram, tokens, window=T, vocab_size=V)


def test_log_softmax_is_exact_for_huge_logits():
    log_probabilities = log_softmax(np.array([[1e4, 1e4, -1e4]], np.float32))
    assert log_probabilities[0, 0] == pytest.approx(-math.log(2))
    assert log_probabilities.dtype == np.float64


def test_reads_torch_tensors_bfloat16_among_them():
    torch = pytest.importorskip("torch")
    logits = torch.arange(12, dtype=torch.float32).reshape(1, 2, 6).requires_grad_()
    assert read_logits(logits, (1, 2, 6)).dtype == np.float32
    assert read_logits(logits.to(torch.bfloat16), (1, 2, 6)).dtype == np.float32
    with pytest.raises(AnswerRefused, match="int64"):
        read_logits(logits.detach().long(), (1, 2, 6))
