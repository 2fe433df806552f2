"""Tells a container by its first bytes, never by its name. Decoding, digests and tags all use this one answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from instag.containers import Kind, file_size
from instag.containers.id3 import HEADER_BYTES as ID3_HEADER_BYTES
from instag.containers.id3 import leading_tags_end

_HEAD_BYTES = 64
# Junk before the first MPEG frame (zeros, leftovers of a cut) is searched this far.
_MPEG_SEARCH_BYTES = 1 << 16
# The bits that stay the same in all frames of a stream: sync, version, layer, sample rate.
_MPEG_CONSTANT = 0xFFFE_0C00


@dataclass(frozen=True)
class Found:
    """A container that was recognised.

    Attributes:
        kind: The container.
        offset: Where it starts: behind ID3v2 tags and junk.
        big_endian: True for RIFX, a WAV file with its numbers the other way round.
    """

    kind: Kind
    offset: int = 0
    big_endian: bool = False

    @property
    def layout(self) -> Kind:
        """The kind whose layout tags and digests rely on; UNKNOWN where the file is not laid out as that kind is.

        ID3v2 tags may stand before streams of frames. Before anything else they are somebody's mistake, and every
        offset in the file would be off.
        """
        if self.big_endian or (self.offset and self.kind not in _AFTER_TAGS):
            return Kind.UNKNOWN
        return self.kind if self.kind in _KNOWN_LAYOUTS else Kind.UNKNOWN


_AFTER_TAGS = frozenset(
    (Kind.FLAC, Kind.MPEG_AUDIO, Kind.TRUE_AUDIO, Kind.WAVPACK, Kind.MUSEPACK, Kind.MONKEY, Kind.AAC)
)
_UNKNOWN_LAYOUTS = frozenset(
    (Kind.TAK, Kind.DSF, Kind.DSDIFF, Kind.MATROSKA, Kind.AC3, Kind.DTS, Kind.AMR, Kind.REAL, Kind.VOC, Kind.UNKNOWN)
)
_FILMS = frozenset((Kind.AVI, Kind.MPEG_TS, Kind.MPEG_PS, Kind.FLV))
_KNOWN_LAYOUTS = frozenset(Kind) - _UNKNOWN_LAYOUTS - _FILMS
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"fLaC", Kind.FLAC),
    (0, _W64, Kind.W64),
    (0, b".snd", Kind.AU),
    (0, b"dns.", Kind.AU),
    (0, b"caff", Kind.CAF),
    *((4, name, Kind.MP4) for name in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, ASF_HEADER, Kind.ASF),
    (0, b"MAC ", Kind.MONKEY),
    (0, b"wvpk", Kind.WAVPACK),
    (0, b"MPCK", Kind.MUSEPACK),
    (0, b"MP+", Kind.MUSEPACK),
    (0, b"TTA1", Kind.TRUE_AUDIO),
    (0, b"tBaK", Kind.TAK),
    (0, b"DSD ", Kind.DSF),
    (0, b"FRM8", Kind.DSDIFF),
    (0, b"\x1aE\xdf\xa3", Kind.MATROSKA),
    (0, b"\x0bw", Kind.AC3),
    (0, b"\0\0\x01\xba", Kind.MPEG_PS),
    (0, b"#!AMR", Kind.AMR),
    (0, b".RMF", Kind.REAL),
    (0, b".ra\xfd", Kind.REAL),
    (0, b"Creative Voice File\x1a", Kind.VOC),
    # Its four ways to write a frame's first bytes: 16 or 14 bits a word, either byte first.
    *((0, sync, Kind.DTS) for sync in (b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80")),
    *((0, sync, Kind.DTS) for sync in (b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8")),
    (0, b"FLV\x01", Kind.FLV),
    *((0, sync, Kind.AAC) for sync in (b"\xff\xf1", b"\xff\xf9", b"\xff\xf0", b"\xff\xf8", b"ADIF")),
)
_RIFF = {b"RIFF": Kind.WAV, b"RIFX": Kind.WAV, b"RF64": Kind.RF64, b"BW64": Kind.RF64}
_FORMS = {
    b"RIFF": (Kind.WAV, (b"WAVE",)),
    b"RF64": (Kind.RF64, (b"WAVE",)),
    b"FORM": (Kind.AIFF, (b"AIFF", b"AIFC")),
}
_FIRST_CHUNKS = (b"fmt ", b"JUNK", b"bext", b"ds64", b"LIST", b"data", b"COMM", b"FVER", b"SSND", b"NAME")
_TS_PACKETS, _TS_SYNC = 8, 0x47
_OGG = {
    b"\x01vorbis": Kind.OGG_VORBIS,
    b"OpusHead": Kind.OGG_OPUS,
    b"\x7fFLAC": Kind.OGG_FLAC,
    b"Speex   ": Kind.OGG_SPEEX,
}


def recognise(file: BinaryIO) -> Found | None:
    """Tells a container by its first bytes; None where they are not those of a recognised audio format.

    Args:
        file: Open for reading; its position is lost.
    """
    offset = leading_tags_end(file)
    if offset >= file_size(file):
        # The tag claims more bytes than there are: its size is wrong, and frames may follow within it.
        return recognise_mpeg(file, ID3_HEADER_BYTES if offset else 0)
    head = _read_at(file, offset, _HEAD_BYTES)
    if head[:4] in _RIFF and head[8:12] == b"WAVE":
        return Found(_RIFF[head[:4]], offset, big_endian=head[:4] == b"RIFX")
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"):
        return Found(Kind.AVI, offset)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Found(Kind.AIFF, offset)
    if head[:4] == b"OggS":
        packet = head[27 + head[26] :] if len(head) > 27 else b""
        kinds = (kind for magic, kind in _OGG.items() if packet.startswith(magic))
        return Found(next(kinds, Kind.OGG_OTHER), offset)
    for position, magic, kind in _MAGIC:
        if head[position : position + len(magic)] == magic:
            return Found(kind, offset)
    if _is_transport_stream(file, offset):
        return Found(Kind.MPEG_TS, offset)
    # Whichever comes first: a short MP3 may have a WAV file behind it.
    founds = (_form_behind_junk(file, offset), recognise_mpeg(file, offset))
    return min(filter(None, founds), key=lambda found: found.offset, default=None)


def _is_transport_stream(file: BinaryIO, offset: int) -> bool:
    """Packets of 188 bytes, in recordings of cameras with 4 bytes of time in front, each with the same first byte."""
    data = _read_at(file, offset, _TS_PACKETS * 192)
    return any(
        len(data) > lead + size * 2 and set(data[lead::size]) == {_TS_SYNC} for size, lead in ((188, 0), (192, 4))
    )


def _form_behind_junk(file: BinaryIO, offset: int) -> Found | None:
    """A WAV or AIFF file that something stands in front of: zeros, or the header of a tape."""
    data = _read_at(file, offset, _MPEG_SEARCH_BYTES)
    places = ((at, kind, form) for name, (kind, form) in _FORMS.items() if (at := data.find(name)) > 0)
    for at, kind, form in sorted(places):
        if data[at + 8 : at + 12] in form and data[at + 12 : at + 16] in _FIRST_CHUNKS:
            return Found(kind, offset + at)
    return None


def layout_of(file: BinaryIO) -> Kind:
    """The kind whose layout a file has, UNKNOWN where that is not known here."""
    found = recognise(file)
    return found.layout if found else Kind.UNKNOWN


def recognise_mpeg(file: BinaryIO, offset: int) -> Found | None:
    """MPEG audio has no magic: frames that follow each other have to do, three of them where there is junk in front."""
    data = _read_at(file, offset, _MPEG_SEARCH_BYTES)
    start = data.find(b"\xff")
    while start >= 0:
        if _frames_follow(file, offset + start, data[start : start + 4], 2 if start == 0 else 3):
            return Found(Kind.MPEG_AUDIO, offset + start)
        start = data.find(b"\xff", start + 1)
    return None


def _frames_follow(file: BinaryIO, position: int, header: bytes, count: int) -> bool:
    """Whether `count` frames of one stream stand at a position, or one that is all there is."""
    constant = mpeg_constant(header)
    for index in range(count):
        length = mpeg_frame_bytes(header)
        if not length or mpeg_constant(header) != constant:
            return index > 0 and not header and count == 2
        position += length
        header = _read_at(file, position, 4)
    return True


def mpeg_constant(header: bytes) -> int:
    """The bits of a frame's four first bytes that are the same in all frames of a stream."""
    return int.from_bytes(header) & _MPEG_CONSTANT


