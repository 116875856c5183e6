"""What an arena's kernel runs: the versions of Python and of the packages that its cells import."""

from __future__ import annotations

import ast
import json
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata

from autoloop_kernel import __version__
from autoloop_kernel.exporting.inline import PACKAGE, parsed

ASK = """
import json, platform, sys
from importlib import metadata
found = {}
by_module = metadata.packages_distributions() if hasattr(metadata, "packages_distributions") else {}
for name in sys.argv[1:]:
    for package in by_module.get(name, [name])[:1]:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            pass
print(json.dumps({"Python": platform.python_version(), **dict(sorted(found.items()))}))
"""


def versions(sources: Iterable[str], kernel: str) -> dict[str, str]:
    """Name → version: the kernel's Python, numpy and all packages that `sources` import, and Autoloop itself last."""
    names = {"numpy"}
    for source in sources:
        for node in (node for tree in parsed(source) for node in ast.walk(tree)):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    names -= {PACKAGE, *sys.stdlib_module_names}
    return {**_ask(_interpreter(kernel), sorted(names)), "Autoloop": __version__}


def _interpreter(kernel: str) -> str:
    """The Python of a kernel; this one where the kernel is ours or cannot be found."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    if kernel.lower() in ("python3", "autoloop", ""):
        return sys.executable
    try:
        argv = KernelSpecManager().get_kernel_spec(kernel).argv
    except NoSuchKernel:
        return sys.executable
    return str(argv[0]) if argv else sys.executable


def _ask(interpreter: str, names: list[str]) -> dict[str, str]:
    """Ask an interpreter; where it does not answer, what this one knows without asking."""
    try:
        answer = subprocess.run(
            [interpreter, "-c", ASK, *names], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        return {str(name): str(version) for name, version in json.loads(answer).items()}
    except (OSError, ValueError, subprocess.SubprocessError):
        return {"Python": platform.python_version(), "numpy": metadata.version("numpy")}
