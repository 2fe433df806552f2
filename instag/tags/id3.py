"""ID3v2 tags at the start of MP3 and TTA files, and in a chunk of WAV and AIFF files.

The frames of others are carried over as bytes. Only instag's own frames are rendered, by mutagen.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from mutagen.id3 import ID3, TXXX, Encoding

from instag.containers import Kind, Span, StructureError, UnsupportedError, file_size, read_tag_block
from instag.containers.id3 import Frame, Tag, build_tag, from_synchsafe, parse_tag, remove_unsynchronisation, tag_length
from instag.containers.iff import AUDIO_CHUNK, HEADER_BYTES, Form, read_form
from instag.tags.edits import Edit, RawField
from instag.tags.fields import INSTRUMENT, OWN_KEYS, Change
from instag.tags.items import changed_items, fields_of

NEW_TAG, NEW_CHUNK, NEW_PAD = "id3v2", "chunk", "pad"
_PLAIN_SIZE_LIMIT = 128
_CODECS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}


class Id3Store:
    """The ID3v2 tag at the start of a file."""

    def __init__(self, file: BinaryIO) -> None:
        length = tag_length(file, 0)
        self._span = Span(0, length)
        self._tag = parse_tag(read_tag_block(file, self._span, "an ID3v2 tag")) if length else None
        self.fields = _fields(self._tag)
        self.missing: tuple[str, ...] = () if length else (NEW_TAG,)

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change."""
        content = _changed(self._tag, change, drop=NEW_TAG in change.drop)
        return [Edit(self._span.start, self._span.end, content)]


class Id3ChunkStore:
    """The ID3v2 tag in a chunk of a WAV or AIFF file."""

    def __init__(self, file: BinaryIO, kind: Kind) -> None:
        self._form: Form = read_form(file, kind)
        if not any(chunk.name == AUDIO_CHUNK[kind] for chunk in self._form.chunks):
            raise StructureError("has no chunk of audio data")
        self._size = file_size(file)
        self._name = b"ID3 " if kind == Kind.AIFF else b"id3 "
        chunks = [chunk for chunk in self._form.chunks if chunk.name.lower() == b"id3 "]
        if len(chunks) > 1:
            raise UnsupportedError("has more than one chunk of ID3 tags")
        self._chunk = chunks[0] if chunks else None
        self._tag: Tag | None = None
        self._rest = b""
        if self._chunk:
            data = read_tag_block(file, self._chunk.body, "its ID3 chunk")
            length = tag_length(file, self._chunk.body.start)
            self._tag, self._rest = parse_tag(data[:length]), data[length:]
        self.fields = _fields(self._tag)
        self.missing: tuple[str, ...] = ()
        if not self._chunk:
            self.missing = (NEW_CHUNK, NEW_PAD) if self._form.pad_missing else (NEW_CHUNK,)

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change."""
        form, chunk = self._form, self._chunk
        tag = _changed(self._tag, change, drop=NEW_CHUNK in change.drop and not self._rest)
        if chunk is None:
            pad = b"\x00" if form.pad_missing else b""
            edit = Edit(form.end, form.end, pad + self._rendered(self._name, tag))
        else:
            content = self._rendered(chunk.name, tag + self._rest) if tag + self._rest else b""
            start = chunk.header
            if not content and NEW_PAD in change.drop and chunk.end == form.end:
                start -= 1
            edit = Edit(start, chunk.end, content)
        claimed = form.claimed + len(edit.content) - (edit.end - edit.start)
        if claimed > 0xFFFFFFFF or self._size + claimed - form.claimed > 0xFFFFFFFF:
            raise UnsupportedError("would grow beyond the 4 GB of its format")
        return [Edit(4, HEADER_BYTES, form.size_field(claimed)), edit]

    def _rendered(self, name: bytes, content: bytes) -> bytes:
        return name + self._form.size_field(len(content)) + content + b"\x00" * (len(content) & 1)


def _fields(tag: Tag | None) -> tuple[RawField, ...]:
    if tag is None:
        return ()
    return fields_of((frame.raw for frame in tag.frames), partial(_field_in, tag))


def _field_in(tag: Tag, raw: bytes) -> RawField | None:
    """A frame of a tag as a field, where it is INSTRUMENT or instag's own."""
    frame = _frame_in(tag, raw)
    field = _field(tag, frame) if frame else None
    return field if field and field.key.upper() in OWN_KEYS | {INSTRUMENT} else None


