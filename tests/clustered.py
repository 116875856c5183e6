"""Scenes for test_execution_cluster: each is played in a process of its own, with a Ray cluster of its own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cgroup_kit
import psutil
import pytest
from arenas import IMPORTS
from cluster_kit import (
    CLIENT,
    SLEEPS,
    Nodes,
    Running,
    Told,
    kernels,
    kill,
    opened,
    same,
    starved,
    told_by,
    until,
    work,
    workers_left,
)

import autoloop_kernel
from autoloop_kernel.execution.cluster import Cluster
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.records import HARNESS, AutoloopError, Job, Outcome, Verdict

CRASH = "print('before')\nraise ValueError('no such luck')"
LOST = "the cluster was lost while the attempt ran"
LASTS = SLEEPS.format(seconds=600)


def done(workers: Cluster, job: Job, slot: int = 0) -> Outcome:
    """Run a job to its end in a slot."""
    return workers.slots[slot].executor.run(job, lambda kind, data: None, lambda: False)


def kernel_of(running: Running) -> psutil.Process:
    """A process of the run that has just begun; no other runs."""
    running.reached("running")
    until(kernels)
    return kernels()[0]


def two_nodes(folder: Path, nodes: Nodes) -> None:
    """Seeded jobs on two nodes give what the local executor gives, on the cluster of this machine and from far."""
    expected = done_here(folder / "here")
    for spec in ("ray", f"ray://127.0.0.1:{CLIENT}"):
        with opened(spec) as workers:
            same_as_here(folder / spec.partition(":")[2].strip("/"), workers, 2, expected)


def three_nodes(folder: Path, nodes: Nodes) -> None:
    """So they do on three; an attempt on one that is killed is lost, no verdict, and runs elsewhere."""
    expected, third, told = done_here(folder / "here"), nodes.add(), Told()
    with opened("ray", told) as workers:
        same_as_here(folder / "there", workers, 3, expected)
        a_node_is_killed(folder / "lost", nodes, third, workers, told)


Done = list[tuple[Job, Outcome]]


def jobs_of(folder: Path) -> list[Job]:
    seeded = [work(folder, iteration=number, seed=100 + number) for number in range(1, 4)]
    return [*seeded, work(folder, CRASH, iteration=4)]


def done_here(folder: Path) -> Done:
    with contextlib.closing(LocalExecutor("test-local")) as local:
        return [(job, local.run(job, lambda kind, data: None, lambda: False)) for job in jobs_of(folder)]


def same_as_here(folder: Path, workers: Cluster, count: int, expected: Done) -> None:
    """Run on all nodes what was run here, and compare all that is left of it."""
    jobs = jobs_of(folder)
    same([slot.name for slot in workers.slots], [f"w{number}" for number in range(1, count + 1)])
    same(len({slot.where for slot in workers.slots}), count)
    running = [Running(workers.slots[number], job) for number, job in enumerate(jobs[:count])]
    there = [one.ended() for one in running]
    there += [done(workers, job) for job in jobs[count:]]
    same({outcome.facts[HARNESS]["worker"] for outcome in there[:count]}, {slot.name for slot in workers.slots})
    same({outcome.facts[HARNESS]["hardware"] for outcome in there}, {workers.hardware("cpu")})
    for job, found, (here, outcome) in zip(jobs, there, expected, strict=True):
        same(said(found), said(outcome))
        same(told_by(job.target), told_by(here.target))
        same(sorted(p.name for p in job.target.iterdir()), sorted(p.name for p in here.target.iterdir()))


def said(outcome: Outcome) -> tuple[Any, ...]:
    """What must be the same wherever a job runs."""
    curve = [(point.step, dict(point.numbers)) for point in outcome.curve]
    return outcome.verdict, outcome.score, outcome.reason, outcome.cell, dict(outcome.extra), curve


def a_node_is_killed(folder: Path, nodes: Nodes, node: Any, workers: Cluster, told: Told) -> None:
    slot = next(slot for slot in workers.slots if node.node_id[:6] in slot.where)
    lost = Running(slot, work(folder, LASTS, budget_s=900))
    kernel = kernel_of(lost)
    other = Running(next(one for one in workers.slots if one is not slot), work(folder, iteration=2))
    began = time.monotonic()
    nodes.kill(node)
    outcome = lost.ended()
    print(f"the node's loss was noticed after {time.monotonic() - began:.1f} s", flush=True)
    same((outcome.verdict, "was lost" in outcome.facts[HARNESS]["lost"]), (Verdict.INTERRUPTED, True))
    gone(kernel)
    same(other.ended().verdict, Verdict.SCORED)
    assert told.states("lost")
    again = slot.executor.run(work(folder), lambda kind, data: None, lambda: False)
    same(again.verdict, Verdict.SCORED)
    assert node.node_id[:6] not in again.facts[HARNESS]["node"]


def gone(process: psutil.Process) -> None:
    """Wait until it is; who has ended may wait for its parent to hear of it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def a_worker_is_killed(folder: Path, nodes: Nodes) -> None:
    """A worker's process that is killed on a living node, by hand, is no lost node; another comes."""
    with opened("ray:1") as workers:
        its_end_is_no_verdict(folder, workers, lambda worker, kernel: kill(worker))


