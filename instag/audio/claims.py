"""The lengths that headers claim, so that a file that ends too early is noticed.

Decoders take what is there and stay silent: libsndfile clips a WAV's claim to the file, an MP3 just ends.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from instag.containers import MAX_PARTS, Kind, StructureError, au, caf, file_size
from instag.containers.iff import audio_chunks
from instag.containers.layout import ENDLESS_FROM, UNKNOWN_FROM
from instag.containers.recognise import Found, mpeg_frame_bytes

# An Ogg page has 65,307 bytes at most, so the last one starts within this.
_OGG_TAIL_BYTES = 1 << 16
# Where the Xing header stands in its frame, by (MPEG version 1, mono).
_XING_OFFSETS = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
_VBRI_OFFSET = 36


def share_present(file: BinaryIO, found: Found) -> float:
    """How much of the audio bytes that a header claims is really in the file.

    Args:
        file: Open for reading; its position is lost.
        found: Its container.

    Returns:
        0..1; 1 where the container makes no such claim.
    """
    claim = _claim(file, found)
    if claim is None or claim[1] <= 0:
        return 1.0
    start, claimed = claim
    return min(1.0, max(0, file_size(file) - start) / claimed)


def _claim(file: BinaryIO, found: Found) -> tuple[int, int] | None:
    """Where the audio starts and how many bytes of it the header claims; None where it claims nothing."""
    try:
        if found.kind in (Kind.WAV, Kind.RF64, Kind.AIFF, Kind.W64):
            chunk = next(audio_chunks(file, found.kind, found.offset, big_endian=found.big_endian), None)
            if chunk is None or chunk.claimed >= (ENDLESS_FROM if chunk.is_long else UNKNOWN_FROM):
                return None
            return chunk.start, chunk.claimed
        if found.kind == Kind.AU:
            start, size = au.audio_claim(file, found.offset)
            return None if size >= UNKNOWN_FROM else (start, size)
        if found.kind == Kind.CAF:
            start, length = caf.data_chunk(file, found.offset)
            return None if length is None else (start, length)
        if found.kind == Kind.AVI:
            return _movie_claim(file, found.offset)
    except StructureError:
        return None
    return None


def _movie_claim(file: BinaryIO, offset: int) -> tuple[int, int] | None:
    """Where the sound and pictures of an AVI file start, and how many bytes its header claims for them."""
    position = offset + 12
    for _ in range(MAX_PARTS):
        file.seek(position)
        head = file.read(12)
        if len(head) < 12:
            return None
        size = int.from_bytes(head[4:8], "little")
        if head[:4] == b"LIST" and head[8:] == b"movi":
            return None if size in (0, 0xFFFFFFFF) else (position + 12, size - 4)
        position += 8 + size + (size & 1)
    return None


def mpeg_counted_frames(file: BinaryIO, found: Found) -> int:
    """How many frames the header of an MP3 (Xing, Info, VBRI) counts; 0 where there is none, or it does not count.

    Without one, its length is guessed from the bit rate of the first frames, which is wrong where the rate varies.

    Args:
        file: Open for reading; its position is lost.
        found: Its container, with the first frame at `offset`.
    """
    file.seek(found.offset)
    head = file.read(4)
    frame = head + file.read(max(0, mpeg_frame_bytes(head) - 4))
    if len(frame) < 4:
        return 0
    xing = _XING_OFFSETS[frame[1] & 0x18 == 0x18, frame[3] & 0xC0 == 0xC0]
    if frame[xing : xing + 4] in (b"Xing", b"Info"):
        has_count = frame[xing + 7 : xing + 8] and frame[xing + 7] & 1
        return int.from_bytes(frame[xing + 8 : xing + 12]) if has_count else 0
    if frame[_VBRI_OFFSET : _VBRI_OFFSET + 4] == b"VBRI":
        return int.from_bytes(frame[_VBRI_OFFSET + 14 : _VBRI_OFFSET + 18])
    return 0


def ogg_lacks_end(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg file is not marked as the end of its stream: it was cut off.

    Args:
        file: Open for reading; its position is lost.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _OGG_TAIL_BYTES))
    tail = file.read(_OGG_TAIL_BYTES)
    last = tail.rfind(b"OggS")
    return last < 0 or len(tail) < last + 6 or not tail[last + 5] & 4
