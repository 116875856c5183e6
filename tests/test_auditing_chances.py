"""How noisy a log is, and which of its keeps are real: held against simulated searches whose truth is known."""

import math
from statistics import fmean

import pytest
from audit_kit import read_rows, search

from autoloop_kernel.auditing.audit import audit
from autoloop_kernel.auditing.chances import how_many
from autoloop_kernel.auditing.reading import read
from autoloop_kernel.records import Direction


def audited(text, **options):
    return audit(read(text.encode("utf-8"), "results.tsv"), **options)


@pytest.fixture(scope="module")
def searches():
    made = [search(seed) for seed in range(8)]
    return [(audited(text), gains) for text, gains in made]


def test_the_noise_of_simulated_searches_is_found_from_their_changed_seeds(searches):
    found = [one.noise for one, _ in searches]
    assert {noise.source for noise in found} == {"repeats"}
    assert 0.7e-3 < math.exp(fmean(math.log(noise.sigma) for noise in found)) < 1.4e-3
    assert sum(noise.low < 1e-3 < noise.high for noise in found) >= 5  # of 8 at 90 %


def test_without_a_repeat_the_noise_is_a_guess_of_the_right_size(searches):
    found = [audited(search(seed)[0].replace("changed the seed to", "idea")).noise for seed in range(3)]
    assert {noise.source for noise in found} == {"scatter"}
    assert all(1e-3 / 3 < noise.sigma < 3e-3 for noise in found)
    assert all(noise.high / noise.low > 1.5 for noise in found)


def test_chances_are_as_often_right_as_they_say(searches):
    pairs = [(keep.p, gains[keep.entry.line] > 0) for one, gains in searches for keep in one.keeps]
    assert len(pairs) > 40
    expected, true = sum(p for p, _ in pairs), sum(real for _, real in pairs)
    assert 0.75 < expected / true < 1.33
    high, low = [real for p, real in pairs if p > 0.8], [real for p, real in pairs if p < 0.4]
    assert fmean(high) > 0.75
    assert fmean(low) < 0.5


def test_believed_gains_are_nearer_the_truth_than_logged_ones(searches):
    keeps = [(keep, gains[keep.entry.line]) for one, gains in searches for keep in one.keeps]
    logged = fmean((keep.logged - true) ** 2 for keep, true in keeps)
    believed = fmean((keep.gain.mean - true) ** 2 for keep, true in keeps)
    assert believed < 0.8 * logged
    assert fmean(keep.gain.low <= true <= keep.gain.high for keep, true in keeps) > 0.85


def test_a_kept_change_of_seed_is_luck_and_gains_nothing():
    text = search(1)[0] + "fffffff\t0.9000\t44\tkeep\trandom seed 42 -> 137\n"
    last = audited(text).keeps[-1]
    assert (last.luck, last.p, last.gain.mean, last.word) == (True, 0.0, 0.0, "luck: the same code")


def test_the_noise_that_is_given_is_taken(searches):
    text = search(0)[0]
    calm, wild = audited(text, sigma=1e-5), audited(text, sigma=1e-2)
    assert calm.noise.source == wild.noise.source == "given"
    real = [keep for keep in calm.keeps if not keep.luck]
    assert fmean(keep.p for keep in real) > 0.9 > fmean(keep.p for keep in wild.keeps)
    exact = audited(text, sigma=0.0)
    assert all(keep.p == (keep.logged > 0) for keep in exact.keeps if not keep.luck)


def test_a_line_that_only_copies_another_is_no_run():
    rows = ["a1b2c3d 0.99 keep x", "a1b2c3d 0.99 keep x", "a1b2c3d 0.98 discard again", "b2c3d4e 0.95 keep y"]
    found = audit(read_rows(rows, Direction.MIN)).noise
    assert [(repeat.lines, repeat.why) for repeat in found.repeats] == [((2, 3), "the champion's commit again")]
    assert found.spread == pytest.approx(0.01 / math.sqrt(2))


def test_a_commit_that_is_the_base_of_what_was_tried_makes_no_repeats():
    rows = ["a1b2c3d 0.99 keep start", "a1b2c3d 0.98 keep wider", "a1b2c3d 1.01 discard deeper"]
    found = audit(read_rows(rows, Direction.MIN))
    assert not found.noise.repeats
    assert not any(keep.luck for keep in found.keeps)


