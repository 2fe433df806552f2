"""Items of APEv2 tags (WavPack, Musepack, Monkey's Audio). The items of others are carried over as bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

from instag.containers import MAX_PARTS, Span, StructureError, file_size, read_tag_block, too_many, trailers, unpack
from instag.tags.edits import Edit, RawField
from instag.tags.fields import INSTRUMENT, OWN_KEYS, Change
from instag.tags.items import changed_items, fields_of

NEW_TAG = "apev2"
_WHAT = "its APEv2 tag"
_KIND, _IS_HEADER, _HAS_HEADER = 6, 1 << 29, 1 << 31
_APE_VERSION = 2000


class ApeStore:
    """The APEv2 tag at the end of a file, before an ID3v1 or Lyrics3 tag where there is one."""

    def __init__(self, file: BinaryIO) -> None:
        spans = trailers.trailing_tags(file, 0)
        self._span = next((span for span in spans if trailers.ape_tag_ending_at(file, span.end) == span), None)
        self._at = spans[-1].start if spans else file_size(file)
        self._header, self._footer = _mark(_HAS_HEADER | _IS_HEADER), _mark(_HAS_HEADER)
        self._items: tuple[bytes, ...] = ()
        if self._span:
            data = read_tag_block(file, self._span, _WHAT)
            self._footer = data[-trailers.APE_HEADER_BYTES :]
            count, flags = struct.unpack_from("<II", self._footer, 16)
            self._header = data[: trailers.APE_HEADER_BYTES] if flags & _HAS_HEADER else b""
            if self._header and self._header[:20] != self._footer[:20]:
                raise StructureError("has an APEv2 tag whose header and footer contradict each other")
            self._items = _items(data[len(self._header) : -trailers.APE_HEADER_BYTES], count)
        self.fields = fields_of(self._items, _field)
        self.missing: tuple[str, ...] = () if self._span else (NEW_TAG,)

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change."""
        items = changed_items(self._items, change, _field, _render)
        span = self._span or Span(self._at, self._at)
        if not items and NEW_TAG in change.drop:
            return [Edit(span.start, span.end, b"")]
        content = b"".join(items)
        sizes = struct.pack("<II", len(content) + trailers.APE_HEADER_BYTES, len(items))
        header, footer = (mark[:12] + sizes + mark[20:] if mark else b"" for mark in (self._header, self._footer))
        return [Edit(span.start, span.end, header + content + footer)]


def _mark(flags: int) -> bytes:
    """A header or footer, its sizes still to be filled in."""
    return trailers.APE_MARK + struct.pack("<4I8x", _APE_VERSION, 0, 0, flags)


def _items(data: bytes, count: int) -> tuple[bytes, ...]:
    items: list[bytes] = []
    offset = 0
    while offset < len(data):
        _, _, end = _bounds(data, offset)
        items.append(data[offset:end])
        offset = end
        if len(items) > MAX_PARTS:
            raise too_many("items")
    if len(items) != count:
        raise StructureError(f"claims {count} items in {_WHAT} and has {len(items)}")
    return tuple(items)


def _bounds(data: bytes, offset: int) -> tuple[int, int, int]:
    """The flags of the item at an offset, where its key ends, and where it ends itself."""
    length, flags = unpack("<II", data, offset, _WHAT)
    key_end = data.find(b"\0", offset + 8, offset + 8 + 256)
    end = key_end + 1 + length
    if key_end < 0 or end > len(data):
        raise StructureError(f"has a damaged item in {_WHAT}")
    return flags, key_end, end


def _field(raw: bytes) -> RawField | None:
    flags, key_end, end = _bounds(raw, 0)
    key = raw[8:key_end].decode("ascii", "replace")
    if end != len(raw) or key.upper() not in OWN_KEYS | {INSTRUMENT}:
        return None
    return RawField(key, _text(flags, raw[key_end + 1 :]))


def _text(flags: int, value: bytes) -> tuple[str, ...] | None:
    if flags & _KIND:
        return None
    try:
        return tuple(value.decode("utf-8").split("\0"))
    except UnicodeDecodeError:
        return None


def _render(key: str, values: tuple[str, ...]) -> list[bytes]:
    text = "\0".join(values).encode()
    return [struct.pack("<II", len(text), 0) + key.encode("ascii") + b"\0" + text]
