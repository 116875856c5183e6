"""Eight agents that often propose the same, on four slots with one memory: nothing is evaluated twice or lost."""

from __future__ import annotations

from team_kit import Drawing, World, search


def test_no_code_is_evaluated_twice_and_every_iteration_ends_once(tmp_path):
    world = World(3)
    agents = [Drawing(f"agent{number}", 3) for number in range(8)]
    came = search(tmp_path / "team", world, agents, 4, 32)  # looks at both of them itself
    assert 32 <= came.ran <= 32 + max(4, came.overtaken), (
        "as many as were wanted, and what is owed of those that were overtaken"
    )
    assert came.avoided > 0, "of sixty ideas some are drawn twice"
    assert 0.0 <= came.gain <= world.most
