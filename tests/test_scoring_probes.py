"""Candidates that look, remember, mix or guess are found out; honest ones of every kind pass."""

import random

import numpy as np
import pytest

import autoloop_kernel.scoring.questions as questions
from autoloop_kernel.scoring import AnswerRefused, val_bpb
from autoloop_kernel.scoring.probes import CAP, LEAST, difference
from autoloop_kernel.scoring.questions import make_plan

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

V, T, B, WINDOWS = 32, 32, 32, 160
SECRETS = range(3)


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices this small are slower on several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def text_and_table():
    """Text from a chain of bytes, and the log-probabilities of that chain: the best honest bigram model."""
    rng = np.random.default_rng(11)
    table = rng.dirichlet(np.full(V, 0.15), size=V) * 0.97 + 0.03 / V
    tokens = [0]
    while len(tokens) < 9_000:
        tokens.append(int(rng.choice(V, p=table[tokens[-1]])))
    return np.array(tokens), np.log(table)


TEXT, TABLE = text_and_table()


def score(ask, secret=0, **changes):
    arguments = {"window": T, "vocab_size": V, "batch": B, "windows": WINDOWS} | changes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(questions, "secret_generator", lambda: np.random.default_rng(secret))
        return val_bpb(ask, TEXT, **arguments)


class Transformer(nn.Module):
    def __init__(self, causal=True, dtype=torch.float32, positions=True):
        super().__init__()
        torch.manual_seed(5)
        self.causal = causal
        self.embed, self.place = nn.Embedding(V, 32), nn.Embedding(T, 32)
        self.mix, self.out, self.head = nn.Linear(32, 96), nn.Linear(32, 32), nn.Linear(32, V)
        nn.init.normal_(self.head.weight, std=1.0)
        self.to(dtype)

    @torch.no_grad()
    def forward(self, tokens):
        t = torch.from_numpy(tokens)
        x = self.embed(t) + self.place(torch.arange(t.shape[1]))
        q, k, v = self.mix(x).unflatten(-1, (3, 2, 16)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal).transpose(1, 2).flatten(-2)
        return self.head(F.rms_norm(x + self.out(y), (32,)))


class Tied(Transformer):
    """Reads its logits off the embedding that it reads tokens with."""

    def __init__(self):
        super().__init__()
        self.head.weight = self.embed.weight


class Sliding(Transformer):
    """Attends to the eight latest tokens, by a kernel of its own: blocks of keys with a running softmax."""

    @torch.no_grad()
    def forward(self, tokens):
        t = torch.from_numpy(tokens)
        places = torch.arange(t.shape[1])
        x = self.embed(t) + self.place(places)
        q, k, v = self.mix(x).chunk(3, -1)
        top = torch.full((*t.shape, 1), -torch.inf)
        total, mixed = torch.zeros(*t.shape, 1), torch.zeros_like(v)
        for first in range(0, t.shape[1], 8):
            keys = places[first : first + 8]
            seen = (keys <= places[:, None]) & (keys > places[:, None] - 8)
            heat = (q @ k[:, keys].transpose(1, 2) / 32**0.5).masked_fill(~seen, -1e4)
            higher = torch.maximum(top, heat.amax(-1, keepdim=True))
            weight, faded = (heat - higher).exp() * seen, (top - higher).exp()
            total, mixed, top = (
                total * faded + weight.sum(-1, keepdim=True),
                mixed * faded + weight @ v[:, keys],
                higher,
            )
        return self.head(F.rms_norm(x + self.out(mixed / total), (32,)))


class LongConvolution(Transformer):
    """Mixes by a convolution as long as the window, in frequencies: later tokens reach earlier ones by rounding."""

    @torch.no_grad()
    def forward(self, tokens):
        t = torch.from_numpy(tokens)
        x = self.embed(t)
        n = t.shape[1]
        filters = self.place(torch.arange(n)) * torch.exp(-0.1 * torch.arange(n))[:, None]
        y = torch.fft.irfft(torch.fft.rfft(x, 2 * n, 1) * torch.fft.rfft(filters, 2 * n, 0), 2 * n, 1)[:, :n]
        return self.head(F.rms_norm(x + y, (32,)))


class Recurrent(nn.Module):
    def __init__(self, carry):
        super().__init__()
        torch.manual_seed(6)
        self.carry, self.state = carry, None
        self.embed, self.cell, self.head = nn.Embedding(V, 16), nn.GRU(16, 24, batch_first=True), nn.Linear(24, V)
        nn.init.normal_(self.head.weight, std=1.0)

    @torch.no_grad()
    def forward(self, tokens):
        fits = self.carry and self.state is not None and self.state.shape[1] == len(tokens)
        y, self.state = self.cell(self.embed(torch.from_numpy(tokens)), self.state if fits else None)
        return self.head(y)


def bigram(tokens):
    return TABLE[tokens]


def zeros(tokens):
    return np.zeros((*tokens.shape, V))


