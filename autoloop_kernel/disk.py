"""How much of the disk something takes."""

from __future__ import annotations

import os
from pathlib import Path


def size(path: Path) -> int:
    """How many bytes the files below `path` take, links not followed; 0 where there is nothing."""
    total = 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    total += size(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    except OSError:  # it went away, or is not ours to look into
        return total
    return total
