"""How much of the disk something takes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def size(path: Path) -> int:
    """How many bytes the files below `path` take, links not followed; 0 where there is nothing."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(path) as entries:  # not ours to look into
        for entry in entries:
            with contextlib.suppress(OSError):  # it went away meanwhile
                if entry.is_dir(follow_symlinks=False):
                    total += size(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total