def test_a_baseline_that_is_run_again_repeats_the_baseline_alone():
    rows = ["a1b2c3d 0.99 keep baseline", "b2c3d4e 0.97 keep wider", "c3d4e5f 0.992 keep baseline rerun"]
    found = audit(read_rows(rows, Direction.MIN))
    assert (found.noise.repeats, found.searches) == ((), 1)
    found = audit(read_rows([rows[0], rows[2], rows[1]], Direction.MIN))
    assert [repeat.lines for repeat in found.noise.repeats] == [(1, 2)]


def test_a_changed_seed_among_other_changes_is_no_repeat():
    rows = ["a1b2c3d 0.99 keep x", "b2c3d4e 0.98 keep new seed and wider", "c3d4e5f 0.97 discard seed 7"]
    repeats = audit(read_rows(rows, Direction.MIN)).noise.repeats
    assert [(repeat.lines, repeat.scores) for repeat in repeats] == [((2, 3), (0.98, 0.97))]


def test_a_description_that_names_the_search_makes_no_repeats():
    rows = ["a1b2c3d 0.99 keep base", *(f"{k:07x} 1.0{k} discard sweep" for k in range(10, 30))]
    assert not audit(read_rows(rows, Direction.MIN)).noise.repeats
    rows = ["a1b2c3d 0.99 keep base", "b2c3d4e 1.01 discard wider", "c3d4e5f 1.02 discard wider"]
    rows += [f"{k:07x} 1.0{k} discard idea {k}" for k in range(10, 30)]
    assert [repeat.lines for repeat in audit(read_rows(rows, Direction.MIN)).noise.repeats] == [(2, 3)]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        ["a1b2c3d 0.99 keep x"],
        ["a1b2c3d 0.99 discard x", "b2c3d4e 0.98 discard x"],
        ["a1b2c3d 0.99 keep x", "a1b2c3e 0.99 keep rerun"],
        ["a1b2c3d nan keep x", "b2c3d4e inf keep y", "c3d4e5f 0 crash z"],
        [f"{k:07x} 1e300 keep x{k}" for k in range(1, 20)],
        [f"{k:07x} {(-1) ** k * 10.0 ** (k * 10)} keep x{k}" for k in range(1, 25)],
    ],
)
def test_logs_that_say_next_to_nothing_are_audited_all_the_same(rows):
    found = audit(read_rows(rows, Direction.MIN))
    assert all(0 <= keep.p <= 1 for keep in found.keeps)


def test_a_worse_keep_that_calls_itself_a_baseline_begins_a_new_search():
    rows = ["a1b2c3d 0.50 keep baseline", *(f"{k:07x} 0.{50 + k} discard x{k}" for k in range(1, 9))]
    rows += ["b2c3d4e 2.00 keep baseline on the other machine", "c3d4e5f 1.20 keep wider"]
    rows += [f"{k:07x} 1.{20 + k} discard y{k}" for k in range(10, 19)]
    found = audit(read_rows(rows, Direction.MIN))
    assert (found.searches, found.baseline.score, found.champion.score) == (2, 2.0, 1.2)
    assert [keep.entry.description for keep in found.keeps] == ["wider"]
    assert found.keeps[0].p > 0.9
    assert not found.contradictions
    rows[9] = "b2c3d4e 2.00 keep worse than the baseline"
    found = audit(read_rows(rows, Direction.MIN))
    assert (found.searches, len(found.contradictions)) == (1, 2)


def test_how_many_keeps_are_real_is_the_distribution_of_their_sum(searches):
    for one, gains in searches:
        expected, low, high = how_many(one.keeps)
        assert low <= expected <= high <= len(gains)
    inside = 0
    for one, gains in searches:
        _, low, high = how_many(one.keeps)
        inside += low <= sum(gain > 0 for gain in gains.values()) <= high
    assert inside >= 5  # of 8 at 90 %


def test_discards_within_the_noise_come_likeliest_first(searches):
    one, _ = searches[0]
    assert one.retests
    assert [chance.p for chance in one.retests] == sorted((chance.p for chance in one.retests), reverse=True)
    worst = max(-chance.logged for chance in one.retests)
    assert worst < 6 * one.noise.sigma
    assert not any("seed" in chance.entry.description for chance in one.retests)
