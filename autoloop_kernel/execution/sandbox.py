"""Seals a process before an agent's code runs in it: what it may read and write, whom it may reach, what it may take.

The standard library alone, and nothing of the house: any Python from 3.10 on runs this file, in whatever environment a
kernel lives. `python sandbox.py POLICY_JSON -- ARGV…` seals itself and becomes ARGV; a forked kernel calls `seal`.

On Linux it takes five things, none of which needs privileges: a user namespace with a network, an IPC and a mount
namespace of its own (no network; a tree of files that holds what the policy names, and so no other program's sockets),
Landlock (files again, and signals), a seccomp filter, and resource limits. What the machine does not give is left out
and told; other systems give nothing, and that is told too. docs/sandbox.md says what each is for.
"""

# A forked kernel has to be sealed in milliseconds: texts, not paths.
# ruff: noqa: PTH119, PTH207, PTH100, PTH103, PTH109, PTH110, PTH112, PTH114, PTH115, PTH118, PTH120, PTH208, PTH211, PTH102

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import functools
import glob
import json
import os
import platform
import resource
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DEFENCES = ("files", "sockets", "network", "signals", "calls", "capabilities", "descriptors", "limits")
"""What a seal is made of. A test leaves one out (`Policy.off`) to show what it stops; "files" takes "sockets" along."""

NO_SANDBOX = "no sandbox on this system"
NO_FILES = "no Landlock and no mount namespace: every file of yours can be read"
NO_SIGNALS = "no Landlock that scopes signals (Linux 6.12): other processes of yours can be signalled"
NO_SOCKETS = "no mount namespace: sockets and /dev/shm of other programs are within reach"
NO_NETWORK = "no network namespace and no seccomp: the network is within reach"
NO_CALLS = "no seccomp: rare system calls are not refused"

SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store", "/proc", "/sys"),
    *("/opt/rocm", "/opt/nvidia", "/opt/intel", "/var/cache/fontconfig"),
    *(f"/etc/{name}" for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld.so.preload", "alternatives")),
    *(f"/etc/{name}" for name in ("localtime", "timezone", "passwd", "group", "nsswitch.conf", "hosts", "host.conf")),
    *(f"/etc/{name}" for name in ("resolv.conf", "fonts", "mime.types", "locale.alias", "os-release", "OpenCL")),
    *(f"/etc/{name}" for name in ("ssl/openssl.cnf", "ssl/certs", "vulkan", "nvidia", "protocols", "services")),
)
"""What every program reads of a system; the rest of /etc, homes and other disks are not among it."""

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "dri", "kfd", "infiniband")
GPUS = "nvidia"


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
    if not sys.platform.startswith("linux") or (machine := _MACHINES.get(platform.machine())) is None:
        return (NO_SANDBOX,)
    on = set(DEFENCES) - set(policy.off) - ({"network"} if policy.network else set())
    kernel, lacking, here = _Kernel(machine), [], os.getcwd()
    with contextlib.suppress(OSError):
        kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if "descriptors" in on:
        _let_go(keep)
    policy = dataclasses.replace(policy, without=(*policy.without, *copies(policy.shut, policy.read)))
    reads = [*SYSTEM, *own_paths(policy.shut), *policy.read]
    alone, mounted = _namespaces(kernel, on)
    rooted = mounted and bool(policy.root) and _own_tree(kernel, policy, reads)
    with contextlib.suppress(OSError):
        os.chdir(here)  # the old one leads to the old tree
    if "limits" in on:
        _limit(policy)
    abi = kernel.landlock_abi()
    held = _landlock(kernel, policy, reads, abi, on)
    if "capabilities" in on:
        kernel.drop_capabilities()
    filtered = _filter(kernel, alone, on)
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


