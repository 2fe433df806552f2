"""Chunks of RIFF (WAV), RF64/BW64, AIFF and Wave64."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from instag.containers import MAX_PARTS, Kind, Span, StructureError, TooLargeError, file_size, read_exactly, too_many
from instag.containers.layout import find_sound

HEADER_BYTES = 8
AUDIO_CHUNK = {Kind.WAV: b"data", Kind.RF64: b"data", Kind.AIFF: b"SSND"}
_WAVE64_DATA = b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a")
_UNKNOWN_SIZE = 0xFFFFFFFF


@dataclass(frozen=True)
class Chunk:
    """One chunk.

    Attributes:
        name: Its four bytes.
        header: Offset of its header.
        body: Its data, without header and pad byte.
        end: Where the next chunk starts; after the pad byte where there is one.
    """

    name: bytes
    header: int
    body: Span
    end: int


@dataclass(frozen=True)
class Form:
    """A whole RIFF or AIFF file.

    Attributes:
        big_endian: True for AIFF.
        claimed: What the size field of the outermost chunk says.
        end: Where the outermost chunk ends by that claim.
        chunks: All chunks, in order.
        pad_missing: The last chunk has an odd length, and the pad byte after it is neither there nor counted.
    """

    big_endian: bool
    claimed: int
    end: int
    chunks: tuple[Chunk, ...]
    pad_missing: bool

    def size_field(self, value: int) -> bytes:
        """A size as it is written in this file."""
        return struct.pack(">I" if self.big_endian else "<I", value)


def read_form(file: BinaryIO, kind: Kind) -> Form:
    """Walks all chunks of a WAV or AIFF file and checks that each lies inside the file.

    Raises:
        StructureError: A chunk claims bytes that are not there, the sizes contradict each other, or sound lies where
            no chunk claims it.
    """
    big_endian = kind == Kind.AIFF
    order = ">" if big_endian else "<"
    size = file_size(file)
    (claimed,) = struct.unpack(order + "4xI4x", read_exactly(file, 0, 12, "its first chunk"))
    end = HEADER_BYTES + claimed
    if end > size:
        raise StructureError(f"claims {end} bytes in its header and has {size}: it is truncated or its header is wrong")
    chunks: list[Chunk] = []
    offset = 12
    pad_missing = False
    while offset < end:
        if len(chunks) >= MAX_PARTS:
            raise too_many("chunks")
        if offset + HEADER_BYTES > end:
            raise StructureError(f"has {end - offset} stray bytes at {offset} where a chunk should start")
        name, length = struct.unpack(order + "4sI", read_exactly(file, offset, HEADER_BYTES, "a chunk header"))
        if not all(0x20 <= byte <= 0x7E for byte in name):
            raise StructureError(f"has no valid chunk name at {offset}")
        body = Span(offset + HEADER_BYTES, offset + HEADER_BYTES + length)
        if body.end > end:
            raise StructureError(
                f"claims {length} bytes in the chunk '{name.decode('ascii').strip()}' at {offset}, and it has "
                f"{max(0, end - body.start)}"
            )
        offset = body.end + (length & 1)
        if offset > end:
            pad_missing, offset = True, end
        chunks.append(Chunk(name, body.start - HEADER_BYTES, body, offset))
    if find_sound(file, kind).is_beyond_claim:
        raise StructureError("holds more audio than its header claims: the header is wrong")
    return Form(big_endian, claimed, end, tuple(chunks), pad_missing)


def audio_spans(file: BinaryIO, kind: Kind) -> list[Span]:
    """Where the samples lie, also in a damaged file: as far as the file goes.

    Raises:
        StructureError: There is no data chunk.
    """
    if kind not in (Kind.RF64, Kind.W64):
        try:
            read_form(file, kind)
        except TooLargeError:
            raise
        except StructureError:
            # Damaged: what can still be found counts.
            pass
    spans = list(find_sound(file, kind).spans)
    if not spans:
        raise StructureError("has no chunk of audio data")
    return spans


@dataclass(frozen=True)
class AudioChunk:
    """A chunk of audio as its header claims it, which may be more than there is.

    Attributes:
        size_field: Offset of the field that holds its size.
        start: Offset of the first sample.
        claimed: Bytes of audio by the header; of a data chunk whose size says "unknown", the largest number.
        is_long: True where the size has 64 bits, from a `ds64` chunk or in Wave64.
    """

    size_field: int
    start: int
    claimed: int
    is_long: bool = False


def audio_chunks(file: BinaryIO, kind: Kind, offset: int = 0, *, big_endian: bool = False) -> Iterator[AudioChunk]:
    """Finds the chunks of audio as far as the chunks before them make sense, also in damaged files.

    Args:
        file: The open file.
        kind: WAV, RF64, AIFF or W64.
        offset: Where the file's first chunk starts.
        big_endian: True for RIFX.
    """
    if kind == Kind.W64:
        yield from _wave64_chunks(file, offset)
        return
    order = ">" if big_endian or kind == Kind.AIFF else "<"
    long_size: int | None = None
    position, size = offset + 12, file_size(file)
    for _ in range(MAX_PARTS):
        if position >= size:
            return
        file.seek(position)
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return
        name, length = struct.unpack(f"{order}4sI", header)
        start = position + HEADER_BYTES
        if name == b"ds64" and kind == Kind.RF64 and len(body := file.read(16)) == 16:
            long_size = int(struct.unpack("<8xQ", body)[0])
        if name == AUDIO_CHUNK[kind]:
            is_long = length == _UNKNOWN_SIZE and long_size is not None
            length = long_size if is_long and long_size is not None else length
            yield AudioChunk(position + 4, start, length, is_long)
        position = start + length + (length & 1)


def _wave64_chunks(file: BinaryIO, offset: int) -> Iterator[AudioChunk]:
    position, size = offset + 40, file_size(file)
    for _ in range(MAX_PARTS):
        if position >= size:
            return
        file.seek(position)
        header = file.read(24)
        if len(header) < 24:
            return
        name, length = struct.unpack("<16sQ", header)  # with the header, and without the padding to 8 bytes
        if length < 24:
            return
        if name == _WAVE64_DATA:
            yield AudioChunk(position + 16, position + 24, length - 24, is_long=True)
        position += (length + 7) & ~7
