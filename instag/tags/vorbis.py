"""Vorbis comments as bytes, as FLAC and Ogg files have them. Those of others are carried over, broken ones too."""

from __future__ import annotations

from dataclasses import dataclass

from instag.containers import MAX_PARTS, StructureError, too_many, unpack
from instag.tags.edits import RawField
from instag.tags.fields import INSTRUMENT, OWN_KEYS, Change
from instag.tags.items import changed_items, fields_of


@dataclass(frozen=True)
class Comments:
    """A comment block taken apart: who wrote the stream, the comments as bytes, and what follows them."""

    vendor: bytes
    items: tuple[bytes, ...]
    rest: bytes

    @property
    def fields(self) -> tuple[RawField, ...]:
        """INSTRUMENT and instag's own comments."""
        return fields_of(self.items, _field)

    def changed(self, change: Change) -> Comments:
        """The comments after the change."""
        return Comments(self.vendor, tuple(changed_items(self.items, change, _field, _render)), self.rest)

    def to_bytes(self) -> bytes:
        """The block as it stands in a file."""
        parts = [_counted(self.vendor), len(self.items).to_bytes(4, "little")]
        parts.extend(_counted(item) for item in self.items)
        parts.append(self.rest)
        return b"".join(parts)


def parse_comments(data: bytes) -> Comments:
    """Takes a comment block apart.

    Raises:
        StructureError: A length in it is wrong.
    """
    what = "its Vorbis comment"
    position = 0

    def take() -> bytes:
        nonlocal position
        (length,) = unpack("<I", data, position, what)
        position += 4 + length
        if position > len(data):
            raise StructureError(f"has a wrong length in {what}")
        return data[position - length : position]

    vendor = take()
    (count,) = unpack("<I", data, position, what)
    position += 4
    if count > MAX_PARTS:
        raise too_many("comments")
    if count > len(data) // 4:
        raise StructureError(f"claims {count} comments in {what}")
    items = tuple(take() for _ in range(count))
    return Comments(vendor, items, data[position:])


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _field(item: bytes) -> RawField | None:
    key, mark, value = item.partition(b"=")
    name = key.decode("ascii", "replace")
    if not mark or name.upper() not in OWN_KEYS | {INSTRUMENT}:
        return None
    try:
        return RawField(name, (value.decode("utf-8"),))
    except UnicodeDecodeError:
        return RawField(name, None)


def _render(key: str, values: tuple[str, ...]) -> list[bytes]:
    return [f"{key}={value}".encode() for value in values]
