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


def audio_spans(file: BinaryIO) -> list[Span]:
    """Where the audio lies, as far as the file goes.

    Raises:
        StructureError: There is no data chunk.
    """
    start, claimed = data_chunk(file)
    size = file_size(file)
    return [Span(start, size if claimed is None else min(size, start + claimed))]
