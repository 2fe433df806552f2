"""Tags in files: read, written and taken back without touching anything else.

Everything that other people wrote is carried over as bytes; what was written is read back by mutagen, the audio is
digested before and after, and only then does the copy take the place of the file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from instag.containers import Kind, StructureError, TooLargeError, UnsupportedError
from instag.containers.digest import open_to_read, stored_audio_digest
from instag.containers.mp4 import chunk_positions, read_atoms
from instag.containers.recognise import layout_of
from instag.errors import ErrorCode, FileError, TagError
from instag.results import TagOutcome
from instag.tags import safe_write
from instag.tags.ape import ApeStore
from instag.tags.asf import AsfStore
from instag.tags.fields import (
    Change,
    ForeignFieldError,
    TagValues,
    plan_remove,
    plan_write,
    values_from,
)
from instag.tags.flac import FlacStore
from instag.tags.id3 import Id3ChunkStore, Id3Store
from instag.tags.mp4 import Mp4Store
from instag.tags.ogg import OggStore
from instag.tags.reading import Entry, read_entries
from instag.tags.refusals import check_place
from instag.tags.safe_write import remove_leftovers, temporary_path
from instag.tags.store import TagStore

__all__ = [
    "AnalysedFile",
    "TagValues",
    "check_writable",
    "read_all_tags",
    "read_tags",
    "remove_leftovers",
    "remove_tags",
    "temporary_path",
    "write_tags",
]

_STORES: dict[Kind, Callable[[BinaryIO, Kind], TagStore]] = {
    Kind.WAV: Id3ChunkStore,
    Kind.AIFF: Id3ChunkStore,
    Kind.MPEG_AUDIO: lambda file, kind: Id3Store(file),
    Kind.TRUE_AUDIO: lambda file, kind: Id3Store(file),
    Kind.FLAC: lambda file, kind: FlacStore(file),
    Kind.OGG_VORBIS: OggStore,
    Kind.OGG_OPUS: OggStore,
    Kind.OGG_SPEEX: OggStore,
    Kind.OGG_FLAC: OggStore,
    Kind.MP4: lambda file, kind: Mp4Store(file),
    Kind.ASF: lambda file, kind: AsfStore(file),
    Kind.WAVPACK: lambda file, kind: ApeStore(file),
    Kind.MUSEPACK: lambda file, kind: ApeStore(file),
    Kind.MONKEY: lambda file, kind: ApeStore(file),
}
# Stands for what is to be written, where only the room for it is in question.
_SPECIMEN = TagValues(("acoustic guitar", "electric guitar"), "acoustic_guitar", 0.5, "machine: model 1.0.0", True)
_DENIED = (errno.EROFS, errno.EACCES, errno.EPERM)


def read_tags(path: Path) -> TagValues | None:
    """What instag wrote into a file; None where it wrote nothing, or where the container has no tags.

    Raises:
        FileError: The file cannot be read.
    """
    found: dict[str, tuple[str, ...]] = {}
    for entry in _entries(path, everything=False):
        if entry.is_text:
            found[entry.key.upper()] = found.get(entry.key.upper(), ()) + entry.values
    return values_from(found)


def read_all_tags(path: Path) -> dict[str, list[str]]:
    """Every textual tag in a file, by its name; for people to look at.

    Raises:
        FileError: The file cannot be read.
    """
    tags: dict[str, list[str]] = {}
    for entry in _entries(path, everything=True):
        if entry.is_text:
            tags.setdefault(entry.key, []).extend(entry.values)
    return tags


def check_writable(path: Path) -> None:
    """Checks whether tags could be written into a file, without writing anything.

    Raises:
        TagError: They could not; it says why.
    """
    with _boundary(path):
        target = check_place(path)
        with target.open("rb") as file:
            kind = layout_of(file)
            store = _open_store(file, kind)
            read_entries(file, kind)
            change = plan_write(store.fields, _SPECIMEN, store.missing, overwrite=False)
            if change:
                store.edits(change)


@dataclass(frozen=True)
class AnalysedFile:
    """The file as it was when it was analysed.

    Attributes:
        inode: Its inode.
        size_bytes: Its size.
        mtime_ns: Its modification time.
        audio_digest: Its digest, as `instag.containers.digest.audio_digest` gives it.
    """

    inode: int
    size_bytes: int
    mtime_ns: int
    audio_digest: str

    def stored_digest(self) -> str:
        """The digest over the audio as it is stored; "" where the digest is the MD5 of a FLAC file's samples."""
        return self.audio_digest if self.audio_digest.startswith("sha256-") else ""

    def check(self, path: Path, now: os.stat_result) -> None:
        """Checks that the file is still the one that was analysed.

        Raises:
            TagError: It was changed since.
        """
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (self.inode, self.size_bytes, self.mtime_ns):
            raise TagError(
                ErrorCode.CHANGED_DURING_RUN,
                f"{path}: was changed by another program after it was analysed; its tags were not written.",
                "Run the same command again when nothing else writes to it.",
            )


def write_tags(
    path: Path,
    values: TagValues,
    *,
    overwrite: bool = False,
    keep_mtime: bool = False,
    analysed: AnalysedFile | None = None,
) -> TagOutcome:
    """Writes instag's values into the tags of a file.

    Args:
        path: The file, or a symbolic link to it.
        values: The values.
        overwrite: Replaces an INSTRUMENT of somebody else too; `remove_tags` puts it back.
        keep_mtime: The file keeps its time of the last change.
        analysed: The file as it was analysed; saves a second digest, and refuses a file that has changed since.

    Returns:
        WRITTEN, or UNCHANGED where the file says all that already.

    Raises:
        TagError: Nothing was written, and the file is as it was.
    """
    return _change(
        path,
        lambda store: plan_write(store.fields, values, store.missing, overwrite=overwrite),
        keep_mtime=keep_mtime,
        analysed=analysed,
    )


