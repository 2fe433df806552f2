"""The comment packet of Ogg Vorbis, Opus, Speex and Ogg FLAC files."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import BinaryIO

from mutagen.ogg import OggPage

from instag.containers import (
    MAX_TAG_BYTES,
    Kind,
    Span,
    StructureError,
    TooLargeError,
    UnsupportedError,
    ogg,
)
from instag.containers.flac import MAX_BLOCK_BYTES
from instag.tags.edits import Edit
from instag.tags.fields import Change
from instag.tags.reading import mutagen_errors
from instag.tags.vorbis import parse_comments

_SEGMENTS_A_PAGE = 255


class OggStore:
    """The comment packet of the first logical stream of an Ogg file."""

    missing: tuple[str, ...] = ()

    def __init__(self, file: BinaryIO, kind: Kind) -> None:
        self._file = file
        self._kind = kind
        with mutagen_errors():
            self._pages = _comment_pages(file)
        self._spans = [Span(int(page.offset or 0), int(page.offset or 0) + page.size) for page in self._pages]
        packet = b"".join(page.packets[0] for page in self._pages)
        self._after = self._pages[-1].packets[1:]
        start = {Kind.OGG_VORBIS: 7, Kind.OGG_OPUS: 8, Kind.OGG_SPEEX: 0, Kind.OGG_FLAC: 4}[kind]
        self._prefix = packet[:start]
        wanted = {Kind.OGG_VORBIS: b"\x03vorbis", Kind.OGG_OPUS: b"OpusTags"}.get(kind, b"")
        if not self._prefix.startswith(wanted):
            raise StructureError("has no comment packet after its first page")
        self._comments = parse_comments(packet[start:])
        self.fields = self._comments.fields

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change; later pages get new numbers where there are more comment pages or fewer."""
        content = self._comments.changed(change).to_bytes()
        prefix = self._prefix
        if self._kind == Kind.OGG_FLAC:
            if len(content) > MAX_BLOCK_BYTES:
                raise UnsupportedError("has no room for more in its Vorbis comment")
            prefix = prefix[:1] + len(content).to_bytes(3)
        old, new = self._pages, _repaginated(self._pages, [prefix + content, *self._after])
        # Pages of other streams may lie between these, so each page is replaced where it stands.
        edits = [
            Edit(span.start, span.end, new[i].write() if i < len(new) else b"") for i, span in enumerate(self._spans)
        ]
        extra = b"".join(page.write() for page in new[len(old) :])
        edits[-1] = Edit(edits[-1].start, edits[-1].end, edits[-1].content + extra)
        return [*edits, *self._renumbered(len(new) - len(old))]

    def _renumbered(self, shift: int) -> list[Edit]:
        """New sequence numbers and checksums for the pages after the comments."""
        edits: list[Edit] = []
        for page in ogg.pages(self._file) if shift else ():
            if page.serial == self._pages[0].serial and page.span.start >= self._spans[-1].end:
                self._file.seek(page.span.start)
                with mutagen_errors():
                    whole = _whole_page(self._file)
                whole.sequence += shift
                start = page.span.start + 18
                edits.append(Edit(start, start + 8, whole.write()[18:26]))
        return edits


def _comment_pages(file: BinaryIO) -> list[OggPage]:
    """The pages from the one where the comment packet starts to the one where it ends."""
    file.seek(0)
    first = _whole_page(file)
    if not (first.first and first.complete and len(first.packets) == 1):
        raise StructureError("does not start with a page for the header packet alone")
    found: list[OggPage] = []
    size = 0
    while not found or not (found[-1].complete or len(found[-1].packets) > 1):
        page = _whole_page(file)
        if page.serial == first.serial:
            if page.first or page.continued == (not found) or not page.packets:
                raise StructureError("has damaged pages of comments")
            found.append(page)
            size += page.size
        if size > MAX_TAG_BYTES:
            raise TooLargeError(f"has more than the {MAX_TAG_BYTES} bytes of comments that are read")
    return found


def _whole_page(file: BinaryIO) -> OggPage:
    """The page at the position of the file; one with a wrong checksum is damaged, and a new one would hide that."""
    start = file.tell()
    page = OggPage(file)
    end = file.tell()
    file.seek(start)
    if file.read(end - start) != page.write():
        raise StructureError(f"has a page with a wrong checksum at {start}")
    return page


def _repaginated(old: list[OggPage], packets: list[bytes]) -> list[OggPage]:
    """Pages for the packets: as many as before, and filled as before but for the last, wherever that is possible."""
    lacing: list[int] = []
    for packet in packets:
        lacing.extend([255] * (len(packet) // 255))
        lacing.append(len(packet) % 255)
    if not old[-1].complete and lacing[-1] == 0:
        lacing.pop()
    # Pages before the last one stay as full as they are, whether the comments grow or shrink: so `untag` finds the way
    # back to the pages that were there.
    counts: list[int] = []
    left = len(lacing)
    for room in itertools.chain((_segments(page) for page in old[:-1]), itertools.repeat(_SEGMENTS_A_PAGE)):
        if not left:
            break
        counts.append(min(room, left))
        left -= counts[-1]
    data = b"".join(packets)
    pages: list[OggPage] = []
    segment = position = 0
    for number, count in enumerate(counts):
        page = OggPage()
        page.serial, page.sequence = old[0].serial, old[0].sequence + number
        page.continued = bool(pages) and not pages[-1].complete
        page.packets = [b""]
        for i in range(segment, segment + count):
            page.packets[-1] += data[position : position + lacing[i]]
            position += lacing[i]
            if lacing[i] < 255 and i + 1 < segment + count:
                page.packets.append(b"")
        segment += count
        page.complete = lacing[segment - 1] < 255
        page.position = 0 if page.complete or len(page.packets) > 1 else -1
        if len(counts) == len(old):
            page.position = old[number].position
        pages.append(page)
    pages[-1].last, pages[-1].position = old[-1].last, old[-1].position
    return pages


def _segments(page: OggPage) -> int:
    """How many segments a page has."""
    count = sum(len(packet) // 255 + 1 for packet in page.packets)
    return count - (not page.complete and len(page.packets[-1]) % 255 == 0)
