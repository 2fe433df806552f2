"""What headers claim of the length, so that a file that ends too early is noticed.

Decoders take what is there and stay silent: libsndfile clips a WAV's claim to the file, an MP3 just ends.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from instag.containers.sniff import Container, mpeg_frame_bytes

# Writers that do not know the length yet leave the largest number, or one near it, behind.
_UNKNOWN_FROM = 0x7FFF_0000
# No real file has more chunks before its data; a damaged one may seem to.
_MAX_CHUNKS = 1000
# An Ogg page has 65,307 bytes at most, so the last one starts within this.
_OGG_TAIL_BYTES = 1 << 16
# Where the Xing header stands in its frame, by (MPEG version 1, mono).
_XING_OFFSETS = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
_VBRI_OFFSET = 36


def share_present(file: BinaryIO, kind: Container) -> float:
    """How much of the audio bytes that a chunked header claims is really in the file.

    Args:
        file: Open for reading; its position is lost.
        kind: Its container.

    Returns:
        0..1; 1 where the container makes no such claim.
    """
    finders = {"WAV": _riff, "RF64": _riff, "W64": _w64, "AIFF": _aiff, "AU": _au, "CAF": _caf}
    found = finders[kind.name](file, kind.offset) if kind.name in finders else None
    if found is None or found[1] <= 0:
        return 1.0
    start, claimed = found
    return min(1.0, max(0, file.seek(0, os.SEEK_END) - start) / claimed)


def _riff(file: BinaryIO, offset: int) -> tuple[int, int] | None:
    """Where the samples start and how many bytes of them are claimed."""
    file.seek(offset)
    order = ">" if file.read(4) == b"RIFX" else "<"
    large_data_bytes = None
    for name, size, start in _chunks(file, offset + 12, order):
        if name == b"ds64" and len(body := file.read(16)) == 16:
            large_data_bytes = int(struct.unpack("<8xQ", body)[0])
        elif name == b"data":
            if size == 0xFFFF_FFFF and large_data_bytes is not None:
                return start, large_data_bytes
            return None if size >= _UNKNOWN_FROM else (start, size)
    return None


def unfinished_size_field(file: BinaryIO, kind: Container) -> int | None:
    """Where a WAV's data size stands, if its writer never came back to fill it in: the recorder lost power, say.

    Both sizes are then as they were at the start, as if the file ended with its header.

    Args:
        file: Open for reading; its position is lost.
        kind: Its container.
    """
    if kind.name != "WAV":
        return None
    found = _riff(file, kind.offset)
    if found is None or found[1] != 0:
        return None
    file.seek(kind.offset)
    head = file.read(8)
    claimed_end = struct.unpack(">4xI" if head[:4] == b"RIFX" else "<4xI", head)[0] + 8
    start = found[0]
    is_open = claimed_end <= start - kind.offset and file.seek(0, os.SEEK_END) > start
    return start - 4 if is_open else None


def _aiff(file: BinaryIO, offset: int) -> tuple[int, int] | None:
    for name, size, start in _chunks(file, offset + 12, ">"):
        if name == b"SSND":
            return None if size >= _UNKNOWN_FROM else (start, size)
    return None


def _au(file: BinaryIO, offset: int) -> tuple[int, int] | None:
    file.seek(offset)
    head = file.read(12)
    if len(head) < 12:
        return None
    start, size = struct.unpack("<4xII" if head[:4] == b"dns." else ">4xII", head)
    return None if size >= _UNKNOWN_FROM else (offset + start, size)


def _w64(file: BinaryIO, offset: int) -> tuple[int, int] | None:
    position = offset + 40
    for _ in range(_MAX_CHUNKS):
        head = _read_at(file, position, 24)
        if len(head) < 24:
            return None
        size = int(struct.unpack("<16xQ", head)[0])  # with the head, and without the padding to 8 bytes
        if head[:4] == b"data":
            return position + 24, size - 24
        position += max(24, size + 7 & ~7)
    return None


def _caf(file: BinaryIO, offset: int) -> tuple[int, int] | None:
    position = offset + 8
    for _ in range(_MAX_CHUNKS):
        head = _read_at(file, position, 12)
        if len(head) < 12:
            return None
        name, size = struct.unpack(">4sq", head)
        if name == b"data":
            return None if size < 0 else (position + 12, size)  # -1 is "to the end"
        position += 12 + max(0, size)
    return None


def _read_at(file: BinaryIO, position: int, size: int) -> bytes:
    """Bytes at a position; none behind the end, where a lying size may point far beyond what can be sought."""
    if position >= file.seek(0, os.SEEK_END):
        return b""
    file.seek(position)
    return file.read(size)


def _chunks(file: BinaryIO, position: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and start of each chunk's body, where the file then stands."""
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        name, size = struct.unpack(f"{order}4sI", head)
        yield name, size, position + 8
        position += 8 + size + (size & 1)


def mpeg_states_length(file: BinaryIO, kind: Container) -> bool:
    """Whether the first frame of an MP3 is a header (Xing, Info, VBRI) that counts the frames.

    Without one, its length is guessed from the bit rate of the first frames, which is wrong where the rate varies.

    Args:
        file: Open for reading; its position is lost.
        kind: Its container, with the first frame at `offset`.
    """
    file.seek(kind.offset)
    head = file.read(4)
    frame = head + file.read(max(0, mpeg_frame_bytes(head) - 4))
    if len(frame) < 4:
        return False
    xing = _XING_OFFSETS[frame[1] & 0x18 == 0x18, frame[3] & 0xC0 == 0xC0]
    if frame[xing : xing + 4] in (b"Xing", b"Info"):
        has_count = frame[xing + 7 : xing + 8] and frame[xing + 7] & 1
        return bool(has_count) and any(frame[xing + 8 : xing + 12])
    return frame[_VBRI_OFFSET : _VBRI_OFFSET + 4] == b"VBRI" and any(frame[_VBRI_OFFSET + 14 : _VBRI_OFFSET + 18])


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
