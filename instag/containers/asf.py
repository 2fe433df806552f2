"""Objects of ASF files (WMA)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from instag.containers import MAX_PARTS, Span, StructureError, file_size, read_exactly, too_many

HEADER = UUID("75B22630-668E-11CF-A6D9-00AA0062CE6C").bytes_le
DATA = UUID("75B22636-668E-11CF-A6D9-00AA0062CE6C").bytes_le
EXTENDED_CONTENT = UUID("D2D0A440-E307-11D2-97F0-00A0C95EA850").bytes_le
FILE_PROPERTIES = UUID("8CABDCA1-A947-11CF-8EE4-00C00C205365").bytes_le
HEADER_EXTENSION = UUID("5FBF03B5-A92E-11CF-8EE3-00C00C205365").bytes_le
METADATA = UUID("C5F8CBEA-5BAF-4877-8467-AA8C44FA4CCA").bytes_le
METADATA_LIBRARY = UUID("44231C94-9498-49D1-A141-1D134E457054").bytes_le
OBJECT_BYTES = 24
# Before the objects in the header extension: a reserved GUID, a reserved number, and their size.
EXTENSION_FIELDS_BYTES = 22
HEADER_BYTES = 30


@dataclass(frozen=True)
class AsfObject:
    """One object: its GUID, and where it lies (its own header included)."""

    guid: bytes
    span: Span

    @property
    def body(self) -> Span:
        """The object without its header."""
        return Span(self.span.start + OBJECT_BYTES, self.span.end)


@dataclass(frozen=True)
class AsfLayout:
    """The objects inside the header, and those after it as far as they are whole."""

    header: Span
    children: tuple[AsfObject, ...]
    top: tuple[AsfObject, ...]

    def child(self, guid: bytes) -> AsfObject | None:
        """The first object of a kind inside the header."""
        return next((item for item in self.children if item.guid == guid), None)


def read_layout(file: BinaryIO) -> AsfLayout:
    """Walks the objects.

    Raises:
        StructureError: The header is not whole, or no data object follows it.
    """
    guid, length, count = struct.unpack("<16sQI", read_exactly(file, 0, 28, "its header"))
    size = file_size(file)
    if guid != HEADER or not HEADER_BYTES <= length <= size:
        raise StructureError("has no whole ASF header")
    children = _objects(file, Span(HEADER_BYTES, length))
    offset = length
    if len(children) != count:
        raise StructureError(f"claims {count} header objects and has {len(children)}")
    top: list[AsfObject] = []
    while offset + OBJECT_BYTES <= size and len(top) < MAX_PARTS:
        guid, length = struct.unpack("<16sQ", read_exactly(file, offset, OBJECT_BYTES, "an object"))
        if length < OBJECT_BYTES:
            break
        top.append(AsfObject(guid, Span(offset, min(size, offset + length))))
        offset += length
    if not top or top[0].guid != DATA:
        raise StructureError("has no data object after its header")
    return AsfLayout(Span(0, children[-1].span.end if children else HEADER_BYTES), children, tuple(top))


def extension_children(file: BinaryIO, extension: AsfObject) -> tuple[AsfObject, ...]:
    """The objects inside the header extension.

    Raises:
        StructureError: They do not fill it.
    """
    fields = read_exactly(file, extension.body.start, EXTENSION_FIELDS_BYTES, "its header extension")
    inside = Span(extension.body.start + EXTENSION_FIELDS_BYTES, extension.span.end)
    if int.from_bytes(fields[18:], "little") != inside.length:
        raise StructureError("has a header extension with a wrong length")
    return _objects(file, inside)


def _objects(file: BinaryIO, span: Span) -> tuple[AsfObject, ...]:
    objects: list[AsfObject] = []
    offset = span.start
    while offset < span.end:
        if len(objects) >= MAX_PARTS:
            raise too_many("header objects")
        objects.append(_object(file, offset, span.end))
        offset = objects[-1].span.end
    return tuple(objects)


def _object(file: BinaryIO, offset: int, end: int) -> AsfObject:
    if offset + OBJECT_BYTES > end:
        raise StructureError("ends inside its header")
    guid, length = struct.unpack("<16sQ", read_exactly(file, offset, OBJECT_BYTES, "its header"))
    if not OBJECT_BYTES <= length <= end - offset:
        raise StructureError("has a header object with a wrong length")
    return AsfObject(guid, Span(offset, offset + length))
