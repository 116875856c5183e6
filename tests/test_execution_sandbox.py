"""The sandbox's parts: what it says where a machine lacks something, what it carves out, what it keeps of a home."""

import ctypes
import json
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from types import ModuleType

import pytest
from arenas import HONEST, arena, job

from autoloop_kernel.execution import local, sandbox
from autoloop_kernel.execution.kernels import FAR
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.places import carve, own_paths
from autoloop_kernel.execution.policy import furnish_home, policy_for, scrubbed, unsealed_text
from autoloop_kernel.execution.sandbox import Policy
from autoloop_kernel.execution.scratch import Room

LANDLOCK = (444, 445, 446)
UNSHARE = {"x86_64": 272, "aarch64": 97}.get(platform.machine(), -1)
PRCTL = {"x86_64": 157, "aarch64": 167}.get(platform.machine(), -1)
PIVOT = {"x86_64": 155, "aarch64": 41}.get(platform.machine(), -1)
WITHOUT = """
import json, runpy, sys
from autoloop_kernel.execution import sandbox, seccomp
assert seccomp.install_filter(seccomp.refuse(json.loads(sys.argv[1]), 38))
sys.argv[1:] = ["--probe", sys.argv[2]]
runpy.run_path(sandbox.__file__, run_name="__main__")
"""
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="this machine has no Linux")


def probed(missing, folder):
    """What a seal lacks where the system answers the calls `missing` with ENOSYS."""
    command = [sys.executable, "-c", WITHOUT, json.dumps(missing), str(folder)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@linux
def test_nothing_is_lacking_where_the_system_has_it_all():
    landlock = ctypes.CDLL(None).syscall(444, None, 0, 1) >= 6
    mounts = ["unshare", "--map-root-user", "--net", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    if not shutil.which("unshare") or subprocess.run(mounts, capture_output=True, check=False).returncode:
        pytest.skip("this machine has no namespaces")
    if not landlock:
        pytest.skip("this machine has no Landlock that scopes signals")
    assert sandbox.lacks() == ()


@linux
@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ((), []),
        (LANDLOCK, [sandbox.NO_SIGNALS]),
        ((UNSHARE,), [sandbox.NO_SOCKETS]),
        ((PIVOT,), [sandbox.NO_SOCKETS]),
        ((*LANDLOCK, UNSHARE), [sandbox.NO_FILES, sandbox.NO_SOCKETS, sandbox.NO_SIGNALS]),
        (
            (*LANDLOCK, UNSHARE, PRCTL),
            [sandbox.NO_FILES, sandbox.NO_SOCKETS, sandbox.NO_SIGNALS, sandbox.NO_NETWORK, sandbox.NO_CALLS],
        ),
    ],
)
def test_what_a_machine_lacks_is_told(missing, words, tmp_path):
    if sandbox.lacks():
        pytest.skip(f"this machine has no whole sandbox: {sandbox.lacks()}")
    assert probed(missing, tmp_path) == words


def test_another_system_has_no_sandbox(monkeypatch):
    monkeypatch.setattr(sandbox.sys, "platform", "darwin")
    assert sandbox.seal(Policy()) == (sandbox.NO_SANDBOX,)


@linux
def test_an_iteration_says_what_its_seal_lacked_and_no_candidate_can_unsay_it(run_notebook, monkeypatch):
    monkeypatch.setattr(local, "CHILD", "open_child")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("NO_CALLS", " ".join(map(str, LANDLOCK)))
    run_notebook.executor = LocalExecutor(run_notebook.mark, warm=False)  # a zygote would have all of the calls
    forged = "import json, os\nfacts(unsealed='')\nsubmit(lambda x: 2.0 * x)"
    crashed = run_notebook(arena("1 / 0"))
    scored = run_notebook(arena(forged), attempt=2)
    assert crashed.outcome.extra == {"unsealed": sandbox.NO_SIGNALS}
    assert scored.outcome.extra == {"asked": 1, "unsealed": sandbox.NO_SIGNALS}
    assert scored.notebook.metadata.autoloop.result.extra.unsealed == sandbox.NO_SIGNALS


@linux
def test_a_path_too_long_for_sockets_leaves_the_network_and_says_so(run_notebook, tmp_path, monkeypatch):
    far = tmp_path / ("long" * 25)
    far.mkdir()
    monkeypatch.setattr(local.tempfile, "tempdir", str(far))
    assert FAR in run_notebook(arena()).outcome.extra["unsealed"]


