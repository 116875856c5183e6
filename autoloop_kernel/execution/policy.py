"""What the candidate's kernel may see of this machine: made from its room and its arena, applied by `sandbox`."""

from __future__ import annotations

import contextlib
import os
import shutil
import site
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from autoloop_kernel.arena.surface import matches
from autoloop_kernel.execution.sandbox import Policy
from autoloop_kernel.execution.scratch import SKIPPED_DIRECTORIES, Room, apart
from autoloop_kernel.execution.secrets import unsecret

LARGEST_FILE_MB = 64 << 10
"""No file of a candidate's grows beyond this, nor beyond half of what is free on its disk."""

KEPT: tuple[str, ...] = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "USER",
    "LOGNAME",
    "SHELL",
    "CC",
    "CXX",
    "LD_LIBRARY_PATH",
)
KEPT += ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "LD_PRELOAD", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
KEPT += ("IPYTHONDIR", "AUTOLOOP_RUN", "JPY_PARENT_PID")
FAMILIES: tuple[str, ...] = (
    "LC_",
    "PYTHON",
    "PYDEVD_",
    "CUDA",
    "CUBLAS",
    "CUDNN",
    "NVIDIA_",
    "NCCL_",
    "HIP_",
    "HSA_",
    "ROCR_",
    "ROCM_",
)
FAMILIES += ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "VECLIB_", "NUMEXPR_", "NUMBA_", "MALLOC_")
FAMILIES += ("TORCH", "PYTORCH_", "ATEN_", "TRITON_", "XLA_", "JAX_", "TF_", "MPLBACKEND")
"""What training reads from its environment, by name and by the start of the name.

A list of what is kept, since nobody can list the names under which secrets, tokens and addresses of agents (SSH, D-Bus,
clouds, notebooks' servers) are handed around. Caches in the person's home are not kept: they are out of reach anyhow,
and one that candidates share would carry what one has learnt to the next.
"""


def policy_for(room: Room, folder: Path, sealed: Collection[str]) -> Policy:
    """The policy for a candidate in `room` whose arena lies in `folder`; `sealed` are globs relative to it."""
    base = Path(os.path.realpath(folder))
    secret = {os.path.realpath(base / name) for name in matches(base, sealed)}
    twins = {twin for path in secret if (twin := _identity(path)) is not None and twin[2] > 1}
    survey = _Survey(str(base), secret, twins)
    free = shutil.disk_usage(room.top).free >> 21
    return Policy(
        read=(str(room.lib), *sorted({*survey.visit(str(base))[1], *survey.elsewhere})),
        write=tuple(str(path) for path in (room.work, room.ipython, room.link, room.home, room.tmp)),
        without=tuple(sorted({*secret, *survey.shut, *_repositories(base)})),
        shut=("autoloop_kernel",),
        root=str(room.root),
        file_mb=min(LARGEST_FILE_MB, max(1024, free)),
    )


def scrubbed(environment: Mapping[str, str], room: Room) -> dict[str, str]:
    """The environment of a candidate: what training reads of it, with a home and temporary files in its room."""
    kept = {name: value for name, value in unsecret(environment).items() if name in KEPT or name.startswith(FAMILIES)}
    kept.setdefault("PYTHONUSERBASE", site.getuserbase())  # `pip install --user` did not put things into that home
    return {**kept, "HOME": str(room.home), "TMPDIR": str(room.tmp)}


def furnish_home(room: Room, environment: Mapping[str, str]) -> None:
    """Bring matplotlib's list of fonts into the room's home: to make a new one takes seconds of every first plot."""
    cache = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/")) / ".cache"
    fonts = Path(environment.get("MPLCONFIGDIR") or Path(cache) / "matplotlib")
    target = room.home / ".cache" / "matplotlib"
    for file in fonts.glob("fontlist-*.json"):
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target / file.name)


def unsealed_text(folder: Path) -> tuple[str, ...]:
    """A word on the arena's text where its label says that the held-out part lies within every candidate's reach."""
    with contextlib.suppress(OSError):
        label = (folder / "data" / "SOURCE.txt").read_text(encoding="utf-8", errors="replace")
        if any(line.startswith("Held-out part") and line.endswith(", unsealed") for line in label.splitlines()):
            return ("its held-out text lies in every Python",)
    return ()


class _Survey:
    """What lies in an arena's folder: what its candidates may read (as `scratch.mirror` links it), and what never."""

    def __init__(self, base: str, secret: Collection[str], twins: Collection[tuple[int, int, int]]) -> None:
        self._base, self._secret, self._twins = base, secret, twins
        self.elsewhere: set[str] = set()
        self.shut: set[str] = set()

    def visit(self, folder: str) -> tuple[bool, list[str]]:
        """Whether all of `folder` may be read, and the parts of it that may: a folder that may as a whole is one."""
        whole, parts = True, list[str]()
        with contextlib.suppress(PermissionError), os.scandir(folder) as entries:
            for entry in entries:
                inside = self._parts(entry)
                whole = whole and inside is not None
                parts += inside or []
        return whole, parts

    def _parts(self, entry: os.DirEntry[str]) -> list[str] | None:
        """What of one entry may be read; None where not all of it may, and its parts stand in `elsewhere`."""
        name, path = entry.name, entry.path
        if name in SKIPPED_DIRECTORIES:
            return []
        if name.startswith(".") or (entry.is_dir() and apart(path)):
            return None
        if entry.is_symlink():
            self.elsewhere.add(os.path.realpath(path))
            return []
        if entry.is_dir():
            if name.endswith("_runs"):
                self.shut.add(path)
                return None
            whole, parts = self.visit(path)
            self.elsewhere |= set() if whole else set(parts)
            return [path] if whole else None
        if path in self._secret or (self._twins and _identity(path) in self._twins):
            self.shut.add(path)
            return None
        return [path]


def _identity(path: str) -> tuple[int, int, int] | None:
    """What two names of one file have in common, and how many names it has; None where it is gone."""
    with contextlib.suppress(OSError):
        told = os.stat(path)  # noqa: PTH116
        return told.st_dev, told.st_ino, told.st_nlink
    return None


def _repositories(folder: Path) -> Iterator[str]:
    """The git repositories round the arena: they hold what was ever committed, sealed files too."""
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            yield str(place / ".git")
