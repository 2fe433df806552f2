"""Whether sound follows behind the place where libsndfile would stop without a word."""

from __future__ import annotations

from typing import BinaryIO

from instag.audio.claims import mpeg_counted_frames
from instag.containers import Kind, StructureError, file_size
from instag.containers.id3 import leading_tags_end
from instag.containers.ogg import FIRST, pages
from instag.containers.recognise import Found, mpeg_frame_bytes, recognise_mpeg

# A count may leave out its own frame and what fills the encoder's last one.
_UNCOUNTED_FRAMES = 4
_READ_BYTES = 1 << 20


def more_follows(file: BinaryIO, found: Found) -> bool:
    """Whether an MP3 holds more frames than its header counts, or an Ogg file a second link behind the first.

    Headers alone are read: of an MP3 those of its frames, of an Ogg file those of its pages.

    Args:
        file: Open for reading; its position is lost.
        found: Its container.
    """
    if found.kind in (Kind.OGG_VORBIS, Kind.OGG_OPUS):
        return _is_chained(file)
    if found.kind == Kind.MPEG_AUDIO and (counted := mpeg_counted_frames(file, found)):
        return _has_more_frames(file, found.offset, counted + _UNCOUNTED_FRAMES)
    return False


def _is_chained(file: BinaryIO) -> bool:
    """Whether a stream starts after the pages of sound have begun."""
    sound_began = False
    try:
        for page in pages(file):
            if not page.flags & FIRST:
                sound_began = True
            elif sound_began:
                return True
    except StructureError:
        return False
    return False


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
