"""Places where instag does not write, whatever the file holds."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

from instag.bags import bag_around
from instag.errors import ErrorCode, TagError

try:
    import fcntl
except ImportError:  # pragma: no cover - there is no fcntl on Windows
    fcntl = None  # type: ignore[assignment]

_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS of Linux
_IMMUTABLE_OR_APPEND_ONLY = 0x10 | 0x20
_WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def check_place(path: Path) -> Path:
    """Checks everything about a file that is not its content.

    Args:
        path: The file, or a symbolic link to it.

    Returns:
        The file itself, with symbolic links resolved: the link stays, its target is written.

    Raises:
        TagError: It must not or cannot be written.
    """
    try:
        target = path.resolve(strict=True)
        state = target.stat()
    except FileNotFoundError:
        raise TagError(ErrorCode.NOT_FOUND, f"{path}: there is no such file.", "Check the path.") from None
    except (OSError, RuntimeError) as error:
        raise TagError(ErrorCode.NOT_READABLE, f"{path}: cannot be reached ({error}).", "Check the path.") from error
    if not stat.S_ISREG(state.st_mode):
        raise TagError(ErrorCode.NOT_A_FILE, f"{path}: is not a regular file.", "Name audio files or folders.")
    if state.st_nlink > 1:
        raise TagError(
            ErrorCode.TAGS_HARD_LINK,
            f"{path}: has {state.st_nlink} names (hard links); writing would part them from each other.",
            "Tag a copy of its own, or write a sidecar.",
        )
    bag = bag_around(target)
    if bag:
        raise TagError(
            ErrorCode.TAGS_IN_BAG,
            f"{path}: lies in the BagIt bag {bag}, whose checksums would no longer hold.",
            "Tag the files before bagging, or tag a copy outside the bag.",
        )
    what = _read_only(target, state)
    if what:
        raise TagError(
            ErrorCode.TAGS_READ_ONLY,
            f"{path}: {what}.",
            "Give write permission if tags are really wanted in this file, or write a sidecar elsewhere.",
        )
    return target


def _read_only(target: Path, state: os.stat_result) -> str:
    """Why a file or its folder cannot be written; also for root, whom permissions do not stop: archives mean them."""
    folder = target.parent
    if not state.st_mode & _WRITE_BITS or not os.access(target, os.W_OK):
        return "is read-only"
    if not folder.stat().st_mode & _WRITE_BITS or not os.access(folder, os.W_OK):
        return f"its folder {folder} is read-only"
    if _is_immutable(target, state):
        return "is marked immutable or append-only"
    return ""


def _is_immutable(target: Path, state: os.stat_result) -> bool:
    bsd_flags: int = getattr(state, "st_flags", 0)
    if bsd_flags & (stat.UF_IMMUTABLE | stat.SF_IMMUTABLE | stat.UF_APPEND | stat.SF_APPEND):
        return True
    if fcntl is None or not hasattr(os, "O_NOFOLLOW"):
        return False
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        answer = fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8))
    except OSError:
        # The file system knows no such flags.
        return False
    finally:
        os.close(descriptor)
    return bool(struct.unpack("=Q", answer)[0] & _IMMUTABLE_OR_APPEND_ONLY)
