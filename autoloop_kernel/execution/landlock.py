"""Landlock: the files that a process may open for good, and the signals and abstract sockets that it may not.

Standard library alone, and loaded by `sandbox.py` from beside it in interpreters that know nothing of Autoloop.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from autoloop_kernel.execution import places, syscalls
else:
    import _autoloop_places as places
    import _autoloop_syscalls as syscalls

if TYPE_CHECKING:
    from autoloop_kernel.execution.sandbox import Policy

_READ_FILE_AND_RUN, _READ_DIR, _CHAR, _BLOCK = 1 | 4, 8, 1 << 6, 1 << 11
_FILE_RIGHTS = 1 | 2 | 4 | 1 << 14 | 1 << 15
_DEVICE = 2 | 4 | 8 | 1 << 14 | 1 << 15
_SCOPED = 3  # abstract sockets, signals


def restrict(kernel: syscalls.Kernel, policy: Policy, reads: Iterable[str], abi: int, on: set[str]) -> bool:
    """Allow the policy's files and refuse all others, and signals to whoever is outside; says whether that holds."""
    if abi < 1:
        return False
    known = (1 << (13 + (abi >= 2) + (abi >= 3) + (abi >= 5))) - 1 if "files" in on else 0
    scoped = _SCOPED if abi >= 6 and "signals" in on else 0
    if not (known or scoped):
        return False
    attributes = (ctypes.c_uint64 * 3)(known, 0, scoped)
    try:
        rules = kernel.call(syscalls.CREATE_RULESET, attributes, 8 if abi < 4 else 16 if abi < 6 else 24, 0)
    except OSError:
        return False
    try:
        if known:
            _allow_files(kernel, rules, known, policy, reads)
        kernel.call(syscalls.RESTRICT_SELF, rules, 0)
    except OSError:
        return False
    finally:
        os.close(rules)
    return True


def _allow_files(kernel: syscalls.Kernel, rules: int, known: int, policy: Policy, reads: Iterable[str]) -> None:
    without = [os.path.realpath(path) for path in policy.without]
    for path in reads:
        for piece, whole in places.carve(os.path.realpath(path), without):
            _allow(kernel, rules, piece, known & ((_READ_FILE_AND_RUN if whole else 0) | _READ_DIR))
    for path in places.devices():
        _allow(kernel, rules, path, known & _DEVICE)
    for path in (*policy.write, "/dev/shm"):
        _allow(kernel, rules, path, known & ~(_CHAR | _BLOCK))


def _allow(kernel: syscalls.Kernel, rules: int, path: str, rights: int) -> None:
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
            kernel.call(syscalls.ADD_RULE, rules, 1, rule, 0)
    finally:
        os.close(handle)
