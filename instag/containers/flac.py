"""Metadata blocks of FLAC files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from instag.containers import MAX_PARTS, Span, StructureError, file_size, read_exactly, too_many
from instag.containers.id3 import leading_tags_end

STREAMINFO, PADDING, APPLICATION, SEEKTABLE, VORBIS_COMMENT, CUESHEET, PICTURE = range(7)
MAX_BLOCK_BYTES = (1 << 24) - 1
_LAST = 0x80
# Frames are smaller than this, and their headers than that.
_TAIL_BYTES = 1 << 18
_MAX_FRAME_HEADER_BYTES = 16


@dataclass(frozen=True)
class Block:
    """One metadata block: its type, where it lies (header included), and whether it says that it is the last."""

    code: int
    span: Span
    last: bool

    @property
    def body(self) -> Span:
        """The block without its header."""
        return Span(self.span.start + 4, self.span.end)


@dataclass(frozen=True)
class FlacLayout:
    """Metadata blocks, and where the frames start."""

    blocks: tuple[Block, ...]
    audio_start: int

    def first(self, code: int) -> Block | None:
        """The first block of a type."""
        return next((block for block in self.blocks if block.code == code), None)


def block_header(code: int, length: int, *, last: bool) -> bytes:
    """The four bytes before a block."""
    return bytes((code | (_LAST if last else 0),)) + length.to_bytes(3)


def read_layout(file: BinaryIO) -> FlacLayout:
    """Walks the metadata blocks.

    Raises:
        StructureError: This is no FLAC file, a block is not whole, or no frame follows the blocks.
    """
    start = leading_tags_end(file)
    if read_exactly(file, start, 4, "its header") != b"fLaC":
        raise StructureError("does not start as a FLAC file")
    blocks: list[Block] = []
    offset = start + 4
    while not blocks or not blocks[-1].last:
        if len(blocks) >= MAX_PARTS:
            raise too_many("metadata blocks")
        header = read_exactly(file, offset, 4, "its metadata blocks")
        span = Span(offset, offset + 4 + int.from_bytes(header[1:]))
        if span.end > file_size(file):
            raise StructureError("ends inside its metadata blocks")
        blocks.append(Block(header[0] & 0x7F, span, bool(header[0] & _LAST)))
        offset = span.end
    if blocks[0].code != STREAMINFO or blocks[0].body.length != 34:
        raise StructureError("does not start with a STREAMINFO block")
    file.seek(offset)
    sync = file.read(2)
    # A frame starts with fourteen set bits; where it does not, the length of a block is wrong.
    if sync and (len(sync) < 2 or sync[0] != 0xFF or sync[1] & 0xFC != 0xF8):
        raise StructureError("has no frame after its metadata blocks: the length of a block is wrong")
    return FlacLayout(tuple(blocks), offset)


def samples_md5(file: BinaryIO, layout: FlacLayout) -> bytes:
    """The MD5 of the samples that the encoder left, all zero where it left none."""
    return read_exactly(file, layout.blocks[0].body.end - 16, 16, "its STREAMINFO block")


def last_frame_start(file: BinaryIO) -> int | None:
    """The sample at which the last frame starts, as its own header says; None where no frame is found near the end.

    Unlike the count in STREAMINFO it is right in files that were joined, streamed or never finished.

    Args:
        file: Open for reading; its position is lost.
    """
    try:
        layout = read_layout(file)
        info = read_exactly(file, layout.blocks[0].body.start, 4, "its STREAMINFO block")
        first = read_exactly(file, layout.audio_start, 4, "its first frame")
    except StructureError:
        return None
    file.seek(max(layout.audio_start, file_size(file) - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    at = tail.rfind(first[:2])
    while at >= 0:
        header = tail[at : at + _MAX_FRAME_HEADER_BYTES]
        # Frames of one stream share their rate and the size of their samples.
        is_alike = len(header) > 4 and (header[2] ^ first[2]) & 0x0F == 0 and (header[3] ^ first[3]) & 0x0F == 0
        if is_alike and (number := _frame_number(header)) is not None:
            return number * (1 if first[1] & 1 else int.from_bytes(info[2:4]))
        at = tail.rfind(first[:2], 0, at)
    return None


def _frame_number(header: bytes) -> int | None:
    """The number in a frame's header, coded as UTF-8 codes characters; None where the checksum is wrong."""
    lead = header[4]
    following = 0 if lead < 0x80 else 8 - (lead ^ 0xFF).bit_length() - 1
    number = lead if lead < 0x80 else lead & (0x3F >> following)
    for byte in header[5 : 5 + following]:
        number = number << 6 | byte & 0x3F
    end = 5 + following + {6: 1, 7: 2}.get(header[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(header[2] & 0x0F, 0)
    return number if len(header) > end and _crc8(header[:end]) == header[end] else None


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value << 1 ^ (0x107 if value & 0x80 else 0)
    return value
