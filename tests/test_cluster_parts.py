"""The parts of the cluster's executor that need no cluster: specs, machines, files, folders, paces, probes."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from arenas import arena, job
from fault_kit import fill, play_on
from slots_kit import Ideas, write_two

from autoloop_kernel import driver
from autoloop_kernel.driver import Plan, drive
from autoloop_kernel.execution import cluster, cluster_files, cluster_hold
from autoloop_kernel.execution.cluster import NEEDS, open_cluster, parsed
from autoloop_kernel.execution.cluster_nodes import Node, comparable, count_of, fit, nodes_of, room_on, share_of
from autoloop_kernel.execution.cluster_pace import Pace
from autoloop_kernel.execution.cluster_probe import missing, probe
from autoloop_kernel.execution.cluster_worker import UNFIT, Worker, key_of, modules_of
from autoloop_kernel.execution.workers import LocalWorkers
from autoloop_kernel.records import AutoloopError, Outcome, Point, Seconds, Verdict, to_json

OURS = {"python": "3.11", "autoloop": "1.0"}


def node(name: str, hardware: str = "EPYC", cpus: float = 2.0, gpus: int = 0, **facts: object) -> Node:
    return Node(name, name, cpus, gpus, {**OURS, "hardware": hardware, **facts})


@pytest.mark.parametrize(
    ("spec", "means"),
    [("ray", ("", None)), ("ray:3", ("", 3)), ("ray://head:10001", ("ray://head:10001", None))],
)
def test_a_spec_names_a_cluster_and_a_number_of_slots(spec, means):
    assert parsed(spec) == means


@pytest.mark.parametrize("spec", ["ray:", "ray:0", "ray:-1", "ray://", "ray://head", "ray:two", "rays"])
def test_another_spec_is_refused_in_one_line(spec):
    with pytest.raises(AutoloopError, match=r"say ray, ray:N \(N slots\), or ray://HOST:PORT"):
        parsed(spec)


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AutoloopError) as told:
        open_cluster("ray", "mark", lambda kind, **data: None)
    assert str(told.value) == "--workers ray needs Ray: pip install 'autoloop-kernel[ray]'" == NEEDS.format("ray")


def test_nothing_but_the_process_that_speaks_with_it_imports_ray():
    code = "import sys, autoloop_kernel.execution.cluster, autoloop_kernel.execution.cluster_worker as w; w.Worker"
    code += "; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_error_is_told_in_a_line_that_says_something():
    code = """
from autoloop_kernel.execution.cluster_hub import line_of
for text in ("first\\nsecond", "\\nInitialization failure from server:\\nTraceback\\nRuntimeError: no port\\n", ""):
    print(line_of(ValueError(text)))
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True).stdout
    assert told.splitlines() == ["first", "Initialization failure from server: RuntimeError: no port", "ValueError"]


def test_a_node_has_a_name_of_its_own_and_the_dead_are_left_out():
    def row(name: str, host: str, alive: bool = True, **has: float) -> dict[str, object]:
        return {"NodeID": name * 8, "NodeManagerHostname": host, "Alive": alive, "Resources": has}

    found = nodes_of([row("b", "x", CPU=4.0), row("a", "x", GPU=2.0), row("c", "y"), row("d", "z", alive=False)])
    assert [(one.name, one.cpus, one.gpus) for one in found] == [("x/aaaaaa", 0, 2), ("x/bbbbbb", 4, 0), ("y", 0, 0)]


def test_machines_that_lack_something_or_differ_are_refused_with_a_line_each():
    nodes = [node("a"), node("b"), node("c", "Xeon"), node("d", python="3.9"), node("e", autoloop="0.9")]
    nodes += [
        node("f", autoloop=None, why="ModuleNotFoundError: no"),
        node("g", why="OSError: no"),
        node("h", lost="?"),
    ]
    found = fit(nodes, OURS)
    assert [one.name for one in found.nodes] == ["a", "b"]
    assert found.hardware == "EPYC"
    assert set(found.refused) == {*"cdefgh"}
    assert "node c is another machine (Xeon) than most (EPYC)" in found.refused["c"]
    assert "node d has Python 3.9, the driver 3.11" in found.refused["d"]
    assert "node e has autoloop-kernel 0.9, the driver 1.0: pip install" in found.refused["e"]
    assert "node f lacks module autoloop_kernel" in found.refused["f"]
    assert all("\n" not in line for line in found.refused.values())


def test_the_class_of_earlier_runs_stays_whatever_most_machines_are_now():
    found = fit([node("a", "Xeon"), node("b", "Xeon"), node("c", "EPYC")], OURS, "EPYC")
    assert [one.name for one in found.nodes] == ["c"]


