"""What a changed copy has to prove before it takes the place of the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from instag.containers import Kind, file_size
from instag.containers.digest import stored_audio_digest
from instag.containers.mp4 import chunk_positions, read_atoms
from instag.errors import ErrorCode, TagError
from instag.tags.edits import Edit, RawField
from instag.tags.fields import Change, ForeignFieldError
from instag.tags.plan import plan_remove
from instag.tags.reading import Entry
from instag.tags.splices import Piece, are_equal, spliced
from instag.tags.store import TagStore


def verify_tags(path: Path, before: list[Entry], after: list[Entry], change: Change) -> None:
    """Checks that the copy says what was to be written, and that everything of others is as it was.

    Raises:
        TagError: It does not.
    """
    (theirs, _), (left, ours) = (_parted(entries, change) for entries in (before, after))
    if ours != change.wanted():
        raise _not_verified(path, "what was written could not be read back")
    if theirs != left:
        raise _not_verified(path, "tags of others would have changed")


def verify_replaceable(entries: list[Entry], fields: Iterable[RawField], change: Change) -> None:
    """Checks that both readers see the same in the fields that go: what they disagree on could not be put back safely.

    Args:
        entries: All tags of the file, as mutagen sees them.
        fields: INSTRUMENT and instag's own fields, as instag sees them.
        change: The change to come.

    Raises:
        ForeignFieldError: They do not.
    """
    _, theirs = _parted(entries, change)
    ours: dict[str, tuple[str, ...]] = {}
    for field in fields:
        if field.key.upper() in change.remove:
            ours[field.key.upper()] = ours.get(field.key.upper(), ()) + (field.values or ())
    for key in sorted(theirs.keys() | ours.keys()):
        if theirs.get(key) != ours.get(key):
            raise ForeignFieldError(
                f"has a field {key} that can be read in two ways and so could not be put back",
                "Correct the field, or write a sidecar instead.",
            )


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


def verify_undo(path: Path, file: BinaryIO, before: TagStore, edits: Sequence[Edit], after: TagStore) -> None:
    """Checks that removing the tags from the copy gives what removing them from the file would give, byte for byte.

    Args:
        path: For the message.
        file: The file as it is.
        before: Its tags.
        edits: What makes the copy of it.
        after: The tags of the copy.

    Raises:
        TagError: It does not, so `untag` could not restore the file.
    """
    whole = [Piece(0, file_size(file))]
    copy = spliced(whole, edits)
    if not are_equal(file, spliced(whole, _undoing(before)), spliced(copy, _undoing(after))):
        raise _not_verified(path, "`instag untag` could not restore it exactly")


def _undoing(store: TagStore) -> Sequence[Edit]:
    change = plan_remove(store.fields)
    return store.edits(change) if change else ()


def _not_verified(path: Path, what: str) -> TagError:
    return TagError(
        ErrorCode.TAGS_NOT_VERIFIED,
        f"{path}: {what}; the file was left as it was.",
        "Please report this file; a sidecar can hold its tags.",
    )
