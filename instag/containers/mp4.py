"""Atoms of MP4 files, and where the samples lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from instag.containers import MAX_PARTS, Span, StructureError, file_size, read_exactly, too_many

_CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta", b"ilst", b"moof", b"traf", b"mfra"))
_DEEPEST = 12
# A table of chunk offsets for a thousand hours is far smaller than this.
_LARGEST_TABLE = 64 << 20


@dataclass(frozen=True)
class Atom:
    """One atom (box).

    Attributes:
        name: Its four bytes.
        span: Where it lies, header included.
        header_bytes: 8, or 16 where the size has 64 bits.
        to_the_end: Its size field is 0: it goes to the end of the file.
        children: What it contains, where it is a container that is looked into.
    """

    name: bytes
    span: Span
    header_bytes: int
    to_the_end: bool
    children: tuple[Atom, ...]

    @property
    def body(self) -> Span:
        """The atom without its header."""
        return Span(self.span.start + self.header_bytes, self.span.end)

    def child(self, name: bytes) -> Atom | None:
        """The first child of a name."""
        return next((atom for atom in self.children if atom.name == name), None)

    def everything(self, name: bytes) -> Iterator[Atom]:
        """All atoms of a name, at any depth below this one."""
        for atom in self.children:
            if atom.name == name:
                yield atom
            yield from atom.everything(name)


def atom_bytes(name: bytes, content: bytes) -> bytes:
    """An atom with a 32-bit size."""
    return struct.pack(">I4s", 8 + len(content), name) + content


def read_atoms(file: BinaryIO) -> tuple[Atom, ...]:
    """Walks the atoms of a file; they must fill it exactly.

    Raises:
        StructureError: They do not.
    """
    budget = [MAX_PARTS]
    atoms = _children(file, Span(0, file_size(file)), 0, budget)
    if not any(atom.name == b"moov" for atom in atoms):
        raise StructureError("has no 'moov' atom")
    return atoms


def _children(file: BinaryIO, span: Span, depth: int, budget: list[int]) -> tuple[Atom, ...]:
    if depth > _DEEPEST:
        raise StructureError("has atoms nested deeper than can be")
    atoms: list[Atom] = []
    offset = span.start
    while offset < span.end:
        budget[0] -= 1
        if budget[0] < 0:
            raise too_many("atoms")
        if span.end - offset < 8:
            raise StructureError(f"has {span.end - offset} stray bytes at {offset} where an atom should start")
        file.seek(offset)
        size, name = struct.unpack(">I4s", file.read(8))
        header_bytes, to_the_end = 8, False
        if size == 1:
            (size,) = struct.unpack(">Q", read_exactly(file, offset + 8, 8, "an atom"))
            header_bytes = 16
        elif size == 0 and depth == 0:
            size, to_the_end = span.end - offset, True
        if not header_bytes <= size <= span.end - offset:
            raise StructureError(
                f"has an atom {name.decode('latin-1')!a} at {offset} that claims {size} bytes where "
                f"{span.end - offset} are"
            )
        inside = Span(offset + header_bytes, offset + size)
        if name == b"meta":
            children = _meta_children(file, inside, depth, budget)
        elif name in _CONTAINERS:
            children = _children(file, inside, depth + 1, budget)
        else:
            children = ()
        atoms.append(Atom(name, Span(offset, offset + size), header_bytes, to_the_end, children))
        offset += size
    return tuple(atoms)


def _meta_children(file: BinaryIO, inside: Span, depth: int, budget: list[int]) -> tuple[Atom, ...]:
    # ISO files have a version before the children, QuickTime files have none; whoever sees no 'hdlr' looks away.
    if inside.length >= 12 and read_exactly(file, inside.start + 8, 4, "an atom") == b"hdlr":
        return _children(file, Span(inside.start + 4, inside.end), depth + 1, budget)
    return ()


def offset_table(file: BinaryIO, atom: Atom) -> NDArray[np.uint64]:
    """Chunk offsets of an 'stco' or 'co64' atom: (chunks,) uint64.

    Raises:
        StructureError: The table is longer than its atom.
    """
    if atom.body.length > _LARGEST_TABLE:
        raise StructureError("has a table of chunk offsets larger than can be")
    data = read_exactly(file, atom.body.start, atom.body.length, "a table of chunk offsets")
    kind = np.dtype(">u4" if atom.name == b"stco" else ">u8")
    count = int.from_bytes(data[4:8])
    if len(data) < 8 or len(data) - 8 < count * kind.itemsize:
        raise StructureError("has a table of chunk offsets that is longer than its atom")
    return np.frombuffer(data, kind, count, 8).astype(np.uint64)


def chunk_positions(file: BinaryIO, atoms: tuple[Atom, ...]) -> list[NDArray[np.int64]]:
    """For each table of chunk offsets, where its chunks lie counted from the start of the 'mdat' that they lie in.

    Tagging may move the audio as a whole; these stay the same if and only if every offset moved with it.

    Returns:
        One (chunks, 2) int64 array a table: number of the 'mdat' (-1: in none), and position inside it.
    """
    bodies = [atom.body for atom in atoms if atom.name == b"mdat"]
    starts = np.array([body.start for body in bodies], np.int64)
    ends = np.array([body.end for body in bodies], np.int64)
    tables: list[NDArray[np.int64]] = []
    for moov in (atom for atom in atoms if atom.name == b"moov"):
        for name in (b"stco", b"co64"):
            for atom in moov.everything(name):
                offsets = offset_table(file, atom).astype(np.int64)
                which = np.searchsorted(starts, offsets, side="right") - 1
                inside = which >= 0
                inside[inside] = offsets[inside] < ends[which[inside]]
                which[~inside] = -1
                base = np.where(inside, starts[which] if len(starts) else 0, 0)
                tables.append(np.stack([which, offsets - base], axis=1))
    return tables


def audio_spans(file: BinaryIO) -> list[Span]:
    """The contents of all 'mdat' atoms, as far as the file goes, whatever else is damaged.

    Raises:
        StructureError: There is none.
    """
    size = file_size(file)
    spans: list[Span] = []
    offset = 0
    for _ in range(MAX_PARTS):
        file.seek(offset)
        header = file.read(16)
        if len(header) < 8:
            break
        length, name = struct.unpack(">I4s", header[:8])
        header_bytes = 8
        if length == 1 and len(header) == 16:
            length, header_bytes = int.from_bytes(header[8:]), 16
        elif length == 0:
            length = size - offset
        if length < header_bytes:
            break
        if name == b"mdat":
            spans.append(Span(offset + header_bytes, min(size, offset + length)))
        offset += length
        if offset >= size:
            break
    if not spans:
        raise StructureError("has no 'mdat' atom")
    return spans
