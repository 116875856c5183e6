"""What a machine of a cluster has, found out there by functions that need nothing installed.

Standard library alone: Ray carries this module to the machine by value, where Autoloop may be missing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

VERSIONS = ("numpy", "torch")
"""Packages whose versions are told: another one may give other scores."""

_FINDS = """\
import importlib.util, sys
def lacks(name):
    try:
        return importlib.util.find_spec(name) is None
    except (ImportError, AttributeError, ValueError):
        return True
print(*[name for name in sys.argv[1:] if lacks(name)])
"""


def probe() -> dict[str, Any]:
    """Facts of this machine: `python`, `autoloop` (its version or None), `versions`, `hardware` (or why not: `why`)."""
    facts: dict[str, Any] = {"python": "{}.{}".format(*sys.version_info[:2]), "autoloop": None, "hardware": ""}
    facts["versions"] = {name: version for name in VERSIONS if (version := _version(name))}
    try:
        facts["autoloop"] = str(importlib.import_module("autoloop_kernel").__version__)
        facts["hardware"] = str(importlib.import_module("autoloop_kernel.arena.game").hardware_class())
    except Exception as error:  # whatever is wrong with what is installed there, it is told, and the machine refused
        facts["why"] = f"{type(error).__name__}: {error}"
    return facts


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing(modules: Collection[str], command: Sequence[str] = (), env: Mapping[str, str] | None = None) -> list[str]:
    """Those of `modules` that the interpreter `command` (default: this one) does not find; none is imported."""
    tops = sorted({name.split(".")[0] for name in modules})
    if not command:
        return [name for name in tops if _lacks(name)]
    asked = [*command, "-c", _FINDS, *tops]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, env=env)
    return done.stdout.split() if done.returncode == 0 else []


def _lacks(name: str) -> bool:
    try:
        return name not in sys.modules and importlib.util.find_spec(name) is None
    except (ImportError, AttributeError, ValueError):
        return True
