"""Which decoder reads which container."""

from __future__ import annotations

from typing import BinaryIO

from instag.containers import Kind
from instag.containers.recognise import Found

# libsndfile reads these; FFmpeg alone reads the others.
NATIVE = frozenset(
    (
        Kind.WAV,
        Kind.RF64,
        Kind.W64,
        Kind.AIFF,
        Kind.AU,
        Kind.CAF,
        Kind.FLAC,
        Kind.OGG_VORBIS,
        Kind.OGG_OPUS,
        Kind.MPEG_AUDIO,
        Kind.VOC,
    )
)
# FFmpeg's names. Given explicitly, FFmpeg never guesses: a guessed playlist would open other files.
DEMUXERS: dict[Kind, str] = {
    Kind.WAV: "wav",
    Kind.RF64: "wav",
    Kind.W64: "w64",
    Kind.AIFF: "aiff",
    Kind.AU: "au",
    Kind.CAF: "caf",
    Kind.FLAC: "flac",
    Kind.OGG_VORBIS: "ogg",
    Kind.OGG_OPUS: "ogg",
    Kind.OGG_SPEEX: "ogg",
    Kind.OGG_FLAC: "ogg",
    Kind.OGG_OTHER: "ogg",
    Kind.MPEG_AUDIO: "mp3",
    Kind.MP4: "mov",
    Kind.ASF: "asf",
    Kind.MONKEY: "ape",
    Kind.WAVPACK: "wv",
    Kind.MUSEPACK: "mpc8",
    Kind.TRUE_AUDIO: "tta",
    Kind.TAK: "tak",
    Kind.DSF: "dsf",
    Kind.DSDIFF: "iff",
    Kind.MATROSKA: "matroska",
    Kind.AC3: "ac3",
    Kind.AAC: "aac",
    Kind.AVI: "avi",
    Kind.MPEG_TS: "mpegts",
    Kind.MPEG_PS: "mpeg",
    Kind.AMR: "amr",
    Kind.FLV: "flv",
    Kind.DTS: "dts",
    Kind.REAL: "rm",
    Kind.VOC: "voc",
}


def demuxer(file: BinaryIO, found: Found) -> str:
    """FFmpeg's name of a container; older Musepack files have a demuxer that their first bytes choose."""
    file.seek(found.offset)
    return "mpc" if file.read(3) == b"MP+" else DEMUXERS[found.kind]


assert set(DEMUXERS) == set(Kind) - {Kind.UNKNOWN}