def own_paths(shut: Collection[str] = ()) -> list[str]:
    """Where this interpreter, and what it can import, lies: prefixes, the import path, editable installs.

    A folder that is on the import path for the sake of a package in `shut` is left out.
    """
    prefixes = list({sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix})
    paths = [path for path in sys.path if path]
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None) if name.startswith("__editable__") else None
        paths += [str(path) for path in mapping.values()] if isinstance(mapping, dict) else []
    for path in list(paths):
        installed = any(_below(path, prefix) for prefix in prefixes) or path.endswith("-packages")
        if os.path.basename(path) in shut or (not installed and any(os.path.exists(f"{path}/{n}") for n in shut)):
            paths.remove(path)
    prefixes.append(os.path.dirname(sys.executable))
    return list(dict.fromkeys(path for path in (*prefixes, *paths) if os.path.exists(path)))


def copies(shut: Collection[str], read: Collection[str]) -> list[str]:
    """The installed copies of the packages `shut`, but for those below a path of `read`."""
    prefixes = {sys.prefix, sys.base_prefix, "/usr", "/usr/local"}
    folders = {path for prefix in prefixes for path in glob.glob(f"{prefix}/lib*/python*/*-packages")}
    found = [f"{folder}/{name}" for folder in (*folders, *filter(None, sys.path)) for name in shut]
    return [path for path in found if os.path.exists(path) and not any(_below(path, one) for one in read)]


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


# --- system calls -----------------------------------------------------------------------------------------------------

_PR_CAPBSET_DROP, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 24, 22, 38
_NEW_MOUNTS, _NEW_IPC, _NEW_USER, _NEW_NET = 0x20000, 0x8000000, 0x10000000, 0x40000000
_BIND, _REC, _PRIVATE, _DETACH = 0x1000, 0x4000, 0x40000, 2
_RDONLY, _RECURSIVE = 1, 0x8000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _MOUNT_SETATTR, _CLONE3 = 444, 445, 446, 442, 435


@dataclass(frozen=True)
class _Machine:
    """One architecture: its name in seccomp, and the numbers of calls that differ; -1 where there is none."""

    audit: int
    socket: int
    clone: int
    pivot_root: int
    capset: int
    refused: tuple[int, ...]


# Refused: unshare, setns, mount, umount2, pivot_root, chroot, add_key, request_key, keyctl, bpf, perf_event_open,
# userfaultfd, open_by_handle_at, kexec_load, io_uring (its requests pass by a filter), the newer calls for mounts.
_EVERYWHERE = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
_MACHINES = {
    "x86_64": _Machine(
        0xC000003E, 41, 56, 155, 126, (272, 308, 165, 166, 155, 161, 248, 249, 250, 321, 298, 323, 304, 246)
    ),
    "aarch64": _Machine(
        0xC00000B7, 198, 220, 41, 91, (97, 268, 40, 39, 41, 51, 217, 218, 219, 280, 241, 282, 265, 104)
    ),
}