def memory_runs_out(folder: Path, nodes: Nodes) -> None:
    """Nor is one that the kernel ends because it needs more memory than there is; a candidate's end is its own."""
    with opened("ray:1") as workers:
        its_end_is_no_verdict(folder / "worker", workers, starved)
        [worker] = workers_now()
        running = Running(workers.slots[0], work(folder / "candidate", cgroup_kit.HOARDS))
        kernel_of(running)
        with cgroup_kit.memory(64) as group:
            for one in kernels():
                group.add(one.pid)
            outcome = running.ended()
            same(group.ended(), 1)
        how = "was killed by SIGKILL (by itself, or the machine ran out of memory)"  # as on this machine
        same((outcome.verdict, outcome.reason), (Verdict.CRASH, f"the candidate's process {how} in cell 'e0'"))
        same(done(workers, work(folder / "after")).verdict, Verdict.SCORED)
        same(workers_now(), [worker])


def its_end_is_no_verdict(
    folder: Path, workers: Cluster, end: Callable[[psutil.Process, psutil.Process], object]
) -> None:
    """What ends a worker leaves no process of its run, and no verdict: made again, the attempt counts."""
    running = Running(workers.slots[0], work(folder, LASTS, budget_s=900))
    kernel = kernel_of(running)
    end(next(one for one in workers_now() if is_above(one, kernel)), kernel)
    outcome = running.ended()
    same((outcome.verdict, "lost" in outcome.facts[HARNESS]), (Verdict.INTERRUPTED, False))
    assert "worker process" in outcome.reason, outcome
    gone(kernel)
    same(done(workers, work(folder)).verdict, Verdict.SCORED)
    same((running.job.target / "log.txt").read_text().count("=== iteration"), 1)


def workers_now() -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if is_worker(one)]


def is_worker(process: psutil.Process) -> bool:
    return "ray::Worker" in " ".join(process.info["cmdline"] or [])


def is_above(worker: psutil.Process, kernel: psutil.Process) -> bool:
    """Whether a kernel is below this worker; it may have been forked by a zygote of the worker's."""
    return worker.pid in {one.pid for one in kernel.parents()}


COUNTS = """\
import os, time
print("pid", os.getpid())
for step in range(6000):
    report(step, loss=1.0)
    time.sleep(0.1)
"""
DRIVER = """\
import sys, json, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from cluster_kit import *
opened = opened("ray:{slots}")
workers = opened.__enter__()
one = Running(workers.slots[{slot}], work(Path({folder!r}), {cell!r}, budget_s=900))
one.reached("running")
print("running", flush=True)
time.sleep(600)
"""


