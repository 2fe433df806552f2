"""What a file is, told from its first bytes. The extension is never asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

# ID3v2 tags with pictures reach megabytes; what follows them is looked at where it is, so little is read.
_HEAD_BYTES = 64
# Junk before the first MPEG frame (zeros, leftovers of a cut) is searched this far.
_MPEG_SEARCH_BYTES = 1 << 16
# What stays the same in all frames of a stream: sync, version, layer, sample rate.
_MPEG_CONSTANT = 0xFFFE_0C00
# ID3v2 tags that follow each other; programs that do not find the first write a second.
_MAX_TAGS = 16


@dataclass(frozen=True)
class Container:
    """A container.

    Attributes:
        name: What people call it.
        is_native: Whether libsndfile reads it; else only FFmpeg does.
        demuxer: FFmpeg's name of it. Given explicitly, FFmpeg never guesses: guessed playlists would open other files.
        offset: Where the audio container starts: behind an ID3v2 tag, say.
    """

    name: str
    is_native: bool
    demuxer: str
    offset: int = 0


_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")

_MAGIC: tuple[tuple[int, bytes, Container], ...] = (
    (0, b"fLaC", Container("FLAC", True, "flac")),
    (0, _W64, Container("W64", True, "w64")),
    (0, b".snd", Container("AU", True, "au")),
    (0, b"dns.", Container("AU", True, "au")),
    (0, b"caff", Container("CAF", True, "caf")),
    (4, b"ftyp", Container("MP4", False, "mov")),
    (4, b"moov", Container("MP4", False, "mov")),
    (4, b"mdat", Container("MP4", False, "mov")),
    (4, b"wide", Container("MP4", False, "mov")),
    (4, b"free", Container("MP4", False, "mov")),
    (4, b"skip", Container("MP4", False, "mov")),
    (0, _ASF, Container("WMA", False, "asf")),
    (0, b"MAC ", Container("APE", False, "ape")),
    (0, b"wvpk", Container("WavPack", False, "wv")),
    (0, b"MPCK", Container("Musepack", False, "mpc8")),
    (0, b"MP+", Container("Musepack", False, "mpc")),
    (0, b"TTA1", Container("TTA", False, "tta")),
    (0, b"tBaK", Container("TAK", False, "tak")),
    (0, b"DSD ", Container("DSF", False, "dsf")),
    (0, b"FRM8", Container("DSDIFF", False, "iff")),
    (0, b"\x1aE\xdf\xa3", Container("Matroska", False, "matroska")),
    (0, b"\x0bw", Container("AC-3", False, "ac3")),
)
_RIFF = {b"RIFF": "WAV", b"RIFX": "WAV", b"RF64": "RF64", b"BW64": "RF64"}
_OGG_NATIVE = {b"\x01vorbis": "Ogg Vorbis", b"OpusHead": "Ogg Opus"}
_OGG_FOREIGN = {b"\x7fFLAC": "Ogg FLAC", b"Speex   ": "Ogg Speex"}


def sniff(file: BinaryIO) -> Container | None:
    """Tells a container by its first bytes, None where it is none that is known.

    Args:
        file: Open for reading; its position is lost.
    """
    offset = 0
    head = _read_at(file, offset, _HEAD_BYTES)
    for _ in range(_MAX_TAGS):
        if not head.startswith(b"ID3") or len(head) < 10:
            break
        offset += 10 + _syncsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
        head = _read_at(file, offset, _HEAD_BYTES)
    if head[:4] in _RIFF and head[8:12] == b"WAVE":
        return Container(_RIFF[head[:4]], True, "wav", offset)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Container("AIFF", True, "aiff", offset)
    if head[:4] == b"OggS":
        return _ogg(head, offset)
    for position, magic, kind in _MAGIC:
        if head[position : position + len(magic)] == magic:
            return Container(kind.name, kind.is_native, kind.demuxer, offset)
    if head[:2] in (b"\xff\xf1", b"\xff\xf9", b"\xff\xf0", b"\xff\xf8"):
        return Container("AAC", False, "aac", offset)
    if head[:4] == b"ADIF":
        return Container("AAC", False, "aac", offset)
    return _mpeg(file, offset)


def _ogg(page: bytes, offset: int) -> Container:
    packet = page[27 + page[26] :] if len(page) > 27 else b""
    for magic, name in _OGG_NATIVE.items():
        if packet.startswith(magic):
            return Container(name, True, "ogg", offset)
    for magic, name in _OGG_FOREIGN.items():
        if packet.startswith(magic):
            return Container(name, False, "ogg", offset)
    return Container("Ogg", False, "ogg", offset)


def _mpeg(file: BinaryIO, offset: int) -> Container | None:
    """MPEG audio has no magic: frames that follow each other have to do, three of them where there is junk in front."""
    data = _read_at(file, offset, _MPEG_SEARCH_BYTES)
    start = data.find(b"\xff")
    while start >= 0:
        if _frames_follow(file, offset + start, data[start : start + 4], 2 if start == 0 else 3):
            return Container("MP3", True, "mp3", offset + start)
        start = data.find(b"\xff", start + 1)
    return None


def _frames_follow(file: BinaryIO, position: int, header: bytes, count: int) -> bool:
    """Whether `count` frames of one stream stand at a position, or one that is all there is."""
    constant = int.from_bytes(header) & _MPEG_CONSTANT
    for index in range(count):
        length = mpeg_frame_bytes(header)
        if not length or int.from_bytes(header) & _MPEG_CONSTANT != constant:
            return index > 0 and not header and count == 2
        position += length
        header = _read_at(file, position, 4)
    return True


_LAYER_3_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LAYER_2_KBITS = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_LAYER_1_KBITS = (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
_LOW_RATE_KBITS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LOW_RATE_LAYER_1_KBITS = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)


def mpeg_frame_bytes(header: bytes) -> int:
    """Length of the MPEG audio frame that these four bytes head, 0 where they head none (or one of free bit rate)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate_index, bits_index, padding = header[2] >> 2 & 3, header[2] >> 4, header[2] >> 1 & 1
    if version == 1 or layer == 4 or rate_index == 3 or bits_index in (0, 15):
        return 0
    is_low_rate = version != 3
    rate = (44100, 48000, 32000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 1:
        kbits = (_LOW_RATE_LAYER_1_KBITS if is_low_rate else _LAYER_1_KBITS)[bits_index]
        return (12_000 * kbits // rate + padding) * 4
    if is_low_rate:
        kbits = _LOW_RATE_KBITS[bits_index]
    else:
        kbits = (_LAYER_2_KBITS if layer == 2 else _LAYER_3_KBITS)[bits_index]
    samples = 576 if is_low_rate and layer == 3 else 1152
    return samples // 8 * 1000 * kbits // rate + padding


def _syncsafe(data: bytes) -> int:
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
