"""Freeform atoms (`----`) in the list of an MP4 file's metadata (moov/udta/meta/ilst).

All other atoms are carried over as bytes. Where the audio moves, every table of offsets into it moves along.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from instag.containers import StructureError, UnsupportedError, file_size, read_exactly, read_tag_block, unpack
from instag.containers.mp4 import Atom, atom_bytes, offset_table, read_atoms
from instag.tags.edits import Edit, RawField, growth
from instag.tags.fields import INSTRUMENT, OWN_KEYS, Change
from instag.tags.items import changed_items, fields_of

NEW_UDTA, NEW_META = "udta", "meta"
_MEAN = b"com.apple.iTunes"
_UTF8 = 1
_HANDLER = atom_bytes(b"hdlr", b"\x00" * 8 + b"mdirappl" + b"\x00" * 9)
# Atoms that hold absolute positions which are not moved along here.
_UNMOVABLE = (b"saio", b"iloc")


class Mp4Store:
    """The metadata list of an MP4 file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._atoms = read_atoms(file)
        self._moov = next(atom for atom in self._atoms if atom.name == b"moov")
        if not any(atom.name == b"mdat" for atom in self._atoms):
            raise StructureError("has no 'mdat' atom")
        self._check_offsets()
        self._udta = self._moov.child(b"udta")
        self._meta = self._udta.child(b"meta") if self._udta else None
        self._ilst = self._meta.child(b"ilst") if self._meta else None
        if self._meta and not self._is_itunes(self._meta):
            raise UnsupportedError("has metadata of another kind than iTunes' where the tags should go")
        self._items: tuple[bytes, ...] = ()
        if self._ilst:
            block = read_tag_block(file, self._ilst.span, "its metadata list")
            start = self._ilst.span.start
            self._items = tuple(block[a.span.start - start : a.span.end - start] for a in self._ilst.children)
        self.fields = fields_of(self._items, _field)
        self.missing: tuple[str, ...] = ()
        if self._meta is None:
            self.missing = (NEW_META,) if self._udta else (NEW_UDTA, NEW_META)

    def _check_offsets(self) -> None:
        """Chunks behind the end of the file mean that audio is missing."""
        size = file_size(self._file)
        for name in (b"stco", b"co64"):
            for atom in self._moov.everything(name):
                offsets = offset_table(self._file, atom)
                if len(offsets) and int(offsets.max()) > size:
                    raise StructureError(f"has audio at {int(offsets.max())} by its tables and ends at {size}")

    def _is_itunes(self, meta: Atom) -> bool:
        handler = meta.child(b"hdlr")
        if handler is None or meta.child(b"ilst") is None:
            return False
        return read_exactly(self._file, handler.body.start, 12, "its metadata")[8:] == b"mdir"

    def edits(self, change: Change) -> Sequence[Edit]:
        """The edits that make the change."""
        items = b"".join(changed_items(self._items, change, _field, _render))
        edit, parents = self._replacement(items, change.drop)
        delta = growth([edit])
        edits = [edit]
        if delta:
            edits.extend(size for parent in parents if (size := self._size_edit(parent, delta)))
            edits.extend(self._moved_tables(edit.end, delta))
        return edits

    def _replacement(self, items: bytes, drop: tuple[str, ...]) -> tuple[Edit, list[Atom]]:
        """The edit of the list itself, and the atoms around it."""
        moov, udta, meta, ilst = self._moov, self._udta, self._meta, self._ilst
        if udta is None or meta is None or ilst is None:
            content = atom_bytes(b"meta", b"\x00" * 4 + _HANDLER + atom_bytes(b"ilst", items))
            parent = udta or moov
            end = self._end_of_children(parent)
            return Edit(end, end, content if udta else atom_bytes(b"udta", content)), [moov, udta] if udta else [moov]
        if not items and NEW_META in drop and self._is_as_made(meta):
            if NEW_UDTA in drop and udta.body == meta.span:
                return Edit(udta.span.start, udta.span.end, b""), [moov]
            return Edit(meta.span.start, meta.span.end, b""), [moov, udta]
        if ilst.header_bytes != 8:
            raise UnsupportedError("has a metadata list with a 64-bit size")
        return Edit(ilst.span.start, ilst.span.end, atom_bytes(b"ilst", items)), [moov, udta, meta]

    def _is_as_made(self, meta: Atom) -> bool:
        """Nothing but what this module put around the list."""
        around = read_tag_block(self._file, meta.body, "its metadata")[: 4 + len(_HANDLER)]
        return len(meta.children) == 2 and around == b"\x00" * 4 + _HANDLER

    def _end_of_children(self, parent: Atom) -> int:
        return parent.children[-1].span.end if parent.children else parent.body.start

    def _size_edit(self, atom: Atom, delta: int) -> Edit | None:
        if atom.to_the_end:
            return None
        start, size = atom.span.start, atom.span.length + delta
        if atom.header_bytes == 16:
            return Edit(start + 8, start + 16, struct.pack(">Q", size))
        if size > 0xFFFFFFFF:
            raise UnsupportedError("has no room for more in its metadata")
        return Edit(start, start + 4, struct.pack(">I", size))

    def _moved_tables(self, moved_from: int, delta: int) -> list[Edit]:
        """All offsets that point behind the change."""
        edits: list[Edit] = []
        for top in self._atoms:
            for name in _UNMOVABLE:
                if top.name == name or next(top.everything(name), None):
                    raise UnsupportedError(f"has an atom '{name.decode()}' with positions that would become wrong")
            if top.name == b"sidx" and top.span.end <= moved_from:
                raise UnsupportedError("has an index of segments before its metadata")
            for name in (b"stco", b"co64"):
                edits.extend(self._moved_table(atom, moved_from, delta) for atom in top.everything(name))
            for atom in top.everything(b"tfhd"):
                edits.extend(self._moved_fragment(atom, moved_from, delta))
            edits.extend(self._moved_index(atom, moved_from, delta) for atom in top.everything(b"tfra"))
        return edits

    def _moved_table(self, atom: Atom, moved_from: int, delta: int) -> Edit:
        offsets = offset_table(self._file, atom).astype(np.int64)
        offsets[offsets >= moved_from] += delta
        wide = atom.name == b"co64"
        if not wide and len(offsets) and int(offsets.max()) > 0xFFFFFFFF:
            raise UnsupportedError("would grow beyond the 4 GB that its 32-bit offsets reach")
        content = offsets.astype(">u8" if wide else ">u4").tobytes()
        start = atom.body.start + 8
        return Edit(start, start + len(content), content)

    def _moved_index(self, atom: Atom, moved_from: int, delta: int) -> Edit:
        """The index of fragments: times and positions, and numbers of various lengths."""
        data = bytearray(read_tag_block(self._file, atom.body, "an index of fragments"))
        _, lengths, count = unpack(">III", data, 4, "an index of fragments")
        field = 8 if data[0] == 1 else 4
        entry = 2 * field + sum((lengths >> shift & 3) + 1 for shift in (0, 2, 4))
        if 16 + count * entry > len(data):
            raise StructureError("has an index of fragments that is longer than its atom")
        for number in range(count):
            at = 16 + number * entry + field
            position = int.from_bytes(data[at : at + field])
            if position >= moved_from:
                data[at : at + field] = (position + delta).to_bytes(field)
        return Edit(atom.body.start, atom.body.end, bytes(data))

    def _moved_fragment(self, atom: Atom, moved_from: int, delta: int) -> list[Edit]:
        start = atom.body.start
        if not int.from_bytes(read_exactly(self._file, start, 4, "a fragment header")) & 1:
            return []
        base = int.from_bytes(read_exactly(self._file, start + 8, 8, "a fragment header"))
        return [Edit(start + 8, start + 16, (base + delta).to_bytes(8))] if base >= moved_from else []


