"""Scenes for test_execution_cluster: each is played in a process of its own, with a Ray cluster of its own."""

from __future__ import annotations

from pathlib import Path

from cluster_kit import Nodes, Running, Told, opened, told_by, work

from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.records import HARNESS

CRASH = "print('before')\nraise ValueError('no such luck')"


def same_as_local(folder: Path, count: int) -> None:
    """Seeded jobs on a cluster of `count` nodes give what the local executor gives."""
    Nodes(count)
    jobs = [work(folder / "there", iteration=n, seed=100 + n) for n in range(1, 4)]
    jobs += [work(folder / "there", CRASH, iteration=4)]
    told = Told()
    workers = opened("ray", told)
    assert [slot.name for slot in workers.slots] == [f"w{n}" for n in range(1, count + 1)]
    assert len({slot.where for slot in workers.slots}) == count
    running = [Running(workers.slots[n % count], job) for n, job in enumerate(jobs[:count])]
    there = [one.ended() for one in running]
    there += [workers.slots[0].executor.run(job, lambda kind, data: None, lambda: False) for job in jobs[count:]]
    assert {outcome.facts[HARNESS]["worker"] for outcome in there[:count]} == {slot.name for slot in workers.slots}
    assert {outcome.facts[HARNESS]["hardware"] for outcome in there} == {workers.hardware}
    workers.close()
    local = LocalExecutor("test-local")
    for job, found in zip(jobs, there, strict=True):
        here = work(folder / "here", *([CRASH] if job.iteration == 4 else []), iteration=job.iteration, seed=job.seed)
        expected = local.run(here, lambda kind, data: None, lambda: False)
        assert (found.verdict, found.score, found.reason, found.cell) == (
            *(expected.verdict, expected.score, expected.reason, expected.cell),
        )
        assert [(p.step, p.numbers) for p in found.curve] == [(p.step, p.numbers) for p in expected.curve]
        assert told_by(job.target) == told_by(here.target)
        assert sorted(p.name for p in job.target.iterdir()) == sorted(p.name for p in here.target.iterdir())
    local.close()


def two_nodes(folder: Path) -> None:
    same_as_local(folder, 2)


def three_nodes(folder: Path) -> None:
    same_as_local(folder, 3)
