"""ID3v2 tags as bytes: header, frames, padding. Nothing is decoded that need not be, so that nothing is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from instag.containers import MAX_PARTS, StructureError, UnsupportedError, too_many, unpack

HEADER_BYTES = 10
# Of an ID3v1 tag, which is no relation but in name: it stands at the end.
ID3V1_BYTES = 128
_MOST_COPIED_BYTES = 16 << 30
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


@dataclass(frozen=True)
class Frame:
    """One frame of a tag, as it stands there.

    Attributes:
        name: Four bytes, three in ID3v2.2.
        flags: The two flag bytes, 0 in ID3v2.2.
        body: What follows the frame's header.
        raw: The whole frame.
    """

    name: bytes
    flags: int
    body: bytes
    raw: bytes


@dataclass(frozen=True)
class Tag:
    """One ID3v2 tag.

    Attributes:
        version: 2, 3 or 4.
        revision: Second version byte.
        flags: Flag byte of the header.
        extended: The extended header, or nothing.
        frames: The frames in order.
        padding: What follows the last frame.
        plain_sizes: An ID3v2.4 tag whose frame sizes are plain integers, as iTunes once wrote them.
    """

    version: int
    revision: int
    flags: int
    extended: bytes
    frames: tuple[Frame, ...]
    padding: bytes
    plain_sizes: bool = False


def synchsafe(value: int) -> bytes:
    """Four bytes of seven bits each."""
    if not 0 <= value < 1 << 28:
        raise UnsupportedError("would get an ID3v2 tag of more than 256 MB")
    return bytes((value >> shift) & 0x7F for shift in (21, 14, 7, 0))


def from_synchsafe(data: bytes) -> int:
    """The number in four bytes of seven bits each.

    Raises:
        StructureError: A byte has its eighth bit set.
    """
    if len(data) != 4 or any(byte & 0x80 for byte in data):
        raise StructureError("has an ID3v2 tag whose size is not valid")
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def tag_length(file: BinaryIO, offset: int) -> int:
    """Length of the ID3v2 tag at an offset, header and footer included; 0 where there is none."""
    file.seek(offset)
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[:3] != b"ID3" or header[3] == 0xFF or any(b & 0x80 for b in header[6:]):
        return 0
    footer = HEADER_BYTES if header[3] >= 4 and header[5] & _FOOTER else 0
    return HEADER_BYTES + from_synchsafe(header[6:]) + footer


def leading_tags_end(file: BinaryIO, offset: int = 0) -> int:
    """Where the ID3v2 tags at the start of a file, or at an offset in it, end (some files have several)."""
    for _ in range(64):
        length = tag_length(file, offset)
        if not length:
            break
        offset += length
    return offset


def remove_unsynchronisation(data: bytes) -> bytes:
    """Undoes the scheme that keeps 0xFF bytes from looking like the start of audio."""
    return data.replace(b"\xff\x00", b"\xff")


def apply_unsynchronisation(data: bytes) -> bytes:
    """Puts a zero after every 0xFF that could be taken for the start of audio."""
    coded = re.sub(rb"\xff(?=[\x00\xe0-\xff])", b"\xff\x00", data)
    return coded + b"\x00" if coded.endswith(b"\xff") else coded


def parse_tag(data: bytes) -> Tag:
    """Takes a tag apart so that `build_tag` gives the same bytes again.

    Args:
        data: The tag with header, and footer where it has one.

    Raises:
        StructureError: The tag cannot be taken apart, or not put together again without a change.
    """
    if len(data) < HEADER_BYTES or data[:3] != b"ID3":
        raise StructureError("has no ID3v2 header where one should be")
    version, revision, flags = data[3], data[4], data[5]
    if version not in (2, 3, 4):
        raise UnsupportedError(f"has an ID3v2.{version} tag; only 2.2, 2.3 and 2.4 are known")
    if flags & {2: 0x7F, 3: 0x1F, 4: 0x0F}[version]:
        raise UnsupportedError(f"has an ID3v2.{version} tag with unknown flags")
    content = data[HEADER_BYTES : HEADER_BYTES + from_synchsafe(data[6:10])]
    if version < 4 and flags & _UNSYNCHRONISED:
        content = remove_unsynchronisation(content)
    extended = _extended_header(content, version) if version > 2 and flags & _EXTENDED else b""
    content = content[len(extended) :]
    walks = [_walk(content, version, plain=False)]
    if version == 4 and not walks[0][2]:
        walks.append(_walk(content, version, plain=True))
    for plain, (frames, padding, clean) in enumerate(walks):
        if clean:
            tag = Tag(version, revision, flags, extended, frames, padding, plain_sizes=bool(plain))
            if build_tag(tag) != data:
                raise UnsupportedError("has an ID3v2 tag that cannot be written again without a change")
            return tag
    raise StructureError("has an ID3v2 tag with a damaged frame")


def build_tag(tag: Tag) -> bytes:
    """The tag as bytes."""
    content = tag.extended + b"".join(frame.raw for frame in tag.frames) + tag.padding
    if tag.version < 4 and tag.flags & _UNSYNCHRONISED:
        content = apply_unsynchronisation(content)
    rest = bytes((tag.version, tag.revision, tag.flags)) + synchsafe(len(content))
    footer = b"3DI" + rest if tag.version == 4 and tag.flags & _FOOTER else b""
    return b"ID3" + rest + content + footer


def _extended_header(content: bytes, version: int) -> bytes:
    if re.match(rb"[A-Z][A-Z0-9]{3}", content):
        # Some tagger sets the flag and goes on with the first frame; no extended header is as long as that name says.
        return b""
    if version == 3:
        (length,) = unpack(">I", content, 0, "the extended header of its ID3v2 tag")
        with_checksum = length >= 6 and len(content) > 4 and bool(content[4] & 0x80)
        length += 4
    else:
        length = from_synchsafe(content[:4])
        with_checksum = len(content) > 5 and bool(content[5] & 0x20)
    if not 6 <= length <= len(content):
        raise StructureError("has an ID3v2 tag with a damaged extended header")
    if with_checksum:
        raise UnsupportedError("has an ID3v2 tag with a checksum over its frames")
    return content[:length]


def _walk(content: bytes, version: int, *, plain: bool) -> tuple[tuple[Frame, ...], bytes, bool]:
    """Frames, padding, and whether the walk ended where frames end."""
    header = 6 if version == 2 else 10
    frames: list[Frame] = []
    offset = copied = 0
    while offset < len(content) and content[offset] != 0:
        if offset + header > len(content):
            return (), b"", False
        # mutagen copies all that follows at each frame; many frames in a large tag would keep it busy for hours.
        copied += len(content) - offset
        if len(frames) >= MAX_PARTS or copied > _MOST_COPIED_BYTES:
            raise too_many("frames of ID3v2 for their size")
        flags = 0
        if version == 2:
            name, size = content[offset : offset + 3], int.from_bytes(content[offset + 3 : offset + 6])
        else:
            name, field = content[offset : offset + 4], content[offset + 4 : offset + 8]
            flags = int.from_bytes(content[offset + 8 : offset + 10])
            if version == 4 and not plain:
                if any(byte & 0x80 for byte in field):
                    return (), b"", False
                size = from_synchsafe(field)
            else:
                size = int.from_bytes(field)
        end = offset + header + size
        # Names are capitals and digits; some taggers put a zero or a blank after a three-letter name of ID3v2.2.
        if not re.fullmatch(rb"[A-Z0-9]{2,4}[ \x00]{0,2}", name) or end > len(content):
            return (), b"", False
        frames.append(Frame(name, flags, content[offset + header : end], content[offset:end]))
        offset = end
    return tuple(frames), content[offset:], True
