"""Tags of a file, read: those that instag wrote, and all of them for people to look at."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from instag.containers import Kind, StructureError, TooLargeError, UnsupportedError
from instag.containers.digest import open_to_read
from instag.containers.recognise import layout_of
from instag.tags.boundary import errors_of_file
from instag.tags.fields import TagValues, values_from
from instag.tags.plan import instruments_of_others, plan_remove
from instag.tags.reading import Entry, read_entries
from instag.tags.stores import STORES, open_store

# The name of the undo document, today's and that of builds before version 1.0, as it stands in files.
_MARKS = tuple(name.encode(codec) for name in ("INSTRUMENT_UNDO", "INSTAG_UNDO") for codec in ("ascii", "utf-16-le"))
_BLOCK_BYTES = 1 << 20


def read_tags(path: Path) -> TagValues | None:
    """The values that instag wrote into a file; None if it wrote nothing, or if the container has no tags.

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


def read_instruments_of_others(path: Path) -> tuple[str, ...]:
    """What INSTRUMENT tags say that somebody else wrote, those that instag replaced included; () where there is none.

    Raises:
        FileError: The file or its tags cannot be read.
    """
    with errors_of_file(path), open_to_read(path) as file:
        kind = layout_of(file)
        return instruments_of_others(open_store(file, kind).fields) if kind in STORES else ()


def is_tagged(path: Path) -> bool:
    """Whether instag's tags are in a file. A file too damaged for its tags to be read is searched for their name.

    Raises:
        FileError: The file cannot be read.
    """
    with errors_of_file(path), open_to_read(path) as file:
        kind = layout_of(file)
        if kind != Kind.UNKNOWN and kind not in STORES:
            return False
        try:
            return plan_remove(open_store(file, kind).fields) is not None
        except (StructureError, UnsupportedError):
            return _has_mark(file)


def _has_mark(file: BinaryIO) -> bool:
    longest = max(len(mark) for mark in _MARKS)
    file.seek(0)
    tail = b""
    while block := file.read(_BLOCK_BYTES):
        text = tail + block.upper()
        if any(mark in text for mark in _MARKS):
            return True
        tail = text[-longest:]
    return False


def _entries(path: Path, *, everything: bool) -> list[Entry]:
    with errors_of_file(path), open_to_read(path) as file:
        kind = layout_of(file)
        if kind in STORES:
            # mutagen takes its time and memory as headers say; only those that make sense are given to it.
            try:
                open_store(file, kind)
            except UnsupportedError as error:
                if isinstance(error, TooLargeError):
                    raise
        return read_entries(file, kind, everything=everything)
