"""How containers are laid out: where the tags lie, where the audio lies, and whether the structure is whole.

These modules read headers only (the digest reads the audio too) and know nothing of what is written into tags.
`instag.tags` builds on them. A structure that is not whole raises `StructureError`, which those two convert.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

# No honest header comes near this many parts; a lying one is stopped here instead of at the end of memory.
MAX_PARTS = 250_000
# Tag blocks are read into memory, pictures included. Bigger ones are left alone.
MAX_TAG_BYTES = 64 << 20


class StructureError(Exception):
    """The container is not laid out as its format demands; the text completes the sentence 'the file ...'."""


class UnsupportedError(StructureError):
    """The container is whole, but uses something that instag does not write into."""


class TooLargeError(UnsupportedError):
    """The tags are larger than what is read into memory."""


class Kind(StrEnum):
    """Containers that are recognised, by the names that people call them."""

    WAV = "WAV"
    RF64 = "RF64"
    W64 = "W64"
    AIFF = "AIFF"
    FLAC = "FLAC"
    OGG_VORBIS = "Ogg Vorbis"
    OGG_OPUS = "Ogg Opus"
    OGG_SPEEX = "Ogg Speex"
    OGG_FLAC = "Ogg FLAC"
    OGG_OTHER = "Ogg"
    MPEG_AUDIO = "MP3"
    TRUE_AUDIO = "TTA"
    MP4 = "MP4"
    ASF = "WMA"
    WAVPACK = "WavPack"
    MUSEPACK = "Musepack"
    MONKEY = "APE"
    AAC = "AAC"
    CAF = "CAF"
    TAK = "TAK"
    DSF = "DSF"
    DSDIFF = "DSDIFF"
    MATROSKA = "Matroska"
    AC3 = "AC-3"
    AU = "AU"
    AVI = "AVI"
    MPEG_TS = "MPEG transport stream"
    MPEG_PS = "MPEG program stream"
    AMR = "AMR"
    DTS = "DTS"
    REAL = "RealAudio"
    VOC = "VOC"
    FLV = "Flash video"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Span:
    """A range of bytes in a file."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.start


def too_many(what: str) -> TooLargeError:
    """The error of a container with more parts than are walked through."""
    return TooLargeError(f"has more than {MAX_PARTS} {what}, more than can be meant")


def file_size(file: BinaryIO) -> int:
    """Size of an open file."""
    return file.seek(0, 2)


def read_exactly(file: BinaryIO, offset: int, length: int, what: str) -> bytes:
    """Reads a part that must be there whole.

    Raises:
        StructureError: The file ends before it.
    """
    if offset < 0 or length < 0 or offset + length > file_size(file):
        raise StructureError(f"ends inside {what}")
    file.seek(offset)
    data = file.read(length)
    if len(data) != length:
        raise StructureError(f"ends inside {what}")
    return data


def check_tag_block(file: BinaryIO, span: Span, what: str) -> None:
    """Checks that a block of tags is there whole, and not larger than what is read into memory.

    Raises:
        TooLargeError: It is larger.
        StructureError: The file ends before it.
    """
    if span.end > file_size(file):
        raise StructureError(f"ends inside {what}")
    if span.length > MAX_TAG_BYTES:
        raise TooLargeError(f"has {span.length} bytes in {what}; at most {MAX_TAG_BYTES} are read")


def read_tag_block(file: BinaryIO, span: Span, what: str) -> bytes:
    """Reads a block of tags into memory.

    Raises:
        TooLargeError: It is larger than what is read.
        StructureError: The file ends before it.
    """
    check_tag_block(file, span, what)
    return read_exactly(file, span.start, span.length, what)


def unpack(layout: str, data: bytes | bytearray, offset: int, what: str) -> tuple[int, ...]:
    """Unpacks integers, with the one error of this package.

    Raises:
        StructureError: The data is too short.
    """
    try:
        return struct.unpack_from(layout, data, offset)
    except struct.error:
        raise StructureError(f"ends inside {what}") from None
