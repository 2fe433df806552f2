"""Whether sound follows behind the place where one decoder would stop without a word."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, cast

from instag.audio.claims import mpeg_counted_frames
from instag.audio.ends import form_end, own_end, tta_frames_end
from instag.audio.scraps import only_scraps_between, sound_end
from instag.audio.view import Part
from instag.containers import MAX_PARTS, Kind, Span, StructureError, file_size
from instag.containers.flac import last_frame_start, read_layout
from instag.containers.id3 import leading_tags_end
from instag.containers.ogg import FIRST, pages
from instag.containers.recognise import (
    ASF_HEADER,
    Found,
    is_same_mpeg_stream,
    mpeg_bytes_a_second,
    mpeg_constant,
    mpeg_frame_bytes,
    recognise,
    recognise_mpeg,
)
from instag.containers.trailers import tags_end

# A count may leave out its own frame and what fills the encoder's last one.
_UNCOUNTED_FRAMES = 4
_READ_BYTES = 1 << 20
# A decoder reads less than this ahead; tags between two joined files are smaller than that.
_READ_AHEAD_BYTES = 4 << 20
_TAGS_BYTES = 4 << 20
# Mark, size, (version and track), (samples of the file), first sample, samples, flags.
_WAVPACK_HEAD = struct.Struct("<4sI4x4xIII")
_WAVPACK_FIRST_OF_CHANNELS = 1 << 11
_FLAC_STARTS = (b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22")
# What other files start with, and how many bytes of theirs stand in front of that.
_STRANGERS = (
    *((form + chunk, 8) for form in (b"WAVE",) for chunk in (b"fmt ", b"JUNK", b"bext", b"LIST")),
    *((form + chunk, 8) for form in (b"AIFF", b"AIFC") for chunk in (b"COMM", b"FVER")),
    *((b"ftyp" + brand, 4) for brand in (b"M4A ", b"M4B ", b"isom", b"mp42", b"qt  ")),
    *((b"ID3" + version + b"\0", 0) for version in (b"\2", b"\3", b"\4")),
    (b"OggS\0\2", 0),
)
# Two bytes tell these, and stand in any sound now and then: behind a header with a stale size they are no other file.
_SHORT_MARKS = frozenset((Kind.AAC, Kind.AC3))
_FORMS = ((b"RIFF", b"WAVE"), (b"RIFX", b"WAVE"), (b"RF64", b"WAVE"), (b"BW64", b"WAVE"), (b"FORM", b"AIF"))


@dataclass(frozen=True)
class Beyond:
    """What follows.

    Attributes:
        links: The files that were joined, each a stretch of this one; empty where one stream has a wrong count.
        first_share: Share of the file's bytes in front of what follows, 0..1.
    """

    links: tuple[Span, ...]
    first_share: float


def sound_beyond(file: BinaryIO, found: Found) -> Beyond | None:
    """What follows the sound that a header speaks of; None where nothing does. Headers alone are read.

    Args:
        file: Open for reading; its position is lost.
        found: Its container.
    """
    return _of_the_same_kind(file, found) or _other_file(file, own_end(file, found))


def _of_the_same_kind(file: BinaryIO, found: Found) -> Beyond | None:
    if found.kind == Kind.MPEG_AUDIO:
        return _mpeg(file, found.offset)
    if found.kind in (Kind.OGG_VORBIS, Kind.OGG_OPUS, Kind.OGG_FLAC) and not found.offset:
        return _ogg(file)
    if found.kind in (Kind.WAV, Kind.AIFF):
        return _joined(file, _form_starts(file, found.offset))
    if found.kind == Kind.MP4:
        return _joined(file, _mp4_starts(file))
    if found.kind == Kind.TRUE_AUDIO:
        return _joined(file, _tta_starts(file, found.offset))
    if found.kind == Kind.WAVPACK:
        return _joined(file, _wavpack_starts(file, found.offset))
    if found.kind == Kind.ASF:
        return _joined(file, _asf_starts(file, found.offset))
    return None


def _other_file(file: BinaryIO, end: int | None) -> Beyond | None:
    """A whole file of any kind that starts where the first one ends, or behind the tags that follow it there."""
    if end is None:
        return None
    end = tags_end(file, end)
    found = recognise(cast(BinaryIO, Part(file, Span(end, file_size(file)))))
    return None if found is None or found.kind in _SHORT_MARKS else _joined(file, [0, end])


def flac_beyond(file: BinaryIO, found: Found, decoded_frames: int) -> Beyond | None:
    """What follows the frames of a FLAC file that its header counts, now that a decoder has read them.

    Args:
        file: Open for reading, where the decoder left it; its position is lost.
        found: Its container.
        decoded_frames: Samples of each channel that were decoded.
    """
    position = file.tell()
    first = max(found.offset + 4, position - _READ_AHEAD_BYTES)
    file.seek(first)
    data = file.read(position - first + _TAGS_BYTES)
    places = [first + at for start in _FLAC_STARTS if (at := data.find(start)) >= 0]
    if places:
        return _joined(file, [0, min(places)])
    if (stranger := _stranger_in(file, data, first)) is not None:
        return _other_file(file, stranger)
    start = last_frame_start(file)
    return Beyond((), decoded_frames / start) if start is not None and start >= decoded_frames > 0 else None


def mpeg_beyond(file: BinaryIO, found: Found, decoded_seconds: float) -> Beyond | None:
    """What follows the frames of an MP3 that does not count them, now that a decoder has read them.

    Their headers are walked only where the file is longer than its first frame's bit rate says.

    Args:
        file: Open for reading; its position is lost.
        found: Its container.
        decoded_seconds: Length of what was decoded.
    """
    file.seek(found.offset)
    header = file.read(4)
    size = sound_end(file, found.kind)
    sound_bytes = round(decoded_seconds * mpeg_bytes_a_second(header))
    if only_scraps_between(file, found.offset + sound_bytes, size):
        return None
    position: int | None = found.offset
    end = size
    while position is not None:
        end, _ = _walk_frames(file, position, size)
        following = recognise_mpeg(file, end)
        if following and not is_same_mpeg_stream(file, found.offset, following.offset):
            return _joined(file, [0, end])
        position = following.offset if following else None
    return _other_file(file, end)


def _stranger_in(file: BinaryIO, data: bytes, first: int) -> int | None:
    """Where in `data`, which starts at `first`, a file of another kind starts behind the frames of a FLAC file."""
    try:
        first_frame = read_layout(file).audio_start
    except StructureError:
        return None
    behind = max(0, first_frame - first)
    places = ((data.find(mark, behind), before) for mark, before in _STRANGERS)
    return min((first + at - before for at, before in places if at >= behind + before), default=None)


def _joined(file: BinaryIO, starts: list[int]) -> Beyond | None:
    size = file_size(file)
    links = tuple(Span(*ends) for ends in pairwise([*starts, size]))
    return Beyond(links, links[0].end / size) if len(links) > 1 else None


def _ogg(file: BinaryIO) -> Beyond | None:
    """A link starts where a stream does after the pages of sound have begun, and where pages end and a file starts."""
    starts, sound_began, end = [0], False, 0
    try:
        for page in pages(file):
            if not page.flags & FIRST:
                sound_began = True
            elif sound_began:
                starts.append(page.span.start)
                sound_began = False
            end = page.span.end
    except StructureError:
        return None
    if end < file_size(file) and (stranger := _other_file(file, end)):
        starts.append(stranger.links[1].start)
    return _joined(file, starts)


def _form_starts(file: BinaryIO, offset: int) -> list[int]:
    """A second RIFF or AIFF file starts where the first one claims to end."""
    starts = [offset]
    while len(starts) < MAX_PARTS and (start := form_end(file, starts[-1])) is not None:
        file.seek(start)
        head = file.read(12)
        if not any(head[:4] == name and head[8:].startswith(form) for name, form in _FORMS):
            break
        starts.append(start)
    return starts


def _mp4_starts(file: BinaryIO) -> list[int]:
    """A second file starts with its own `ftyp`, once the first one had its `moov`."""
    starts, position, size, has_moov = [0], 0, file_size(file), False
    for _ in range(MAX_PARTS):
        file.seek(position)
        head = file.read(16)
        length, name = int.from_bytes(head[:4]), head[4:8]
        length = int.from_bytes(head[8:16]) if length == 1 else length
        if name == b"ftyp" and has_moov:
            starts.append(position)
            has_moov = False
        has_moov |= name == b"moov"
        position += length
        if length < 8 or position >= size:
            break
    return starts


def _tta_starts(file: BinaryIO, offset: int) -> list[int]:
    """A second file starts behind the frames that the first one's table lists."""
    starts = [0]
    while len(starts) < MAX_PARTS and (end := tta_frames_end(file, offset)) is not None:
        file.seek(end)
        if (tags_bytes := file.read(_TAGS_BYTES).find(b"TTA1")) < 0:
            break
        offset = end + tags_bytes
        starts.append(offset)
    return starts