def is_same_mpeg_stream(file: BinaryIO, first: int, second: int) -> bool:
    """Whether frames at two places may belong to one stream."""
    return mpeg_constant(_read_at(file, first, 4)) == mpeg_constant(_read_at(file, second, 4))


_LAYER_3_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LAYER_2_KBITS = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_LAYER_1_KBITS = (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
_LOW_RATE_KBITS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LOW_RATE_LAYER_1_KBITS = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)


@lru_cache(maxsize=1024)  # the frames of a file have few headers that differ, and a walk asks for thousands
def mpeg_frame_bytes(header: bytes) -> int:
    """Length of the MPEG audio frame that these four bytes head, 0 where they head none (or one of free bit rate)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, bits_index, padding = header[2] >> 2 & 3, header[2] >> 4, header[2] >> 1 & 1
    if version == 1 or layer == 4 or rate_index == 3 or bits_index in (0, 15):
        return 0
    is_low_rate = version != 3
    rate, samples = _mpeg_rate_and_samples(header)
    if layer == 1:
        kbits = (_LOW_RATE_LAYER_1_KBITS if is_low_rate else _LAYER_1_KBITS)[bits_index]
        return (12_000 * kbits // rate + padding) * 4
    if is_low_rate:
        kbits = _LOW_RATE_KBITS[bits_index]
    else:
        kbits = (_LAYER_2_KBITS if layer == 2 else _LAYER_3_KBITS)[bits_index]
    return samples // 8 * 1000 * kbits // rate + padding


def mpeg_bytes_a_second(header: bytes) -> float:
    """Bytes of a second of MPEG audio at the bit rate that these four bytes of a frame name; 0 where they head none."""
    length = mpeg_frame_bytes(header)
    if not length:
        return 0.0
    rate, samples = _mpeg_rate_and_samples(header)
    return length * rate / samples


def _mpeg_rate_and_samples(header: bytes) -> tuple[int, int]:
    """Sample rate in Hz, and samples in a frame, of a valid header."""
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate = (44100, 48000, 32000)[header[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}[version]
    return rate, 384 if layer == 1 else 576 if version != 3 and layer == 3 else 1152


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
