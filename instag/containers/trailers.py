"""Tags before and after streams of frames: MP3, TTA, AAC, WavPack, Musepack, Monkey's Audio."""

from __future__ import annotations

from typing import BinaryIO

from instag.containers import Span, file_size
from instag.containers.id3 import ID3V1_BYTES, from_synchsafe, leading_tags_end

APE_MARK = b"APETAGEX"
APE_HEADER_BYTES = 32
_HAS_HEADER = 1 << 31
_LYRICS3V1_LONGEST = 5100


def _ending_at(file: BinaryIO, end: int, length: int) -> bytes:
    if length > end:
        return b""
    file.seek(end - length)
    return file.read(length)


def ape_tag_ending_at(file: BinaryIO, end: int) -> Span | None:
    """The APEv2 tag whose footer ends at an offset, its header included."""
    footer = _ending_at(file, end, APE_HEADER_BYTES)
    if footer[:8] != APE_MARK:
        return None
    length = int.from_bytes(footer[12:16], "little")
    if int.from_bytes(footer[20:24], "little") & _HAS_HEADER:
        length += APE_HEADER_BYTES
    return Span(end - length, end) if APE_HEADER_BYTES <= length <= end else None


def _last_tag_start(file: BinaryIO, end: int) -> int:
    """Where the tag that ends at an offset starts; the same offset where none does."""
    ape = ape_tag_ending_at(file, end)
    if ape:
        return ape.start
    tail = _ending_at(file, end, ID3V1_BYTES)
    if tail[:3] == b"TAG":
        start = end - ID3V1_BYTES
        return start - 227 if _ending_at(file, start, 227)[:4] == b"TAG+" else start
    lyrics = _ending_at(file, end, 15)
    if lyrics[6:] == b"LYRICS200" and lyrics[:6].isdigit():
        start = end - 15 - int(lyrics[:6])
        if start >= 0 and _ending_at(file, start + 11, 11) == b"LYRICSBEGIN":
            return start
    if lyrics[6:] == b"LYRICSEND":
        block = _ending_at(file, end, min(end, _LYRICS3V1_LONGEST + 20))
        found = block.rfind(b"LYRICSBEGIN")
        if found >= 0:
            return end - len(block) + found
    footer = _ending_at(file, end, 10)
    if footer[:3] == b"3DI" and not any(byte & 0x80 for byte in footer[6:]):
        start = end - 20 - from_synchsafe(footer[6:])
        if start >= 0 and _ending_at(file, start + 3, 3) == b"ID3":
            return start
    return end


def trailing_tags(file: BinaryIO, start: int = 0) -> list[Span]:
    """Tags after the audio, last first, none of them reaching before `start`."""
    spans: list[Span] = []
    end = file_size(file)
    for _ in range(16):
        begin = _last_tag_start(file, end)
        if begin == end or begin < start:
            break
        spans.append(Span(begin, end))
        end = begin
    return spans


def audio_span(file: BinaryIO) -> Span:
    """What lies between the ID3v2 tags at the start and the tags at the end."""
    start = min(leading_tags_end(file), file_size(file))
    trailers = trailing_tags(file, start)
    return Span(start, trailers[-1].start if trailers else file_size(file))


def tags_end(file: BinaryIO, position: int) -> int:
    """Where the ID3v1 and APEv2 tags end that start at a place in the middle of a file; the place itself without any.

    Args:
        file: Open for reading; its position is lost.
        position: Where the sound in front of them ends.
    """
    for _ in range(16):
        file.seek(position)
        head = file.read(APE_HEADER_BYTES)
        if head[:8] == APE_MARK and len(head) == APE_HEADER_BYTES:
            position += APE_HEADER_BYTES + int.from_bytes(head[12:16], "little")
        elif head[:3] == b"TAG":
            position += ID3V1_BYTES
        else:
            break
    return position
