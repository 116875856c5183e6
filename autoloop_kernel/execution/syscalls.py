"""The system calls that a seal is made of and that Python has no function for, and their numbers.

Standard library alone, and loaded by `sandbox.py` from beside it in interpreters that know nothing of Autoloop.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from typing import Any

_PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 24, 22, 38
NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_NET = 0x20000, 0x8000000, 0x10000000, 0x40000000
BIND, REC, PRIVATE, _DETACH = 0x1000, 0x4000, 0x40000, 2
_RDONLY, _RECURSIVE = 1, 0x8000
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, _MOUNT_SETATTR, CLONE3 = 444, 445, 446, 442, 435


@dataclass(frozen=True)
class Machine:
    """One architecture: its name in seccomp, and the numbers of calls that differ; -1 where there is none."""

    audit: int
    socket: int
    clone: int
    pivot_root: int
    capset: int
    refused: tuple[int, ...]


# Refused: unshare, setns, mount, umount2, pivot_root, chroot, add_key, request_key, keyctl, bpf, perf_event_open,
# userfaultfd, open_by_handle_at, kexec_load, io_uring (its requests pass by a filter), the newer calls for mounts.
EVERYWHERE = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
MACHINES = {
    "x86_64": Machine(
        0xC000003E, 41, 56, 155, 126, (272, 308, 165, 166, 155, 161, 248, 249, 250, 321, 298, 323, 304, 246)
    ),
    "aarch64": Machine(0xC00000B7, 198, 220, 41, 91, (97, 268, 40, 39, 41, 51, 217, 218, 219, 280, 241, 282, 265, 104)),
}


class Kernel:
    """The system calls that Python has no function for. Each raises `OSError`."""

    def __init__(self, machine: Machine) -> None:
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
            return self.call(CREATE_RULESET, None, 0, 1)
        except OSError:
            return 0

    def drop_capabilities(self) -> None:
        """Give up what a namespace, or root, may do beyond its files; programs that it starts get none either."""
        for capability in range(64):
            with contextlib.suppress(OSError):
                self.prctl(_PR_CAPBSET_DROP, capability)
        with contextlib.suppress(OSError):
            self.call(self.machine.capset, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
