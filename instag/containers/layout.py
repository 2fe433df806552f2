"""Where the sound of a RIFF, RF64, BW64, Wave64 or AIFF file really lies, whatever its sizes say.

Recorders leave sizes at 0 or at the largest number when they lose power, sizes of 32 bits wrap round at 4 GiB, and
editors append without counting. A real chunk behind the sound is told from sound by its name and by sizes that lead
exactly to the end of the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from instag.containers import MAX_PARTS, Kind, Span, file_size
from instag.containers.id3 import ID3V1_BYTES

# Writers that do not know the length yet leave the largest number, or one near it, behind.
UNKNOWN_FROM = 0x7FFF_0000
ENDLESS_FROM = 1 << 62
_WRAP_BYTES = 1 << 32
# Chunks behind the sound are looked for this far from the end: pictures in an `id3 ` chunk are this large.
_TAIL_BYTES = 4 << 20
_WAVE64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_WAVE64_LIST = b"list" + bytes.fromhex("912fcf11a5d628db04c10000")
_EXTENSIBLE = b"\xfe\xff"
# Less than this, and less than a hundredth of the sound, is what some recorders leave behind their sound.
_CRUMBS_BYTES = 4096
_KNOWN = frozenset(
    b"fmt |fact|data|LIST|list|id3 |ID3 |bext|cue |smpl|inst|JUNK|junk|PAD |FLLR|iXML|axml|chna|cart|plst|PEAK|slnt|"
    b"ds64|levl|_PMX|aXML|umid|minf|elm1|regn|DISP|note|labl|afsp|acid|strc|"
    b"COMM|SSND|FVER|MARK|INST|MIDI|COMT|NAME|AUTH|(c) |ANNO|APPL|AESD|SAXL|CHAN|bxml|mark".split(b"|")
)
_OUTERMOST = frozenset((b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"))
_SOUND = frozenset((b"data", b"SSND"))


@dataclass(frozen=True)
class Layout:
    """What lies where.

    Attributes:
        spans: The bytes of sound, in order; of AIFF with the 8 bytes that lead an SSND chunk.
        format: The body of the `fmt ` or COMM chunk; empty where there is none.
        claimed_bytes: What the headers claim of sound.
        is_beyond_claim: Sound lies beyond the claim.
        is_plain: libsndfile finds the same bytes by itself.
    """

    spans: tuple[Span, ...]
    format: bytes
    claimed_bytes: int
    is_beyond_claim: bool
    is_plain: bool


class _Chunks:
    """Reads chunk headers of one file."""

    def __init__(self, file: BinaryIO, kind: Kind, is_big: bool) -> None:
        self.file, self.size = file, file_size(file)
        self.is_wave64 = kind == Kind.W64
        self.header_bytes = 24 if self.is_wave64 else 8
        self._layout = "<16sQ" if self.is_wave64 else ">4sI" if is_big else "<4sI"

    def header(self, position: int) -> tuple[bytes, int] | None:
        """Name and bytes of the body, without padding; None where no header stands."""
        data = self.bytes_at(position, self.header_bytes)
        if len(data) < self.header_bytes:
            return None
        name, length = struct.unpack(self._layout, data)
        if self.is_wave64:
            if name[4:] != _WAVE64_TAIL and name != _WAVE64_LIST:
                return None
            return name[:4], max(0, length - 24)
        return (name, length) if all(0x20 <= byte <= 0x7E for byte in name) else None

    def bytes_at(self, position: int, count: int) -> bytes:
        self.file.seek(position)
        return self.file.read(count)

    def after(self, position: int, length: int) -> int:
        """Where the next chunk starts; one writer in many leaves out the pad byte."""
        end = position + self.header_bytes + length
        if self.is_wave64:
            return position + ((self.header_bytes + length + 7) & ~7)
        return end if not length & 1 or (self.is_known(end) and not self.is_known(end + 1)) else end + 1

    def is_known(self, position: int) -> bool:
        """Whether a chunk stands there whose name is known and which ends inside the file."""
        found = self.header(position)
        if found is None or found[0] not in _KNOWN:
            return False
        return found[0] in _SOUND or position + self.header_bytes + found[1] <= self.size

    def lead_to_end(self, position: int) -> bool:
        """Whether chunks follow each other from there to the end of the file."""
        for _ in range(MAX_PARTS):
            if position >= self.size:
                return position - self.size <= (7 if self.is_wave64 else 1)
            found = self.header(position)
            if found is None:
                return False
            position = self.after(position, found[1])
        return False

    def start_of_tail(self, start: int) -> int:
        """Where the chunks behind sound that reaches to the end begin; the size of the file where there are none."""
        first = max(start, self.size - _TAIL_BYTES)
        tail = self.bytes_at(first, _TAIL_BYTES)
        places: set[int] = set()
        for name in _KNOWN - _SOUND:
            at = tail.find(name)
            while at >= 0 and len(places) < MAX_PARTS:
                places.add(first + at)
                at = tail.find(name, at + 1)
        return next((place for place in sorted(places) if self.is_known(place) and self.lead_to_end(place)), self.size)

    def is_sound(self, start: int, claimed: int) -> bool:
        """Whether what is left from there on may be sound: no tag, not only zeros, and more than a writer's crumbs."""
        rest = self.size - start
        head = self.bytes_at(start, _TAIL_BYTES)
        if (
            rest <= max(8, min(_CRUMBS_BYTES, claimed // 100))
            or head[:3] == b"ID3"
            or head[:8] == b"APETAGEX"
            or (rest <= ID3V1_BYTES and head[:3] == b"TAG")
        ):
            return False
        return rest > len(head) or any(head)


def find_sound(file: BinaryIO, kind: Kind, offset: int = 0, *, is_big: bool = False) -> Layout:
    """Walks the chunks and mends what their sizes get wrong.

    Args:
        file: Open for reading; its position is lost.
        kind: WAV, RF64, AIFF or W64.
        offset: Where the file's first chunk starts.
        is_big: True for RIFX.
    """
    chunks = _Chunks(file, kind, is_big or kind == Kind.AIFF)
    lead = 8 if kind == Kind.AIFF else 0
    position = offset + (40 if kind == Kind.W64 else 12)
    is_plain, is_beyond = chunks.bytes_at(offset, 4) != b"BW64", False
    spans: list[Span] = []
    format_body, claimed_bytes, long_size = b"", 0, None
    for _ in range(MAX_PARTS):
        found = chunks.header(position) if position < chunks.size else None
        if found is None:
            break
        name, length = found
        if name in _OUTERMOST:
            is_plain = False  # Another file, joined to this one.
            break
        start = position + chunks.header_bytes
        if name == b"ds64" and len(body := chunks.bytes_at(start, 16)) == 16:
            (long_size,) = struct.unpack("<8xQ", body)
        elif name in (b"fmt ", b"COMM") and not format_body:
            format_body = chunks.bytes_at(start, min(length, 4096))
            is_plain &= not spans
        if name == b"LIST" and chunks.bytes_at(start, 4) == b"wavl":
            position, is_plain = start + 4, False
            continue
        if name in _SOUND:
            is_long = chunks.is_wave64
            if length == 0xFFFF_FFFF and long_size is not None:
                length, is_long = long_size, True
            end, is_beyond_here = _end_of_sound(chunks, start, length, lead, is_long)
            is_plain &= not spans and not is_beyond_here and length < ENDLESS_FROM
            is_plain &= length < UNKNOWN_FROM or end == min(start + length, chunks.size)
            is_beyond |= is_beyond_here
            spans.append(Span(start, end))
            claimed_bytes += length
            length = end - start
        following = chunks.after(position, length)
        is_plain &= following == start + length + (length & 1) or chunks.is_wave64
        position = following
    # In Wave64, libsndfile takes floats that are described at length for integers.
    is_plain &= not (chunks.is_wave64 and format_body[:2] == _EXTENSIBLE)
    return Layout(tuple(spans), format_body, claimed_bytes, is_beyond, is_plain)


def _end_of_sound(chunks: _Chunks, start: int, claimed: int, lead: int, is_long: bool) -> tuple[int, bool]:
    """Where the sound of a chunk ends, and whether that is beyond its claim."""
    end = start + claimed
    if end >= chunks.size:
        is_open = claimed >= UNKNOWN_FROM and (not is_long or claimed >= ENDLESS_FROM)
        return (chunks.start_of_tail(start) if is_open else chunks.size), False
    following = chunks.after(start - chunks.header_bytes, claimed)
    if following >= chunks.size or chunks.is_known(following) or chunks.lead_to_end(following):
        return end, False
    if not chunks.is_sound(end, claimed):
        return end, False
    if not is_long and claimed > lead and chunks.size - end >= _WRAP_BYTES:
        wrapped = end + (chunks.size - end) // _WRAP_BYTES * _WRAP_BYTES
        if chunks.size - wrapped <= 8 or chunks.lead_to_end(wrapped + (wrapped & 1)):
            return wrapped, True
    return chunks.start_of_tail(max(start + lead, end)), True
