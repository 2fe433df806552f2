"""A right header for sound whose own header is wrong, so that libsndfile hears all of it."""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import BinaryIO

from instag.audio.scraps import are_scraps
from instag.containers import Kind, Span, StructureError, au, caf, file_size
from instag.containers.layout import UNKNOWN_FROM, find_sound
from instag.containers.recognise import Found

_RIFF_LIMIT_BYTES = 0xFFFF_0000
_CHUNKED = (Kind.WAV, Kind.RF64, Kind.AIFF, Kind.W64)


class Splice:
    """A file made of a new header and pieces of another file. Seen by libsndfile in place of the file."""

    def __init__(self, file: BinaryIO, head: bytes, spans: tuple[Span, ...]) -> None:
        """Joins.

        Args:
            file: Open for reading, unbuffered.
            head: The bytes that come first.
            spans: The pieces of the file that follow, in order.
        """
        self._file, self._head, self._spans = file, head, spans
        self._starts = [len(head)]
        for span in spans:
            self._starts.append(self._starts[-1] + span.end - span.start)
        self._size = self._starts[-1]
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """See `io.IOBase.seek`."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = min(max(0, base + offset), self._size)
        return self._position

    def tell(self) -> int:
        """See `io.IOBase.tell`."""
        return self._position

    def read(self, size: int) -> bytes:
        """See `io.RawIOBase.read`. An error reads as the end: raised in a callback from C, it would only be printed."""
        parts = []
        while size > 0 and self._position < self._size:
            index = bisect_right(self._starts, self._position) - 1
            if index < 0:
                data = self._head[self._position : self._position + size]
            else:
                span, within = self._spans[index], self._position - self._starts[index]
                try:
                    self._file.seek(span.start + within)
                    data = self._file.read(min(size, span.end - span.start - within))
                except OSError:
                    break
            if not data:
                break
            parts.append(data)
            self._position += len(data)
            size -= len(data)
        return b"".join(parts)


@dataclass(frozen=True)
class Mended:
    """What libsndfile shall read in place of the file.

    Attributes:
        source: The new header and the sound.
        damage: A sentence where sound lies beyond the claim of the old header, else "".
    """

    source: Splice
    damage: str


def mend(file: BinaryIO, found: Found | None) -> Mended | None:
    """Gives a file a right header where its own does not describe what is there; None where it does.

    Args:
        file: Open for reading, unbuffered; its position is lost.
        found: Its container.
    """
    if found is None:
        return None
    try:
        if found.kind in _CHUNKED:
            return _mend_chunks(file, found)
        if found.kind == Kind.AU:
            return _mend_au(file, found)
        if found.kind == Kind.CAF:
            return _mend_caf(file, found)
    except (StructureError, struct.error):
        # Too broken to mend: the decoder says what is wrong with it.
        pass
    return None


def _mend_chunks(file: BinaryIO, found: Found) -> Mended | None:
    layout = find_sound(file, found.kind, found.offset, is_big=found.big_endian)
    if layout.is_plain or not layout.spans or not layout.format:
        return None
    file.seek(found.offset + 8)
    form = file.read(4)
    lead = 8 if found.kind == Kind.AIFF else 0
    spans = tuple(Span(span.start + lead, span.end) for span in layout.spans if span.end > span.start + lead)
    length = sum(span.end - span.start for span in spans)
    if found.kind == Kind.AIFF:
        head = _aiff_head(form, layout.format, length)
    else:
        head = _wave_head(layout.format, length, found.big_endian)
    return Mended(Splice(file, head, spans), _damage(layout.claimed_bytes - lead, length, layout.is_beyond_claim))


def _wave_head(format_body: bytes, length: int, is_big: bool) -> bytes:
    order = ">" if is_big else "<"
    fmt = struct.pack(order + "4sI", b"fmt ", len(format_body)) + format_body + bytes(len(format_body) & 1)
    if length < _RIFF_LIMIT_BYTES:
        data = struct.pack(order + "4sI", b"data", length)
        return (
            struct.pack(order + "4sI", b"RIFX" if is_big else b"RIFF", 4 + len(fmt) + 8 + length) + b"WAVE" + fmt + data
        )
    (block,) = struct.unpack_from("<H", format_body, 12)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 4 + 36 + len(fmt) + 8 + length, length, length // max(1, block), 0)
    return struct.pack("<4sI", b"RF64", 0xFFFF_FFFF) + b"WAVE" + ds64 + fmt + struct.pack("<4sI", b"data", 0xFFFF_FFFF)


def _aiff_head(form: bytes, comm: bytes, length: int) -> bytes:
    channels, bits = struct.unpack_from(">H4xH", comm)
    frame_bytes = max(1, channels * ((bits + 7) // 8))
    frames = min(0xFFFF_FFFF, length // frame_bytes)
    comm = comm[:2] + struct.pack(">I", frames) + comm[6:] + bytes(len(comm) & 1)
    body = form + struct.pack(">4sI", b"COMM", len(comm)) + comm
    size = min(_RIFF_LIMIT_BYTES, length + 8)
    ssnd = struct.pack(">4sIII", b"SSND", size, 0, 0)
    return struct.pack(">4sI", b"FORM", min(_RIFF_LIMIT_BYTES + 4096, len(body) + len(ssnd) + length)) + body + ssnd


def _mend_au(file: BinaryIO, found: Found) -> Mended | None:
    start, claimed = au.audio_claim(file, found.offset)
    spans = au.audio_spans(file, found.offset)
    length = spans[0].end - spans[0].start
    if claimed >= UNKNOWN_FROM or length <= claimed or are_scraps(length - claimed, claimed):
        return None
    file.seek(found.offset)
    head = bytearray(file.read(start - found.offset))
    struct.pack_into("<I" if head[:4] == b"dns." else ">I", head, 8, min(length, 0xFFFF_FFFF))
    return Mended(Splice(file, bytes(head), (spans[0],)), _damage(claimed, length, True))


def _mend_caf(file: BinaryIO, found: Found) -> Mended | None:
    start, claimed = caf.data_chunk(file, found.offset)
    if claimed is None:
        return None
    span = caf.sound_span(file, found.offset)
    length = span.end - span.start
    if length <= claimed or start + claimed >= file_size(file) or are_scraps(length - claimed, claimed):
        return None
    file.seek(found.offset)
    head = file.read(start - 8 - found.offset) + struct.pack(">q", length)
    # The data chunk starts with the number of its edits, 4 bytes, which are part of the span.
    return Mended(Splice(file, head, (span,)), _damage(max(0, claimed - 4), length - 4, True))


def _damage(claimed: int, length: int, is_beyond: bool) -> str:
    if not is_beyond:
        return ""
    if claimed <= 0:
        return "Its header was never finished: it claims no audio, and some follows."
    return f"Its header is wrong: it claims {claimed} bytes of audio, and {length} are there; all of them were heard."
