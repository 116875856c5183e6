"""What failed, grouped by how; and what was touched, by name."""

from dataclasses import replace

import pytest
from test_views_words import iteration

from autoloop_kernel.records import Attempt, Kind, Seconds, Verdict
from autoloop_kernel.reporting.failures import changed_names, failures, touched


def failed(number, reason, verdict=Verdict.CRASH, seconds=2.0):
    ran = Attempt(1, 0, Kind.SCREEN, verdict, seconds=Seconds(total=seconds))
    lost = Attempt(2, 0, Kind.SCREEN, Verdict.CONTENDED, seconds=Seconds(total=7.0))
    whole = Seconds(total=seconds + 8.0)  # with what was lost, and what the agent thought
    return replace(iteration(number, None, verdict), reason=reason, seconds=whole, attempts=(ran, lost))


def test_what_went_wrong_alike_is_one_group():
    found = failures(
        [
            failed(2, "cell 'model' raised RuntimeError: shapes 3x4 and 5x6"),
            failed(3, "cell 'model' raised RuntimeError: shapes 7x8 and 9x9"),
            failed(4, "cell 'loss' raised RuntimeError: something else"),
            failed(5, "the candidate's process was killed by SIGKILL (by itself, or the machine …) in cell 'model'"),
            failed(6, "it took 14.2 s, more than 12 s", Verdict.TIMEOUT),
            failed(7, "it took 99 s", Verdict.TIMEOUT),
            failed(8, "odd thing 17: seen"),
            failed(9, "odd thing 18: seen"),
            iteration(10, 1.0, Verdict.KEEP),
        ]
    )
    told = {(one.verdict, one.what): (one.count, one.numbers, one.seconds) for one in found}
    assert told == {
        ("crash", "RuntimeError in model"): (2, (2, 3), 4.0),
        ("crash", "RuntimeError in loss"): (1, (4,), 2.0),
        ("crash", "killed by SIGKILL in model"): (1, (5,), 2.0),
        ("timeout", "out of time"): (2, (6, 7), 4.0),
        ("crash", "odd thing N"): (2, (8, 9), 4.0),
    }
    assert [one.count for one in found] == [2, 2, 2, 1, 1]
    assert failures([]) == ()


BASE = "import x\nLR = 0.1  # a\nWIDTH = 4\nclass Net:\n    depth = 2\n    def forward(self):\n        return 1\n"


@pytest.mark.parametrize(
    ("edit", "names"),
    [
        (("0.1", "0.2"), {"LR"}),
        (("# a", "# b"), set()),
        (("return 1", "return 2"), {"Net.forward"}),
        (("depth = 2", "depth = 3"), {"Net"}),
        (("import x", "import y"), {"model"}),
        (("WIDTH = 4\n", ""), {"WIDTH"}),
        (("WIDTH = 4", "WIDTH, LR = 5, 0.3"), {"WIDTH", "LR"}),
        (("LR", "%magic\nLR"), {"model", "LR", "WIDTH", "Net", "Net.forward"}),
    ],
)
def test_the_names_whose_code_changed(edit, names):
    assert changed_names({"model": BASE}, {"model": BASE.replace(*edit)}) == names


def test_other_files_go_by_their_own_name():
    assert changed_names({"a.txt": "1"}, {"a.txt": "2", "b.json": "3"}) == {"a.txt", "b.json"}


def test_a_name_knows_what_came_of_it():
    kept = replace(iteration(2, 1.0, Verdict.KEEP), state="refuted")
    found = touched(
        [
            (iteration(1, 2.0, Verdict.KEEP), frozenset({"LR"}), 0.5),
            (kept, frozenset({"LR", "WIDTH"}), 0.7),
            (failed(3, "no"), frozenset({"LR"}), None),
        ]
    )
    assert [(one.name, one.tried, one.kept, one.discarded, one.failed, one.best) for one in found] == [
        ("LR", 3, 1, 1, 1, 0.7),
        ("WIDTH", 1, 0, 1, 0, 0.7),
    ]
