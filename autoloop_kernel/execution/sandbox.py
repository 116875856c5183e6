"""Seals a process before an agent's code runs in it: what it may read and write, whom it may reach, what it may take.

The standard library alone, and nothing of the house: any Python from 3.10 on runs this file, in whatever environment a
kernel lives. `python sandbox.py POLICY_JSON -- ARGV…` seals itself and becomes ARGV; a forked kernel calls `seal`.

On Linux it takes five things, none of which needs privileges: a user namespace with a network, an IPC and a mount
namespace of its own (no network; a tree of files that holds what the policy names, and so no other program's sockets),
Landlock (files again, and signals), a seccomp filter, and resource limits. All but the last are files beside this one.
What the machine does not give is left out and told; other systems give nothing, and that is told too. docs/sandbox.md
says what each is for.
"""

# A forked kernel has to be sealed in milliseconds: texts, not paths.
# ruff: noqa: PTH100, PTH109, PTH118, PTH120, PTH208

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import platform
import resource
import stat
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any


def _beside(*names: str) -> None:
    """Load the modules `names` that lie beside this file, each of which finds those before it as `_autoloop_NAME`."""
    for name in names:
        place = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
        spec = importlib.util.spec_from_file_location(f"_autoloop_{name}", place)
        assert spec is not None
        assert spec.loader is not None
        globals()[name] = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(globals()[name])
    for name in names:
        del sys.modules[f"_autoloop_{name}"]


if TYPE_CHECKING or __package__:
    from autoloop_kernel.execution import landlock, namespaces, places, seccomp, syscalls
else:
    _beside("places", "syscalls", "namespaces", "landlock", "seccomp")

DEFENCES = ("files", "sockets", "network", "signals", "calls", "capabilities", "descriptors", "limits")
"""What a seal is made of. A test leaves one out (`Policy.off`) to show what it stops; "files" takes "sockets" along."""

NO_SANDBOX = "no sandbox on this system"
NO_FILES = "no Landlock and no mount namespace: every file of yours can be read"
NO_SIGNALS = "no Landlock that scopes signals (Linux 6.12): other processes of yours can be signalled"
NO_SOCKETS = "no mount namespace: sockets and /dev/shm of other programs are within reach"
NO_NETWORK = "no network namespace and no seccomp: the network is within reach"
NO_CALLS = "no seccomp: rare system calls are not refused"


@dataclass(frozen=True)
class Policy:
    """What a sealed process may do.

    `read` and `write` are files and folders with all that is below them (`write` may be read as well); the system's
    libraries, the devices for computing and the interpreter's own import path come by themselves. `without` are paths
    below those that stay out of reach all the same, `shut` names packages that do wherever they are installed, unless
    `read` names the place. `root` is an empty folder in which a tree
    of its own is put together. `network` leaves the network be. Limits: `file_mb` the largest file and `address_mb`
    the address space (MiB, never with CUDA, which maps huge ranges), `processes` of the user (where a namespace counts
    them apart), `handles` open files; None is no limit. `off` names defences that are left out: for tests alone.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    shut: tuple[str, ...] = ()
    root: str = ""
    network: bool = False
    file_mb: int | None = None
    address_mb: int | None = None
    processes: int | None = None
    handles: int | None = None
    off: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The policy as a dict that `json.dumps` takes."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Policy:
        """Rebuild a policy from what `to_json` made of it."""
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        return cls(**given)


def seal(policy: Policy, keep: Collection[int] = ()) -> tuple[str, ...]:
    """Seal this process and all that it will start, for good; returns what the machine could not give, in plain words.

    It has to have one thread only (a namespace of users takes no other; Landlock would hold for the caller alone), and
    its environment is the caller's business. Files that are open are closed, but for the numbers `keep`; pipes and
    sockets stay. Never raises for what the machine lacks.
    """
    if not sys.platform.startswith("linux") or (machine := syscalls.MACHINES.get(platform.machine())) is None:
        return (NO_SANDBOX,)
    on = set(DEFENCES) - set(policy.off) - ({"network"} if policy.network else set())
    kernel, lacking, here = syscalls.Kernel(machine), [], os.getcwd()
    with contextlib.suppress(OSError):
        kernel.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    if "descriptors" in on:
        _let_go(keep)
    policy = dataclasses.replace(policy, without=(*policy.without, *places.copies(policy.shut, policy.read)))
    reads = [*places.SYSTEM, *places.own_paths(policy.shut), *policy.read]
    alone, mounted = namespaces.enter(kernel, on)
    rooted = mounted and bool(policy.root) and namespaces.own_tree(kernel, policy, reads)
    with contextlib.suppress(OSError):
        os.chdir(here)  # the old one leads to the old tree
    if "limits" in on:
        _limit(policy)
    abi = kernel.landlock_abi()
    held = landlock.restrict(kernel, policy, reads, abi, on)
    if "capabilities" in on:
        kernel.drop_capabilities()
    filtered = seccomp.narrow(kernel, alone, on)
    if "files" in on and not (held or rooted):
        lacking.append(NO_FILES)
    if {"files", "sockets"} <= on and not rooted:
        lacking.append(NO_SOCKETS)
    if "signals" in on and not (held and abi >= 6):
        lacking.append(NO_SIGNALS)
    if "network" in on and not (alone or filtered):
        lacking.append(NO_NETWORK)
    if "calls" in on and not filtered:
        lacking.append(NO_CALLS)
    return tuple(lacking)


@functools.cache
def lacks() -> tuple[str, ...]:
    """What a seal would lack on this machine, in the words of `seal`: tried once, in a process of its own."""
    with tempfile.TemporaryDirectory() as root:
        command = [sys.executable, "-I", __file__, "--probe", root]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return tuple(str(word) for word in json.loads(ran.stdout))
    except ValueError:
        return (NO_SANDBOX,)


def _let_go(keep: Collection[int]) -> None:
    """Close every file and folder that is open besides the standard streams: what leads to a file by no path."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            mode = os.fstat(int(name)).st_mode
            if int(name) > 2 and int(name) not in keep and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                os.close(int(name))


def _limit(policy: Policy) -> None:
    """Set the resource limits, never above those that hold."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: None if policy.file_mb is None else policy.file_mb << 20,
        resource.RLIMIT_AS: None if policy.address_mb is None else policy.address_mb << 20,
        resource.RLIMIT_NPROC: policy.processes,
        resource.RLIMIT_NOFILE: policy.handles,
    }
    for which, most in wanted.items():
        if most is not None:
            soft, hard = (most if old < 0 else min(most, old) for old in resource.getrlimit(which))
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(which, (min(soft, hard), hard))


# --- the launcher -----------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> None:
    """`POLICY -- ARGV…`: seal itself and become ARGV; POLICY is JSON, or its file. `--probe FOLDER`: print the lacks.

    What was lacking is written, as JSON, to the path `told` of the policy's JSON, which must be out of the sealed
    process's reach: it is the caller's to read before any of ARGV's work counts.
    """
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]  # this file's folder, which is nobody's import path
    if arguments[0] == "--probe":
        print(json.dumps(seal(Policy(root=arguments[1]))))  # noqa: T201
        return
    with contextlib.suppress(FileNotFoundError), open(arguments[0], encoding="utf-8") as file:
        arguments[0] = file.read()
    given, command = json.loads(arguments[0]), arguments[2:]
    told = os.open(given.pop("told"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    lacking = seal(Policy.from_json(given), keep=(told,))
    os.write(told, json.dumps(lacking).encode())
    os.close(told)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