def test_a_label_says_that_a_text_is_unsealed(tmp_path):
    label = tmp_path / "data" / "SOURCE.txt"
    label.parent.mkdir()
    assert unsealed_text(tmp_path) == ()
    label.write_text("title\nHeld-out part sealed/val.txt: 1 documents, 1.00 MB, sealed\n")
    assert unsealed_text(tmp_path) == ()
    label.write_text("title\nHeld-out part sealed/val.txt: 1 documents, 1.00 MB, unsealed\n")
    assert unsealed_text(tmp_path) == ("its held-out text lies in every Python",)


def test_a_folder_is_carved_round_what_is_left_out(tmp_path):
    for name in ("a/x.txt", "b/y.txt", "b/z.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "c").symlink_to(tmp_path / "b")
    top = str(tmp_path)
    assert carve(top, []) == [(top, True)]
    pieces = dict(carve(top, [f"{top}/b/z.txt"]))
    assert pieces == {top: False, f"{top}/a": True, f"{top}/b": False, f"{top}/b/y.txt": True}
    assert carve(f"{top}/b/y.txt", [f"{top}/b"]) == []


def test_a_policy_names_what_lies_beside_the_arena_and_nothing_that_is_sealed(tmp_path):
    folder, elsewhere = tmp_path / "arena", tmp_path / "elsewhere"
    for name in (
        "game.ipynb",
        "data/a.txt",
        "data/b.txt",
        "mixed/open.txt",
        "mixed/held.txt",
        ".hidden/x",
        "game_runs/x",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    elsewhere.mkdir()
    (folder / "data" / "more").symlink_to(elsewhere)
    room = Room(tmp_path / "room")
    room.furnish()
    policy = policy_for(room, folder, ["mixed/held.txt"])
    expected = {str(room.lib), str(elsewhere)} | {str(folder / n) for n in ("game.ipynb", "data", "mixed/open.txt")}
    assert set(policy.read) == expected
    assert set(policy.without) >= {str(folder / "mixed/held.txt"), str(folder / "game_runs")}
    assert Policy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


def test_an_editable_install_is_on_the_import_path(tmp_path, monkeypatch):
    for name in ("theirs", "ours/autoloop_kernel"):
        (tmp_path / name).mkdir(parents=True)
    finder = ModuleType("__editable___theirs_1_0_finder")
    finder.MAPPING = {"theirs": str(tmp_path / "theirs")}
    monkeypatch.setitem(sys.modules, finder.__name__, finder)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "ours"), str(tmp_path / "missing")])
    paths = own_paths(("autoloop_kernel",))
    assert str(tmp_path / "theirs") in paths
    assert str(tmp_path / "ours") not in paths
    assert str(tmp_path / "ours") in own_paths()
    assert str(tmp_path / "missing") not in paths


def test_a_home_has_the_fonts_that_are_known(tmp_path):
    room = Room(tmp_path / "room")
    room.furnish()
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "fontlist-v1.json").write_text("{}")
    (tmp_path / "fonts" / "matplotlibrc").write_text("")
    furnish_home(room, {"MPLCONFIGDIR": str(tmp_path / "fonts")})
    assert [path.name for path in (room.home / ".cache" / "matplotlib").iterdir()] == ["fontlist-v1.json"]
    given = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "0", "PYTHONUSERBASE": "/mine"}
    kept = scrubbed({**given, "AWS_PROFILE": "x", "TORCH_TOKEN": "x"}, room)
    assert kept == {**given, "HOME": str(room.home), "TMPDIR": str(room.tmp)}


@linux
@pytest.mark.parametrize("warm", [True, False])
def test_what_was_installed_for_the_person_is_there_in_a_sealed_kernel(tmp_path, monkeypatch, warm):
    """`pip install --user` puts it below the person's home, and a sealed kernel has another."""
    home, env = tmp_path / "home", tmp_path / "env"
    venv.create(env, system_site_packages=True, symlinks=True)
    lib = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    (env / lib / "all.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    (home / ".local" / lib).mkdir(parents=True)
    (home / ".local" / lib / "mine_alone.py").write_text("value = 7")
    spec = tmp_path / "share" / "kernels" / "mine"
    spec.mkdir(parents=True)
    argv = [str(env / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "mine", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "arena").mkdir()
    executor = LocalExecutor("", warm)
    nb = arena("import mine_alone\nfacts(value=mine_alone.value)", HONEST)
    try:
        outcome = executor.run(job(nb, tmp_path / "arena", kernel="mine"), lambda kind, data: None, lambda: False)
    finally:
        executor.close()
    assert (outcome.score, outcome.facts) == (0.0, {"value": 7}), outcome.reason