def remove_tags(path: Path, *, keep_mtime: bool = False) -> TagOutcome:
    """Takes back exactly what instag wrote, and puts back what it replaced.

    Args:
        path: The file, or a symbolic link to it.
        keep_mtime: The file keeps its time of the last change.

    Returns:
        WRITTEN, or UNCHANGED where there is nothing of instag's.

    Raises:
        TagError: Nothing was written, and the file is as it was.
    """
    return _change(path, lambda store: plan_remove(store.fields), keep_mtime=keep_mtime)


def _change(
    path: Path,
    plan: Callable[[TagStore], Change | None],
    *,
    keep_mtime: bool,
    analysed: AnalysedFile | None = None,
) -> TagOutcome:
    with _boundary(path):
        target = check_place(path)
        with target.open("rb") as file:
            before = os.fstat(file.fileno())
            if analysed:
                analysed.check(path, before)
            kind = layout_of(file)
            store = _open_store(file, kind)
            foreign = read_entries(file, kind)
            change = plan(store)
            if change is None:
                return TagOutcome.UNCHANGED
            edits = store.edits(change)
            digest = analysed.stored_digest() if analysed else ""
            digest = digest or stored_audio_digest(file)

            def check(copy: BinaryIO) -> None:
                _open_store(copy, kind)
                verify_tags(path, foreign, read_entries(copy, kind), change)
                verify_audio(path, file, copy, kind, digest)

            safe_write.replace_file(target, file, before, edits, check, keep_mtime=keep_mtime)
    return TagOutcome.WRITTEN


def _open_store(file: BinaryIO, kind: Kind) -> TagStore:
    if kind not in _STORES:
        raise UnsupportedError(f"is {_article(kind)} file, into which instag writes no tags")
    return _STORES[kind](file, kind)


def _article(kind: Kind) -> str:
    if kind == Kind.UNKNOWN:
        return "an unknown kind of"
    return f"{'an' if kind[0] in 'AEIOR' else 'a'} {kind}"


def verify_tags(path: Path, before: list[Entry], after: list[Entry], change: Change) -> None:
    """Checks that the copy says what was to be written, and that everything of others is as it was.

    Raises:
        TagError: It does not.
    """
    theirs, ours = (_parted(entries, change) for entries in (before, after))
    wanted: dict[str, tuple[str, ...]] = {}
    for key, values in change.add:
        wanted[key.upper()] = wanted.get(key.upper(), ()) + values
    if ours[1] != wanted:
        raise _not_verified(path, "what was written could not be read back")
    if theirs[0] != ours[0]:
        raise _not_verified(path, "tags of others would have changed")


def _parted(entries: list[Entry], change: Change) -> tuple[list[Entry], dict[str, tuple[str, ...]]]:
    """Tags of others, sorted, and instag's by key."""
    foreign: list[Entry] = []
    own: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        key = entry.key.upper()
        if key in change.remove:
            own[key] = own.get(key, ()) + entry.values
        else:
            foreign.append(entry)
    return sorted(foreign, key=lambda e: (e.key, e.values)), own


def verify_audio(path: Path, file: BinaryIO, copy: BinaryIO, kind: Kind, digest: str) -> None:
    """Checks that the copy holds the same audio, and that what points into it still points to the same places.

    Raises:
        TagError: It does not.
    """
    if stored_audio_digest(copy) != digest:
        raise _not_verified(path, "the audio would have changed")
    if kind == Kind.MP4:
        before, after = (chunk_positions(opened, read_atoms(opened)) for opened in (file, copy))
        if len(before) != len(after) or any((a != b).any() for a, b in zip(before, after, strict=True)):
            raise _not_verified(path, "the offsets into the audio would be wrong")


def _not_verified(path: Path, what: str) -> TagError:
    return TagError(
        ErrorCode.TAGS_NOT_VERIFIED,
        f"{path}: {what}; the file was left as it was.",
        "Please report this file; a sidecar can hold its tags.",
    )


def _entries(path: Path, *, everything: bool) -> list[Entry]:
    with _boundary(path), open_to_read(path) as file:
        kind = layout_of(file)
        if kind in _STORES:
            # mutagen takes its time and memory as headers say; only those that make sense are given to it.
            try:
                _open_store(file, kind)
            except UnsupportedError as error:
                if isinstance(error, TooLargeError):
                    raise
        return read_entries(file, kind, everything=everything)


@contextmanager
def _boundary(path: Path) -> Iterator[None]:
    """The one place where faults of containers and of the system become errors for the user."""
    try:
        yield
    except FileError:
        raise
    except ForeignFieldError as error:
        raise TagError(ErrorCode.TAGS_FOREIGN, f"{path}: {error}.", "Run without --overwrite to keep it.") from error
    except UnsupportedError as error:
        raise TagError(ErrorCode.TAGS_UNSUPPORTED, f"{path}: {error}.", "Write a sidecar instead.") from error
    except StructureError as error:
        raise TagError(
            ErrorCode.TAGS_DAMAGED_CONTAINER, f"{path}: {error}.", "Repair the file, or write a sidecar instead."
        ) from error
    except OSError as error:
        denied = error.errno in _DENIED
        raise TagError(
            ErrorCode.TAGS_READ_ONLY if denied else ErrorCode.TAGS_WRITE_FAILED,
            f"{path}: {error.strerror or error}; the file was left as it was.",
            "Check permissions." if denied else "Check the disk and its free space, then run again.",
        ) from error
