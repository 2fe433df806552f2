"""Which container a file is, by its content."""

from __future__ import annotations

from typing import BinaryIO

from instag.containers import Kind, StructureError
from instag.containers.asf import HEADER as ASF_HEADER
from instag.containers.id3 import leading_tags_end
from instag.containers.ogg import codec, pages

_WAVE64 = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
_FRAMES_WITHIN = 64 << 10
# Bit rates of MPEG audio by (MPEG 1, layer); MPEG 2 shares one row between layers 2 and 3.
_KILOBITS = {
    (True, 1): tuple(range(32, 449, 32)),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP4_FIRST = frozenset((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))


def sniff(file: BinaryIO) -> Kind:
    """The container, or `Kind.UNKNOWN`."""
    file.seek(0)
    head = file.read(64)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Kind.WAV
    if head[:4] in (b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return Kind.RF64
    if head[:16] == _WAVE64:
        return Kind.W64
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Kind.AIFF
    if head[:4] == b"OggS":
        return _sniff_ogg(file)
    if head[4:8] in _MP4_FIRST:
        return Kind.MP4
    if head[:16] == ASF_HEADER:
        return Kind.ASF
    if head[:4] == b"caff":
        return Kind.CAF
    if head[:4] == b".snd":
        return Kind.AU
    return _sniff_frames(file)


def _sniff_ogg(file: BinaryIO) -> Kind:
    try:
        first = next(pages(file))
    except (StructureError, StopIteration):
        return Kind.OGG_OTHER
    file.seek(first.body_start)
    return codec(file.read(128))[0]


def _sniff_frames(file: BinaryIO) -> Kind:
    """Streams of frames, which may have ID3v2 tags before them."""
    start = leading_tags_end(file)
    file.seek(start)
    head = file.read(16)
    for mark, kind in (
        (b"fLaC", Kind.FLAC),
        (b"wvpk", Kind.WAVPACK),
        (b"MPCK", Kind.MUSEPACK),
        (b"MP+", Kind.MUSEPACK),
        (b"MAC ", Kind.MONKEY),
        (b"TTA1", Kind.TRUE_AUDIO),
        (b"ADIF", Kind.AAC),
    ):
        if head.startswith(mark):
            return kind
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0:
        return Kind.AAC
    # Zeros and junk are common before the first frame; behind ID3v2 tags hardly anything else comes than MP3.
    return Kind.MPEG_AUDIO if _frame_length(head) or start or _has_frames(file, start) else Kind.UNKNOWN


def _has_frames(file: BinaryIO, start: int) -> bool:
    """Whether three MPEG audio frames follow each other somewhere near the start."""
    file.seek(start)
    data = file.read(_FRAMES_WITHIN)
    at = data.find(b"\xff")
    while at >= 0:
        follow = at
        for _ in range(3):
            length = _frame_length(data[follow : follow + 4])
            if not length:
                break
            follow += length
        else:
            return True
        at = data.find(b"\xff", at + 1)
    return False


def _frame_length(header: bytes) -> int:
    """Length of the MPEG audio frame that a header starts; 0 where it is no header, or of a free bit rate."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, sample_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or sample_index == 3 or rate_index in (0, 15):
        return 0
    sample_rate = (44_100, 48_000, 32_000)[sample_index] >> (0 if version == 3 else 1 if version == 2 else 2)
    bit_rate = 1000 * _KILOBITS[(version == 3, layer if version == 3 or layer == 1 else 2)][rate_index - 1]
    if layer == 1:
        return 4 * (12 * bit_rate // sample_rate + padding)
    return (72 if layer == 3 and version != 3 else 144) * bit_rate // sample_rate + padding
