"""Which container a file is, by its content."""

from __future__ import annotations

from typing import BinaryIO

from instag.containers import Kind, StructureError
from instag.containers.asf import HEADER as ASF_HEADER
from instag.containers.id3 import leading_tags_end
from instag.containers.ogg import codec, pages

_WAVE64 = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
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
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        if head[1] & 0x06 == 0:
            return Kind.AAC if head[1] & 0xF0 == 0xF0 else Kind.UNKNOWN
        if head[1] & 0x18 != 0x08 and head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C:
            return Kind.MPEG_AUDIO
    # ID3v2 with something else than a frame right behind it: zeros and junk are common before the first frame.
    return Kind.MPEG_AUDIO if start else Kind.UNKNOWN