def _wavpack_starts(file: BinaryIO, offset: int) -> list[int]:
    """A second file starts with a block that counts from 0 again, maybe behind tags ("WavPack 4 & 5 Binary Format")."""
    starts, position, is_sounding = [0], offset, False
    while len(starts) < MAX_PARTS:
        file.seek(position)
        head = file.read(_WAVPACK_HEAD.size)
        if len(head) < _WAVPACK_HEAD.size or head[:4] != b"wvpk":
            file.seek(position)
            if (tags_bytes := file.read(_TAGS_BYTES).find(b"wvpk")) <= 0:
                break
            position += tags_bytes
            continue
        _, size, index, samples, flags = _WAVPACK_HEAD.unpack(head)
        if samples and not index and flags & _WAVPACK_FIRST_OF_CHANNELS:
            if is_sounding:
                starts.append(position)
            is_sounding = True
        position += 8 + size
    return starts


def _asf_starts(file: BinaryIO, offset: int) -> list[int]:
    """A second file starts with a header object behind the objects of the first one."""
    starts, position, size = [0], offset, file_size(file)
    for _ in range(MAX_PARTS):
        file.seek(position)
        head = file.read(24)
        length = int.from_bytes(head[16:24], "little")
        if head[:16] == ASF_HEADER and position > offset:
            starts.append(position)
        position += length
        if length < 24 or position >= size:
            break
    return starts


