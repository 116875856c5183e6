"""What an iteration taught, in words and numbers."""

from autoloop_kernel.arena.game import hardware_class
from autoloop_kernel.memory.edits import Noticed, edit_of
from autoloop_kernel.records import Iteration, Outcome, Seconds, Verdict
from autoloop_kernel.teaching import finding

ENDED = Iteration(4, 1, "p", "X to 2", "me", base=3, verdict=Verdict.CRASH, reason="it broke")
EDIT = edit_of({"model": "X = 1"}, {"model": "X = 2"})


def test_a_finding_says_what_was_tried_on_what_and_what_it_cost():
    text = finding(ENDED, Outcome(Verdict.CRASH)).text
    assert text == f"X to 2: crash (it broke); an edit of 3; 0 s on {hardware_class()}"
    ended = Iteration(**{**vars(ENDED), "score": 2.5, "seconds": Seconds(run=3.0, score=1.0), "verdict": Verdict.KEEP})
    believed = {"p_better": 0.9, "gain": [0.5, 0.25, 0.75], "sigma": 0.1}
    outcome = Outcome(Verdict.SCORED, extra={"tokens": 5}, facts={"steps": 3, "harness": {"cpu": 1}})
    taught = finding(ended, outcome, believed, Noticed(EDIT, 2, 1.0, "discard"), 0.0213)
    assert taught.text == (
        "X to 2: keep at 2.5 (it broke); an edit of 3 in model; gain 0.5, 90 % between 0.25 and 0.75; "
        f"4 s and $0.0213 on {hardware_class()}; nearly the same edit as iteration 2 (discard): 100% of its lines"
    )
    assert taught.numbers == {
        "score": 2.5,
        "base": 3,
        "facts": {"steps": 3},
        "extra": {"tokens": 5},
        "units": ["model"],
        "names": ["X"],
        "seconds": 4.0,
        "dollars": 0.0213,
        "hardware": hardware_class(),
        "effect": believed,
        "memory": {"near": 2, "again": []},
    }


def test_a_gain_without_noise_has_no_interval():
    assert "; gain -1.4; " in finding(ENDED, Outcome(Verdict.SCORED), {"gain": [-1.4, -1.4, -1.4]}).text