def test_how_many_cards_a_machine_has_says_nothing_of_a_slot_that_has_one():
    found = fit([node("a", "8 x H100", gpus=8), node("b", "4 x H100", gpus=4), node("c", "8 x H100", gpus=8)], OURS)
    assert len(found.nodes) == 3
    assert found.hardware == "8 x H100"
    assert comparable("2 x A + 1 x B") == "A + B"


def test_slots_are_one_a_card_else_one_a_machine_else_as_many_as_asked_for():
    cards, plain = [node("a", gpus=2), node("b", gpus=1)], [node("a"), node("b")]
    assert [count_of(cards, asked) for asked in (None, 2, 9)] == [3, 2, 3]
    assert [count_of(plain, asked) for asked in (None, 1, 5)] == [2, 1, 5]


def test_workers_are_spread_and_no_card_is_given_out_twice():
    assert [one.name for one in room_on([node("a"), node("b")], {"a": 1}, 2)] == ["b", "a"]
    assert [one.name for one in room_on([node("a"), node("b")], {"a": 1}, 1)] == ["b"]
    cards = [node("a", gpus=2), node("b", gpus=1)]
    assert [one.name for one in room_on(cards, {"b": 1}, 9)] == ["a"]
    assert room_on(cards, {"a": 2, "b": 1}, 9) == []
    assert share_of(node("a", cpus=8, gpus=2), 1) == {"num_cpus": 1.0, "num_gpus": 1}
    assert share_of(node("a", cpus=2), 4) == {"num_cpus": 0.5, "num_gpus": 0}


def test_a_key_is_the_same_for_the_same_attempt_alone(tmp_path):
    made = [job(arena(), tmp_path, run_id=name) for name in ("one", "two")]
    assert key_of("mark", made[0]) == key_of("mark", made[1])
    assert key_of("mark", job(arena(), tmp_path, seed=8)) != key_of("mark", made[0])
    assert key_of("mark", job(arena(), tmp_path, attempt=2)) != key_of("mark", made[0])
    assert key_of("other", made[0]) != key_of("mark", made[0])


def test_an_arena_at_the_same_path_of_another_machine_is_another_to_a_cluster(tmp_path, monkeypatch):
    """Each would take the other's workers for its own, and end what they run."""
    marks: list[str] = []

    def opened(spec, mark, tell):
        marks.append(mark)
        return LocalWorkers(1, mark)

    monkeypatch.setattr(driver, "open_workers", opened)
    path = write_two(tmp_path)
    for again in (False, True, False):
        if not again:
            shutil.rmtree(tmp_path / "two_runs", ignore_errors=True)
        drive(path, [Ideas({"e0": f"X = {4 + len(marks)}"}, quick=True)], Plan(iterations=1, workers="ray"))
    assert marks[0] == marks[1] != marks[2]


def test_the_probe_tells_what_is_here_and_imports_nothing_to_find_what_is_not(tmp_path):
    facts = probe()
    assert facts["python"] == "{}.{}".format(*sys.version_info[:2])
    assert facts["autoloop"] == cluster.autoloop_kernel.__version__
    assert facts["hardware"]
    (tmp_path / "mine_to_find.py").write_text("raise SystemExit('it was imported')")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    names = ["json", "mine_to_find", "not_there_at_all.below"]
    assert missing(names, [sys.executable], env) == ["not_there_at_all"]
    assert missing(["json", "not_there_at_all"]) == ["not_there_at_all"]
    shared = "import numpy as np, beside\nfrom xml import dom\nimport not_there_at_all"
    (tmp_path / "beside.py").write_text("")
    assert modules_of(job(arena(shared=shared), tmp_path)) == ["not_there_at_all", "numpy", "xml"]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def sent(folder: Path, target: Path) -> str:
    """Send a folder; the digest of its content."""
    target.parent.mkdir(parents=True, exist_ok=True)
    tar = target.with_suffix(".tar")
    digest = cluster_files.packed(folder, tar)
    cluster_files.unpacked(tar, target)
    return digest


def test_a_folder_arrives_as_runs_would_see_it(tmp_path):
    home = write(
        tmp_path / "arena",
        {"a.txt": "1", "deep/b.txt": "2", ".hidden": "3", "x_runs/c": "4", "__pycache__/d": "5", ".git/e": "6"},
    )
    (home / "empty").mkdir()
    write(tmp_path / "outside", {"big.bin": "7" * 1000, "folder/f.txt": "8"})
    (home / "linked").symlink_to(tmp_path / "outside" / "folder")
    (home / "big.bin").symlink_to(tmp_path / "outside" / "big.bin")
    (home / "gone").symlink_to("nowhere")
    (home / "round").symlink_to(home)
    digest = sent(home, tmp_path / "there")
    found = {str(p.relative_to(tmp_path / "there")) for p in (tmp_path / "there").rglob("*")}
    assert found == {"a.txt", "deep", "deep/b.txt", "empty", "linked", "linked/f.txt", "big.bin"}
    assert (tmp_path / "there" / "big.bin").read_text() == "7" * 1000
    assert sent(home, tmp_path / "again") == digest
    (home / "a.txt").write_text("9")
    assert sent(home, tmp_path / "third") != digest


