"""Namespaces of its own for a process, and in the one for mounts a tree of files that holds what its policy names.

Standard library alone, and loaded by `sandbox.py` from beside it in interpreters that know nothing of Autoloop.
"""

# A forked kernel has to be sealed in milliseconds: texts, not paths.
# ruff: noqa: PTH100, PTH103, PTH110, PTH112, PTH114, PTH115, PTH118, PTH120, PTH211, PTH102

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from autoloop_kernel.execution import places, syscalls
else:
    import _autoloop_places as places
    import _autoloop_syscalls as syscalls

if TYPE_CHECKING:
    from autoloop_kernel.execution.sandbox import Policy


def enter(kernel: syscalls.Kernel, on: set[str]) -> tuple[bool, bool]:
    """Enter namespaces of its own; says whether there is one for the network, and one for mounts."""
    net = syscalls.NEW_NET if "network" in on else 0
    mounts = syscalls.NEW_MOUNTS | syscalls.NEW_IPC if {"files", "sockets"} <= on else 0
    if not net and not mounts:
        return False, False
    user, group = os.getuid(), os.getgid()
    for flags in (syscalls.NEW_USER | net | mounts, net | mounts, syscalls.NEW_USER | net, net):
        with contextlib.suppress(OSError):
            if flags:
                kernel.unshare(flags)
            if flags & syscalls.NEW_USER:
                _keep_ids(user, group)
            if flags & syscalls.NEW_NET:
                _loopback_up()
            return bool(flags & syscalls.NEW_NET), bool(flags & syscalls.NEW_MOUNTS)
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


def own_tree(kernel: syscalls.Kernel, policy: Policy, reads: Iterable[str]) -> bool:
    """Make a tree of files the root that holds what the policy names, and nothing else; says whether that went well."""
    root = os.path.realpath(policy.root)
    if any(places.below(root, os.path.realpath(path)) for path in policy.write):
        return False  # the tree would hold itself, and its pieces could be emptied through it
    try:
        kernel.mount("none", "/", flags=syscalls.REC | syscalls.PRIVATE)
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

    def __init__(self, kernel: syscalls.Kernel, root: str) -> None:
        self._kernel, self._root = kernel, root
        self._bound: dict[str, str] = {"/dev/shm": "new"}

    def build(self, reads: Iterable[str], writes: Iterable[str], without: Iterable[str]) -> None:
        """Bind `reads` and `writes` to their places, cover `without`, and give /dev/shm a memory of its own."""
        wanted: dict[str, str] = {}
        for how, paths in (("read", reads), ("device", places.devices()), ("write", writes), ("cover", without)):
            wanted |= {self._place(path): how for path in paths if os.path.exists(path)}
        os.makedirs(f"{self._root}/dev/shm")
        self._kernel.mount("tmpfs", f"{self._root}/dev/shm", "tmpfs", data="mode=1777")
        for path in sorted(wanted):
            above = max((one for one in self._bound if places.below(path, one)), key=len, default="")
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
                if not os.path.lexists(link) and not any(places.below(at, one) for one in self._bound):
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
            self._kernel.mount(empty, place, flags=syscalls.BIND)
            return
        self._kernel.mount(path, place, flags=syscalls.BIND | syscalls.REC)
        if how == "read":
            self._kernel.make_read_only(place, recursive=True)