def _parts(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents of the atoms inside an atom."""
    parts: list[tuple[bytes, bytes]] = []
    offset = 8
    while offset + 8 <= len(raw):
        size, name = struct.unpack_from(">I4s", raw, offset)
        if not 8 <= size <= len(raw) - offset:
            raise StructureError("has a damaged freeform atom")
        parts.append((name, raw[offset + 8 : offset + size]))
        offset += size
    return parts


def _field(raw: bytes) -> RawField | None:
    """A freeform atom of iTunes' as a field, where it is INSTRUMENT or instag's own."""
    if raw[4:8] != b"----" or int.from_bytes(raw[:4]) != len(raw):
        return None
    parts = _parts(raw)
    named = {name: content[4:] for name, content in parts if name in (b"mean", b"name")}
    key = named.get(b"name", b"").decode("utf-8", "replace")
    if named.get(b"mean") != _MEAN or key.upper() not in OWN_KEYS | {INSTRUMENT}:
        return None
    values: list[str] = []
    for name, content in parts:
        if name != b"data":
            continue
        try:
            if int.from_bytes(content[:4]) not in (0, _UTF8):
                return RawField(key, None)
            values.append(content[8:].decode("utf-8"))
        except UnicodeDecodeError:
            return RawField(key, None)
    return RawField(key, tuple(values))


def _render(key: str, values: tuple[str, ...]) -> list[bytes]:
    data = b"".join(atom_bytes(b"data", struct.pack(">II", _UTF8, 0) + value.encode()) for value in values)
    mean, name = atom_bytes(b"mean", b"\x00" * 4 + _MEAN), atom_bytes(b"name", b"\x00" * 4 + key.encode())
    return [atom_bytes(b"----", mean + name + data)]
