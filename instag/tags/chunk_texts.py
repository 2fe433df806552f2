"""Texts that WAV and AIFF files keep in chunks of their own: shown, and never written."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from instag.containers import Kind, StructureError
from instag.containers.iff import HEADER_BYTES, Chunk, read_form

_LONGEST_BYTES = 1 << 20
_AIFF_TEXTS = {b"NAME": "NAME", b"AUTH": "AUTH", b"(c) ": "(c)", b"ANNO": "ANNO"}
# The fixed fields of a Broadcast Wave description (EBU Tech 3285), and where they end.
_BEXT_FIELDS = (("Description", 256), ("Originator", 288), ("OriginatorReference", 320), ("OriginationDate", 330))
_BEXT_HISTORY_START = 602


def read_chunk_texts(file: BinaryIO, kind: Kind) -> Iterator[tuple[str, str]]:
    """Names and texts of the LIST INFO and bext chunks of a WAV file, or of the text chunks of an AIFF file."""
    try:
        chunks = read_form(file, kind).chunks
    except StructureError:
        return
    for chunk in chunks:
        if chunk.body.length > _LONGEST_BYTES:
            continue
        if kind == Kind.AIFF and chunk.name in _AIFF_TEXTS:
            yield _AIFF_TEXTS[chunk.name], _text(_body(file, chunk))
        elif kind == Kind.WAV and chunk.name == b"bext":
            yield from _bext(_body(file, chunk))
        elif kind == Kind.WAV and chunk.name == b"LIST":
            yield from _info(_body(file, chunk))


def _body(file: BinaryIO, chunk: Chunk) -> bytes:
    file.seek(chunk.body.start)
    return file.read(chunk.body.length)


def _text(data: bytes) -> str:
    """Text up to the first zero, in UTF-8 or, where it is none, in Latin-1."""
    data = data.split(b"\0", 1)[0]
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError:
        return data.decode("latin-1").strip()


def _bext(data: bytes) -> Iterator[tuple[str, str]]:
    start = 0
    for name, end in _BEXT_FIELDS:
        text = _text(data[start:end])
        if text:
            yield f"bext:{name}", text
        start = end
    history = _text(data[_BEXT_HISTORY_START:])
    if history:
        yield "bext:CodingHistory", history


def _info(data: bytes) -> Iterator[tuple[str, str]]:
    if data[:4] != b"INFO":
        return
    offset = 4
    while offset + HEADER_BYTES <= len(data):
        name, length = struct.unpack_from("<4sI", data, offset)
        start = offset + HEADER_BYTES
        yield f"INFO:{name.decode('latin-1').strip()}", _text(data[start : start + length])
        offset = start + length + (length & 1)
