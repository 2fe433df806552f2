"""The Vorbis comment block of FLAC files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from instag.containers import Span, UnsupportedError, check_tag_block, flac, read_tag_block
from instag.tags.edits import Edit
from instag.tags.fields import Change
from instag.tags.vorbis import Comments, parse_comments

NEW_BLOCK = "vorbis-comment"
_NEW_VENDOR = b"instag"


class FlacStore:
    """The Vorbis comment block of a FLAC file."""

    def __init__(self, file: BinaryIO) -> None:
        self._layout = flac.read_layout(file)
        check_tag_block(file, Span(0, self._layout.audio_start), "its metadata blocks")
        self._block = self._layout.first(flac.VORBIS_COMMENT)
        self._comments = Comments(_NEW_VENDOR, (), b"")
        if self._block:
            self._comments = parse_comments(read_tag_block(file, self._block.body, "its Vorbis comment"))
        self.fields = self._comments.fields
        self.missing: tuple[str, ...] = () if self._block else (NEW_BLOCK,)

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change. Padding stays, so that `untag` gives the same bytes again."""
        comments = self._comments.changed(change)
        content = comments.to_bytes()
        if len(content) > flac.MAX_BLOCK_BYTES:
            raise UnsupportedError("has no room for more in its Vorbis comment")
        if self._block is None:
            before = self._layout.blocks[0]
            start = before.span.end
            new = Edit(start, start, flac.block_header(flac.VORBIS_COMMENT, len(content), last=before.last) + content)
            return [_header_edit(before, last=False), new] if before.last else [new]
        if NEW_BLOCK in change.drop and not comments.items and not comments.rest and comments.vendor == _NEW_VENDOR:
            gone = Edit(self._block.span.start, self._block.span.end, b"")
            if not self._block.last:
                return [gone]
            before = self._layout.blocks[self._layout.blocks.index(self._block) - 1]
            return [_header_edit(before, last=True), gone]
        header = flac.block_header(flac.VORBIS_COMMENT, len(content), last=self._block.last)
        return [Edit(self._block.span.start, self._block.span.end, header + content)]


def _header_edit(block: flac.Block, *, last: bool) -> Edit:
    start = block.span.start
    return Edit(start, start + 4, flac.block_header(block.code, block.body.length, last=last))
