"""A changed file as a list of pieces, compared with another one without writing either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from instag.tags.edits import Edit

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Piece:
    """Bytes of a file from `start` to `end`, or those of `content` if that is not None."""

    start: int
    end: int
    content: bytes | None = None

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.end - self.start

    def part(self, start: int, end: int) -> Piece:
        """The bytes from `start` to `end`, counted from the start of the piece."""
        if self.content is None:
            return Piece(self.start + start, self.start + end)
        return Piece(0, end - start, self.content[start:end])

    def read(self, file: BinaryIO) -> bytes:
        """The bytes themselves."""
        if self.content is not None:
            return self.content
        file.seek(self.start)
        return file.read(self.length)


def spliced(pieces: Sequence[Piece], edits: Sequence[Edit]) -> list[Piece]:
    """The pieces after edits, whose places count in the file that the pieces make up."""
    left = list(reversed(pieces))
    result: list[Piece] = []
    position = 0

    def take(end: int, *, keep: bool) -> None:
        nonlocal position
        while left and position < end:
            piece = left.pop()
            length = min(piece.length, end - position)
            if length < piece.length:
                left.append(piece.part(length, piece.length))
            if keep:
                result.append(piece.part(0, length))
            position += length

    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        take(edit.start, keep=True)
        take(edit.end, keep=False)
        result.append(Piece(0, len(edit.content), edit.content))
    result.extend(reversed(left))
    return result


def are_equal(file: BinaryIO, one: Sequence[Piece], other: Sequence[Piece]) -> bool:
    """Whether two lists of pieces of one file make up the same bytes; what both take from one place is not read."""
    if sum(piece.length for piece in one) != sum(piece.length for piece in other):
        return False
    return all(a == b or a.read(file) == b.read(file) for a, b in _aligned(one, other))


def _aligned(one: Sequence[Piece], other: Sequence[Piece]) -> Iterator[tuple[Piece, Piece]]:
    """Pairs of pieces of equal lengths; those that have to be read are short."""
    lefts, rights = list(reversed(one)), list(reversed(other))
    while lefts and rights:
        left, right = lefts.pop(), rights.pop()
        length = min(left.length, right.length)
        if left.content is not None or right.content is not None or left.start != right.start:
            length = min(length, _BLOCK_BYTES)
        for piece, stack in ((left, lefts), (right, rights)):
            if piece.length > length:
                stack.append(piece.part(length, piece.length))
        if length:
            yield left.part(0, length), right.part(0, length)
