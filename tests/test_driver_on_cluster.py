"""Whole drivers on a Ray cluster: the same verdicts as here, and nothing lost or doubled whatever is killed."""

import cgroup_kit
import driven
import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("ray"), pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    "scene",
    [driven.the_same_verdicts, driven.nodes_and_workers_go_under_a_driver, driven.the_driver_is_killed_and_comes_back],
    ids=lambda scene: scene.__name__,
)
def test_a_driver_on_a_cluster(theatre, tmp_path, scene):
    theatre.play(scene, tmp_path)


def test_a_slow_machine_is_told_of(theatre, tmp_path):
    if why := cgroup_kit.lacks("cpu"):
        pytest.skip(why)
    theatre.play(driven.a_node_is_slow, tmp_path)
