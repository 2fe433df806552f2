"""Pages and packets of Ogg files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from instag.containers import Kind, Span, StructureError

CONTINUED, FIRST, LAST = 1, 2, 4
_HEADER = struct.Struct("<4sBBqIIIB")

# How the first packet of each codec starts, and how many packets come before the audio (None: the packet says it).
_CODECS: tuple[tuple[bytes, Kind, int | None], ...] = (
    (b"\x01vorbis", Kind.OGG_VORBIS, 3),
    (b"OpusHead", Kind.OGG_OPUS, 2),
    (b"Speex   ", Kind.OGG_SPEEX, None),
    (b"\x7fFLAC", Kind.OGG_FLAC, None),
)


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        span: Header and body.
        flags: CONTINUED, FIRST, LAST.
        granule: Position of the last packet that ends here, -1 where none does.
        serial: The logical stream it belongs to.
        sequence: Its number in that stream.
        lacing: Lengths of its segments.
    """

    span: Span
    flags: int
    granule: int
    serial: int
    sequence: int
    lacing: bytes

    @property
    def body_start(self) -> int:
        """Where the segments start."""
        return self.span.start + _HEADER.size + len(self.lacing)


def pages(file: BinaryIO) -> Iterator[Page]:
    """Walks the pages from the start to the end of the file, or to the first thing that is not a whole page.

    Raises:
        StructureError: The file does not even start with a page.
    """
    size = file.seek(0, 2)
    offset = 0
    while offset < size:
        file.seek(offset)
        header = file.read(_HEADER.size)
        whole = len(header) == _HEADER.size and header[:5] == b"OggS\x00"
        if whole:
            _, _, flags, granule, serial, sequence, _, count = _HEADER.unpack(header)
            lacing = file.read(count)
            end = offset + _HEADER.size + count + sum(lacing)
            whole = len(lacing) == count and end <= size
        if not whole:
            if offset == 0:
                raise StructureError("does not start with a whole Ogg page")
            return
        yield Page(Span(offset, end), flags, granule, serial, sequence, lacing)
        offset = end


def codec(first_packet: bytes) -> tuple[Kind, int]:
    """The kind of a logical stream, and how many packets it has before the audio."""
    for mark, kind, headers in _CODECS:
        if first_packet.startswith(mark):
            if kind == Kind.OGG_SPEEX:
                extra = int.from_bytes(first_packet[68:72], "little")
                headers = 2 + (extra if extra < 256 else 0)
            elif kind == Kind.OGG_FLAC:
                headers = 1 + int.from_bytes(first_packet[7:9])
            return kind, headers or 1
    return Kind.OGG_OTHER, 1
