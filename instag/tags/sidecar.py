"""Sidecars: what instag says of a file, in `NAME.EXT.instag.json` beside it, where the file itself is left alone."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instag.bags import bag_around
from instag.constants import SIDECAR_SUFFIX
from instag.disk import synchronise_folder
from instag.errors import ErrorCode, FileError, TagError
from instag.results import TagOutcome
from instag.tags.safe_write import create_temporary, synchronise, temporary_path

# The member by which a sidecar is known as instag's own; its value is the version of the form.
MARK = "instag_sidecar"
_FORM = 1
_LARGEST_BYTES = 64 << 20


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of a file lies."""
    return path.with_name(path.name + SIDECAR_SUFFIX)


def write_sidecar(path: Path, document: Mapping[str, Any]) -> TagOutcome:
    """Writes the sidecar of a file: the old one or the new one is there, never a half.

    Args:
        path: The audio file.
        document: What JSON can hold.

    Returns:
        WRITTEN, or UNCHANGED where it says all that already.

    Raises:
        TagError: Nothing was written.
    """
    sidecar = sidecar_path(path)
    text = json.dumps({MARK: _FORM, **document}, ensure_ascii=True, allow_nan=False, indent=2) + "\n"
    try:
        if os.path.lexists(sidecar):
            if read_sidecar(path) is None:
                raise _error(sidecar, "is there already and was not written by instag", "Move it away, then run again.")
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
        _replace(sidecar, text.encode())
    except OSError as error:
        raise _error(
            sidecar,
            f"cannot be written ({error.strerror or error})",
            "Check permissions, the disk, and the name's length.",
        ) from error
    return TagOutcome.WRITTEN


def read_sidecar(path: Path) -> dict[str, Any] | None:
    """The document in the sidecar of a file; None where there is none, or one that instag did not write.

    Raises:
        FileError: It cannot be read.
    """
    sidecar = sidecar_path(path)
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


def remove_sidecar(path: Path) -> TagOutcome:
    """Removes the sidecar of a file, if instag wrote it.

    Returns:
        WRITTEN where it was removed, UNCHANGED where there is none of instag's.

    Raises:
        FileError: It cannot be read or removed.
    """
    if read_sidecar(path) is None:
        return TagOutcome.UNCHANGED
    sidecar = sidecar_path(path)
    try:
        sidecar.unlink()
    except OSError as error:
        raise _error(
            sidecar, f"cannot be removed ({error.strerror or error})", "Check the permissions of its folder."
        ) from error
    return TagOutcome.WRITTEN


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
