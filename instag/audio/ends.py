"""Where a file ends by its own account: what follows there is another file, and decoders pass over it in silence."""

from __future__ import annotations

import struct
from typing import BinaryIO

from instag.containers import MAX_PARTS, Kind, StructureError, au, caf, file_size
from instag.containers.layout import ENDLESS_FROM, UNKNOWN_FROM
from instag.containers.recognise import Found

# A count in a header of Matroska with all its bits set says: up to the end of the file.
_EBML_SEGMENT = b"\x18\x53\x80\x67"
_UNKNOWN_SIZE = 0xFFFFFFFF
_BOX_NAMES = frozenset(
    (
        b"ftyp",
        b"moov",
        b"mdat",
        b"moof",
        b"mfra",
        b"free",
        b"skip",
        b"wide",
        b"uuid",
        b"meta",
        b"sidx",
        b"styp",
        b"pnot",
    )
)
_W64_HEAD_BYTES = 40
_CAF_CHUNKS = frozenset(
    (
        b"pakt",
        b"info",
        b"kuki",
        b"chan",
        b"free",
        b"midi",
        b"mark",
        b"regn",
        b"strg",
        b"umid",
        b"uuid",
        b"inst",
        b"peak",
    )
)
_FLV_HEADER_BYTES, _FLV_TAG_BYTES = 9, 11


def own_end(file: BinaryIO, found: Found) -> int | None:
    """Where a file of a container ends that says so in its headers; None where it does not, or not credibly.

    Args:
        file: Open for reading; its position is lost.
        found: Its container.
    """
    if found.kind in (Kind.WAV, Kind.AIFF, Kind.AVI):
        end = _forms_end(file, found)
    elif found.kind == Kind.MP4:
        end = _boxes_end(file)
    elif found.kind == Kind.MATROSKA:
        end = _segment_end(file, found.offset)
    elif found.kind == Kind.TRUE_AUDIO:
        end = tta_frames_end(file, found.offset)
    elif found.kind == Kind.W64:
        end = _w64_end(file, found.offset)
    elif found.kind in (Kind.AU, Kind.CAF):
        end = _last_chunk_end(file, found)
    elif found.kind == Kind.FLV:
        end = _flv_tags_end(file, found.offset)
    else:
        return None
    return end if end is not None and end < file_size(file) else None


def movie_claim(file: BinaryIO, offset: int) -> tuple[int, int] | None:
    """Where the sound and pictures of an AVI file start, and how many bytes its header claims for them."""
    position = offset + 12
    for _ in range(MAX_PARTS):
        file.seek(position)
        head = file.read(12)
        if len(head) < 12:
            return None
        size = int.from_bytes(head[4:8], "little")
        if head[:4] == b"LIST" and head[8:] == b"movi":
            return None if size in (0, _UNKNOWN_SIZE) else (position + 12, size - 4)
        position += 8 + size + (size & 1)
    return None


def tta_frames_end(file: BinaryIO, offset: int) -> int | None:
    """Behind the frames that the table of a TTA file at `offset` lists; None where there is no such file."""
    file.seek(offset)
    head = file.read(22)
    if len(head) < 22 or head[:4] != b"TTA1":
        return None
    rate, samples = struct.unpack_from("<II", head, 10)
    frame_samples = rate * 256 // 245
    count = -(-samples // frame_samples) if frame_samples else 0
    if count > MAX_PARTS:
        return None
    table = file.read(4 * count)
    table = table[: len(table) // 4 * 4]
    frames = sum(int(size) for (size,) in struct.iter_unpack("<I", table))
    return offset + len(head) + len(table) + 4 + frames


def _forms_end(file: BinaryIO, found: Found) -> int | None:
    """Behind the outermost chunk; large AVI files have several of these."""
    position, size = found.offset, file_size(file)
    order = "big" if found.kind == Kind.AIFF or found.big_endian else "little"
    for _ in range(MAX_PARTS):
        file.seek(position)
        head = file.read(12)
        if position > found.offset and not (found.kind == Kind.AVI and head[:4] == b"RIFF" and head[8:] == b"AVIX"):
            return position
        length = int.from_bytes(head[4:8], "big" if order == "big" else "little")
        position += 8 + length + (length & 1)
        if length in (0, _UNKNOWN_SIZE) or position >= size:
            return None
    return None


def _w64_end(file: BinaryIO, offset: int) -> int | None:
    """Behind the outermost chunk of Wave64, whose length counts its own head."""
    file.seek(offset + 16)
    length = int.from_bytes(file.read(8), "little")
    return offset + length if _W64_HEAD_BYTES < length < ENDLESS_FROM else None


def _last_chunk_end(file: BinaryIO, found: Found) -> int | None:
    """Behind the sound of AU, or the chunks of CAF whose names are letters."""
    try:
        if found.kind == Kind.AU:
            start, length = au.audio_claim(file, found.offset)
            return None if length >= UNKNOWN_FROM else start + length
        data_start, data_length = caf.data_chunk(file, found.offset)
    except StructureError:
        return None
    if data_length is None:
        return None
    position = data_start + data_length
    for _ in range(MAX_PARTS):
        file.seek(position)
        head = file.read(12)
        if len(head) < 12 or head[:4] not in _CAF_CHUNKS:
            return position
        position += len(head) + int.from_bytes(head[4:])
    return None


def _boxes_end(file: BinaryIO) -> int | None:
    """Behind the last box of MP4 whose name is known."""
    position, size = 0, file_size(file)
    for _ in range(MAX_PARTS):
        file.seek(position)
        head = file.read(16)
        if head[4:8] not in _BOX_NAMES:
            return position if position else None
        length = int.from_bytes(head[:4])
        length = int.from_bytes(head[8:16]) if length == 1 else length
        position += length
        if length < 8 or position >= size:
            return None
    return None


def _segment_end(file: BinaryIO, offset: int) -> int | None:
    """Behind the segment of Matroska (RFC 8794, section 6: numbers of a length that their first byte tells)."""
    position = offset
    for _ in range(2):
        file.seek(position)
        head = file.read(12)
        if len(head) < 12 or not head[4]:
            return None
        count = 9 - head[4].bit_length()
        length = int.from_bytes(head[4 : 4 + count]) & ((1 << 7 * count) - 1)
        if length == (1 << 7 * count) - 1:
            return None
        position += 4 + count + length
        if head[:4] == _EBML_SEGMENT:
            return position
    return None


def _flv_tags_end(file: BinaryIO, offset: int) -> int | None:
    """Behind the last tag of Flash video; each is followed by its own length."""
    file.seek(offset)
    head = file.read(_FLV_HEADER_BYTES)
    position = offset + int.from_bytes(head[5:9]) + 4
    for _ in range(MAX_PARTS):
        file.seek(position)
        head = file.read(_FLV_TAG_BYTES)
        if len(head) < _FLV_TAG_BYTES or head[0] & 0x1F not in (8, 9, 18):
            return position
        length = _FLV_TAG_BYTES + int.from_bytes(head[1:4])
        file.seek(position + length)
        if file.read(4) != struct.pack(">I", length):
            return position
        position += length + 4
    return None
