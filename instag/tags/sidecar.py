"""Sidecars: a file's row of the table in `NAME.EXT.instag.json`, for files that are themselves left alone."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instag.bags import bag_around
from instag.disk import synchronise_folder
from instag.errors import ErrorCode, FileError, TagError
from instag.paths import for_terminal
from instag.results import TagOutcome
from instag.tags.safe_write import create_temporary, synchronise, temporary_path
from instag.tags.sidecar_tree import SidecarTree, sidecar_path

# The member by which a sidecar is known as instag's own; its value is the version of the form.
MARK = "instag_sidecar"
_FORM = 1
_LARGEST_BYTES = 64 << 20


def write_sidecar(path: Path, document: Mapping[str, Any], tree: SidecarTree | None = None) -> TagOutcome:
    """Writes the sidecar of a file: the old one or the new one is there, never a half.

    Args:
        path: The audio file.
        document: What JSON can hold; `with_identifiers` of a row, which names the file and who assigned its label.
        tree: Where sidecars lie; beside their files where it is None.

    Returns:
        WRITTEN, or UNCHANGED if it says all that already.

    Raises:
        TagError: Nothing was written.
    """
    sidecar = sidecar_path(path, tree)
    text = json.dumps({MARK: _FORM, **document}, ensure_ascii=True, allow_nan=False, indent=2) + "\n"
    try:
        if os.path.lexists(sidecar):
            there = read_sidecar(path, tree)
            if there is None:
                raise _error(sidecar, "is there already and was not written by instag", "Move it away, then run again.")
            other = tree.other_owner(path, there) if tree else None
            if other:
                raise _error(
                    sidecar,
                    f"is already the sidecar of another recording, {for_terminal(other)}",
                    "Use another --sidecar-dir, or --root to name a folder that holds both.",
                )
            if sidecar.read_text("utf-8") == text:
                return TagOutcome.UNCHANGED
        bag = bag_around(sidecar.resolve())
        if bag:
            # A payload file that no manifest names makes the whole bag invalid (RFC 8493, section 3).
            raise _error(
                sidecar,
                f"would lie in the BagIt bag {bag}, which it would make invalid",
                "Use the results table instead.",
            )
        if tree:
            sidecar.parent.mkdir(parents=True, exist_ok=True)
        _replace(sidecar, text.encode())
    except OSError as error:
        raise _error(
            sidecar,
            f"cannot be written ({error.strerror or error})",
            "Check permissions, the disk, and the name's length.",
        ) from error
    return TagOutcome.WRITTEN


def read_sidecar(path: Path, tree: SidecarTree | None = None) -> dict[str, Any] | None:
    """The document in the sidecar of a file; None where there is none, or one that instag did not write.

    Raises:
        FileError: It cannot be read.
    """
    sidecar = sidecar_path(path, tree)
    try:
        if sidecar.is_symlink() or not sidecar.is_file():
            return None
        with sidecar.open("rb") as file:
            document = json.loads(file.read(_LARGEST_BYTES))
    except (ValueError, RecursionError):
        return None
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
            return None
        raise FileError(
            ErrorCode.NOT_READABLE, f"{sidecar}: cannot be read ({error.strerror or error}).", "Check its permissions."
        ) from error
    if not isinstance(document, dict) or document.pop(MARK, None) != _FORM:
        return None
    return document


def has_sidecar(path: Path, tree: SidecarTree | None = None) -> bool:
    """Whether there is a sidecar that instag wrote for a file.

    Raises:
        FileError: It cannot be read, or the file has no place in the tree.
    """
    document = read_sidecar(path, tree)
    return document is not None and not (tree and tree.other_owner(path, document))


def remove_sidecar(path: Path, tree: SidecarTree | None = None) -> TagOutcome:
    """Removes the sidecar that instag wrote for a file, and the folders of a mirrored tree that it leaves empty.

    Returns:
        WRITTEN where it was removed, UNCHANGED where there is none.

    Raises:
        FileError: It cannot be read or removed.
    """
    if not has_sidecar(path, tree):
        return TagOutcome.UNCHANGED
    sidecar = sidecar_path(path, tree)
    try:
        sidecar.unlink()
    except OSError as error:
        raise _error(
            sidecar, f"cannot be removed ({error.strerror or error})", "Check the permissions of its folder."
        ) from error
    if tree:
        _remove_empty_folders(sidecar.parent, tree.folder)
    return TagOutcome.WRITTEN


def _remove_empty_folders(folder: Path, top: Path) -> None:
    with contextlib.suppress(OSError):
        while folder != top:
            folder.rmdir()
            folder = folder.parent


def _replace(sidecar: Path, content: bytes) -> None:
    temporary = temporary_path(sidecar)
    copy = create_temporary(temporary)
    try:
        with copy:
            copy.write(content)
            copy.flush()
            synchronise(copy)
            temporary.chmod(0o666 & ~_umask())
            if os.name == "nt":
                copy.close()
            temporary.replace(sidecar)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    synchronise_folder(sidecar.parent)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _error(sidecar: Path, what: str, remedy: str) -> TagError:
    return TagError(ErrorCode.SIDECAR_WRITE_FAILED, f"{sidecar}: {what}.", remedy)
