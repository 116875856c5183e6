"""Which files and folders a sealed process needs of a system: libraries, devices, its interpreter; and what is cut out.

Standard library alone, and loaded by `sandbox.py` from beside it in interpreters that know nothing of Autoloop.
"""

# A forked kernel has to be sealed in milliseconds: texts, not paths.
# ruff: noqa: PTH110, PTH114, PTH118, PTH119, PTH120, PTH207, PTH208

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Collection, Iterable

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


def devices() -> list[str]:
    """The devices that computing takes."""
    names = [name for name in os.listdir("/dev") if name in DEVICES or name.startswith(GPUS)]
    return [f"/dev/{name}" for name in sorted(names)]


def below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


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
        installed = any(below(path, prefix) for prefix in prefixes) or path.endswith("-packages")
        if os.path.basename(path) in shut or (not installed and any(os.path.exists(f"{path}/{n}") for n in shut)):
            paths.remove(path)
    prefixes.append(os.path.dirname(sys.executable))
    return list(dict.fromkeys(path for path in (*prefixes, *paths) if os.path.exists(path)))


def copies(shut: Collection[str], read: Collection[str]) -> list[str]:
    """The installed copies of the packages `shut`, but for those below a path of `read`."""
    prefixes = {sys.prefix, sys.base_prefix, "/usr", "/usr/local"}
    folders = {path for prefix in prefixes for path in glob.glob(f"{prefix}/lib*/python*/*-packages")}
    found = [f"{folder}/{name}" for folder in (*folders, *filter(None, sys.path)) for name in shut]
    return [path for path in found if os.path.exists(path) and not any(below(path, one) for one in read)]


def carve(path: str, without: Iterable[str]) -> list[tuple[str, bool]]:
    """The pieces of `path` that hold none of the paths `without`: each with True; folders cut up, with False.

    A rule of Landlock holds for all that is below: to leave something out, its neighbours are named one by one. What
    was cut up can still be listed (else Python would find nothing in it), but not read.
    """
    inside = [one for one in without if below(one, path)]
    if path in inside or any(below(path, one) for one in without if one not in inside):
        return []
    if not inside:
        return [(path, True)]
    pieces = [(path, False)]
    for name in os.listdir(path):
        piece = os.path.join(path, name)
        if not os.path.islink(piece):
            pieces += carve(piece, inside)
    return pieces
