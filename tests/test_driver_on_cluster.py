"""Whole drivers on a Ray cluster: the same verdicts as here, and nothing lost or doubled whatever is killed."""

import driven
import pytest
from cluster_kit import Stage

pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def stage():
    """A Ray cluster of two nodes."""
    stage = Stage(driven.__file__, 2)
    yield stage
    stage.close()


@pytest.mark.parametrize(
    "scene", ["the_same_verdicts", "a_node_goes_under_a_driver", "the_driver_is_killed_and_comes_back"]
)
def test_a_driver_on_a_cluster(stage, tmp_path, scene):
    stage.play(scene, tmp_path)
