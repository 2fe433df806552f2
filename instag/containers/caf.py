"""The data chunk of CAF files (Apple, "Core Audio Format Specification 1.0")."""

from __future__ import annotations

import struct
from typing import BinaryIO

from instag.containers import MAX_PARTS, Span, StructureError, file_size

_CHUNK_HEADER_BYTES = 12


def data_chunk(file: BinaryIO, offset: int = 0) -> tuple[int, int | None]:
    """Where the data starts, and how many bytes its header claims; None where it goes to the end of the file.

    Raises:
        StructureError: There is no data chunk.
    """
    position, size = offset + 8, file_size(file)
    for _ in range(MAX_PARTS):
        if position + _CHUNK_HEADER_BYTES > size:
            break
        file.seek(position)
        name, length = struct.unpack(">4sq", file.read(_CHUNK_HEADER_BYTES))
        start = position + _CHUNK_HEADER_BYTES
        if name == b"data":
            return start, length if length >= 0 else None
        position = start + length if length >= 0 else size
    raise StructureError("has no data chunk")


def sound_span(file: BinaryIO, offset: int = 0) -> Span:
    """Where the data really lies: to the end of the file where its size is 0 or stale and no chunk follows it.

    Raises:
        StructureError: There is no data chunk.
    """
    start, claimed = data_chunk(file, offset)
    size = file_size(file)
    if claimed is None or start + claimed >= size or not _is_chunk(file, start + claimed, size):
        return Span(start, size)
    return Span(start, start + claimed)


def _is_chunk(file: BinaryIO, position: int, size: int) -> bool:
    """Whether chunks follow each other from there to the end of the file, or nothing but zeros does."""
    for _ in range(MAX_PARTS):
        if position >= size:
            return position == size
        file.seek(position)
        header = file.read(_CHUNK_HEADER_BYTES)
        if not any(header):
            return True
        if len(header) < _CHUNK_HEADER_BYTES:
            return False
        name, length = struct.unpack(">4sq", header)
        if length < 0 or not all(0x20 <= byte <= 0x7E for byte in name):
            return False
        position += _CHUNK_HEADER_BYTES + length
    return False


def audio_spans(file: BinaryIO) -> list[Span]:
    """Where the audio lies, as far as the file goes.

    Raises:
        StructureError: There is no data chunk.
    """
    return [sound_span(file)]
