"""Attempts on a Ray cluster: the same as here, whatever fails on the way."""

import clustered
import pytest
from cluster_kit import Stage

pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def stage():
    """A Ray cluster of two nodes."""
    stage = Stage(clustered.__file__, 2)
    yield stage
    stage.close()


@pytest.mark.parametrize(
    "scene",
    [
        "two_nodes",
        "three_nodes",
        "from_far",
        "a_node_is_killed",
        "a_worker_is_killed",
        "the_driver_is_killed",
        "the_lease_ends",
        "a_worker_serves_on",
        "the_folder_is_elsewhere",
        "unfit_nodes_are_refused",
    ],
)
def test_on_a_cluster(stage, tmp_path, scene):
    stage.play(scene, tmp_path)


@pytest.mark.parametrize("scene", ["the_head_is_killed", "a_cluster_of_its_own_ends_with_the_driver"])
def test_with_no_cluster_to_join(tmp_path, scene):
    stage = Stage(clustered.__file__, 0)
    try:
        stage.play(scene, tmp_path)
    finally:
        stage.close()
