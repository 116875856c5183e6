"""The process of an execution with a part of the sandbox left out, or refused by the system: for tests alone.

`OPEN_SANDBOX` names the defences that its policies leave out, `NO_CALLS` the system calls that the machine has not got.
"""

import os
from dataclasses import replace
from pathlib import Path

from autoloop_kernel.execution import pair, seccomp
from autoloop_kernel.execution.child import main

sealed_policy = pair.policy_for


def open_policy(*given):
    """The policy of the house with defences switched off."""
    return replace(sealed_policy(*given), off=tuple(os.environ.get("OPEN_SANDBOX", "").split()))


def away_from_path():
    """Take the tests' folder off the import path that is handed on, where it was put first for this file."""
    first, _, rest = os.environ.get("PYTHONPATH", "").partition(os.pathsep)
    if first == str(Path(__file__).parent):
        os.environ["PYTHONPATH"] = rest


if __name__ == "__main__":
    away_from_path()
    pair.policy_for = open_policy
    if missing := [int(number) for number in os.environ.get("NO_CALLS", "").split()]:
        assert seccomp.install_filter(seccomp.refuse(missing, 38))
    main()