def the_driver_is_killed(folder: Path, nodes: Nodes) -> None:
    """A second driver takes up the attempt that still runs, in whatever slot it asks for it; it is not begun anew."""
    code = DRIVER.format(tests=str(Path(__file__).parent), folder=str(folder / "a"), cell=COUNTS, slot=0, slots=2)
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert any(line.startswith("running") for line in driver.stdout)
    before = kernels()
    kill(driver.pid)
    driver.wait()
    told, points = Told(), []

    def hear(kind: str, data: Any) -> str | None:
        if kind == "report":
            points.append(data["step"])
        return "enough" if len(points) >= 5 else None

    job = work(folder / "a", COUNTS, budget_s=900)
    with opened("ray", told) as workers:
        assert any("at its work" in event["text"] for event in told.states("up"))
        outcome = workers.slots[1].executor.run(job, hear, lambda: False)
        same((outcome.verdict, outcome.reason), (Verdict.PRUNED, "enough"))
        same(points[:2], [0, 1])  # from its first point on
        shown = str(told_by(job.target))
        assert any(f"pid {kernel.pid}\\n" in shown for kernel in before), (shown, before)
        with opened() as third:  # kept until the next begins: a driver may die before it has put it on record
            same(said(done(third, job)), said(outcome))


CARD = """\
import os, time
print("card", os.environ["CUDA_VISIBLE_DEVICES"])
time.sleep(1)
submit(lambda x: 2.0 * x)
"""


def each_slot_has_a_card(folder: Path, nodes: Nodes) -> None:
    """A machine that declares two cards has two slots, and Ray's choice of a card reaches the kernel of each."""
    other = nodes.add(num_gpus=2)
    with opened("ray") as workers:
        assert [slot.where.split("/")[-1] for slot in workers.slots] == [other.node_id[:6]] * 2
        running = [Running(slot, work(folder / slot.name, CARD, budget_s=60)) for slot in workers.slots]
        assert [one.ended().verdict for one in running] == [Verdict.SCORED] * 2
        shown = [str(told_by(one.job.target)) for one in running]
        assert sorted("card 0" in text for text in shown) == sorted("card 1" in text for text in shown) == [False, True]
    nodes.kill(other)


def the_lease_ends(folder: Path, nodes: Nodes) -> None:
    """A worker that hears of no driver ends what it runs, and itself: `act` sees to it that nothing is left."""
    code = DRIVER.format(tests=str(Path(__file__).parent), folder=str(folder / "a"), cell=LASTS, slot=0, slots=1)
    env = {**os.environ, "AUTOLOOP_LEASE_S": "10"}
    assert not workers_left()
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env)
    assert driver.stdout is not None
    assert any(line.startswith("running") for line in driver.stdout)
    time.sleep(12)  # longer than the lease: a driver that is there keeps it up
    assert kernels()
    driver.kill()
    driver.wait()


def a_worker_serves_on(folder: Path, nodes: Nodes) -> None:
    """One worker takes what a driver asks of it, one thing after the other."""
    with opened("ray:1") as workers:
        for number, scene in enumerate((it_is_stopped, it_is_pruned, artefacts_come_home_whole)):
            scene(folder / str(number), workers)


def it_is_stopped(folder: Path, workers: Cluster) -> None:
    """A stop ends the kernel at once, and the worker is good for the next."""
    running = Running(workers.slots[0], work(folder / "a", LASTS, budget_s=3, kill_s=5))
    kernel = kernel_of(running)
    running.stop.set()
    outcome = running.ended()
    same((outcome.verdict, "lost" in outcome.facts.get(HARNESS, {})), (Verdict.INTERRUPTED, False))
    gone(kernel)
    again = done(workers, running.job)  # the same attempt: what was stopped says nothing of it
    assert again.verdict is Verdict.TIMEOUT, again
    assert done(workers, work(folder / "a")).verdict is Verdict.SCORED
    why = workers.slots[0].executor.tryout(work(folder / "a", CRASH), lambda: False)
    assert "no such luck" in why
    assert workers.slots[0].executor.tryout(work(folder / "a"), lambda: False) == ""


def it_is_pruned(folder: Path, workers: Cluster) -> None:
    """The reason that a message is answered with ends the candidate."""

    def hear(kind: str, data: Any) -> str | None:
        return "far behind" if kind == "report" else None

    outcome = workers.slots[0].executor.run(work(folder / "a", LASTS, budget_s=900), hear, lambda: False)
    assert (outcome.verdict, outcome.reason) == (Verdict.PRUNED, "far behind")