def test_a_sealed_file_does_not_arrive_under_another_name(tmp_path):
    secret = write(tmp_path / "outside", {"truth": "42"}) / "truth"
    home = write(tmp_path / "arena", {"sealed/inside": "43"})
    (home / "a-peek").symlink_to("sealed/inside")
    (home / "another").symlink_to(secret)
    (home / "sealed" / "truth").symlink_to(secret)
    sent(home, tmp_path / "there")
    there = tmp_path / "there"
    for name, other in (("a-peek", "sealed/inside"), ("another", "sealed/truth")):
        assert os.path.realpath(there / name) == os.path.realpath(there / other)
        assert (there / name).read_text() == (home / name).read_text()


def test_the_manifest_of_the_same_folder_is_the_same_and_of_a_changed_one_is_not(tmp_path):
    home = write(tmp_path / "arena", {"a.txt": "1", "deep/b.txt": "2"})
    before = cluster_files.manifest(home)
    write(home, {"x_runs/c": "3", ".hidden": "4"})
    assert cluster_files.manifest(home) == before
    os.utime(home / "a.txt", ns=(1, 1))
    assert cluster_files.manifest(home) != before
    assert cluster_files.manifest(tmp_path / "nowhere") == ""


@pytest.mark.parametrize("name", ["../out", "/tmp/autoloop-out", "link"])
def test_a_bundle_whose_members_leave_the_folder_is_refused_and_changes_nothing(tmp_path, name):
    bundle, target = tmp_path / "bundle.tar", write(tmp_path / "0001", {"log.txt": "before"})
    with tarfile.open(bundle, "w") as tar:
        good = tarfile.TarInfo("iteration.ipynb")
        good.size = 2
        tar.addfile(good, io.BytesIO(b"{}"))
        bad = tarfile.TarInfo(name)
        bad.type, bad.linkname = (tarfile.SYMTYPE, "/etc/passwd") if name == "link" else (tarfile.REGTYPE, "")
        tar.addfile(bad)
    if name.startswith("/"):  # it loses its slash, and stays inside
        cluster_files.put(bundle, target)
        assert not Path(name).exists()
        return
    with pytest.raises(tarfile.FilterError):
        cluster_files.put(bundle, target)
    assert [p.name for p in target.rglob("*")] == ["log.txt"]
    assert [p.name for p in tmp_path.iterdir() if p.name == "out"] == []


def test_what_a_run_made_comes_home_beside_what_was_there(tmp_path):
    made = write(tmp_path / "made", {"log.txt": "second\n", "attempt-2.ipynb": "{}", "artifacts/w/new": "n"})
    target = write(tmp_path / "0001", {"log.txt": "first\n", "iteration.ipynb": "{}", "artifacts/old": "o"})
    cluster_files.bundled(made, tmp_path / "bundle.tar")
    cluster_files.put(tmp_path / "bundle.tar", target)
    found = {str(p.relative_to(target)): p.read_text() for p in target.rglob("*") if p.is_file()}
    assert found == {
        "log.txt": "first\nsecond\n",
        "attempt-2.ipynb": "{}",
        "iteration.ipynb": "{}",
        "artifacts/w/new": "n",
    }


def test_a_kill_at_any_moment_of_an_arrival_leaves_no_half_file(tmp_path):
    made = write(
        tmp_path / "made", {"log.txt": "log" * 1000, "iteration.ipynb": "{}" * 1000, "artifacts/a": "a" * 1000}
    )
    cluster_files.bundled(made, tmp_path / "bundle.tar")
    code = """
import os, sys
from pathlib import Path
from autoloop_kernel.execution import cluster_files
left = int(sys.argv[3])
def count(event, args):
    global left
    if event in ("os.rename", "open", "os.mkdir", "shutil.rmtree"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
sys.addaudithook(count)
cluster_files.put(Path(sys.argv[1]), Path(sys.argv[2]))
"""
    whole = {"log.txt": "log" * 1000, "iteration.ipynb": "{}" * 1000, "artifacts/a": "a" * 1000}
    died = 0
    for moment in range(1, 60):
        target = tmp_path / f"target-{moment}"
        target.mkdir()
        done = subprocess.run([sys.executable, "-c", code, tmp_path / "bundle.tar", target, str(moment)], timeout=60)
        there = {str(p.relative_to(target)): p for p in target.rglob("*") if p.is_file()}
        shown = {name: p.read_text() for name, p in there.items() if not name.startswith(cluster_files.ARRIVING)}
        assert shown.items() <= whole.items()
        if "iteration.ipynb" in shown:
            assert shown == whole, "the notebook comes last"
        cluster_files.clear(target)
        assert not [p for p in target.iterdir() if p.name.startswith(".")]
        if done.returncode == 0:
            assert shown == whole
            break
        died += 1
    assert died > 10
    assert done.returncode == 0


