"""What the memory needs to know of the file system it lies on."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "afpfs", "ceph", "glusterfs"),
        *("lustre", "beegfs", "gpfs", "orangefs", "pvfs2", "9p", "webdav", "davfs"),
    }
)
_LOCAL_FUSE = frozenset(("fuse.fuse-overlayfs", "fuse.mergerfs", "fuse.ntfs-3g", "fuse.bindfs", "fuse.gocryptfs"))


def network_filesystem(path: Path) -> str | None:
    """The type of the network file system that `path` lies on (such as `nfs4`), None when it is local or unknown.

    SQLite's write-ahead log needs memory shared between its readers, which no network file system gives. FUSE systems
    count as remote, save those known to be local.
    """
    place = os.path.realpath(path)
    best, kind = "", ""
    for mount in psutil.disk_partitions(all=True):
        point = mount.mountpoint.rstrip("/")
        if (place == point or place.startswith(point + "/")) and len(point) >= len(best):
            best, kind = point, mount.fstype.lower()
    remote = kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)
    return kind if remote else None


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on `folder` (made if absent), so that one process at a time makes or replaces its files.

    The lock goes with the process, however it ends. Where the file system has no locks, nothing is held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
