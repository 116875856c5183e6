"""What kinds of edits helped or harmed, in words."""

from autoloop_kernel.memory.lessons import SHOWN, lessons
from autoloop_kernel.memory.remembering import Try
from autoloop_kernel.records import Verdict


def tried(number, verdict="discard", gain=None, name="LR", state=None, reason="", near=None, again=0):
    return Try(number, f"title {number}", ("model",), (name,), Verdict(verdict), state, gain, reason, near, again)


def test_kinds_of_edits_are_told_by_how_often_they_paid():
    tries = [
        tried(2, gain=-0.2),
        tried(3, "keep", 0.1, state="confirmed"),
        tried(4, "keep", 0.5, state="refuted"),
        tried(5, gain=-0.4),
        tried(6, "crash", reason="boom"),
        tried(7, name="DEPTH", gain=-1.0),
        tried(8, name="WIDTH", gain=-1.0),
        tried(9, name="WIDTH", gain=-3.0),
        tried(10, "keep", 0.3, name="ACT", state="provisional"),
    ]
    first, second, third, *rest = lessons(tries)
    assert first == (
        "LR in model: 5 tries, 2 kept (1 confirmed, 1 refuted); best gain 0.1 (iteration 3); "
        "2 discarded, worse by 0.3 on average; 1 failed"
    )
    assert second == "ACT in model: 1 try, 1 kept; best gain 0.3 (iteration 10)"
    assert third == "WIDTH in model: 2 tries, none kept; 2 discarded, worse by 2 on average"
    assert rest == [
        "upheld by fresh seeds: 3 title 3",
        "looked better once and was not: refuted by fresh seeds: 4 title 4",
    ]
    assert lessons([]) == []


def test_reasons_that_come_again_are_told_with_their_iterations():
    tries = [tried(n, "crash", name=f"N{n}", reason=f"MemoryError: {n} GiB\nin cell model") for n in range(2, 9)]
    (line,) = lessons([*tries, tried(9, "crash", name="N9", reason="another")])
    assert line == "failed 7 times: MemoryError: 8 GiB in cell model (iterations 2, 3, …, 7, 8)"


def test_what_became_of_edits_that_the_memory_warned_of():
    tries = [
        tried(2, name="A", again=2),
        tried(3, "keep", 1.0, name="B", again=1),
        tried(4, name="C", near=2),
        tried(5, name="D", near=2),
    ]
    assert lessons(tries)[1:] == [
        "2 of the last 4 edits added lines again that a kept step had taken out: 1 of them stood",
        "2 of the last 4 edits were nearly the same as an earlier one: none of them stood",
    ]


def test_no_more_kinds_are_told_of_than_are_shown():
    tries = [tried(2 * n + k, name=f"N{n}", gain=-1.0) for n in range(3 * SHOWN) for k in (0, 1)]
    assert len(lessons(tries)) == SHOWN
