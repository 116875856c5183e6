"""seccomp: the system calls that a process is refused from now on, by their numbers and first arguments.

Standard library alone, and loaded by `sandbox.py` from beside it in interpreters that know nothing of Autoloop.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from autoloop_kernel.execution import syscalls
else:
    import _autoloop_syscalls as syscalls

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CALL, _ARCHITECTURE, _FIRST = 0, 4, 16  # where a filter finds the call's number and its first argument
_ALLOW, _ERRNO = 0x7FFF0000, 0x50000
_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16

Step = tuple[int, int, int, int]
"""One instruction of a filter: what to do, how far to jump where it is so and where it is not, and with which value."""


def narrow(kernel: syscalls.Kernel, alone: bool, on: set[str]) -> bool:
    """Refuse rare calls, and sockets that lead out; says whether that holds."""
    steps: list[Step] = []
    if "calls" in on:
        steps += refuse((syscalls.CLONE3,), _ENOSYS)  # its flags cannot be looked at; the C library falls back to clone
        steps += refuse((*kernel.machine.refused, *syscalls.EVERYWHERE), _EPERM)
        new_user = [(_LOAD, 0, 0, _FIRST), (_ANY_BIT, 0, 1, syscalls.NEW_USER), (_RETURN, 0, 0, _ERRNO | _EPERM)]
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
    kernel = syscalls.Kernel(syscalls.MACHINES[platform.machine()])
    no_call = (_RETURN, 0, 0, _ERRNO | _ENOSYS)
    head = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, kernel.machine.audit), no_call, (_LOAD, 0, 0, _CALL)]
    if platform.machine() == "x86_64":
        head += [(_AT_LEAST, 0, 1, 0x40000000), no_call]  # the same calls under other numbers
    program = [*head, *steps, (_RETURN, 0, 0, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    whole = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    try:
        kernel.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(syscalls.PR_SET_SECCOMP, 2, ctypes.addressof(whole))
    except OSError:
        return False
    return True
