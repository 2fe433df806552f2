"""The header of AU files (Sun, `au(4)`), in either byte order."""

from __future__ import annotations

import struct
from typing import BinaryIO

from instag.containers import Span, file_size, read_exactly


def audio_claim(file: BinaryIO, offset: int = 0) -> tuple[int, int]:
    """Where the samples start, and how many bytes the header claims (0xFFFFFFFF where the writer did not know).

    Raises:
        StructureError: The file ends inside its header.
    """
    head = read_exactly(file, offset, 12, "its header")
    start, claimed = struct.unpack("<4xII" if head[:4] == b"dns." else ">4xII", head)
    return offset + start, claimed


def audio_spans(file: BinaryIO, offset: int = 0) -> list[Span]:
    """Everything behind the header, as far as the file goes, whatever the header claims.

    Raises:
        StructureError: The file ends inside its header.
    """
    size = file_size(file)
    return [Span(min(size, audio_claim(file, offset)[0]), size)]