class _Kernel:
    """The system calls that Python has no function for. Each raises `OSError`."""

    def __init__(self, machine: _Machine) -> None:
        self.machine = machine
        self._libc = ctypes.CDLL(None, use_errno=True)

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    def call(self, number: int, *arguments: Any) -> int:
        """The system call `number`."""
        plain = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
        return self._checked(self._libc.syscall(ctypes.c_long(number), *plain))

    def prctl(self, option: int, *arguments: Any) -> None:
        """One process setting."""
        padded = [*arguments, 0, 0, 0, 0][:4]
        self._checked(self._libc.prctl(option, *(ctypes.c_ulong(x) if isinstance(x, int) else x for x in padded)))

    def unshare(self, flags: int) -> None:
        """Leave namespaces for new ones."""
        self._checked(self._libc.unshare(flags))

    def mount(self, source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
        """Mount `source` on `target`."""
        texts = [os.fsencode(text) or None for text in (source, target, kind)]
        self._checked(self._libc.mount(*texts, ctypes.c_ulong(flags), os.fsencode(data) or None))

    def unmount(self, target: str) -> None:
        """Take away what is mounted on `target`, at once."""
        self._checked(self._libc.umount2(os.fsencode(target), _DETACH))

    def make_read_only(self, target: str, recursive: bool) -> None:
        """Refuse writes through the mount `target`."""
        attributes = (ctypes.c_uint64 * 4)(_RDONLY, 0, 0, 0)
        self.call(_MOUNT_SETATTR, -100, os.fsencode(target), _RECURSIVE if recursive else 0, attributes, 32)

    def landlock_abi(self) -> int:
        """The version of Landlock, 0 where there is none."""
        try:
            return self.call(_CREATE_RULESET, None, 0, 1)
        except OSError:
            return 0

    def drop_capabilities(self) -> None:
        """Give up what a namespace, or root, may do beyond its files; programs that it starts get none either."""
        for capability in range(64):
            with contextlib.suppress(OSError):
                self.prctl(_PR_CAPBSET_DROP, capability)
        with contextlib.suppress(OSError):
            self.call(self.machine.capset, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())


# --- namespaces and the tree of files ---------------------------------------------------------------------------------


def _namespaces(kernel: _Kernel, on: set[str]) -> tuple[bool, bool]:
    """Enter namespaces of its own; says whether there is one for the network, and one for mounts."""
    net = _NEW_NET if "network" in on else 0
    mounts = _NEW_MOUNTS | _NEW_IPC if {"files", "sockets"} <= on else 0
    if not net and not mounts:
        return False, False
    user, group = os.getuid(), os.getgid()
    for flags in (_NEW_USER | net | mounts, net | mounts, _NEW_USER | net, net):
        with contextlib.suppress(OSError):
            if flags:
                kernel.unshare(flags)
            if flags & _NEW_USER:
                _keep_ids(user, group)
            if flags & _NEW_NET:
                _loopback_up()
            return bool(flags & _NEW_NET), bool(flags & _NEW_MOUNTS)
    return False, False


def _keep_ids(user: int, group: int) -> None:
    """Be the same user and group in the new namespace as outside."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with contextlib.suppress(OSError), open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _loopback_up() -> None:
    """Workers of one candidate may speak to each other over 127.0.0.1, which here is nobody else's."""
    import fcntl
    import socket

    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 1 | 64))  # SIOCSIFFLAGS: up and running


def _own_tree(kernel: _Kernel, policy: Policy, reads: Iterable[str]) -> bool:
    """Make a tree of files the root that holds what the policy names, and nothing else; says whether that went well."""
    root = os.path.realpath(policy.root)
    if any(_below(root, os.path.realpath(path)) for path in policy.write):
        return False  # the tree would hold itself, and its pieces could be emptied through it
    try:
        kernel.mount("none", "/", flags=_REC | _PRIVATE)
        kernel.mount("tmpfs", root, "tmpfs", data="mode=755")
    except OSError:
        return False
    try:
        _Tree(kernel, root).build(reads, policy.write, policy.without)
        os.chdir(root)
        kernel.call(kernel.machine.pivot_root, b".", b".")
    except OSError:
        with contextlib.suppress(OSError):
            kernel.unmount(root)
        return False
    kernel.unmount(".")
    os.chdir("/")
    with contextlib.suppress(OSError):
        kernel.make_read_only("/", recursive=False)
    return True


