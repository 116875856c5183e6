"""Attempts on a Ray cluster: the same as here, whatever fails on the way."""

import clustered
import pytest
from cluster_kit import play


@pytest.mark.parametrize("scene", ["two_nodes", "three_nodes"])
def test_a_cluster_gives_what_this_machine_gives(tmp_path, scene):
    play(tmp_path, clustered.__file__, scene)
