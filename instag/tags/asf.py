"""Attributes of ASF files (WMA). The attributes of others are carried over as bytes.

New ones go into the Extended Content Description. Taggers move attributes about between that object and those in the
header extension, so all of them are read.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from instag.containers import (
    StructureError,
    UnsupportedError,
    asf,
    check_tag_block,
    file_size,
    read_exactly,
    read_tag_block,
    unpack,
)
from instag.containers.asf import AsfObject
from instag.tags.edits import Edit, RawField, growth
from instag.tags.fields import INSTRUMENT, OWN_KEYS, Change
from instag.tags.items import changed_items, fields_of

NEW_OBJECT = "extended-content"
_UNICODE = 0
_WHAT = "its attributes"


@dataclass(frozen=True)
class _Attributes:
    """An object of attributes.

    Attributes:
        place: The object.
        part: 0 for the Extended Content Description, then the objects of the header extension from 1.
        records: Its records as bytes.
    """

    place: AsfObject
    part: int
    records: tuple[bytes, ...]

    @property
    def fields(self) -> tuple[RawField, ...]:
        """INSTRUMENT and instag's own records."""
        return fields_of(self.records, self._parse, self.part)

    def changed(self, change: Change) -> list[bytes]:
        """The records after a change."""
        return changed_items(self.records, change, self._parse, _render, self.part)

    def _parse(self, raw: bytes) -> RawField | None:
        return _field(raw, long=self.part > 0)


class AsfStore:
    """The attributes of an ASF file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._layout = asf.read_layout(file)
        check_tag_block(file, self._layout.header, "its header")
        place = self._layout.child(asf.EXTENDED_CONTENT)
        self._content = self._read(place, 0) if place else None
        self._extension = self._layout.child(asf.HEADER_EXTENSION)
        inner = asf.extension_children(file, self._extension) if self._extension else ()
        wanted = (asf.METADATA, asf.METADATA_LIBRARY)
        places = [item for item in inner if item.guid in wanted]
        self._inner = tuple(self._read(item, number) for number, item in enumerate(places, 1))
        everything = (*((self._content,) if self._content else ()), *self._inner)
        self.fields = tuple(field for part in everything for field in part.fields)
        self.missing: tuple[str, ...] = () if self._content else (NEW_OBJECT,)

    def _read(self, place: AsfObject, part: int) -> _Attributes:
        data = read_tag_block(self._file, place.body, _WHAT)
        return _Attributes(place, part, _records(data, long=part > 0))

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change."""
        change = self._placed(change)
        inner = [
            _object_edit(part.place, records)
            for part in self._inner
            if (records := part.changed(change)) != list(part.records)
        ]
        edits = [*inner, *self._extension_sizes(growth(inner))]
        header, count = self._layout.header, len(self._layout.children)
        if self._content is None:
            added = changed_items((), change, _no_field, _render)
            if added:
                edits.append(Edit(header.end, header.end, _object_bytes(asf.EXTENDED_CONTENT, added)))
                count += 1
        else:
            span, records = self._content.place.span, self._content.changed(change)
            if not records and NEW_OBJECT in change.drop:
                edits.append(Edit(span.start, span.end, b""))
                count -= 1
            else:
                edits.append(_object_edit(self._content.place, records))
        delta = growth(edits)
        return [Edit(16, 28, struct.pack("<QI", header.length + delta, count)), *edits, *self._claimed_size(delta)]

    def _placed(self, change: Change) -> Change:
        """The change with what was in an object that another tagger has since removed in the first one."""
        there = {0, *(part.part for part in self._inner)}
        put_back = tuple(f if f.part in there else replace(f, part=0, raw=b"") for f in change.put_back)
        return replace(change, put_back=put_back)

    def _extension_sizes(self, delta: int) -> list[Edit]:
        """The two sizes of the header extension."""
        if self._extension is None or not delta:
            return []
        start, length = self._extension.span.start, self._extension.span.length + delta
        data_size = length - asf.OBJECT_BYTES - asf.EXTENSION_FIELDS_BYTES
        at = self._extension.body.start + asf.EXTENSION_FIELDS_BYTES - 4
        return [
            Edit(start + 16, start + 24, length.to_bytes(8, "little")),
            Edit(at, at + 4, data_size.to_bytes(4, "little")),
        ]

    def _claimed_size(self, delta: int) -> list[Edit]:
        """The size of the file in its own properties, where it was right before."""
        properties = self._layout.child(asf.FILE_PROPERTIES)
        if properties is None or properties.body.length < 24:
            return []
        start = properties.body.start + 16
        size = file_size(self._file)
        if int.from_bytes(read_exactly(self._file, start, 8, "its header"), "little") != size:
            return []
        return [Edit(start, start + 8, (size + delta).to_bytes(8, "little"))]


