"""Damage of every kind, done to real containers: for the fuzz runs."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

Random = np.random.Generator
Mutation = Callable[[bytes, Random], bytes]

# Where structures begin: four letters, as RIFF, AIFF, MP4, ID3 and Ogg write them.
_STRUCTURE = re.compile(rb"[A-Za-z0-9\xa9 ]{4}")
_LIES = (0, 1, 0x7F, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def _somewhere(data: bytes, random: Random) -> int:
    """A place in the file; headers and ends more often than the audio between."""
    size = max(1, len(data))
    return int(random.integers({0: size, 1: min(size, 200), 2: min(size, 6000)}.get(int(random.integers(4)), size)))


def truncate(data: bytes, random: Random) -> bytes:
    """Ends anywhere."""
    return data[: _somewhere(data, random)]


def truncate_at_structure(data: bytes, random: Random) -> bytes:
    """Ends right before, in, or right after the name of a structure."""
    places = [found.start() for found in _STRUCTURE.finditer(data[:8000])] or [0]
    return data[: places[int(random.integers(len(places)))] + int(random.integers(0, 9))]


def flip(data: bytes, random: Random) -> bytes:
    """A few bytes become others."""
    changed = bytearray(data)
    for _ in range(int(random.choice([1, 2, 4, 24]))):
        changed[_somewhere(data, random)] = int(random.integers(256))
    return bytes(changed)


def lie(data: bytes, random: Random) -> bytes:
    """Numbers in headers become extreme: sizes, counts, rates."""
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        width = int(random.choice([1, 2, 4, 8]))
        value = int(random.choice(_LIES)) & ((1 << (8 * width)) - 1)
        at = int(random.integers(min(len(data), 4000)))
        changed[at : at + width] = value.to_bytes(width, "little" if random.integers(2) else "big")
    return bytes(changed[: len(data)])


def lie_about_size(data: bytes, random: Random) -> bytes:
    """The number right after the name of a structure becomes extreme."""
    places = [found.end() for found in _STRUCTURE.finditer(data[:8000])] or [0]
    at = places[int(random.integers(len(places)))]
    return data[:at] + int(random.choice(_LIES)).to_bytes(4, "little" if random.integers(2) else "big") + data[at + 4 :]


def remove(data: bytes, random: Random) -> bytes:
    """A piece is missing."""
    at = _somewhere(data, random)
    return data[:at] + data[at + int(random.integers(1, 5000)) :]


def insert(data: bytes, random: Random) -> bytes:
    """Noise in between."""
    at = _somewhere(data, random)
    return data[:at] + random.bytes(int(random.integers(1, 3000))) + data[at:]


def repeat(data: bytes, random: Random) -> bytes:
    """A piece stands there again and again: structures in structures, tags after tags."""
    at, length = _somewhere(data, random), int(random.integers(1, 400))
    return data[:at] + data[at : at + length] * int(random.integers(2, 200)) + data[at:]


def zero(data: bytes, random: Random) -> bytes:
    """A piece is zeros, as a disk leaves it."""
    at, length = _somewhere(data, random), int(random.integers(1, 9000))
    return data[:at] + bytes(min(length, len(data) - at)) + data[at + length :]


def behind_another(data: bytes, random: Random) -> bytes:
    """The head of the file belongs to something else."""
    heads = (b"RIFF\xff\xff\xff\xffWAVE", b"fLaC", b"OggS\0\x02", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"\0\0\0\x20ftypM4A ")
    return heads[int(random.integers(len(heads)))] + data[int(random.integers(0, 64)) :]


def nest(data: bytes, random: Random) -> bytes:
    """MP4 atoms inside atoms inside atoms."""
    inner = data[:2000]
    for _ in range(int(random.integers(10, 3000))):
        inner = (len(inner) + 8).to_bytes(4) + b"moov" + inner
    return data[: int(random.integers(0, 40))] + inner


def empty(data: bytes, random: Random) -> bytes:
    """Nothing is left."""
    return b""


MUTATIONS: tuple[Mutation, ...] = (
    truncate,
    truncate_at_structure,
    flip,
    lie,
    lie_about_size,
    remove,
    insert,
    repeat,
    zero,
    behind_another,
    nest,
    empty,
)


def mutate(data: bytes, random: Random) -> bytes:
    """Damages a file, in one way mostly, so that much of it still makes sense."""
    for _ in range(int(random.choice([1, 1, 1, 2, 3]))):
        mutation = MUTATIONS[int(random.integers(len(MUTATIONS) - 1))] if random.integers(50) else empty
        if data:
            data = mutation(data, random)
    return data
