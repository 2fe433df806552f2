"""Where a file ends by its own account: what follows there is another file, and decoders pass over it in silence."""

from __future__ import annotations

import struct
from typing import BinaryIO

from instag.containers import MAX_PARTS, Kind, StructureError, au, caf, file_size
from instag.containers.layout import ENDLESS_FROM, UNKNOWN_FROM
from instag.containers.recognise import Found

_EBML_SEGMENT = b"\x18\x53\x80\x67"
_UNKNOWN_SIZE = 0xFFFFFFFF
_BOX_NAMES = frozenset(b"ftyp styp moov moof mfra mdat sidx meta uuid free skip wide pnot".split())
_CAF_CHUNKS = frozenset(b"pakt info kuki chan free midi mark regn strg umid uuid inst peak".split())
_W64_HEAD_BYTES = 40
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


def form_end(file: BinaryIO, start: int) -> int | None:
    """Behind the outermost chunk of RIFF, RIFX or AIFF that starts somewhere; None where its size says nothing."""
    file.seek(start)
    head = file.read(8)
    length = int.from_bytes(head[4:], "big" if head[:4] in (b"FORM", b"RIFX") else "little")
    return None if length in (0, _UNKNOWN_SIZE) else start + 8 + length + (length & 1)


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
    position, size = form_end(file, found.offset), file_size(file)
    for _ in range(MAX_PARTS):
        if position is None or position >= size:
            return None
        file.seek(position)
        head = file.read(12)
        if found.kind != Kind.AVI or head[:4] != b"RIFF" or head[8:] != b"AVIX":
            return position
        position = form_end(file, position)
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
            return None  # all bits set: up to the end of the file
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