MAKES = """\
import os
os.makedirs("weights/deep")
for name in ("a.bin", "deep/b.bin"):
    with open(f"weights/{name}", "wb") as file:
        file.write(bytes([SEED % 251]) * 20_000_000)
submit(lambda x: 2.0 * x)
"""


def artefacts_come_home_whole(folder: Path, workers: Cluster) -> None:
    """What a candidate made is there in full, and nothing of its arrival; a second run replaces it."""
    for seed in (3, 4):
        job = work(folder / "a", MAKES, seed=seed, artifacts=("weights",))
        assert done(workers, job).verdict is Verdict.SCORED
        found = {str(p.relative_to(job.target)): p for p in job.target.rglob("*") if p.is_file()}
        assert set(found) == {
            *("iteration.ipynb", "log.txt", "artifacts/weights/a.bin", "artifacts/weights/deep/b.bin"),
        }
        for name in ("a.bin", "deep/b.bin"):
            assert found[f"artifacts/weights/{name}"].read_bytes() == bytes([seed]) * 20_000_000
        assert [p for p in job.target.iterdir() if p.name.startswith(".")] == []
    assert found["log.txt"].read_text().count("=== iteration") == 2


READS = """\
import os
print(sorted(os.listdir(".")))
print(open("data/numbers.txt").read(), os.path.exists("sealed/truth.txt"), os.path.exists("peek"))
submit(lambda x: 2.0 * x)
"""
RARE = IMPORTS + "import autoloop_rare\n"
TRUTH = """\
print("the truth", open("sealed/truth.txt").read())
x = np.arange(4.0)
score(float(np.abs(ask(x=x) - 2 * x).sum()))
"""


def the_folder_is_elsewhere(folder: Path, nodes: Nodes) -> None:
    """On a machine that does not see the arena's folder its files arrive, sealed ones for the referee alone."""
    there, here = folder / "there", folder / "here"
    for home in (there, here):
        for name, text in {"data/numbers.txt": "1 2 3", "sealed/truth.txt": "42", ".hidden": "x"}.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        (home / "peek").symlink_to("sealed/truth.txt")
    with (
        nodes.started(hidden=there) as name,
        opened() as workers,
        contextlib.closing(LocalExecutor("test-local")) as local,
    ):
        slot = next(one for one in workers.slots if name in one.where)
        for number, numbers in enumerate(("1 2 3", "4 5 6"), 1):
            for home, executor in ((there, slot.executor), (here, local)):
                (home / "data/numbers.txt").write_text(numbers)
                job = work(home, READS, score=TRUTH, sealed=("sealed/*",), iteration=number)
                outcome = executor.run(job, lambda kind, data: None, lambda: False)
                assert outcome.verdict is Verdict.SCORED, outcome
            told, expected = (told_by(home / "arena_runs" / f"{number:04d}") for home in (there, here))
            same(told, expected)
            assert f"{numbers} False False" in str(told)
            assert "the truth 42" in str(told)


def unfit_nodes_are_refused(folder: Path, nodes: Nodes) -> None:
    """One line each: another version of Autoloop, other hardware, a module that cells import, a disk that is full."""
    old = folder / "old"
    (old / "autoloop_kernel").mkdir(parents=True)
    (old / "autoloop_kernel" / "__init__.py").write_text("__version__ = '0.0.1'\n")
    smi = folder / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho 'NVIDIA Imaginary 9000'\n")
    smi.chmod(0o755)
    path = os.environ["PYTHONPATH"]
    asked = [
        {"hidden": Path(autoloop_kernel.__file__).parent, "PYTHONPATH": f"{old}:{path}"},
        {"PATH": f"{smi.parent}:{os.environ['PATH']}"},
        {"PYTHONPATH": path.partition(":")[2]},
        {"small": True},
    ]
    with nodes.started_together(*asked) as (ancient, strange, poor, small):
        told = Told()
        with opened("ray:4", told) as workers:
            texts = {event["where"].split("/")[-1]: event["text"] for event in told.states("refused")}
            assert set(texts) == {ancient, strange}
            assert "has autoloop-kernel 0.0.1, the driver 0.1.0: pip install" in texts[ancient]
            assert "another machine (1 x NVIDIA Imaginary 9000)" in texts[strange]
            its_disk_gets_full(folder / "b", nodes, workers, told, small)
            slot = next(slot for slot in workers.slots if poor in slot.where)
            outcome = slot.executor.run(work(folder / "a", shared=RARE), lambda kind, data: None, lambda: False)
            assert outcome.verdict is Verdict.SCORED, outcome
            assert poor not in outcome.facts[HARNESS]["node"]
            lacking = [event["text"] for event in told.states("refused") if poor in event["where"]]
            assert lacking == [f"node {slot.where} lacks module autoloop_rare: pip install autoloop_rare there"]
            with pytest.raises(AutoloopError, match="lacks module autoloop_nowhere"):
                done(workers, work(folder / "a", shared=RARE.replace("rare", "nowhere")))