def ensemble():
    models = [Transformer(), Recurrent(carry=False)]

    def answer(tokens):
        parts = [F.softmax(model(tokens), dim=-1).numpy() for model in models]
        return np.log(np.mean([*parts, np.exp(bigram(tokens))], axis=0))

    return answer


def copying(tokens):
    """An honest model with a memory inside the window: what followed the last time that this token was seen."""
    logits = bigram(tokens).copy()
    for row, seen in zip(tokens, logits, strict=True):
        follower = {}
        for i, token in enumerate(row):
            if i:
                follower[row[i - 1]] = token
            if token in follower:
                seen[i, follower[token]] += 0.5
    return logits


HONEST = {
    "bigram": lambda: bigram,
    "zeros": lambda: zeros,
    "transformer": Transformer,
    "transformer, bfloat16": lambda: Transformer(dtype=torch.bfloat16),
    "tied embeddings": Tied,
    "sliding window, kernel in Python": Sliding,
    "long convolution by Fourier transform": LongConvolution,
    "bfloat16 logits": lambda: lambda tokens: torch.from_numpy(bigram(tokens) * 3 - 20).to(torch.bfloat16),
    "float16 logits": lambda: lambda tokens: bigram(tokens).astype(np.float16),
    "recurrent": lambda: Recurrent(carry=False),
    "ensemble": ensemble,
    "copying": lambda: copying,
    "arithmetic noise": lambda: lambda tokens: bigram(tokens) + np.random.normal(0, 0.003, (*tokens.shape, V)),
    "confident and wrong": lambda: lambda tokens: 100.0 * np.eye(V)[tokens],
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", HONEST)
def test_honest_candidates_pass(name, secret):
    np.random.seed(secret)
    assert np.isfinite(score(HONEST[name](), secret).bpb)


@pytest.mark.parametrize(("windows", "batch", "window"), [(1, 64, T), (3, 4, 2), (5, 1, T), (40, 7, 3), (12, 64, 1)])
def test_honest_candidates_pass_on_little_text(windows, batch, window):
    for secret in SECRETS:
        assert score(Transformer(), secret, windows=windows, batch=batch, window=window).windows == windows


def lift(logits, tokens, ahead, by):
    """Raise, at each position, the logit of the token that stands `ahead` of it."""
    logits = np.array(logits, dtype=float)
    rows, places = np.indices(tokens[:, ahead:].shape)
    logits[rows, places, tokens[:, ahead:]] += by
    return logits


def peeking(by):
    return lambda: lambda tokens: lift(bigram(tokens), tokens, 1, by)


def peeking_here_and_there():
    """Looks in one row of three only, chosen by its content."""

    def answer(tokens):
        chosen = tokens.sum(axis=1) % 3 == 0
        return np.where(chosen[:, None, None], lift(bigram(tokens), tokens, 1, 2.0), bigram(tokens))

    return answer


def peeking_at_full_length():
    """Tells a prefix by its length and is honest there."""
    return lambda tokens: lift(bigram(tokens), tokens, 1, 1.0) if tokens.shape[1] == T else bigram(tokens)


def peeking_where_unsuspected():
    """Is honest in every row whose beginning it has met before, since that may be a probe."""
    met = set()

    def answer(tokens):
        keys = [row[:4].tobytes() for row in tokens]
        known = np.array([key in met for key in keys])
        met.update(keys)
        return np.where(known[:, None, None], bigram(tokens), lift(bigram(tokens), tokens, 1, 5.0))

    return answer


def peeking_and_repeating():
    """Remembers its answers by beginning and repeats them: equal questions bring equal answers, yet it looks."""
    answers = {}

    def answer(tokens):
        logits = lift(bigram(tokens), tokens, 1, 8.0)
        for row, given in zip(tokens, logits, strict=True):
            for i in range(len(row)):
                given[i] = answers.setdefault(row[: i + 1].tobytes(), given[i].copy())
        return logits

    return answer


def learning():
    """Counts the bytes of the questions that it has met and predicts from those counts."""
    counts = np.ones((V, V))

    def answer(tokens):
        logits = np.log(counts / counts.sum(axis=1, keepdims=True))[tokens]
        np.add.at(counts, (tokens[:, :-1], tokens[:, 1:]), 1)
        return logits

    return answer


def mixing(tokens):
    """Lets the rows of a batch see each other."""
    logits = bigram(tokens)
    return logits + 0.5 * logits.mean(axis=0, keepdims=True) * (tokens.sum() % 5)


def by_length(tokens):
    """Knows where the window ends."""
    return bigram(tokens) * (0.5 + tokens.shape[1] / T)


def chancy(tokens):
    return bigram(tokens) + np.random.normal(0, 1.0, (*tokens.shape, V))


def noisy_and_peeking(tokens):
    """Makes itself noisy, so that equal answers differ and the look may hide among the differences."""
    return lift(bigram(tokens), tokens, 1, 0.15) + np.random.normal(0, 0.02, (*tokens.shape, V))


CHEATERS = {
    "peeking": (peeking(5.0), "to predict"),
    "peeking a little": (peeking(0.3), "to predict"),
    "peeking very little": (peeking(0.03), "to predict"),
    "peeking two ahead": (lambda: lambda tokens: lift(bigram(tokens), tokens, 2, 1.0), "to predict"),
    "peeking here and there": (peeking_here_and_there, "to predict"),
    "peeking at full length": (peeking_at_full_length, "to predict|beginning"),
    "peeking where unsuspected": (peeking_where_unsuspected, "differently|to predict"),
    "peeking and repeating": (peeking_and_repeating, "had not shown yet"),
    "attention both ways": (lambda: Transformer(causal=False), "to predict"),
    "state carried over": (lambda: Recurrent(carry=True), "differently"),
    "learning from the questions": (learning, "differently"),
    "rows mixed": (lambda: mixing, "other rows"),
    "length of the question": (lambda: by_length, "beginning of a window alone"),
    "chance": (lambda: chancy, "chance"),
    "noisy and peeking": (lambda: noisy_and_peeking, "to predict|differently"),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", CHEATERS)
def test_cheating_candidates_are_refused_and_told_why(name, secret):
    np.random.seed(secret)
    make, words = CHEATERS[name]
    with pytest.raises(AnswerRefused, match=words) as caught:
        score(make(), secret)
    assert "\n" not in str(caught.value)


def test_without_probes_a_cheater_is_believed():
    assert score(peeking(5.0)(), probes=False).bpb < score(bigram).bpb - 0.5


def plan_of(secret=0, windows=WINDOWS, probing=True):
    inputs = np.lib.stride_tricks.sliding_window_view(TEXT, T)[:: T + 1][:windows].astype(np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(questions, "secret_generator", lambda: np.random.default_rng(secret))
        return inputs, make_plan(inputs, V, B, probing)


def test_every_window_is_scored_once_and_probed_rows_look_like_scored_ones():
    _, plan = plan_of()
    full = [question for question in plan.questions if question.tokens.shape[1] == T]
    scored = [row.window for question in plan.questions for row in question.rows if row and row.pair is None]
    assert sorted(scored) == list(range(WINDOWS))
    assert {len(question.tokens) for question in full} == {B}
    kinds = [{row.pair.kind if row.pair else "scored" for row in question.rows if row} for question in full]
    assert sum({"scored", "future"} <= kind for kind in kinds) >= 5


def test_a_future_probe_keeps_the_beginning_and_changes_the_next_token():
    inputs, plan = plan_of()
    probes = [row for question in plan.questions for row in question.rows if row and row.pair]
    future = [row for row in probes if row.pair.kind == "future"]
    assert len(future) >= 40
    for row in future:
        cut = row.pair.cut
        assert (row.tokens[: cut + 1] == inputs[row.window][: cut + 1]).all()
        assert row.tokens[cut + 1] != inputs[row.window][cut + 1]
        assert cut in row.pair.picks
        assert row.pair.picks.max() == cut
    assert len({row.pair.cut for row in future}) > 10
    assert sum(row.pair.blind for row in future) >= 16


def test_text_of_a_single_token_can_still_be_probed():
    inputs = np.zeros((4, T), np.int64)
    plan = make_plan(inputs, V, B, True)
    for row in (row for question in plan.questions for row in question.rows if row and row.pair):
        if row.pair.kind == "future":
            assert row.tokens[row.pair.cut + 1] == 1


def test_without_probing_only_the_windows_are_asked():
    _, plan = plan_of(probing=False)
    assert sum(len(question.rows) for question in plan.questions) == WINDOWS
    assert not list(plan.all_pairs())


def test_the_secret_does_not_follow_from_any_seed():
    orders = set()
    for _ in range(3):
        random.seed(1)
        np.random.seed(1)
        orders.add(make_plan(np.arange(64 * 4).reshape(64, 4), 256, 16, True).questions[0].tokens.tobytes())
    assert len(orders) == 3


def test_a_large_vocabulary_is_compared_in_part_and_a_look_still_found():
    size, text = 5_000, np.random.default_rng(2).integers(5_000, size=4_000)

    def peek(tokens, by):
        logits = np.zeros((*tokens.shape, size), np.float32)
        rows, places = np.indices(tokens[:, 1:].shape)
        logits[rows, places, tokens[:, 1:]] += by
        return logits

    arguments = {"window": 16, "vocab_size": size, "batch": 16, "windows": 32}
    assert val_bpb(lambda tokens: peek(tokens, 0.0), text, **arguments).bpb == pytest.approx(np.log2(size))
    with pytest.raises(AnswerRefused, match="to predict"):
        val_bpb(lambda tokens: peek(tokens, 4.0), text, **arguments)


def test_differences_weigh_less_where_both_are_improbable():
    assert difference(np.array([-0.1]), np.array([-0.4]))[0] > difference(np.array([-10.0]), np.array([-10.3]))[0]
    assert difference(np.array([0.0]), np.array([LEAST]))[0] > CAP