def _object_bytes(guid: bytes, records: list[bytes]) -> bytes:
    if len(records) > 0xFFFF:
        raise UnsupportedError("has no room for more attributes")
    body = struct.pack("<H", len(records)) + b"".join(records)
    return guid + struct.pack("<Q", asf.OBJECT_BYTES + len(body)) + body


def _object_edit(place: AsfObject, records: list[bytes]) -> Edit:
    return Edit(place.span.start, place.span.end, _object_bytes(place.guid, records))


def _records(data: bytes, *, long: bool) -> tuple[bytes, ...]:
    """Takes the records of an object apart.

    Args:
        data: The body of the object.
        long: The form of the header extension, with language and stream, instead of the short one.
    """
    (count,) = unpack("<H", data, 0, _WHAT)
    records: list[bytes] = []
    offset = 2
    for _ in range(count):
        *_, end = _bounds(data, offset, long=long)
        records.append(data[offset:end])
        offset = end
    if offset != len(data):
        raise StructureError(f"has stray bytes after {_WHAT}")
    return tuple(records)


def _bounds(data: bytes, offset: int, *, long: bool) -> tuple[int, int, int, int, int]:
    """Of the record at an offset: start and end of its name, type and start of its value, and its end."""
    if long:
        name_length, kind, length = unpack("<HHI", data, offset + 4, _WHAT)
        name_start = offset + 12
        value_start = name_start + name_length
    else:
        (name_length,) = unpack("<H", data, offset, _WHAT)
        name_start = offset + 2
        kind, length = unpack("<HH", data, name_start + name_length, _WHAT)
        value_start = name_start + name_length + 4
    end = value_start + length
    if end > len(data):
        raise StructureError(f"ends inside {_WHAT}")
    return name_start, name_start + name_length, kind, value_start, end


def _field(raw: bytes, *, long: bool) -> RawField | None:
    name_start, name_end, kind, value_start, end = _bounds(raw, 0, long=long)
    name = raw[name_start:name_end].decode("utf-16-le", "replace").rstrip("\0")
    if end != len(raw) or name.upper() not in OWN_KEYS | {INSTRUMENT}:
        return None
    return RawField(name, _text(kind, raw[value_start:]))


def _no_field(raw: bytes) -> RawField | None:
    """For an object that is not there: no bytes fit it."""
    return None


def _text(kind: int, value: bytes) -> tuple[str, ...] | None:
    if kind != _UNICODE:
        return None
    try:
        return (value.decode("utf-16-le").rstrip("\0"),)
    except UnicodeDecodeError:
        return None


def _render(key: str, values: tuple[str, ...]) -> list[bytes]:
    return [_record(key, value) for value in values]


def _record(key: str, value: str) -> bytes:
    name, text = (f"{part}\0".encode("utf-16-le") for part in (key, value))
    if len(text) > 0xFFFF:
        raise UnsupportedError("has no room for so long an attribute")
    return struct.pack("<H", len(name)) + name + struct.pack("<HH", _UNICODE, len(text)) + text
