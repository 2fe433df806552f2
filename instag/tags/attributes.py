"""Attributes of ASF files (WMA), and items of APEv2 tags (WavPack, Musepack, Monkey's Audio).

The attributes and items of others are carried over as bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

from instag.containers import (
    Span,
    StructureError,
    UnsupportedError,
    asf,
    file_size,
    read_exactly,
    read_tag_block,
    trailers,
    unpack,
)
from instag.tags.edits import Edit, RawField, growth
from instag.tags.fields import INSTRUMENT, OWN_KEYS, Change

NEW_OBJECT, NEW_TAG = "extended-content", "apev2"
_UNICODE = 0
_READ_ONLY, _KIND, _IS_HEADER, _HAS_HEADER = 1, 6, 1 << 29, 1 << 31
_APE_VERSION = 2000


class AsfStore:
    """The Extended Content Description object of an ASF file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._layout = asf.read_layout(file)
        self._object = self._layout.child(asf.EXTENDED_CONTENT)
        self._records: tuple[tuple[bytes, RawField | None], ...] = ()
        if self._object:
            self._records = _asf_records(read_tag_block(file, self._object.body, "its attributes"))
        self.fields = tuple(field for _, field in self._records if field)
        self.missing: tuple[str, ...] = () if self._object else (NEW_OBJECT,)

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change."""
        records = [raw for raw, field in self._records if field is None or field.key.upper() not in change.remove]
        records += [_asf_record(key, value) for key, values in change.add for value in values]
        if len(records) > 0xFFFF:
            raise UnsupportedError("has no room for more attributes")
        body = struct.pack("<H", len(records)) + b"".join(records)
        content = asf.EXTENDED_CONTENT + struct.pack("<Q", asf.OBJECT_BYTES + len(body)) + body
        header = self._layout.header
        count = len(self._layout.children)
        if self._object is None:
            edit = Edit(header.end, header.end, content)
            count += 1
        elif NEW_OBJECT in change.drop and not records:
            edit = Edit(self._object.span.start, self._object.span.end, b"")
            count -= 1
        else:
            edit = Edit(self._object.span.start, self._object.span.end, content)
        sizes = Edit(16, 28, struct.pack("<QI", header.length + growth([edit]), count))
        return [sizes, edit, *self._claimed_size(growth([edit]))]

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


def _asf_records(data: bytes) -> tuple[tuple[bytes, RawField | None], ...]:
    what = "its attributes"
    (count,) = unpack("<H", data, 0, what)
    records: list[tuple[bytes, RawField | None]] = []
    offset = 2
    for _ in range(count):
        (name_length,) = unpack("<H", data, offset, what)
        kind, length = unpack("<HH", data, offset + 2 + name_length, what)
        value_start = offset + 6 + name_length
        end = value_start + length
        if end > len(data):
            raise StructureError(f"ends inside {what}")
        name = data[offset + 2 : offset + 2 + name_length].decode("utf-16-le", "replace").rstrip("\0")
        field = None
        if name.upper() in OWN_KEYS | {INSTRUMENT}:
            field = RawField(name, _asf_text(kind, data[value_start:end]))
        records.append((data[offset:end], field))
        offset = end
    if offset != len(data):
        raise StructureError(f"has stray bytes after {what}")
    return tuple(records)


def _asf_text(kind: int, value: bytes) -> tuple[str, ...] | None:
    if kind != _UNICODE:
        return None
    try:
        return (value.decode("utf-16-le").rstrip("\0"),)
    except UnicodeDecodeError:
        return None


def _asf_record(key: str, value: str) -> bytes:
    name, text = (f"{part}\0".encode("utf-16-le") for part in (key, value))
    if len(text) > 0xFFFF:
        raise UnsupportedError("has no room for so long an attribute")
    return struct.pack("<H", len(name)) + name + struct.pack("<HH", _UNICODE, len(text)) + text


class ApeStore:
    """The APEv2 tag at the end of a file, before an ID3v1 or Lyrics3 tag where there is one."""

    def __init__(self, file: BinaryIO) -> None:
        spans = trailers.trailing_tags(file, 0)
        self._span = next((span for span in spans if trailers.ape_tag_ending_at(file, span.end) == span), None)
        self._at = spans[-1].start if spans else file_size(file)
        self._footer = b""
        self._has_header = True
        self._version, self._flags = _APE_VERSION, _HAS_HEADER
        self._items: tuple[tuple[bytes, RawField | None], ...] = ()
        if self._span:
            data = read_tag_block(file, self._span, "its APEv2 tag")
            self._version, _, count, self._flags = struct.unpack_from("<4I", data, len(data) - 24)
            start = trailers.APE_HEADER_BYTES if self._flags & _HAS_HEADER else 0
            if start and data[:8] != trailers.APE_MARK:
                raise StructureError("has an APEv2 tag without the header that its footer promises")
            self._items = _ape_items(data[start : -trailers.APE_HEADER_BYTES], count)
        self.fields = tuple(field for _, field in self._items if field)
        self.missing: tuple[str, ...] = () if self._span else (NEW_TAG,)

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change."""
        items = [raw for raw, field in self._items if field is None or field.key.upper() not in change.remove]
        items += [_ape_item(key, values) for key, values in change.add]
        span = self._span or Span(self._at, self._at)
        if not items and NEW_TAG in change.drop:
            return [Edit(span.start, span.end, b"")]
        content = b"".join(items)
        footer = self._mark(len(content), len(items), self._flags & ~_IS_HEADER)
        header = self._mark(len(content), len(items), self._flags | _IS_HEADER) if self._flags & _HAS_HEADER else b""
        return [Edit(span.start, span.end, header + content + footer)]

    def _mark(self, length: int, count: int, flags: int) -> bytes:
        size = length + trailers.APE_HEADER_BYTES
        return trailers.APE_MARK + struct.pack("<4I8x", self._version, size, count, flags)


def _ape_items(data: bytes, count: int) -> tuple[tuple[bytes, RawField | None], ...]:
    what = "its APEv2 tag"
    items: list[tuple[bytes, RawField | None]] = []
    offset = 0
    while offset < len(data):
        length, flags = unpack("<II", data, offset, what)
        key_end = data.find(b"\0", offset + 8, offset + 8 + 256)
        end = key_end + 1 + length
        if key_end < 0 or end > len(data):
            raise StructureError(f"has a damaged item in {what}")
        key = data[offset + 8 : key_end].decode("ascii", "replace")
        field = None
        if key.upper() in OWN_KEYS | {INSTRUMENT}:
            field = RawField(key, _ape_text(flags, data[key_end + 1 : end]))
        items.append((data[offset:end], field))
        offset = end
    if len(items) != count:
        raise StructureError(f"claims {count} items in {what} and has {len(items)}")
    return tuple(items)


def _ape_text(flags: int, value: bytes) -> tuple[str, ...] | None:
    if flags & _KIND:
        return None
    try:
        return tuple(value.decode("utf-8").split("\0"))
    except UnicodeDecodeError:
        return None


def _ape_item(key: str, values: tuple[str, ...]) -> bytes:
    text = "\0".join(values).encode()
    return struct.pack("<II", len(text), 0) + key.encode("ascii") + b"\0" + text
