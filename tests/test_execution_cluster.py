"""Attempts on a Ray cluster: the same as here, whatever fails on the way."""

import cgroup_kit
import clustered
import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("ray"), pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    "scene",
    [
        clustered.two_nodes,
        clustered.three_nodes,
        clustered.a_worker_is_killed,
        clustered.the_driver_is_killed,
        clustered.each_slot_has_a_card,
        clustered.the_lease_ends,
        clustered.a_worker_serves_on,
        clustered.the_folder_is_elsewhere,
        clustered.unfit_nodes_are_refused,
    ],
    ids=lambda scene: scene.__name__,
)
def test_on_a_cluster(theatre, tmp_path, scene):
    theatre.play(scene, tmp_path)


def test_when_memory_runs_out(theatre, tmp_path):
    if why := cgroup_kit.lacks("memory"):
        pytest.skip(why)
    theatre.play(clustered.memory_runs_out, tmp_path)


@pytest.mark.parametrize(
    "scene",
    [clustered.the_head_is_killed, clustered.a_cluster_of_its_own_ends_with_the_driver],
    ids=lambda scene: scene.__name__,
)
def test_with_no_cluster_to_join(theatre, tmp_path, scene):
    theatre.play(scene, tmp_path, nodes=0)