def _mpeg(file: BinaryIO, start: int) -> Beyond | None:
    starts, is_count_wrong, first_end = [0], False, 0
    while counted := mpeg_counted_frames(file, Found(Kind.MPEG_AUDIO, start)):
        end, walked = _walk_frames(file, start, counted)
        if end >= file_size(file):
            break
        # Tags at the end hold no frames; the start of another file does, behind its own tags.
        following = recognise_mpeg(file, max(end, leading_tags_end(file, end)))
        if following is None:
            if stranger := _other_file(file, end):
                starts.append(stranger.links[1].start)
            break
        first_end = first_end or end
        if walked < counted or walked > counted + _UNCOUNTED_FRAMES:
            is_count_wrong = True
            break
        starts.append(end)
        start = following.offset
    if len(starts) > 1:
        return _joined(file, starts)
    return Beyond((), first_end / file_size(file)) if is_count_wrong else None


def _walk_frames(file: BinaryIO, start: int, counted: int) -> tuple[int, int]:
    """Walks as many frames as a header counts, and some more: where they end, and how many there are.

    Ends sooner where no frame follows, and where one follows that belongs to another file: it has a count of its own,
    another layer or another rate.
    """
    data, data_start, position = b"", start, start
    stream: int | None = None
    for number in range(counted + _UNCOUNTED_FRAMES + 1):
        at = position - data_start
        if at + 4 > len(data):
            file.seek(position)
            data, data_start, at = file.read(_READ_BYTES), position, 0
        header = data[at : at + 4]
        length, before = mpeg_frame_bytes(header), stream
        stream = mpeg_constant(header)
        if (
            not length
            or before not in (None, stream)
            or (number >= counted and mpeg_counted_frames(file, Found(Kind.MPEG_AUDIO, position)))
        ):
            return position, number
        position += length
    return position, counted + _UNCOUNTED_FRAMES + 1