def _frame_in(tag: Tag, raw: bytes) -> Frame | None:
    if not raw.startswith(b"TXX"):
        return None
    header = 6 if tag.version == 2 else 10
    size = raw[3:6] if tag.version == 2 else raw[4:8]
    plain = tag.version < 4 or tag.plain_sizes
    if len(raw) < header or len(raw) - header != (int.from_bytes(size) if plain else from_synchsafe(size)):
        return None
    name, flags = (raw[:3], 0) if tag.version == 2 else (raw[:4], int.from_bytes(raw[8:10]))
    return Frame(name, flags, raw[header:], raw)


def _field(tag: Tag, frame: Frame) -> RawField | None:
    """The frame as a field, where it is a text that a tagger made up (TXXX)."""
    if frame.name not in (b"TXXX", b"TXX"):
        return None
    body = frame.body
    unsynchronised = tag.version == 4 and (frame.flags & 0x02 or tag.flags & 0x80)
    if unsynchronised:
        body = remove_unsynchronisation(body)
    coded = frame.flags & (0x4D if tag.version == 4 else 0xE0)
    if coded or not body or body[0] not in _CODECS:
        return None
    wide = body[0] in (1, 2)
    text = body[1:]
    cut = _terminator(text, wide=wide)
    try:
        key = text[:cut].decode(_CODECS[body[0]])
        # Each value may bring its own byte order mark; those after the first stay in the text.
        joined = text[cut + 1 + wide :].decode(_CODECS[body[0]])
    except UnicodeDecodeError:
        return None
    values = [value.removeprefix("\ufeff") for value in joined.split("\0")]
    if len(values) > 1 and not values[-1]:
        values.pop()
    return RawField(key, tuple(values))


def _terminator(text: bytes, *, wide: bool) -> int:
    if not wide:
        cut = text.find(b"\0")
        return len(text) if cut < 0 else cut
    return next((i for i in range(0, len(text) - 1, 2) if text[i : i + 2] == b"\0\0"), len(text))


def _changed(found: Tag | None, change: Change, *, drop: bool) -> bytes:
    """The tag after the change; empty where it is to go and nothing is left in it."""
    tag = found or Tag(version=4, revision=0, flags=0, extended=b"", frames=(), padding=b"")

    def render(key: str, values: tuple[str, ...]) -> list[bytes]:
        frame = _render(tag.version, key, values)
        if tag.plain_sizes and len(frame.body) >= _PLAIN_SIZE_LIMIT:
            raise UnsupportedError("has an ID3v2.4 tag with wrongly written frame sizes, and no room for longer frames")
        return [frame.raw]

    raws = [frame.raw for frame in tag.frames]
    frames = changed_items(raws, change, partial(_field_in, tag), render)
    if drop and not frames and not tag.padding:
        return b""
    return build_tag(dataclasses.replace(tag, frames=tuple(Frame(b"", 0, b"", raw) for raw in frames)))


def _render(version: int, key: str, values: tuple[str, ...]) -> Frame:
    """A TXXX frame (TXX in ID3v2.2). Several values are parted by zeros in every version."""
    plain = all(text.isascii() for text in (key, *values))
    encoding = Encoding.LATIN1 if plain else Encoding.UTF8 if version == 4 else Encoding.UTF16
    holder = ID3()
    holder.add(TXXX(encoding=encoding, desc=key, text=list(values)))
    out = io.BytesIO()
    holder.save(out, v2_version=4 if version == 4 else 3, v23_sep=None, padding=lambda info: 0)
    (frame,) = parse_tag(out.getvalue()).frames
    if version > 2:
        return frame
    return Frame(b"TXX", 0, frame.body, b"TXX" + len(frame.body).to_bytes(3) + frame.body)
