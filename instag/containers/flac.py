"""Metadata blocks of FLAC files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from instag.containers import MAX_PARTS, Span, StructureError, file_size, read_exactly, too_many
from instag.containers.id3 import leading_tags_end

STREAMINFO, PADDING, APPLICATION, SEEKTABLE, VORBIS_COMMENT, CUESHEET, PICTURE = range(7)
MAX_BLOCK_BYTES = (1 << 24) - 1
_LAST = 0x80


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