def its_disk_gets_full(folder: Path, nodes: Nodes, workers: Cluster, told: Told, small: str) -> None:
    """That says nothing of the candidate, whose attempt is to be made elsewhere; nothing more is tried there."""
    slot = next(slot for slot in workers.slots if small in slot.where)
    before = slot.executor.run(work(folder / "before"), lambda kind, data: None, lambda: False)
    same((before.verdict, small in before.facts[HARNESS]["node"]), (Verdict.SCORED, True))
    nodes.fill(small)
    lost = slot.executor.run(work(folder / "full"), lambda kind, data: None, lambda: False)
    same((lost.verdict, "cannot run attempts" in lost.facts[HARNESS].get("lost", lost)), (Verdict.INTERRUPTED, True))
    [why] = [event["text"] for event in told.states("refused") if small in event["where"]]
    assert re.search("cannot run attempts: .*No space left on device", why), why


def the_head_is_killed(folder: Path, nodes: None) -> None:
    """A cluster that was started here: the loss is noticed, a fresh one is started, and attempts run there.

    Where processes of a run die with the head, before it is missed, the attempt is lost all the same.
    """
    told = Told()
    with opened("ray:2", told) as workers:
        same([slot.where for slot in workers.slots], [workers.slots[0].where] * 2)
        torn = Running(workers.slots[1], work(folder / "b", LASTS, budget_s=900))
        kernel_of(torn)
        its = kernels()
        running = Running(workers.slots[0], work(folder / "a", LASTS, budget_s=900))
        running.reached("running")
        head = next(one for one in psutil.Process().children(recursive=True) if "gcs_server" in one.cmdline()[0])
        began = time.monotonic()
        kill(head)
        for one in its:
            kill(one)
        for one in (running, torn):
            outcome = one.ended(30)
            same((outcome.verdict, outcome.facts[HARNESS].get("lost")), (Verdict.INTERRUPTED, LOST))
        print(f"the head's loss was noticed after {time.monotonic() - began:.1f} s", flush=True)
        assert "head" in told.states("lost")[0]["text"]
        until(lambda: not kernels())
        same(Running(workers.slots[1], work(folder / "a")).ended().verdict, Verdict.SCORED)
        print(f"an attempt had run on a fresh cluster after {time.monotonic() - began:.1f} s", flush=True)


def a_cluster_of_its_own_ends_with_the_driver(folder: Path, nodes: None) -> None:
    """However the driver ends, nothing is left of the cluster that it has started."""
    code = DRIVER.format(tests=str(Path(__file__).parent), folder=str(folder / "a"), cell=LASTS, slot=0, slots=1)
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert any(line.startswith("running") for line in driver.stdout)
    below = {one.pid: one for one in psutil.Process().children(recursive=True)}
    commands = " ".join(" ".join(one.cmdline()[:1]) for one in below.values())
    assert "gcs_server" in commands
    assert "raylet" in commands
    print("it listened on", sorted({c.laddr.ip for one in below.values() for c in listening(one)}), flush=True)
    kill(driver.pid)
    driver.wait()
    until(lambda: not [one for one in below.values() if one.is_running() and one.status() != "zombie"], 30)


def listening(process: psutil.Process) -> list[Any]:
    with contextlib.suppress(psutil.Error):
        return [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    return []
