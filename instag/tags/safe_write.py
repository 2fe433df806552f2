"""Replaces a file by a changed copy: the old file or the new one, never a half.

Each step is a function of this module, in this order: `create_temporary`, `copy_with_edits`, `copy_attributes`,
`synchronise`, the caller's checks, `check_unchanged`, `replace`. Whatever fails in whichever of them, the old file
stays as it was and no temporary file remains. A process that is killed leaves the temporary file, whose name is known
beforehand (`temporary_path`), so that whoever comes next removes it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from instag.constants import TEMPORARY_PREFIX
from instag.disk import synchronise_folder
from instag.errors import ErrorCode, TagError
from instag.tags.edits import Edit, copy_with_edits
from instag.tags.sidecar_tree import SidecarTree, sidecar_path

try:
    import fcntl
except ImportError:  # pragma: no cover - there is no fcntl on Windows
    fcntl = None  # type: ignore[assignment]


def temporary_path(path: Path) -> Path:
    """Where the copy of a file is made: beside it (beside the target of a link), always under the same name."""
    target = Path(os.path.realpath(path))
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:32]
    return target.with_name(f"{TEMPORARY_PREFIX}{name}.tmp")


def remove_leftovers(path: Path, tree: SidecarTree | None = None) -> None:
    """Removes what a killed process left of a file: the copy with tags, and the sidecar that was being written.

    A copy that a living process is writing stays.

    Args:
        path: The file.
        tree: Where sidecars lie; beside their files where it is None.
    """
    places = [path]
    with contextlib.suppress(TagError):
        places.append(sidecar_path(path, tree))
    for written in places:
        temporary = temporary_path(written)
        with contextlib.suppress(OSError, TagError):
            if temporary.is_file() and not temporary.is_symlink():
                with create_temporary(temporary):
                    temporary.unlink()


def replace_file(
    target: Path,
    source: BinaryIO,
    before: os.stat_result,
    edits: Sequence[Edit],
    check: Callable[[BinaryIO], None],
    *,
    keep_mtime: bool,
) -> None:
    """Replaces a file by a copy with edits.

    Args:
        target: The file, no symbolic link.
        source: The same file, open for reading.
        before: Its state when it was opened.
        edits: The changes.
        check: Looks at the finished copy and raises where it is not as it should be.
        keep_mtime: The copy keeps the time of the last change.

    Raises:
        TagError: The file was changed by somebody else meanwhile, or `check` found a fault.
        OSError: A step failed.
    """
    temporary = temporary_path(target)
    copy = create_temporary(temporary)
    try:
        with copy:
            copy_with_edits(source, copy, edits)
            copy.flush()
            copy_attributes(target, temporary, before, keep_mtime=keep_mtime)
            synchronise(copy)
            check(copy)
            check_unchanged(target, before)
            replace(temporary, copy, target, source)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    synchronise_folder(target.parent)


def create_temporary(temporary: Path) -> BinaryIO:
    """Opens the temporary file, empty and locked. What a killed process left there is taken over.

    Raises:
        TagError: Another process is writing it right now.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o600)
    locked = False
    try:
        _lock(descriptor)
        locked = True
        if not os.path.samestat(os.fstat(descriptor), os.lstat(temporary)):
            locked = False
            raise BlockingIOError(errno.EAGAIN, "replaced while it was opened")
        os.ftruncate(descriptor, 0)
        return os.fdopen(descriptor, "r+b")
    except BaseException as error:
        if locked:
            with contextlib.suppress(OSError):
                temporary.unlink()
        os.close(descriptor)
        if not isinstance(error, (BlockingIOError, FileNotFoundError)):
            raise
        raise TagError(
            ErrorCode.TAGS_WRITE_FAILED,
            f"{temporary}: another process is writing this file.",
            "Let the other job finish, then run again.",
        ) from error


def _lock(descriptor: int) -> None:
    """Locks a file for this process, where the system and the file system know locks."""
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
            raise


def copy_attributes(target: Path, temporary: Path, before: os.stat_result, *, keep_mtime: bool) -> None:
    """Gives the copy the owner (where allowed), permissions, extended attributes with ACLs, and times of the file.

    Raises:
        OSError: An attribute of the user or an ACL could not be copied.
    """
    if hasattr(os, "chown"):
        try:
            os.chown(temporary, before.st_uid, before.st_gid)
        except PermissionError:
            with contextlib.suppress(PermissionError):
                os.chown(temporary, -1, before.st_gid)
    shutil.copystat(target, temporary)
    if hasattr(os, "listxattr"):
        there = _attributes(target)
        if there != _attributes(temporary):
            raise OSError(errno.EIO, "extended attributes or ACLs cannot be kept")
    if not keep_mtime:
        os.utime(temporary)


def _attributes(path: Path) -> dict[str, bytes]:
    """Extended attributes that are the user's: those of the system and of security modules may be set anew."""
    try:
        names = [name for name in os.listxattr(path) if name.startswith(("user.", "system.posix_acl_"))]
    except OSError:
        return {}
    return {name: os.getxattr(path, name) for name in names}


def synchronise(copy: BinaryIO) -> None:
    """Waits until the copy is on the disk."""
    os.fsync(copy.fileno())


def check_unchanged(target: Path, before: os.stat_result) -> None:
    """Checks that nobody wrote, replaced or linked the file since it was opened.

    Raises:
        TagError: Somebody did.
    """
    try:
        now = os.lstat(target)
    except FileNotFoundError:
        now = None
    if now is None or _identity(now) != _identity(before):
        raise TagError(
            ErrorCode.CHANGED_DURING_RUN,
            f"{target}: was changed by somebody else while its tags were written; it was left as it is now.",
            "Run again when nobody else writes it.",
        )


def _identity(state: os.stat_result) -> tuple[int, ...]:
    kind = stat.S_IFMT(state.st_mode)
    return state.st_dev, state.st_ino, kind, state.st_nlink, state.st_size, state.st_mtime_ns


def replace(temporary: Path, copy: BinaryIO, target: Path, source: BinaryIO) -> None:
    """Puts the copy in the place of the file.

    Raises:
        OSError: The temporary file is no longer the one that was checked, or the file system refuses.
    """
    if not os.path.samestat(os.fstat(copy.fileno()), os.lstat(temporary)):
        raise OSError(errno.ESTALE, "the temporary copy was replaced by somebody else")
    if os.name == "nt":
        # Windows replaces no open files, and knows no locks that outlive them either.
        copy.close()
        source.close()
    temporary.replace(target)
