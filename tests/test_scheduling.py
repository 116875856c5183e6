"""What runs at once, and what becomes of it: plain decisions."""

import pytest

from autoloop_kernel.scheduling import Board, Claimed, Fate, Running, fate


@pytest.mark.parametrize(
    ("kept", "against", "champion", "becomes"),
    [
        (True, 3, 3, Fate.KEEP),
        (True, 3, 5, Fate.COMBINE),
        (False, 3, 5, Fate.DISCARD),
        (False, 3, 3, Fate.DISCARD),
        (True, None, None, Fate.KEEP),
        (True, None, 5, Fate.KEEP),
    ],
)
def test_a_keep_counts_where_its_base_is_still_the_champion(kept, against, champion, becomes):
    assert fate(kept, against, champion) is becomes


def test_code_is_claimed_from_its_begin_to_its_verdict():
    board = Board()
    board.begin(2, "a", 1, "w1")
    board.begin(3, "b", 1, "w2")
    assert board.claimed("a") == 2
    assert dict(board.running) == {2: Running("a", 1, "w1"), 3: Running("b", 1, "w2")}
    with pytest.raises(Claimed, match="being run, as iteration 2"):
        board.begin(4, "a", 1, "w3")
    assert 4 not in board.running
    board.end(2)
    assert board.claimed("a") is None
    board.begin(4, "a", 3, "w1")
    board.end(9)
    assert set(board.running) == {3, 4}