class _Tree:
    """A tree of files below `root`, put together from pieces of the one that is there."""

    def __init__(self, kernel: _Kernel, root: str) -> None:
        self._kernel, self._root = kernel, root
        self._bound: dict[str, str] = {"/dev/shm": "new"}

    def build(self, reads: Iterable[str], writes: Iterable[str], without: Iterable[str]) -> None:
        """Bind `reads` and `writes` to their places, cover `without`, and give /dev/shm a memory of its own."""
        wanted: dict[str, str] = {}
        for how, paths in (("read", reads), ("device", devices()), ("write", writes), ("cover", without)):
            wanted |= {self._place(path): how for path in paths if os.path.exists(path)}
        os.makedirs(f"{self._root}/dev/shm")
        self._kernel.mount("tmpfs", f"{self._root}/dev/shm", "tmpfs", data="mode=1777")
        for path in sorted(wanted):
            above = max((one for one in self._bound if _below(path, one)), key=len, default="")
            if self._bound.get(above, "cover") != wanted[path] or above == "/dev/shm":
                self._bind(path, wanted[path])
                self._bound[path] = wanted[path]
        for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
            os.symlink(target, f"{self._root}/dev/{name}")

    def _place(self, path: str) -> str:
        """The real path of `path`, once the links that lead to it are there as well."""
        at = ""
        for part in os.path.abspath(path).split("/")[1:]:
            at = f"{at}/{part}"
            if os.path.islink(at):
                link = self._root + at
                if not os.path.lexists(link) and not any(_below(at, one) for one in self._bound):
                    os.makedirs(os.path.dirname(link), exist_ok=True)
                    os.symlink(os.readlink(at), link)
                rest = os.path.abspath(path)[len(at) :]
                return self._place(os.path.join(os.path.dirname(at), os.readlink(at)) + rest)
        return at

    def _bind(self, path: str, how: str) -> None:
        place = self._root + path
        if not os.path.lexists(place):
            if how == "cover":
                return
            os.makedirs(place if os.path.isdir(path) else os.path.dirname(place), exist_ok=True)
            if not os.path.isdir(path):
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
        if how == "cover":
            empty = f"{self._root}/empty" + ("" if os.path.isdir(path) else "-file")
            if not os.path.exists(empty):
                os.mkdir(empty, 0) if os.path.isdir(path) else os.close(os.open(empty, os.O_CREAT, 0))
            self._kernel.mount(empty, place, flags=_BIND)
            return
        self._kernel.mount(path, place, flags=_BIND | _REC)
        if how == "read":
            self._kernel.make_read_only(place, recursive=True)


def devices() -> list[str]:
    """The devices that computing takes."""
    names = [name for name in os.listdir("/dev") if name in DEVICES or name.startswith(GPUS)]
    return [f"/dev/{name}" for name in sorted(names)]


def _below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


# --- Landlock ---------------------------------------------------------------------------------------------------------

_READ_FILE_AND_RUN, _READ_DIR, _CHAR, _BLOCK = 1 | 4, 8, 1 << 6, 1 << 11
_FILE_RIGHTS = 1 | 2 | 4 | 1 << 14 | 1 << 15
_DEVICE = 2 | 4 | 8 | 1 << 14 | 1 << 15
_SCOPED = 3  # abstract sockets, signals


def _landlock(kernel: _Kernel, policy: Policy, reads: Iterable[str], abi: int, on: set[str]) -> bool:
    """Allow the policy's files and refuse all others, and signals to whoever is outside; says whether that holds."""
    if abi < 1:
        return False
    known = (1 << (13 + (abi >= 2) + (abi >= 3) + (abi >= 5))) - 1 if "files" in on else 0
    scoped = _SCOPED if abi >= 6 and "signals" in on else 0
    if not (known or scoped):
        return False
    attributes = (ctypes.c_uint64 * 3)(known, 0, scoped)
    try:
        rules = kernel.call(_CREATE_RULESET, attributes, 8 if abi < 4 else 16 if abi < 6 else 24, 0)
    except OSError:
        return False
    try:
        if known:
            _allow_files(kernel, rules, known, policy, reads)
        kernel.call(_RESTRICT_SELF, rules, 0)
    except OSError:
        return False
    finally:
        os.close(rules)
    return True


def _allow_files(kernel: _Kernel, rules: int, known: int, policy: Policy, reads: Iterable[str]) -> None:
    without = [os.path.realpath(path) for path in policy.without]
    for path in reads:
        for piece, whole in carve(os.path.realpath(path), without):
            _allow(kernel, rules, piece, known & ((_READ_FILE_AND_RUN if whole else 0) | _READ_DIR))
    for path in devices():
        _allow(kernel, rules, path, known & _DEVICE)
    for path in (*policy.write, "/dev/shm"):
        _allow(kernel, rules, path, known & ~(_CHAR | _BLOCK))


