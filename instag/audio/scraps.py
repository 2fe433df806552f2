"""What may lie behind the sound of a file without being sound: tags, padding, a line of text."""

from __future__ import annotations

from typing import BinaryIO

from instag.containers import Kind, file_size
from instag.containers.id3 import ID3V1_BYTES
from instag.containers.trailers import audio_span

# Less than this share of a recording is not worth a warning; an ID3v1 tag behind a short one is not either.
_SHARE = 0.01
# Zeros to the end of a block of a disk are padding; many more may be what a failed copy left of the sound.
_PADDING_BYTES = 4096
_BETWEEN_TAGS = frozenset(
    (Kind.MPEG_AUDIO, Kind.TRUE_AUDIO, Kind.WAVPACK, Kind.MUSEPACK, Kind.MONKEY, Kind.TAK, Kind.AAC, Kind.AC3)
)
# Streams in which one frame follows the other to the end of the file.
FRAMES_TO_THE_END = frozenset((Kind.MPEG_AUDIO, Kind.AAC, Kind.AC3, Kind.DTS))


def are_scraps(extra_bytes: int, sound_bytes: int) -> bool:
    """Whether bytes behind the sound are too few to be sound that is missing.

    Args:
        extra_bytes: How many lie behind it.
        sound_bytes: How many the sound has.
    """
    return extra_bytes <= max(ID3V1_BYTES, sound_bytes * _SHARE)


def only_scraps_between(file: BinaryIO, start: int, end: int) -> bool:
    """The same of what lies between two places of a file whose sound goes from its first byte to `start`.

    Args:
        file: Open for reading; its position is kept.
        start: Where the sound ends.
        end: Where the file, or what there is to decode of it, ends.
    """
    if are_scraps(end - start, start):
        return True
    if not are_scraps(end - start - _PADDING_BYTES, start):
        return False
    position = file.tell()
    file.seek(start)
    data = file.read(end - start)
    file.seek(position)
    return are_scraps(len(data.rstrip(b"\0")), start)


def sound_end(file: BinaryIO, kind: Kind) -> int:
    """Where the sound of a stream of frames ends at the latest: in front of the tags at its end.

    Args:
        file: Open for reading; its position is lost.
        kind: Its container.
    """
    return audio_span(file).end if kind in _BETWEEN_TAGS else file_size(file)
