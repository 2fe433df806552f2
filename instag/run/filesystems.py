"""Which file system a file lies on: locks and SQLite cannot be trusted on network file systems."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

_NETWORK_TYPES = frozenset(
    {
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.sshfs",
        "gfs2",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "panfs",
        "pvfs2",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "wekafs",
        "webdav",
    }
)


def network_type(path: Path) -> str:
    """The type of the network file system that a file is on (`nfs4`, `lustre`, `cifs`); "" where it is on none.

    Args:
        path: The file; it need not exist yet.
    """
    target = os.path.realpath(path)
    best = kind = ""
    for partition in psutil.disk_partitions(all=True):
        mount = partition.mountpoint.rstrip("/") + "/"
        # A later mount on the same folder covers an earlier one.
        if (target + "/").startswith(mount) and len(mount) >= len(best):
            best, kind = mount, partition.fstype.lower()
    return kind if kind in _NETWORK_TYPES else ""


def network_note(path: Path) -> str:
    """A warning for a table on a network file system, or ""."""
    kind = network_type(path)
    if not kind:
        return ""
    return (
        f"{path}: is on a network file system ({kind}), where locks are unreliable. Let only one machine write it; "
        "on several machines, give each its own table (--shard) and join them with `instag merge`."
    )