def carve(path: str, without: Iterable[str]) -> list[tuple[str, bool]]:
    """The pieces of `path` that hold none of the paths `without`: each with True; folders cut up, with False.

    A rule of Landlock holds for all that is below: to leave something out, its neighbours are named one by one. What
    was cut up can still be listed (else Python would find nothing in it), but not read.
    """
    inside = [one for one in without if _below(one, path)]
    if path in inside or any(_below(path, one) for one in without if one not in inside):
        return []
    if not inside:
        return [(path, True)]
    pieces = [(path, False)]
    for name in os.listdir(path):
        piece = os.path.join(path, name)
        if not os.path.islink(piece):
            pieces += carve(piece, inside)
    return pieces


def _allow(kernel: _Kernel, rules: int, path: str, rights: int) -> None:
    """Allow `rights` below `path`; what is not there, or not ours to open, needs no rule."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _FILE_RIGHTS
        rule = rights.to_bytes(8, sys.byteorder) + handle.to_bytes(4, sys.byteorder)
        if rights:
            kernel.call(_ADD_RULE, rules, 1, rule, 0)
    finally:
        os.close(handle)


# --- seccomp ----------------------------------------------------------------------------------------------------------

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CALL, _ARCHITECTURE, _FIRST = 0, 4, 16  # where a filter finds the call's number and its first argument
_ALLOW, _ERRNO = 0x7FFF0000, 0x50000
_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16

Step = tuple[int, int, int, int]
"""One instruction of a filter: what to do, how far to jump where it is so and where it is not, and with which value."""


def _filter(kernel: _Kernel, alone: bool, on: set[str]) -> bool:
    """Refuse rare calls, and sockets that lead out; says whether that holds."""
    steps: list[Step] = []
    if "calls" in on:
        steps += refuse((_CLONE3,), _ENOSYS)  # its flags cannot be looked at; the C library falls back to clone
        steps += refuse((*kernel.machine.refused, *_EVERYWHERE), _EPERM)
        new_user = [(_LOAD, 0, 0, _FIRST), (_ANY_BIT, 0, 1, _NEW_USER), (_RETURN, 0, 0, _ERRNO | _EPERM)]
        steps += [(_EQUAL, 0, 4, kernel.machine.clone), *new_user, (_LOAD, 0, 0, _CALL)]
    if "network" in on:  # families such as AF_VSOCK reach the machine around this one from any namespace
        families = (_UNIX, _INET, _INET6, _NETLINK) if alone else (_UNIX,)
        fine = [(_EQUAL, len(families) - i, 0, family) for i, family in enumerate(families)]
        steps += [(_EQUAL, 0, len(fine) + 3, kernel.machine.socket), (_LOAD, 0, 0, _FIRST), *fine]
        steps += [(_RETURN, 0, 0, _ERRNO | _EACCES), (_LOAD, 0, 0, _CALL)]
    return bool(steps) and install_filter(steps)


def refuse(calls: Iterable[int], error: int) -> list[Step]:
    """The steps of a filter that answer the system calls of these numbers with `error`."""
    return [step for call in calls for step in ((_EQUAL, 0, 1, call), (_RETURN, 0, 0, _ERRNO | error))]


def install_filter(steps: Iterable[Step]) -> bool:
    """Put every later system call of this process and its children through `steps`, which see the call's number."""
    kernel = _Kernel(_MACHINES[platform.machine()])
    no_call = (_RETURN, 0, 0, _ERRNO | _ENOSYS)
    head = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, kernel.machine.audit), no_call, (_LOAD, 0, 0, _CALL)]
    if platform.machine() == "x86_64":
        head += [(_AT_LEAST, 0, 1, 0x40000000), no_call]  # the same calls under other numbers
    program = [*head, *steps, (_RETURN, 0, 0, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    whole = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    try:
        kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(_PR_SET_SECCOMP, 2, ctypes.addressof(whole))
    except OSError:
        return False
    return True


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
