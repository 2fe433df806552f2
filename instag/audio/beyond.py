"""Whether sound follows behind the place where libsndfile would stop without a word."""

from __future__ import annotations

from itertools import pairwise
from typing import BinaryIO

from instag.audio.claims import mpeg_counted_frames
from instag.containers import Kind, Span, StructureError, file_size
from instag.containers.id3 import leading_tags_end
from instag.containers.ogg import FIRST, pages
from instag.containers.recognise import Found, mpeg_frame_bytes, recognise_mpeg

# A count may leave out its own frame and what fills the encoder's last one.
_UNCOUNTED_FRAMES = 4
_READ_BYTES = 1 << 20


def mpeg_frames_follow(file: BinaryIO, found: Found) -> bool:
    """Whether a file holds more MPEG frames than its header counts; the headers of the frames alone are read.

    Args:
        file: Open for reading; its position is lost.
        found: Its container.
    """
    counted = mpeg_counted_frames(file, found) if found.kind == Kind.MPEG_AUDIO else 0
    return counted > 0 and _has_more_frames(file, found.offset, counted + _UNCOUNTED_FRAMES)


def ogg_links(file: BinaryIO, found: Found) -> list[Span]:
    """Where the links of a chained Ogg file lie; nothing where there is one only, or the file is none.

    A link starts where a stream does after the pages of sound have begun. The headers of the pages alone are read.

    Args:
        file: Open for reading; its position is lost.
        found: Its container.
    """
    if found.kind not in (Kind.OGG_VORBIS, Kind.OGG_OPUS, Kind.OGG_FLAC) or found.offset:
        return []
    starts, sound_began = [0], False
    try:
        for page in pages(file):
            if not page.flags & FIRST:
                sound_began = True
            elif sound_began:
                starts.append(page.span.start)
                sound_began = False
    except StructureError:
        return []
    return [Span(*ends) for ends in pairwise([*starts, file_size(file)])] if len(starts) > 1 else []


def _has_more_frames(file: BinaryIO, start: int, most: int) -> bool:
    size = file_size(file)
    data, data_start, position = b"", start, start
    for _ in range(most):
        at = position - data_start
        if at + 4 > len(data):
            file.seek(position)
            data, data_start, at = file.read(_READ_BYTES), position, 0
        length = mpeg_frame_bytes(data[at : at + 4])
        if not length:
            break
        position += length
    if position >= size:
        return False
    # Tags at the end hold no frames; the start of another file does, behind its own tags.
    return recognise_mpeg(file, max(position, leading_tags_end(file, position))) is not None
