"""When a driver is to stop and on what it runs: what is refused, and what a detached driver is told."""

import pytest

from autoloop_kernel.plan import Plan, arguments
from autoloop_kernel.records import AutoloopError


@pytest.mark.parametrize("spec", ["1", "4", "128", "ray", "ray:3", "ray://head:10001", "ray://[::1]:10001"])
def test_workers_are_a_number_or_a_cluster(spec):
    assert Plan(workers=spec).workers == spec


@pytest.mark.parametrize(
    "spec",
    ["", "0", "-1", "01", "1.5", "two", "ray:", "ray:0", "ray://", "ray://a b:1", "4\n", "٤", "Ray"],
)
def test_other_workers_are_refused_in_one_line(spec):
    with pytest.raises(AutoloopError) as refused:
        Plan(workers=spec)
    said = str(refused.value)
    assert said.startswith(f"--workers {spec!r} names no workers — give how many run at once")
    assert "\n" not in said


def test_a_detached_driver_is_told_its_workers():
    plan = Plan(iterations=3, workers="ray://head:10001")
    assert arguments(["search"], plan)[-1] == "--workers=ray://head:10001"
    assert not [word for word in arguments(["search"], Plan()) if "workers" in word], "one needs no word"


def test_a_detached_driver_is_told_of_islands():
    assert arguments(["search@refine"], Plan(islands=True))[:2] == ["--agent", "search@refine"]
    assert arguments(["search@refine"], Plan(islands=True))[-1] == "--islands"
    assert "--islands" not in arguments(["search"], Plan())