def test_a_folder_goes_when_nobody_holds_it_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_hold.tempfile, "tempdir", str(tmp_path))
    first, second = cluster_hold.Hold("arena"), cluster_hold.Hold("arena")
    first.folder.mkdir()
    assert cluster_hold.base().stat().st_mode & 0o777 == 0o700
    first.drop()
    cluster_hold.tidy()
    assert second.folder.is_dir()
    second.drop()
    assert list(cluster_hold.base().iterdir()) == []
    code = "import os; from autoloop_kernel.execution.cluster_hold import Hold; h = Hold('dead'); h.folder.mkdir()"
    subprocess.run(
        [sys.executable, "-c", code + "; os._exit(1)"], env={**os.environ, "TMPDIR": str(tmp_path)}, timeout=60
    )
    assert (cluster_hold.base() / "dead").is_dir()
    cluster_hold.tidy()
    assert list(cluster_hold.base().iterdir()) == []


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_hold.tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"autoloop-cluster-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(PermissionError, match="belongs to another user"):
        cluster_hold.base()


def test_a_driver_that_was_halted_hears_what_was_said_meanwhile_before_it_misses_the_head():
    link = SimpleNamespace(gone=threading.Event(), heard=time.monotonic() - 2 * cluster.HEAD_S)
    assert cluster.silent(link)
    reads = threading.Timer(cluster.HALTED_S / 10, lambda: setattr(link, "heard", time.monotonic()))
    reads.start()
    assert not cluster.silent(link)
    reads.join()


def a_disk_gets_full(folder: Path) -> None:
    home, place = folder / "home", folder / "tmp"
    home.mkdir()
    place.mkdir()
    tempfile.tempdir = str(place)
    worker = Worker("autoloop-ray-full-w1-1", "autoloop-ray-full", "node", lease_s=600)
    try:
        for number, full in ((1, False), (2, True)):
            if full:
                fill(folder)
            worker.start(str(number), to_json(job(arena(), home, attempt=number)), "", "driver")
            while (told := worker.hear(str(number), 0, 5.0))["outcome"] is None:
                pass
            found = told["outcome"]
            assert (found["verdict"], UNFIT in found["facts"].get("harness", {})) == (
                ("interrupted", True) if full else ("scored", False)
            ), found
        assert "No space left on device" in found["facts"]["harness"][UNFIT]
    finally:
        worker.close()


def test_a_worker_whose_disk_is_full_says_that_its_machine_and_no_candidate_has_failed():
    with tempfile.TemporaryDirectory(prefix="ral-", dir="/tmp") as short:  # sockets lie there
        play_on('mount -t tmpfs -o size=32m tmpfs "$0" && exec "$@"', Path(short), __file__, "a_disk_gets_full")


def ran(seconds: float, steps: float = 0.0) -> Outcome:
    curve = (Point(0, 0.0, {}), Point(10, 10 / steps, {})) if steps else ()
    return Outcome(Verdict.SCORED, curve=curve, seconds=Seconds(total=seconds))


def test_a_worker_far_slower_than_the_others_is_told_once():
    pace = Pace()
    told = [pace.told(name, ran(6.0 if name == "c" else 4.0)) for _ in range(5) for name in "abc"]
    assert [text for text in told if text] == ["c is slow: 600 runs an hour where the others make 900"]


def test_one_of_a_budget_of_wall_clock_is_known_by_its_steps():
    pace = Pace()
    told = [pace.told(name, ran(5.0, 3.0 if name == "c" else 9.0)) for _ in range(3) for name in "abc"]
    assert [text for text in told if text] == ["c is slow: 3 steps a second where the others make 9"]


def test_a_worker_that_is_a_little_slower_or_hardly_known_is_not():
    pace = Pace()
    assert not any(pace.told(name, ran(5.9 if name == "b" else 4.0)) for _ in range(9) for name in "ab")
    pace = Pace()
    assert not any(pace.told(name, ran(60.0 if name == "b" else 4.0)) for _ in range(2) for name in "ab")
    assert not any(pace.told("b", Outcome(Verdict.CRASH, seconds=Seconds(total=600))) for _ in range(9))


def test_a_cluster_where_nothing_listens_is_named_with_what_to_start(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nothing listens there, and nobody else will
        port = taken.getsockname()[1]
        told = (
            f"ray://127.0.0.1:{port} cannot be joined: Connection refused; start its head there with: ray start --head"
        )
        with pytest.raises(AutoloopError, match=f"{told} --ray-client-server-port={port}"):
            open_cluster(f"ray://127.0.0.1:{port}", "test", print)
